"""Credit: adverse impact ratio and standardised mean difference, against limits that the user sets."""

from __future__ import annotations

import math
from typing import Any

from ...audit.figures.measure import Measurement
from ...audit.regimes.base import Basis
from ...bands import UNKNOWN
from ...metrics.contrast import RATIO
from ...metrics.exact import pair_limits, pair_p_above, pair_p_below
from ...metrics.standardised import Standardised, standardised_differences
from .inputs import CreditInputs
from .types import Credit, CreditFeature, CreditGroup


def figures_of(inputs: CreditInputs, basis: Basis) -> Credit:
    """Compute both figures of every feature.

    Raises
    ------
    ValueError
        No decisions, no such control group, a limit for scores where there are none, and the reverse, or
        another decision that grants the credit than the data say.
    """
    inputs = inputs.model_copy(update={"favourable": _granting(inputs, basis)})
    measured = basis.measured
    if "decision" not in measured.gives:
        raise ValueError("adverse impact ratios need decisions; the run has labels alone")
    scores = "score" in measured.gives
    if scores and inputs.smd_limit is None:
        raise ValueError("the required input is missing: smd_limit (the run has scores; there is no default)")
    if not scores and inputs.smd_limit is not None:
        raise ValueError("smd_limit: the run has no scores")
    return Credit(
        weighted=measured.cube.weights is not None,
        confidence=basis.confidence,
        air_limit=inputs.air_limit,
        smd_limit=inputs.smd_limit,
        lower_is_worse=inputs.favourable == "selected",
        features=[_feature(name, value, inputs, basis) for name, value in inputs.reference.items()],
    )


def _granting(inputs: CreditInputs, basis: Basis) -> str:
    """The decision that grants the credit: as was asked for, else as the data say."""
    said = {"benefit": "selected", "burden": "not selected"}.get(basis.positive_is or "")
    if inputs.favourable and said and inputs.favourable != said:
        raise ValueError(
            f"favourable: expected {said!r} or nothing, as data.positive_is is {basis.positive_is}, got "
            f"{inputs.favourable!r}"
        )
    return inputs.favourable or said or "selected"


def _feature(name: str, reference: str, inputs: CreditInputs, basis: Basis) -> CreditFeature:
    measured, by = basis.measured, (name,)
    slices, counts = measured.slices(by), measured.tally(by).counts
    found = slices.find({name: reference})
    if found is None or reference == UNKNOWN:
        known = ", ".join(slices.keys[i][0] for i in slices.shown if not slices.unknown[i])
        raise ValueError(f"reference.{name}: no value {reference!r} in the data; there are {known}")
    granted = counts.selected if inputs.favourable == "selected" else counts.n - counts.selected
    standard = _standardised(measured, by, found, basis.confidence)
    known_rows = int(counts.n[~slices.unknown].sum())
    groups = []
    for i in slices.shown:
        if slices.unknown[i]:
            continue
        n, approved = int(counts.n[i]), int(granted[i])
        row: dict[str, Any] = {
            "value": slices.keys[i][0], "n": n, "approved": approved, "rate": approved / n,
            "share": n / known_rows, "reference": i == found, "mean": None,
        }  # fmt: skip
        if standard is not None:
            row["mean"] = _number(standard.mean[i])
        if i != found:
            row |= _ratio(approved, n, int(granted[found]), int(counts.n[found]), inputs, basis.confidence)
            row |= _difference(standard, i, inputs)
        groups.append(CreditGroup(**row))
    return CreditFeature(
        feature=name,
        reference=reference,
        n=known_rows,
        unknown=int(counts.n[slices.unknown].sum()),
        spread=_number(standard.spread) if standard is not None else None,
        groups=groups,
    )


def _standardised(
    measured: Measurement, by: tuple[str, ...], reference: int, confidence: float
) -> Standardised | None:
    if "score" not in measured.gives:
        return None
    return standardised_differences(measured.scores, by, measured.tally(by).keys, reference, confidence)


def _ratio(x: int, n: int, y: int, m: int, inputs: CreditInputs, confidence: float) -> dict[str, Any]:
    """The adverse impact ratio of x of n to y of m."""
    # Fisher's exact test, the smaller of its one-sided p twice.
    p = min(1.0, 2 * min(float(tail(x, n, y, m, 0.0)) for tail in (pair_p_above, pair_p_below)))
    if not y:
        return {"p": p}
    air = (x * m) / (n * y)
    low, high = pair_limits(x, n, y, m, (1 - confidence) / 2, RATIO)
    return {
        "p": p,
        "air": air,
        "air_low": _number(float(low)),
        "air_high": _number(float(high)),
        "air_beyond": air < inputs.air_limit,
    }


def _difference(standard: Standardised | None, i: int, inputs: CreditInputs) -> dict[str, Any]:
    smd = _number(standard.value[i]) if standard is not None else None
    if standard is None or smd is None or inputs.smd_limit is None:
        return {}
    disadvantage = -smd if inputs.favourable == "selected" else smd
    return {
        "smd": smd,
        "smd_low": _number(standard.low[i]),
        "smd_high": _number(standard.high[i]),
        "smd_beyond": disadvantage > inputs.smd_limit,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
