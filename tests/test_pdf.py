"""The report as a PDF: tagged, with its headings as bookmarks and numbered pages, whole or not there.

Chromium prints and pypdf reads what it has printed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .pages import CHROMIUM, needs_chinese_font, needs_chromium

if TYPE_CHECKING:
    import pyarrow as pa
    from pypdf import PdfReader

    from .conftest import Ended

A4 = (595, 842)
"""Points, as printers have them."""


@pytest.fixture
def run(here: Path, make_people: Callable[..., pa.Table], make_config: Callable[..., dict[str, Any]]) -> Path:
    import fairweigh

    fairweigh.run(make_config(), "run", data=make_people(), tell=lambda line: None)
    return here / "run"


@pytest.fixture
def stand_in(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a shell script in the browser's place."""

    def do(script: str) -> Path:
        path = here / "browser"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("FAIRWEIGH_CHROMIUM", str(path))
        return path

    return do


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bookmarks(outline: list[Any], level: int = 1) -> Iterator[tuple[int, str]]:
    """Level and title of each bookmark, in their order."""
    for entry in outline:
        if isinstance(entry, list):
            yield from bookmarks(entry, level + 1)
        else:
            yield level, entry.title


def headings(page: Path) -> list[str]:
    """The headings that paper shows, in their order."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shown = browser.new_page()
        shown.goto(page.as_uri())
        shown.emulate_media(media="print")
        found = shown.evaluate(
            "[...document.querySelectorAll('h1, h2, h3, h4, h5')].filter(e => e.getClientRects().length)"
            ".map(e => e.innerText.trim().replace(/\\s+/g, ' '))"
        )
        browser.close()
    return list(found)


def read(path: Path) -> PdfReader:
    from pypdf import PdfReader

    return PdfReader(path)


@needs_chromium
@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=needs_chinese_font)])
def test_pdf_is_tagged_and_numbered_and_its_bookmarks_are_the_headings(
    run: Path, cli: Callable[..., Ended], language: str
) -> None:
    assert cli("report", "run", "--language", language, "-q").code == 0
    before = everything(run)
    ended = cli("report", "run", "--pdf", "report.pdf")
    assert (ended.code, ended.out, ended.err) == (0, "report: report.pdf\n", "")
    assert everything(run) == before
    assert sorted(path.name for path in run.parent.iterdir() if path.name.startswith("report")) == [
        "report.pdf"
    ]
    pdf = read(Path("report.pdf"))
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]
    assert root["/Lang"] == {"en": "en", "zh": "zh-Hans"}[language]
    told = list(bookmarks(pdf.outline))
    assert [title for _, title in told] == headings(run / "report.html")
    assert {1, 2, 3} <= {level for level, _ in told}
    assert {tuple(round(float(x)) for x in page.mediabox[2:]) for page in pdf.pages} == {A4}
    for number, page in enumerate(pdf.pages, 1):
        assert re.search(rf"(?<!\d){number} / {len(pdf.pages)}(?!\d)", page.extract_text())
    assert cli("verify", "run", "-q").code == 0


@needs_chromium
def test_pdf_refers_to_nothing_beside_itself(run: Path, cli: Callable[..., Ended]) -> None:
    assert cli("report", "run", "--regime", "four-fifths", "-q").code == 0
    assert cli("report", "run", "--pdf", "p.pdf", "-q", "--no-charts").code == 0
    pages = read(Path("p.pdf")).pages
    actions = [a.get_object().get("/A", {}) for page in pages for a in page.get("/Annots", [])]
    assert [action for action in actions if "/URI" in action] == []
    # A PDF may print "fi" as one sign.
    texts = [unicodedata.normalize("NFKC", page.extract_text()) for page in pages]
    assert any("regimes/four-fifths.html" in text for text in texts)


def test_without_a_chromium_it_says_what_to_install(
    run: Path, cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(run))
    monkeypatch.setattr("fairweigh.pdf.PLACES", ())
    ended = cli("report", "run", "--pdf", "report.pdf")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "install one" in ended.err
    assert "FAIRWEIGH_CHROMIUM" in ended.err
    monkeypatch.setenv("FAIRWEIGH_CHROMIUM", "nowhere/chromium")
    ended = cli("report", "run", "--pdf", "report.pdf")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "got 'nowhere/chromium'" in ended.err


FAILING = {
    "echo '[1:2:ERROR:bus.cc(4)] no dbus' >&2; echo '[1:2:FATAL:x.cc(1)] No usable sandbox!' >&2; exit 1": (
        "No usable sandbox!"
    ),
    "exit 0": "it said nothing and ended with 0",
    'for a; do case "$a" in --print-to-pdf=*) printf %%PDF-1.4 > "${a#*=}";; esac; done': "ended with 0",
    "sleep 60": "did not print the report within 1 s",
}


@pytest.mark.parametrize(("script", "told"), FAILING.items())
def test_a_browser_that_fails_is_one_line_and_leaves_nothing(
    run: Path,
    cli: Callable[..., Ended],
    stand_in: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    told: str,
) -> None:
    stand_in(script)
    monkeypatch.setattr("fairweigh.pdf.MOST_SECONDS", 1)
    before = everything(run.parent)
    ended = cli("report", "run", "--pdf", "report.pdf", "--no-charts")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert told in ended.err
    assert everything(run.parent) == before


def test_what_cannot_be_started_is_one_line(
    run: Path, cli: Callable[..., Ended], stand_in: Callable[[str], Path]
) -> None:
    stand_in("").write_text("no program")
    ended = cli("report", "run", "--pdf", "report.pdf", "--no-charts")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "cannot be started: Exec format error" in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--pdf", "d.pdf"], "d.pdf: exists"),
        (["--pdf", "run/report.pdf"], "stays as it was written"),
        (["--pdf", "none/report.pdf"], "none/report.pdf: cannot be written: No such file or directory"),
        (["--pdf", "p.pdf", "--regime", "four-fifths"], "--regime changes the run"),
        (["--pdf", "p.pdf", "--unsign"], "--unsign changes the run"),
        (["--pdf", "p.pdf", "--language", "xx"], "--language: expected one of"),
    ],
)
def test_a_place_or_option_that_does_not_fit_is_one_line(
    run: Path, cli: Callable[..., Ended], stand_in: Callable[[str], Path], words: list[str], told: str
) -> None:
    stand_in("exit 1")
    Path("d.pdf").write_text("mine")
    before = everything(run.parent)
    ended = cli("report", "run", "--no-charts", *words)
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert told in ended.err
    assert everything(run.parent) == before


def test_a_changed_run_is_not_printed(
    run: Path, cli: Callable[..., Ended], stand_in: Callable[[str], Path]
) -> None:
    stand_in("exit 1")
    result = run / "audit.json"
    result.write_text(result.read_text().replace('"verdict": "', '"verdict": "in', 1))
    ended = cli("report", "run", "--pdf", "report.pdf")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "audit.json" in ended.err
