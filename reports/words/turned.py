"""What a model says otherwise after a change: decisions that nobody gains or loses, or answers and such."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import Comparison, Flips
from .formats import count, figure
from .language import Sentence, later, say, say_n, tr
from .spoken import slice_name


@dataclass(frozen=True)
class Moved:
    """What is said otherwise after a change, by task.

    Attributes
    ----------
    head : str
        As the head of a column, or of a figure.
    share, within : str
        A sentence with its {rate} of all rows; the same with {limits}.
    nobody : str
        A sentence that no slice is provably hit more than all other rows.
    most : str
        A sentence on {who} is hit most.
    who : str
        Such a {slice}, its {rate} and {ratio}, with how many are {spoiled} and {mended}.
    of_slice : str
        The {rate} of such a slice, and its {ratio} to that of the others.
    whose, table, sides : str
        The heading over slices, the caption of their table, and the title of their chart.
    counted : str
        What is counted in that chart.
    flip, itself : str
        What a flip is called, and what one and the same variant does of it by itself.
    """

    head: str = later("Decisions changed")
    share: str = later("{rate} of the decisions change.")
    within: str = later("{rate} of the decisions change ({limits}).")
    nobody: str = later("No slice’s decisions change provably more often than those of all other rows.")
    most: str = later("Whose decisions change most: {who}.")
    who: str = later(
        "{slice} {rate}, {ratio} times the rate of the others ({spoiled} right decisions become wrong, "
        "{mended} wrong ones right)"
    )
    of_slice: str = later("{rate} of its decisions, {ratio} times the others’")
    whose: str = later("Whose decisions changed")
    table: str = later("Decisions changed by slice, and the flip rate against that of all other rows.")
    sides: str = later("Decisions changed by slice and direction")
    counted: str = later("decisions")
    flip: str = later("Decision changed, flip")
    itself: str = later(
        "Decisions of one and the same variant that change when rows are batched otherwise: the floor under "
        "every flip rate."
    )


DECISIONS = Moved()


def directed(item: Comparison) -> bool:
    """Whether decisions are gained and lost: one of them is the favourable or positive one."""
    return item.overall is None or item.overall.gained is not None


def turned_heads() -> tuple[tuple[str, str], tuple[str, str]]:
    """Heads and explanations of the columns of decisions that became wrong, and that became right."""
    return (
        (tr("Right to wrong"), tr("rows decided rightly before and wrongly after")),
        (tr("Wrong to right"), tr("rows decided wrongly before and rightly after")),
    )


def turned_sides() -> str:
    """Title of a chart with decisions that became wrong leftwards, and right ones rightwards."""
    return tr("Wrong ◂   ▸ right")


def turned_bar(flips: Flips, rate: str, limits: str) -> Sentence:
    """Describe the changed decisions of a slice in such a chart."""
    return say(
        "{slice}: {spoiled} now wrong, {mended} now right, flip rate {rate} ({limits})",
        slice=slice_name(flips.slice, short=True), spoiled=count(flips.spoiled), mended=count(flips.mended),
        rate=rate, limits=limits,
    )  # fmt: skip


def turned_paid(flips: Flips, moved: Moved = DECISIONS) -> Sentence:
    """Say how often a slice is hit, beside all other rows, and what its decisions become."""
    parts = {
        "slice": slice_name(flips.slice),
        "rate": (figure(flips.rate, "percent"),),
        "ratio": (figure(flips.ratio, "ratio"),),
    }
    if flips.spoiled is None:
        return say("{slice} {rate}, {ratio} times the rate of the others", **parts)
    return say(moved.who, spoiled=count(flips.spoiled), mended=count(flips.mended), **parts)


def turned_words(flips: Flips) -> Sentence:
    """Say how many decisions change, and how many of them become wrong or right."""
    parts = {"n": count(flips.flips), "rows": count(flips.n)}
    if flips.spoiled is None or flips.mended is None:
        return say_n(
            "{n} of {rows} rows is decided otherwise.", "{n} of {rows} rows are decided otherwise.",
            flips.flips, **parts,
        )  # fmt: skip
    return say_n(
        "{n} of {rows} rows is decided otherwise: right to wrong {spoiled}, wrong to right {mended}, wrong "
        "both times {others}.",
        "{n} of {rows} rows are decided otherwise: right to wrong {spoiled}, wrong to right {mended}, wrong "
        "both times {others}.",
        flips.flips, spoiled=count(flips.spoiled), mended=count(flips.mended),
        others=count(flips.flips - flips.spoiled - flips.mended), **parts,
    )  # fmt: skip
