"""The four-fifths rule: selection rates of groups against the highest, or the lowest of a burden.

29 CFR 1607.4(D).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ...audit.regimes.base import Basis
from ...bands import UNKNOWN
from ...metrics.chance import some_ratio_below
from ...metrics.exact import pair_p_above
from ...metrics.intervals import normal_quantile
from .inputs import SMALL_SHARE, FourFifthsInputs
from .types import AgainstHighest, FourFifths, FourFifthsFeature, FourFifthsTable, Swap

FOUR_FIFTHS = Fraction(4, 5)

Group = tuple[str, int, int]
"""Value, people, selected."""


@dataclass(frozen=True)
class _Rule:
    """What stays the same over the features of a run."""

    burden: bool
    min_size: int
    confidence: float

    def small(self, n: int, total: int) -> bool:
        """Whether a group is too small to be the benchmark of larger ones."""
        return n < SMALL_SHARE * total or n < self.min_size

    def benchmark(self, compared: Sequence[Group]) -> Group | None:
        """The group that others are compared with: the highest rate, or the lowest of a burden."""
        if len(compared) < 2:
            return None
        # Of equal rates the one of most people, so that the choice does not hang on the order of names.
        sign = -1 if self.burden else 1
        return max(compared, key=lambda g: (sign * Fraction(g[2], g[1]), g[1]))


def figures_of(inputs: FourFifthsInputs, basis: Basis) -> FourFifths:
    """Compute the figures of every feature asked for; ValueError where the run has no decisions."""
    measured = basis.measured
    if "decision" not in measured.gives:
        raise ValueError("selection rates need decisions; the run has labels alone")
    features = []
    for name in inputs.by or measured.features:
        tally = measured.tally((name,))
        n, selected = tally.counts.n.tolist(), tally.counts.selected.tolist()
        groups = [(tally.keys[i][0], n[i], selected[i]) for i in measured.slices((name,)).shown]
        features.append(
            feature_figures(
                name,
                groups,
                inputs.exclude_below,
                min_size=basis.min_size,
                burden=basis.positive_is == "burden",
                confidence=basis.confidence,
            )
        )
    return FourFifths(
        weighted=measured.cube.weights is not None,
        positive_is=basis.positive_is,
        min_size=basis.min_size,
        features=features,
    )


def feature_figures(
    name: str,
    groups: Sequence[Group],
    exclude_below: float | None,
    *,
    min_size: int,
    burden: bool = False,
    confidence: float = 0.95,
) -> FourFifthsFeature:
    """Compare the groups of one feature, without small ones where two or more larger ones are there.

    Parameters
    ----------
    groups : sequence of (value, people, selected)
    exclude_below : float, optional
        Share of the known people below which a group is not compared at all.
    min_size : int
        People below which a group is small, as one of less than 2 % of the people is.
    burden : bool
        Whether a selection is a burden: the lowest rate is then the benchmark.
    confidence : float
        At which a number of standard deviations counts for more than chance.
    """
    rule = _Rule(burden, min_size, confidence)
    known = [g for g in groups if g[0] != UNKNOWN]
    total = sum(n for _, n, _ in known)
    wanted = [g for g in known if g[1] and not (exclude_below and g[1] < exclude_below * total)]
    large = [g for g in wanted if not rule.small(g[1], total)]
    left_out = 1 < len(large) < len(wanted)
    headline = _compared(known, large if left_out else wanted, total, rule)
    return FourFifthsFeature(
        feature=name,
        n=total,
        selected=sum(s for _, _, s in known),
        unknown=sum(n for value, n, _ in groups if value == UNKNOWN),
        small_left_out=left_out,
        with_small=_compared(known, wanted, total, rule) if left_out else None,
        **{key: getattr(headline, key) for key in FourFifthsTable.model_fields},
    )


def _compared(known: Sequence[Group], compared: Sequence[Group], total: int, rule: _Rule) -> FourFifthsTable:
    """All known groups, of which some are compared."""
    best = rule.benchmark(compared)
    highest = replace(rule, burden=False).benchmark(compared)
    # Where nobody is selected in any group there is no ratio.
    against = best if highest and highest[2] else None
    pairs = len(compared) * (len(compared) - 1)
    people = sum(n for _, n, _ in compared)
    rate = sum(s for _, _, s in compared) / people if best else None
    return FourFifthsTable(
        highest=highest[0] if highest else None,
        benchmark=best[0] if best else None,
        compared=len(compared),
        rate=rate,
        chance_below=some_ratio_below([n for _, n, _ in compared], rate) if rate is not None else None,
        deviations=normal_quantile(1 - 2 * (1 - rule.confidence) / pairs) if best else None,
        groups=[
            _group(g, against if g in compared else None, g not in compared, total, pairs, rule)
            for g in known
        ],
    )


def _group(
    group: Group, best: Group | None, left_out: bool, total: int, pairs: int, rule: _Rule
) -> AgainstHighest:
    value, n, selected = group
    row = AgainstHighest(
        value=value,
        n=n,
        selected=selected,
        rate=selected / n if n else None,
        share=n / total,
        under_two_percent=n < SMALL_SHARE * total,
        small=rule.small(n, total),
        left_out=left_out,
    )
    if best is None:
        return row
    _, m, of_best = best
    if best == group:
        return row.model_copy(update={"ratio": 1.0, "below": False})
    fraction = _ratio(selected, n, of_best, m, rule.burden)
    if fraction is None:
        return row
    below = fraction < FOUR_FIFTHS
    step = -1 if rule.burden else 1
    return row.model_copy(
        update={
            "ratio": float(fraction),
            "below": below,
            "p_adjusted": _adjusted_p(selected, n, of_best, m, pairs, rule.burden),
            "standard_deviations": standard_deviations(selected, n, of_best, m),
            "shortfall": n * (selected + of_best) / (n + m) - selected,
            "to_four_fifths": _to_four_fifths(selected, n, of_best, m, rule.burden) if below else 0,
            "one_instead": _swap(selected + step, n, of_best - step, m, rule.burden),
            "two_more": _swap(selected + 2 * step, n, of_best, m, rule.burden),
        }
    )


def _ratio(x: int, n: int, best: int, m: int, burden: bool) -> Fraction | None:
    """Rate by that of the benchmark, of a burden the reverse: below 1 for the worse off. None for x / 0."""
    low, high = (Fraction(best, m), Fraction(x, n)) if burden else (Fraction(x, n), Fraction(best, m))
    return low / high if high else None


def _adjusted_p(x: int, n: int, best: int, m: int, pairs: int, burden: bool) -> float:
    """Fisher's one-sided p of the better rate, for whichever of the ordered pairs the rates may pick."""
    one, other = ((x, n), (best, m)) if burden else ((best, m), (x, n))
    return min(1.0, pairs * float(pair_p_above(*one, *other, 0.0)))


