"""The rows of the report's tables: what the templates lay out, already written in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...audit.result import AuditResult, Counts, Estimate, SliceResult, Variant
from ..words.formats import UNDEFINED, Kind, count, figure, interval, usual_decimals
from ..words.kinds import made_words
from ..words.language import later, say, tr
from ..words.meaning import Meaning, selected_words
from ..words.spoken import Given, Sentence, metric_kind, slice_name, title_of
from ..words.translated import titled, translated

METRICS_PER_TABLE = 6
"""More columns than these do not fit an A4 page."""

COUNTS = {
    "tp": (later("TP"), later("positive label, selected")),
    "fp": (later("FP"), later("negative label, selected")),
    "fn": (later("FN"), later("positive label, not selected")),
    "tn": (later("TN"), later("negative label, not selected")),
    "selected": (later("Selected"), ""),
    "positives": (later("Positive"), later("positive label")),
}
"""Head and explanation of each count; that of selections hangs on what a decision means."""


NO_REASON = later("Undefined; the audit gives no reason.")
NOT_COMPUTED = later("Not computed for this slice.")


class Notes:
    """Footnotes of one table: each reason once, with a letter."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def letter(self, why: str | None) -> str:
        """Give the letter of a reason; nothing for no reason."""
        if not why:
            return ""
        return self._letters.setdefault(why, _letter(len(self._letters)))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((letter, "".join(translated(why))) for why, letter in self._letters.items())

    def __bool__(self) -> bool:
        return bool(self._letters)


def _letter(position: int) -> str:
    higher, rest = divmod(position, 26)
    return (_letter(higher - 1) if higher else "") + chr(ord("a") + rest)


@dataclass(frozen=True)
class Cell:
    """One figure: its text, its interval (empty: none) and the letter of its footnote (empty: none)."""

    text: str
    interval: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    name: Sentence
    cells: list[Cell]
    small: bool = False
    unknown: bool = False
    emphasis: bool = False


@dataclass(frozen=True)
class Table:
    """A table of figures: heads as (text, explanation), rows and footnotes."""

    heads: list[tuple[str, str]]
    rows: list[Row]
    notes: Notes = field(default_factory=Notes)


def counts_table(
    rows: list[SliceResult], variant: Variant, total: int, meaning: Meaning,
    counted: Mapping[str, tuple[str, str]] = COUNTS, *, short: bool,
) -> Table:  # fmt: skip
    """Lay out the rows and counts of slices, with all rows as the last line."""
    fields = _count_fields([row.counts for row in rows] + [variant.counts], counted)
    weighted = any(row.weight is not None for row in rows)
    heads = [("n", tr("rows")), (tr("Share"), tr("of all rows"))]
    heads += [(tr("Weight"), tr("sum of the rows' weights"))] * weighted
    heads += [_count_head(counted[name], meaning) for name in fields]

    def cells(n: int, weight: float | None, counts: Counts) -> list[Cell]:
        share = Cell(figure(n / total, "percent") if total else UNDEFINED)
        weights = [Cell(count(weight))] * weighted
        return [Cell(count(n)), share, *weights, *(Cell(count(getattr(counts, name))) for name in fields)]

    lines = [
        Row(
            slice_name(row.slice, short=short),
            cells(row.n, row.weight, row.counts),
            small=row.status == "small",
            unknown=row.unknown,
        )
        for row in rows
    ]
    lines.append(Row(slice_name({}), cells(total, None, variant.counts), emphasis=True))
    return Table(heads, lines)


def _count_head(told: tuple[str, str], meaning: Meaning) -> tuple[str, str]:
    head, explained = told
    return tr(head), tr(explained) if explained else selected_words(meaning)


def _count_fields(counts: list[Counts], counted: Mapping[str, tuple[str, str]]) -> list[str]:
    """TP to TN where there are any, else what is left of them without labels or decisions."""
    present = [name for name in counted if any(getattr(item, name) is not None for item in counts)]
    confusion = [name for name in present if name in ("tp", "fp", "fn", "tn")]
    return confusion or present


def metric_tables(
    rows: list[SliceResult], variant: Variant, metrics: list[str], result: AuditResult, *, short: bool,
    most: int = METRICS_PER_TABLE,
) -> list[Table]:  # fmt: skip
    """Lay out the metrics of slices with their intervals, in as many tables as a page's width asks for."""
    tables = []
    for start in range(0, len(metrics), most):
        names = metrics[start : start + most]
        notes = Notes()
        lines = [
            Row(
                slice_name(row.slice, short=short),
                [metric_cell(name, row.metrics, result, notes) for name in names],
                small=row.status == "small",
                unknown=row.unknown,
            )
            for row in rows
        ]
        overall = [metric_cell(name, variant.overall, result, notes) for name in names]
        lines.append(Row(slice_name({}), overall, emphasis=True))
        heads = [(str(title_of(name, result.definitions)), _formula(name, result)) for name in names]
        tables.append(Table(heads, lines, notes))
    return tables


def metric_cell(name: str, metrics: Mapping[str, Estimate], result: AuditResult, notes: Notes) -> Cell:
    """Write one metric with its interval; undefined as a dash with its reason in a footnote."""
    kind = metric_kind(name, result.definitions)
    estimate = metrics.get(name)
    if estimate is None:
        return Cell(UNDEFINED, note=notes.letter(NOT_COMPUTED))
    if estimate.value is None:
        return Cell(UNDEFINED, note=notes.letter(estimate.why or NO_REASON))
    return with_limits(estimate.value, estimate.low, estimate.high, kind)


def with_limits(value: float | None, low: float | None, high: float | None, kind: Kind) -> Cell:
    """Write a figure and its interval with as many decimals."""
    places = usual_decimals(kind, value, low, high)
    limits = "" if low is None and high is None else interval(low, high, kind, decimals=places)
    return Cell(figure(value, kind, decimals=places), limits)


def _formula(name: str, result: AuditResult) -> str:
    definition = result.definitions.get(name)
    return str(titled(definition.formula)) if definition is not None else ""


def overall_rows(result: AuditResult, variant: Variant) -> Table:
    """Lay out the metrics of all rows together, one per line."""
    notes = Notes()
    lines = []
    for name, item in variant.overall.items():
        cell = metric_cell(name, variant.overall, result, notes)
        lines.append(Row((title_of(name, result.definitions),), [cell, Cell(count(item.n))]))
    return Table([(tr("Value"), ""), (tr("Rows in the denominator"), "")], lines, notes)


def variant_rows(result: AuditResult, most: int = METRICS_PER_TABLE) -> Table:
    """Lay out the variants with the key metrics of all rows, one variant per line."""
    notes = Notes()
    names = list(result.variants[0].overall)[:most] if result.variants else []
    lines = [
        Row(
            say("{variant} ({kind})", variant=Given(variant.name), kind=made_words(variant)),
            [metric_cell(name, variant.overall, result, notes) for name in names],
        )
        for variant in result.variants
    ]
    heads = [(str(title_of(name, result.definitions)), _formula(name, result)) for name in names]
    return Table(heads, lines, notes)
