"""Whose decisions change, and who pays for it, in words."""

from __future__ import annotations

from ...audit.result import AuditResult, Comparison, Flips
from ..tasks import telling
from ..words.formats import count, figure, interval, p_value
from ..words.kinds import is_mitigated
from ..words.language import Sentence, say, say_n, sentences, series
from ..words.lookup import variant_named
from ..words.meaning import paid_words
from ..words.per_hundred import people
from ..words.turned import directed, turned_paid

MOST_PAYERS = 1


def flips_words(result: AuditResult, item: Comparison) -> list[Sentence]:
    """Say how many decisions change, beyond another batching, and whose."""
    if item.overall is None or item.overall.rate is None:
        return []
    moved = telling(result).change
    rate = figure(item.overall.rate, "percent")
    if item.overall.low is None and item.overall.high is None:
        changed = say(moved.share, rate=rate)
    else:
        limits = interval(item.overall.low, item.overall.high, "percent")
        changed = say(moved.within, rate=rate, limits=limits)
    told = [sentences([changed, _floor(result, item)])]
    lost = _who_loses(result, item)
    return [
        *told,
        *([lost] if lost else []),
        *([_who_pays(result, item, lost=bool(lost))] if item.flips else []),
    ]


def _who_loses(result: AuditResult, item: Comparison) -> Sentence:
    """Say of whom more lose than gain, for certain; nothing where that is said of nobody."""
    front = result.front
    if front is None or {item.before, item.after} != {front.verdict_of, front.beside} or not front.losses:
        return ()
    worst = max(front.losses, key=lambda loss: (loss.lost - loss.gained) / loss.n)
    return say(
        "Who loses: of {n} {people} {lost} are worse off and {gained} better off (sign test, adjusted p: "
        "{p}).",
        n=count(worst.n), people=people(worst.slice), lost=count(worst.lost), gained=count(worst.gained),
        p=p_value(worst.p_adjusted),
    )  # fmt: skip


def _floor(result: AuditResult, item: Comparison) -> Sentence:
    """Say how many decisions another batching alone changes, where it changes any."""
    variant = variant_named(result, item.after)
    if variant is None or variant.self_flips is None or not variant.self_flips.flips:
        return ()
    rate = figure(variant.self_flips.rate, "percent")
    return say("Another batching alone changes {rate}.", rate=rate)


def _who_pays(result: AuditResult, item: Comparison, *, lost: bool) -> Sentence:
    payers = paying_slices(item)
    # Decisions that a mitigation changes may be meant to change; and nobody is said to pay where nobody said
    # what a decision is to the person.
    moved = telling(result).change
    meant = is_mitigated(result, item.after) or result.data.positive_is is None
    if not payers and (meant or lost):
        return say(moved.nobody)
    if not payers:
        return say("Who pays: no slice’s decisions change provably more often than those of all other rows.")
    who = [
        paid_words(flips, result.data.positive_is) if directed(item) else turned_paid(flips, moved)
        for flips in payers[:MOST_PAYERS]
    ]
    more = len(payers) - MOST_PAYERS
    if more > 0:
        who.append(say_n("{more} more slice likewise", "{more} more slices likewise", more, more=count(more)))
    if meant:
        return say(moved.most, who=series(who))
    return say("Who pays: {who}.", who=series(who))


def paying_slices(item: Comparison) -> list[Flips]:
    """Select the slices shown to flip more often than all other rows: whole features first, worst first.

    A slice without a test of its own is not shown to.
    """
    shown = [
        flips
        for flips in item.flips
        if flips.status == "ok"
        and flips.slice
        and flips.ratio is not None
        and flips.ratio_low is not None
        and flips.ratio_low > 1
        and flips.p_adjusted is not None
        and flips.p_adjusted < 0.05
    ]
    shown.sort(key=lambda flips: (len(flips.slice), -(flips.ratio_low or 0)))
    # A crossing of features says nothing new where one of its features pays already.
    told: list[Flips] = []
    for flips in shown:
        if not any(one.slice.items() <= flips.slice.items() for one in told):
            told.append(flips)
    return told
