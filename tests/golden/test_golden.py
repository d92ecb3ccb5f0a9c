"""The golden runs' comparison finds what changed. Recorded figures of all processors would be equal to the
last digit on none: a refactoring records its own, before it begins (see CONTRIBUTING).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import runs as golden
from .__main__ import RECORDED, make, record
from .figures import differences
from .runs import runs


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of counts, with fewer gates than the golden one."""
    folder = tmp_path_factory.mktemp("golden")
    run = runs()["counts"]
    small = {"gates": run.configuration["gates"][:3], "slices": {"min_size": 20}}
    small["metrics"] = ["selection_rate", "accuracy", "matthews_correlation"]
    run.write(folder)
    run = replace(run, configuration={**run.configuration, **small})
    return make(folder, "counts", run, RECORDED)


@pytest.fixture
def other(recorded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(recorded, tmp_path / "other")


def change(path: Path, edit: Callable[..., Any]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_the_same_figures_are_equal_whenever_and_with_whatever_they_were_made(
    recorded: Path, other: Path
) -> None:
    assert list(differences(recorded, other)) == []

    def later(content: Any) -> None:
        content["created"] = "2030-01-01T00:00:00+00:00"
        content["environment"]["processor"] = "another"
        content["data"]["sha256"] = "0" * 64
        content["variants"][1]["cost"] = None

    change(other / "audit.json", later)
    junit = other / "junit.xml"
    junit.write_text(junit.read_text().replace('timestamp="20', 'timestamp="19'))
    assert list(differences(recorded, other)) == []


def test_a_last_digit_a_word_and_a_lost_file_are_found(recorded: Path, other: Path) -> None:
    def digit(content: Any) -> None:
        found = content["variants"][0]["overall"]["accuracy"]
        found["low"] = math.nextafter(found["low"], 0)

    change(other / "audit.json", digit)
    (line,) = differences(recorded, other)
    assert line.startswith("audit.json: variants[0].overall.accuracy.low: 0.")
    assert list(differences(recorded, other, sums=True)) == []

    figures = other / "figures.csv"
    figures.write_text(figures.read_text().replace("clopper-pearson", "wilson", 1))
    assert any(line.startswith("figures.csv: ") for line in differences(recorded, other, sums=True))
    (next((other / "regimes").glob("*.json"))).unlink()
    (line,) = differences(recorded, other)
    assert line.startswith("files: ")


def test_what_is_one_part_in_a_million_off_is_no_sum_in_another_order(recorded: Path, other: Path) -> None:
    def off(content: Any) -> None:
        content["gates"][0]["measured"] *= 1 + 1e-6

    change(other / "audit.json", off)
    assert [line.split(":")[1] for line in differences(recorded, other, sums=True)] == [" gates[0].measured"]


def test_keys_that_are_new_are_told_unless_they_were_added_on_purpose(recorded: Path, other: Path) -> None:
    change(other / "audit.json", lambda content: content["definitions"]["accuracy"].update(colour="red"))
    assert list(differences(recorded, other)) == ["audit.json: definitions.accuracy.colour: only after"]
    assert list(differences(recorded, other, more=True)) == []
    assert list(differences(other, recorded, more=True)) == [
        "audit.json: definitions.accuracy.colour: only before"
    ]


@pytest.mark.parametrize("task", ["multiclass", "multilabel", "regression", "ranking"])
def test_a_run_of_each_task_is_recorded_and_its_changed_digit_is_found(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {name: (draw, 60) for name, (draw, _) in golden.DRAWN.items()}
    monkeypatch.setattr(golden, "DRAWN", small)
    record(tmp_path, [task])
    before, after = tmp_path / RECORDED / task, tmp_path / "other"
    assert json.loads((before / "audit.json").read_text())["task"] == task
    shutil.copytree(before, after)
    assert list(differences(before, after)) == []
    figure = next(iter(runs()[task].configuration["metrics"]))

    def digit(content: Any) -> None:
        found = content["variants"][0]["overall"][figure]
        found["value"] = math.nextafter(found["value"], 0)

    change(after / "audit.json", digit)
    (line,) = differences(before, after)
    assert line.startswith(f"audit.json: variants[0].overall.{figure}.value: ")
