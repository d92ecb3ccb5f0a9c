"""Searches in step with each other: what they ask of pairs is worked out for all of them together.

A limit or p of one more pair costs little beside the array operations that one pair needs as well as hundreds
do. So a search is written as a generator that yields what it asks for and is sent the answers, and many of
them are run side by side.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from . import exact
from .contrast import Contrast
from .evidence import Pairs
from .intervals import Floats

T = TypeVar("T")

HAIR = 1e-4
"""Of a level: a p within so much of it does not say on which side of a bound a limit lies."""


@dataclass(frozen=True)
class Ask:
    """What a search asks of some pairs.

    Attributes
    ----------
    pairs : Pairs
    at : array-like
        The one-sided levels of the limits, or the bounds of the p-values; broadcast with the pairs.
    upwards : array-like of bool
        Lower limits, or the p of "at most the bound"; else upper limits, or the p of "at least the bound".
    p : bool
        Whether p-values are asked for, else limits.
    """

    pairs: Pairs
    at: ArrayLike
    upwards: ArrayLike
    p: bool = False


Search = Generator[list[Ask], list[Floats], T]
"""Yields what it asks at each step, is sent the answers in the same order, and returns what it found."""


def run(search: Search[T]) -> T:
    """Run a search to its end."""
    try:
        asks = next(search)
        while True:
            asks = search.send(answered(asks))
    except StopIteration as ended:
        result: T = ended.value
        return result


def beside(searches: Iterable[Search[T]]) -> Search[list[T]]:
    """Make one search of several, each step of which asks what all of them ask at theirs."""
    running = dict(enumerate(searches))
    results: dict[int, T] = {}
    sent: dict[int, list[Floats]] = {}
    while running:
        asked: dict[int, list[Ask]] = {}
        for k, search in list(running.items()):
            try:
                asked[k] = search.send(sent[k]) if k in sent else next(search)
            except StopIteration as ended:
                results[k] = ended.value
                del running[k]
        answers = iter((yield [ask for asks in asked.values() for ask in asks]) if asked else [])
        sent = {k: [next(answers) for _ in asks] for k, asks in asked.items()}
    return [results[k] for k in sorted(results)]


def above(pairs: Pairs, level: float, best: ArrayLike, upwards: bool) -> Search[Floats]:
    """Limits of the pairs where they are above ``best``; minus infinity where they are not, or unknown.

    To see that a limit is not above takes one p, to find it takes several.
    """
    out = np.full(pairs.x1.shape, -np.inf)
    (p,) = yield [Ask(pairs, best, upwards, p=True)]
    may = np.flatnonzero(p <= level * (1 + HAIR) if upwards else p >= level * (1 - HAIR))
    if len(may):
        (out[may],) = yield [Ask(pairs.take(may), level, upwards)]
    return out


def answered(asks: list[Ask]) -> list[Floats]:
    """Work out what is asked, those of one contrast together."""
    kinds: dict[tuple[bool, Contrast], list[int]] = {}
    for k, ask in enumerate(asks):
        kinds.setdefault((ask.p, ask.pairs.contrast), []).append(k)
    answers: dict[int, Floats] = {}
    for (p, contrast), members in kinds.items():
        given = [_given(asks[k]) for k in members]
        joined = (np.concatenate([v.ravel() for v in column]) for column in zip(*given, strict=True))
        x1, n1, x2, n2, at, upwards = joined
        values = (exact.pair_p if p else exact.pair_limit)(x1, n1, x2, n2, at, contrast, upwards=upwards)
        ends = np.cumsum([columns[0].size for columns in given])
        for k, columns, part in zip(members, given, np.split(values, ends[:-1]), strict=True):
            answers[k] = part.reshape(columns[0].shape)
    return [answers[k] for k in range(len(asks))]


def _given(ask: Ask) -> tuple[Floats, ...]:
    pairs = ask.pairs
    return np.broadcast_arrays(pairs.x1, pairs.n1, pairs.x2, pairs.n2, ask.at, ask.upwards)
