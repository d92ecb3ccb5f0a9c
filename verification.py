"""What a finished run's folder proves: files, figures and pages; and what nothing in it can prove."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from ._version import __version__
from .audit.again.comparison import is_comparison
from .audit.again.finished import added_keys, read_result
from .audit.again.former import in_former_words
from .audit.again.recomputed import BROKEN, told
from .audit.again.verify import check_figures, check_files, written_here
from .audit.config import ReportSpec
from .audit.figures.describe import DRAWN_WITH, environment
from .audit.regimes.files import read_regimes, regime_file
from .audit.result import SCHEMA_VERSION
from .audit.store.folder import ARTEFACTS, AUDIT, PREDICTIONS, files
from .audit.verdict.judge import IDENTIFIED, SELECTION
from .datasets.errors import InputError
from .datasets.json_text import read_regular
from .guests import other_versions
from .needed import lacking
from .plain import shown
from .reports import render
from .reports.words.language import TAGS

if TYPE_CHECKING:
    from .audit.regimes.result import RegimeResult
    from .audit.result import AuditResult


MOST_NAMED = 5
"""Keys of a later schema that are named."""
_LANGUAGE = re.compile(rb'<html lang="([\w-]+)"')


NOT_RENDERED = "the pages, which cannot be rendered again here"


@dataclass(frozen=True)
class Verification:
    """What was found of a run.

    Attributes
    ----------
    files, figures, pages : list of str
        What differs, one line each: from the manifest and signature; from the predictions and the
        configuration; from what the figures are rendered to.
    unproven : list of str
        In words: what could not be held against anything here.
    rendered : bool
        Whether the pages were rendered again.
    """

    files: list[str]
    figures: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    rendered: bool = False


def verify(run: Path) -> Verification:
    """Check a finished run against itself; nothing in its folder is written.

    Raises
    ------
    InputError
        Not a run, one of another schema, or one that needs a guest which is not installed.
    """
    changed = check_files(run)
    if any("missing" in line or "regular files alone" in line for line in changed):
        # What is left is no run to compute anything of.
        return Verification(changed)
    try:
        result = read_result(run)
    except InputError as error:
        if not any(line.startswith(f"{AUDIT}: changed") for line in changed):
            raise
        return Verification(changed, [str(error)])
    figures = check_figures(run, result)
    if figures:
        return Verification(changed, figures)
    pages, unproven = _check_pages(run, result)
    rendered = not any(line.startswith(NOT_RENDERED) for line in unproven)
    unproven = [*_added(run, result), *unproven]
    return Verification(changed, figures, pages, [*_unproven(result), *unproven], rendered)


def _added(run: Path, result: AuditResult) -> list[str]:
    """What a later schema put into a result, which this version has not looked at."""
    added = added_keys(run) if result.schema_version != SCHEMA_VERSION else []
    names = ", ".join(shown(name) for name in added[:MOST_NAMED])
    more = f" and {len(added) - MOST_NAMED:,} more" if len(added) > MOST_NAMED else ""
    told = f"what schema {result.schema_version} has and this fairweigh does not know: {names}{more}"
    return [told] if added else []


def _check_pages(run: Path, result: AuditResult) -> tuple[list[str], list[str]]:
    """Render every page again: what is not so to the byte, and what cannot be told here."""
    if not written_here(result):
        by = other_versions(result.guest_versions)
        if result.environment.fairweigh != __version__:
            by = [f"written by fairweigh {result.environment.fairweigh}, and this is {__version__}", *by]
        return [], [f"{NOT_RENDERED}: {'; '.join(by)}"]
    if in_former_words(read_regular(run / AUDIT)):
        return [], [f"{NOT_RENDERED}: written by an earlier state of this version, in another form"]
    try:
        if lack := _lacking(run, result):
            return [], [f"{NOT_RENDERED}: {lack}"]
        regimes = read_regimes(run)
        if by := other_versions({k: v for regime in regimes for k, v in regime.guests.items()}):
            return [], [f"{NOT_RENDERED}: {'; '.join(by)}"]
        left, texts = _left(run, result, regimes)
    except (*BROKEN, TemplateError) as error:
        # What a renderer meets in parts that nothing could be held against may be anything.
        return [f"pages: cannot be rendered from {AUDIT}: {told(error)}"], []
    expected = {*texts, *_data_files(result), *(regime_file(regime.regime) for regime in regimes)}
    made = tuple(f"{ARTEFACTS}/{variant.name}/" for variant in result.variants[1:])
    odd = [name for name in files(run) if name not in expected and not name.startswith(made)]
    wrong = [f"{name}: not a file that this run has" for name in odd]
    unlike: dict[str, str] = {}
    if _drawn_elsewhere(result):
        unlike |= {n: "whose charts another version or system drew" for n in left if n.endswith(".html")}
    if _translated_otherwise(result):
        unlike |= {
            n: "in words that an earlier state of this version found" for n in left if (run / n).is_file()
        }
    wrong += [f"{name}: not what its figures are rendered to" for name in left if name not in unlike]
    return wrong, [f"{name}, {why}" for name, why in unlike.items()]


def _left(
    run: Path, result: AuditResult, regimes: Sequence[RegimeResult]
) -> tuple[list[str], dict[str, str]]:
    """The pages that no way of rendering gives, and the pages of the first way, by name."""
    spec = ReportSpec.model_validate(result.configuration.get("report") or {})
    texts = first = render(result, charts=spec.charts, language=spec.language, regimes=regimes)
    held = {name: read_regular(run / name) for name in texts if (run / name).is_file()}
    missing = [name for name in texts if name not in held]
    left = [name for name, content in held.items() if content != texts[name].encode()]
    way = _way(held.get("annex.html", b""))
    if left and way is not None and way != (spec.charts, spec.language):
        # As ``report`` was asked to render it; what the page says of itself is then true.
        texts = render(result, charts=way[0], language=way[1], regimes=regimes)
        left = [name for name in left if held[name] != texts[name].encode()]
    if left and way is not None and not way[0]:
        # A machine whose chart engine does not work gives a report that says so.
        texts = render(result, charts=True, language=way[1], regimes=regimes, drawn=False)
        left = [name for name in left if held[name] != texts[name].encode()]
    return [*missing, *left], first


def _lacking(run: Path, result: AuditResult) -> str | None:
    """Say which package the pages need that is not here; None where they can be rendered."""
    page = run / "annex.html"
    way = _way(read_regular(page)) if page.is_file() else None
    spec = ReportSpec.model_validate(result.configuration.get("report") or {})
    return lacking(spec.charts, spec.language) or (lacking(*way) if way is not None else None)


def _way(page: bytes) -> tuple[bool, str] | None:
    """Whether an annex has charts, and its language; None where it does not say.

    The report says nothing of charts: its signs of verdicts are drawn in every case.
    """
    found = _LANGUAGE.search(page)
    codes = {tag.encode(): code for code, tag in TAGS.items()}
    return (b"<svg" in page, codes[found[1]]) if found and found[1] in codes else None


def _data_files(result: AuditResult) -> list[str]:
    """The files of a run that are not rendered."""
    names = [f"{PREDICTIONS}/{variant.name}.parquet" for variant in result.variants]
    if result.frontier is not None and result.frontier.selection:
        names += [f"{PREDICTIONS}/{SELECTION}/{variant.name}.parquet" for variant in result.variants]
    return [AUDIT, *names, *([IDENTIFIED] if result.identified else [])]


def _drawn_elsewhere(result: AuditResult) -> bool:
    """Whether the machine that drew the charts had another chart engine, or other fonts perhaps."""
    here, there = environment(0, ""), result.environment
    return here.platform != there.platform or any(
        here.packages.get(name) != there.packages.get(name) for name in DRAWN_WITH
    )


def _translated_otherwise(result: AuditResult) -> bool:
    """Whether pages are in another language of a run that does not say what its texts were told from."""
    spec = ReportSpec.model_validate(result.configuration.get("report") or {})
    return spec.language != "en" and "told" not in result.model_fields_set


def _unproven(result: AuditResult) -> list[str]:
    """What nothing in a run's folder can prove, in words."""
    out = [
        "the configuration itself",
        "that the predictions are those of the model on the data: what is said of both, their checksums "
        "and the data's source, classes and warnings",
        "time, command and environment",
    ]
    if is_comparison(result):
        out.append("what the two runs that are compared do not share")
    elif len(result.variants) + len(result.failed) > 1:
        out.append(
            "what the variants cost when it was measured, how they were made (steps, rules, weights, "
            "artefacts) and why one failed"
        )
    if result.configuration.get("report", {}).get("regimes"):
        out.append("the inputs of regimes")
    return out
