"""The artefact of a variant: a folder that loads again to the same decisions, and holds no pickle.

``variant.json`` says how the module is built, which steps brought it to its shape, how its inputs are
made and how its outputs become decisions; weights are safetensors, ONNX or skops.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.read import sha256_file
from ..models.estimator import EstimatorModel, one_line
from ..models.extras import optional
from ..models.inputs import load_inputs
from ..models.neural import Batching, Head, NeuralModel
from ..models.runtimes import OnnxRuntime, TorchRuntime, device_for
from ..models.sources import ExportedSource, load_source
from . import codec, weights
from .recipes import Family, find

FORMAT = 1
SPEC, WEIGHTS, ONNX, SKOPS, PROGRAM = (
    "variant.json",
    "model.safetensors",
    "model.onnx",
    "model.skops",
    "program.pt2",
)

Step = tuple[str, dict[str, Any]]
"""Name of a recipe that was applied, and its record."""


def family_of(model: Any) -> Family:
    """Which recipes a model can be given to; InputError for a model that cannot be compressed."""
    if isinstance(model, NeuralModel):
        if model.source is None:
            raise InputError(
                "compressions: an ONNX model is compiled already; give the torch model that it was made of"
            )
        return "torch"
    if isinstance(model, EstimatorModel):
        return "sklearn"
    raise InputError(
        "compressions: expected a model that can be changed (scikit-learn, torch or transformers), got "
        f"{type(model).__name__}"
    )


def save(model: NeuralModel | EstimatorModel, steps: Sequence[Step], folder: Path) -> str:
    """Write a model as an artefact; returns the sha256 of its weights.

    Parameters
    ----------
    steps : sequence of (recipe, record)
        In the order in which they were applied.
    """
    folder.mkdir(parents=True)
    spec: dict[str, Any] = {"format": FORMAT, "threshold": model.threshold}
    spec["steps"] = [{"recipe": name, "record": record} for name, record in steps]
    if isinstance(model, EstimatorModel):
        from .estimators import write

        spec |= write(model, folder)
    else:
        spec |= _write_neural(model, steps, folder)
    (folder / SPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return sha256_file(weights_file(folder))


def weights_file(folder: Path) -> Path:
    """The file of an artefact that holds its weights."""
    for name in (ONNX, WEIGHTS, SKOPS):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: not an artefact: expected one of {ONNX}, {WEIGHTS}, {SKOPS}")


def _write_neural(model: NeuralModel, steps: Sequence[Step], folder: Path) -> dict[str, Any]:
    spec = {
        "family": "torch",
        "source": model.source.spec(),
        "inputs": model.inputs.save(folder),
        "head": asdict(model.head),
        "batching": asdict(model.batching),
    }  # type: dict[str, Any]
    if isinstance(model.runtime, OnnxRuntime):
        shutil.copyfile(model.runtime.path, folder / ONNX)
        return spec | {"runtime": {"kind": "onnx"}}
    assert isinstance(model.runtime, TorchRuntime)
    if isinstance(model.source, ExportedSource):
        shutil.copyfile(model.source.path, folder / PROGRAM)
    tensors, told = weights.stored(model.runtime.module)
    books = {name: size for _, record in steps for name, size in record.get("codebooks", {}).items()}
    encoded, encodings = codec.encode(tensors, {n: k for n, k in books.items() if n in tensors})
    optional("safetensors.torch", "an artefact").save_file(encoded, str(folder / WEIGHTS))
    runtime = {
        "kind": "torch", "dtype": model.runtime.dtype, "autocast": model.runtime.autocast,
        "compiled": model.runtime.compiled,
    }  # fmt: skip
    return spec | {"runtime": runtime, "tensors": told, "encodings": encodings}


def load(folder: Path, device: str = "cpu") -> NeuralModel | EstimatorModel:
    """Load an artefact.

    Raises
    ------
    InputError
        It is no artefact, was made by a newer version, or its weights do not fit.
    """
    path = folder / SPEC
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
        newer = spec["format"] > FORMAT
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the description of an artefact: {one_line(error)}") from None
    if newer:
        raise InputError(f"{path}: written in format {spec['format']}, this version reads up to {FORMAT}")
    try:
        if spec["family"] == "sklearn":
            from .estimators import read

            return read(spec, folder)
        return _read_neural(spec, folder, device)
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: not the description of an artefact: {one_line(error)}") from None


def _read_neural(spec: dict[str, Any], folder: Path, device: str) -> NeuralModel:
    inputs = load_inputs(spec["inputs"], folder)
    parts = spec["head"]
    found = Head(tuple(parts["labels"]), tuple(parts["positive"]), parts["kind"])
    source = load_source(spec["source"], folder)
    about = {"kind": "variant", "path": str(folder), "sha256": sha256_file(weights_file(folder))}
    how = spec["runtime"]
    device = device_for(device)
    runtime: OnnxRuntime | TorchRuntime
    if how["kind"] == "onnx":
        runtime = OnnxRuntime(folder / ONNX, device)
    else:
        module = source.skeleton()
        if how["dtype"] != "float32":
            module = module.to(getattr(optional("torch", "an artefact"), how["dtype"]))
        for step in _since_restart(spec["steps"]):
            rebuild = find(step["recipe"], "torch").rebuild
            if rebuild is not None:
                module = rebuild(module, step["record"]) or module
        encoded = optional("safetensors.torch", "an artefact").load_file(str(folder / WEIGHTS))
        weights.restore(module, codec.decode(encoded, spec["encodings"]), spec["tensors"])
        runtime = TorchRuntime(
            module, device, by_name=source.by_name, autocast=how["autocast"], compiled=how["compiled"]
        )
    return NeuralModel(inputs, runtime, found, Batching(**spec["batching"]), spec["threshold"], about, source)


def _since_restart(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps after the last one that put a new module in the place of the old one."""
    last = max((i for i, step in enumerate(steps) if step["record"].get("restart")), default=-1)
    return steps[last + 1 :]
