"""Recipes to render, with what they cost and whom they are made to flip.

Bytes and latencies are the ratios measured for all-MiniLM-L6-v2 (22.7 M parameters) with a classification
head on a CPU, batch 32: 0.65 of the bytes and 0.45 of the time for int8, and so on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from fairweigh.audit.result import Cost, Layer, Step, Timing

from .paired import Cells, Joints

FULL = 90_852_104


@dataclass(frozen=True)
class Plan:
    """What a variant costs and whom it is made to flip."""

    name: str
    storage: float
    compute: float
    lost: float
    gained: float
    pays: tuple[str, ...] = ()
    steps: list[Step] = field(default_factory=list)
    theoretical: bool = False


def step(recipe: str, changed: str, notes: tuple[str, ...] = (), **params: Any) -> Step:
    return Step(recipe=recipe, params=params, changed=changed, notes=list(notes))


PLANS = (
    Plan("int8-dynamic", 0.65, 0.45, 0.012, 0.006, ("African-American",), [
        step("int8-dynamic", "39 Linear layers to int8, activations quantised per batch",
              ("quantize_dynamic is deprecated in torch; the artefact loads in this version.",)),
    ]),
    Plan("int8-dynamic-embeddings", 0.26, 0.45, 0.014, 0.006, (), [
        step("int8-dynamic", "39 Linear layers and 3 embedding tables to int8", embeddings=True),
    ]),
    Plan("onnx-int8", 0.26, 0.40, 0.008, 0.005, ("African-American",), [
        step("onnx-int8", "exported at opset 18; 39 MatMul and 3 Gather to int8", per_channel=True),
    ]),
    Plan("bf16", 0.50, 0.49, 0.002, 0.002, (), [step("bf16", "all 22,713,986 weights to bfloat16")]),
    Plan("fp16", 0.50, 3.10, 0.001, 0.001, (), [
        step("fp16", "all weights to float16", ("float16 is slower than float32 on this CPU.",)),
    ]),
    Plan("prune-magnitude-0.5", 1.0, 1.01, 0.020, 0.010, ("Female",), [
        step("prune-magnitude", "50 % of the weights of 39 Linear layers set to 0", amount=0.5),
        step("finetune", "2 epochs", epochs=2, rate=2e-5),
    ], theoretical=True),
    Plan("prune-magnitude-0.9", 1.0, 0.99, 0.420, 0.020, ("Hispanic",), [
        step("prune-magnitude", "90 % of the weights of 39 Linear layers set to 0", amount=0.9),
    ], theoretical=True),
    Plan("prune-structured-0.5", 0.84, 0.71, 0.060, 0.030, ("African-American",), [
        step("prune-structured", "1,536 feed-forward units to 768 in 6 layers", amount=0.5),
    ]),
    Plan("drop-layers-4", 0.84, 0.67, 0.050, 0.040, (), [
        step("drop-layers", "encoder layers 4 and 5 removed", keep=4),
    ]),
    Plan("share-weights-16", 0.14, 1.02, 0.030, 0.010, ("Caucasian",), [
        step("share-weights", "16 centroids per tensor, 42 tensors", centroids=16, embeddings=True),
    ]),
    Plan("distill-3", 0.77, 0.52, 0.045, 0.050, (), [
        step("distill", "a student of 3 layers, 8 epochs, stopped early after 6", layers=3, seed=0),
    ]),
)  # fmt: skip


def joints(plan: Plan, cells: Cells) -> Joints:
    """Plant the flips of a variant; who pays flips twice as often."""
    planted = {}
    for key, (tp, fp, fn, tn) in cells.items():
        factor = 2 if set(plan.pays) & set(key) else 1
        lost, gained = factor * plan.lost, factor * plan.gained
        planted[key] = (round(tp * lost), round(fp * lost), round(fn * gained), round(tn * gained))
    return planted


def _timing(batch: int, ratio: float) -> Timing:
    slow = {1: 6.1, 32: 88.0}[batch]
    return Timing(
        batch=batch, rounds=60, p50_ms=slow * ratio, p95_ms=slow * ratio * 1.12, ratio=ratio,
        ratio_low=ratio * 0.95, ratio_high=ratio * 1.06, null_low=0.97, null_high=1.03, saving=ratio < 0.97,
    )  # fmt: skip


def cost(storage: float, compute: float, *, theoretical: bool = False) -> Cost:
    """A cost in the proportions of the 22.7 M-parameter classifier."""
    stored = round(FULL * storage)
    half = 22_713_986 // 2
    return Cost(
        stored_bytes=stored,
        dense_bytes=stored,
        sparse_bytes=round(stored * 0.78) if theoretical else stored,
        sparse_theoretical=theoretical,
        resident_bytes=stored + 1_400_000,
        process_bytes=stored + 9_300_000,
        peak_bytes=stored + 310_000_000,
        parameters=22_713_986,
        nonzero=half if theoretical else 22_713_986,
        flops_per_row=1.33e9 * min(compute, 1),
        flops_method="torch.utils.flop_counter, 32 tokens",
        timings=[_timing(1, compute), _timing(32, compute)],
        rows_per_second=364 / compute,
        storage=storage,
        compute=compute if compute < 0.97 else max(1.0, compute) if compute > 1.03 else 1.0,
        memory=(stored + 1_400_000) / (FULL + 1_400_000),
        notes=["Kernels of int8 are counted by their layers' shapes."] if storage < 0.7 else [],
    )


def layers(amount: float, count: int = 39, name: str = "encoder.layer.{}.output.dense.weight") -> list[Layer]:
    """Layers whose weights are drawn to a bell, some of them set to zero."""
    edges = [round(-0.2 + 0.02 * k, 2) for k in range(21)]
    bell = [round(60_000 * math.exp(-((k - 9.5) ** 2) / 12)) for k in range(20)]
    found = []
    for k in range(count):
        share = amount * (0.6 + 0.8 * k / count)
        gone = [round(n * min(1, share * 4 / (1 + abs(j - 9.5)))) for j, n in enumerate(bell)]
        pruned = [n - g for n, g in zip(bell, gone, strict=True)]
        pruned[10] += sum(gone)
        found.append(
            Layer(
                name=name.format(k),
                type="Linear",
                shape_before=[384, 1536],
                shape_after=[384, 1536] if k != 3 else [],
                sparsity=share if k != 3 else None,
                sqnr_db=None if k in (3, 4) else 42 - 0.6 * k,
                encoding="" if k == 3 else "int8 per channel",
                histogram_edges=edges,
                histogram_before=bell,
                histogram_after=[] if k == 3 else pruned,
            )
        )
    return found
