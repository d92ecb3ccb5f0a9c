"""The planner before the audit: how many rows a gate needs, from what is assumed of the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, Literal, get_args

from .datasets.errors import InputError
from .metrics.limit import Limit
from .metrics.planning import MOST_ROWS, Form, Plan
from .metrics.power import POWER

MIN_SIZE = 30
"""Rows in the denominator below which gates leave a slice out, unless a configuration says otherwise."""


@dataclass(frozen=True)
class Assumptions:
    """What a plan assumes of the truth, and of the gate.

    Attributes
    ----------
    limit : str
        Of the gate, such as ``<= 0.1``.
    compare : {"value", "difference", "ratio"}
    rate : float
        True rate of the reference; of every slice where ``compare`` is "value".
    truth : float
        True figure that the gate is about: the rate itself, slice - reference, or slice / reference. Of every
        slice where the gate is to pass, of one that breaks the limit where it is to fail.
    slices : int
        The reference aside.
    reference_times : float or None
        Rows of the reference per row of a slice; None where there is no reference.
    power : float
        Chance that the gate decides as the truth is.
    confidence : float
    """

    limit: str
    compare: Form
    rate: float
    truth: float
    slices: int
    reference_times: float | None
    power: float
    confidence: float

    @property
    def slice_rate(self) -> float:
        """True rate of a slice."""
        return min(max(_plan_of(self).slice_rate, 0.0), 1.0)


@dataclass(frozen=True)
class Planned:
    """The rows that a gate needs; ``print`` says it in a sentence.

    Attributes
    ----------
    rows_per_slice : int or None
        In the metric's denominator. None where not even a billion rows decide.
    rows_of_reference : int or None
        0 where there is no reference.
    total : int or None
        Of all slices and the reference.
    decides : {"pass", "fail"} or None
        Which verdict the rows are for: what the assumed truth deserves.
    assumptions : Assumptions
    """

    rows_per_slice: int | None
    rows_of_reference: int | None
    total: int | None
    decides: Literal["pass", "fail"] | None
    assumptions: Assumptions

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``fairweigh plan --json`` prints it."""
        told = self.assumptions
        assumed: dict[str, Any] = {"limit": told.limit, "compare": told.compare, "rate": told.rate}
        if told.compare != "value":
            name = "gap" if told.compare == "difference" else "ratio"
            assumed |= {name: round(told.truth, 12), "slice_rate": round(told.slice_rate, 12)}
            assumed["reference_times"] = told.reference_times
        assumed |= {"slices": told.slices, "power": told.power, "confidence": told.confidence}
        return {
            "rows_per_slice": self.rows_per_slice,
            "rows_of_reference": self.rows_of_reference,
            "total": self.total,
            "decides": self.decides,
            "assumptions": assumed,
        }

    def __str__(self) -> str:
        told = self.assumptions
        if self.rows_per_slice is None:
            if _on_limit(_plan_of(told)):
                return f"{_truth(told, None)}, no number of rows decides: the truth lies on the limit."
            return f"{_truth(told, None)}, not even {MOST_ROWS:,} rows per slice decide."
        where = f"{self.rows_per_slice:,} rows per slice"
        if told.compare != "value":
            where += f" and {self.rows_of_reference:,} of the reference"
        if self.total != self.rows_per_slice:
            where += f", {self.total:,} in all"
        return (
            f"{_truth(told, self.decides)}, a gate on the {told.compare} with the limit {told.limit} at "
            f"{_level(told.confidence)} confidence would {self.decides} with a chance of "
            f"{_level(told.power)} at {where}."
        )

    def nearby(self) -> list[Planned]:
        """Plan for other truths within and beyond the limit, those of impossible rates left out."""
        return [_planned(plan) for plan in _others(_plan_of(self.assumptions))]


