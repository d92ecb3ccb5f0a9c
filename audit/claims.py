"""What a gate asks of each slice: the claims, the question they make together, and the slices left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import Scalar, listed, word
from ..datasets.errors import InputError
from ..metrics import compare, gap_growth
from ..metrics.entry import Metric
from ..metrics.evidence import FromLimits, Index, evidence
from ..metrics.extremes import Extremes
from ..metrics.figures import Figure
from ..metrics.intervals import Limits
from ..metrics.limit import Limit
from ..metrics.questions import Each, Largest, Picked, Question
from ..metrics.requirement import Requirement
from ..told import tell
from .common import Common
from .config import AGGREGATES, Gate
from .measure import Measurement, Slices
from .pairs import Paired
from .plan import Plan
from .status import undefined_because
from .unpaired import Unpaired

Fold = Literal["none", "difference", "ratio"]


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


def asked(
    gate: Gate, position: int, measured: Measurement, plan: Plan, paired: Paired | Unpaired | None = None
) -> list[Asked]:
    """What a gate asks of each slice: one part, or one for each class that it speaks of.

    Raises
    ------
    InputError
        The gate names a feature, slice or class that the data lack, or a metric that they cannot give.
    """
    where = f"gates[{position}]"
    if gate.of_class is None:
        return [_asked(gate, where, measured, plan, paired)]
    if measured.task.of_class is None:
        told = f"the task {measured.task.name} has no classes to name, got {gate.of_class!r}"
        raise InputError(f"{where}.class: {told}")
    if gate.of_class != "each" and gate.of_class not in plan.views:
        raise InputError(f"{where}.class: no class {gate.of_class!r}; there are {listed(plan.views)}")
    parts = []
    for name in plan.classes if gate.of_class == "each" else (gate.of_class,):
        same = None if paired is None else paired.view(name)
        found = _asked(gate, where, measured.view(name), plan, same)
        parts.append(replace(found, view=name))
    # Limits of failing hold for all classes together.
    claims = sum(part.question.claims for part in parts if part.question is not None)
    return [
        part if part.question is None else replace(part, question=part.question.among(claims))
        for part in parts
    ]


def _asked(
    gate: Gate, where: str, measured: Measurement, plan: Plan, paired: Paired | Unpaired | None
) -> Asked:
    _check(gate, where, measured, paired)
    by = tuple(f for f in measured.features if f in gate.features)
    metric = measured.task.metrics.get(gate.metric)
    if gate.compare == "change":
        assert paired is not None
        gated = _Gated(gate, where, paired.slices(by), plan, metric)
        found = _growths(gated, paired, by) if gate.by is not None else _changes(gated, paired, by)
        return _with_lost(found, gated, paired, by) if isinstance(paired, Common) else found
    gated = _Gated(gate, where, measured.slices(by), plan, metric)
    if metric is None:
        return _aggregate(gated, {m: measured.figure(m, by) for m in AGGREGATES[gate.metric].metrics})
    figure = measured.figure(gate.metric, by)
    return _values(gated, figure) if gate.compare == "value" else _against(gated, figure)


def _check(gate: Gate, where: str, measured: Measurement, paired: Paired | Unpaired | None) -> None:
    for feature in gate.features:
        if feature not in measured.features:
            raise InputError(
                f"{where}.by: {feature!r} is not an audited sensitive feature; there are "
                f"{', '.join(measured.features)}"
            )
    names = AGGREGATES[gate.metric].metrics if gate.metric in AGGREGATES else (gate.metric,)
    seen = measured if paired is None or gate.compare != "change" else paired
    for name in names:
        if name not in measured.task.metrics:
            raise InputError(f"{where}.metric: {name} is no figure of the task {measured.task.name}")
        lacking = seen.lacks(name)
        if lacking:
            whose = "run" if measured.lacks(name) else "model before"
            raise InputError(
                f"{where}.metric: {name} needs a {' and a '.join(lacking)}, which the {whose} has not"
            )
        if gate.compare == "change" and measured.metric(name).of_labels:
            raise InputError(
                f"{where}.metric: {name} is of the labels alone, it does not change with a model"
            )


@dataclass(frozen=True)
class _Gated:
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


def _values(gated: _Gated, figure: Figure) -> Asked:
    """Each slice's own value against the limit."""
    use, left_out = gated.eligible(figure)
    claims = [_claim(gated, figure, i) for i in use]
    known = _defined(use, claims)
    if not len(known):
        return Asked(claims, None, left_out)
    found = evidence(figure, known, gated.levels(len(known)))
    return Asked(claims, Each(found, gated.requirement(), len(known)), left_out)


