"""Renderers of an ``AuditResult``: HTML, JUnit, Markdown.

They compute nothing: a figure in a report is a figure in ``audit.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..audit.regimes.result import RegimeResult
    from ..audit.result import AuditResult

__all__ = ["render"]


def render(
    result: AuditResult,
    *,
    charts: bool = True,
    language: str = "en",
    regimes: Sequence[RegimeResult] = (),
    drawn: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Render a result in every form that a run's folder holds.

    Parameters
    ----------
    result
        The audit.
    charts
        Draw the charts of the HTML report.
    language
        Of the HTML report and the regimes' pages: ``en`` or ``zh``. The forms for machines and merge
        requests are in English.
    regimes
        Those that the run holds.
    drawn, tell
        As `render_annex` takes them.

    Returns
    -------
    dict of str to str
        File name to text: ``report.html``, ``annex.html``, ``figures.csv``, ``junit.xml``, ``summary.md``,
        and the pages of the regimes.
    """
    from .front.document import render_report
    from .page.html import render_annex
    from .plain.figures_csv import render_csv
    from .plain.junit import render_junit
    from .plain.markdown import render_markdown
    from .regimes.pages import regime_links, regime_pages

    pages = {regime.regime: regime_pages(regime, result, language) for regime in regimes}
    links = regime_links(pages, language)
    return {
        **{name: text for files in pages.values() for name, text in files.items()},
        "report.html": render_report(result, language=language, charts=charts, regimes=links),
        "annex.html": render_annex(
            result, charts=charts, language=language, regimes=links, drawn=drawn, tell=tell
        ),
        "figures.csv": render_csv(result),
        "junit.xml": render_junit(result),
        "summary.md": render_markdown(result),
    }
