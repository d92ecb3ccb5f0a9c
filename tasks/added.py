"""Figures that guests add to a task: a run has those that its configuration names, and no others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..metrics.entry import DisparityRow, Metric
from .binary import BINARY
from .task import Task

_METRICS: dict[str, dict[str, Metric]] = {}
_DISPARITIES: dict[str, list[DisparityRow]] = {}


def keep_metric(metric: Metric, task: str) -> None:
    """Keep a metric for a task."""
    _METRICS.setdefault(task, {})[metric.name] = metric


def keep_disparity(row: DisparityRow, task: str) -> None:
    """Keep a named disparity for a task."""
    _DISPARITIES.setdefault(task, []).append(row)


def added_to(task: str) -> list[str]:
    """Names of the metrics and named disparities that were added to a task."""
    rows = _DISPARITIES.get(task, [])
    return [*_METRICS.get(task, {}), *(f"{row.name}_{form}" for row in rows for form in row.forms)]


def extended(task: Task, names: Collection[str]) -> Task:
    """The task with those of the added figures that are named.

    What nobody names changes nothing: definitions, disparities and defaults of a run are the same on a
    machine with guests and on one without. A class or label is a case of two classes and has their figures.
    """
    if not (_METRICS or _DISPARITIES):
        return task
    found = _with(task, task.name, names)
    of_class = None if task.of_class is None else _with(task.of_class, BINARY.name, names)
    return found if of_class is task.of_class else replace(found, of_class=of_class)


def _with(task: Task, kept_for: str, names: Collection[str]) -> Task:
    rows = [
        row
        for row in _DISPARITIES.get(kept_for, [])
        if any(f"{row.name}_{form}" in names for form in row.forms)
    ]
    wanted = {*names, *(name for row in rows for name in row.metrics)}
    metrics = {name: metric for name, metric in _METRICS.get(kept_for, {}).items() if name in wanted}
    if not (metrics or rows):
        return task
    return replace(task, metrics={**task.metrics, **metrics}, disparities=(*task.disparities, *rows))
