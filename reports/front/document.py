"""The report that is read and filed: a front page, a page per feature, gates, variants, data, sign-off.

Every figure behind it stands in the annex, a document of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...audit.result import AuditResult
from ..blocks import Block, Heading
from ..page.finding_words import Finding
from ..page.findings import findings
from ..page.first_screen import first_screen
from ..page.html import environment
from ..page.reviewer import signed_files
from ..page.undecided import undecided
from ..slices.gate_tables import gate_rows
from ..tasks import Part, telling
from ..variants.ladder_table import ladder
from ..variants.release import release
from ..words.gates_together import gates_together
from ..words.language import TAGS, Given, language, listed, say, writing
from ..words.lookup import binding_gates, has_ladder, own_words
from ..words.order import feature_sets
from ..words.spoken import title_of
from .beside import beside_the_matrix
from .chart import leading_chart
from .exchange import exchange
from .feature import feature_pages
from .follow import followed
from .looked_up import Told
from .matrix import matrix
from .named_verdict import named_verdict

REPORT, ANNEX = "report.html", "annex.html"
MOST_FINDINGS = 3
MOST_ALSO = 6
"""Gates named beside the matrix; the rest is counted."""


def render_report(
    result: AuditResult,
    *,
    language: str = "en",
    charts: bool = True,
    regimes: Sequence[tuple[str, str]] = (),
    annex: str = ANNEX,
) -> str:
    """Render the report as one HTML file.

    Parameters
    ----------
    result
        The audit; every figure in the report is one of its figures.
    language
        ``en`` or ``zh``.
    charts
        Draw slices on their axes; without them the same figures stand in words alone.
    regimes
        Title and address, relative to the report's, of the pages to refer to.
    annex
        Address of the annex; empty: it is not referred to.

    Returns
    -------
    str
        A whole HTML document that refers to nothing outside itself but its annex and its regimes' pages.
    """
    with writing(language, own_words(result)):
        return _document(result, charts, regimes, annex)


def _document(result: AuditResult, charts: bool, regimes: Sequence[tuple[str, str]], annex: str) -> str:
    told = Told.of(result)
    page = environment().get_template("report.html.j2")
    gates = gate_rows(binding_gates(result), result)
    front = _front(told, result)
    return page.render(
        result=result,
        data=result.data,
        first=first_screen(result),
        findings=_findings(result),
        undecided=undecided(result),
        most_also=MOST_ALSO,
        gates=gates,
        together=gates_together(result),
        suite=_suite(result, charts),
        items=telling(result).page,
        ladder=ladder(result) if has_ladder(result) else None,
        release=release(result),
        signed=list(signed_files(result)),
        regimes=regimes,
        charts=charts,
        annex=annex,
        language=TAGS[language()],
        also=[] if told is None else beside_the_matrix(told, gates, front["matrix"]),
        gap_figures=listed(title_of(one, result.definitions) for one in result.frontier.gaps)
        if result.frontier
        else (),
        needs={v.name: v.recipe.needs for v in result.variants if v.recipe is not None},
        **front,
    )


def _suite(result: AuditResult, charts: bool) -> list[Block]:
    """What is shown of a suite's items: over all variants, and what each change does to them."""
    told = telling(result)
    blocks = told.of_suite(result, result.variants, charts, "suite")
    if not blocks:
        return []
    for k, item in enumerate(result.comparisons, start=1):
        named = say("{after} against {before}", after=Given(item.after), before=Given(item.before))
        changes = told.of_changes(item, Part(result, result.variants[0], (), f"suite-{k}", charts))
        blocks += [Heading(named), *changes]
    return blocks


def _findings(result: AuditResult) -> list[Finding]:
    return findings(result, MOST_FINDINGS)


def _front(told: Told | None, result: AuditResult) -> dict[str, Any]:
    """What speaks of a variant; empty for a result without one."""
    if told is None:
        names = ("told", "verdict", "matrix", "lead", "exchange")
        return dict.fromkeys(names) | {"pages": [], "follow": []}
    annexes = {by: f"slices-{k}" for k, by in enumerate(feature_sets(result, told.variant), start=1)}
    pages = feature_pages(told, annexes)
    return {
        "told": told,
        "verdict": named_verdict(told),
        "matrix": matrix(told),
        "lead": leading_chart(told),
        "exchange": exchange(told),
        "pages": pages,
        "follow": followed(told, pages),
    }
