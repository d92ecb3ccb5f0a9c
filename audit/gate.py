"""Gates: from a measurement and a requirement to a verdict and the rows that would decide it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ..datasets.errors import InputError
from ..metrics.intervals import adjust_p
from ..metrics.limit import Limit
from ..told import tell, tell_n
from .claims import Claim, claims
from .config import Gate
from .costs import cost_ratio
from .measure import Measurement
from .pairs import Paired
from .result import Cost, GateResult, GateSlice, Verdict
from .unpaired import Unpaired
from .variant import Plan, number

WORST: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "pass")
MOST_ROWS = 1e9
GROUPS = ("compressed", "mitigated")
"""What a gate can speak of beside the original and variants by name."""


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of some verdicts; pass when there are none."""
    return min(verdicts, key=WORST.index, default="pass")


def gate_id(gate: Gate, position: int) -> str:
    """Return a gate's own id, or one by its place in the configuration."""
    return gate.id or f"gate-{position + 1}"


def against_baseline(gate: Gate) -> bool:
    """Whether a gate's change is that from an earlier release: within a run the original has not changed."""
    return gate.compare == "change" and gate.on == "original"


def gates_for(gates: Sequence[Gate], variant: str, groups: Collection[str] = ()) -> list[tuple[int, Gate]]:
    """Return the gates that are judged on a variant, with their positions in the configuration.

    A gate on the original is judged on every other variant too: a model that is no worse than an unfair
    original is unfair.
    """

    def concerns(gate: Gate) -> bool:
        return gate.on in ("original", variant, *groups)

    return [(k, gate) for k, gate in enumerate(gates) if concerns(gate)]


def decide(
    gates: Sequence[Gate],
    measured: Measurement,
    plan: Plan,
    variant: str,
    *,
    groups: Collection[str] = (),
    paired: Paired | None = None,
    baseline: Paired | Unpaired | None = None,
    cost: Cost | None = None,
    original_cost: Cost | None = None,
    lenient: bool = False,
) -> list[GateResult]:
    """Decide the gates of a configuration that concern one variant, in their order.

    A failure is proven for all ``proven`` gates together: with several, its p-value (one minus the
    highest confidence at which the gate still fails) is adjusted by Holm's method, so that a model
    without any violation fails with probability at most ``1 - confidence`` however many gates there are.

    Parameters
    ----------
    gates : sequence of Gate
        All gates of the configuration.
    measured : Measurement
        The variant's predictions.
    variant : str
        Its name.
    groups : collection of str
        What it is besides: "compressed", "mitigated".
    paired : Paired, optional
        The original's and the variant's predictions; without them a change gate is an error.
    baseline : Paired or Unpaired, optional
        The predictions of an earlier release and the variant's, for change gates on the original.
    cost, original_cost : Cost, optional
        What the variant and the original cost; a cost that was not measured is an error.
    lenient : bool
        A gate that names what the run lacks is an error, as one of a policy for many models is, in place of
        an exception.

    Raises
    ------
    InputError
        A gate names a feature or slice that the data lack, or a metric that they cannot give.
    """
    results = []
    failing: list[float] = []
    for k, gate in gates_for(gates, variant, groups):
        p = np.nan
        before = baseline if against_baseline(gate) else paired
        if gate.cost is not None:
            result = _cost_result(gate, k, variant, plan, cost, original_cost)
        elif gate.compare == "change" and before is None:
            result = _error(gate, k, variant, plan, _nothing_before(gate))
        else:
            try:
                found, left_out = claims(gate, k, measured, plan, before)
            except InputError as error:
                if not lenient:
                    raise
                why = tell("The run lacks what the gate names: {problem}.", problem=error)
                result = _error(gate, k, variant, plan, why)
            else:
                result = _result(gate, k, found, left_out, plan, variant, measured.rows)
                if gate.rule == "proven":
                    p = _p_of_failure(gate, found) if result.verdict == "fail" else 1.0
        results.append(result)
        failing.append(p)
    adjusted = adjust_p(failing, "holm")
    return [
        _withheld(result, float(p), plan) if result.verdict == "fail" and p > 1 - plan.confidence else result
        for result, p in zip(results, adjusted, strict=True)
    ]


def check(gates: Sequence[Gate], measured: Measurement, plan: Plan) -> None:
    """InputError where a gate, on whichever variant, names a feature, slice or metric that the data lack."""
    for k, gate in enumerate(gates):
        if gate.cost is None:
            same = {"compare": "value"} if gate.compare == "change" else {}
            claims(gate.model_copy(update=same), k, measured, plan, None)


def unanswered(
    gates: Sequence[Gate], variants: Mapping[str, Collection[str]], plan: Plan, *, planned: bool = True
) -> list[GateResult]:
    """Return an error for each gate that no variant answers: the one it is on could not be made.

    Parameters
    ----------
    variants : mapping
        Name and groups of each variant that was made.
    planned : bool
        Whether the run was to make every variant that gates are on; those of a policy may name others.
    """
    out = []
    for k, gate in enumerate(gates):
        if any((k, gate) in gates_for(gates, name, groups) for name, groups in variants.items()):
            continue
        why = _not_made(gate) if planned else _not_planned(gate)
        out.append(_error(gate, k, gate.on, plan, why))
    return out


