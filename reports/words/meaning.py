"""What a positive decision is to the person it falls on, in words: a benefit, a burden, or nothing said.

Where nobody said it, no word here values a decision: it is made or no longer made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...audit.result import AuditResult, Flips, Slice
from .formats import count, figure
from .language import Sentence, called, later, later_n, say, tr, tr_n
from .per_hundred import in_sentence, people, selects_more
from .spoken import slice_name, title_of

Meaning = Literal["benefit", "burden"] | None


@dataclass(frozen=True)
class _Words:
    """Messages about a decision and about its change.

    ``lost`` and ``gained`` are a column's head and its explanation; ``gains`` and ``loses`` a part of a
    sentence for one, for many and for none; ``worse`` says who has it worse, and nothing is said of that
    where nobody said what a decision means. ``way`` says how many rows lose and gain a decision: where both
    occur, where every change is a loss, and where every one is a gain.
    """

    selected: str
    is_a: str
    lost: tuple[str, str]
    gained: tuple[str, str]
    sides: str
    bar: str
    paid: str
    gains: tuple[tuple[str, str], str]
    loses: tuple[tuple[str, str], str]
    worse: str = ""
    way: tuple[str, str, str] = ("", "", "")


_WORDS: dict[Meaning, _Words] = {
    None: _Words(
        selected=later("positive decision"),
        is_a=later("Whether that is a benefit or a burden to the person was not said (data.positive_is)."),
        lost=(later("No longer selected"), later("selected before, not selected after")),
        gained=(later("Newly selected"), later("not selected before, selected after")),
        sides=later("No longer ◂   ▸ newly selected"),
        bar=later("{slice}: {lost} no longer selected, {gained} newly selected, flip rate {rate} ({limits})"),
        paid=later(
            "{slice} {rate}, {ratio} times the rate of the others ({lost} are no longer selected, "
            "{gained} newly are)"
        ),
        gains=(
            later_n("{n} is newly selected", "{n} are newly selected"),
            later("none is newly selected"),
        ),
        loses=(
            later_n("{n} is no longer selected", "{n} are no longer selected"),
            later("none ceases to be selected"),
        ),
        way=(
            later("Of {rows} rows {lost} are no longer selected and {gained} newly are."),
            later("All one way: {lost} of {rows} rows are no longer selected, none newly is."),
            later("All one way: {gained} of {rows} rows are newly selected, none ceases to be."),
        ),
    ),
    "benefit": _Words(
        selected=later("favourable decision"),
        is_a=later("That is a benefit to the person: the decision is called favourable."),
        lost=(later("Lost"), later("favourable before, unfavourable after")),
        gained=(later("Gained"), later("unfavourable before, favourable after")),
        sides=later("Lost ◂   ▸ gained"),
        bar=later("{slice}: {lost} lost, {gained} gained, flip rate {rate} ({limits})"),
        paid=later(
            "{slice} {rate}, {ratio} times the rate of the others ({lost} lose a favourable decision, "
            "{gained} gain one)"
        ),
        gains=(
            later_n("{n} gains a favourable decision", "{n} gain a favourable decision"),
            later("none gains a favourable decision"),
        ),
        loses=(later_n("{n} loses one", "{n} lose one"), later("none loses one")),
        worse=later("The favourable decision goes less often to {slice}."),
        way=(
            later("Of {rows} rows {lost} lose the favourable decision and {gained} gain it."),
            later("Every change is a favourable decision lost: {lost} of {rows} rows lose it, none gains."),
            later(
                "Every change is a favourable decision gained: {gained} of {rows} rows gain it, none loses."
            ),
        ),
    ),
    "burden": _Words(
        selected=later("positive decision, a burden"),
        is_a=later("That is a burden to the person: whoever is selected is worse off."),
        lost=(later("Burden lifted"), later("selected before, not selected after")),
        gained=(later("Burden gained"), later("not selected before, selected after")),
        sides=later("Lifted ◂   ▸ burden gained"),
        bar=later("{slice}: {lost} lose a burden, {gained} gain one, flip rate {rate} ({limits})"),
        paid=later(
            "{slice} {rate}, {ratio} times the rate of the others ({gained} gain a burden, {lost} lose one)"
        ),
        gains=(later_n("{n} gains a burden", "{n} gain a burden"), later("none gains a burden")),
        loses=(later_n("{n} is freed of one", "{n} are freed of one"), later("none is freed of one")),
        worse=later("The burden falls more often on {slice}."),
        way=(
            later("Of {rows} rows {gained} gain the burden and {lost} are freed of it."),
            later("Every change is a burden lifted: {lost} of {rows} rows are freed of it, none gains it."),
            later("Every change is a burden gained: {gained} of {rows} rows gain it, none is freed of it."),
        ),
    ),
}


def selected_words(meaning: Meaning) -> str:
    """Name a positive decision."""
    return tr(_WORDS[meaning].selected)


def meaning_words(meaning: Meaning) -> Sentence:
    """Say what a positive decision is to the person, or that nobody said."""
    return say(_WORDS[meaning].is_a)


def lost_head(meaning: Meaning) -> tuple[str, str]:
    """Head and explanation of a column of decisions that are positive no longer."""
    head, explained = _WORDS[meaning].lost
    return tr(head), tr(explained)


def gained_head(meaning: Meaning) -> tuple[str, str]:
    """Head and explanation of a column of decisions that are newly positive."""
    head, explained = _WORDS[meaning].gained
    return tr(head), tr(explained)


def sides_words(meaning: Meaning) -> str:
    """Title of a chart with decisions lost leftwards and gained rightwards."""
    return tr(_WORDS[meaning].sides)


def bar_words(flips: Flips, rate: str, limits: str, meaning: Meaning) -> Sentence:
    """Describe the flips of a slice in such a chart."""
    return say(
        _WORDS[meaning].bar,
        slice=slice_name(flips.slice, short=True),
        lost=count(flips.lost), gained=count(flips.gained), rate=rate, limits=limits,
    )  # fmt: skip


def paid_words(flips: Flips, meaning: Meaning) -> Sentence:
    """Say how often and which way the decisions of a slice change, beside those of all other rows."""
    return say(
        _WORDS[meaning].paid,
        slice=slice_name(flips.slice), rate=figure(flips.rate, "percent"), ratio=figure(flips.ratio, "ratio"),
        lost=count(flips.lost), gained=count(flips.gained),
    )  # fmt: skip


def direction_words(flips: Flips, meaning: Meaning) -> Sentence:
    """Say how many rows lose and gain a positive decision, and where every change goes one way."""
    both, lost, gained = _WORDS[meaning].way
    parts = {"rows": count(flips.n), "lost": count(flips.lost), "gained": count(flips.gained)}
    if flips.lost and not flips.gained:
        return say(lost, **parts)
    return say(gained if flips.gained and not flips.lost else both, **parts)


def gained_and_lost(flips: Flips, meaning: Meaning) -> tuple[str, str]:
    """Say how many rows gain a decision and how many lose one, each a part of a sentence."""
    words = _WORDS[meaning]
    return _how_many(words.gains, flips.gained), _how_many(words.loses, flips.lost)


def _how_many(messages: tuple[tuple[str, str], str], n: int | None) -> str:
    some, none = messages
    return tr_n(*some, n, n=count(n)) if n else tr(none)


def worse_off(
    metric: str, part: tuple[Slice, float], reference: tuple[Slice, float], result: AuditResult,
    view: str | None = None,
) -> Sentence:  # fmt: skip
    """Say which of two slices has it worse by a figure; nothing where that does not follow.

    Parameters
    ----------
    part, reference
        Each a slice and its figure.
    view
        The class that the figure is of.
    """
    worse = worse_slice(metric, part, reference, result, view)
    if worse is None:
        return ()
    who = _told_of(worse)
    meaning = result.data.positive_is
    if meaning is not None and selects_more(metric, result) is not None:
        return say(_WORDS[meaning].worse, slice=who)
    definition = result.definitions[metric]
    message = _WORSE.get((definition.among, definition.says), _WORSE[None, None])
    return say(message, slice=who, metric=in_sentence(title_of(metric, result.definitions)))


_WORSE: dict[tuple[str | None, str | None], str] = {
    ("rows", "right"): later("Decisions are right less often for {slice}."),
    ("rows", "wrong"): later("Decisions are wrong more often for {slice}."),
    ("selected", "positive"): later("Positive decisions are right less often for {slice}."),
    ("selected", "negative"): later("Positive decisions are wrong more often for {slice}."),
    ("not selected", "negative"): later("Negative decisions are right less often for {slice}."),
    ("not selected", "positive"): later("Negative decisions are wrong more often for {slice}."),
    (None, "distance"): later("The errors are larger for {slice}."),
    (None, None): later("By {metric} it is worse for {slice}."),
}
"""Who is judged worse, by what a rate counts, whatever a decision means; else by the metric's name."""


def worse_slice(
    metric: str, part: tuple[Slice, float], reference: tuple[Slice, float], result: AuditResult,
    view: str | None = None,
) -> Slice | None:  # fmt: skip
    """Which of two slices is worse off by a figure; None where that does not follow.

    By a rate of selections that follows from what a decision means (`data.positive_is`), by what says how
    well the model does from the figure itself: an error is worse for whom it befalls more often.
    """
    definition, meaning = result.definitions.get(metric), result.data.positive_is
    more = selects_more(metric, result)
    if definition is None or part[1] == reference[1] or (more is not None and meaning is None):
        return None
    higher, lower = sorted([part, reference], key=lambda one: one[1], reverse=True)
    if more is not None:
        return (higher if more == (meaning == "burden") else lower)[0]
    if view is not None or definition.of_class or definition.of_labels or definition.better is None:
        return None
    return (lower if definition.better == "higher" else higher)[0]


def _told_of(part: Slice) -> Sentence:
    """Name a slice; one that is partly or wholly called otherwise as its rows are: ``women of race=A``."""
    own = called().slices
    crossed = len(part) > 1 and any(f"{name}={value}" in own for name, value in part.items())
    return people(part) if crossed else slice_name(part)