def _to_four_fifths(x: int, n: int, best: int, m: int, burden: bool) -> int:
    """Selections that are missing to a ratio of four fifths, or that are too many for it."""
    if burden:
        return x - (5 * n * best) // (4 * m)
    return math.ceil(Fraction(4 * n * best, 5 * m)) - x


def _swap(x: int, n: int, best: int, m: int, burden: bool) -> Swap | None:
    """What other selections make of the ratio; None where there are not as many people."""
    if not (0 <= x <= n and 0 <= best <= m):
        return None
    fraction = _ratio(x, n, best, m, burden)
    return Swap(
        rate=x / n,
        highest=best / m,
        ratio=float(fraction) if fraction is not None else None,
        below=fraction < FOUR_FIFTHS if fraction is not None else None,
        reversed=x * m < best * n if burden else x * m > best * n,
    )


def standard_deviations(x1: int, n1: int, x2: int, n2: int) -> float | None:
    """The difference of two proportions in standard errors under a common rate; None where that is 0 or 1.

    The measure of *Hazelwood School District v. United States*, 433 U.S. 299, 308 n. 14 (1977), for two
    samples: (p1 - p2) / sqrt(p (1 - p) (1 / n1 + 1 / n2)).
    """
    common = (x1 + x2) / (n1 + n2)
    spread = common * (1 - common) * (1 / n1 + 1 / n2)
    return (x1 / n1 - x2 / n2) / math.sqrt(spread) if spread > 0 else None
