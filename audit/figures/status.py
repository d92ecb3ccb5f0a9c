"""Whether a figure exists and counts, and why not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...metrics.entry import Metric
from ...metrics.figures import Figure
from ...told import tell, told_list
from ..result import Status
from .measure import Slices
from .plan import Plan

FEW_CLUSTERS = 30
"""Fewer clusters in a slice than this are told: of how they differ they show little."""


def number(value: float) -> float | None:
    """Return a float for the result: nan and infinities become null."""
    return float(value) if np.isfinite(value) else None


def small_because(figure: Figure, i: int, least: int) -> str:
    """Say in words that too few rows stand in the denominator of a figure."""
    n, size = int(figure.n[i]), float(figure.size[i])
    if n < least:
        return tell("fewer than {least} rows in the denominator ({n})", least=least, n=n)
    if figure.least is not None and figure.effective_n is None:
        return tell("fewer than {least} rows in one of the denominators ({n})", least=least, n=round(size))
    return tell(
        "fewer than {least} effective rows in the denominator ({n} rows, worth {size})",
        least=least, n=n, size=f"{size:.1f}",
    )  # fmt: skip


def clusters_of(slices: Slices, used: Sequence[int]) -> tuple[Status, str | None]:
    """Say whether slices rest on few clusters, and of what their limits then speak."""
    if slices.clusters is None:
        return "ok", None
    n = int(slices.clusters[list(used)].min())
    if n >= FEW_CLUSTERS:
        return "ok", None
    if n == 1:
        return "few clusters", tell(
            "rests on {n} cluster: the limits speak of it and of others like it, as far as one shows", n=n
        )
    return "few clusters", tell(
        "rests on {n} clusters, fewer than {least}: the limits speak of these and of others like them, as "
        "far as so few show",
        n=n,
        least=FEW_CLUSTERS,
    )


def undefined_because(metric: Metric, n: int) -> str:
    """Say in words why a metric does not exist in a slice."""
    return tell(metric.estimator.undefined(n), formula=metric.formula)


def status_of(
    slices: Slices, figure: Figure, used: list[int], value: float | None, plan: Plan
) -> tuple[Status, str | None]:
    """Say whether a comparison of the slices ``used`` exists and rests on enough rows, and why not."""
    if value is None:
        lacking = [slices.words(i) for i in used if not figure.defined[i]]
        if not lacking:
            return "undefined", tell("the reference is 0")
        return "undefined", tell("not defined in {slices}", slices=told_list(lacking))
    small = [
        tell("{slice} (n = {n})", slice=slices.words(i), n=_rows(figure, i))
        for i in used
        if figure.size[i] < plan.min_size
    ]
    if len(small) == 2:
        return "small", tell(
            "rests on {what} and {what_else}, fewer than {least} rows",
            what=small[0], what_else=small[1], least=plan.min_size,
        )  # fmt: skip
    if small:
        return "small", tell("rests on {what}, fewer than {least} rows", what=small[0], least=plan.min_size)
    return clusters_of(slices, used)


def _rows(figure: Figure, i: int) -> str:
    """Rows in the denominator, whole ones without a point."""
    return f"{figure.size[i]:.4g}"
