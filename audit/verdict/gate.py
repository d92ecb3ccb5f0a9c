"""Gates: from a measurement and a requirement to a verdict and the rows that would decide it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...datasets.errors import InputError
from ...metrics import power
from ...metrics.intervals import Floats
from ...metrics.limit import Limit
from ...metrics.picked import Picked
from ...metrics.questions import Each, Question
from ...metrics.requirement import as_decided
from ...told import tell
from ..config import Gate
from ..figures.common import Common
from ..figures.measure import Measurement
from ..figures.pairs import Paired
from ..figures.plan import Plan
from ..figures.status import number
from ..figures.unpaired import Unpaired
from ..result import Cost, Decided, GateResult, GateSlice, GatesTogether, RunVerdict, Verdict
from .claims import asked
from .costs import cost_ratio
from .gate_size import Size, rows_needed
from .gate_slices import Asked
from .gate_words import (
    against_baseline,
    because_of,
    not_made,
    not_planned,
    nothing_before,
    nothing_left,
    why_of,
)

WORST: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "pass")
ALL_GATES = 0.05
"""Share of runs in which any gate of a policy may fail by chance, where that is asked for."""
MOST_LINES = 200
"""Open slices of one gate for which the rows that they need are worked out."""
NUMERIC = (ArithmeticError, ValueError, LookupError)
"""What numbers that no interval or root can be found for end in, beside `InputError`."""
MOST_LETTERS = 200


def run_verdict(gates: Sequence[GateResult]) -> RunVerdict:
    """Return the worst verdict of the binding gates; 'no verdict' where nothing was required."""
    found = [gate.verdict for gate in gates if gate.binding]
    return worst(found) if found else "no verdict"


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of some verdicts; pass when there are none."""
    return min(verdicts, key=WORST.index, default="pass")


def gate_id(gate: Gate, position: int) -> str:
    """Return a gate's own id, or one by its place in the configuration."""
    return gate.id or f"gate-{position + 1}"


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

    Each gate stands at its own level: a verdict never depends on which other gates there are.

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
    for k, gate in gates_for(gates, variant, groups):
        before = baseline if against_baseline(gate) else paired
        if gate.cost is not None:
            result = _cost_result(gate, k, variant, plan, cost, original_cost)
        elif gate.compare == "change" and before is None:
            result = _error(gate, k, variant, plan, nothing_before(gate))
        else:
            try:
                rows = before.measured_after.rows if gate.compare == "change" and before else measured.rows
                parts = asked(gate, k, measured, plan, before)
                result = _result(gate, k, parts, plan, variant, Size.of(measured, rows))
            except InputError as error:
                if not lenient:
                    raise
                why = tell("The run lacks what the gate names: {problem}.", problem=error)
                result = _error(gate, k, variant, plan, why)
            except NUMERIC as error:
                # A gate never costs the report: what it cannot be evaluated on is an error of its own.
                problem = f"{type(error).__name__}: {error}"
                why = tell("The gate could not be evaluated: {problem}.", problem=problem[:MOST_LETTERS])
                result = _error(gate, k, variant, plan, why)
        if isinstance(before, Common):
            result = result.model_copy(update={"common_rows": before.rows})
        results.append(result)
    return results


def together(results: Sequence[GateResult], confidence: float) -> GatesTogether | None:
    """What the binding proven gates risk together; None where there is none.

    Each fails a model whose true value lies on the limit with probability at most 1 - confidence, so that of
    ``n`` gates at most n (1 - confidence) fail by chance on average, and any in at most that share of runs
    (C. E. Bonferroni 1936).
    """
    proven = sum(r.binding and r.decide == "proven" and r.verdict != "error" for r in results)
    if not proven:
        return None
    return GatesTogether(
        proven=proven, false_fails=proven * (1 - confidence), confidence_for_all=1 - ALL_GATES / proven
    )


def check(gates: Sequence[Gate], measured: Measurement, plan: Plan) -> None:
    """InputError where a gate, on whichever variant, names a feature, slice or metric that the data lack."""
    for k, gate in enumerate(gates):
        if gate.cost is None:
            same = {"compare": "value"} if gate.compare == "change" else {}
            try:
                asked(gate.model_copy(update=same), k, measured, plan, None)
            except InputError:
                raise
            except NUMERIC:
                # Told as the gate's own error where it is decided.
                continue


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
        why = not_made(gate) if planned else not_planned(gate)
        out.append(_error(gate, k, gate.on, plan, why))
    return out


