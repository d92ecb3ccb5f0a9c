"""Prediction batches of one model before and after a change, as the tests of comparisons need them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.figures.pairs import Paired
from fairweigh.audit.figures.plan import Plan
from numpy.typing import NDArray


def plan(
    *metrics: Any,
    depth: int = 1,
    min_size: int = 30,
    confidence: float = 0.95,
    reference: dict[str, Any] | None = None,
) -> Plan:
    return Plan(metrics or ("accuracy",), depth, min_size, confidence, reference or {})


def batch(
    decision: Any,
    label: Any = None,
    score: NDArray[Any] | None = None,
    ids: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    cluster: Any = None,
    **slices: Any,
) -> Any:
    columns = {"id": np.arange(len(decision)) if ids is None else ids}
    if label is not None:
        columns["y_true"] = np.asarray(label, np.int8)
    columns["y_pred"] = np.asarray(decision, np.int8)
    if score is not None:
        columns["score"] = np.asarray(score, float)
    if weight is not None:
        columns["weight"] = np.asarray(weight, float)
    if cluster is not None:
        columns["cluster"] = np.asarray(cluster)
    for name, values in slices.items():
        columns[name] = pa.array(values, pa.string()).dictionary_encode()
    return pa.record_batch(columns)


def pair_of(before: Any, after: Any, features: tuple[str, ...] = ("g",)) -> Paired:
    paired = Paired(tuple(features))
    paired.add(before, after)
    return paired


def measured(one: Any, features: Any = ("g",)) -> Measurement:
    found = Measurement(tuple(features))
    found.add(one)
    return found


def planted(
    n: int = 6000,
    share: float = 0.08,
    seed: int = 0,
    slices: tuple[Any, ...] = ("a", "b", "c"),
    hit: str = "b",
) -> tuple[Any, Any]:
    """A fair model, and a change that turns a known share of one slice's decisions over."""
    r = np.random.default_rng(seed)
    g = r.choice(list(slices), n)
    label = r.random(n) < 0.5
    score = np.clip(r.normal(0.35 + 0.3 * label, 0.15), 0, 1)
    flipped = (g == hit) & (r.random(n) < share)
    after = np.where(flipped, 1 - score, score)
    return (
        batch(score >= 0.5, label, score, g=g.tolist()),
        batch(after >= 0.5, label, after, g=g.tolist()),
    )
