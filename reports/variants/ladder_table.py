"""The ladder: one row per variant, with what it costs, how well it decides, and what it changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...audit.result import AuditResult, Change, Comparison, Cost, Standing, Variant, Verdict
from ..tasks import telling
from ..words.formats import (
    UNDEFINED,
    Kind,
    count,
    decimals_beside,
    figure,
    interval,
    magnitude,
    milliseconds,
)
from ..words.kinds import has_mitigated, made_words
from ..words.language import say, tr
from ..words.lookup import audit_timing, cheaper_needs, comparison_of, has_ladder, performance_of, standing_of
from ..words.meaning import gained_head, lost_head
from ..words.spoken import Sentence, compared_kind, gate_limit, metric_kind, title_of
from ..words.turned import directed
from ..words.worst_gap import gap_kind, worst_gap_words
from .release import missed_words


@dataclass(frozen=True)
class Entry:
    """A figure of the ladder, the lines under it, and what its bar is as long as (None: it has none)."""

    text: str
    under: list[Sentence] = field(default_factory=list)
    length: float | None = None


@dataclass(frozen=True)
class Step:
    """One variant on the ladder.

    ``misses``: gates and targets that it does not pass; ``missed_before``: where it passes all, those that it
    did not pass on the rows of the choice; ``failed``: why its recipe could not be carried out, or
    (``unscored``) what was given not be scored.
    """

    name: str
    marks: list[str]
    cells: list[Entry]
    verdict: Verdict | None = None
    worst: Sentence = ()
    misses: list[Sentence] = field(default_factory=list)
    missed_before: list[Sentence] = field(default_factory=list)
    failed: str = ""
    unscored: bool = False

    @property
    def chosen(self) -> bool:
        """Whether it is the one recommended."""
        return any(mark in self.marks for mark in (recommended_mark(), chosen_mark()))


@dataclass(frozen=True)
class Ladder:
    """All variants, the original first; only the columns that the run has figures for.

    ``judged``: there are verdicts; ``floored``: self-flips were measured; ``timed``: so were costs;
    ``longest``: the longest bar of each column, 0 where it has none.
    """

    heads: list[str]
    steps: list[Step]
    judged: bool
    floored: bool
    timed: bool = False
    longest: tuple[float, ...] = ()


def ladder(result: AuditResult) -> Ladder | None:
    """Lay out the variants; None where there is but one model."""
    if not has_ladder(result):
        return None
    costly = any(variant.cost for variant in result.variants)
    # Where nothing is required every variant passes, which says nothing.
    judged = result.frontier is not None and bool(result.gates)
    metric = performance_of(result)
    heads = [tr("Storage"), tr("Time")] * costly
    heads += [str(title_of(metric, result.definitions))] if metric else []
    heads += [tr("Largest gap")] * (result.frontier is not None)
    heads += [tr(telling(result).change.head)] * _decides(result)
    steps = [_step(variant, result, costly, metric) for variant in result.variants]
    steps += [Step(item.name, [], [], failed=item.why, unscored=not item.steps) for item in result.failed]
    floored = any(variant.self_flips for variant in result.variants)
    columns = zip(*(step.cells for step in steps if step.cells), strict=True)
    longest = tuple(max((cell.length or 0.0 for cell in column), default=0.0) for column in columns)
    return Ladder(heads, steps, judged, floored, timed=costly, longest=longest)


def _decides(result: AuditResult) -> bool:
    """Whether decisions can change."""
    return telling(result).plain or any(item.overall is not None for item in result.comparisons)


def performance_title(result: AuditResult) -> str:
    """Name the metric that stands for performance; empty when there is none."""
    name = performance_of(result)
    return str(title_of(name, result.definitions)) if name else ""


def _step(variant: Variant, result: AuditResult, costly: bool, metric: str) -> Step:
    item = comparison_of(result, variant.name)
    standing = standing_of(result.frontier, variant.name)
    first = variant is result.variants[0]
    misses = missed_words(result, standing)
    before = standing_of(result.frontier, variant.name, selection=True)
    cells = [_storage(variant.cost, result), _time(variant.cost, first=first)] * costly
    cells += [_performance_entry(variant, item, metric, result)] if metric else []
    cells += [_gap(standing, gap_kind(result))] if result.frontier is not None else []
    cells += [_flips(variant, item)] * _decides(result)
    return Step(
        variant.name,
        marks(variant, result),
        cells,
        _verdict(standing, result),
        worst_gap_words(result, standing),
        misses,
        [] if misses else missed_words(result, before, verdicts=False),
    )


def _verdict(standing: Standing | None, result: AuditResult) -> Verdict | None:
    """A variant's verdict; None where no gate speaks of it."""
    if standing is None or not any(gate.variant == standing.variant for gate in result.gates):
        return None
    return standing.verdict


def marks(variant: Variant, result: AuditResult) -> list[str]:
    """Say what sets a variant apart: its kind among several, recommended, nearest, on the frontier, first."""
    standing = standing_of(result.frontier, variant.name)
    found = [made_words(variant)] if has_mitigated(result) and variant is not result.variants[0] else []
    if result.frontier is not None and variant.name == result.frontier.recommended:
        certified = standing is None or standing.verdict == "pass"
        mark = chosen_mark() if cheaper_needs(result, variant.name) else recommended_mark()
        found.append(mark if certified else tr("chosen, not certified"))
        if certified and result.frontier.certified is False:
            found.append(tr("not certified"))
    if result.frontier is not None and variant.name == result.frontier.nearest:
        found.append(tr("nearest"))
    if standing is not None and standing.on_frontier:
        found.append(tr("on the frontier"))
    if variant is result.variants[0] and variant.name != "original":
        found.append(tr("original") if result.frontier else tr("before"))
    return found


