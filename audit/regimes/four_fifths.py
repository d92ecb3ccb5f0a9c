"""The four-fifths rule: selection rates of groups against the highest (29 CFR 1607.4(D))."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from ...metrics.counts import UNKNOWN
from ...metrics.intervals import fisher_exact
from .base import Basis, Inputs, Regime
from .result import AgainstHighest, FourFifths, FourFifthsFeature, Swap

SMALL_SHARE = 0.02
"""Groups of a smaller share need no determination of their own: 29 CFR 1607.15(A)(2)(a)."""

Group = tuple[str, int, int]
"""Value, people, selected."""


class FourFifthsInputs(Inputs):
    """Inputs of the four-fifths rule."""

    by: list[str] | None = Field(
        None,
        min_length=1,
        description="Sensitive features to report, each on its own; all of the run if left out.",
    )
    exclude_below: float | None = Field(
        None,
        gt=0,
        le=SMALL_SHARE,
        description="Groups with a smaller share of the people are shown but not compared; at most 0.02.",
    )

    def columns(self) -> dict[str, str]:
        """The features, each under its place in ``by``."""
        return {f"by[{i}]": name for i, name in enumerate(self.by or [])}


def figures(inputs: FourFifthsInputs, basis: Basis) -> FourFifths:
    """Compute the figures of every feature asked for; ValueError where the run has no decisions."""
    measured = basis.measured
    if "decision" not in measured.gives:
        raise ValueError("selection rates need decisions; the run has labels alone")
    features = []
    for name in inputs.by or measured.features:
        tally = measured.tally((name,))
        n, selected = tally.counts.n.tolist(), tally.counts.selected.tolist()
        groups = [(tally.keys[i][0], n[i], selected[i]) for i in measured.slices((name,)).shown]
        features.append(feature_figures(name, groups, inputs.exclude_below))
    return FourFifths(weighted=measured.cube.weights is not None, features=features)


def feature_figures(name: str, groups: Sequence[Group], exclude_below: float | None) -> FourFifthsFeature:
    """Compare the groups of one feature.

    Parameters
    ----------
    groups : sequence of (value, people, selected)
    exclude_below : float, optional
        Share of the known people below which a group is not compared.
    """
    known = [g for g in groups if g[0] != UNKNOWN]
    total = sum(n for _, n, _ in known)
    compared = [g for g in known if g[1] and not (exclude_below and g[1] < exclude_below * total)]
    # Of equal rates the one of most people, so that the choice does not hang on the order of names.
    highest = max(compared, key=lambda g: (g[2] / g[1], g[1])) if len(compared) > 1 else None
    return FourFifthsFeature(
        feature=name,
        n=total,
        selected=sum(s for _, _, s in known),
        unknown=sum(n for value, n, _ in groups if value == UNKNOWN),
        highest=highest[0] if highest else None,
        groups=[_group(g, highest if g in compared else None, g not in compared, total) for g in known],
    )


def _group(group: Group, highest: Group | None, left_out: bool, total: int) -> AgainstHighest:
    value, n, selected = group
    row = AgainstHighest(
        value=value,
        n=n,
        selected=selected,
        rate=selected / n if n else None,
        share=n / total,
        under_two_percent=n < SMALL_SHARE * total,
        left_out=left_out,
    )
    if highest is None or highest[2] == 0:
        return row
    _, m, best = highest
    if highest == group:
        return row.model_copy(update={"ratio": 1.0, "below": False})
    return row.model_copy(
        update={
            "ratio": (selected * m) / (n * best),
            "below": _below(selected, n, best, m),
            "p": fisher_exact(selected, n, best, m),
            "standard_deviations": standard_deviations(selected, n, best, m),
            "shortfall": n * (selected + best) / (n + m) - selected,
            "to_four_fifths": max(0, math.ceil(4 * n * best / (5 * m)) - selected)
            if _below(selected, n, best, m)
            else 0,
            "one_instead": _swap(selected + 1, n, best - 1, m) if selected < n else None,
            "two_more": _swap(selected + 2, n, best, m) if selected + 2 <= n else None,
        }
    )


def _below(selected: int, n: int, best: int, m: int) -> bool:
    """Whether selected / n is less than four fifths of best / m, without rounding."""
    return 5 * selected * m < 4 * best * n


def _swap(selected: int, n: int, best: int, m: int) -> Swap:
    return Swap(
        rate=selected / n,
        highest=best / m,
        ratio=(selected * m) / (n * best) if best else None,
        below=_below(selected, n, best, m) if best else None,
        reversed=selected * m > best * n,
    )


def standard_deviations(x1: int, n1: int, x2: int, n2: int) -> float | None:
    """The difference of two proportions in standard errors under a common rate; None where that is 0 or 1.

    The measure of *Hazelwood School District v. United States*, 433 U.S. 299, 308 n. 14 (1977), for two
    samples: (p1 - p2) / sqrt(p (1 - p) (1 / n1 + 1 / n2)).
    """
    common = (x1 + x2) / (n1 + n2)
    spread = common * (1 - common) * (1 / n1 + 1 / n2)
    return (x1 / n1 - x2 / n2) / math.sqrt(spread) if spread > 0 else None


REGIME = Regime(
    name="four-fifths",
    title="Four-fifths rule",
    source="29 CFR 1607.4(D)",
    inputs=FourFifthsInputs,
    figures=figures,
)
