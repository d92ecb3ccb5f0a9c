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

from ..models.estimator import EstimatorModel
from ..models.extras import quiet
from ..models.neural import NeuralModel
from ..models.runtimes import OnnxRuntime
from . import codec, estimators, weights
from .artefact import weights_file
from .description import PROGRAM
from .layers import initialisers

SECONDS = 2.0
"""Time given to the rounds of one batch size of one variant."""
LEAST_ROUNDS, MOST_ROUNDS = 7, 41
WARM_UP = 2
REPEAT_SECONDS, MOST_REPEATS = 0.01, 10
"""A call is repeated within a round until it has had so long, or so often."""

Call = Callable[[], Any]


def storage(model: NeuralModel | EstimatorModel, folder: Path) -> dict[str, Any]:
    """Bytes of the weights as stored, dense and sparsely encoded, in memory, and their number.

    Parameters
    ----------
    folder : Path
        The artefact; its weights' file is what is counted as stored, with the encoder of a scikit-learn
        model and the graph of an exported one, which holds the original weights too.
    """
    beside = [folder / name for name in (estimators.ENCODER, PROGRAM) if (folder / name).is_file()]
    stored = sum(path.stat().st_size for path in (weights_file(folder), *beside))
    if isinstance(model, EstimatorModel):
        return {"stored_bytes": stored, **of_arrays(_numbers(model))}
    if isinstance(model.runtime, OnnxRuntime):
        found = of_arrays(onnx_weights(model.runtime.path))
        return {"stored_bytes": stored, **found, "resident_bytes": found["dense_bytes"]}
    module = model.runtime.module  # type: ignore[attr-defined]
    plain = weights.dense(module)
    tensors, _ = weights.stored(module)
    encoded = sum(codec.sparse_bytes(t) for t in tensors.values())
    return {
        "stored_bytes": stored,
        "dense_bytes": sum(t.nbytes for t in tensors.values()),
        "sparse_bytes": encoded,
        "sparse_theoretical": encoded < 0.98 * _tensor_bytes(folder),
        "resident_bytes": weights.resident_bytes(module),
        "parameters": sum(t.numel() for t in plain.values()),
        "nonzero": sum(int(t.count_nonzero()) for t in plain.values()),
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


def onnx_weights(path: Path) -> list[NDArray[Any]]:
    """Weights of an ONNX file, those inside a tree ensemble's attributes too, without scales and indices."""
    import onnx

    numbers = initialisers(path)
    scales = ("_scale", "_zero_point")
    found = [v for n, v in numbers.items() if v.dtype not in (np.int64, np.bool_) and not n.endswith(scales)]
    for node in onnx.load(str(path)).graph.node:
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


@dataclass(frozen=True)
class Batches:
    """The batches that are timed: one row, and as many as the audit scores together."""

    one: pa.RecordBatch
    many: pa.RecordBatch

    @classmethod
    def of(cls, model: NeuralModel | EstimatorModel, rows: pa.RecordBatch) -> Batches:
        """Take a row of middle length, and a batch of the audit's size, of some rows."""
        size = min(model.batching.rows if isinstance(model, NeuralModel) else 1024, rows.num_rows)
        if not isinstance(model, NeuralModel):
            return cls(rows.slice(0, 1), rows.slice(0, size))
        lengths = model.inputs.encode(rows, None).lengths
        order = np.argsort(lengths, kind="stable")
        size = min(size, max(1, model.batching.tokens // int(lengths[order[(len(order) + size - 1) // 2]])))
        start = (len(order) - size) // 2
        middle = order[start : start + size]
        return cls(
            rows.take(pa.array(order[len(order) // 2 : len(order) // 2 + 1])), rows.take(pa.array(middle))
        )


def timings(
    original: NeuralModel | EstimatorModel,
    copy: NeuralModel | EstimatorModel,
    variant: NeuralModel | EstimatorModel,
    batches: Batches,
    seed: int,
    *,
    whole: bool = False,
) -> list[dict[str, Any]]:
    """Time a variant beside the original and a second copy of the original, interleaved.

    In every round each of the three runs the same batch once, in shuffled order. The ratio of a round is
    the variant's time over the original's; the same ratio of the copy is the null arm: what two equal
    models differ by on this machine. ``whole``: all that scoring a row takes, for models of two kinds.

    Returns
    -------
    list of dict
        One per batch size, with the keys of the result's ``Timing``.
    """
    draw = np.random.default_rng(seed)
    with quiet():
        return [
            _timed([_call(model, rows, whole) for model in (original, copy, variant)], rows.num_rows, draw)
            for rows in (batches.one, batches.many)
        ]


def _call(model: NeuralModel | EstimatorModel, rows: pa.RecordBatch, whole: bool = False) -> Call:
    """What is timed: a batch as the audit runs it, without tokenising; all of it for scikit-learn."""
    if isinstance(model, NeuralModel) and not whole:
        encoded, every = model.inputs.encode(rows, None), np.arange(rows.num_rows)
        on_cuda = getattr(model.runtime, "device", "cpu").startswith("cuda")
        clock = _cuda_clock(model.runtime) if on_cuda else _wall_clock
        return lambda: clock(lambda: model.run_batch(encoded, every))
    return lambda: _wall_clock(lambda: model.score(rows, None))


def _wall_clock(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _cuda_clock(runtime: Any) -> Callable[[Call], float]:
    """Time by events on the device's own stream (onnxruntime has a stream of its own: wall clock)."""
    import torch

    if isinstance(runtime, OnnxRuntime):
        return _wall_clock

    def timed(call: Call) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    return timed


def _timed(calls: Sequence[Call], rows: int, draw: np.random.Generator) -> dict[str, Any]:
    """Rounds in which every arm runs in shuffled order; a short call is repeated and its best counts.

    The best of several repetitions is what an arm takes when nothing else disturbs it; on a machine that
    others use too, single calls of a millisecond are mostly noise.
    """
    last = [[call() for call in calls] for _ in range(WARM_UP)][-1]
    repeats = int(np.clip(REPEAT_SECONDS / max(max(last), 1e-9), 1, MOST_REPEATS))
    rounds = int(np.clip(SECONDS / max(repeats * sum(last), 1e-6), LEAST_ROUNDS, MOST_ROUNDS))
    times = np.empty((rounds, len(calls), repeats))
    for i in range(rounds):
        for j in draw.permutation(len(calls)):
            times[i, j] = [calls[j]() for _ in range(repeats)]
    best = times.min(axis=2)
    ratio, null = best[:, 2] / best[:, 0], best[:, 1] / best[:, 0]
    p50, p95 = np.quantile(times[:, 2], [0.5, 0.95])
    low, high = np.quantile(ratio, [0.025, 0.975])
    null_low, null_high = np.quantile(null, [0.025, 0.975])
    return {
        "batch": rows, "rounds": rounds, "p50_ms": float(p50) * 1e3, "p95_ms": float(p95) * 1e3,
        "ratio": float(np.median(ratio)), "ratio_low": float(low), "ratio_high": float(high),
        "null_low": float(null_low), "null_high": float(null_high),
        "saving": bool(np.median(ratio) < null_low),
    }  # fmt: skip


def ratios(found: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
    """A variant's costs as ratios to the original's: storage, compute, memory.

    A time ratio inside the null arm's spread is no difference: 1.
    """
    last = found["timings"][-1]
    noise = last["null_low"] <= last["ratio"] <= last["null_high"]
    memory = None
    if found.get("resident_bytes") and original.get("resident_bytes"):
        memory = found["resident_bytes"] / original["resident_bytes"]
    return {
        "storage": found["stored_bytes"] / original["stored_bytes"],
        "compute": 1.0 if noise else last["ratio"],
        "memory": memory,
        "rows_per_second": last["batch"] / (last["p50_ms"] / 1e3),
    }
