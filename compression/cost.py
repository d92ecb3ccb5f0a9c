"""What a variant costs: bytes stored and in memory, parameters, operations, time beside a null arm."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import bdtrik

from ..models.base import Model
from ..models.estimator import EstimatorModel
from ..models.extras import quiet
from ..models.onnx_runtime import OnnxRuntime
from ..models.openvino import OpenVinoRuntime
from ..told import tell
from . import codec, estimators, weights
from .description import PROGRAM
from .files import IR, weights_file, weights_files
from .ir import constants
from .layers import initialisers

SECONDS = 0.3
"""The most time that the rounds of one batch size of one variant are given."""
LEAST_ROUNDS, MOST_ROUNDS = 11, 41
SLOW_SECONDS, FEWEST_SLOW_ROUNDS = 2.0, 3
"""What a round of a slow model takes, such as one that writes; and rounds of it."""
FEWEST_ROUNDS = 7
"""Rounds of a model so slow that `LEAST_ROUNDS` take longer than `SECONDS`."""
SETTLED = 0.03
"""Rounds end where the 95 % limits of the ratio's median lie so near to it, as a share of it."""
WARM_UP = 2
REPEAT_SECONDS, MOST_REPEATS = 0.005, 5
"""A call is repeated within a round until it has had so long, or so often."""

Call = Callable[[], Any]


def storage(model: Any, folder: Path) -> dict[str, Any]:
    """Bytes of the weights as stored, dense and sparsely encoded, in memory, and their number.

    Parameters
    ----------
    folder : Path
        The artefact; its weights' file is what is counted as stored, with the encoder of a scikit-learn
        model and the graph of an exported one, which holds the original weights too.
    """
    if files := weights_files(folder):
        # Bits are packed in ways of a runtime's own, so that nothing but its files is counted.
        told = getattr(getattr(model, "engine", None), "parameters", None)
        known = {"parameters": told, "notes": []} if told is not None else {}
        return {"stored_bytes": sum(path.stat().st_size for path in files), **UNCOUNTED, **known}
    beside = [folder / name for name in (estimators.ENCODER, PROGRAM, IR[0]) if (folder / name).is_file()]
    stored = sum(path.stat().st_size for path in (weights_file(folder), *beside))
    if model.family == "sklearn":
        numbers = _numbers(model)
        return {"stored_bytes": stored, **(of_arrays(numbers) if numbers else UNCOUNTED)}
    if isinstance(model.runtime, OnnxRuntime):
        found = of_arrays(onnx_weights(model.runtime.path))
        held = sum(values.nbytes for values in initialisers(model.runtime.path).values())
        return {
            "stored_bytes": stored, **found, "resident_bytes": found["dense_bytes"], "tensor_bytes": held,
        }  # fmt: skip
    if isinstance(model.runtime, OpenVinoRuntime):
        return {"stored_bytes": stored, **of_constants(model.runtime.path)}
    module = model.runtime.module
    found, held = of_module(module), _tensor_bytes(folder)
    theoretical = found["sparse_bytes"] < 0.98 * held
    return {"stored_bytes": stored, "tensor_bytes": held, **found, "sparse_theoretical": theoretical}


def of_module(module: Any) -> dict[str, int]:
    """Bytes and numbers of a torch module's weights, tied ones once."""
    learned = weights.parameters(module)
    tensors, _ = weights.stored(module)
    return {
        "dense_bytes": sum(t.nbytes for t in tensors.values()),
        "sparse_bytes": sum(codec.sparse_bytes(t) for t in tensors.values()),
        "resident_bytes": weights.resident_bytes(module),
        "parameters": sum(t.numel() for t in learned.values()),
        "nonzero": sum(int(t.count_nonzero()) for t in learned.values()),
    }


def _tensor_bytes(folder: Path) -> int:
    """Bytes of a safetensors file that are weights, without names and shapes."""
    path = weights_file(folder)
    with path.open("rb") as file:
        return path.stat().st_size - 8 - int.from_bytes(file.read(8), "little")


def _numbers(model: EstimatorModel) -> list[NDArray[Any]]:
    fitted = model.fitted
    if isinstance(fitted, estimators.Served):
        return onnx_weights(fitted.path)
    return list(estimators.numbers(fitted))


def of_constants(path: Path) -> dict[str, Any]:
    """The same of an OpenVINO model: its learned numbers, without indices and masks."""
    every = list(constants(path).values())
    learned = [one for one in every if one.values.dtype.kind == "f"]
    held = sum(one.nbytes for one in learned)
    nonzero = sum(int(np.count_nonzero(one.values)) for one in learned)
    count = sum(one.values.size for one in learned)
    return {
        "dense_bytes": held,
        "sparse_bytes": held,
        "sparse_theoretical": False,
        "resident_bytes": held,
        "tensor_bytes": sum(one.nbytes for one in every),
        "parameters": count,
        "nonzero": nonzero,
    }


