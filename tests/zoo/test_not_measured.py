"""What cannot be timed is not measured: a row of the report says why, and the audit goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fairweigh
import pytest
from fairweigh.compression import cost

from .zoo import configuration


def run(tmp_path: Path, name: str, **parts: Any) -> tuple[Any, Any]:
    fairweigh.run(configuration(name, **parts), tmp_path / "run")
    result = json.loads((tmp_path / "run" / "audit.json").read_text())
    return result, (tmp_path / "run" / "annex.html").read_text()


def test_a_timer_that_fails_is_a_note_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*calls: Any, **named: Any) -> None:
        raise ZeroDivisionError("the clock stands still")

    monkeypatch.setattr(cost, "_timed", broken)
    gate = {"cost": "latency", "limit": "<= 1", "on": "compressed"}
    result, page = run(tmp_path, "LogisticRegression", compressions=["float16"], gates=[gate])
    original, light = result["variants"]
    why = "Time: not measured: ZeroDivisionError: the clock stands still"
    assert original["cost"]["timings"] == light["cost"]["timings"] == []
    assert original["cost"]["notes"] == [why]
    told = "Time: not measured, as that of the original was not."
    assert light["cost"]["notes"] == [told]
    assert light["cost"]["storage"] > 0
    assert told in page
    assert "not counted: only layers of torch modules" in page
    # A gate on what was not measured decides nothing.
    assert [g["verdict"] for g in result["gates"]] == ["error"]


def test_without_a_question_of_time_the_null_arm_is_timed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objective weighs storage alone, so that a second copy runs beside the original only."""
    arms = []
    timed = cost._timed

    def counted(calls: Any, *more: Any) -> Any:
        arms.append(sum(call is not None for call in calls))
        return timed(calls, *more)

    monkeypatch.setattr(cost, "_timed", counted)
    result, _ = run(
        tmp_path, "LogisticRegression", compressions=["float16"], objective={"weights": {"storage": 1}}
    )
    assert arms == [2, 2, 2, 2]
    original, light = (v["cost"]["timings"] for v in result["variants"])
    for one, other in zip(original, light, strict=True):
        assert (one["null_low"], one["null_high"]) == (other["null_low"], other["null_high"])
        assert one["ratio"] == 1


def test_a_model_that_torchs_counter_breaks_on_is_audited_with_its_variants(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "DeBERTa-v2", compressions=["bf16"])
    assert not result["failed"]
    for variant in result["variants"]:
        assert variant["cost"]["flops_per_row"] > 0
