"""The planner before the audit: its rows decide as often as asked; what it cannot plan is one line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.metrics.contrast import DIFFERENCE, RATIO
from fairweigh.metrics.evidence import Pairs, Rates
from fairweigh.metrics.requirement import Requirement
from fairweigh.planner import Assumptions, Planned
from numpy.typing import NDArray
from scipy.stats import binom, norm

if TYPE_CHECKING:
    from .conftest import Ended


LEVEL = 0.05
DESIGN = [
    ({"gap": 0}, 202, "pass"),
    ({"gap": 0.05}, 658, "pass"),
    ({"gap": 0.2}, 176, "fail"),
    ({"gap": 0, "slices": 20}, 417, "pass"),
]
"""Rows per slice by the design, for a limit of .1, a rate of .3 and a reference of ten times the rows."""


# --- the rows decide ----------------------------------------------------------------------------------


def likely(n: Any, p: Any) -> NDArray[Any]:
    """Counts of a binomial variable but for 1e-5 of them."""
    low, high = binom.ppf([5e-6, 1 - 5e-6], n, p)
    return np.arange(low, high + 1)


def requirement_of(told: Assumptions) -> Requirement:
    limit = float(told.limit.split()[1])
    fold = "none" if told.compare == "value" else told.compare
    return Requirement(limit, told.limit.startswith("<="), fold)


def chance_of(planned: Planned) -> Any:
    """Exact chance that the gate decides at the planned rows, summed over every likely outcome.

    Slices are independent given the reference. A failure is that of the one slice that breaks the limit.
    """
    told, n = planned.assumptions, planned.rows_per_slice
    asked = requirement_of(told)
    x1 = likely(n, told.slice_rate)
    weight = binom.pmf(x1, n, told.slice_rate)

    def decided(evidence: Pairs | Rates) -> NDArray[Any]:
        if planned.decides == "pass":
            return asked.p_pass(evidence) <= LEVEL
        return asked.p_fail(evidence) <= LEVEL / told.slices

    if told.compare == "value":
        one = float(weight[decided(Rates(x1, np.full(len(x1), float(n))))].sum())
        return one**told.slices if planned.decides == "pass" else one
    contrast = DIFFERENCE if told.compare == "difference" else RATIO
    n2 = planned.rows_of_reference
    total = 0.0
    for x2, share in zip(x := likely(n2, told.rate), binom.pmf(x, n2, told.rate), strict=True):
        full = np.ones(len(x1))
        hits = decided(Pairs(x1, n * full, x2 * full, n2 * full, contrast))
        one = float(weight[hits].sum())
        total += share * (one**told.slices if planned.decides == "pass" else one)
    return total


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0.1, "rate": 0.3, "gap": 0, "reference_times": 3},
        {"limit": 0.1, "rate": 0.3, "gap": -0.2},
        {"limit": 0.1, "rate": 0.3, "gap": 0.2, "slices": 10, "reference_times": 3},
        {"limit": 0.15, "rate": 0.5, "gap": 0, "slices": 5, "reference_times": 5},
        {"limit": 0.05, "rate": 0.02, "gap": 0},
        {"limit": ">= 0.8", "rate": 0.6, "compare": "ratio", "ratio": 1},
        {"limit": ">= 0.8", "rate": 0.4, "compare": "ratio", "ratio": 0.5, "slices": 8},
        {"limit": "<= 0.1", "rate": 0.05, "compare": "value"},
        {"limit": "<= 0.1", "rate": 0.04, "compare": "value", "slices": 12},
        {"limit": "<= 0.1", "rate": 0.2, "compare": "value", "slices": 20},
        {"limit": ">= 0.8", "rate": 0.9, "compare": "value", "slices": 5},
        {"limit": ">= 0.8", "rate": 0.7, "compare": "value"},
    ],
    ids=str,
)
def test_the_planned_rows_decide_about_as_often_as_asked(asked: dict[str, Any]) -> None:
    planned = fairweigh.plan(**asked)
    assert 0.75 <= chance_of(planned) <= 0.95


def test_more_slices_more_power_and_a_nearer_limit_need_more_rows() -> None:
    def rows(**changed: Any) -> Any:
        asked = {"limit": 0.1, "rate": 0.3, "gap": 0, "slices": 3, "reference_times": 5, **changed}
        return fairweigh.plan(**asked).rows_per_slice

    plain = rows()
    assert rows(slices=4) > plain
    assert rows(power=0.9) > plain
    assert rows(confidence=0.99) > plain
    assert rows(limit=0.09) > plain
    assert rows(gap=0.05) > plain
    assert rows(reference_times=2) > plain
    assert rows(gap=-0.2, slices=4) > rows(gap=-0.2)


def test_a_gap_and_a_ratio_say_the_same() -> None:
    asked: dict[str, Any] = {"rate": 0.4, "slices": 2, "reference_times": 2}
    compare: Any
    for limit, compare in ((0.1, "difference"), (0.8, "ratio")):
        gap = fairweigh.plan(limit, gap=0.1, compare=compare, **asked)
        assert (
            gap.rows_per_slice == fairweigh.plan(limit, ratio=1.25, compare=compare, **asked).rows_per_slice
        )


# --- the command line ---------------------------------------------------------------------------------


def options(**asked: Any) -> Any:
    return [word for key, value in asked.items() for word in (f"--{key.replace('_', '-')}", str(value))]


@pytest.mark.parametrize(("asked", "rows", "decides"), DESIGN, ids=str)
def test_the_rows_of_the_design_come_from_the_command_line_and_from_python(
    asked: Any, rows: Any, decides: Any, cli: Callable[..., Ended]
) -> None:
    common: dict[str, Any] = {"limit": 0.1, "rate": 0.3, "reference_times": 10, "power": 0.8}
    ended = cli("plan", *options(**common, **asked), "--json")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    slices = asked.get("slices", 1)
    assert told == {
        "rows_per_slice": rows,
        "rows_of_reference": 10 * rows,
        "total": (slices + 10) * rows,
        "decides": decides,
        "assumptions": {
            "limit": "<= 0.1", "compare": "difference", "rate": 0.3, "gap": asked["gap"],
            "slice_rate": 0.3 + asked["gap"], "reference_times": 10, "slices": slices, "power": 0.8,
            "confidence": 0.95,
        },
    }  # fmt: skip
    assert fairweigh.plan(**common, **asked).to_dict() == told


def test_a_sentence_says_what_is_assumed_and_what_the_rows_are_for(cli: Callable[..., Ended]) -> None:
    common = {"limit": 0.1, "rate": 0.3, "slices": 20, "reference_times": 10}
    ended = cli("plan", *options(**common))
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == (
        "Were the reference's true rate 30 % and each of 20 slices' 30 % (a difference of 0 points), a gate "
        "on the difference with the limit <= 0.1 at 95 % confidence would pass with a chance of 80 % at 417 "
        "rows per slice and 4,170 of the reference, 12,510 in all."
    )
    assert "the metric's denominator" in lines[1]
    assert [line.split() for line in lines[4:]] == [
        ["0", "points", "417", "pass"],
        ["+5", "points", "1,610", "pass"],
        ["+15", "points", "1,430", "fail"],
        ["+20", "points", "367", "fail"],
    ]
    # Where there is no room above the reference, the other truths lie below it.
    assert "−20 points" in cli("plan", *options(limit=0.1, rate=0.95)).out
    failing = cli("plan", *options(**common, gap=0.2)).out
    assert "one of 20 slices' 50 % (a difference of +20 points)" in failing
    assert "would fail with a chance of 80 % at 367 rows" in failing


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"limit": ">= 80 %", "rate": 0.9, "compare": "value", "slices": 5}, "would pass"),
        ({"limit": "<= 0.1", "rate": 0.25, "compare": "value"}, "Were the slice's true rate 25 %, a gate on"),
        ({"limit": ">= 0.8", "rate": 0.3, "compare": "ratio", "ratio": 0.6}, "(a ratio of 0.6)"),
        ({"limit": 0.8, "rate": 0.3, "compare": "ratio"}, "(a ratio of 1)"),
    ],
    ids=str,
)
def test_values_and_ratios_are_planned_too(
    asked: dict[str, Any], told: str, cli: Callable[..., Ended]
) -> None:
    ended = cli("plan", *options(**asked))
    assert (ended.code, ended.err) == (0, "")
    assert told in ended.out


def test_fewer_rows_than_a_gate_looks_at_are_said_to_be_so(cli: Callable[..., Ended]) -> None:
    from fairweigh.audit.config import Slices
    from fairweigh.planner import MIN_SIZE

    assert Slices().min_size == MIN_SIZE
    note = "A gate leaves out slices with fewer than min_size of them, 30 unless set."
    assert note in cli("plan", *options(limit=">= 0.8", rate=0.99, compare="value")).out
    assert note not in cli("plan", *options(limit=0.1, rate=0.3)).out


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"limit": 0.1, "rate": 0.3, "gap": 0.1}, "on the limit"),
        ({"limit": 0.1, "rate": 0.3, "gap": -0.1, "slices": 4}, "on the limit"),
        ({"limit": ">= 0.8", "rate": 0.8, "compare": "value"}, "on the limit"),
        ({"limit": 0.8, "rate": 0.5, "ratio": 0.8, "compare": "ratio"}, "on the limit"),
        ({"limit": 0.8, "rate": 0.5, "ratio": 1.25, "compare": "ratio"}, "on the limit"),
    ],
    ids=str,
)
def test_on_the_limit_no_number_of_rows_decides(
    asked: dict[str, Any], why: str, cli: Callable[..., Ended]
) -> None:
    ended = cli("plan", *options(**asked))
    assert ended.code == 0
    assert f"no number of rows decides: the truth lies {why}." in ended.out.splitlines()[0]
    told = json.loads(cli("plan", *options(**asked), "--json").out)
    assert told["rows_per_slice"] is told["rows_of_reference"] is told["total"] is told["decides"] is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"rate": 1.2}, "rate: expected a number from 0 to 1, got 1.2"),
        ({"rate": "nan"}, "rate: expected a number, got nan"),
        ({"rate": "many"}, "'--rate'"),
        ({"gap": 0.8}, "gap: expected one that leaves the slice's rate in 0 to 1 (rate 0.3), got 0.8"),
        ({"gap": -0.4}, "gap: expected one that leaves the slice's rate in 0 to 1 (rate 0.3), got -0.4"),
        ({"ratio": -1}, "ratio: expected one that leaves the slice's rate in 0 to 1 (rate 0.3), got -1.0"),
        ({"ratio": 1, "gap": 0}, "ratio: expected one of gap and ratio, got 1.0 beside the gap 0.0"),
        ({"power": 0}, "power: expected a number above 0 and below 1, got 0.0"),
        ({"power": 1}, "power: expected a number above 0 and below 1, got 1.0"),
        ({"confidence": 0.4}, "confidence: expected a number above 0.5 and below 1, got 0.4"),
        ({"slices": 0}, "slices: expected a whole number of at least 1, got 0"),
        ({"slices": 1.5}, "'--slices'"),
        ({"reference_times": 0}, "reference_times: expected a number above 0, got 0.0"),
        ({"limit": 0}, "limit: expected a number above 0 and below 1, got '0'"),
        ({"limit": "<= 1"}, "limit: expected a number above 0 and below 1, got '<= 1'"),
        ({"limit": "low"}, "limit: expected a limit such as '<= 0.1' or '>= 0.8', got 'low'"),
        ({"limit": ">= 0.1"}, "limit: expected an upper limit of a difference, '<= ...', got '>= 0.1'"),
        (
            {"limit": "<= 0.8", "compare": "ratio"},
            "expected a lower limit of a ratio, '>= ...', got '<= 0.8'",
        ),
        ({"limit": 0.8, "compare": "ratio", "rate": 0}, "rate: expected a number above 0"),
        ({"compare": "value"}, "'<= 0.1' or '>= 0.1', got '0.1'"),
        ({"compare": "value", "limit": "<= 0.1", "gap": 0}, "gap: expected none where values are compared"),
        ({"compare": "odds"}, "compare: expected one of value, difference, ratio, got 'odds'"),
    ],
    ids=str,
)
def test_what_cannot_be_planned_is_one_line_and_exit_code_two(
    asked: dict[str, Any], told: str, cli: Callable[..., Ended]
) -> None:
    ended = cli("plan", *options(**{"limit": 0.1, "rate": 0.3, **asked}))
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.lines) == 1
    assert told in ended.err


# --- from Python --------------------------------------------------------------------------------------


def test_python_gets_a_frozen_result_and_an_input_error() -> None:
    planned = fairweigh.plan("<= 10 %", 0.3, slices=np.int64(2))  # type: ignore[arg-type]
    assert isinstance(planned, fairweigh.Planned)
    assert planned.assumptions.limit == "<= 0.1"
    assert planned.total == 2 * planned.rows_per_slice + planned.rows_of_reference
    with pytest.raises(dataclasses.FrozenInstanceError):
        planned.rows_per_slice = 1  # type: ignore[misc]
    for wrong in ({"slices": True}, {"slices": 2.0}, {"rate": "0.3"}, {"power": None}):
        with pytest.raises(InputError, match="expected"):
            fairweigh.plan(**{"limit": 0.1, "rate": 0.3, **wrong})  # type: ignore[arg-type]


def test_a_truth_a_hair_from_the_limit_needs_more_than_a_billion_rows() -> None:
    found = fairweigh.plan(0.1, 0.3, gap=0.0999999)
    assert found.rows_per_slice is None
    assert str(found).endswith("not even 1,000,000,000 rows per slice decide.")


@pytest.mark.parametrize("confidence", [0.99999, 0.999999, 0.9999999, 1 - 1e-12])
@pytest.mark.parametrize("slices", [1, 500, 5000])
def test_a_confidence_near_one_needs_the_rows_of_the_normal_approximation(
    confidence: Any, slices: int
) -> None:
    """Rates of 30 % in both, limit 10 points: (z of the level + z of the power)^2 x 2 x .3 x .7 / .1^2.

    The exact p-value of so many rows is beyond what floats can tell from 0.
    """
    found = fairweigh.plan(0.1, 0.3, confidence=confidence, slices=slices)
    z = norm.isf(1 - confidence) + norm.ppf(0.8 ** (1 / (2 * slices)))
    assert found.rows_per_slice == pytest.approx(z**2 * 2 * 0.3 * 0.7 / 0.1**2, rel=0.06)
    assert "at 100 % confidence" not in str(found)
