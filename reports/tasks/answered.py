"""What is said of answers and of pairs: scores as so many of 100, and what a change does to them."""

from __future__ import annotations

from ...audit.result import Definition, Flips, Slice, Variant
from ..words.formats import count
from ..words.language import Sentence, later, say, say_n
from ..words.turned import Moved
from .leads import Leads, lead_of

_LEADS: Leads = {
    "stereotyped where untold": (
        later(
            "Of 100 answers of {model} where the context does not tell, {here} more follow the stereotype "
            "than go against it."
        ),
        later(
            "Of 100 answers of {model} in {slice} where the context does not tell, {here} more follow the "
            "stereotype than go against it."
        ),
        later(
            "Of 100 answers of {model} in {slice} where the context does not tell, {here} more follow the "
            "stereotype than go against it; of 100 in {reference}, {there}."
        ),
    ),
    "stereotyped where told": (
        later(
            "Where the context tells the answer, of 100 answers of {model} that name a person {here} more "
            "follow the stereotype than go against it."
        ),
        later(
            "Where the context tells the answer, of 100 answers of {model} in {slice} that name a person "
            "{here} more follow the stereotype than go against it."
        ),
        later(
            "Where the context tells the answer, of 100 answers of {model} in {slice} that name a person "
            "{here} more follow the stereotype than go against it; of 100 in {reference}, {there}."
        ),
    ),
    "stereotype preferred": (
        later("Of 100 pairs {model} prefers the stereotype in {here}."),
        later("Of 100 pairs in {slice} {model} prefers the stereotype in {here}."),
        later(
            "Of 100 pairs in {slice} {model} prefers the stereotype in {here}; of 100 in {reference}, in "
            "{there}."
        ),
    ),
    "stereotype over the other": (
        later(
            "Of 100 pairs {model} prefers the stereotype in {here} more than it prefers the other sentence."
        ),
        later(
            "Of 100 pairs in {slice} {model} prefers the stereotype in {here} more than it prefers the other "
            "sentence."
        ),
        later(
            "Of 100 pairs in {slice} {model} prefers the stereotype in {here} more than it prefers the other "
            "sentence; of 100 in {reference}, in {there}."
        ),
    ),
}
"""What a figure says: of all rows, of a slice, and of a slice beside another."""


def lead(told: Definition, model: str, part: Slice, reference: Slice | None, variant: Variant) -> Sentence:
    """Tell a score as so many of 100 answers or pairs; one below 0 has no such words."""
    return lead_of(_LEADS, told, model, part, reference, variant)


def answered_otherwise(flips: Flips) -> Sentence:
    """Say how many questions are answered otherwise, and what that makes of their answers."""
    if flips.spoiled is None or flips.mended is None:
        return say(
            "In {n} of {rows} pairs the preference changes.", n=count(flips.flips), rows=count(flips.n)
        )
    return say_n(
        "{n} of {rows} questions is answered otherwise: right to wrong {spoiled}, wrong to right {mended}, "
        "wrong both times {others}.",
        "{n} of {rows} questions are answered otherwise: right to wrong {spoiled}, wrong to right {mended}, "
        "wrong both times {others}.",
        flips.flips, n=count(flips.flips), rows=count(flips.n), spoiled=count(flips.spoiled),
        mended=count(flips.mended), others=count(flips.flips - flips.spoiled - flips.mended),
    )  # fmt: skip


ANSWERED = Moved(
    head=later("Answers changed"),
    share=later("{rate} of the answers change."),
    within=later("{rate} of the answers change ({limits})."),
    nobody=later("In no slice do answers change provably more often than in all other rows."),
    most=later("Where answers change most: {who}."),
    who=later(
        "{slice} {rate}, {ratio} times the rate of the others ({spoiled} right answers become wrong, "
        "{mended} wrong ones right)"
    ),
    of_slice=later("{rate} of its answers, {ratio} times the others’"),
    whose=later("Where answers changed"),
    table=later("Answers changed by slice, and the flip rate against that of all other rows."),
    sides=later("Answers changed by slice and direction"),
    counted=later("answers"),
    flip=later("Answer changed, flip"),
    itself=later(
        "Answers of one and the same variant that change when questions are batched otherwise: the floor "
        "under every flip rate."
    ),
)
"""What a change makes a model answer otherwise."""

PREFERRED = Moved(
    head=later("Preferences changed"),
    share=later("In {rate} of the pairs the preference changes."),
    within=later("In {rate} of the pairs the preference changes ({limits})."),
    nobody=later("In no slice do preferences change provably more often than in all other rows."),
    most=later("Where preferences change most: {who}."),
    of_slice=later("{rate} of its pairs, {ratio} times the others’"),
    whose=later("Where preferences changed"),
    table=later("Preferences changed by slice, and the flip rate against that of all other rows."),
    sides=later("Preferences changed by slice and direction"),
    counted=later("pairs"),
    flip=later("Preference changed, flip"),
    itself=later(
        "Preferences of one and the same variant that change when pairs are batched otherwise: the floor "
        "under every flip rate."
    ),
)
"""What a change makes a model prefer otherwise."""
