"""Searches beside each other: each gets what it would have got alone, whatever the others ask."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from fairweigh.metrics import exact
from fairweigh.metrics.contrast import DIFFERENCE, F1, RATIO, Contrast
from fairweigh.metrics.evidence import Pairs
from fairweigh.metrics.lockstep import Ask, beside, run


def asking(pairs: Pairs, steps: Any, told: Any) -> Generator[list[Ask], Any, list[Any]]:
    """Asks for limits at one level after the other, and for the p at what it was told."""
    seen = []
    for level in steps:
        low, high = yield [Ask(pairs, level, np.array(True)), Ask(pairs, level, np.array(False))]
        (p,) = yield [Ask(pairs, low, np.array(True), p=True)]
        seen.append((low, high, p))
        told.append(level)
    return seen


def test_searches_beside_each_other_get_what_each_alone_does() -> None:
    """Of different contrasts, shapes and numbers of steps; one asks nothing."""
    r = np.random.default_rng(3)
    told: list[float] = []
    given = []
    for k, contrast in enumerate((DIFFERENCE, RATIO, DIFFERENCE, Contrast(True, F1))):
        n1, n2 = r.integers(5, 400, (2, 3 + 40 * k))
        pairs = Pairs(r.binomial(n1, 0.3), n1, r.binomial(n2, 0.4), n2, contrast)
        given.append((pairs, [0.05, 0.01, 1e-4][k % 3 :]))
    *found, nothing = run(beside([*(asking(*one, told) for one in given), asking(given[0][0], [], told)]))
    assert nothing == []
    assert told[:4] == [0.05, 0.01, 1e-4, 0.05]
    for (pairs, levels), seen in zip(given, found, strict=True):
        counts = pairs.x1, pairs.n1, pairs.x2, pairs.n2
        for level, (low, high, p) in zip(levels, seen, strict=True):
            np.testing.assert_array_equal(low, exact.pair_lower(*counts, level, pairs.contrast))
            np.testing.assert_array_equal(high, exact.pair_upper(*counts, level, pairs.contrast))
            np.testing.assert_array_equal(p, exact.pair_p_above(*counts, low, pairs.contrast))


def test_searches_of_searches_keep_their_order() -> None:
    def telling(value: tuple[int, int], steps: Any) -> Generator[list[Ask], Any, tuple[int, int]]:
        x1, n1, x2, n2 = (np.array([float(v)]) for v in (3, 10, 2, 10))
        pairs = Pairs(x1, n1, x2, n2)
        for _ in range(steps):
            yield [Ask(pairs, 0.05, True)]
        return value

    inner = [beside([telling((i, j), (i + j) % 3) for j in range(3)]) for i in range(3)]
    assert run(beside(inner)) == [[(i, j) for j in range(3)] for i in range(3)]
    assert run(beside([])) == []
