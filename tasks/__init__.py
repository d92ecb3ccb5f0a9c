"""Tasks: what a row is, what is counted of it and which figures it has. Each is one entry."""

from __future__ import annotations

from ..metrics.entry import DisparityRow, Metric
from .binary import BINARY
from .task import Task

TASKS: dict[str, Task] = {}
METRICS: dict[str, Metric] = {}
"""Metrics of all tasks by name."""
AGGREGATES: dict[str, DisparityRow] = {}
"""Named disparities over all slices of a feature, such as demographic_parity_difference."""


def register(task: Task) -> None:
    """Add a task; a metric that two tasks have under one name is the same figure."""
    TASKS[task.name] = task
    for name, row in task.metrics.items():
        METRICS.setdefault(name, row)
    for disparity in task.disparities:
        for form in disparity.forms:
            AGGREGATES.setdefault(f"{disparity.name}_{form}", disparity)


for _task in (BINARY,):
    register(_task)

__all__ = ["AGGREGATES", "BINARY", "METRICS", "TASKS", "Task", "register"]
