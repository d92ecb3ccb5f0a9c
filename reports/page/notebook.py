"""A result as a notebook shows it: verdict, leading chart, findings, gates, in the notebook's colours."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from ...audit.result import AuditResult
from ..front.chart import leading_chart
from ..front.looked_up import Told
from ..front.named_verdict import named_verdict
from ..slices.gate_tables import gate_rows
from ..words import spoken as words
from ..words.gates_together import gates_together
from ..words.judged_by import judged_by
from ..words.language import TAGS, language, writing
from ..words.lookup import binding_gates, own_words
from .findings import findings
from .html import environment

REPORT = "report.html"


def render_notebook(result: AuditResult, folder: Path | None = None, *, language: str = "en") -> str:
    """Render a card: an HTML fragment without script or anything outside itself but a link to the report.

    Text takes the notebook's own colour and nothing has a background, so that it reads in light and dark
    themes; a verdict is a sign and a word. Its style holds in the card alone. Notebooks that are not trusted
    drop style and drawings, and it still reads.

    Parameters
    ----------
    folder
        The run folder, whose report is referred to where there is one.
    language
        ``en`` or ``zh``.
    """
    with writing(language, own_words(result)):
        return _fragment(result, folder)


def _fragment(result: AuditResult, folder: Path | None) -> str:
    told = Told.of(result)
    named = named_verdict(told) if told is not None else None
    verdict = named.verdict if named is not None else result.verdict
    return (
        environment()
        .get_template("notebook.html.j2")
        .render(
            result=result,
            told=told,
            named=named,
            verdict=verdict,
            judged_at_all=named is not None and result.verdict != "no verdict",
            state=words.verdict_words(verdict),
            reason=words.verdict_reason(result),
            lead=leading_chart(told) if told is not None else None,
            findings=findings(result),
            gates=gate_rows(binding_gates(result), result),
            together=gates_together(result),
            judged=judged_by(result),
            several=len(result.variants) > 1,
            folder=str(folder) if folder is not None else "",
            # Of another policy's verdict the folder's report says nothing.
            report=report_address(folder) if folder is not None and result.policy is None else None,
            charts=True,
            alone=True,
            language=TAGS[language()],
        )
    )


def report_address(folder: Path) -> str | None:
    """Where a notebook finds a run's report: None where it has none.

    Below the working directory, which is the notebook's own folder, the address is relative to it: servers of
    notebooks and pages made of notebooks find it by that. Elsewhere it is the address of the file.
    """
    report = (folder / REPORT).absolute()
    if not report.is_file():
        return None
    if report.is_relative_to(Path.cwd()):
        return "./" + quote(report.relative_to(Path.cwd()).as_posix())
    return report.as_uri()
