"""What the rows can be seen as: as they are, or as those of one class or label against all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..audit.config import Config
from ..audit.result import AuditResult
from ..datasets.roles import as_words
from ..metrics.entry import Metric
from ..reports.words.spoken import compared_kind, metric_kind, plain, title_of, view_name
from ..tasks import Task
from ..tasks.class_cases import FAVOURABLE
from .shares import masks, shown


@dataclass(frozen=True)
class View:
    """One way of seeing the rows.

    Attributes
    ----------
    name : str or None
        The class or label; None of the rows as they are.
    task : Task
        Whose figures it has.
    rows_of : Task
        That of the run, which says how rows are read.
    classes : sequence of str or None
        The classes that rows are of or not; none where rows have but two. None: they cannot be counted.
    """

    name: str | None
    task: Task
    rows_of: Task
    classes: Sequence[str] | None

    def told(self, metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the page says of it, with the metrics that it has."""
        names = [metric["name"] for metric in metrics]
        return {
            "name": self.name,
            "shown": None if self.name is None else plain(view_name(self.name)),
            "metrics": list(metrics),
            "performance": next((name for name in self.task.performance if name in names), None),
        }


def views_of(result: AuditResult, config: Config) -> list[View]:
    """Return the views of a run: its rows as they are, then each class or label that it tells of."""
    task = config.of_task
    whole = View(None, task, task, () if task.as_two is not None and task.of_class is None else None)
    classes = result.variants[0].overall_views
    if task.of_class is None:
        return [whole]
    if task.as_two is None:
        # Of entities: no count of rows tells their types, which are shown as audited.
        return [whole, *(View(name, task.of_class, task, None) for name in classes)]
    some = {FAVOURABLE: as_words(config.data.favourable)}
    return [whole, *(View(name, task.of_class, task, some.get(name) or [name]) for name in classes)]


def metrics_of(
    view: View, result: AuditResult, held: Mapping[str, Mapping[str, Any] | None]
) -> list[dict[str, Any]]:
    """Return the metrics of a view to choose from: those that are counted here, then others as audited.

    As audited are shown those that no threshold changes, and all where nothing slides.
    """
    first = result.variants[0].seen(view.name)
    of = [gate.metric for gate in result.gates if gate.view == view.name]
    known = [one for one in held.values() if one is not None]
    given = ["decision", *(["label"] if any(one["labelled"] for one in known) else [])] if known else []
    counted = shown(view.task, given, [*first.overall, *of])
    slides = any(one["scale"] is not None for one in known)
    others = [
        name
        for name in sorted(first.overall, key=_places(view.task.key))
        if name not in counted
        and (metric := view.task.metrics.get(name)) is not None
        and not (slides and "decision" in metric.needs)
    ]
    return [_metric(name, view, result, told=name in others) for name in [*counted, *others]]


def _places(first: Sequence[str]) -> Any:
    return lambda name: first.index(name) if name in first else len(first)


def _metric(name: str, view: View, result: AuditResult, *, told: bool) -> dict[str, Any]:
    metric: Metric = view.task.metrics[name]
    # Worse is what lies further from its ideal, where neither more nor less is better.
    ideal = {"ideal": metric.ideal} if told and metric.better is None and metric.ideal is not None else {}
    return {
        "name": name, "title": title_of(name, result.definitions), "better": metric.better, "told": told,
        "kind": metric_kind(name, result.definitions),
        "apart": compared_kind("difference", name, result.definitions),
        **({} if told else masks(metric)), **ideal,
    }  # fmt: skip