def plan(
    limit: float | str,
    rate: float,
    *,
    gap: float | None = None,
    ratio: float | None = None,
    slices: int = 1,
    reference_times: float = 1.0,
    power: float = POWER,
    confidence: float = 0.95,
    compare: Form = "difference",
) -> Planned:
    """Find how many rows a proven gate on a rate needs, before there are any.

    Parameters
    ----------
    limit : float or str
        As gates write it, such as ``"<= 0.1"``; a number alone is an upper limit of a difference and a lower
        one of a ratio. A difference counts in either direction, a ratio as the smaller of it and its inverse.
    rate : float
        True rate of the reference, in [0, 1]; of every slice where ``compare`` is "value".
    gap : float, optional
        True difference, slice - reference; default 0. Beyond the limit the rows are those that prove a
        failure, where one slice has this difference.
    ratio : float, optional
        The same as a ratio, slice / reference.
    slices : int
        Compared slices, the reference aside.
    reference_times : float
        Rows of the reference per row of a slice.
    power : float
        Chance that the gate decides as the truth is, in (0, 1).
    confidence : float
        Of the gate, in (0.5, 1).
    compare : {"value", "difference", "ratio"}
        Each slice's own rate, or against a reference that is fixed beforehand.

    Returns
    -------
    Planned
        Rows in the metric's denominator: for a true positive rate those of a positive label.

    Raises
    ------
    InputError
        A value that cannot be.

    Notes
    -----
    The verdict is that of the audit, on expected counts: the normal quantile of each claim's exact p is taken
    to have a standard deviation of 1, claims to be independent.

    Examples
    --------
    >>> import fairweigh
    >>> fairweigh.plan(0.1, 0.3, gap=0, slices=20, reference_times=10).rows_per_slice
    417
    """
    if compare not in get_args(Form):
        raise InputError(f"compare: expected one of {', '.join(get_args(Form))}, got {compare!r}")
    asked = _limit(limit, compare)
    base = _number("rate", rate, 0, 1)
    if isinstance(slices, bool) or not isinstance(slices, Integral) or slices < 1:
        raise InputError(f"slices: expected a whole number of at least 1, got {slices!r}")
    return _planned(
        Plan(
            limit=asked.value,
            compare=compare,
            rate=base,
            truth=_truth_of(compare, base, gap, ratio),
            slices=int(slices),
            reference_times=_number("reference_times", reference_times, 0, math.inf, open_=True),
            power=_number("power", power, 0, 1, open_=True),
            confidence=_number("confidence", confidence, 0.5, 1, open_=True),
            upper=asked.upper,
        )
    )


def table(planned: Planned) -> list[str]:
    """Lines of a table of the rows that other truths would need."""
    compare = planned.assumptions.compare
    rows = [(f"true {'rate' if compare == 'value' else compare}", "rows per slice", "decides")]
    for one in planned.nearby():
        count = "at no size" if one.rows_per_slice is None else f"{one.rows_per_slice:,}"
        rows.append((_figure(one.assumptions), count, one.decides or ""))
    wide = [max(len(row[k]) for row in rows) for k in range(3)]
    return [f"{a:<{wide[0]}}  {b:>{wide[1]}}  {c}".rstrip() for a, b, c in rows]


# --- what is asked ------------------------------------------------------------------------------------


def _limit(given: float | str, compare: Form) -> Limit:
    """The limit as a gate of this form can have it."""
    upper = compare != "ratio"
    bare = _bare(given)
    if bare is not None and compare == "value":
        raise InputError(
            f"limit: expected its direction where values are compared, '<= {bare:g}' or '>= {bare:g}', "
            f"got {given!r}"
        )
    try:
        found = Limit(upper, bare) if bare is not None else Limit.parse(str(given))
    except ValueError as error:
        raise InputError(f"limit: {error}") from None
    if compare != "value" and found.upper != upper:
        form = "an upper limit of a difference, '<= ...'" if upper else "a lower limit of a ratio, '>= ...'"
        raise InputError(f"limit: expected {form}, got {given!r}")
    if not 0 < found.value < 1:
        raise InputError(f"limit: expected a number above 0 and below 1, got {given!r}")
    return found


def _bare(given: float | str) -> float | None:
    """A limit that is a number alone."""
    try:
        return float(given)
    except (TypeError, ValueError):
        return None


def _number(name: str, given: float, low: float, high: float, *, open_: bool = False) -> float:
    """A number within bounds, which themselves are allowed unless ``open_``."""
    number = _real(name, given)
    if low < number < high or (not open_ and number in (low, high)):
        return number
    above = f"a number above {low:g}" + (f" and below {high:g}" if high < math.inf else "")
    raise InputError(
        f"{name}: expected {above if open_ else f'a number from {low:g} to {high:g}'}, got {given!r}"
    )


def _real(name: str, given: float) -> float:
    if isinstance(given, bool) or not isinstance(given, Real) or not math.isfinite(given):
        raise InputError(f"{name}: expected a number, got {given!r}")
    return float(given)


