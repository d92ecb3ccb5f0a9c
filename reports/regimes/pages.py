"""The pages of a run under the terms of a rule or practice: what a regime's own page is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...audit.regimes.registry import find
from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult
from ..page.html import environment
from ..words.language import TAGS, Sentence, language, tr, writing
from ..words.lookup import own_words, variant_named

FOLDER = "regimes"


@dataclass(frozen=True)
class Line:
    """One row of a page's table; ``below`` sets it off."""

    name: Sentence
    cells: list[str]
    marks: list[str] = field(default_factory=list)
    below: bool = False


@dataclass(frozen=True)
class Group:
    """Rows under a head of their own; an empty head is none."""

    head: str
    lines: list[Line]


@dataclass(frozen=True)
class Table:
    """A table of a page, its texts in the language that is written."""

    caption: str
    heads: list[str]
    groups: list[Group]


def regime_pages(regime: RegimeResult, result: AuditResult, language: str = "en") -> dict[str, str]:
    """Render a regime: file name in the run's folder to text.

    Parameters
    ----------
    regime
        Its inputs and figures; every figure on its pages is one of these, or one of ``result``.
    language
        ``en`` or ``zh``.
    """
    with writing(language, own_words(result)):
        return find(regime.regime).pages(regime, result)


def regime_links(pages: Mapping[str, Mapping[str, str]], language: str = "en") -> list[tuple[str, str]]:
    """Title and address of each regime's first file, for the report to refer to."""
    with writing(language):
        return [(tr(find(name).heading), next(iter(files))) for name, files in pages.items()]


def page(folder: Path, regime: RegimeResult, result: AuditResult, title: str, **parts: Any) -> dict[str, str]:
    """Render a regime's template, ``page.html.j2`` in its folder, as one HTML file.

    Parameters
    ----------
    folder
        Where the regime lies.
    title
        Of the page, in the language that is written now.
    **parts
        What the template lays out.
    """
    text = (
        environment(folder)
        .get_template("page.html.j2")
        .render(
            regime=regime,
            inputs=regime.inputs,
            figures=regime.figures,
            result=result,
            data=result.data,
            variant=variant_named(result, regime.variant),
            title=title,
            language=TAGS[language()],
            **parts,
        )
    )
    return {f"{FOLDER}/{regime.regime}.html": text}
