"""The report that a reviewer files: one HTML file, no network, one script of ours that sorts tables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...audit.result import AuditResult, Definition, Variant
from ..drawing.engine import UndrawableError
from ..slices import tables
from ..slices.appendix import appendix
from ..slices.gate_tables import gate_rows
from ..slices.twins import twins
from ..tasks import Part, telling
from ..variants.chapter import chapter
from ..variants.cost_tables import readable
from ..words import formats
from ..words import spoken as words
from ..words.gates_together import gates_together
from ..words.language import TAGS, install, language, listed, series, tr, writing
from ..words.lookup import binding_gates, is_comparison, own_words, told_of
from ..words.translated import titled, translated
from .breaks import pieces
from .differences import differences_table
from .first_screen import first_screen
from .guests import guest_sections
from .reviewer import compositions, limits
from .sections import Section, feature_sections, score_sections
from .undecided import undecided

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render_annex(
    result: AuditResult,
    *,
    charts: bool = True,
    language: str = "en",
    regimes: Sequence[tuple[str, str]] = (),
    drawn: bool = True,
    tell: Callable[[str], None] = lambda line: None,
    report: str = "report.html",
) -> str:
    """Render the annex, which holds every figure, as one HTML file.

    Parameters
    ----------
    result
        The audit; every figure in the annex is one of its figures.
    charts
        Draw the charts; without them the annex holds the same figures in its tables, and neither
        altair nor vl_convert is imported.
    language
        ``en`` or ``zh``.
    regimes
        Title and address, relative to the report's, of the pages to refer to; without an address no link.
    drawn
        False: as where the chart engine does not work, with a sentence in place of the charts.
    tell
        Called with a line where that turns out.
    report
        Address of the report that it belongs to; empty: it is not referred to.

    Returns
    -------
    str
        A whole HTML document that refers to nothing outside itself but the report and its regimes' pages.
    """
    with writing(language, own_words(result)):
        if drawn or not charts:
            try:
                return _page(result, charts, regimes, report)
            except UndrawableError as error:
                tell(f"the report has no charts: {error}")
        return _page(result, False, regimes, report, undrawn=True)


def _page(
    result: AuditResult,
    charts: bool,
    regimes: Sequence[tuple[str, str]],
    report: str,
    *,
    undrawn: bool = False,
) -> str:
    variant = told_of(result)
    told = telling(result)
    of_all = Part(result, variant, (), "all", charts=charts) if variant else None
    sections: list[Section] = feature_sections(result, variant, charts=charts) if variant else []
    page = environment().get_template("annex.html.j2")
    return page.render(
        result=result,
        data=result.data,
        variant=variant,
        first=first_screen(result),
        gates=gate_rows(binding_gates(result), result),
        together=gates_together(result),
        chapter=chapter(result, charts=charts),
        twins=twins(result, charts=charts),
        differences=differences_table(result),
        features=[section for section in sections if len(section.by) == 1],
        intersections=[section for section in sections if len(section.by) > 1],
        scores=score_sections(result, variant, charts=charts) if variant and told.one_score else [],
        told=told,
        of_all=told.of_all(of_all) if of_all else [],
        behind=told.scores(of_all) if of_all else None,
        overall=tables.overall_rows(result, variant) if variant else None,
        variants=tables.variant_rows(result, told.columns),
        definitions=_shown_definitions(result, variant),
        compositions=compositions(result, variant) if variant else [],
        limits=limits(result),
        undecided=undecided(result),
        guests=guest_sections(result, variant),
        appendix=appendix(result, variant) if variant else None,
        charts=charts,
        undrawn=undrawn,
        regimes=regimes,
        report=report,
        language=TAGS[language()],
    )


def _shown_definitions(result: AuditResult, variant: Variant | None) -> list[Any]:
    """Select the definitions of what the report shows, in the order of the audit."""
    if variant is None:
        return list(result.definitions.values())
    shown = {*variant.overall}
    shown |= {name for metrics in variant.overall_views.values() for name in metrics}
    shown |= {item.name for item in variant.disparities} | {item.metric for item in variant.disparities}
    shown |= {gate.metric for gate in result.gates}
    return [definition for name, definition in result.definitions.items() if name in shown]


@cache
def environment(more: Path | None = None) -> Environment:
    """Return the environment of the HTML templates: everything escaped, the filters, the messages.

    Parameters
    ----------
    more
        A folder of templates of its own, looked into first.
    """
    from jinja2 import FileSystemLoader, StrictUndefined

    from .compiled import Compiled

    ours = Path(__file__).parents[1] / "templates"
    made = Compiled(
        ours,
        loader=FileSystemLoader([more, ours] if more else ours),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    install(made)
    made.filters.update(
        sentence=_sentence,
        plain=words.plain,
        given=_given,
        features=lambda by: _sentence(words.features_name(by)),
        headed=lambda result: _sentence(_title(result)),
        headed_plainly=lambda result: "".join(_title(result)),
        slice=lambda part: _sentence(words.slice_name(part)),
        behind=_behind,
        count=formats.count,
        confidence=formats.confidence,
        number=lambda value: formats.figure(value, "number"),
        readable=lambda value: _sentence(readable(value)),
        json=_json,
        svg=_svg,
        date=_date,
        verdict=words.verdict_words,
        verdict_word=words.verdict_word,
        text=lambda text: _sentence((text,)),
        titled=lambda text: _sentence((titled(text),)),
        translated=lambda text: _sentence(translated(text)),
        plainly=lambda text: "".join(translated(text)),
        listed=lambda parts: _sentence(listed(parts)),
        series=lambda parts: _sentence(series(parts)),
        givens=lambda values: _sentence(listed(words.Given(value) for value in values)),
        other_names=_other_names,
        quoted=_quoted,
        scoped=_scoped,
        versions=_versions,
    )
    made.globals["sp"] = lambda: tr("{sentence} {next}", sentence="", next="")
    return made


def _title(result: AuditResult) -> words.Sentence:
    """The title of a comparison of two runs is ours, any other the user's."""
    return translated(result.title) if is_comparison(result) else (words.Given(result.title),)


