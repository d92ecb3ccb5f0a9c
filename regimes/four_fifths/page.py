"""The page of the four-fifths rule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult
from ...reports.regimes.pages import Group, Line, Table, page
from ...reports.words.formats import UNDEFINED, count, figure, p_value
from ...reports.words.language import Sentence, later, say, sentences, series, tr, tr_n
from ...reports.words.spoken import Given, plain, value_name
from .types import AgainstHighest, FourFifths, FourFifthsFeature, FourFifthsTable, Swap

HERE = Path(__file__).parent
TITLE = later("Four-fifths rule (29 CFR 1607.4(D))")


@dataclass(frozen=True)
class Feature:
    """A sensitive feature: what its figures say, its tables, and both again with small groups."""

    name: Given
    findings: list[Sentence]
    tables: list[Table]
    with_small: list[Sentence]
    tables_with_small: list[Table]


@dataclass(frozen=True)
class Words:
    """Heads and sentences that hang on which group is the benchmark: the highest rate, or the lowest."""

    best: str
    ratio: str
    missing: str
    selections: str
    more: str
    mark: str
    against: str
    below: str
    is_better: str


HIGHEST = Words(
    best=later("{group} has the highest selection rate, {rate}."),
    ratio=later("Ratio to the highest"),
    missing=later("Shortfall"),
    selections=later("Selections to four fifths"),
    more=later("Two more selected"),
    mark=later("highest rate"),
    against=later("Each group against the one with the highest selection rate."),
    below=later("{group}: the selection rate is {ratio} of the highest, below four fifths."),
    is_better=later("{ratio}, the higher rate"),
)
LOWEST = Words(
    best=later("To be selected is a burden: the benchmark is the lowest selection rate, {rate} of {group}."),
    ratio=later("Lowest rate / its rate"),
    missing=later("Excess"),
    selections=later("Selections above four fifths"),
    more=later("Two fewer selected"),
    mark=later("lowest rate"),
    against=later("Each group against the one with the lowest selection rate."),
    below=later("{group}: the lowest selection rate is {ratio} of this group’s, below four fifths."),
    is_better=later("{ratio}, the lower rate"),
)


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the page."""
    figures = regime.figures
    assert isinstance(figures, FourFifths)
    features = [_feature(item, figures) for item in figures.features]
    words = _words(figures)
    heads = {key: tr(getattr(words, key)) for key in ("ratio", "missing", "selections", "more")}
    burden = figures.positive_is == "burden"
    return page(HERE, regime, result, tr(TITLE), features=features, heads=heads, burden=burden)


def _words(figures: FourFifths) -> Words:
    return LOWEST if figures.positive_is == "burden" else HIGHEST


def _feature(item: FourFifthsFeature, figures: FourFifths) -> Feature:
    known = tr_n("{n} person", "{n} people", item.n, n=count(item.n))
    caption = tr("Selection rates of {known} whose group is known.", known=known)
    if item.unknown:
        unknown = tr_n(
            "{n} person of an unknown group is in no figure.",
            "{n} people of an unknown group are in no figure.",
            item.unknown,
            n=count(item.unknown),
        )
        caption = plain(sentences([caption, unknown]))
    findings = [*_findings(item, figures), *_small(item, figures)]
    with_small: list[Sentence] = []
    tables: list[Table] = []
    if item.with_small is not None:
        with_small = _findings(item.with_small, figures)
        caption_with = tr("Selection rates, small groups compared as well.")
        tables = _tables(item.with_small, caption_with, figures)
    return Feature(Given(item.feature), findings, _tables(item, caption, figures), with_small, tables)


def _tables(item: FourFifthsTable, caption: str, figures: FourFifths) -> list[Table]:
    words = _words(figures)
    heads = [tr("People"), tr("Share"), tr("Selected"), tr("Selection rate"), tr(words.ratio)]
    tables = [_table(caption, heads, [_line(g, item, _rates(g), words) for g in item.groups])]
    compared = [g for g in item.groups if g.value != _benchmark(item) and g.ratio is not None]
    if not compared:
        return tables
    against = [tr(words.against)]
    if item.deviations is not None:
        against.append(
            tr(
                "Among {k} groups, {z} standard deviations or more count for more than chance.",
                k=count(item.compared), z=figure(item.deviations, "number", decimals=2),
            )
        )  # fmt: skip
    heads = [tr("Adjusted p"), tr("Standard deviations"), tr(words.missing), tr(words.selections)]
    lines = [_line(g, item, _tests(g, figures), words) for g in compared]
    tables.append(_table(plain(sentences(against)), heads, lines))
    heads = [tr("Ratio"), tr("One person instead"), tr(words.more)]
    caption = tr("The ratio, and what it would be with other selections.")
    tables.append(_table(caption, heads, [_line(g, item, _others(g, words), words) for g in compared]))
    return tables


