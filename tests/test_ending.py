"""How the command ends: 1 is a failed gate and nothing else, whatever a library throws."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pyarrow as pa

    from .conftest import Ended


class Panic(BaseException):
    """As extensions in Rust throw it: no Exception."""


THROWN = {
    "memory": (MemoryError(), "out of memory"),
    "recursion": (RecursionError("too deep"), "internal error: RecursionError: too deep"),
    "an exit with 1": (SystemExit(1), "internal error: SystemExit: 1"),
    "an exit with 0": (SystemExit(0), "internal error: SystemExit: 0"),
    "a panic": (Panic("x" * 5000), "internal error: Panic: xxx"),
    "a full disk": (OSError(28, "No space left on device", "/x"), "/x: No space left on device"),
}


@pytest.mark.parametrize("kind", THROWN)
def test_what_a_library_throws_is_one_line_and_code_2(
    kind: Any,
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error, told = THROWN[kind]

    def thrown(*given: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr("fairweigh.api.run_settings", thrown)
    write(make_people(), make_config())
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert not ended.out
    assert len(ended.lines) == 1
    assert ended.err.startswith(f"fairweigh: {told}")
    assert len(ended.err) < 600


def test_the_place_of_an_error_of_ours_is_shown_where_it_is_asked_for(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def thrown(*given: Any, **more: Any) -> None:
        raise ZeroDivisionError("here")

    monkeypatch.setattr("fairweigh.api.run_settings", thrown)
    monkeypatch.setenv("FAIRWEIGH_TRACEBACK", "1")
    write(config=make_config())
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert "in thrown" in ended.err


def fairweigh(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "fairweigh", *args], text=True, check=False, **more)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_cannot_be_written_ends_with_2(here: Path) -> None:
    with Path("/dev/full").open("w") as full:
        out = fairweigh("schema", stdout=full, stderr=subprocess.PIPE)
        assert (out.returncode, out.stderr) == (2, "fairweigh: standard output: No space left on device\n")
        assert fairweigh("check", "nowhere.yaml", stderr=full).returncode == 2
        assert fairweigh(stdout=full, stderr=full).returncode == 2


def test_a_reader_that_has_gone_does_not_make_a_failed_gate(here: Path) -> None:
    read, written = os.pipe()
    os.close(read)
    try:
        out = fairweigh("schema", stdout=written, stderr=subprocess.PIPE)
    finally:
        os.close(written)
    assert (out.returncode, out.stderr) == (2, "fairweigh: standard output: Broken pipe\n")


LEFT = {
    "audit a.yaml": ("fairweigh.api.run_settings", "no run was written"),
    "compare one one": ("fairweigh.api.compare", "no run was written"),
    "gate one": ("fairweigh.audit.again.by_policy.judge_run", "no verdict was reached"),
    "verify one": ("fairweigh.verification.verify", "nothing was verified"),
    "report one": ("fairweigh.reports.render", "the run is whole"),
    "init p.csv": ("fairweigh.audit.start.write.open_start", "no configuration was written"),
    "history t": ("fairweigh.record.show.history", ""),
}


@pytest.mark.parametrize("command", LEFT)
def test_an_interrupt_says_what_it_left_undone(
    command: Any,
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*given: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q", "-o", "one").code == 0
    place, told = LEFT[command]
    monkeypatch.setattr(place, stopped)
    ended = cli(*command.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.lines == ["fairweigh: interrupted" + (f"; {told}" if told else "")]


def test_an_interrupt_after_a_run_was_written_says_that_it_was(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(run: Any, result: Any) -> None:
        raise KeyboardInterrupt

    write(make_people(), make_config())
    monkeypatch.setattr("fairweigh.api.keeping", lambda *given: stopped)
    ended = cli("audit", "a.yaml", "-q")
    assert (ended.code, ended.lines) == (2, ["fairweigh: interrupted; the run was written before: runs/t"])
    assert cli("verify", "runs/t", "-q").code == 0


INTERRUPTED = """
import runpy, signal, sys
from pathlib import Path
real = Path.replace
def interrupted(self, target):
    signal.raise_signal(signal.SIGINT)
    return real(self, target)
Path.replace = interrupted
sys.argv = ["fairweigh", "report", "runs/t", "--language", "zh", "-q"]
runpy.run_module("fairweigh", run_name="__main__", alter_sys=True)
"""


def test_an_interrupt_waits_until_files_have_taken_their_places(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    """Between two of them the manifest would not be that of the pages."""
    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q").code == 0
    # A process of its own: a signal at its very end would end the tests.
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert ended.returncode in (0, 2), ended.stderr
    assert "Traceback" not in ended.stderr
    assert 'lang="zh-Hans"' in Path("runs/t/report.html").read_text(encoding="utf-8")
    assert cli("verify", "runs/t", "-q").code == 0