def _other_names(item: Definition) -> Markup:
    """Print the names that a figure has in other libraries."""
    from markupsafe import Markup

    known = (("fairlearn", item.fairlearn), ("AIF360", item.aif360), ("Aequitas", item.aequitas))
    names = "".join(listed(f"{library} {name}" for library, name in known if name))
    return Markup('<span translate="no">{}</span>').format(words.visible(names))


def _versions(result: AuditResult) -> list[str]:
    """Name the software of a run with its versions."""
    env = result.environment
    own = {"fairweigh": env.fairweigh, "Python": env.python}
    return [f"{name} {version}" for name, version in (own | env.packages).items()]


def _quoted(text: str) -> Markup:
    """Print a source in the language that it is written in."""
    from markupsafe import Markup

    return Markup('<span lang="en">{}</span>').format(words.visible(text))


def _scoped(rules: str, within: str) -> Markup:
    """Let rules of a style hold in one element alone; they are flat, without conditions."""
    from markupsafe import Markup

    def inside(found: re.Match[str]) -> str:
        return ",".join(f"{within} {one.strip()}" for one in found[1].split(",")) + "{"

    # What goes in is a style sheet of ours.
    return Markup(re.sub(r"([^{}]+)\{", inside, str(rules)))


def _finalize(value: Any) -> Any:
    """Make hidden characters of every printed text visible; markup of ours passes."""
    return words.visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _given(text: Any) -> Markup:
    """Print text of the data isolated, so that right-to-left text does not turn its surroundings."""
    from markupsafe import Markup, escape

    # What is printed most often: `Markup.format` takes five times as long.
    return Markup(f"<bdi>{'<wbr>'.join(map(escape, pieces(words.visible(str(text)))))}</bdi>")


def _sentence(pieces: Iterable[str]) -> Markup:
    from markupsafe import Markup, escape

    return Markup("").join(
        _given(piece) if isinstance(piece, words.Given) else escape(piece) for piece in pieces
    )


def _behind(text: str) -> Markup:
    """Write the value behind a figure as the attribute that tables are sorted by, where there is one."""
    from markupsafe import Markup

    value = text.value if isinstance(text, formats.Shown) else None
    if value is None:
        return Markup()
    digits = f"{value:.7g}".replace("inf", "Infinity")
    return Markup(' data-value="{}"').format(digits)


def _json(value: Any) -> Markup:
    """Print a configuration with its lines; JSON itself escapes the control characters in strings."""
    from markupsafe import escape

    lines = json.dumps(value, indent=2, ensure_ascii=False, default=str).split("\n")
    return escape("\n".join(words.visible(line) for line in lines))


def _svg(text: str) -> Markup:
    """Print an image that charts have built: its texts were escaped there."""
    from markupsafe import Markup

    return Markup(text)


def _date(created: str) -> str:
    """Write a UTC time to the minute, such as ``2026-11-23 10:11 UTC``; other text as it stands."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return tr(
        "{year}-{month}-{day} {time} UTC",
        year=f"{moment:%Y}", month=f"{moment:%m}", day=f"{moment:%d}", time=f"{moment:%H:%M}",
    )  # fmt: skip
