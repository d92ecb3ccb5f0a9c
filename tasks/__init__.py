"""Tasks: what a row is, what is counted of it and which figures it has. Each is one entry."""

from __future__ import annotations

from ..metrics.entry import DisparityRow, Metric
from .added import added_to, extended, keep_disparity, keep_metric
from .binary import BINARY
from .choice import CHOICE
from .generation import GENERATION
from .multiclass import MULTICLASS
from .multilabel import MULTILABEL
from .ner import NER
from .pairs import PAIRS
from .ranking import RANKING
from .regression import REGRESSION
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


OURS = (BINARY, MULTICLASS, MULTILABEL, REGRESSION, RANKING, CHOICE, PAIRS, NER, GENERATION)
"""The tasks that the keys of a configuration may tell; one of a guest is named."""
for _task in OURS:
    register(_task)


def add_metric(metric: Metric, task: str) -> None:
    """Add a metric to a task, for configurations that name it."""
    METRICS[metric.name] = metric
    keep_metric(metric, task)


def add_disparity(row: DisparityRow, task: str) -> None:
    """Add a named disparity to a task, for configurations that name it."""
    AGGREGATES.update({f"{row.name}_{form}": row for form in row.forms})
    keep_disparity(row, task)


def refusal(task: Task, metric: str, of_class: str | None) -> str | None:
    """Say what is wrong with a gate on a metric or named disparity; None where nothing is.

    ``of_class`` is the class that it names.
    """
    of_classes = [] if task.of_class is None else task.of_class.names
    if metric in (task.names if of_class is None else of_classes):
        return None
    if of_class is not None and not of_classes:
        return f"class: the task {task.name} has no classes to name, got {of_class!r}"
    if of_class is not None and metric in task.names:
        return f"class: {metric} is a figure of all classes together; leave class out"
    if metric in of_classes:
        some = ", each, or favourable (those of data.favourable together)"
        named = f"a class's name{some if 'favourable' in task.settled else ', or each'}"
        return f"metric: {metric} is a figure of one class; expected class: {named}"
    return f"metric: {elsewhere(task, metric)}"


def elsewhere(task: Task, metric: str) -> str:
    """Say that a task has no such metric, which others have it, and what it has itself."""
    others = [other.name for other in TASKS.values() if metric in (*other.names, *added_to(other.name))]
    told = f"{metric} is no metric of the task {task.name}"
    if others:
        return f"{told} but of {' and '.join(others)} (task: {others[0]} where that is meant)"
    of_classes = [] if task.of_class is None else task.of_class.names
    known = [*dict.fromkeys([*task.names, *added_to(task.name)])]
    known += [*(f"{name} (of a class)" for name in of_classes if name not in known)]
    return f"{told}; there are {', '.join(known)}"


__all__ = [
    "AGGREGATES",
    "BINARY",
    "METRICS",
    "OURS",
    "TASKS",
    "Task",
    "add_disparity",
    "add_metric",
    "elsewhere",
    "extended",
    "refusal",
    "register",
]
