"""The metrics that a page can count by itself: shares of the four outcomes, and rising functions of one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from ..metrics.contrast import F1, PLAIN
from ..metrics.counts import Counts
from ..metrics.entry import Metric
from ..metrics.estimators import Share
from ..tasks import Task

SCALES = (PLAIN, F1)
"""What a page can make of a proportion; it names them by their place."""


def is_counted(metric: Metric | None) -> bool:
    """Whether a page can count a metric."""
    share = None if metric is None else metric.estimator
    return isinstance(share, Share) and (share.scale or PLAIN) in SCALES


def is_steady(metric: Metric) -> bool:
    """Whether a metric's denominator is the same whatever is decided: its change has Tango's limits."""
    tp, fp, fn, tn = masks(metric)["den"]
    return (tp, fp) == (fn, tn) and masks(metric)["scale"] == SCALES.index(PLAIN)


def shown(task: Task, given: Collection[str], audited: Iterable[str]) -> list[str]:
    """The metrics to choose from: the key ones, then what was audited, of those that the rows allow."""
    names = dict.fromkeys([*task.key, *audited])
    return [
        name
        for name in names
        if is_counted(task.metrics.get(name)) and set(task.metrics[name].needs) <= set(given)
    ]


def masks(metric: Metric) -> dict[str, Any]:
    """A metric's numerator and denominator, as the shares of TP, FP, FN and TN that they add."""
    share = metric.estimator
    assert isinstance(share, Share)
    tp, fp, fn, tn = np.eye(4)
    outcomes = Counts(tp + fp + fn + tn, tp + fn, tp + fp, tp, fp, fn, tn)
    return {
        "num": np.asarray(share.numerator(outcomes), int).tolist(),
        "den": np.asarray(share.denominator(outcomes), int).tolist(),
        "scale": SCALES.index(share.scale or PLAIN),
    }
