"""Gates: from a measurement and a requirement to a verdict and the rows that would decide it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import word
from ..datasets.errors import InputError
from ..metrics import compare
from ..metrics.figures import Figure
from ..metrics.intervals import adjust_p, pairwise_quantile, sidak_quantile
from ..metrics.table import METRICS
from .config import AGGREGATES, Gate, Limit
from .measure import Measurement, Slices
from .result import GateResult, GateSlice, Verdict
from .variant import Plan, number, undefined_because

WORST: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "pass")
MOST_ROWS = 1e9

Interval = tuple[float, float, float]
"""Signed value, lower and upper limit."""


@dataclass(frozen=True)
class Claim:
    """What a gate says of one slice.

    ``interval(confidence, scale)`` gives the signed value with limits that hold for all claims of the
    gate together, had there been ``scale`` times the rows; ``folded`` brings them to the scale of the
    limit (an absolute difference, the smaller of a ratio and its inverse).
    """

    slice: dict[str, str]
    reference: dict[str, str] | None
    n: int
    interval: Callable[[float, float], Interval]
    fold: Callable[[Interval], Interval]
    undefined: str | None


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of some verdicts; pass when there are none."""
    return min(verdicts, key=WORST.index, default="pass")


def decide(gates: Sequence[Gate], measured: Measurement, plan: Plan, variant: str) -> list[GateResult]:
    """Decide all gates of one variant.

    A failure is proven for all ``proven`` gates together: with several, its p-value (one minus the
    highest confidence at which the gate still fails) is adjusted by Holm's method, so that a model
    without any violation fails with probability at most ``1 - confidence`` however many gates there are.

    Raises
    ------
    InputError
        A gate names a feature or slice that the data lack, or a metric that they cannot give.
    """
    prepared = [_claims(gate, k, measured, plan) for k, gate in enumerate(gates)]
    results = []
    failing: list[float] = []
    for k, (gate, (claims, left_out)) in enumerate(zip(gates, prepared, strict=True)):
        result = _result(gate, k, claims, left_out, plan, variant, measured.rows)
        results.append(result)
        proven_failure = result.verdict == "fail" and gate.rule == "proven"
        failing.append(
            _p_of_failure(gate, claims) if proven_failure else (1.0 if gate.rule == "proven" else np.nan)
        )
    adjusted = adjust_p(failing, "holm")
    return [
        _withheld(result, float(p), plan) if result.verdict == "fail" and p > 1 - plan.confidence else result
        for result, p in zip(results, adjusted, strict=True)
    ]


def _withheld(result: GateResult, p: float, plan: Plan) -> GateResult:
    why = (
        f"{result.why} Taken alone this would fail, but among several gates the failure is not proven "
        f"(Holm-adjusted p = {p:.3f} > {1 - plan.confidence:.2f})."
    )
    return result.model_copy(update={"verdict": "inconclusive", "why": why})


def _claims(
    gate: Gate, position: int, measured: Measurement, plan: Plan
) -> tuple[list[Claim], list[dict[str, str]]]:
    where = f"gates[{position}]"
    by = gate.features
    for feature in by:
        if feature not in measured.features:
            raise InputError(
                f"{where}.by: {feature!r} is not an audited sensitive feature; there are "
                f"{', '.join(measured.features)}"
            )
    by = tuple(f for f in measured.features if f in by)
    names = AGGREGATES[gate.metric].metrics if gate.metric in AGGREGATES else (gate.metric,)
    for name in names:
        lacking = measured.lacks(METRICS[name])
        if lacking:
            raise InputError(
                f"{where}.metric: {name} needs a {' and a '.join(lacking)}, which the run has not"
            )
    slices = measured.slices(by)
    use, left_out = _gated(gate, where, slices, plan)
    if gate.metric in AGGREGATES:
        return [_aggregate(gate, measured, slices, use, plan)], left_out
    figure = measured.figure(gate.metric, by)
    if gate.compare == "value":
        return _values(gate, figure, slices, use), left_out
    return _pairs(gate, where, figure, slices, use, plan), left_out


