"""Other people's code: what it throws is one line, and what it prints with that stays off the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.foreign import foreign, one_line
from fairweigh.models.function import FunctionModel
from fairweigh.models.train import make_estimator


class Panic(BaseException):
    """As extensions in Rust throw it: no Exception."""


ROWS = pa.record_batch({"a": [1.0, 2.0]})


@pytest.mark.parametrize(
    "error", [Panic("x\ny"), SystemExit(1), MemoryError("x y"), RecursionError(), KeyError("x")]
)
def test_whatever_is_thrown_is_one_line(error: Any) -> None:
    with pytest.raises(InputError, match=r"^model: it broke: ") as told, foreign("model: it broke"):
        raise error
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("\x1b[96mStep 1/3\x1b[0m of \x1b]8;;http://x\x07it\x1b]8;;\x07\n\n- more", "Step 1/3 of it - more"),
        ("\x1b[1;31m\n\n  it\tbroke\x07\r\n" + "x" * 299, "it broke"),
        ("\x1b(B\x9b", "ValueError"),
        ("y" * 400, "y" * 297 + "..."),
    ],
)  # fmt: skip
def test_colours_go_and_of_a_long_message_its_first_lines_stay(said: Any, told: Any) -> None:
    assert one_line(ValueError(said)) == told


def test_what_is_told_already_and_an_interrupt_pass() -> None:
    with pytest.raises(InputError, match=r"^as it is$"), foreign("model"):
        raise InputError("as it is")
    with pytest.raises(KeyboardInterrupt), foreign("model"):
        raise KeyboardInterrupt


def test_what_a_library_prints_with_what_it_throws_is_kept_off_the_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InputError):
        _panicked()
    assert capfd.readouterr().err == ""
    with foreign("model", loud=True):
        os.write(2, b"a warning\n")
    assert capfd.readouterr().err == "a warning\n"


def _panicked() -> None:
    with foreign("model", loud=True):
        os.write(2, b"stack backtrace: 1 2 3\n")
        raise Panic


@pytest.mark.parametrize("error", [Panic("no"), SystemExit(1), MemoryError("no")])
def test_a_model_that_throws_what_is_no_exception_is_refused_in_python_too(error: Any) -> None:
    def thrown(rows: Any) -> None:
        raise error

    with pytest.raises(InputError, match=r"model.function: .* raised (Panic|SystemExit|MemoryError)"):
        FunctionModel(thrown, ["a"], 0.5).score(ROWS, None)

    class Fitted:
        classes_ = np.array([0, 1])
        predict_proba = staticmethod(thrown)

    with pytest.raises(InputError, match="model: it cannot score the table"):
        EstimatorModel(Fitted(), ["a"], ["1"], None, {}).score(ROWS, None)


def test_an_estimator_whose_module_ends_the_process_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (here / "module_that_exits.py").write_text("raise SystemExit(1)")
    with pytest.raises(InputError, match="expected a dotted path such as"):
        make_estimator("module_that_exits.Classifier", {}, 0)
