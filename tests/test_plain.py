"""JSON and YAML of strangers: what is read as before, and what is refused before it is expanded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh import plain
from fairweigh.audit.config import read
from fairweigh.datasets.errors import InputError
from fairweigh.plain import from_json, from_yaml, read_bounded

if TYPE_CHECKING:
    from .conftest import Ended


def laughs(levels: int, one: str = "[{}]", last: str = "[x, x]") -> str:
    """Aliases of aliases: every level stands for nine times the one below."""
    lines = [f"a0: &a0 {last}"]
    for i in range(1, levels):
        lines.append(f"a{i}: &a{i} " + one.format(", ".join([f"*a{i - 1}"] * 9)))
    return "\n".join(lines)


HOSTILE = {
    "an alias inside itself": ("a: &a [*a]", "an alias stands inside what it is a name for"),
    "a mapping inside itself": ("&a {b: *a}", "an alias stands inside what it is a name for"),
    "a merge of itself": ("&a\n<<: *a\nb: 1", "an alias stands inside what it is a name for"),
    "a billion laughs": (laughs(11), "more than 200,000 values"),
    "a billion merges": (laughs(11, "{{<<: [{}]}}", "{k: 1}"), "more than 200,000 values"),
    "brackets": ("[" * 100_000, "nested more than 100 levels deep"),
    "a megabyte of brackets": ("[" * 1_000_000, "nested more than 100 levels deep"),
    "closed brackets": ("[" * 500 + "]" * 500, "nested more than 100 levels deep"),
    "dashes": ("- " * 100_000 + "a", "nested more than 100 levels deep"),
    "mappings": ("{a: " * 900, "nested more than 100 levels deep"),
    "aliases of aliases": (
        "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000)),
        "line 101: nested more than 100 levels deep",
    ),
    "an hour of 99": ("a: 1\nb: 2020-01-01T00:00:00+99:99", "line 2: .* is no value of the kind timestamp"),
    "a word as a number": ("a: 1\nb: !!int abc", "line 2: 'abc' is no value of the kind int"),
    "no character": ('a: "\\U7fffffff"', "U7fffffff is no character"),
    "indents": ("".join(" " * i + "a:\n" for i in range(1200)), "nested more than 100 levels deep"),
    "megabytes": ("a" * 1_100_000, "expected at most 1,048,576"),
    "digits": ("a: " + "9" * 100_000, "line 1: a number of 100,000 characters"),
    "digits of another base": ("a: 0x" + "f" * 6_000, "line 1: a number of 6,002 characters"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_yaml_that_would_expand_without_end_is_refused_at_once(kind: Any) -> None:
    text, told = HOSTILE[kind]
    start = time.perf_counter()
    with pytest.raises(ValueError, match=told):
        from_yaml(text)
    assert time.perf_counter() - start < 20


def test_aliases_within_reason_are_read() -> None:
    assert from_yaml("a: &a {b: [1, 2]}\nc: *a\nd: {<<: *a, e: 3}") == {
        "a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": {"b": [1, 2], "e": 3},
    }  # fmt: skip


def test_a_name_may_be_given_anew_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    assert from_yaml("a: &x 1\nb: *x\nc: &x 2\nd: *x") == {"a": 1, "b": 1, "c": 2, "d": 2}
    assert not recwarn.list


def test_a_key_that_stands_twice_among_very_many_is_found_at_once() -> None:
    keys = ", ".join(f'"{number}": 0' for number in range(300_000))
    start = time.perf_counter()
    with pytest.raises(ValueError, match="the key '299999' stands twice"):
        from_json(f'{{{keys}, "299999": 1}}')
    assert time.perf_counter() - start < 20


def test_check_refuses_a_strangers_files_each_in_one_line(cli: Callable[..., Ended], here: Path) -> None:
    for number, kind in enumerate(HOSTILE):
        Path(f"{number}.yaml").write_text(HOSTILE[kind][0])
    names = [f"{number}.yaml" for number in range(len(HOSTILE))]
    ended = cli("check", *names, "/dev/zero", "-q")
    assert ended.code == 2
    assert not ended.out
    assert [line.split(": ")[1] for line in ended.lines] == [*names, "/dev/zero"]
    assert all(len(line) < 400 for line in ended.lines)


def test_a_setting_that_would_expand_without_end_is_refused(
    cli: Callable[..., Ended], write: Callable[..., None], make_config: Callable[..., dict[str, Any]]
) -> None:
    write(config=make_config())
    ended = cli("audit", "a.yaml", "-q", "--set", f"report.title={'[' * 3000}")
    assert ended.code == 2
    assert "--set report.title: the value is not valid YAML" in ended.err


def test_a_configuration_from_python_without_end_is_refused(
    make_config: Callable[..., dict[str, Any]],
) -> None:
    inside: dict[str, Any] = make_config()
    inside["gates"] = [inside]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for content in (inside, {**make_config(), "gates": deep}):
        with pytest.raises(InputError, match="nested beyond reason, or inside itself"):
            read(content)


def test_json_of_ordinary_depth_is_read() -> None:
    assert from_json("[" * 100 + "1.5e300" + "]" * 100)
    assert from_json(b'{"a": [1, null, true, "\\u00e9"]}') == {"a": [1, None, True, "é"]}


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ValueError, match="expected at most 1,000 bytes"):
        read_bounded(Path("/dev/zero"), 1_000, regular=False)


def test_a_pipe_is_read_where_somebody_writes_it_and_not_waited_for_else(
    cli: Callable[..., Ended], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "PIPE_SECONDS", 1)
    os.mkfifo("pipe")
    ended = cli("check", "pipe")
    assert ended.code == 2
    assert ended.lines == ["fairweigh: pipe: expected a file, got a pipe that nobody writes to"]
    read_end, write_end = os.pipe()
    os.write(write_end, b"policy: p\ngates: []\n")
    os.close(write_end)
    assert read_bounded(Path(f"/dev/fd/{read_end}"), 1_000, regular=False) == b"policy: p\ngates: []\n"
