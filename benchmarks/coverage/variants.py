"""Many variants tried on the rows that judge them: how often one that is not good enough passes."""

from __future__ import annotations

from itertools import product

import numpy as np
from fairweigh.metrics.evidence import Pairs
from fairweigh.metrics.requirement import Requirement
from numpy.random import Generator
from studies import Cells, Study

LIMIT, JUST_OVER = 0.1, 0.101


def _competing(proven: bool) -> Study:
    """Share of runs in which none of the variants passes, all of them just over the limit.

    Each variant turns over a share of the decisions of a common model, so that variants are alike.
    """

    def study(rng: Generator, repeats: int) -> Cells:
        asked = Requirement(LIMIT, True, "difference")
        cells = {}
        for n, count, alike in product((500, 2000), (1, 4, 16), (0.5, 0.9)):
            x = [_selected(rng, repeats, n, count, rate, alike) for rate in (0.4 - JUST_OVER, 0.4)]
            flat = [part.ravel().astype(float) for part in x]
            held = Pairs(flat[0], np.full(len(flat[0]), float(n)), flat[1], np.full(len(flat[1]), float(n)))
            passes = asked.p_pass(held) <= 0.05 if proven else asked.holds(held.value)
            cells[f"n={n} variants={count} alike={alike}"] = 1 - float(
                passes.reshape(repeats, count).any(1).mean()
            )
        return cells

    return study


def _selected(rng: Generator, repeats: int, n: int, count: int, rate: float, alike: float) -> np.ndarray:
    """Selections of each variant: a row is decided as the common model does, or anew with the same rate."""
    common = rng.binomial(n, rate, (repeats, 1))
    kept = rng.binomial(common, alike, (repeats, count))
    rows = kept + rng.binomial(n - common, alike, (repeats, count))
    return kept + rng.binomial(n - rows, rate)


GRID = "1, 4, 16 variants, each .001 over the limit .1; n 500, 2000; decided alike in .5, .9 of rows"
STUDIES: dict[str, tuple[Study, str]] = {
    "no variant passes without a selection split": (_competing(True), GRID),
    "(the same, judged by the point value)": (_competing(False), GRID),
}