def _base(gate: Gate, position: int, variant: str, plan: Plan) -> dict[str, Any]:
    return {
        "id": gate_id(gate, position),
        "metric": gate.cost or gate.metric,
        "view": gate.of_class,
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


@dataclass(frozen=True)
class _Decision:
    """What a question comes to, item by item.

    Attributes
    ----------
    verdicts : list of verdicts
    value, low, high, p_fail, p_pass : float arrays of shape (items,)
        ``low`` and ``high`` are the limits that decide, or of a gate by the point value its interval.
    """

    verdicts: list[Verdict]
    value: Floats
    low: Floats
    high: Floats
    p_fail: Floats
    p_pass: Floats


def _decision(gate: Gate, question: Question, level: float) -> _Decision:
    p_fail, p_pass, holds = question.p_fail, question.p_pass, question.holds
    if gate.rule == "point":
        verdicts: list[Verdict] = ["pass" if held else "fail" for held in holds]
        return _Decision(verdicts, question.value, *question.interval(level), p_fail, p_pass)
    fails, passes = p_fail <= level / question.claims, p_pass <= level
    verdicts = ["fail" if f else "pass" if p else "inconclusive" for f, p in zip(fails, passes, strict=True)]
    low, high = question.limits(level)
    low, high = as_decided(question.requirement, question.shown(low), question.shown(high), fails, passes)
    # Adding 0 takes the sign from a limit of -0.
    low, high = question.shown(low) + 0.0, question.shown(high) + 0.0
    return _Decision(verdicts, question.value, low, high, p_fail, p_pass)


def _result(
    gate: Gate, position: int, parts: Sequence[Asked], plan: Plan, variant: str, rows: Size
) -> GateResult:
    base = _base(gate, position, variant, plan) | {
        "left_out": [left.slice for asks in parts for left in asks.left_out],
        "left_out_sizes": [left.size for asks in parts for left in asks.left_out],
    }
    if not any(asks.claims for asks in parts):
        why = nothing_left(gate, plan)
        return GateResult(verdict="error", why=why, **base)
    decided = [(asks, *_slices(gate, asks, plan, rows)) for asks in parts]
    found = [s for _, some, _ in decided for s in some]
    base["slices"] = found
    questions = [asks.question for asks in parts if asks.question is not None]
    if questions:
        base |= {
            "claims": questions[0].claims,
            "approximate": gate.rule == "proven" and not all(q.exact for q in questions),
        }
    verdict = worst([s.verdict for s in found])
    # Of several classes that of which the slice decides which is shown.
    asks, chosen, needed = _deciding(verdict, decided)
    base["view"] = asks.view
    own = chosen.model_dump(include=set(Decided.model_fields) - {"verdict", "why"})
    if verdict == "inconclusive" and needed is not None:
        own |= needed
    return GateResult(
        verdict=verdict, slice=chosen.slice, reference=chosen.reference,
        why=why_of(verdict, gate, found, chosen, asks), **own, **base,
    )  # fmt: skip


def _deciding(
    verdict: Verdict, decided: Sequence[tuple[Asked, list[GateSlice], dict[str, Any] | None]]
) -> tuple[Asked, GateSlice, dict[str, Any] | None]:
    """The part that decides, its slice that does, and the rows that would decide what is open."""
    of = [(asks, some, needed) for asks, some, needed in decided if any(s.verdict == verdict for s in some)]
    each = [(asks, _decisive(verdict, some, asks), needed) for asks, some, needed in of]
    if len(each) == 1 or verdict == "error":
        return each[0]
    asks = each[0][0]
    chosen = _decisive(verdict, [slice_ for _, slice_, _ in each], asks)
    found = next(one for one in each if one[1] is chosen)
    # The class that needs most rows says how many the gate needs.
    needs = [one for one in each if one[2] is not None]
    most = max(needs, key=lambda one: (one[2] or {})["rows_needed"] or math.inf, default=found)
    return found[0], found[1], most[2]


def _slices(gate: Gate, asks: Asked, plan: Plan, rows: Size) -> tuple[list[GateSlice], dict[str, Any] | None]:
    """What the gate found of each claim, and the rows that would decide it where they are open."""
    level, question = 1 - plan.confidence, asks.question
    decision = None if question is None else _decision(gate, question, level)
    open_ = [] if decision is None else [k for k, v in enumerate(decision.verdicts) if v == "inconclusive"]
    rows_of: dict[int, dict[str, Any]] = {}
    whole = None
    if question is not None and decision is not None and open_:
        whole = rows_needed(power.needed(question, level), 0, rows)
        if isinstance(question, (Each, Picked)):
            listed = np.array(open_[:MOST_LINES], np.intp)
            each = power.needed_each(question.each, listed, level)
            rows_of = {int(k): rows_needed(each, place, rows) for place, k in enumerate(listed)}
        elif len(asks.claims) == 1:
            rows_of = {0: whole}
    out: list[GateSlice] = []
    k = -1
    for claim in asks.claims:
        common: dict[str, Any] = {
            "slice": claim.slice, "reference": claim.reference, "n": claim.n, "view": asks.view,
        }  # fmt: skip
        if claim.undefined is not None or decision is None or question is None:
            out.append(GateSlice(verdict="error", why=claim.undefined or "", **common))
            continue
        k += 1
        verdict, p, unknown = decision.verdicts[k], decision.p_fail[k], np.isnan(decision.p_fail[k])
        told = rows_of.get(k, {})
        out.append(
            GateSlice(
                measured=number(decision.value[k]), low=number(decision.low[k]),
                high=number(decision.high[k]), inverse=bool(question.inverse[k]), verdict=verdict,
                p=number(p),
                p_adjusted=number(min(1.0, p * question.claims)),
                p_pass=number(decision.p_pass[k]), why=because_of(verdict, gate, told, bool(unknown)),
                **told, **common,
            )
        )  # fmt: skip
    return out, whole


def _decisive(verdict: Verdict, found: Sequence[GateSlice], asks: Asked) -> GateSlice:
    """The slice that decides, of those with the gate's verdict.

    Of failing ones it is the one whose break of the limit is proven farthest, of open ones the one most like
    a failure, of passing ones the one whose limit comes closest.
    """
    same = [s for s in found if s.verdict == verdict]
    if verdict == "error" or asks.question is None:
        return same[0]
    requirement, shown = asks.question.requirement, asks.question.shown

    def beyond(end: float | None) -> float:
        if end is None:
            return -math.inf
        value = float(requirement.folded(shown(np.array([end])))[0])
        return value if requirement.upper else -value

    if verdict == "inconclusive":
        return min(same, key=lambda s: 1.0 if s.p is None else s.p)
    pick = min if verdict == "fail" else max
    # An end that is infinite is not in the result, and is not the nearer one.
    ends = [
        pick([beyond(end) for end in (s.low, s.high) if end is not None], default=-math.inf) for s in same
    ]
    return same[max(range(len(same)), key=lambda k: (ends[k], beyond(same[k].measured)))]
