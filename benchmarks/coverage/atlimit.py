"""How often models whose true values lie on the limit are failed: summed over every table, nothing is drawn.

All compared slices are at the limit: above their reference, below it, or half of them each. That is the worst
that a model which keeps the limit can be. Before 27 November 2026 gates were decided by Wilson's, Newcombe's
and Miettinen and Nurminen's limits at Sidak's confidence; that rule is here too, to show what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
from before import score_ratio, sidak_quantile
from fairweigh.metrics.contrast import DIFFERENCE, RATIO
from fairweigh.metrics.evidence import Pairs, Rates
from fairweigh.metrics.intervals import mover_difference, wilson
from fairweigh.metrics.requirement import Requirement
from scipy.stats import binom
from studies import Cells

ALPHA = 0.05
SLICES = (1, 2, 5, 20, 100)
SIZES = (10, 30, 60, 300, 1000)
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.95, 0.98)
GAPS, RATIOS = (0.0, 0.02, 0.1), (0.8,)
Flags = np.ndarray
Rule = Callable[[np.ndarray, int, np.ndarray, int, np.ndarray, float], tuple[Flags, Flags]]
"""From x1, n1, x2, n2, slices compared and limit: fails above, fails below."""


# ---- values ------------------------------------------------------------------------------------------


def values(old: bool = False, sizes: Iterable[int] = SIZES, slices: Iterable[int] = SLICES) -> Cells:
    """False fails of ``rate <= limit`` and ``rate >= limit`` at the limit."""
    cells = {}
    for k, n, p, upper in product(slices, sizes, RATES, (True, False)):
        x = np.arange(n + 1.0)
        if old:
            low, high = wilson(x, n, sidak_quantile(1 - ALPHA, k))
            fails = low > p if upper else high < p
        else:
            fails = Requirement(p, upper).p_fail(Rates(x, np.full(n + 1, float(n)))) <= ALPHA / k
        one = float(binom.pmf(x, n, p) @ fails)
        cells[f"k={k} n={n} p={p} {'<=' if upper else '>='}"] = 1 - (1 - one) ** k
    return cells


# ---- differences and ratios --------------------------------------------------------------------------


def melded(requirement: Requirement) -> Rule:
    """The rule of gates: p-values at the level shared out over the slices."""
    ratio = requirement.fold == "ratio"

    def fails(x1, n1, x2, n2, k, limit):
        sizes = np.full(len(x1), float(n1)), np.full(len(x1), float(n2))
        contrast = RATIO if ratio else DIFFERENCE
        pairs = Pairs(x1.astype(float), sizes[0], x2.astype(float), sizes[1], contrast)
        failed = requirement.p_fail(pairs) <= ALPHA / k
        up = pairs.value >= (1 if ratio else 0)
        # A ratio to 0 is no figure: the gate is an error then.
        failed &= (x2 > 0) | (not ratio)
        return failed & up, failed & ~up

    return fails


def newcombe(x1, n1, x2, n2, k, limit) -> tuple[Flags, Flags]:
    """The rule of differences before: Newcombe's limits at Sidak's confidence."""
    z = _sidak(k)
    with np.errstate(invalid="ignore"):
        low, high = mover_difference(x1 / n1, wilson(x1, n1, z), x2 / n2, wilson(x2, n2, z))
    return low > limit, high < -limit


def score(x1, n1, x2, n2, k, limit) -> tuple[Flags, Flags]:
    """The rule of ratios before: score limits at Sidak's confidence."""
    low, high = (np.full(len(x1), np.nan) for _ in range(2))
    for each in np.unique(k):
        here = k == each
        low[here], high[here] = score_ratio(x1[here], n1, x2[here], n2, sidak_quantile(1 - ALPHA, int(each)))
    defined = x2 > 0
    return defined & (low > 1 / limit), defined & (high < limit)


def _sidak(k: np.ndarray) -> np.ndarray:
    found = {each: sidak_quantile(1 - ALPHA, int(each)) for each in np.unique(k)}
    return np.array([found[each] for each in k])