def _claim(gated: _Gated, figure: Figure, i: int) -> Claim:
    n = int(figure.n[i])
    why = None if figure.defined[i] else gated.undefined(n)
    return Claim(gated.slices.name(i), None, n, why)


def _defined(use: Sequence[int], claims: Sequence[Claim]) -> Index:
    return np.array([i for i, claim in zip(use, claims, strict=True) if claim.undefined is None], np.intp)


def _against(gated: _Gated, figure: Figure) -> Asked:
    """Each slice against the reference."""
    gate, slices = gated.gate, gated.slices
    use, left_out = gated.eligible(figure)
    reference, picked = gated.reference(figure, use)
    if reference is None:
        return Asked([], None, left_out)
    others = [i for i in use if i != reference]
    form: compare.Form = "difference" if gate.compare == "difference" else "ratio"
    # Nothing has a ratio to 0; but any rate is proven to be more than the lowest one, where that is 0.
    zero = form == "ratio" and figure.value[reference] == 0
    zero = zero and not (picked == "lowest" and np.nanmax(figure.value[use]) > 0)

    def claim(i: int) -> Claim:
        why = _lacking(gated, figure.defined, figure.n, (i, reference))
        if why is None and zero:
            why = tell("the reference {slice} is 0", slice=slices.words(reference))
        return Claim(slices.name(i), slices.name(reference), int(figure.n[i]), why)

    claims = [claim(i) for i in others]
    known = _defined(others, claims)
    if not len(known):
        return Asked(claims, None, left_out)
    if picked is not None:
        among = np.array([i for i in use if figure.defined[i]], np.intp)
        limit = gated.requirement().limit
        level = gated.level
        asks = Picked(figure, known, among, reference, form, picked == "highest", limit, level)
        return Asked(claims, asks, left_out)
    pairs = compare.pair_evidence(
        figure, known, np.full(len(known), reference), form, gated.levels(len(known))
    )
    requirement = _of_pairs(gated, form)
    turned = form == "ratio" and requirement.upper
    return Asked(claims, Each(pairs, requirement, len(known), turned), left_out)


def _of_pairs(gated: _Gated, form: compare.Form) -> Requirement:
    """The limit of a comparison with a reference that was fixed beforehand.

    A difference counts in either direction, and so does a ratio to a reference that nobody named. Of a burden
    it is the slice that has more of it which is worse off: the limit is on the inverse of its ratio.
    """
    if form == "difference":
        return gated.requirement("difference")
    if gated.gate.reference is None:
        return gated.requirement("ratio")
    if gated.plan.positive_is == "burden" and gated.impact:
        return Requirement(1 / gated.requirement().limit, upper=True)
    return gated.requirement()


def _lacking(
    gated: _Gated, defined: NDArray[np.bool_], n: NDArray[np.int64], pair: tuple[int, int]
) -> str | None:
    lacking = [j for j in pair if not defined[j]]
    if not lacking:
        return None
    because = gated.undefined(int(n[lacking[0]]))
    return tell("{slice}: {why}", slice=gated.slices.words(lacking[0]), why=because)


def _changes(gated: _Gated, paired: Paired | Unpaired, by: tuple[str, ...]) -> Asked:
    """After - before of the metric itself, in one slice or overall."""
    use, left_out = gated.eligible(paired.before(gated.gate.metric, by))
    figure = paired.figure_of(gated.gate.metric, by, use)
    whole = np.arange(len(use))
    claims = [
        Claim(
            gated.slices.name(i),
            None,
            int(figure.n[k]),
            None if figure.defined[k] else gated.undefined(int(figure.n[k])),
        )
        for k, i in enumerate(use)
    ]
    known = whole[figure.defined]
    if not len(known):
        return Asked(claims, None, left_out)
    found = evidence(figure, known, gated.levels(len(known)))
    return Asked(claims, Each(found, gated.requirement(), len(known)), left_out)


