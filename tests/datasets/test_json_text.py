"""JSON from outside: what is no plain document is refused in one line and in bounded time."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.json_text import parse, parse_object, read_object

DEEP = 100_000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[" * DEEP, "recursion limit"),
        ("[" * DEEP + "]" * DEEP, "recursion limit"),
        ('{"a":' * DEEP + "1" + "}" * DEEP, "recursion limit"),
        ('{"a": ' + "9" * 1_000_000 + "}", "out of range"),
        ('{"a": -' + "9" * 5_000 + "}", "out of range"),
        ('{"a": 1e999}', "the number '1e999' is beyond what a float holds"),
        ('{"a": ' + "9" * 400 + ".5}", "is beyond what a float holds"),
        ('{"a": NaN}', "expected value"),
        ('{"a": Infinity}', "expected value"),
        ('{"a": -Infinity}', "invalid number"),
        ('{"a": 1, "b": {"x": 1, "x": 2}}', "the key 'x' stands twice in one object"),
        ('{"a": 1, "\\u0061": 1}', "the key 'a' stands twice in one object"),
        ('{"' + "k" * 500 + '": 1, "' + "k" * 500 + '": 2}', "stands twice"),
        (b'{"a": "\xff"}', "not UTF-8 text (byte 7)"),
        ("{}".encode("utf-16"), "not UTF-8 text (byte 0)"),
        (b"\xef\xbb\xbf{}", "cannot be read as JSON"),
        ('{"a": "\\ud800"}', "cannot be read as JSON"),
        ("", "cannot be read as JSON"),
        ("{", "cannot be read as JSON"),
        ("{} {}", "cannot be read as JSON"),
        ("{'a': 1}", "cannot be read as JSON"),
        ('{"a": 1,}', "cannot be read as JSON"),
        ('{"a": 01}', "cannot be read as JSON"),
        ('{"a": "\x00"}', "cannot be read as JSON"),
        ("[]", "expected a mapping, got a list"),
        ('"x"', "expected a mapping, got a text"),
        ("true", "expected a mapping, got a truth value"),
        ("null", "expected a mapping, got null"),
        ("3", "expected a mapping, got a number"),
    ],
)
def test_what_is_no_plain_json_object_is_refused_in_one_short_line(content: Any, told: str) -> None:
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        parse_object(content, "f.json")
    line = str(caught.value)
    assert line.startswith("f.json: ")
    assert told in line
    assert "\n" not in line
    assert len(line) < 250
    assert time.monotonic() - start < 5


def test_plain_json_is_read_as_it_stands() -> None:
    assert parse_object(b'{"a": [1, 2.5, "\xc3\xa9", null, true, {"a": 1}], "b": 1e300}', "x") == {
        "a": [1, 2.5, "é", None, True, {"a": 1}], "b": 1e300,
    }  # fmt: skip
    assert parse("[1]", "x") == [1]


def test_a_file_is_read_only_where_it_is_a_regular_one_of_bounded_size(tmp_path: Path) -> None:
    whole = tmp_path / "whole.json"
    whole.write_text('{"a": 1}')
    assert read_object(whole) == {"a": 1}
    with pytest.raises(InputError, match="expected at most 4 bytes, got 8"):
        read_object(whole, most=4)
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match=r"expected at most .* bytes, got 1,099,511,627,776"):
        read_object(huge)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="expected a regular file, got a named pipe"):
        read_object(tmp_path / "pipe")
    with pytest.raises(InputError, match="expected a regular file, got a folder"):
        read_object(tmp_path)
    with pytest.raises(InputError, match="expected a regular file, got a device"):
        read_object(Path("/dev/zero"))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_object(tmp_path / "none")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises(InputError, match="cannot be read: No such device"):
            read_object(tmp_path / "s")
