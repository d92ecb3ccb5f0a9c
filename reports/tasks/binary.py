"""A decision for or against each row."""

from __future__ import annotations

from ...audit.result import AuditResult, Comparison
from ..slices.tables import METRICS_PER_TABLE
from ..words.formats import figure
from ..words.language import Given, Sentence, later, say, sentences, tr
from ..words.lookup import has_labels_alone
from ..words.meaning import direction_words, meaning_words
from .base import Telling, difference_words


def reading(result: AuditResult) -> list[Sentence]:
    """Say how labels, selections and differences are to be read."""
    data = result.data
    if not data.label:
        label = say("The data have no label: only decisions are compared.")
    elif data.positive:
        values: list[str] = []
        for value in data.positive:
            values += [*((tr("{one} or {other}", one="", other=""),) if values else ()), Given(value)]
        label = say("Positive label: {label} = {values}.", label=Given(data.label), values=tuple(values))
    else:
        label = say("Positive label: {label}.", label=Given(data.label))
    if data.negative and not data.positive:
        label = sentences([label, say("No row has it: what needs positive labels has no value.")])
    elif data.positive and not data.negative:
        label = sentences([label, say("Every row has it: what needs negative labels has no value.")])
    selected = [
        say("A row is selected when the model decides for the positive class."),
        meaning_words(data.positive_is),
    ]
    return [label, *([] if has_labels_alone(result) else selected), difference_words()]


def moved(item: Comparison, result: AuditResult) -> Sentence:
    """Say how many rows lose and gain a positive decision, which of the two alone, and the rates selected."""
    whole = item.overall
    if whole is None or not whole.n:
        return ()
    told = [direction_words(whole, result.data.positive_is)]
    rates = [v.counts.selected for v in result.variants if v.name in (item.before, item.after)]
    if len(rates) == 2 and None not in rates:
        before, after = (figure((selected or 0) / whole.n, "percent") for selected in rates)
        told.append(say("Selected before: {before} of all rows; after: {after}.", before=before, after=after))
    return sentences(told)


BINARY = Telling(
    reading=reading,
    moved=moved,
    one_score=True,
    flip=later("A row that one model selects and the other does not."),
    counts=later(
        "TP, FP, FN, TN: rows with positive label selected, negative label selected, positive label not "
        "selected, negative label not selected. n: all rows."
    ),
    columns=METRICS_PER_TABLE,
    plain=True,
)
