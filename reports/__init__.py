"""Renderers of an ``AuditResult``: HTML, JUnit, Markdown.

They compute nothing: a figure in a report is a figure in ``audit.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..audit.result import AuditResult

__all__ = ["render"]


def render(result: AuditResult, *, charts: bool = True, language: str = "en") -> dict[str, str]:
    """Render a result in every form that a run's folder holds.

    Parameters
    ----------
    result
        The audit.
    charts
        Draw the charts of the HTML report.
    language
        Of the HTML report: ``en`` or ``zh``. The forms for machines and merge requests are in English.

    Returns
    -------
    dict of str to str
        File name to text: ``report.html``, ``junit.xml``, ``summary.md``.
    """
    from .html import render_html
    from .junit import render_junit
    from .markdown import render_markdown

    return {
        "report.html": render_html(result, charts=charts, language=language),
        "junit.xml": render_junit(result),
        "summary.md": render_markdown(result),
    }
