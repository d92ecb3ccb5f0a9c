"""JSON arrays are read as lines are, in parts of any size; brackets without end are refused."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from fairweigh.datasets import bounds, jsonlines
from fairweigh.datasets.brackets import ArrayLines
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import read_table

ROWS = [{"a": 1, "s": 'x, [}"\\'}, {"a": 2.5, "s": 'y"\n'}, {"b": None}]
READ = {"a": [1.0, 2.5, None], "s": ['x, [}"\\', 'y"\n', None], "b": [None, None, None]}


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.ndjson"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("indent", [None, 2])
def test_array_of_objects_is_a_table(tmp_path: Path, name: str, encoding: str, indent: int | None) -> None:
    path = tmp_path / name
    path.write_bytes(("\n " + json.dumps(ROWS, indent=indent)).encode(encoding))
    assert read_table(path).to_pydict() == READ


def test_lines_may_be_called_json(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    assert read_table(path).to_pydict() == READ


def test_any_array_is_parted_into_its_items_whatever_the_size_of_the_parts() -> None:
    drawn = random.Random(0)

    def value(depth: int = 0) -> Any:
        kind = drawn.random()
        if kind < 0.5:
            return "".join(drawn.choice('a"\\[]{},\n\r é') for _ in range(drawn.randrange(6)))
        if kind < 0.7 or depth > 3:
            return drawn.choice([1, 2.5, None, True])
        if kind < 0.85:
            return [value(depth + 1) for _ in range(drawn.randrange(3))]
        return {f"k{i}" + drawn.choice('"\\x'): value(depth + 1) for i in range(drawn.randrange(3))}

    for _ in range(150):
        rows = [{"a": value(), "b": value()} for _ in range(drawn.randrange(5))]
        text = json.dumps(rows, indent=drawn.choice([None, 1]), ensure_ascii=False).encode()
        lines = ArrayLines(Path("t.json"), io.BytesIO(text))
        buffer = bytearray(drawn.choice([1, 2, 3, 7, 1000]))
        out = b"".join(bytes(buffer[:n]) for n in iter(lambda: lines.readinto(buffer), 0))  # noqa: B023
        assert [json.loads(line) for line in out.decode().split("\n") if line.strip()] == rows


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[{"a": 1}', "its array is not closed"),
        ('[{"a": 1}] x', "something behind it"),
        ('[{"a": 1}]]', "something behind it"),
        ("[1, 2]", "got a number in item 1"),
        ("[[1], [2]]", "got an array in item 1"),
        ("[]", "got none"),
        ("[null]", "item 1 holds null"),
        ('[{"a": 1}, null]', "item 2 holds null"),
        ("null\n", "line 1 holds null"),
        ('{"a": 1}\n' * 9 + '{"a": "} null}"} null', "line 10 holds null"),
        ('[{"a": 1}, {"a": {"b": 1}}]', "in item 2"),
        (
            '[{"a": {"b": 1}}, {"a": {"b": "x"}}]',
            "expected number values in field 'a/b', got string in item 2",
        ),
    ],
)
def test_what_is_no_array_of_objects_is_refused(tmp_path: Path, text: Any, told: str) -> None:
    (tmp_path / "t.json").write_text(text)
    assert told in refusal(tmp_path / "t.json")


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n{"a": 2, "unused": ' + DEEP + "}\n",
        '[{"a": 1}, {"a": 2, "unused": ' + DEEP + "}]",
        '{"a": 1, "unused": ' + '{"a":' * 100_000 + "1" + "}" * 100_001 + "\n",
        "\n" * 200_000 + '{"a": ' + DEEP + "}\n",
        '{"a": 1}\n' * 150_000 + '{"a": ' + DEEP + "}\n",
        '{"a": ' + "[" * 100_000,
        "[" * 100_000,
    ],
    ids=["lines", "array", "objects", "blank lines", "many lines", "open", "brackets"],
)
def test_brackets_within_brackets_are_refused_before_they_are_parsed(tmp_path: Path, text: Any) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    message = refusal(path)
    assert "brackets within each other; expected at most 64" in message or "more than" in message


def test_brackets_in_a_text_are_text(tmp_path: Path) -> None:
    text = "[" * 5_000
    (tmp_path / "t.jsonl").write_text(json.dumps({"a": text}) + '\n{"a": "x"}\n')
    assert read_table(tmp_path / "t.jsonl")["a"].to_pylist() == [text, "x"]


def test_fields_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("{" + ",".join(f'"k{i}": 1' for i in range(30_000)) + "}\n")
    assert "at most 20,000 fields" in refusal(path)
    monkeypatch.setattr(bounds, "MAX_COLUMNS", 1_000)
    path.write_text("".join(f'{{"k{i}": 1}}\n' for i in range(5_000)))
    assert "at most 1,000 columns" in refusal(path)


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    for size in (21, 5):
        path.write_text('{"a": 1}\n{"a": "' + "x" * (size << 20) + '"}\n')
        assert "line 2 is longer than 4 MiB" in refusal(path)


def test_null_stands_where_a_value_may_in_texts_too_and_however_often(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    text = "}null" * 400_000
    path.write_text(json.dumps({"a": text, "b": None}) + '\n{"b": 1, "a":\tnull}')
    assert read_table(path).to_pydict() == {"a": [text, None], "b": [None, 1]}


def test_text_that_looks_like_times_at_first_stays_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonlines, "_PIECE", 64)
    path = tmp_path / "t.jsonl"
    day = '{"d": "2020-01-01", "m": {"w": ["2020-01-01"]}}\n'
    path.write_text(day * 10 + '{"d": "soon", "m": {"w": ["never"]}}\n')
    table = read_table(path)
    assert table["d"].to_pylist() == ["2020-01-01"] * 10 + ["soon"]
    assert table["m"].to_pylist()[-1] == {"w": ["never"]}
