"""Output that cannot reach its place: exit code 2, at most one line, no code that means something else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import pytest

if TYPE_CHECKING:
    import pyarrow as pa


PASSES = {"metric": "accuracy", "limit": ">= 0"}


@pytest.fixture
def shell(
    here: Path, make_people: Callable[..., pa.Table], make_config: Callable[..., dict[str, Any]]
) -> Callable[..., Any]:
    """Run a line of shell in which $F is the command, beside a finished run that passes."""
    fairweigh.run(make_config(gates=[PASSES]), "run", data=make_people())

    def do(line: str) -> tuple[Any, Any]:
        done = subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, "F": f"{sys.executable} -m fairweigh"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr.splitlines()

    return do


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("place", [">/dev/full", ">&-", "> >(exec true)"])
def test_a_verdict_that_cannot_be_said_is_no_pass(shell: Any, place: str) -> None:
    code, lines = shell(f"$F gate run {place}")
    if place == "> >(exec true)":
        # A reader that has gone may have left before or after.
        assert code in (0, 2)
        return
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("fairweigh: standard output: ")


def test_quiet_commands_need_no_output(shell: Any) -> None:
    assert shell("$F gate run -q >&-") == (0, [])


def test_errors_that_cannot_be_said_keep_their_code(shell: Any) -> None:
    assert shell("$F gate nowhere 2>&-")[0] == 2
    assert shell("$F gate nowhere >&- 2>&-")[0] == 2


def test_no_file_of_a_run_gets_the_place_of_a_closed_stream(
    shell: Any,
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    write(make_people(), make_config())
    code, _ = shell("$F audit a.yaml -o new <&- >&- 2>&-")
    assert code == 2
    assert shell("$F verify new -q") == (0, [])
