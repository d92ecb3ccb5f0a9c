"""A result as a notebook shows it: verdict, findings and gates, in the colours of the notebook."""

from __future__ import annotations

from ...audit.result import AuditResult
from ..slices.gate_tables import gate_rows
from ..variants.release import release
from ..words import spoken as words
from ..words.gates_together import gates_together
from ..words.judged_by import judged_by
from ..words.language import TAGS, language, writing
from ..words.lookup import binding_gates, own_words
from .findings import findings
from .html import environment


def render_notebook(result: AuditResult, folder: str | None = None, *, language: str = "en") -> str:
    """Render a compact summary: an HTML fragment without script, links or anything outside itself.

    Text takes the notebook's own colour and nothing has a background, so that it reads in light and dark
    themes; a verdict is a sign and a word. Notebooks that are not trusted drop the style, and it still reads.

    Parameters
    ----------
    folder
        The run folder, which is told as text.
    language
        ``en`` or ``zh``.
    """
    with writing(language, own_words(result)):
        return _fragment(result, folder)


def _fragment(result: AuditResult, folder: str | None) -> str:
    page = environment().get_template("notebook.html.j2")
    return page.render(
        result=result,
        verdict=words.verdict_words(result.verdict),
        reason=words.verdict_reason(result),
        findings=findings(result),
        gates=gate_rows(binding_gates(result), result),
        together=gates_together(result),
        release=release(result),
        judged=judged_by(result),
        several=len(result.variants) > 1,
        folder=folder,
        language=TAGS[language()],
    )
