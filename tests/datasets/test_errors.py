"""Messages of errors: a long value within one is cut, and what follows it is still said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.datasets.errors import MOST_LINE, InputError, shortened

if TYPE_CHECKING:
    from ..conftest import Ended


LONG = 100_000


@pytest.mark.parametrize(
    "value",
    ["x" * LONG, "x y " * (LONG // 4), "日" * LONG, "a'b " * (LONG // 4)],
    ids=["word", "text", "wide", "'"],
)
@pytest.mark.parametrize("form", ["got {!r} in row 7; expected a number", 'f "{}" here: expected a number'])
def test_a_value_of_any_length_leaves_the_end_of_the_sentence(value: Any, form: str) -> None:
    message = str(InputError("d.csv: " + form.format(value)))
    assert len(message) <= MOST_LINE
    assert message.startswith("d.csv: ")
    assert message.endswith("expected a number")
    assert "characters) ..." in message


def test_several_long_values_are_cut_one_by_one() -> None:
    message = str(InputError(f"{'a' * LONG}: got '{'b c' * LONG}', expected '{'d' * LONG}' or nothing"))
    assert len(message) < 1_100
    assert ", expected '" in message
    assert message.endswith("or nothing")


def test_a_usual_message_is_as_it_was() -> None:
    for usual in (
        "d.csv: no column 'x'; did you mean 'y'?",
        "listed: " + ", ".join("abc" for _ in range(300)),
    ):
        assert str(InputError(usual)) == usual


def test_cutting_twice_is_cutting_once() -> None:
    once = shortened(f"got '{'b c' * LONG}' and {'d' * LONG}, and so on " * 9)
    assert shortened(once) == once
    assert str(InputError()) == ""


def test_a_long_key_is_cut_on_the_command_line(cli: Callable[..., Ended]) -> None:
    for words in (
        ("audit", "x" * 200), ("audit", "a.yaml", "--set", "x" * LONG), ("x" * LONG,),
        ("plan", "--limit", "y" * LONG),
        ("gate", "run", f"--{'z' * LONG}"), ("history", "m" * LONG), ("regimes", "r" * LONG),
    ):  # fmt: skip
        ended = cli(*words)
        assert ended.code == 2
        assert max(map(len, ended.lines)) < MOST_LINE + 100