def critical(rule: Rule, n1: int, x2: np.ndarray, n2: int, k: np.ndarray, limit: float) -> tuple:
    """Fewest successes of the slice that fail it from above, and most that do from below."""
    least, most = np.full(len(x2), -1), np.full(len(x2), n1 + 1)
    first, last = np.full(len(x2), -1), np.full(len(x2), n1 + 1)
    for _ in range(int(np.ceil(np.log2(n1 + 2)))):
        middle = (least + most) // 2
        open_ = most - least > 1
        up = rule(np.clip(middle, 0, n1), n1, x2, n2, k, limit)[0]
        least, most = np.where(open_ & ~up, middle, least), np.where(open_ & up, middle, most)
        middle = (first + last) // 2
        open_ = last - first > 1
        down = rule(np.clip(middle, 0, n1), n1, x2, n2, k, limit)[1]
        first, last = np.where(open_ & down, middle, first), np.where(open_ & ~down, middle, last)
    return most, first


def pairs(
    form: str, old: bool = False, sizes: Iterable[tuple[int, int]] | None = None,
    slices: Iterable[int] = SLICES, limits: Iterable[float] | None = None,
) -> Cells:  # fmt: skip
    """False fails of a difference or ratio at the limit, in either direction, with a fixed reference."""
    ratio = form == "ratio"
    sizes = [*((n, n) for n in SIZES), *((n, 1000) for n in SIZES[:-1])] if sizes is None else sizes
    cells = {}
    for (n1, n2), limit in product(sizes, limits or (RATIOS if ratio else GAPS)):
        rule = (score if ratio else newcombe) if old else melded(Requirement(limit, not ratio, form))
        x2 = _likely(n2)
        many = np.array(list(slices))
        at, k = np.tile(x2, len(many)), np.repeat(many, len(x2))
        above, below = (c.reshape(len(many), -1) for c in critical(rule, n1, at, n2, k, limit))
        for p2, (place, each) in product(RATES, enumerate(many)):
            ends = (p2 * limit, p2 / limit) if ratio else (p2 - limit, p2 + limit)
            weight = binom.pmf(x2, n2, p2)
            keeps = [
                1 - binom.sf(above[place] - 1, n1, p1) - binom.cdf(below[place], n1, p1)
                for p1 in ends
                if 0 <= p1 <= 1
            ]
            chances = [one**each for one in keeps]
            if len(keeps) == 2:
                chances.append(keeps[0] ** (each // 2) * keeps[1] ** (each - each // 2))
            worst = max(float(weight @ (1 - chance)) for chance in chances)
            cells[f"k={each} n={n1},{n2} p={p2} limit={limit}"] = worst
    return cells


def _likely(n: int) -> np.ndarray:
    x = np.arange(n + 1)
    return x[np.max([binom.pmf(x, n, p) for p in RATES], axis=0) > 1e-9]


# ---- the table ---------------------------------------------------------------------------------------

CELLS: dict[str, Callable[[bool], Cells]] = {
    "value": lambda old: values(old),
    "difference": lambda old: pairs("difference", old),
    "ratio": lambda old: pairs("ratio", old),
}


def by_slices() -> str:
    """Worst cell for each number of slices, before and now."""
    found = {(name, old): study(old) for name, study in CELLS.items() for old in (True, False)}

    def worst(cells: Cells, k: int) -> str:
        return f"{100 * max(value for cell, value in cells.items() if cell.startswith(f'k={k} ')):.1f}"

    heads = " | ".join(f"{name}, {'before' if old else 'now'}" for name, old in found)
    lines = [f"| slices | {heads} |", "|--:|" + "--:|" * len(found)]
    lines += [f"| {k} | {' | '.join(worst(cells, k) for cells in found.values())} |" for k in SLICES]
    counts = ", ".join(f"{len(found[name, False])} of {name}s" for name in CELLS)
    over = {name: sum(v > ALPHA for v in found[name, False].values()) for name in CELLS}
    top = {name: max(found[name, False], key=found[name, False].__getitem__) for name in CELLS}
    worst_now = "; ".join(
        f"{name} {100 * found[name, False][cell]:.2f} % ({cell})" for name, cell in top.items()
    )
    lines += ["", f"Cells: {counts}; above 5 % now: {sum(over.values())}. Worst now: {worst_now}."]
    return "\n".join(lines)


TABLES = {"False fails at the limit, exact, worst cell in %": by_slices}
