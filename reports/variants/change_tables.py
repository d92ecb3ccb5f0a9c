"""The tables of one variant before and after: flips, metrics, gaps, and what the flips did."""

from __future__ import annotations

from ...audit.result import (
    USABLE,
    AuditResult,
    Change,
    Comparison,
    Estimate,
    Flips,
    GapChange,
    SliceResult,
    Variant,
)
from ..slices.tables import NO_REASON, Cell, Notes, Row, Table, with_limits
from ..words.formats import UNDEFINED, Kind, count, figure, interval, p_value
from ..words.language import later, say, tr
from ..words.meaning import Meaning, gained_head, lost_head
from ..words.order import feature_sets, slices_by
from ..words.spoken import (
    Sentence,
    compared_kind,
    compared_slices,
    metric_kind,
    plain,
    slice_name,
    title_of,
)
from ..words.turned import directed, turned_heads

PAIRS_PER_TABLE = 3
"""Metrics of a table: each takes two columns."""


def worst_flips(item: Comparison, most: int) -> tuple[list[Flips], int]:
    """Choose the slices that flip most, small ones last, and count the others."""
    rows = [flips for flips in item.flips if flips.slice]
    rows.sort(key=lambda flips: (flips.status != "ok", -(flips.rate or 0)))
    return rows[:most], max(len(rows) - most, 0)


def flips_table(rows: list[Flips], item: Comparison, meaning: Meaning) -> Table:
    """Lay out the flips of slices by direction, with all rows as the last line."""
    sided = directed(item)
    lines = [_flips_row(flips, sided) for flips in rows]
    lines += [_flips_row(item.overall, sided)] if item.overall is not None else []
    sides = (lost_head(meaning), gained_head(meaning)) if directed(item) else turned_heads()
    heads = [
        ("n", tr("rows")),
        *sides,
        (tr("Flip rate"), tr("decisions changed / rows")),
        (tr("Ratio"), tr("to the flip rate of all other rows")),
        (tr("Adjusted p"), tr("exact, against all other rows; Holm over all slices of the comparison")),
    ]
    return Table(heads, lines)


def _flips_row(flips: Flips, sided: bool) -> Row:
    ratio = Cell("")
    if flips.ratio is not None:
        limits = "" if flips.ratio_low is None else interval(flips.ratio_low, flips.ratio_high, "ratio")
        ratio = Cell(figure(flips.ratio, "ratio"), limits)
    p = Cell("")
    if flips.p is not None:
        adjusted = p_value(flips.p if flips.p_adjusted is None else flips.p_adjusted)
        alone = p_value(flips.p)
        p = Cell(adjusted, "" if adjusted == alone else tr("alone {p}", p=alone))
    limits = "" if flips.low is None else interval(flips.low, flips.high, "percent")
    cells = [
        Cell(count(flips.n)),
        Cell(count(flips.lost if sided else flips.spoiled)),
        Cell(count(flips.gained if sided else flips.mended)),
        Cell(figure(flips.rate, "percent"), limits),
        ratio,
        p,
    ]
    return Row(slice_name(flips.slice), cells, small=flips.status == "small", emphasis=not flips.slice)


EFFECTS = (
    (later("Right to wrong"), later("rows decided rightly before and wrongly after"), "spoiled"),
    (later("Wrong to right"), later("rows decided wrongly before and rightly after"), "mended"),
    (
        later("Excess loss"),
        later("accuracy loss of the slice minus that of all rows; positive: it pays more"),
        "excess_loss",
    ),
    (later("Score shift"), later("mean change of the score"), "score_shift"),
    (
        later("Calibration shift"),
        later("change of mean score minus share of positives"),
        "calibration_shift",
    ),
    (later("KL"), later("mean Kullback-Leibler divergence of the scores, in nats"), "kl"),
)


def effects_table(rows: list[Flips], item: Comparison) -> Table | None:
    """Lay out what the flips did to accuracy and to the scores; only the columns that the run has."""
    everyone = [*rows, *([item.overall] if item.overall is not None else [])]
    # Where no decision is the favourable one, the table of flips tells what became right and wrong.
    told = () if directed(item) else ("spoiled", "mended")
    shown = [
        effect
        for effect in EFFECTS
        if effect[2] not in told and any(getattr(flips, effect[2]) is not None for flips in everyone)
    ]
    if not shown:
        return None
    lines = [
        Row(
            slice_name(flips.slice),
            [Cell(_effect(name, getattr(flips, name))) for _, _, name in shown],
            small=flips.status == "small",
            emphasis=not flips.slice,
        )
        for flips in everyone
    ]
    return Table([(tr(head), tr(explained)) for head, explained, _ in shown], lines)


def _effect(name: str, value: float | None) -> str:
    if value is None:
        return UNDEFINED
    if name in ("spoiled", "mended"):
        return count(value)
    if name == "excess_loss":
        return figure(value, "points")
    return figure(value, "index") if name == "kl" else figure(value, "signed", decimals=4)


def overall_changes(item: Comparison, result: AuditResult) -> Table | None:
    """Lay out the change of every metric over all rows."""
    rows = [change for change in item.changes if not change.slice and change.view is None]
    return _changes(rows, result, by_metric=True) if rows else None


def worst_changes(item: Comparison, result: AuditResult, most: int) -> tuple[Table | None, int]:
    """Lay out the changes of metrics in slices, the most harmful first, and count the others."""
    rows = [change for change in item.changes if change.slice and change.view is None]
    rows.sort(key=lambda change: _harm(change, result), reverse=True)
    listed = rows[:most]
    return (_changes(listed, result, by_metric=False) if listed else None), len(rows) - len(listed)


