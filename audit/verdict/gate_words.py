"""Why a gate has its verdict, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...told import tell, tell_n
from ..config import AGGREGATES, Gate
from ..figures.plan import Plan
from ..result import GateSlice, Verdict
from .gate_slices import Asked

GROUPS = ("compressed", "mitigated")
"""What a gate can speak of beside the original and variants by name."""


def against_baseline(gate: Gate) -> bool:
    """Whether a gate's change is that from an earlier release: within a run the original has not changed."""
    return gate.compare == "change" and gate.on == "original"


def nothing_before(gate: Gate) -> str:
    """Say that there is no model before the change."""
    if against_baseline(gate):
        return tell("The gate asks for the change from an earlier release, and no baseline was given.")
    return tell("There is no model before the change to compare with on the same rows.")


def not_made(gate: Gate) -> str:
    """Say that the variant that a gate is on could not be made."""
    if gate.on in GROUPS:
        return tell("No {what} variant could be made.", what=gate.on)
    return tell("The variant {name} could not be made.", name=repr(gate.on))


def not_planned(gate: Gate) -> str:
    """Say that the run has no such variant."""
    if gate.on in GROUPS:
        return tell("The run has no {what} variant.", what=gate.on)
    return tell("The run has no variant {name}.", name=repr(gate.on))


def nothing_left(gate: Gate, plan: Plan) -> str:
    """Say that every slice was left out."""
    if gate.compare == "value" and gate.metric not in AGGREGATES:
        return tell(
            "No slice is left to judge: none that is known has at least {least} rows in the metric's "
            "denominator.",
            least=plan.min_size,
        )
    return tell(
        "No slice is left to judge: fewer than two that are known have at least {least} rows in the metric's "
        "denominator.",
        least=plan.min_size,
    )


def because_of(verdict: Verdict, gate: Gate, needed: Mapping[str, Any], unknown: bool) -> str:
    """Say why a slice has its verdict, and how many rows would decide it where it is open."""
    if gate.rule == "point":
        return tell("The measured value decides; its interval is shown beside it.")
    if verdict == "pass":
        return tell("The limit that passing needs is within what is asked.")
    if verdict == "fail":
        return tell("The limit that failing needs is beyond what is asked.")
    if unknown:
        return tell(
            "No interval of this figure is known: a gate that decides by the point value can judge it."
        )
    if needed.get("at_no_size"):
        return tell(
            "These data cannot decide; no realistic number of rows would: the value lies on the limit or too "
            "near it."
        )
    if needed.get("rows_needed") is None:
        return tell("These data cannot decide.")
    if needed.get("needed_of") is not None:
        return tell(
            "These data cannot decide; about {n} {what} like these would in four cases of five, were the "
            "truth as measured.",
            n=f"{needed['rows_needed']:,}", what=needed["needed_of"],
        )  # fmt: skip
    return tell(
        "These data cannot decide; about {n} rows of the same composition would in four cases of five, were "
        "the truth as measured.",
        n=f"{needed['rows_needed']:,}",
    )


def why_of(verdict: Verdict, gate: Gate, found: Sequence[GateSlice], chosen: GateSlice, asks: Asked) -> str:
    """Say why a gate has its verdict: how many slices, or classes, have it."""
    if len(found) == 1:
        return chosen.why if verdict != "error" else tell("The metric is not defined: {why}.", why=chosen.why)
    numbers = {"n": sum(s.verdict == verdict for s in found), "total": len(found)}
    views = len({s.view for s in found})
    if views > 1:
        return _of_classes(verdict, gate, numbers, views, asks)
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
        "error": tell("The ratio is not defined in {n} of {total} slices", **numbers)
        if gate.compare == "ratio"
        else tell("The metric is not defined in {n} of {total} slices", **numbers),
    }[verdict]
    reasons = {s.why for s in found if s.verdict == "error"}
    if verdict == "error" and len(reasons) == 1:
        return tell("{what}: {why}.", what=what, why=reasons.pop())
    if gate.rule == "point" or verdict == "error" or asks.question is None:
        return tell("{what}.", what=what)
    if verdict == "fail" and asks.question.claims > len(found):
        return tell("{what}, with limits that hold for all comparisons together.", what=what)
    if verdict == "fail":
        return tell("{what}, with limits that hold for all slices together.", what=what)
    return tell("{what}.", what=what)


def _of_classes(verdict: Verdict, gate: Gate, numbers: Mapping[str, int], views: int, asks: Asked) -> str:
    """Say what was found of several classes: a figure of each over all slices, or each slice of each."""
    if numbers["total"] == views:
        what = {
            "pass": tell("All {total} classes are within the limit", **numbers),
            "fail": tell_n(
                "{n} of {total} classes is beyond the limit",
                "{n} of {total} classes are beyond the limit",
                numbers["n"],
                **numbers,
            ),
            "inconclusive": tell(
                "{n} of {total} classes cannot be decided with these data, none fails", **numbers
            ),
            "error": tell("The metric is not defined in {n} of {total} classes", **numbers),
        }[verdict]
    else:
        parts = {**numbers, "classes": views}
        what = {
            "pass": tell("All {total} slices of {classes} classes are within the limit", **parts),
            "fail": tell_n(
                "{n} of {total} slices of {classes} classes is beyond the limit",
                "{n} of {total} slices of {classes} classes are beyond the limit",
                numbers["n"],
                **parts,
            ),
            "inconclusive": tell(
                "{n} of {total} slices of {classes} classes cannot be decided with these data, none fails",
                **parts,
            ),
            "error": tell("The metric is not defined in {n} of {total} slices of {classes} classes", **parts),
        }[verdict]
    if verdict == "fail" and gate.rule == "proven" and asks.question is not None:
        return tell("{what}, with limits that hold for all classes together.", what=what)
    return tell("{what}.", what=what)