def _with_lost(found: Asked, gated: _Gated, common: Common, by: tuple[str, ...]) -> Asked:
    """Add the slices that only one of two runs has, or of which no row is common.

    One of the later run that is large enough to be judged has no change: the gate is an error, not silent.
    """
    if gated.gate.slice is not None:
        return found
    why = tell("none of its rows is among the common rows")
    claims, left_out = list(found.claims), [*found.left_out, *(LeftOut(s, 0.0) for s in common.gone(by))]
    for name, n in zip(*common.new(by), strict=True):
        if n >= gated.plan.min_size or gated.gate.include_small:
            claims.append(Claim(name, None, 0, why))
        else:
            left_out.append(LeftOut(name, 0.0))
    return replace(found, claims=claims, left_out=left_out)


def _growths(gated: _Gated, paired: Paired | Unpaired, by: tuple[str, ...]) -> Asked:
    """Growth of the absolute gap of each slice to the reference, |after| - |before|."""
    gate, slices = gated.gate, gated.slices
    before = paired.before(gate.metric, by)
    use, left_out = gated.eligible(before)
    if isinstance(paired, Unpaired):
        left_out += [LeftOut(name, 0.0) for name in paired.gone(by)]
    reference, picked = gated.reference(before, use)
    if reference is None:
        return Asked([], None, left_out)
    others = [i for i in use if i != reference]
    compared = [*others, reference]
    gap, change = before.take(compared), paired.figure_of(gate.metric, by, compared)
    defined = gap.defined & change.defined
    places = dict(zip(compared, defined.tolist(), strict=True))
    known_slices = np.array([places.get(i, False) for i in range(len(slices.n))], bool)
    claims = [
        Claim(
            slices.name(i), slices.name(reference), int(change.n[k]),
            _lacking(gated, known_slices, before.n, (i, reference)),
        )
        for k, i in enumerate(others)
    ]  # fmt: skip
    known = np.array([k for k, claim in enumerate(claims) if claim.undefined is None], np.intp)
    if not len(known):
        return Asked(claims, None, left_out)
    against = np.full(len(known), len(others))
    # A reference that was picked for its value stands among all the slices that it was picked from.
    together = len(use) * (len(use) - 1) if picked else len(known)

    def limits(z: float, scale: float) -> Limits:
        return gap_growth.growth(gap.times(scale), change.times(scale), known, against, z)[1]

    value, _ = gap_growth.growth(gap, change, known, against, 0.5)
    found = FromLimits.of(value, limits, gated.levels(together))
    return Asked(claims, Each(found, gated.requirement(), together), left_out)


def _aggregate(gated: _Gated, figures: Mapping[str, Figure]) -> Asked:
    """A named disparity over all slices."""
    gate, slices = gated.gate, gated.slices
    use, left_out = gated.eligible(*figures.values())
    extremes = Extremes(figures, np.array(use, np.intp), gate.metric.endswith("_ratio"))
    undefined = [slices.words(i) for i in use if not all(f.defined[i] for f in figures.values())]
    if not extremes.defined:
        if len(use) < 2:
            return Asked([], None, left_out)
        why = tell("fewer than two slices have {what}", what=" and ".join(figures))
        return Asked([Claim({}, None, 0, why)], None, left_out)
    high, low = extremes.ends.high, extremes.ends.low
    one, other = (low, high) if extremes.ratio else (high, low)
    n = int(figures[extremes.ends.metric].n[one])
    claim = Claim(slices.name(one), slices.name(other), n)
    if undefined:
        what = " and ".join(figures)
        why = tell("{what} not defined in {slices}", what=what, slices=", ".join(undefined))
        return Asked([replace(claim, undefined=why)], None, left_out)
    lacking = [name for name in figures if name not in extremes.defined]
    if lacking:
        # Of a rate that is 0 in every slice any ratio is possible: the others alone do not prove the gate.
        why = tell("fewer than two slices have {what}, or all are 0", what=" and ".join(lacking))
        return Asked([replace(claim, undefined=why)], None, left_out)
    return Asked([claim], Largest(extremes, Limit.parse(gate.limit).value, gated.level), left_out)