def _harm(change: Change, result: AuditResult) -> tuple[bool, bool, float]:
    """Order by what is shown: the limit nearer to no change, on the side that harms; bare values last."""
    if change.value is None:
        return False, False, float("-inf")
    definition = result.definitions.get(change.metric)
    better = definition.better if definition is not None else None
    low = change.value if change.low is None else change.low
    high = change.value if change.high is None else change.high
    harm = {"higher": -high, "lower": low}.get(better or "", max(low, -high))
    return change.status in USABLE, change.low is not None, harm


def _changes(rows: list[Change], result: AuditResult, *, by_metric: bool) -> Table:
    notes = Notes()
    lines = [
        Row(
            _named(change, result, by_metric=by_metric),
            _change_cells(change, result, notes),
            small=change.status == "small",
        )
        for change in rows
    ]
    heads = [
        ("n", tr("rows in the denominator before")),
        (tr("Before"), ""),
        (tr("After"), ""),
        (tr("Change"), tr("after − before, paired interval")),
        ("p", tr("two-sided, paired")),
    ]
    return Table(heads, lines, notes)


def _named(change: Change, result: AuditResult, *, by_metric: bool) -> Sentence:
    title = title_of(change.metric, result.definitions)
    return (title,) if by_metric else say("{metric}, {slices}", metric=title, slices=slice_name(change.slice))


def _change_cells(change: Change, result: AuditResult, notes: Notes) -> list[Cell]:
    kind = metric_kind(change.metric, result.definitions)
    signed = compared_kind("change", change.metric, result.definitions)
    if change.value is None:
        moved = Cell(UNDEFINED, note=notes.letter(change.why or NO_REASON))
    else:
        moved = with_limits(change.value, change.low, change.high, signed)
    same = change.p_adjusted is None or p_value(change.p_adjusted) == p_value(change.p)
    adjusted = "" if same else tr("adjusted {p}", p=p_value(change.p_adjusted))
    return [
        Cell(count(change.n)),
        Cell(figure(change.before, kind)),
        Cell(figure(change.after, kind)),
        moved,
        Cell(p_value(change.p), adjusted),
    ]


def worst_gap_changes(item: Comparison, result: AuditResult, most: int) -> tuple[Table | None, int]:
    """Lay out the gaps before and after, the ones shown to grow most first, and count the others."""
    rows = sorted((gap for gap in item.gap_changes if gap.view is None), key=_growth, reverse=True)
    listed = rows[:most]
    if not listed:
        return None, 0
    notes = Notes()
    lines = [
        Row(
            say(
                "{metric}, {slices}",
                metric=title_of(gap.metric, result.definitions),
                slices=compared_slices(gap.slice, gap.reference),
            ),
            _gap_cells(gap, result, notes),
            small=gap.status == "small",
        )
        for gap in listed
    ]
    heads = [
        (tr("Gap before"), tr("slice − reference")),
        (tr("Gap after"), tr("slice − reference")),
        (tr("Gap grows by"), tr("|after| − |before|: positive when the gap has grown")),
    ]
    return Table(heads, lines, notes), len(rows) - len(listed)


def _growth(gap: GapChange) -> tuple[bool, bool, float]:
    """Order by what is shown: the lower limit of the growth; bare values last."""
    least = gap.worse if gap.worse_low is None else gap.worse_low
    return gap.status in USABLE, gap.worse_low is not None, float("-inf") if least is None else least


def _gap_cells(gap: GapChange, result: AuditResult, notes: Notes) -> list[Cell]:
    kind = compared_kind("change", gap.metric, result.definitions)
    if gap.worse is None:
        grown = Cell(UNDEFINED, note=notes.letter(gap.why or NO_REASON))
    else:
        grown = with_limits(gap.worse, gap.worse_low, gap.worse_high, kind)
    return [Cell(figure(gap.before, kind)), Cell(figure(gap.after, kind)), grown]


def paired_slices(
    before: Variant, after: Variant, item: Comparison, result: AuditResult, most: int
) -> tuple[list[tuple[SliceResult, SliceResult]], int]:
    """Pair the slices of single features; where there are too many, those that flip most, others counted."""
    found = {repr(sorted(row.slice.items())): row for row in after.slices}
    pairs = [
        (row, found[name])
        for by in feature_sets(result, before)
        for row in slices_by(before, by)
        if len(by) == 1 and (name := repr(sorted(row.slice.items()))) in found
    ]
    if len(pairs) <= most:
        return pairs, 0
    rates = {repr(sorted(f.slice.items())): (f.status == "ok", f.rate or 0) for f in item.flips}
    pairs.sort(key=lambda pair: rates.get(repr(sorted(pair[0].slice.items())), (False, 0.0)), reverse=True)
    return pairs[:most], len(pairs) - most


def paired_tables(
    rows: list[tuple[SliceResult, SliceResult]], names: list[str], result: AuditResult
) -> list[Table]:
    """Lay out the metrics of slices before and after, each with its interval."""
    tables = []
    for start in range(0, len(names), PAIRS_PER_TABLE):
        shown = names[start : start + PAIRS_PER_TABLE]
        lines = [
            Row(
                slice_name(before.slice),
                [
                    _estimate(side.metrics.get(name), metric_kind(name, result.definitions))
                    for name in shown
                    for side in (before, after)
                ],
                small=before.status == "small",
            )
            for before, after in rows
        ]
        heads = [
            (plain(say(when, metric=title_of(name, result.definitions))), "")
            for name in shown
            for when in (later("{metric} before"), later("{metric} after"))
        ]
        tables.append(Table(heads, lines))
    return tables


def _estimate(estimate: Estimate | None, kind: Kind) -> Cell:
    if estimate is None or estimate.value is None:
        return Cell(UNDEFINED)
    return with_limits(estimate.value, estimate.low, estimate.high, kind)
