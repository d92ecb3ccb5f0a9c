"""The definitions of the figures in a result: what each is called, means, and may be missing for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...metrics.entry import DisparityRow, Index
from ...tasks import BINARY, Task
from ...told import tell, term, told_both
from ..result import Definition, GateResult, Priorities
from .measure import Measurement
from .plan import Plan


def priorities(task: Task = BINARY) -> Priorities:
    """Return which metrics of a task come first."""
    return Priorities(
        key=list(task.key), leading=list(task.leading), performance=list(task.performance),
        of_class=[] if task.of_class is None else list(task.of_class.key),
    )  # fmt: skip


def definitions(
    plan: Plan,
    measured: Measurement,
    gates: list[GateResult],
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Definition]:
    """Return the definition of every metric and named disparity that is shown.

    ``reasons`` are the configuration's words on why one was chosen.
    """
    views = [(measured.view(c), plan.class_metrics) for c in plan.classes[:1]]
    found: dict[str, Definition] = {}
    # A class's figures never take the place of those of all rows.
    for seen, metrics in (*views, (measured, plan.metrics)):
        task = seen.task
        asked = (g.metric for g in gates if (g.view is not None) == (seen is not measured))
        names = list(dict.fromkeys([*metrics, *(name for name in asked if name in task.metrics)]))
        rows = [r for r in task.disparities if not any(seen.lacks(m) for m in r.metrics)]
        names += [m for r in rows for m in r.metrics if m not in names]
        told = [metric_definition(name, reasons.get(name), task) for name in names]
        told += [disparity_definition(row, form, reasons, task) for row in rows for form in row.forms]
        told += [index_definition(row) for row in task.indices if not set(row.needs) - seen.gives]
        found |= {one.name: one.model_copy(update={"of_class": seen is not measured}) for one in told}
    return found


def metric_definition(name: str, reason: str | None = None, task: Task = BINARY) -> Definition:
    """Return what the result tells of a metric."""
    m = task.metrics[name]
    return Definition(
        name=name, title=m.title, formula=m.formula, meaning=m.meaning, better=m.better, ideal=m.ideal,
        percent=m.percent, amount=m.amount,
        fairlearn=m.fairlearn, aif360=m.aif360, aequitas=m.aequitas, source=m.source,
        shows=m.shows, needs=list(m.needs), mirror=m.mirror, among=m.among, says=m.says, reason=reason,
    )  # fmt: skip


def disparity_definition(
    row: DisparityRow,
    form: str,
    reasons: Mapping[str, str] = MappingProxyType({}),
    task: Task = BINARY,
) -> Definition:
    """Return what the result tells of a named disparity."""
    metrics = [task.metrics[m] for m in row.metrics]
    titles = told_both(term(_within(m.title)) for m in metrics)
    name = f"{row.name}_{form}"
    return Definition(
        name=name, title=_disparity_title(row, form), formula=_disparity_formula(form, titles),
        meaning=_disparity_meaning(row, titles), better="lower" if form == "difference" else "higher",
        ideal=0.0 if form == "difference" else 1.0, percent=metrics[0].percent,
        amount=metrics[0].amount, fairlearn=name if row.fairlearn else None, source=row.source,
        shows=row.shows, metrics=list(row.metrics), reason=reasons.get(name),
    )  # fmt: skip


def _within(title: str) -> str:
    """A title as it stands within a sentence: words begin small, ``NDCG`` does not."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def index_definition(row: Index) -> Definition:
    """Return what the result tells of a single number over slices."""
    return Definition(
        name=row.name, title=row.title, formula=row.formula, meaning=row.meaning, better="lower",
        ideal=row.ideal, percent=False, source=row.source, shows=row.shows, needs=list(row.needs),
    )  # fmt: skip


def _disparity_title(row: DisparityRow, form: str) -> str:
    if row.title.endswith("gap"):
        return row.title
    if form == "difference":
        return tell("{what} difference", what=row.title)
    return tell("{what} ratio", what=row.title)


def _disparity_formula(form: str, titles: str) -> str:
    if form == "difference":
        return tell("highest minus lowest {what}", what=titles)
    return tell("lowest divided by highest {what}", what=titles)


def _disparity_meaning(row: DisparityRow, titles: str) -> str:
    if len(row.metrics) > 1:
        return tell("How far the slices lie apart in {what}, the worse of the two.", what=titles)
    return tell("How far the slices lie apart in {what}.", what=titles)
