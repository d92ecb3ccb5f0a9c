"""A gate on the slices of its features: which it speaks of, which of them is the reference, and its limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...datasets.columns import Scalar, word
from ...datasets.errors import InputError
from ...metrics.entry import Metric
from ...metrics.figures import Figure
from ...metrics.limit import Limit
from ...metrics.questions import Question
from ...metrics.requirement import Fold, Requirement
from ...told import tell
from ..config import Gate
from ..figures.measure import Slices
from ..figures.plan import Plan
from ..figures.status import undefined_because


@dataclass(frozen=True)
class Claim:
    """What a gate speaks of: a slice, its reference, and why there is no figure of it, if so."""

    slice: dict[str, str]
    reference: dict[str, str] | None
    n: int
    undefined: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A slice that a gate does not speak of, and the effective rows in the metric's denominator."""

    slice: dict[str, str]
    size: float


@dataclass(frozen=True)
class Asked:
    """Everything that a gate asks.

    Attributes
    ----------
    claims : list of Claim
    question : Question or None
        Of the claims that are defined, in their order; None where none is.
    left_out : list of LeftOut
        Small or unknown slices.
    view : str or None
        The class that it speaks of.
    """

    claims: list[Claim]
    question: Question | None
    left_out: list[LeftOut]
    view: str | None = None


@dataclass(frozen=True)
class GateSlices:
    """A gate on the slices of its features."""

    gate: Gate
    where: str
    slices: Slices
    plan: Plan
    metric: Metric | None

    @property
    def level(self) -> float:
        """One-sided level of what is proven."""
        return 1 - self.plan.confidence

    @property
    def impact(self) -> bool:
        """Whether a ratio of its metric is an impact ratio."""
        return self.metric is not None and self.metric.impact

    def undefined(self, n: int) -> str:
        """Why its metric does not exist in a slice with so many rows in the denominator."""
        assert self.metric is not None
        return undefined_because(self.metric, n)

    def claim(self, figure: Figure, k: int, i: int) -> Claim:
        """The claim of one slice alone, whose figure stands at ``k``."""
        n = int(figure.n[k])
        return Claim(self.slices.name(i), None, n, None if figure.defined[k] else self.undefined(n))

    def lacking(self, defined: NDArray[np.bool_], n: NDArray[np.int64], pair: tuple[int, int]) -> str | None:
        """Why two slices cannot be compared, where one of them has no figure."""
        lacking = [j for j in pair if not defined[j]]
        if not lacking:
            return None
        why = self.undefined(int(n[lacking[0]]))
        return tell("{slice}: {why}", slice=self.slices.words(lacking[0]), why=why)

    def requirement(self, fold: Fold = "none") -> Requirement:
        """The gate's limit."""
        limit = Limit.parse(self.gate.limit)
        return Requirement(limit.value, limit.upper, fold)

    def levels(self, claims: int) -> tuple[float, ...]:
        """Levels that will decide or be shown, of a figure whose limits alone are known."""
        return self.level, self.level / max(claims, 1), self.level / 2

    def eligible(self, *figures: Figure) -> tuple[list[int], list[LeftOut]]:
        """The slices that the gate speaks of, and those left out as small or unknown.

        What counts is the metric's effective denominator, the smallest of several: a slice of many rows of
        which few are in it is small. One of enough rows of which none is in it is not: there the metric is
        undefined, and the gate an error rather than silent.
        """
        size = np.min([figure.size for figure in figures], axis=0)
        undefined = ~np.all([figure.defined for figure in figures], axis=0)
        large = (size >= self.plan.min_size) | (undefined & (self.slices.n >= self.plan.min_size))
        gate, slices = self.gate, self.slices
        if gate.slice is not None:
            return [self.named(gate.slice, f"{self.where}.slice")], []
        if not slices.by:
            return [0], []
        use = [
            i
            for i in slices.shown
            if (gate.include_unknown or not slices.unknown[i]) and (gate.include_small or large[i])
        ]
        left = [LeftOut(slices.name(i), float(size[i])) for i in slices.shown if i not in set(use)]
        return use, left

    def named(self, wanted: Mapping[str, Scalar], where: str) -> int:
        """The slice with these values; InputError where there is none."""
        found = self.slices.find(wanted)
        if found is None:
            known = ", ".join(self.slices.words(i) for i in self.slices.shown[:12])
            given = {feature: word(value) for feature, value in wanted.items()}
            raise InputError(f"{where}: no slice {given} in the data; there are {known}")
        return found

    def reference(
        self, figure: Figure, use: Sequence[int]
    ) -> tuple[int | None, Literal["highest", "lowest"] | None]:
        """The reference slice (None where none is large enough), and how it was picked for its value.

        One that nobody named, here or in the configuration, has to be large enough as any slice has.
        """
        wanted, plan, slices = self.gate.reference, self.plan, self.slices
        burden = plan.positive_is == "burden"
        if wanted is None and self.impact and self.gate.compare == "ratio":
            wanted = "lowest" if burden else "highest"
        if wanted in ("highest", "lowest"):
            best = np.nanargmax if wanted == "highest" else np.nanargmin
            known = np.array([i for i in use if figure.defined[i]], np.intp)
            picked: Literal["highest", "lowest"] = "highest" if wanted == "highest" else "lowest"
            return (int(known[best(figure.value[known])]) if len(known) else None), picked
        if wanted is None or wanted == "largest":
            chosen = slices.reference(plan.reference if wanted is None else {})
            given = wanted is None and all(f in plan.reference for f in slices.by)
            large = self.gate.include_small or figure.size[chosen] >= plan.min_size
            return (chosen if given or large else None), None
        if not isinstance(wanted, dict):
            if len(slices.by) > 1:
                raise InputError(
                    f"{self.where}.reference: expected a value for each of {', '.join(slices.by)}"
                )
            wanted = {slices.by[0]: wanted}
        return self.named(wanted, f"{self.where}.reference"), None
