"""The gates as the page asks them anew: what each is on, or why no count of rows by score answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..audit.config import Config, Gate
from ..audit.result import AuditResult, GateResult
from ..audit.verdict.gate import gate_id
from ..metrics.entry import Metric
from ..metrics.limit import Limit
from ..reports.words.spoken import gate_kind, gate_limit_words, gate_title, plain
from ..tasks import AGGREGATES
from .shares import is_counted

FIXED, CHANGE, OTHER, CLUSTERS = "fixed", "change", "other", "clusters"
"""Why a gate stays as it was audited: no threshold moves it; it asks for a change of the same rows; it takes
more than counts; its rows depend on each other."""


def gates(result: AuditResult, config: Config) -> list[dict[str, Any]]:
    """Return every gate of the run with its audited verdict, and how it is asked anew."""
    asked = {gate_id(gate, k): gate for k, gate in enumerate(config.gates)}
    metrics = config.of_task.metrics
    return [_gate(one, asked.get(one.id), result, metrics) for one in result.gates]


def _gate(
    told: GateResult, asked: Gate | None, result: AuditResult, metrics: Mapping[str, Metric]
) -> dict[str, Any]:
    audited = {"verdict": told.verdict, "measured": told.measured, "low": told.low, "high": told.high}
    named = {
        "slice": [told.slice[f] for f in told.by if f in told.slice],
        "reference": list((told.reference or {}).values()),
    }
    found: dict[str, Any] = {
        "id": told.id, "variant": told.variant, "binding": told.binding, "metric": told.metric, "by": told.by,
        "title": plain(gate_title(told, result.definitions)),
        "asks": plain(gate_limit_words(told, result.definitions)),
        "kind": gate_kind(told, result.definitions),
        "audited": audited | named,
    }  # fmt: skip
    why = _as_audited(told, asked, result, metrics)
    if why is None and asked is not None:
        form = _form(told, asked, result, metrics)
        return found | (form or {"as_audited": OTHER})
    return found | {"as_audited": why}


def _as_audited(
    told: GateResult, asked: Gate | None, result: AuditResult, metrics: Mapping[str, Metric]
) -> str | None:
    """Why a gate is not asked anew; None where it is."""
    if asked is None:
        # A target of the objective, or a word on the choice of the variant.
        return OTHER
    if asked.cost is not None:
        return FIXED
    if asked.compare == "change":
        return CHANGE
    of = [metrics[name] for name in _named(asked) if name in metrics]
    if of and all("decision" not in metric.needs for metric in of):
        return FIXED
    if asked.of_class is not None or not of or not all(map(is_counted, of)):
        return OTHER
    if result.data.cluster is not None and told.decide == "proven":
        return CLUSTERS
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
    metric, burden = metrics[asked.metric], result.data.positive_is == "burden"
    ratio = asked.compare == "ratio"
    wanted = asked.reference
    if wanted is None and ratio and metric.impact:
        wanted = "lowest" if burden else "highest"
    if wanted in ("highest", "lowest"):
        return form | {"form": "picked", "ratio": ratio, "highest": wanted == "highest"}
    reference = next((s.reference for s in told.slices if s.reference), None)
    if reference is None:
        return None
    # One that nobody named has to be large enough itself.
    given = wanted is None and all(f in result.configuration["slices"]["reference"] for f in told.by)
    fixed = given or wanted not in (None, "largest")
    form |= {"form": "reference", "ratio": ratio, "reference": _key(reference, told.by), "named": fixed}
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
