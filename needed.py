"""Packages that a report asks for and the base install has not: looked for before anything is computed."""

from __future__ import annotations

from importlib.util import find_spec

from .datasets.errors import InputError

DRAWING = {"altair": "charts", "vl_convert": "charts"}
WRITING = {"babel": "chinese"}
"""Modules that draw charts, and that read the words of another language than English, with their extras."""


def check_report(charts: bool, language: str) -> None:
    """InputError where a report cannot be made here: says what it needs and how to get it."""
    if told := lacking(charts, language):
        raise InputError(f"report: {told}")


def lacking(charts: bool, language: str) -> str | None:
    """Say which package a report needs that is not here, and how to get it; None where it needs none.

    Parameters
    ----------
    charts : bool
        Whether charts are drawn.
    language : str
        ``en`` or another that is read from its catalogues.
    """
    wanted = [(module, "a report with charts", "report.charts: false") for module in DRAWING if charts]
    wanted += [
        (module, f"a report in {language}", "report.language: en") for module in WRITING if language != "en"
    ]
    for module, what, instead in wanted:
        if find_spec(module) is None:
            extra = (DRAWING | WRITING)[module]
            return f'{what} needs the package {module}: pip install "fairweigh[{extra}]", or set {instead}'
    return None