def _nothing_before(gate: Gate) -> str:
    if against_baseline(gate):
        return tell("The gate asks for the change from an earlier release, and no baseline was given.")
    return tell("There is no model before the change to compare with on the same rows.")


def _not_made(gate: Gate) -> str:
    if gate.on in GROUPS:
        return tell("No {what} variant could be made.", what=gate.on)
    return tell("The variant {name} could not be made.", name=repr(gate.on))


def _not_planned(gate: Gate) -> str:
    if gate.on in GROUPS:
        return tell("The run has no {what} variant.", what=gate.on)
    return tell("The run has no variant {name}.", name=repr(gate.on))


def _base(gate: Gate, position: int, variant: str, plan: Plan) -> dict[str, Any]:
    return {
        "id": gate_id(gate, position),
        "metric": gate.cost or gate.metric,
        "by": list(gate.features),
        "compare": "cost" if gate.cost else gate.compare,
        "limit": gate.limit,
        "decide": gate.rule,
        "variant": variant,
        "against": "baseline" if against_baseline(gate) else None,
        "confidence": plan.confidence,
        "set_by": gate.set_by,
        "reason": gate.reason,
    }


def _error(gate: Gate, position: int, variant: str, plan: Plan, why: str) -> GateResult:
    return GateResult(verdict="error", why=why, **_base(gate, position, variant, plan))


def _cost_result(
    gate: Gate, position: int, variant: str, plan: Plan, cost: Cost | None, original: Cost | None
) -> GateResult:
    """A cost as measured against its limit."""
    ratio = cost_ratio(str(gate.cost), cost, original)
    if ratio is None:
        why = tell("The {what} of {variant} was not measured.", what=gate.cost, variant=variant)
        return _error(gate, position, variant, plan, why)
    value, low, high = ratio
    within = Limit.parse(gate.limit).holds(value)
    return GateResult(
        verdict="pass" if within else "fail",
        measured=value,
        low=low,
        high=high,
        why=tell("The {what} is {ratio} times the original's.", what=gate.cost, ratio=f"{value:.3g}"),
        **_base(gate, position, variant, plan),
    )


def _withheld(result: GateResult, p: float, plan: Plan) -> GateResult:
    why = tell(
        "{why} Taken alone this would fail, but among several gates the failure is not proven "
        "(Holm-adjusted p = {p} > {level}).",
        why=result.why,
        p=f"{p:.3f}",
        level=f"{1 - plan.confidence:.2f}",
    )
    return result.model_copy(update={"verdict": "inconclusive", "why": why})


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

    value, *limits = claim.fold(claim.interval(confidence, 1.0))
    reach, margin = max(abs(bound - value) for bound in limits), abs(limit.value - value)
    # Limits draw in about as the root of the rows: a start near the answer saves most of the search.
    most = MOST_ROWS / rows
    start = min((reach / margin) ** 2, most) if reach > 0 and margin > 0 else most
    low = high = max(start, 1.01)
    while not decided(high):
        low, high = high, high * 1.5
        if high > most:
            return None
    while low > 1 and decided(low):
        low, high = max(low / 1.5, 1.0), low
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
                why=claim.undefined or _because(verdict, gate, needed, not math.isnan(low)),
            )
        )  # fmt: skip
    base = _base(gate, position, variant, plan) | {"slices": found, "left_out": left_out}
    if not found:
        why = tell("No slice is left to compare: fewer than two are known and large enough.")
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


def _because(verdict: Verdict, gate: Gate, needed: int | None, limits: bool) -> str:
    if gate.rule == "point":
        return tell("The measured value decides; its interval is shown beside it.")
    if verdict == "pass":
        return tell("The whole interval is within the limit.")
    if verdict == "fail":
        return tell("The whole interval is beyond the limit.")
    if not limits:
        return tell(
            "No interval of this figure is known: a gate that decides by the point value can judge it."
        )
    if not needed:
        return tell(
            "The interval holds the limit: these data cannot decide; "
            "no realistic number of rows would, as the value is too close to the limit."
        )
    return tell(
        "The interval holds the limit: these data cannot decide; "
        "about {n} rows of the same composition would.",
        n=f"{needed:,}",
    )


def _why(verdict: Verdict, gate: Gate, found: Sequence[GateSlice], chosen: GateSlice) -> str:
    if len(found) == 1:
        return chosen.why if verdict != "error" else tell("The metric is not defined: {why}.", why=chosen.why)
    numbers = {"n": sum(s.verdict == verdict for s in found), "total": len(found)}
    what = {
        "pass": tell("All {total} slices are within the limit", **numbers),
        "fail": tell_n(
            "{n} of {total} slices is beyond the limit",
            "{n} of {total} slices are beyond the limit",
            numbers["n"],
            **numbers,
        ),
        "inconclusive": tell(
            "{n} of {total} slices cannot be decided with these data, none fails", **numbers
        ),
        "error": tell("The metric is not defined in {n} of {total} slices", **numbers),
    }[verdict]
    if gate.rule == "point":
        return tell("{what}.", what=what)
    return tell("{what}, with limits that hold for all slices together.", what=what)
