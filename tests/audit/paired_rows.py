"""Prediction batches of one model before and after a change, as the tests of comparisons need them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.figures.pairs import Paired
from fairweigh.audit.figures.plan import Plan


def plan(*metrics, depth=1, min_size=30, confidence=0.95, reference=None):
    return Plan(metrics or ("accuracy",), depth, min_size, confidence, reference or {})


def batch(decision, label=None, score=None, ids=None, weight=None, cluster=None, **slices):
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


def pair_of(before, after, features=("g",)):
    paired = Paired(tuple(features))
    paired.add(before, after)
    return paired


def measured(one, features=("g",)):
    found = Measurement(tuple(features))
    found.add(one)
    return found


def planted(n=6000, share=0.08, seed=0, slices=("a", "b", "c"), hit="b"):
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
