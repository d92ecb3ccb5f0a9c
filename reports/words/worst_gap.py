"""What a variant does to performance and to the largest gap, in words."""

from __future__ import annotations

from ...audit.result import AuditResult, Comparison, Standing
from ...told import Told
from .formats import Kind, figure, interval
from .language import Sentence, say
from .lookup import performance_of, standing_of
from .spoken import Given, compared_kind, compared_slices, title_of
from .translated import translated


def performance_words(
    result: AuditResult, item: Comparison | None, standing: Standing | None
) -> list[Sentence]:
    """Say what a variant does to performance and, where it stands, what its largest gap is."""
    told: list[Sentence] = []
    metric = performance_of(result)
    found = next((c for c in item.changes if c.metric == metric and not c.slice), None) if item else None
    if found is not None and found.value is not None:
        kind = compared_kind("change", metric, result.definitions)
        told.append(
            say(
                "{metric} changes by {value} ({limits}).",
                metric=title_of(metric, result.definitions),
                value=figure(found.value, kind),
                limits=interval(found.low, found.high, kind),
            )
        )
    if standing is not None and standing.worst_gap is not None and result.frontier is not None:
        told.append(_worst_gap_moved(result, standing, standing.worst_gap))
    return told


def _worst_gap_moved(result: AuditResult, standing: Standing, worst: float) -> Sentence:
    kind = gap_kind(result)
    gap: Sentence = (figure(worst, kind),)
    first = standing_of(result.frontier, result.variants[0].name) if result.variants else None
    if first is not None and first.worst_gap is not None:
        gap = say("{after} (before: {before})", after=gap, before=figure(first.worst_gap, kind))
    what = worst_gap_words(result, standing)
    if not what:
        return say("The largest gap is {gap}.", gap=gap)
    return say("The largest gap is {gap}: {what}.", gap=gap, what=what)


def worst_gap_words(result: AuditResult, standing: Standing | None) -> Sentence:
    """Say where a variant's largest gap is, with the metric by its title."""
    if standing is None or not standing.worst_gap_what:
        return ()
    if (gap := standing.worst_gap_of) is not None:
        return say(
            "{metric}, {slices}",
            metric=title_of(gap.metric, result.definitions),
            slices=compared_slices(gap.slice, gap.reference),
        )
    # A run of an earlier state tells it in words alone.
    what = standing.worst_gap_what
    metric, comma, where = what.partition(", ")
    where = what.parts.get("slices", where) if isinstance(what, Told) else where
    if comma and metric in result.definitions:
        return say(
            "{metric}, {slices}", metric=title_of(metric, result.definitions), slices=translated(where)
        )
    return (Given(what),)


def gap_kind(result: AuditResult) -> Kind:
    """Say how gaps are shown: as points where the judged metrics are rates, else as plain numbers."""
    names = result.frontier.gaps if result.frontier else []
    kinds = {compared_kind("change", name, result.definitions) for name in names}
    if kinds == {"moved"}:
        return "amount"
    return "gap" if kinds <= {"points"} else "number"