def _gated(gate: Gate, where: str, slices: Slices, plan: Plan) -> tuple[list[int], list[dict[str, str]]]:
    """The slices that a gate speaks of, and those left out as small or unknown."""
    if gate.slice is not None:
        wanted = {k: word(v) for k, v in gate.slice.items()}
        found = slices.find(wanted)
        if found is None:
            known = ", ".join(slices.words(i) for i in slices.shown[:12])
            raise InputError(f"{where}.slice: no slice {wanted} in the data; there are {known}")
        return [found], []
    if not slices.by:
        return [0], []
    use = [
        i
        for i in slices.shown
        if (gate.include_unknown or not slices.unknown[i])
        and (gate.include_small or slices.n[i] >= plan.min_size)
    ]
    return use, [slices.name(i) for i in slices.shown if i not in use]


def _values(gate: Gate, figure: Figure, slices: Slices, use: list[int]) -> list[Claim]:
    """Each slice's own value against the limit."""

    def claim(i: int) -> Claim:
        def interval(confidence: float, scale: float) -> Interval:
            low, high = figure.limits(sidak_quantile(confidence, len(use)), scale)
            return float(figure.value[i]), float(low[i]), float(high[i])

        n = int(figure.n[i])
        why = None if figure.defined[i] else undefined_because(gate.metric, n)
        return Claim(slices.name(i), None, n, interval, lambda v: v, why)

    return [claim(i) for i in use]


def _pairs(gate: Gate, where: str, figure: Figure, slices: Slices, use: list[int], plan: Plan) -> list[Claim]:
    """Each slice against the reference."""
    reference, picked = _reference(gate, where, figure, slices, plan)
    others = [i for i in use if i != reference]
    compared = compare.difference if gate.compare == "difference" else compare.ratio
    favoured = gate.compare == "ratio" and (gate.reference is not None or picked)
    fold = _absolute if gate.compare == "difference" else ((lambda v: v) if favoured else _smaller_ratio)
    known = int((~slices.unknown).sum())

    def claim(i: int) -> Claim:
        def interval(confidence: float, scale: float) -> Interval:
            z = (
                pairwise_quantile(confidence, max(known, 2))
                if picked
                else sidak_quantile(confidence, len(others))
            )
            value, (low, high) = compared(figure, np.array([i]), np.array([reference]), z, scale)
            return float(value[0]), float(low[0]), float(high[0])

        lacking = [j for j in (i, reference) if not figure.defined[j]]
        why = None
        if lacking:
            told = undefined_because(gate.metric, int(figure.n[lacking[0]]))
            why = f"{slices.words(lacking[0])}: {told}"
        elif gate.compare == "ratio" and figure.value[reference] == 0:
            why = f"the reference {slices.words(reference)} is 0"
        return Claim(slices.name(i), slices.name(reference), int(figure.n[i]), interval, fold, why)

    return [claim(i) for i in others]


def _reference(gate: Gate, where: str, figure: Figure, slices: Slices, plan: Plan) -> tuple[int, bool]:
    """The reference slice, and whether it was picked for its value."""
    wanted = gate.reference
    if wanted is None:
        wanted = "highest" if gate.metric == "selection_rate" and gate.compare == "ratio" else None
    if wanted is None:
        return slices.reference(plan.reference), False
    if wanted == "highest":
        highest = slices.highest(figure.value, 0 if gate.include_small else plan.min_size)
        if highest is None:
            raise InputError(f"{where}: no slice of at least {plan.min_size} rows has {gate.metric}")
        return highest, True
    if wanted == "largest":
        return slices.reference({}), False
    if not isinstance(wanted, dict):
        if len(slices.by) > 1:
            raise InputError(f"{where}.reference: expected a value for each of {', '.join(slices.by)}")
        wanted = {slices.by[0]: wanted}
    named = {k: word(v) for k, v in wanted.items()}
    found = slices.find(named)
    if found is None:
        known = ", ".join(slices.words(i) for i in slices.shown[:12])
        raise InputError(f"{where}.reference: no slice {named} in the data; there are {known}")
    return found, False


