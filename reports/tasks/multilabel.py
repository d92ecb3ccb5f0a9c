"""Several labels at once: figures of all together, and each as a class that a row has or has not."""

from __future__ import annotations

from dataclasses import replace

from ...audit.result import AuditResult
from ..words.formats import count
from ..words.language import Sentence, later, say
from ..words.per_hundred import Hundred, Said
from .base import difference_words
from .multiclass import MULTICLASS, OF_CLASS, class_names

OF_LABEL = Hundred(
    among={
        **OF_CLASS.among,
        "negatives": later("{people} without the label {view}"),
        "selected": later("{people} that {model} gives the label {view}"),
        "not selected": later("{people} that {model} does not give the label {view}"),
    },
    says={
        **OF_CLASS.says,
        "selected": Said(
            later("Of {n} {rows} {model} gives {here} the label {view}."),
            later("Of {n} {rows} {model} gives {here} the label {view}; of {m} {others}, {there}."),
        ),
        "not selected": Said(
            later("Of {n} {rows} {model} does not give {here} the label {view}."),
            later("Of {n} {rows} {model} does not give {here} the label {view}; of {m} {others}, {there}."),
        ),
        "negative": Said(
            later("Of {n} {rows}, {here} are without the label {view}."),
            later("Of {n} {rows}, {here} are without the label {view}; of {m} {others}, {there}."),
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
