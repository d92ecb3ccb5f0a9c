"""How a page of a history writes figures: as the report does."""

from __future__ import annotations

from typing import Any

import pytest
from fairweigh.record.history import Recorded, Release
from fairweigh.record.numbers import printed, printed_ends
from fairweigh.record.page import _spoken_of, _tally, _ticks
from fairweigh.record.titles import figure_called, kind_of, limit_called
from fairweigh.reports.words.spoken import plain


def found(metric: str, compare: str, **more: Any) -> Recorded:
    given: dict[str, Any] = {
        "part": "gate", "variant": "original", "name": metric, "metric": metric, "by": ("sex",),
        "compare": compare, "scope": "", "slice": {}, "reference": None, "value": 0.335, "low": 0.3001,
        "high": 0.3749, "limit": "<= 0.1", "limit_value": 0.1, "verdict": "fail", "binding": True,
    }  # fmt: skip
    return Recorded(**{**given, **more})


@pytest.mark.parametrize(
    ("metric", "compare", "kind"),
    [
        ("selection_rate", "difference", "points"),
        ("selection_rate", "change", "points"),
        ("selection_rate", "value", "percent"),
        ("selection_rate", "ratio", "number"),
        ("equalized_odds_difference", "value", "points"),
        ("demographic_parity_ratio", "value", "number"),
        ("treatment_equality_difference", "value", "number"),
        ("mean_absolute_error", "difference", "number"),
        ("of_a_guest", "value", "number"),
    ],
)
def test_rates_and_their_differences_have_the_units_of_the_report(
    metric: str, compare: str, kind: str
) -> None:
    assert kind_of(found(metric, compare)) == kind


def test_a_cost_is_no_rate() -> None:
    assert kind_of(found("storage", "cost", part="cost")) == "number"


def test_a_difference_is_written_in_points_and_its_limits_lie_outside() -> None:
    gap = found("selection_rate", "difference")
    assert printed(gap.value, 3, kind_of(gap)) == "+33.5\u00a0points"
    assert printed_ends(gap, 3) == "+30.0 to +37.5"
    assert plain(limit_called(gap)) == "absolute difference ≤\u00a010\u00a0points"
    assert printed(None, 3, "points") == "–"


def test_a_gate_on_a_change_is_called_one() -> None:
    assert plain(figure_called(found("selection_rate", "change"))) == (
        "The growth of the gap in selection rate by sex"
    )
    assert plain(figure_called(found("accuracy", "change", by=()))) == "The change of accuracy"
    assert plain(figure_called(found("selection_rate", "difference"))) == "Selection rate by sex"


def test_no_tick_is_a_negative_nothing() -> None:
    assert [text for _, text in _ticks([-0.0004, 0.0999], "percent")] == ["0", "10"]
    assert [text for _, text in _ticks([-1e-17, 0.5], "number")] == ["0.0", "0.5"]
    assert [text for _, text in _ticks([-0.004, 0.0], "number")] == ["\u22120.004", "0.000"]


def test_the_last_run_is_told_with_the_variant_that_its_verdict_is_of() -> None:
    other = found("selection_rate", "difference", variant="lighter", binding=False)
    mine = found("selection_rate", "difference")

    def last(*gates: Recorded) -> Release:
        return Release("2.0", "", "fail", 10, "", None, (), gates)

    assert _spoken_of(last(mine)) == "2.0"
    assert _spoken_of(last(mine, other)) == "2.0 (original)"
    both = last(mine, found("selection_rate", "difference", variant="lighter"))
    assert _spoken_of(both) == "2.0"
    assert plain(_tally(both)) == "0 of 2 gates pass, 2 fail. Gates of original, lighter."