def _benchmark(item: FourFifthsTable) -> str | None:
    """The group that others are compared with; files of earlier runs name the highest alone."""
    return item.benchmark or item.highest


def _table(caption: str, heads: list[str], lines: list[Line]) -> Table:
    return Table(caption, heads, [Group("", lines)])


def _findings(item: FourFifthsTable, figures: FourFifths) -> list[Sentence]:
    """What a reader with one minute should know of a feature."""
    benchmark = _benchmark(item)
    if benchmark is None:
        return [say("Fewer than two groups can be compared.")]
    words = _words(figures)
    best = next(group for group in item.groups if group.value == benchmark)
    if all(group.ratio is None for group in item.groups):
        return [say("Nobody is selected in any group: there is no ratio.")]
    out = [say(words.best, group=(value_name(best.value),), rate=figure(best.rate, "percent"))]
    below = [group for group in item.groups if group.below]
    for group in below:
        out.append(say(words.below, group=(value_name(group.value),), ratio=_ratio(group)))
    if not below:
        out.append(say("No group compared has a ratio below four fifths."))
    if item.rate is not None and item.chance_below is not None:
        out.append(
            say(
                "Were all {k} groups selected at the same rate of {rate}, some ratio would be below 0.8 in "
                "{chance} of cases by chance alone.",
                k=count(item.compared), rate=figure(item.rate, "percent"),
                chance=figure(item.chance_below, "percent"),
            )
        )  # fmt: skip
    return out


def _small(item: FourFifthsFeature, figures: FourFifths) -> list[Sentence]:
    """Say what becomes of small groups: fewer than 2 % of the people, or than the run calls small."""
    small = [g for g in item.groups if g.small and g.n]
    if not small or figures.min_size is None:
        return []
    named = say(
        "Small groups, of fewer than 2 % of the people or than {least}: {groups}.",
        least=count(figures.min_size), groups=series([(value_name(g.value),) for g in small]),
    )  # fmt: skip
    if item.with_small is None:
        if not any(g.ratio is not None for g in small):
            return []
        kept = say("They stay in these figures: without them fewer than two groups are left to compare.")
        return [sentences([named, kept])]
    other = next((g for g in item.with_small.groups if g.value == _benchmark(item.with_small)), None)
    told = [named, say("What is said above leaves them out; the figures below have them.")]
    if other is not None and other.value != _benchmark(item):
        told.append(
            say(
                "With them the benchmark is {group}: {n} people, {rate}.",
                group=(value_name(other.value),), n=count(other.n), rate=figure(other.rate, "percent"),
            )
        )  # fmt: skip
    return [sentences(told)]


def _line(group: AgainstHighest, item: FourFifthsTable, cells: list[str], words: Words) -> Line:
    marks = [tr(words.mark)] * (group.value == _benchmark(item))
    marks += [tr("under 2 %")] * group.under_two_percent
    marks += [tr("few people")] * (group.small and not group.under_two_percent)
    marks += [tr("not compared")] * group.left_out
    return Line((value_name(group.value),), cells, marks, bool(group.below))


def _rates(group: AgainstHighest) -> list[str]:
    return [
        count(group.n),
        figure(group.share, "percent"),
        count(group.selected),
        figure(group.rate, "percent"),
        "" if group.left_out else _ratio(group),
    ]


def _tests(group: AgainstHighest, figures: FourFifths) -> list[str]:
    missing = group.shortfall
    if missing is not None and figures.positive_is == "burden":
        missing = -missing
    return [
        UNDEFINED if group.p_adjusted is None else p_value(group.p_adjusted),
        figure(group.standard_deviations, "signed", decimals=2),
        figure(missing, "number", decimals=1),
        count(group.to_four_fifths),
    ]


def _others(group: AgainstHighest, words: Words) -> list[str]:
    return [_ratio(group), _swapped(group.one_instead, words), _swapped(group.two_more, words)]


def _ratio(group: AgainstHighest) -> str:
    """The ratio, with as many decimals as keep it apart from four fifths."""
    if group.ratio is None:
        return UNDEFINED
    places = next((k for k in (2, 3, 4, 5) if (round(group.ratio, k) < 0.8) == group.below), 6)
    return figure(group.ratio, "ratio", decimals=places)


def _swapped(swap: Swap | None, words: Words) -> str:
    if swap is None:
        return tr("not possible")
    ratio = figure(swap.ratio, "ratio", decimals=3) if swap.ratio is not None else UNDEFINED
    if swap.reversed:
        return tr(words.is_better, ratio=ratio)
    if swap.below is None:
        return ratio
    return tr("{ratio}, below", ratio=ratio) if swap.below else tr("{ratio}, not below", ratio=ratio)
