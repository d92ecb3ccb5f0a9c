"""What a guest calls: a package of somebody else's that adds to fairweigh.

A guest names a module in the entry-point group ``fairweigh``; when that module is imported it adds metrics,
named disparities, tasks, recipes, report sections and regimes with the functions here. A run has what its
configuration names of them, and records the guest's name and version. See docs/guests.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .audit.recipes import registry
from .audit.regimes.base import Basis, Regime
from .audit.regimes.base import Inputs as RegimeInputs
from .audit.regimes.registry import names as _regimes
from .audit.regimes.result import RegimeResult
from .audit.result import Part
from .compression.registry import Context, Done, Params, Room
from .compression.registry import recipe as _enter
from .datasets.errors import InputError
from .guests import claim, owner
from .metrics.entry import DisparityRow, Metric
from .metrics.estimators import Area, Binned, Estimator, Mean, MeanOf, OfCells, Share
from .models.base import Family
from .regimes.added import add as _keep_regime
from .reports.page.guests import SECTIONS, GuestSection, GuestTable, Tells
from .reports.regimes.pages import Group as RegimeGroup
from .reports.regimes.pages import Line as RegimeLine
from .reports.regimes.pages import Table as RegimeTable
from .reports.regimes.pages import page as regime_page
from .reports.words.spoken import Given
from .tasks import AGGREGATES, METRICS, TASKS, Task, register
from .tasks import add_disparity as _keep_disparity
from .tasks import add_metric as _keep_metric
from .tasks.regression import REGRESSION, NumberCases, NumberPairs
from .tasks.values import MeanValue, OfRows

__all__ = [
    "REGRESSION",
    "TASKS",
    "Area",
    "Basis",
    "Binned",
    "Context",
    "DisparityRow",
    "Done",
    "Estimator",
    "Given",
    "GuestSection",
    "GuestTable",
    "InputError",
    "Mean",
    "MeanOf",
    "MeanValue",
    "Metric",
    "NumberCases",
    "NumberPairs",
    "OfCells",
    "OfRows",
    "Params",
    "Part",
    "Regime",
    "RegimeGroup",
    "RegimeInputs",
    "RegimeLine",
    "RegimeResult",
    "RegimeTable",
    "Share",
    "Task",
    "add_disparity",
    "add_metric",
    "add_recipe",
    "add_regime",
    "add_section",
    "add_task",
    "regime_page",
]

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_DASHED = re.compile(r"[a-z][a-z0-9-]*")


def add_metric(metric: Metric, task: str = "binary") -> None:
    """Add a metric to a task.

    It is measured where a configuration or policy names it, and has disparities, gates, changes, a definition
    and a chart as every metric has. One of the task ``binary`` is one of each class or label too.

    Raises
    ------
    InputError
        The name is taken or is no name, or there is no such task.
    """
    _check_name("metric", metric.name, _WORD)
    _check_task(task)
    claim("metric", metric.name, _caller(), ours=metric.name in {**METRICS, **AGGREGATES})
    _keep_metric(metric, task)


def add_disparity(row: DisparityRow, task: str = "binary") -> None:
    """Add a named disparity, such as ``NAME_difference``, over metrics of a task.

    Raises
    ------
    InputError
        The name is taken or is no name, or there is no such task or metric.
    """
    _check_name("metric", row.name, _WORD)
    _check_task(task)
    for metric in row.metrics:
        if metric not in METRICS:
            raise InputError(f"the disparity {row.name!r} is over the metric {metric!r}, which is not there")
    for form in row.forms:
        name = f"{row.name}_{form}"
        claim("metric", name, _caller(), ours=name in {**METRICS, **AGGREGATES})
    _keep_disparity(row, task)


def add_task(task: Task) -> None:
    """Add a task, which a configuration names by ``task:``.

    Its ``like`` is the task of ours whose labels are read and whose models predict. Metrics of ours can stand
    in its table as they are (``REGRESSION.metrics["mean_error"]``); any other needs a name of its own.

    Raises
    ------
    InputError
        The name of the task, of one of its metrics or of a named disparity is taken or is no name, or it is
        like no task of ours.
    """
    _check_name("task", task.name, _WORD)
    module = _caller()
    if task.form not in TASKS:
        raise InputError(
            f"the task {task.name!r}: like: expected one of {', '.join(TASKS)}, got {task.like!r}"
        )
    claim("task", task.name, module, ours=task.name in TASKS)
    for name, metric in task.metrics.items():
        if METRICS.get(name) is not metric:
            _check_name("metric", name, _WORD)
            claim("metric", name, module, ours=name in {**METRICS, **AGGREGATES})
    for row in task.disparities:
        for form in row.forms:
            name = f"{row.name}_{form}"
            if AGGREGATES.get(name) is not row:
                claim("metric", name, module, ours=name in {**METRICS, **AGGREGATES})
    register(task)


def add_recipe(
    name: str,
    params: type[Params] = Params,
    *,
    family: Family | Sequence[Family] = "torch",
    room: Room = "compression",
    rebuild: Callable[[Any, Any], Any] | None = None,
    rule: bool = False,
    tasks: tuple[str, ...] = (),
) -> Callable[[Callable[[Any, Any, Context], Done]], Callable[[Any, Any, Context], Done]]:
    """Add a recipe: decorate the function ``(model, params, context) -> Done`` that changes a model in place.

    Parameters
    ----------
    params : type
        Its parameters, a subclass of `Params`.
    family : str or sequence of str
        The models that it changes: torch, sklearn, onnx, scores.
    room : {"compression", "mitigation"}
    rebuild : callable, optional
        Brings a fresh torch module to the shape that the stored weights fit.
    rule : bool
        Whether it fits a rule behind the scores and leaves the model as it is.
    tasks : tuple of str
        The tasks that it is for, by default those of its room.

    Raises
    ------
    InputError
        The name is taken or is no name.
    """
    _check_name("recipe", name, _DASHED)
    claim("recipe", name, _caller(), ours=any(name == known for _, known in registry()))
    return _enter(name, params, family=family, room=room, rebuild=rebuild, rule=rule, tasks=tasks or None)


def add_section(name: str) -> Callable[[Tells], Tells]:
    """Add a report section: decorate the function ``(result, variant) -> GuestSection``.

    It stands before the section on the data where a configuration names it in ``report.sections``. The result
    is the whole ``audit.json``, the variant the one that the page speaks of (None where there is none). What
    the function gives is text: it is escaped, and markup in it is shown as it is written.

    Raises
    ------
    InputError
        The name is taken or is no name.
    """
    _check_name("section", name, _DASHED)
    claim("section", name, _caller(), ours=False)
    guest = owner("section", name)

    def enter(tells: Tells) -> Tells:
        SECTIONS[name] = str(guest), tells
        return tells

    return enter


def add_regime(regime: Regime) -> None:
    """Add a regime, which ``report.regimes`` of a configuration names, or ``fairweigh report --regime``.

    Its ``pages`` give the files ``regimes/NAME.*``, or files in ``regimes/NAME``. `regime_page` renders a
    template ``page.html.j2`` of the guest's on the form that all regimes share; what it prints is escaped.

    Raises
    ------
    InputError
        The name is taken or is no name, or there are figures without their type or a type without figures.
    """
    _check_name("regime", regime.name, _DASHED)
    if (regime.figures is None) != (regime.figures_type is None):
        raise InputError(f"the regime {regime.name!r}: expected figures and figures_type, or neither")
    claim("regime", regime.name, _caller(), ours=regime.name in _regimes())
    _keep_regime(regime, str(owner("regime", regime.name)))


def _check_name(what: str, name: str, form: re.Pattern[str]) -> None:
    if not form.fullmatch(name):
        mark = "_" if form is _WORD else "-"
        expected = f"a name of small letters, digits and {mark!r}, beginning with a letter"
        raise InputError(f"{what}: expected {expected}, got {name!r}")


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise InputError(f"task: expected one of {', '.join(TASKS)}, got {task!r}")


def _caller() -> str:
    """The module that calls a function of this one."""
    return str(sys._getframe(2).f_globals.get("__name__", ""))
