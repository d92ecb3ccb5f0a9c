"""Decisions that changed where none is the favourable one: which became wrong, and which right."""

from __future__ import annotations

from ...audit.result import Comparison, Flips
from .formats import count, figure
from .language import Sentence, say, say_n, tr
from .spoken import slice_name


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


def turned_paid(flips: Flips) -> Sentence:
    """Say how often the decisions of a slice change, beside those of all other rows, and what they become."""
    parts = {
        "slice": slice_name(flips.slice),
        "rate": (figure(flips.rate, "percent"),),
        "ratio": (figure(flips.ratio, "ratio"),),
    }
    if flips.spoiled is None:
        return say("{slice} {rate}, {ratio} times the rate of the others", **parts)
    return say(
        "{slice} {rate}, {ratio} times the rate of the others ({spoiled} right decisions become wrong, "
        "{mended} wrong ones right)",
        spoiled=count(flips.spoiled), mended=count(flips.mended), **parts,
    )  # fmt: skip


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
