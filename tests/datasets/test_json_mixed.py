"""Numbers and words in one field of JSON lines are read as the same values are in CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fairweigh.datasets import jsonlines
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import read_table

MIXED = {
    "a word for missing": [1, 2.5, "NA", 4],
    "a word": [1, 2, "x3", 4.5],
    "a word first": ["x3", 1, 2],
    "marks between thousands": [1, 2.5, "1,234.5", "12,000"],
    "a number as text": [1, "2", 3],
    "a truth value": [1, 0, True],
    "trailing zeros": [1.50, "b", 3],
    "twenty digits": [18000000000000000001, "b"],
    "all words missing": [7, "?", "n/a", None],
    "codes": [7, "007", "012"],
    "codes alone": ["007", "012", "7"],
    "zeros": [0, 10, "0"],
    "a moment": ["2026-03-02", 5],
}


def written(tmp_path: Path, values: Any) -> tuple[Path, Path]:
    """The same column as CSV and as JSON lines; 1.50 keeps its zero in both."""
    csv_path, json_path = tmp_path / "t.csv", tmp_path / "t.jsonl"
    texts = ["1.50" if value == 1.5 else json.dumps(value) for value in values]
    json_path.write_text("".join(f'{{"i": {i}, "v": {t}}}\n' for i, t in enumerate(texts)), encoding="utf-8")
    with csv_path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["i", "v"])
        for i, (value, text) in enumerate(zip(values, texts, strict=True)):
            rows.writerow([i, "" if value is None else value if isinstance(value, str) else text])
    return csv_path, json_path


@pytest.mark.parametrize("role", ["number", "category", "id"])
@pytest.mark.parametrize("values", MIXED.values(), ids=MIXED)
def test_a_mixed_field_is_read_as_in_csv(values: Any, role: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "categorical": ["v"] if role == "category" else [],
        "verbatim": ["v"] if role == "id" else [],
    }
    from_csv, from_json = (
        read_table(path, missing=["?"], **given).column("v") for path in written(tmp_path, values)
    )
    assert from_json.to_pylist() == from_csv.to_pylist()
    assert from_json.type == from_csv.type


def test_a_word_in_a_later_block_counts_for_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonlines, "_BLOCK", 64)
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"v": v, "n": 2**60 + 1}) + "\n" for v in [*range(40), "x", 0.25]))
    table = read_table(path)
    assert table.column("v").to_pylist() == [*map(str, range(40)), "x", "0.25"]
    # Its neighbours keep their types, and every digit.
    assert table.column("n").type == pa.int64()
    assert set(table.column("n").to_pylist()) == {2**60 + 1}


@pytest.mark.parametrize("later", ["{}", "[1]"])
def test_an_object_among_words_and_numbers_is_refused(
    later: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonlines, "_PIECE", 8)
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"v": 1}}\n{{"v": "x"}}\n{{"v": {later}}}\n')
    with pytest.raises(InputError, match="field 'v'"):
        read_table(path)


def test_a_field_told_twice_beside_a_mixed_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"v": 1}\n{"v": "x"}\n{"v": 2, "v": 3}\n')
    with pytest.raises(InputError, match="expected every field once, got 'v' twice"):
        read_table(path)


def test_digits_beyond_what_python_reads_stay(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"v": {"9" * 5000}}}\n{{"v": "x"}}\n')
    assert read_table(path).column("v").to_pylist() == ["9" * 5000, "x"]
