"""What is said of judged answers: rates as so many of 100, and what a change does to them."""

from __future__ import annotations

from ...audit.result import Definition, Slice, Variant
from ..words.language import Sentence, later, say
from ..words.lookup import estimate_of
from ..words.per_hundred import hundredths
from ..words.spoken import slice_name
from ..words.turned import Moved

_LEADS = {
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
    found = [estimate_of(variant, one, told.name) for one in (part, reference) if one is not None]
    values = [one.value for one in found if one is not None and one.value is not None]
    if told.says not in _LEADS or len(values) < len(found):
        return ()
    here, *there = hundredths(values)
    whole, alone, beside = _LEADS[told.says]
    parts: dict[str, str | Sentence] = {"here": here, "model": (model,)}
    if reference is not None:
        return say(beside, slice=slice_name(part), reference=slice_name(reference), there=there[0], **parts)
    return say(alone, slice=slice_name(part), **parts) if part else say(whole, **parts)


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