MEASURED = {"BatchNormalization": (3, 4)}
"""Inputs of ONNX operations that are statistics of data, which nobody learned."""


def onnx_weights(path: Path) -> list[NDArray[Any]]:
    """Weights of an ONNX file, those inside a tree ensemble's attributes too.

    Without scales and zero points, indices and masks, and means and variances of batches.
    """
    import onnx

    numbers = initialisers(path)
    nodes = onnx.load(str(path)).graph.node
    no_weights = {
        node.input[i] for node in nodes for i in MEASURED.get(node.op_type, ()) if i < len(node.input)
    }
    scales = ("_scale", "_zero_point")
    found = [
        values
        for name, values in numbers.items()
        if values.dtype not in (np.int64, np.bool_) and not name.endswith(scales) and name not in no_weights
    ]
    for node in nodes:
        # Elsewhere attributes are axes and the like.
        for attribute in node.attribute if node.domain == "ai.onnx.ml" else ():
            if attribute.name.startswith("classlabels"):
                # Names of the classes, and no weights.
                continue
            if attribute.floats:
                found.append(np.asarray(attribute.floats, np.float32))
            elif attribute.ints:
                found.append(np.asarray(attribute.ints, np.int64))
    return found


def of_arrays(arrays: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """Bytes and numbers of weights that are held as arrays."""
    dense = sum(a.nbytes for a in arrays)
    nonzero = sum(int(np.count_nonzero(a)) for a in arrays)
    sparse = sum(min(a.nbytes, int(np.count_nonzero(a)) * a.itemsize + a.size // 8) for a in arrays)
    return {
        "dense_bytes": dense,
        "sparse_bytes": sparse,
        "sparse_theoretical": sparse < 0.98 * dense,
        "resident_bytes": dense,
        "parameters": sum(a.size for a in arrays),
        "nonzero": nonzero,
    }


COUNTS = ("dense_bytes", "sparse_bytes", "resident_bytes", "parameters", "nonzero")
UNCOUNTED: Mapping[str, Any] = {
    **dict.fromkeys(COUNTS),
    "sparse_theoretical": True,
    "notes": [tell("Parameters: not measured: its library keeps them where they cannot be counted.")],
}
"""Of a model whose library holds its weights out of Python's sight, as libraries of boosted trees do."""


@dataclass(frozen=True)
class Batches:
    """The batches that are timed: one row, and as many as the audit scores together."""

    one: pa.RecordBatch
    many: pa.RecordBatch

    @classmethod
    def of(cls, model: Model, rows: pa.RecordBatch) -> Batches:
        """Take what is typical of some rows."""
        return cls(*model.typical(rows))


def timings(
    original: Model,
    copy: Model | None,
    variant: Model | None,
    batches: Batches,
    seed: int,
    known: Sequence[Mapping[str, Any]] = (),
    *,
    whole: bool = False,
) -> list[dict[str, Any]]:
    """Time a variant beside the original and a second copy of the original, interleaved.

    In every round each of them runs the same batch, in shuffled order. The ratio of a round is the variant's
    time over the original's; the same ratio of the copy is the null arm: what two equal models differ by on
    this machine. Rounds end as soon as the median of the ratio is known well enough (`SETTLED`), and after
    `SECONDS` at the latest.

    Parameters
    ----------
    copy : model, optional
        None: nothing is decided by time, and the null arm is that of ``known``.
    variant : model, optional
        None: the original itself, whose ratio is 1.
    known : sequence of dict
        The original's own timings.
    whole : bool
        Time all that scoring a row takes: for models of two kinds.

    Returns
    -------
    list of dict
        One per batch size, with the keys of the result's ``Timing``.
    """
    draw = np.random.default_rng(seed)
    found = []
    with quiet():
        for i, rows in enumerate((batches.one, batches.many)):
            arms = [None if m is None else _call(m, rows, whole) for m in (original, copy, variant)]
            found.append(_timed(arms, rows.num_rows, draw, known[i] if copy is None else None))
    return found


def _call(model: Model, rows: pa.RecordBatch, whole: bool = False) -> Call:
    """What is timed: a batch as the audit runs it, without tokenising; with ``whole`` all of it."""
    if whole:
        return lambda: _wall_clock(lambda: model.score(rows, None))
    clock, call = _clock(getattr(model, "runtime", None)), model.ready(rows)
    return lambda: clock(call)


def _wall_clock(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _clock(runtime: Any) -> Callable[[Call], float]:
    """By events on a CUDA device's own stream, else on the wall (onnxruntime has a stream of its own)."""
    on_cuda = getattr(runtime, "device", "cpu").startswith("cuda")
    if not on_cuda or isinstance(runtime, OnnxRuntime):
        return _wall_clock
    import torch

    def timed(call: Call) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    return timed


def _timed(
    calls: Sequence[Call | None],
    rows: int,
    draw: np.random.Generator,
    known: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Rounds in which every arm runs in shuffled order; a short call is repeated and its best counts.

    The best of several repetitions is what an arm takes when nothing else disturbs it; on a machine that
    others use too, single calls of a millisecond are mostly noise.

    Parameters
    ----------
    calls : original, copy or None, variant or None (the original itself)
    known : mapping, optional
        A timing whose null arm counts where there is no copy.
    """
    arms = [call for call in calls if call is not None]
    last = [call() for call in arms]
    slow = sum(last) > SLOW_SECONDS
    for _ in range(0 if slow else WARM_UP - 1):
        last = [call() for call in arms]
    repeats = int(np.clip(REPEAT_SECONDS / max(max(last), 1e-9), 1, MOST_REPEATS))
    fewest = int(np.clip(SECONDS / max(repeats * sum(last), 1e-6), FEWEST_ROUNDS, LEAST_ROUNDS))
    fewest = FEWEST_SLOW_ROUNDS if slow else fewest
    told: list[NDArray[np.float64]] = []
    spent = 0.0
    while len(told) < MOST_ROUNDS and (len(told) < fewest or (spent < SECONDS and not _settled(told))):
        times = np.empty((len(arms), repeats))
        for j in draw.permutation(len(arms)):
            times[j] = [arms[j]() for _ in range(repeats)]
        told.append(times)
        spent += float(times.sum())
    every = np.stack(told)
    best = every.min(axis=2)
    own = 0 if calls[2] is None else -1
    ratio = best[:, own] / best[:, 0]
    null = None if calls[1] is None else best[:, 1] / best[:, 0]
    if null is None:
        assert known is not None
        null_low, null_high = known["null_low"], known["null_high"]
    else:
        null_low, null_high = np.quantile(null, [0.025, 0.975])
    p50, p95 = np.quantile(every[:, own], [0.5, 0.95])
    low, high = np.quantile(ratio, [0.025, 0.975])
    return {
        "batch": rows, "rounds": len(told), "p50_ms": float(p50) * 1e3, "p95_ms": float(p95) * 1e3,
        "ratio": float(np.median(ratio)), "ratio_low": float(low), "ratio_high": float(high),
        "null_low": float(null_low), "null_high": float(null_high),
        "saving": calls[2] is not None and bool(np.median(ratio) < null_low),
    }  # fmt: skip


def _settled(rounds: Sequence[NDArray[np.float64]]) -> bool:
    """Whether the median of the last arm's ratio lies within `SETTLED` of both its 95 % limits.

    The limits are order statistics (H. A. David, H. N. Nagaraja 2003, Order Statistics, 7.1): the number of
    rounds below the true median is binomial.
    """
    best = np.stack(rounds).min(axis=2)
    ratio = np.sort(best[:, -1] / best[:, 0])
    # scipy.stats, which has the quantile by name, takes a second to import.
    rank = int(np.ceil(bdtrik(0.025, len(ratio), 0.5)))
    low, middle, high = ratio[rank - 1], np.median(ratio), ratio[-rank]
    return rank > 0 and bool(max(middle - low, high - middle) <= SETTLED * middle)


def ratios(found: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
    """A variant's costs as ratios to the original's: storage, compute, memory.

    A time ratio inside the null arm's spread is no difference: 1. What was not timed has no ratio.
    """
    memory = None
    if found.get("resident_bytes") and original.get("resident_bytes"):
        memory = found["resident_bytes"] / original["resident_bytes"]
    storage = None
    if found["stored_bytes"] is not None and original["stored_bytes"] is not None:
        storage = found["stored_bytes"] / original["stored_bytes"]
    told = {"storage": storage, "memory": memory}
    if not found["timings"]:
        return told
    last = found["timings"][-1]
    noise = last["null_low"] <= last["ratio"] <= last["null_high"]
    return {
        **told,
        "compute": 1.0 if noise else last["ratio"],
        "rows_per_second": last["batch"] / (last["p50_ms"] / 1e3),
    }