def _aggregate(gate: Gate, measured: Measurement, slices: Slices, use: list[int], plan: Plan) -> Claim:
    """A named disparity over all slices."""
    row = AGGREGATES[gate.metric]
    form = "difference" if gate.metric.endswith("_difference") else "ratio"
    figures = {m: measured.figure(m, slices.by) for m in row.metrics}
    chosen: NDArray[np.intp] = np.array(use, np.intp)
    point = compare.between(figures, chosen, form, plan.confidence)  # type: ignore[arg-type]
    undefined = [slices.words(i) for i in use if not all(f.defined[i] for f in figures.values())]

    def interval(confidence: float, scale: float) -> Interval:
        found = compare.between(figures, chosen, form, confidence, scale)  # type: ignore[arg-type]
        return (found.value, found.low, found.high) if found else (math.nan,) * 3

    why = None
    if point is None:
        why = f"fewer than two slices have {' and '.join(row.metrics)}"
    elif undefined:
        why = f"{' and '.join(row.metrics)} not defined in {', '.join(undefined)}"
    one, other = (point.slice, point.reference) if point else (0, 0)
    n = int(slices.n[one]) if point else 0
    return Claim(
        slices.name(one) if point else {},
        slices.name(other) if point else None,
        n,
        interval,
        lambda v: v,
        why,
    )


def _absolute(v: Interval) -> Interval:
    value, low, high = v
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return abs(value), nearest, max(abs(low), abs(high))


def _smaller_ratio(v: Interval) -> Interval:
    value, low, high = v
    fold = [min(x, 1 / x) if x > 0 else 0.0 for x in (value, low, high)]
    return fold[0], min(fold[1], fold[2]), 1.0 if low <= 1 <= high else max(fold[1], fold[2])


def _verdict(gate: Gate, limit: Limit, claim: Claim, confidence: float, scale: float = 1.0) -> Verdict:
    if claim.undefined:
        return "error"
    value, low, high = claim.fold(claim.interval(confidence, scale))
    if gate.rule == "point":
        return "pass" if limit.holds(value) else "fail"
    if math.isnan(low) or math.isnan(high):
        return "inconclusive"
    surely, maybe = (high, low) if limit.upper else (low, high)
    return "pass" if limit.holds(surely) else ("inconclusive" if limit.holds(maybe) else "fail")


def _rows_needed(gate: Gate, limit: Limit, claim: Claim, confidence: float, rows: int) -> int | None:
    """Evaluation rows of the same composition that would decide, were the rates as measured."""

    def decided(scale: float) -> bool:
        return _verdict(gate, limit, claim, confidence, scale) != "inconclusive"

    low, high = 1.0, 2.0
    while not decided(high):
        low, high = high, high * 2
        if high * rows > MOST_ROWS:
            return None
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if decided(middle) else (middle, high)
    return math.ceil(high * rows)


def _p_of_failure(gate: Gate, claims: Sequence[Claim]) -> float:
    """One minus the highest confidence at which the gate still fails."""
    limit = Limit.parse(gate.limit)
    low, high = 1e-12, 0.5
    for _ in range(40):
        middle = math.sqrt(low * high)
        fails = any(_verdict(gate, limit, c, 1 - middle) == "fail" for c in claims)
        low, high = (low, middle) if fails else (middle, high)
    return high


