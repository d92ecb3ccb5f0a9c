"""The tables of docs/compression.md hold every recipe on every architecture; `make zoo` writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from . import matrix
from .attempt import Attempt, recipes
from .matrix import CLOSE, GROUPS, OPEN, PAGE
from .test_recipes import RAW
from .zoo import needs


@pytest.fixture(scope="module")
def told() -> str:
    return PAGE.read_text(encoding="utf-8").partition(OPEN)[2].partition(CLOSE)[0]


def section(told: str, title: str) -> str:
    return re.split(r"^### ", told.partition(f"### {title}\n")[2], maxsplit=1, flags=re.M)[0]


@pytest.mark.parametrize("title", [title for title, _ in GROUPS])
def test_a_table_has_every_architecture_and_every_recipe(title: str, told: str) -> None:
    kinds = dict(GROUPS)[title]
    lines = [line for line in section(told, title).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0][1:] == [kind.name for kind in kinds]
    held = {row[0].strip("`"): row[1:] for row in rows[2:]}
    for place, kind in enumerate(kinds):
        if needs(kind) is None:
            assert {recipe for recipe, cells in held.items() if cells[place]} == set(recipes(kind))


def test_no_cell_is_a_fault_and_every_reason_is_one_line_of_words(told: str) -> None:
    assert "fault" not in told
    reasons = dict(re.findall(r"^(\d+)\. (.+)$", section(told, "Why a recipe is refused"), re.M))
    named = set(re.findall(r"\((\d+)\) (?=\|)", told))
    assert named == set(reasons)
    assert len(set(reasons.values())) == len(reasons)
    assert not [reason for reason in reasons.values() if RAW.search(reason)]


def test_a_process_that_dies_costs_its_recipe_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The third recipe ends the process as a crash in a library does; what was found before is kept."""
    monkeypatch.setattr(matrix, "KEPT", tmp_path / "kept.jsonl")

    class Child:
        exitcode = -11

        def __init__(self, target: Any, args: Any) -> None:
            self.name, self.asked, self.of = args

        def start(self) -> None:
            for recipe in self.asked:
                if recipe == "c":
                    return
                matrix.keep(Attempt(self.name, recipe, why="no"), self.of)

        def join(self) -> None:
            pass

    monkeypatch.setattr(matrix, "PROCESSES", type("Processes", (), {"Process": Child}))
    matrix.in_its_own_process("BERT", ["a", "b", "c", "d"], "now")
    lines = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert [line["recipe"] for line in lines] == ["a", "b", "c", "d"]
    assert [line["why"] for line in lines] == ["no", "no", "", "no"]
    assert lines[2]["broke"].startswith("the process ended with code -11 after")
    # What another state of the code found counts only where it is asked for.
    assert matrix.kept(older=False) == {}
    assert len(matrix.kept(older=True)) == 4
