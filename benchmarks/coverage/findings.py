"""What reports say of fair models: findings of differences, and who pays for a change."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from fairweigh.audit.figures.changes import compared
from fairweigh.audit.figures.findings import with_family
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.figures.pairs import Paired
from fairweigh.audit.figures.plan import Plan
from fairweigh.audit.figures.status import status_of
from fairweigh.audit.result import Disparity
from fairweigh.metrics.compare import p_apart, pair_evidence
from numpy.random import Generator
from studies import Cells, Study

RATES = (
    "selection_rate", "accuracy", "true_positive_rate", "false_positive_rate", "true_negative_rate",
    "false_negative_rate", "precision",
)  # fmt: skip


def _batch(decision, label, features, weight=None) -> pa.RecordBatch:
    columns = {"id": np.arange(len(decision)), "y_true": label.astype(np.int8)}
    columns["y_pred"] = decision.astype(np.int8)
    if weight is not None:
        columns["weight"] = weight
    for name, values in features.items():
        columns[name] = pa.array([f"v{v}" for v in values.tolist()]).dictionary_encode()
    return pa.record_batch(columns)


def _differences(seen: Measurement, plan: Plan) -> list[Disparity]:
    """Every rate in every slice against its reference, with p alone: limits take most of the time."""
    out = []
    for by in seen.partitions(plan.depth):
        slices = seen.slices(by)
        reference = slices.reference({})
        others = np.array([i for i in slices.shown if i != reference])
        for metric in plan.metrics:
            figure = seen.figure(metric, by)
            pairs = pair_evidence(figure, others, np.full(len(others), reference), "difference", ())
            for i, value, p in zip(others.tolist(), pairs.value, p_apart(pairs), strict=True):
                known = None if np.isnan(value) else float(value)
                status, _ = status_of(slices, figure, [i, reference], known, plan)
                out.append(
                    Disparity.model_construct(
                        metric=metric, by=list(by), compare="difference", scope="reference",
                        slice=slices.name(i), reference=slices.name(reference), value=known, status=status,
                        p=None if known is None else float(p),
                    )
                )  # fmt: skip
    return out


def no_findings(rng: Generator, repeats: int) -> Cells:
    """Share of reports on fair models without any finding."""
    cells = {}
    for name, count, values, depth, rows, (base, fpr) in (
        ("one feature of 8", 1, 8, 1, 2000, (0.3, 0.2)),
        ("one feature of 8, rare errors", 1, 8, 1, 2000, (0.2, 0.02)),
        ("four features of 3, crossed", 4, 3, 2, 2000, (0.3, 0.2)),
        ("four features of 3, crossed, rare errors", 4, 3, 2, 2000, (0.2, 0.02)),
    ):
        plan = Plan(RATES, depth, 30, 0.95, {})
        clear = []
        for _ in range(min(repeats, 200 if count == 1 else 100)):
            label = rng.random(rows) < base
            decision = rng.random(rows) < np.where(label, 0.7, fpr)
            features = {f"f{i}": rng.integers(0, values, rows) for i in range(count)}
            seen = Measurement(tuple(features))
            seen.add(_batch(decision, label, features))
            _, found = with_family(_differences(seen, plan), seen)
            clear.append(found is None or not found.found)
        cells[name] = float(np.mean(clear))
    return cells


def nobody_pays(rng: Generator, repeats: int) -> Cells:
    """Share of changes that hit everybody alike in which no slice is said to pay for it."""
    cells = {}
    for name, count, values, depth, spread in (
        ("one feature of 8", 1, 8, 1, None),
        ("one feature of 8, weights sd 1", 1, 8, 1, 1.0),
        ("three features of 3, crossed", 3, 3, 2, None),
        ("three features of 3, crossed, weights sd 1", 3, 3, 2, 1.0),
        ("three features of 3, crossed, weights sd .5", 3, 3, 2, 0.5),
    ):
        plan = Plan((), depth, 30, 0.95, {})
        clear = []
        for _ in range(min(repeats, 200)):
            features = {f"f{i}": rng.integers(0, values, 1500) for i in range(count)}
            label, before = (rng.random(1500) < 0.4 for _ in range(2))
            after = before ^ (rng.random(1500) < 0.04)
            weight = None if spread is None else rng.lognormal(0, spread, 1500)
            paired = Paired(tuple(features))
            paired.add(_batch(before, label, features, weight), _batch(after, label, features, weight))
            told = [f.p_adjusted for f in compared(paired, plan, "before", "after").flips]
            clear.append(all(p is None or p > 0.05 for p in told))
        cells[name] = float(np.mean(clear))
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "reports on fair models without findings": (
        no_findings,
        "one feature of 8 values; four of 3, crossed; seven rates; 2000 rows; FPR .2, .02",
    ),
    "changes alike for all: nobody is said to pay": (
        nobody_pays,
        "one feature of 8 values; three of 3, crossed; 1500 rows; 4 % flips; rows, log-normal weights",
    ),
}
