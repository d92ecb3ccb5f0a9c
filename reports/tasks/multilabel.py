"""Several labels at once: figures of all together, and each as a class that a row has or has not."""

from __future__ import annotations

from dataclasses import replace

from ...audit.result import AuditResult
from ..words.formats import count
from ..words.language import Sentence, later, say
from ..words.per_hundred import Base, Hundred, Said
from .base import difference_words
from .multiclass import MULTICLASS, OF_CLASS, class_names

OF_LABEL = Hundred(
    among={
        **OF_CLASS.among,
        "negatives": Base(
            later("rows without the label {view}"), later("rows of {slice} without the label {view}")
        ),
        "selected": Base(
            later("rows that {model} gives the label {view}"),
            later("rows of {slice} that {model} gives the label {view}"),
        ),
        "not selected": Base(
            later("rows that {model} does not give the label {view}"),
            later("rows of {slice} that {model} does not give the label {view}"),
        ),
    },
    says={
        **OF_CLASS.says,
        "selected": Said(
            later("Of 100 {rows} {model} gives {here} the label {view}."),
            later("Of 100 {rows} {model} gives {here} the label {view}; of 100 of {reference}, {there}."),
        ),
        "not selected": Said(
            later("Of 100 {rows} {model} does not give {here} the label {view}."),
            later(
                "Of 100 {rows} {model} does not give {here} the label {view}; of 100 of {reference}, {there}."
            ),
        ),
        "negative": Said(
            later("Of 100 {rows}, {here} are without the label {view}."),
            later("Of 100 {rows}, {here} are without the label {view}; of 100 of {reference}, {there}."),
        ),
    },
)
"""How the rates of a label are told."""


def reading(result: AuditResult) -> list[Sentence]:
    """Say what the labels are and how their figures are to be read."""
    return [
        say("{n} labels: {classes}.", n=count(len(result.classes)), classes=class_names(result)),
        say(
            "A row may have several. Each label is told as a class of its own: a row has it or not. A row is "
            "decided rightly where every label is right."
        ),
        difference_words(),
    ]


MULTILABEL = replace(
    MULTICLASS,
    reading=reading,
    of_class=OF_LABEL,
    flip=later("A row to which one model gives other labels than the other."),
    counts=later(
        "TP, FP, FN, TN of a label: rows that have it and are given it, are given it without having it, have "
        "it without being given it, and neither. n: all rows."
    ),
)
