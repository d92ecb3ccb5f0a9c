"""The page of the four-fifths rule."""

from __future__ import annotations

from dataclasses import dataclass

from ..audit.regimes.result import AgainstHighest, FourFifths, FourFifthsFeature, RegimeResult, Swap
from ..audit.result import AuditResult
from .formats import UNDEFINED, count, figure, p_value
from .language import Sentence, later, say, sentences, tr, tr_n
from .regimes import Group, Line, Table, page
from .words import Given, plain, value_name

TITLE = later("Four-fifths rule (29 CFR 1607.4(D))")


@dataclass(frozen=True)
class Feature:
    """A sensitive feature: what its figures say, and its tables."""

    name: Given
    findings: list[Sentence]
    tables: list[Table]


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the page."""
    assert isinstance(regime.figures, FourFifths)
    features = [_feature(item) for item in regime.figures.features]
    return page(regime, result, tr(TITLE), features=features)


def _feature(item: FourFifthsFeature) -> Feature:
    compared = [g for g in item.groups if g.p is not None]
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
    heads = [tr("People"), tr("Share"), tr("Selected"), tr("Selection rate"), tr("Ratio to the highest")]
    tables = [_table(caption, heads, [_line(g, item, _rates(g)) for g in item.groups])]
    if compared:
        heads = [
            tr("Fisher exact p"),
            tr("Standard deviations"),
            tr("Shortfall"),
            tr("Selections to four fifths"),
        ]
        caption = tr("Each group against the one with the highest selection rate.")
        tables.append(_table(caption, heads, [_line(g, item, _tests(g)) for g in compared]))
        heads = [tr("Ratio"), tr("One person instead"), tr("Two more selected")]
        caption = tr("The ratio, and what it would be with other selections.")
        tables.append(_table(caption, heads, [_line(g, item, _others(g)) for g in compared]))
    return Feature(Given(item.feature), _findings(item), tables)


def _table(caption: str, heads: list[str], lines: list[Line]) -> Table:
    return Table(caption, heads, [Group("", lines)])


def _findings(item: FourFifthsFeature) -> list[Sentence]:
    """What a reader with one minute should know of a feature."""
    if item.highest is None:
        return [say("Fewer than two groups can be compared.")]
    best = next(group for group in item.groups if group.value == item.highest)
    if best.rate == 0:
        return [say("Nobody is selected in any group: there is no ratio.")]
    out = [
        say(
            "{group} has the highest selection rate, {rate}.",
            group=(value_name(best.value),),
            rate=figure(best.rate, "percent"),
        )
    ]
    if best.under_two_percent:
        out.append(
            say(
                "That group is fewer than 2 % of the people. The input exclude_below compares the others "
                "with the highest rate among larger groups."
            )
        )
    below = [group for group in item.groups if group.below]
    for group in below:
        out.append(
            say(
                "{group}: the selection rate is {ratio} of the highest, below four fifths.",
                group=(value_name(group.value),),
                ratio=_ratio(group),
            )
        )
    if not below:
        out.append(say("No group compared has a ratio below four fifths."))
    return out


def _line(group: AgainstHighest, item: FourFifthsFeature, cells: list[str]) -> Line:
    marks = [tr("highest rate")] * (group.value == item.highest)
    marks += [tr("under 2 %")] * group.under_two_percent + [tr("not compared")] * group.left_out
    return Line((value_name(group.value),), cells, marks, bool(group.below))


def _rates(group: AgainstHighest) -> list[str]:
    return [
        count(group.n),
        figure(group.share, "percent"),
        count(group.selected),
        figure(group.rate, "percent"),
        "" if group.left_out else _ratio(group),
    ]


def _tests(group: AgainstHighest) -> list[str]:
    return [
        p_value(group.p),
        figure(group.standard_deviations, "signed", decimals=2),
        figure(group.shortfall, "number", decimals=1),
        count(group.to_four_fifths),
    ]


def _others(group: AgainstHighest) -> list[str]:
    return [_ratio(group), _swapped(group.one_instead), _swapped(group.two_more)]


def _ratio(group: AgainstHighest) -> str:
    """The ratio, with as many decimals as keep it apart from four fifths."""
    if group.ratio is None:
        return UNDEFINED
    places = next((k for k in (2, 3, 4, 5) if (round(group.ratio, k) < 0.8) == group.below), 6)
    return figure(group.ratio, "ratio", decimals=places)


def _swapped(swap: Swap | None) -> str:
    if swap is None:
        return tr("not possible")
    ratio = figure(swap.ratio, "ratio", decimals=3) if swap.ratio is not None else UNDEFINED
    if swap.reversed:
        return tr("{ratio}, the higher rate", ratio=ratio)
    if swap.below is None:
        return ratio
    return tr("{ratio}, below", ratio=ratio) if swap.below else tr("{ratio}, not below", ratio=ratio)