def _result(
    gate: Gate,
    position: int,
    claims: Sequence[Claim],
    left_out: list[dict[str, str]],
    plan: Plan,
    variant: str,
    rows: int,
) -> GateResult:
    limit = Limit.parse(gate.limit)
    found: list[GateSlice] = []
    for claim in claims:
        verdict = _verdict(gate, limit, claim, plan.confidence)
        value, low, high = claim.interval(plan.confidence, 1.0)
        needed = (
            _rows_needed(gate, limit, claim, plan.confidence, rows) if verdict == "inconclusive" else None
        )
        found.append(
            GateSlice(
                slice=claim.slice, reference=claim.reference, measured=number(value), low=number(low),
                high=number(high), n=claim.n, verdict=verdict, rows_needed=needed,
                why=claim.undefined or _because(verdict, gate, needed),
            )
        )  # fmt: skip
    base = {
        "id": gate.id or f"gate-{position + 1}",
        "metric": gate.metric,
        "by": list(gate.features),
        "compare": gate.compare,
        "limit": gate.limit,
        "decide": gate.rule,
        "variant": variant,
        "confidence": plan.confidence,
        "slices": found,
        "left_out": left_out,
    }
    if not found:
        why = "No slice is left to compare: fewer than two are known and large enough."
        return GateResult(verdict="error", why=why, **base)
    verdict = worst([s.verdict for s in found])
    same = [k for k, s in enumerate(found) if s.verdict == verdict]
    decisive = min(same, key=lambda k: _margin(limit, claims[k], plan.confidence))
    chosen = found[decisive]
    needed = _gate_rows_needed(limit, claims, found, plan.confidence) if verdict == "inconclusive" else None
    return GateResult(
        verdict=verdict,
        measured=chosen.measured,
        low=chosen.low,
        high=chosen.high,
        slice=chosen.slice,
        reference=chosen.reference,
        why=_why(verdict, gate, found, chosen),
        rows_needed=needed,
        **base,
    )


def _gate_rows_needed(
    limit: Limit, claims: Sequence[Claim], found: Sequence[GateSlice], confidence: float
) -> int | None:
    """Rows that decide the gate: the fewest with which a slice fails, else those with which all pass."""
    open_ = [(c, s.rows_needed) for c, s in zip(claims, found, strict=True) if s.verdict == "inconclusive"]
    fails = [rows for c, rows in open_ if rows and not limit.holds(c.fold(c.interval(confidence, 1.0))[0])]
    if fails:
        return min(fails)
    waits = [rows for _, rows in open_]
    return None if None in waits else max(rows for rows in waits if rows is not None)


def _margin(limit: Limit, claim: Claim, confidence: float) -> float:
    """How far inside the limit the value lies; the least decides which slice is named."""
    value = claim.fold(claim.interval(confidence, 1.0))[0]
    if math.isnan(value):
        return -math.inf
    return limit.value - value if limit.upper else value - limit.value


def _because(verdict: Verdict, gate: Gate, needed: int | None) -> str:
    if gate.rule == "point":
        return "The measured value decides; its interval is shown beside it."
    if verdict == "pass":
        return "The whole interval is within the limit."
    if verdict == "fail":
        return "The whole interval is beyond the limit."
    rows = (
        f"about {needed:,} rows of the same composition would"
        if needed
        else "no realistic number of rows would, as the value is too close to the limit"
    )
    return f"The interval holds the limit: these data cannot decide; {rows}."


def _why(verdict: Verdict, gate: Gate, found: Sequence[GateSlice], chosen: GateSlice) -> str:
    if len(found) == 1:
        return chosen.why if verdict != "error" else f"The metric is not defined: {chosen.why}."
    count = sum(s.verdict == verdict for s in found)
    words = {
        "pass": f"All {len(found)} slices are within the limit",
        "fail": f"{count} of {len(found)} slices are beyond the limit",
        "inconclusive": f"{count} of {len(found)} slices cannot be decided with these data, none fails",
        "error": f"The metric is not defined in {count} of {len(found)} slices",
    }[verdict]
    how = "" if gate.rule == "point" else ", with limits that hold for all slices together"
    return f"{words}{how}."
