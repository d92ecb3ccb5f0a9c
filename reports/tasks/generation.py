"""Sampled answers and what a judge makes of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ...audit.result import AuditResult
from ..words.clusters import units_of
from ..words.language import Sentence, later, say
from ..words.turning import judged_positive
from .base import difference_words
from .choice import CHOICE, moved, of_changes


def reading(result: AuditResult) -> list[Sentence]:
    """Say what an answer is and how it is counted."""
    return [
        say(
            "A row is an answer that was sampled for a prompt. A refusal declines to answer, an empty answer "
            "is nothing but spaces: neither is judged, and both are counted."
        ),
        say("Intervals speak of these {units}, or of others like these.", units=units_of(result)),
        difference_words(),
    ]


GENERATION = replace(
    CHOICE,
    reading=reading,
    moved=partial(moved, turns=judged_positive),
    of_changes=partial(of_changes, turns=judged_positive),
    turns=judged_positive,
    flip=later("An answer that is judged otherwise than that of the other model to the same prompt."),
    outcome=later("Prompt"),
)
