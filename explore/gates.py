"""The gates as the page asks them anew: what each is on, or why no count of rows by score answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..audit.config import Config, Gate
from ..audit.result import AuditResult, GateResult
from ..audit.verdict.gate import gate_id
from ..metrics.entry import Metric
from ..metrics.limit import Limit
from ..reports.words.spoken import gate_kind, gate_limit_words, gate_title, plain
from ..tasks import AGGREGATES
from .shares import is_counted, is_steady
from .views import View

TASK, WHOLE, COST, SCORES, LABELS = "task", "whole", "cost", "scores", "labels"
BASELINE, DRAWN, EACH, CHOICE = "baseline", "drawn", "each", "choice"
CLUSTERS, OTHER, UNKNOWN, MISSING = "clusters", "other", "unknown", "missing"
"""Why a gate stays as it was audited: the task has no threshold; it is on all classes together; a cost; a
figure of the scores, or of the labels; a change from a run whose rows are not here; limits that are drawn at
random; each class in turn; the choice of the variant; rows that depend on each other; more than counts by
score; the audit compared nothing; its variant is not there."""

CHANGE, GROWTH = "change", "growth"
JOINT = (CHANGE, GROWTH)
"""Forms that ask for the same rows before and after."""


def gates(result: AuditResult, config: Config, views: Sequence[View]) -> list[dict[str, Any]]:
    """Return every gate of the run with its audited verdict, and how it is asked anew."""
    asked = {gate_id(gate, k): gate for k, gate in enumerate(config.gates)}
    return [_gate(one, asked.get(one.id), result, views) for one in result.gates]


def _gate(told: GateResult, asked: Gate | None, result: AuditResult, views: Sequence[View]) -> dict[str, Any]:
    audited = {"verdict": told.verdict, "measured": told.measured, "low": told.low, "high": told.high}
    named = {
        "slice": [told.slice[f] for f in told.by if f in told.slice],
        "reference": list((told.reference or {}).values()),
    }
    place = next((k for k, view in enumerate(views) if view.name == told.view), 0)
    view = views[place]
    found: dict[str, Any] = {
        "id": told.id, "variant": told.variant, "binding": told.binding, "metric": told.metric, "by": told.by,
        "view": place,
        "title": plain(gate_title(told, result.definitions)),
        "asks": plain(gate_limit_words(told, result.definitions)),
        "kind": gate_kind(told, result.definitions),
        "audited": audited | named,
    }  # fmt: skip
    why = _as_audited(told, asked, result, view)
    if why is None and asked is not None:
        form = _form(told, asked, result, view.task.metrics)
        if form is not None:
            return found | form
        why = UNKNOWN
    band = Limit.parse(asked.limit).value if asked is not None and asked.compare == "difference" else None
    # Of one that asks for each class, those of the class that decides it.
    parts = [part for part in told.slices if told.by and part.view in (None, told.view)]
    claims = [[_key(part.slice, told.by), part.verdict] for part in parts]
    return found | {"as_audited": why, "band": band, "claims": [one for one in claims if one[0] is not None]}


def _as_audited(told: GateResult, asked: Gate | None, result: AuditResult, view: View) -> str | None:
    """Why a gate is not asked anew; None where it is."""
    if told.variant not in [variant.name for variant in result.variants]:
        return MISSING
    if asked is None:
        return CHOICE
    if asked.cost is not None:
        return COST
    if view.rows_of.as_two is None:
        return TASK
    if told.against == "baseline":
        return BASELINE
    if asked.of_class == "each":
        return EACH
    of = [view.task.metrics[name] for name in _named(asked) if name in view.task.metrics]
    if of and all("decision" not in metric.needs for metric in of):
        return LABELS if all(metric.of_labels for metric in of) else SCORES
    if view.classes is None:
        return WHOLE
    if not of or not all(map(is_counted, of)):
        return OTHER
    if told.decide == "proven" and result.data.cluster is not None:
        return CLUSTERS
    if told.decide == "proven" and asked.compare == "change" and not all(map(is_steady, of)):
        return DRAWN
    return None


def _named(asked: Gate) -> tuple[str, ...]:
    """The metrics that a gate is on."""
    return tuple(AGGREGATES[asked.metric].metrics) if asked.metric in AGGREGATES else (asked.metric,)


def _form(
    told: GateResult, asked: Gate, result: AuditResult, metrics: Mapping[str, Metric]
) -> dict[str, Any] | None:
    """What a gate asks, of which slices; None where its reference is not known from the result."""
    limit = Limit.parse(asked.limit)
    form: dict[str, Any] = {
        "metrics": list(_named(asked)), "limit": limit.value, "upper": limit.upper,
        "proven": told.decide == "proven", "small": asked.include_small, "unknown": asked.include_unknown,
        "only": None, "fold": "none", "form": "value",
    }  # fmt: skip
    if asked.slice is not None:
        form["only"] = _key(told.slices[0].slice, told.by) if told.slices else None
        if form["only"] is None:
            return None
    if asked.metric in AGGREGATES:
        return form | {"form": "extremes", "ratio": asked.metric.endswith("_ratio")}
    if asked.compare == "value":
        return form
    if asked.compare == "change" and asked.by is None:
        return form | {"form": CHANGE}
    metric, burden = metrics[asked.metric], result.data.positive_is == "burden"
    ratio = asked.compare == "ratio"
    wanted, growth = asked.reference, asked.compare == "change"
    if wanted is None and ratio and metric.impact:
        wanted = "lowest" if burden else "highest"
    if wanted in ("highest", "lowest") and not growth:
        return form | {"form": "picked", "ratio": ratio, "highest": wanted == "highest"}
    reference = next((s.reference for s in told.slices if s.reference), None)
    if reference is None:
        return None
    # One that nobody named has to be large enough itself.
    given = wanted is None and all(f in result.configuration["slices"]["reference"] for f in told.by)
    fixed = given or wanted not in (None, "largest")
    form |= {"form": "reference", "ratio": ratio, "reference": _key(reference, told.by), "named": fixed}
    if growth:
        return form | {"form": GROWTH, "picked": wanted in ("highest", "lowest")}
    if not ratio:
        return form | {"fold": "difference"}
    if asked.reference is None:
        return form | {"fold": "ratio"}
    if burden and metric.impact:
        return form | {"limit": 1 / limit.value, "upper": True}
    return form


def _key(part: Mapping[str, str], by: list[str]) -> list[str] | None:
    """The values of a slice, in the order of the features; None where it has not all of them."""
    return [part[feature] for feature in by] if set(by) <= set(part) else None