def recommended_mark() -> str:
    """Mark the variant that is recommended."""
    return tr("★ cheapest that passes")


def chosen_mark() -> str:
    """Mark the one that is chosen though a cheaper one passes, which needs a sensitive feature to decide."""
    return tr("★ chosen: needs no sensitive feature")


def _storage(cost: Cost | None, result: AuditResult) -> Entry:
    if cost is None or cost.storage is None:
        return Entry(UNDEFINED)
    limits = {gate_limit(g) for g in result.gates if g.compare == "cost" and g.metric == "storage"}
    places = max((decimals_beside([cost.storage], limit, "percent") for limit in limits), default=None)
    size = (magnitude(cost.stored_bytes, "B"),)
    return Entry(figure(cost.storage, "percent", decimals=places), [size], cost.storage)


def _time(cost: Cost | None, *, first: bool) -> Entry:
    if cost is None:
        return Entry(UNDEFINED)
    timing = audit_timing(cost)
    if timing is None:
        return Entry(figure(cost.compute, "percent"), [], cost.compute)
    if first:
        return Entry(figure(cost.compute, "percent"), [(milliseconds(timing.p50_ms),)], cost.compute)
    spread = interval(timing.ratio_low, timing.ratio_high, "percent")
    return Entry(figure(timing.ratio, "percent"), [(spread,), *time_remark(cost)], timing.ratio)


def time_remark(cost: Cost) -> list[Sentence]:
    """Say when the time at the audit's batch is no saving."""
    timing = audit_timing(cost)
    if timing is None or timing.saving:
        return []
    if timing.ratio_low > timing.null_high:
        return [say("slower")]
    return [say("no saving beyond the noise")]


def _performance_entry(variant: Variant, item: Comparison | None, metric: str, result: AuditResult) -> Entry:
    estimate = variant.overall.get(metric)
    kind = metric_kind(metric, result.definitions)
    if estimate is None or estimate.value is None:
        return Entry(UNDEFINED)
    change = _change(item, metric)
    if change is None or change.value is None:
        return Entry(figure(estimate.value, kind), [(interval(estimate.low, estimate.high, kind),)])
    signed = compared_kind("change", metric, result.definitions)
    moved = (figure(change.value, signed),)
    return Entry(figure(estimate.value, kind), [moved, (interval(change.low, change.high, signed),)])


def _change(item: Comparison | None, metric: str) -> Change | None:
    changes = item.changes if item is not None else []
    return next((c for c in changes if c.metric == metric and not c.slice), None)


def _gap(standing: Standing | None, kind: Kind) -> Entry:
    if standing is None:
        return Entry(UNDEFINED)
    mean: list[Sentence] = (
        [say("mean {gap}", gap=figure(standing.mean_gap, kind))] if standing.mean_gap is not None else []
    )
    return Entry(figure(standing.worst_gap, kind), mean, standing.worst_gap)


def _flips(variant: Variant, item: Comparison | None) -> Entry:
    overall = item.overall if item is not None else None
    under: list[Sentence] = []
    if overall is not None and overall.low is not None:
        under.append((interval(overall.low, overall.high, "percent"),))
    if variant.self_flips is not None:
        under.append(say("by itself {rate}", rate=figure(variant.self_flips.rate, "percent")))
    rate = overall.rate if overall is not None else None
    return Entry(figure(rate, "percent"), under, rate)


def trade_off(result: AuditResult) -> Ladder | None:
    """Lay out what fairness costs each variant; None for a run without a mitigated one or a frontier."""
    if result.frontier is None or not has_mitigated(result):
        return None
    meaning, sided = result.data.positive_is, all(map(directed, result.comparisons))
    changed = [gained_head(meaning)[0], lost_head(meaning)[0]] * sided
    heads = [performance_title(result), tr("Change"), tr("Largest gap"), *changed]
    judged = bool(result.gates)
    return Ladder(
        heads, [_price(variant, result, sided) for variant in result.variants], judged, floored=False
    )


def _price(variant: Variant, result: AuditResult, sided: bool) -> Step:
    metric, item = performance_of(result), comparison_of(result, variant.name)
    kind = metric_kind(metric, result.definitions)
    signed = compared_kind("change", metric, result.definitions)
    standing = standing_of(result.frontier, variant.name)
    level, change = variant.overall.get(metric), _change(item, metric)
    overall = item.overall if item is not None else None
    changed = [Entry(count(n)) for n in ((overall.gained, overall.lost) if overall else (None, None))]
    return Step(
        variant.name,
        marks(variant, result),
        [
            _with_limits(level.value, level.low, level.high, kind) if level else Entry(UNDEFINED),
            _with_limits(change.value, change.low, change.high, signed) if change else Entry(UNDEFINED),
            Entry(figure(standing.worst_gap if standing else None, gap_kind(result))),
            *(changed if sided else []),
        ],
        _verdict(standing, result),
        worst_gap_words(result, standing),
    )


def _with_limits(value: float | None, low: float | None, high: float | None, kind: Kind) -> Entry:
    return Entry(figure(value, kind), [] if low is None else [(interval(low, high, kind),)])
