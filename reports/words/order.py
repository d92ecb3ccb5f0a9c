"""What the report shows and in which order: features, intersections, metrics, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...audit.result import AuditResult, Definition, Disparity, ScoreDetail, SliceResult, Variant
from ...bands import UNKNOWN, in_order

CHART_ROWS = 40
TABLE_ROWS = 200


def key_metrics(result: AuditResult, variant: Variant) -> list[str]:
    """Select the metrics that the variant has and a reader looks for first; the ones that are charted."""
    return [name for name in result.priorities.key if name in variant.overall]


def shown_metrics(result: AuditResult, variant: Variant) -> list[str]:
    """List every metric of the variant: the key ones first, then the others as the audit orders them."""
    first = key_metrics(result, variant)
    return first + [name for name in variant.overall if name not in first]


def feature_sets(result: AuditResult, variant: Variant) -> list[tuple[str, ...]]:
    """List the sets of features that have slices: single ones as the data names them, then intersections."""
    seen = dict.fromkeys(tuple(row.slice) for row in variant.slices if row.slice)
    rank = {column: position for position, column in enumerate(result.data.sensitive)}

    def position(by: tuple[str, ...]) -> tuple[int, list[int]]:
        return len(by), [rank.get(column, len(rank)) for column in by]

    unique = {frozenset(by): by for by in seen}
    return sorted(unique.values(), key=position)


def slices_by(variant: Variant, by: Iterable[str]) -> list[SliceResult]:
    """Select the slices of one set of features: bands by their edges, else the largest first.

    Unknown values come last.
    """
    wanted = frozenset(by)
    rows = [row for row in variant.slices if frozenset(row.slice) == wanted]
    rows.sort(key=lambda row: (row.unknown, -row.n))
    if len(wanted) != 1:
        return rows
    (feature,) = wanted
    place = places([row.slice[feature] for row in rows if not row.unknown])
    return sorted(rows, key=lambda row: (row.unknown, place.get(row.slice[feature], len(rows))))


def places(values: Sequence[str]) -> dict[str, int]:
    """Return the place of each value of a feature: that of bands by their edges, else as they come."""
    ordered = list(dict.fromkeys(values))
    return {value: place for place, value in enumerate(in_order(ordered) or ordered)}


def by_edges(details: Sequence[ScoreDetail]) -> list[ScoreDetail]:
    """Sort the curves of slices of one feature: bands by their edges, others as they come."""
    found = list(details)
    names = {tuple(detail.slice) for detail in found}
    if len(names) != 1 or len(*names) != 1:
        return found
    (feature,) = next(iter(names))
    place = places([detail.slice[feature] for detail in found if detail.slice[feature] != UNKNOWN])
    return sorted(found, key=lambda detail: place.get(detail.slice[feature], len(place)))


def disparities_by(variant: Variant, by: Iterable[str], scope: str) -> list[Disparity]:
    """Select the disparities of one set of features and one scope, as the audit orders them."""
    wanted = frozenset(by)
    return [item for item in variant.disparities if frozenset(item.by) == wanted and item.scope == scope]


def leading_metric(result: AuditResult, variant: Variant, by: Iterable[str]) -> str | None:
    """Choose the metric that intersections are sorted by: a gated one, else one with a better side.

    One that has the same value in every slice is the last choice, as it orders nothing.
    """
    wanted = frozenset(by)
    names = key_metrics(result, variant)
    gated = [gate.metric for gate in result.gates if gate.by]
    here = [gate.metric for gate in result.gates if frozenset(gate.by) == wanted]
    usual = [*result.priorities.leading, *names, *variant.overall]
    known = [name for name in here + gated + usual if name in variant.overall]
    rows = slices_by(variant, by)

    def differs(name: str) -> bool:
        values = {row.metrics[name].value for row in rows if row.status == "ok" and name in row.metrics}
        return len(values - {None}) > 1

    return next(filter(differs, known), next(iter(known), None))


def worst_first(
    rows: list[SliceResult], metric: str | None, definitions: Mapping[str, Definition]
) -> list[SliceResult]:
    """Sort slices by a metric, the worst first; small slices after the others, undefined ones last."""
    if metric is None:
        return rows
    definition = definitions.get(metric)
    sign = -1.0 if definition is not None and definition.better == "lower" else 1.0

    def badness(row: SliceResult) -> tuple[int, float]:
        estimate = row.metrics.get(metric)
        if estimate is None or estimate.value is None:
            return 2, 0.0
        return int(row.status != "ok"), sign * estimate.value

    return sorted(rows, key=badness)
