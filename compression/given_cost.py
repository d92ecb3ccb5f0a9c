"""What a variant that was made elsewhere costs: read from its files, counted where its weights can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..models import litert, openvino
from ..models.budget import bounded_memory
from ..models.foreign import STOPS, foreign, one_line
from ..models.language.changeable import is_language
from ..models.onnx_runtime import OnnxRuntime
from ..models.quantised import QuantisedRuntime
from ..models.rules import unruled
from ..models.torch_runtime import TorchRuntime
from ..told import tell
from . import cost, estimators
from .language_cost import kv_bytes_per_token, written
from .make import counted


def given_cost(
    original: Any, copy: Any, model: Any, files: Sequence[Path], rows: pa.RecordBatch, seed: int
) -> dict[str, Any]:
    """Measure a given variant as the ones made here are, as far as that can be.

    Parameters
    ----------
    original, copy, model : Model
        ``copy`` is a second copy of the original, the null arm of the timings.
    files : sequence of Path
        That hold the variant.
    rows : pyarrow.RecordBatch
        With the columns of original and variant.

    Returns
    -------
    dict
        As of a variant that was made here; what could not be measured is None, and said in ``notes``.
    """
    base = unruled(model)
    found = of_served(base) if base.served else of_files(base, files, rows)
    if paid(base) or paid(unruled(original)):
        return found | {"timings": [], "notes": [*found["notes"], untimed()]}
    alike = isinstance(base, type(unruled(original)))
    arms = (unruled(original), unruled(copy), base) if alike else (original, copy, model)
    batches = cost.Batches.of(unruled(original), rows)
    found["timings"] = cost.timings(*arms, batches, seed, whole=not alike)
    if is_language(base):
        found |= written(arms, rows, seed, {}, found["notes"])
    if not alike:
        found["notes"].append(
            tell(
                "Timed with all that each does to a row of the table, as it is of another kind than the "
                "original."
            )
        )
    return found


def paid(model: Any) -> bool:
    """Whether each request to a model may cost, as to a language model behind an address."""
    return bool(is_language(model) and model.served)


def untimed() -> str:
    """Say why a language model behind an address is not timed."""
    return tell(
        "Time: not measured: behind an address each request may cost, and its time is others' too. What the "
        "audit's own requests took stands beside the model."
    )


def of_served(model: Any) -> dict[str, Any]:
    """What is known of the size of a model that is served elsewhere: nothing, and why."""
    if paid(model):
        told = tell("Storage and parameters: not measured: served elsewhere.")
    else:
        told = tell(
            "Storage and parameters: not measured: served elsewhere. Its times are those of the address, "
            "with the network and whatever else the server does."
        )
    return {"notes": [told], "stored_bytes": None, "sparse_theoretical": True, "flops_method": ""}


def of_files(base: Any, files: Sequence[Path], rows: pa.RecordBatch) -> dict[str, Any]:
    """Bytes, numbers and operations of a model whose files are here."""
    found: dict[str, Any] = {"notes": [], "stored_bytes": sum(path.stat().st_size for path in files)}
    found |= {"sparse_theoretical": True, **dict.fromkeys(cost.COUNTS)}
    try:
        found |= _counts(base)
    except STOPS:
        raise
    except Exception as error:
        # A format of its own may hold weights in ways that no counter knows; that is no fault of the model.
        found["notes"].append(tell("Parameters: not measured: {why}", why=one_line(error)))
    found["notes"].append(
        tell("Memory of a process: not measured: fresh processes load artefacts that were made here.")
    )
    operations = _operations(base, rows)
    found["flops_method"] = ""
    if operations is not None:
        found["flops_per_row"], found["flops_method"] = operations
    if is_language(base):
        found["kv_bytes_per_token"] = kv_bytes_per_token(base)
    return found


def _operations(model: Any, rows: pa.RecordBatch) -> tuple[float | None, str] | None:
    try:
        return counted(model, rows.slice(0, 32).select(model.columns))
    except STOPS:
        raise
    except Exception:
        # Packed layers are not what the counter knows; the report then shows no operations.
        return None


def _counts(model: Any) -> dict[str, Any]:
    """Bytes and numbers of a model's weights.

    Raises
    ------
    ValueError
        Its weights are of a form that is not counted.
    """
    if is_language(model) and not hasattr(model.engine, "module"):
        told = model.engine.describe().get("parameters")
        if told is None:
            raise ValueError("its runtime does not tell them")
        return {"parameters": int(told)}
    if model.family == "sklearn":
        return _of(list(estimators.numbers(model.fitted)))
    if model.family == "scores":
        raise ValueError("a callable has none that can be counted")
    runtime: Any = model.runtime
    if isinstance(runtime, OnnxRuntime):
        return _of(cost.onnx_weights(runtime.path))
    if isinstance(runtime, litert.LiteRtRuntime):
        return _of(litert.weights_in(runtime.path))
    if isinstance(runtime, openvino.OpenVinoRuntime):
        with foreign(f"{runtime.path} is no OpenVINO model that can be read", loud=True), bounded_memory():
            return cost.of_constants(runtime.path)
    assert isinstance(runtime, TorchRuntime)
    packed: Any = runtime if isinstance(runtime, QuantisedRuntime) else getattr(model, "engine", None)
    if hasattr(packed, "parameters") and not _readable(runtime.module):
        return {"parameters": packed.parameters, "resident_bytes": _held(runtime.module)}
    return cost.of_module(runtime.module)


def _readable(module: Any) -> bool:
    """Whether every weight is a plain tensor or one of torchao's, which can be brought back to numbers."""
    return all(
        type(p).__module__.startswith(("torch", "torchao")) and (p.is_floating_point() or p.numel() == 0)
        for p in module.parameters()
    )


def _held(module: Any) -> int:
    """Bytes of a module's parameters and buffers, each storage once."""
    every = (*module.parameters(), *module.buffers())
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in every}.values())


def _of(arrays: Sequence[NDArray[Any]]) -> dict[str, Any]:
    arrays = [np.asarray(a) for a in arrays]
    if not arrays:
        raise ValueError("no weights were found in it")
    return cost.of_arrays(arrays)
