"""The page of a credit model: adverse impact ratios and standardised mean differences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult
from ...reports.regimes.pages import Group, Line, Table, page
from ...reports.words.formats import confidence, count, decimals_beside, figure, interval, p_value, read_limit
from ...reports.words.language import Sentence, later, say, tr
from ...reports.words.spoken import Given, value_name
from .types import Credit, CreditFeature, CreditGroup

HERE = Path(__file__).parent
TITLE = later("Credit: adverse impact ratio and standardised mean difference")


@dataclass(frozen=True)
class Feature:
    """A sensitive feature: what its figures say, and its tables."""

    name: Given
    findings: list[Sentence]
    tables: list[Table]


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the page."""
    figures = regime.figures
    assert isinstance(figures, Credit)
    return page(
        HERE,
        regime,
        result,
        tr(TITLE),
        features=[_feature(item, figures) for item in figures.features],
        air_limit=f"{figures.air_limit:g}",
        smd_limit=f"{figures.smd_limit:g}" if figures.smd_limit is not None else "",
    )


def _feature(item: CreditFeature, figures: Credit) -> Feature:
    level = confidence(figures.confidence)
    caption = tr(
        "Approvals, and the adverse impact ratio to the control group with its {level} interval.", level=level
    )
    heads = [
        tr("Applicants"),
        tr("Approved"),
        tr("Approval rate"),
        tr("Adverse impact ratio"),
        tr("Fisher exact p"),
    ]
    tables = [Table(caption, heads, [Group("", [_approvals(g, figures) for g in item.groups])])]
    if item.spread is not None:
        caption = tr(
            "Scores: the difference of means to the control group in standard deviations ({spread}), with "
            "its {level} interval.",
            spread=figure(item.spread, "number"),
            level=level,
        )
        heads = [tr("Mean score"), tr("Standardised mean difference"), tr("Direction")]
        tables.append(Table(caption, heads, [Group("", [_scores(g, figures) for g in item.groups])]))
    return Feature(Given(item.feature), _findings(item, figures), tables)


def _findings(item: CreditFeature, figures: Credit) -> list[Sentence]:
    reference = (value_name(item.reference),)
    out = [say("Control group: {group}.", group=reference)]
    if item.unknown:
        out.append(say("{n} applicants of an unknown group are in no figure.", n=count(item.unknown)))
    if all(g.air is None for g in item.groups):
        out.append(say("Nobody in the control group is approved: there is no ratio."))
    for group in item.groups:
        name = (value_name(group.value),)
        if group.air_beyond:
            out.append(
                say(
                    "{group}: adverse impact ratio {air}, below the limit of {limit} that was set.",
                    group=name, air=_air(group, figures), limit=f"{figures.air_limit:g}",
                )
            )  # fmt: skip
        if group.smd_beyond:
            out.append(
                say(
                    "{group}: standardised mean difference {smd}, to its disadvantage by more than the limit "
                    "of {limit} that was set.",
                    group=name, smd=_smd(group, figures), limit=f"{figures.smd_limit:g}",
                )
            )  # fmt: skip
    if not any(g.air_beyond or g.smd_beyond for g in item.groups):
        out.append(say("No group is beyond the limits that were set."))
    return out


def _line(group: CreditGroup, cells: list[str], beyond: bool | None) -> Line:
    marks = [tr("control group")] * group.reference + [tr("beyond the limit")] * bool(beyond)
    return Line((value_name(group.value),), cells, marks, bool(beyond))


def _approvals(group: CreditGroup, figures: Credit) -> Line:
    cells = [count(group.n), count(group.approved), figure(group.rate, "percent")]
    if group.reference:
        return _line(group, [*cells, "", ""], False)
    limits = f" ({interval(group.air_low, group.air_high, 'ratio')})" if group.air is not None else ""
    return _line(group, [*cells, _air(group, figures) + limits, p_value(group.p)], group.air_beyond)


def _scores(group: CreditGroup, figures: Credit) -> Line:
    mean = figure(group.mean, "number")
    if group.reference or group.smd is None:
        return _line(group, [mean, "" if group.reference else "—", ""], False)
    limits = (
        f" ({interval(group.smd_low, group.smd_high, 'signed', decimals=2)})"
        if group.smd_low is not None
        else ""
    )
    return _line(group, [mean, _smd(group, figures) + limits, _direction(group, figures)], group.smd_beyond)


def _direction(group: CreditGroup, figures: Credit) -> str:
    assert group.smd is not None
    if group.smd == 0:
        return tr("equal")
    return tr("disadvantage") if (group.smd < 0) == figures.lower_is_worse else tr("advantage")


def _air(group: CreditGroup, figures: Credit) -> str:
    limit = read_limit(f">= {figures.air_limit!r}")
    return figure(group.air, "ratio", decimals=decimals_beside([group.air], limit, "ratio"))


def _smd(group: CreditGroup, figures: Credit) -> str:
    if figures.smd_limit is None:
        return figure(group.smd, "signed", decimals=2)
    limit = read_limit(f"<= {figures.smd_limit!r}")
    places = decimals_beside([group.smd], limit, "signed")
    return figure(group.smd, "signed", decimals=max(2, places - 1) if places == 3 else places)