def _truth_of(compare: Form, rate: float, gap: float | None, ratio: float | None) -> float:
    """The true figure that the gate is about."""
    if compare == "value":
        for name, given in (("gap", gap), ("ratio", ratio)):
            if given is not None:
                raise InputError(
                    f"{name}: expected none where values are compared, the rate says it, got {given!r}"
                )
        return rate
    if gap is not None and ratio is not None:
        raise InputError(f"ratio: expected one of gap and ratio, got {ratio!r} beside the gap {gap!r}")
    if compare == "ratio" and rate == 0:
        raise InputError(f"rate: expected a number above 0, of which there are ratios, got {rate!r}")
    if ratio is not None:
        times = _real("ratio", ratio)
        if not 0 <= times * rate <= 1:
            raise InputError(
                f"ratio: expected one that leaves the slice's rate in 0 to 1 (rate {rate:g}), got {ratio!r}"
            )
        return times if compare == "ratio" else rate * times - rate
    apart = 0.0 if gap is None else _real("gap", gap)
    if not 0 <= round(rate + apart, 12) <= 1:
        raise InputError(
            f"gap: expected one that leaves the slice's rate in 0 to 1 (rate {rate:g}), got {gap!r}"
        )
    return apart if compare == "difference" else (rate + apart) / rate


# --- what comes of it ---------------------------------------------------------------------------------


def _planned(plan: Plan) -> Planned:
    found = None if _on_limit(plan) else plan.rows()
    assumed = Assumptions(
        limit=f"{'<=' if plan.upper else '>='} {plan.limit}",
        compare=plan.compare,
        rate=plan.rate,
        truth=plan.truth,
        slices=plan.slices,
        reference_times=None if plan.compare == "value" else plan.reference_times,
        power=plan.power,
        confidence=plan.confidence,
    )
    if found is None:
        return Planned(None, None, None, None, assumed)
    reference = 0 if plan.compare == "value" else math.ceil(round(plan.reference_times * found, 6))
    verdict: Literal["pass", "fail"] = "pass" if plan.passing else "fail"
    return Planned(found, reference, plan.slices * found + reference, verdict, assumed)


def _plan_of(assumed: Assumptions) -> Plan:
    limit = Limit.parse(assumed.limit)
    return Plan(
        limit=limit.value,
        compare=assumed.compare,
        rate=assumed.rate,
        truth=assumed.truth,
        slices=assumed.slices,
        reference_times=assumed.reference_times or 1.0,
        power=assumed.power,
        confidence=assumed.confidence,
        upper=limit.upper,
    )


def _on_limit(plan: Plan) -> bool:
    figure = float(plan.requirement.folded(plan.truth))
    return math.isclose(figure, plan.limit, rel_tol=1e-9)


def _others(plan: Plan) -> Iterator[Plan]:
    """Truths as far within the limit as no difference is, half as far, and as far beyond it."""
    limit = plan.limit
    if plan.compare == "value":
        reach = abs(plan.rate - limit) * (1 if plan.upper else -1)
        for step in (-1, -0.5, 0.5, 1):
            rate = limit + step * reach
            if 0 <= rate <= 1:
                yield replace(plan, rate=rate, truth=rate)
        return
    difference = plan.compare == "difference"
    downwards = plan.truth < 0 or (plan.truth == 0 and plan.rate + 2 * limit > 1)
    turned = downwards if difference else plan.truth > 1
    for step in (0, 0.5, 1.5, 2):
        truth = step * limit if difference else 1 - step * (1 - limit)
        if turned and truth > 0:
            truth = -truth if difference else 1 / truth
        other = replace(plan, truth=truth)
        if 0 <= other.slice_rate <= 1:
            yield other


# --- in words -----------------------------------------------------------------------------------------


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _level(share: float) -> str:
    """A confidence or a power as it was given: one below 1 is never written as all."""
    return f"{100 * share:.12g} %"


def _figure(told: Assumptions) -> str:
    if told.compare == "value":
        return _percent(told.rate)
    if told.compare == "ratio":
        return f"{told.truth:.4g}"
    points = round(100 * told.truth, 6) + 0.0
    return f"{'+' if points > 0 else ''}{points:.4g} points".replace("-", "−")


def _truth(told: Assumptions, decides: str | None) -> str:
    """What is assumed, as the beginning of a sentence."""
    several = told.slices > 1
    if decides == "fail" and several:
        who = f"one of {told.slices:,} slices'"
    else:
        who = f"each of {told.slices:,} slices'" if several else "the slice's"
    if told.compare == "value":
        return f"Were {who} true rate {_percent(told.rate)}"
    figure = f"a {told.compare} of {_figure(told)}"
    reference = f"the reference's true rate {_percent(told.rate)}"
    return f"Were {reference} and {who} {_percent(told.slice_rate)} ({figure})"
