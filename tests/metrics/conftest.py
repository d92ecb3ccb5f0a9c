"""Counts and scores from arrays, as the tests of the figures need them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.engines import ARROW, cubes
from fairweigh.metrics.counts import Tally
from fairweigh.metrics.cube import cluster_names
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.scores import ScoreCollector
from fairweigh.metrics.table import METRICS


def count(slices: Any, label: Any, decision: Any, weight: Any = None, cluster: Any = None) -> Tally:
    columns: dict[str, Any] = {
        "s": [str(s) for s in slices],
        "y_true": np.asarray(label, int),
        "y_pred": np.asarray(decision, int),
    }
    if weight is not None:
        columns["weight"] = np.asarray(weight, float)
    axes = ["s", "y_true", "y_pred"]
    if cluster is not None:
        columns["cluster"] = [str(c) for c in cluster]
    weighted, clustered = (name if name in columns else None for name in ("weight", "cluster"))
    return cubes.counted(ARROW, pa.table(columns), axes, weighted, cluster=clustered).tally(("s",))


def score(
    score: Any,
    label: Any,
    slices: Any = None,
    weight: Any = None,
    cluster: Any = None,
    batches: int = 1,
    **options: Any,
) -> Scored:
    score = np.asarray(score, float)
    slices = np.zeros(len(score)) if slices is None else np.asarray(slices)
    found, codes = np.unique(slices.astype(str), return_inverse=True)
    keys = [(str(f),) for f in found]
    collector = ScoreCollector(("s",), probability=options.pop("probability", True), **options)
    for part in np.array_split(np.arange(len(score)), batches):
        collector.add(
            codes[part],
            keys,
            score[part],
            np.asarray(label, bool)[part],
            None if weight is None else np.asarray(weight, float)[part],
            None if cluster is None else cluster_names(pa.array([str(cluster[i]) for i in part])),
        )
    return Scored(collector.table(), ("s",), keys)


class Scored(SlicedScores):
    """The scores of some slices, with the figures of metrics by their names."""

    def figure(self, name: Any) -> Any:
        return METRICS[name].estimator.of(self)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def counted() -> Callable[..., Tally]:
    """From slices, labels, decisions[, weight, cluster] to the tally of the slices."""
    return count


@pytest.fixture(scope="session")
def counted_figure() -> Callable[..., Any]:
    """From a metric's name and the same arrays to its figure."""

    def figure(name: str, *arrays: Any, **more: Any) -> Any:
        return METRICS[name].estimator.of(count(*arrays, **more))  # type: ignore[attr-defined]

    return figure


@pytest.fixture(scope="session")
def scored() -> Callable[..., Scored]:
    """From scores, labels[, slices, weight, cluster, batches, exact_rows] to the sliced scores."""
    return score
