"""The page of New York City's Local Law 144, in the form of the rule's tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult
from ...reports.regimes.pages import Group, Line, Table, page
from ...reports.words.formats import count, figure
from ...reports.words.language import later, listed, sentences, tr, tr_n
from ...reports.words.spoken import Given, plain, value_name
from .types import NycLL144, RuleCategory, RuleTable

HERE = Path(__file__).parent
TITLE = later("New York City Local Law 144: bias audit of an automated employment decision tool")
TITLES = {
    "sex": later("Sex categories"),
    "race": later("Race/ethnicity categories"),
    "intersection": later("Intersectional categories"),
}
HISPANIC = later("Hispanic or Latino")
NAMES = (
    later("Male"),
    later("Female"),
    HISPANIC,
    later("White"),
    later("Black or African American"),
    later("Native Hawaiian or Pacific Islander"),
    later("Asian"),
    later("Native American or Alaska Native"),
    later("Two or More Races"),
    later("unknown"),
)
"""The rule's categories."""


@dataclass(frozen=True)
class Part:
    """A table of the rule, and how it is headed."""

    title: str
    table: Table
    excluded: list[str]


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the page."""
    figures = regime.figures
    assert isinstance(figures, NycLL144)
    decimals = regime.inputs["decimals"]
    parts = [_part(table, figures.rate == "scoring", decimals) for table in figures.tables]
    return page(
        HERE,
        regime,
        result,
        tr(TITLE),
        parts=parts,
        named={key: _named(regime.inputs[f"{key}_categories"]) for key in ("sex", "race")},
        assessed=count(figures.n),
        median=figure(figures.median, "number", decimals=6) if figures.median is not None else "",
    )


def _part(table: RuleTable, scoring: bool, decimals: int) -> Part:
    heads = (
        [tr("Above the median"), tr("Scoring rate")] if scoring else [tr("Selected"), tr("Selection rate")]
    )
    applicants = tr_n("{n} applicant.", "{n} applicants.", table.n, n=count(table.n))
    unknown = tr_n(
        "{n} individual is not included because they fall within an unknown category.",
        "{n} individuals are not included because they fall within an unknown category.",
        table.unknown,
        n=count(table.unknown),
    )
    return Part(
        tr(TITLES[table.name]),
        Table(
            plain(sentences([applicants, unknown])),
            [tr("Applicants"), *heads, tr("Impact ratio")],
            _groups(table, decimals),
        ),
        [_excluded(item, scoring) for item in table.categories if item.excluded],
    )


def _named(categories: dict[str, str]) -> list[tuple[Given, str]]:
    return [(value_name(value), tr(name)) for value, name in categories.items()]


def _groups(table: RuleTable, decimals: int) -> list[Group]:
    """The rows as the rule's table has them: intersections under Hispanic or Latino, or not, and sex."""
    if table.name == "sex":
        return [Group("", [_line(item, _name(item.sex), decimals) for item in table.categories])]
    if table.name == "race":
        return [Group("", [_line(item, _race(item), decimals) for item in table.categories])]
    groups: dict[str, Group] = {}
    for item in table.categories:
        hispanic = item.race == HISPANIC
        head = tr(HISPANIC) if hispanic else tr("Not Hispanic or Latino: {sex}", sex=_name(item.sex))
        group = groups.setdefault(head, Group(head, []))
        name = _name(item.sex if hispanic else item.race)
        group.lines.append(_line(item, name, decimals))
    return list(groups.values())


def _name(category: str | None) -> str:
    return tr(category) if category else ""


def _race(item: RuleCategory) -> str:
    name = _name(item.race)
    return name if item.race == HISPANIC else tr("{race} (Not Hispanic or Latino)", race=name)


def _line(item: RuleCategory, name: str, decimals: int) -> Line:
    return Line(
        (name,),
        [
            count(item.n),
            count(item.reached),
            figure(item.rate, "percent"),
            "" if item.excluded else figure(item.impact_ratio, "ratio", decimals=decimals),
        ],
        [tr("excluded")] * item.excluded,
    )


def _excluded(item: RuleCategory, scoring: bool) -> str:
    """What the rule asks to be said of an excluded category: number and rate."""
    name = "".join(listed(tr(part) for part in (item.sex, item.race) if part))
    parts = {"name": name, "n": count(item.n), "rate": figure(item.rate, "percent")}
    parts["share"] = figure(item.share, "percent")
    if scoring:
        told = tr("{name}: {n} applicants ({share} of the data), scoring rate {rate}.", **parts)
    else:
        told = tr("{name}: {n} applicants ({share} of the data), selection rate {rate}.", **parts)
    why = tr("Named by the auditor.") if item.named else tr("Excluded by its share.")
    return "".join(sentences([told, why]))
