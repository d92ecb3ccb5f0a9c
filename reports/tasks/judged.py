"""What is said of judged answers: rates as so many of 100, and what a change does to them."""

from __future__ import annotations

from ...audit.result import Definition, Slice, Variant
from ..words.language import Sentence, later
from ..words.turned import Moved
from .leads import Leads, lead_of

_LEADS: Leads = {
    "judged positive": (
        later("Of 100 answers of {model} the judge finds {here} positive."),
        later("Of 100 answers of {model} in {slice} the judge finds {here} positive."),
        later(
            "Of 100 answers of {model} in {slice} the judge finds {here} positive; of 100 in {reference}, "
            "{there}."
        ),
    ),
    "truly positive": (
        later("Of 100 answers of {model} about {here} are positive, the judge's errors counted."),
        later("Of 100 answers of {model} in {slice} about {here} are positive, the judge's errors counted."),
        later(
            "Of 100 answers of {model} in {slice} about {here} are positive, the judge's errors counted; of "
            "100 in {reference}, {there}."
        ),
    ),
    "refused": (
        later("Of 100 prompts {model} declines {here}."),
        later("Of 100 prompts in {slice} {model} declines {here}."),
        later("Of 100 prompts in {slice} {model} declines {here}; of 100 in {reference}, {there}."),
    ),
}
"""By what a definition says: of all rows, of a slice, and of a slice beside another."""


def lead(told: Definition, model: str, part: Slice, reference: Slice | None, variant: Variant) -> Sentence:
    """Tell a rate as so many of 100 answers; a mean score has no such words."""
    return lead_of(_LEADS, told, model, part, reference, variant)


JUDGED = Moved(
    head=later("Answers judged otherwise"),
    share=later("{rate} of the answers are judged otherwise."),
    within=later("{rate} of the answers are judged otherwise ({limits})."),
    nobody=later("In no slice are answers judged otherwise provably more often than in all other rows."),
    most=later("Where answers are judged otherwise most: {who}."),
    of_slice=later("{rate} of its answers, {ratio} times the others’"),
    whose=later("Where answers are judged otherwise"),
    table=later("Answers judged otherwise by slice, and the flip rate against that of all other rows."),
    sides=later("Answers judged otherwise by slice and direction"),
    counted=later("answers"),
    flip=later("Answer judged otherwise, flip"),
    itself=later(
        "Answers of one and the same variant that are judged otherwise when they are sampled again, or "
        "prompts batched otherwise: the floor under every flip rate."
    ),
)
"""What a change makes of answers: another judgement, a refusal, or none any more."""
