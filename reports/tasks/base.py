"""What differs from task to task in a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...audit.result import AuditResult, Comparison, Definition, Slice, Turned, Variant
from ..blocks import Block
from ..slices.tables import COUNTS
from ..words.language import Sentence, later, say
from ..words.per_hundred import OF_DECISIONS, Hundred
from ..words.turned import DECISIONS, Moved
from ..words.turning import Turns, stereotyped


@dataclass(frozen=True)
class Part:
    """What a part of a page is of: the slices of some features (none: all rows) of a variant.

    ``key`` begins the ids of its charts.
    """

    result: AuditResult
    variant: Variant
    by: tuple[str, ...]
    key: str
    charts: bool


@dataclass(frozen=True)
class Scores:
    """The chapter on what lies behind the figures: its title, a sentence, and what it shows."""

    title: str
    lead: str
    blocks: list[Block]


def difference_words() -> Sentence:
    """Say how differences and ratios are to be read."""
    return say("A difference is slice − reference, a ratio slice / reference.")


def _reading(result: AuditResult) -> list[Sentence]:
    return [difference_words()]


def _nothing(part: Part) -> list[Block]:
    return []


def _no_scores(part: Part) -> Scores | None:
    return None


def _no_sentence(item: Comparison, result: AuditResult) -> Sentence:
    return ()


def _no_lead(
    told: Definition, model: str, part: Slice, reference: Slice | None, variant: Variant
) -> Sentence:
    return ()


def _no_metrics(result: AuditResult) -> list[str]:
    return []


def _no_changes(item: Comparison, part: Part) -> list[Block]:
    return []


def _no_suite(result: AuditResult, variants: list[Variant], charts: bool, key: str) -> list[Block]:
    return []


def _all(names: list[str], result: AuditResult) -> list[str]:
    return names


@dataclass(frozen=True)
class Telling:
    """The words and sections of one task.

    Attributes
    ----------
    reading : callable (result) -> sentences
        How labels, decisions and differences are to be read.
    nothing : str
        What stands on the first screen where no difference was looked at; empty: that of decisions.
    of_rows : Hundred
        How rates of all rows are told per hundred.
    of_class : Hundred or None
        How rates of a class are told per hundred rows.
    lead : callable (definition, model, slice, reference, variant) -> Sentence
        Tells two figures that are no rates in a sentence; empty where it has none.
    gaps : callable (result) -> names
        Metrics whose proven differences are told beside the result's findings, as no test of them is made.
    moved : callable (comparison, result) -> Sentence
        What a change does to decisions, in a sentence.
    paid : callable (comparison, result) -> Sentence
        Who pays for a change, where no decision tells.
    charted : callable (names, result) -> names
        The key metrics that the chart of slices shows.
    of_all, of_feature, of_classes : callable (part) -> blocks
        What stands in the section on all rows, after a feature's chart, and at the end of its section.
    of_changes : callable (comparison, part) -> blocks
        What stands in the part of a variant on what it changes.
    of_suite : callable (result, variants, charts, key) -> blocks
        What the report shows of a suite's items, over all variants; none has no such page.
    scores : callable (part) -> Scores or None
        The chapter on scores; None: that of one score for a decision.
    one_score : bool
        Whether scores are those for one decision.
    flip : str
        What a changed decision is; empty where nothing is decided.
    change : Moved
        What is said of changed decisions.
    turns : callable (turned) -> two sentences
        What items turn into, and out of, where the result tells that they do.
    page : str
        The heading of what the report shows of a task's items.
    counts : str
        What the four counts of the formulas are; empty where none has them.
    counted : mapping
        Head and explanation of each count that a table of slices has.
    positives : tuple of two str
        Head and explanation of how many of the label the slices of the data have.
    meanings : mapping
        What a rate counts, in few words, by a definition's ``among`` and ``says``; else that of decisions.
    among : mapping
        What the rows of a figure's n are, by a definition's ``among``; else those of decisions.
    outcome : str
        What the label is called.
    columns : int
        Metrics of a table.
    plain : bool
        Whether the page has no more than those of decisions for or against.
    """

    reading: Callable[[AuditResult], list[Sentence]] = _reading
    nothing: str = ""
    of_rows: Hundred = OF_DECISIONS
    of_class: Hundred | None = None
    lead: Callable[[Definition, str, Slice, Slice | None, Variant], Sentence] = _no_lead
    gaps: Callable[[AuditResult], list[str]] = _no_metrics
    moved: Callable[[Comparison, AuditResult], Sentence] = _no_sentence
    paid: Callable[[Comparison, AuditResult], Sentence] = _no_sentence
    charted: Callable[[list[str], AuditResult], list[str]] = _all
    of_all: Callable[[Part], list[Block]] = _nothing
    of_feature: Callable[[Part], list[Block]] = _nothing
    of_classes: Callable[[Part], list[Block]] = _nothing
    of_changes: Callable[[Comparison, Part], list[Block]] = _no_changes
    of_suite: Callable[[AuditResult, list[Variant], bool, str], list[Block]] = _no_suite
    scores: Callable[[Part], Scores | None] = _no_scores
    one_score: bool = False
    flip: str = later("A row that one model decides otherwise than the other.")
    change: Moved = DECISIONS
    turns: Callable[[Turned], Turns] = stereotyped
    page: str = later("Items of the suite")
    counts: str = ""
    counted: Mapping[str, tuple[str, str]] = field(default_factory=lambda: COUNTS)
    positives: tuple[str, str] = (later("Positive"), later("rows with the positive label"))
    meanings: Mapping[tuple[str | None, str | None], str] = field(default_factory=dict)
    among: Mapping[str | None, str] = field(default_factory=dict)
    outcome: str = later("Label")
    columns: int = 4
    plain: bool = False
