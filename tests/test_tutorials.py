"""Each tutorial is run as its reader runs it, and prints what it says that it prints."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fairweigh.cli import main

from .pages import CHROMIUM
from .sessions import Session, blocks_of, not_printed

ROOT = Path(__file__).parent.parent
PAGES = {path.stem: path for path in sorted((ROOT / "docs" / "tutorials").glob("*.md"))}
FIRST = "first-audit"
GO_ON = ("before-a-merge", "filing-a-report")
"""Those that begin with the run of the first."""
PROGRAMS = {"filing-a-report": {"chromium": CHROMIUM, "ssh-keygen": shutil.which("ssh-keygen")}}
"""What a tutorial needs of the system."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout, as far as the tutorials see one."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("ci", "examples"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def command(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str]]]:
    """The command line in this process."""
    terminate = signal.getsignal(signal.SIGTERM)

    def call(*args: str) -> tuple[int, str]:
        capfd.readouterr()
        # Charts are drawn by other tests; nothing that is printed depends on them.
        without = ("--set", "report.charts=false") if args[0] == "audit" else ()
        monkeypatch.setattr(sys, "argv", ["fairweigh", *args, *without])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    yield call
    signal.signal(signal.SIGTERM, terminate)


@pytest.fixture
def follow(
    checkout: Path,
    command: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], None]]:
    """Follow a tutorial; where it goes on from the first, and no test has followed that, that one before."""
    monkeypatch.delenv("FAIRWEIGH_HISTORY", raising=False)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    work = checkout / "runs" / "tutorial"
    modules = set(sys.modules)

    def do(name: str) -> None:
        if name in GO_ON and not work.exists():
            do(FIRST)
        start = checkout if name == FIRST else work
        start.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(start)
        Session(command).run(PAGES[name].read_text(encoding="utf-8"))

    yield do
    # A tutorial's own modules are no other test's.
    for name in {"applications", "model"} & (set(sys.modules) - modules):
        del sys.modules[name]


@pytest.mark.parametrize("name", sorted(PAGES, key=lambda name: (name != FIRST, name)))
def test_tutorial_prints_what_it_says(name: str, follow: Callable[[str], None]) -> None:
    missing = [program for program, path in PROGRAMS.get(name, {}).items() if path is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    follow(name)


@pytest.mark.parametrize("name", PAGES)
def test_tutorial_has_a_picture_that_is_there(name: str) -> None:
    page = PAGES[name]
    pictures = [part.partition(")")[0] for part in page.read_text(encoding="utf-8").split("](")[1:]]
    pictures = [path for path in pictures if path.endswith(".png")]
    assert pictures
    assert all((page.parent / path).is_file() for path in pictures)


def test_a_quotation_that_was_not_printed_is_found() -> None:
    printed = ["  ✕ fail: scored. 2 of 6 gates fail.", "report: runs/scored/report.html"]
    assert not_printed("✕ fail: scored. 2 of 6 gates fail.\n...\nreport: ...\n", printed) == ""
    assert not_printed("✕ fail: scored. ... gates fail.\n", printed) == ""
    assert not_printed("✕ fail: scored. 3 of 6 ...\n", printed) == "✕ fail: scored. 3 of 6 ..."
    # Not in that order, and not the whole line.
    assert not_printed("report: ...\n✕ fail: ...\n", printed) == "✕ fail: ..."
    assert not_printed("report: runs\n", printed) == "report: runs"


def test_a_block_that_would_not_be_run_is_refused() -> None:
    with pytest.raises(ValueError, match="expected fences"):
        blocks_of("Text\n\n  ```sh\n  rm -r runs\n  ```\n```sh\nls\n```\n```sh title=x\nls\n```\n")
    with pytest.raises(AssertionError, match="line 1: a block of 'r' is not run"):
        Session(lambda *args: (0, "")).run("```r\nlibrary(x)\n```\n")
