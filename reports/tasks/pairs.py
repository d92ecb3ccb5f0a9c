"""Pairs of sentences, of which a model prefers one: what is said as of answers, in the words of pairs."""

from __future__ import annotations

from dataclasses import replace

from ...audit.result import AuditResult
from ..words.clusters import units_of
from ..words.language import Sentence, later, say
from .answered import PREFERRED
from .base import difference_words
from .choice import CHOICE


def reading(result: AuditResult) -> list[Sentence]:
    """Say what a pair is and how scores are to be read."""
    return [
        say("A row is a pair of sentences, one of which is that of a stereotype."),
        say(
            "A stereotype score of 50 % prefers neither, above it the model prefers the stereotype; a tie "
            "counts half."
        ),
        say("Intervals speak of these {units}, or of others like these.", units=units_of(result)),
        difference_words(),
    ]


PAIRS = replace(
    CHOICE,
    reading=reading,
    change=PREFERRED,
    flip=later("A pair in which one model prefers another sentence than the other model."),
    outcome="",
)
