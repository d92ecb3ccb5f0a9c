"""A report on paper: printed to PDF by a Chromium that is installed, since no package of ours lays out pages.

The PDF is tagged, its bookmarks are the report's headings, and its pages are numbered by the print style.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .audit.store.folder import refuse_in_run
from .datasets.errors import InputError

if TYPE_CHECKING:
    from .audit.regimes.result import RegimeResult
    from .audit.result import AuditResult

BROWSER = "FAIRWEIGH_CHROMIUM"
"""Set in the environment, the Chromium that prints, as a path or as a name on the PATH."""
NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
    "microsoft-edge-stable",
)  # fmt: skip
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
"""Where macOS keeps programs that are on no PATH."""
MOST_SECONDS = 300
"""A report of a thousand pages takes a minute."""
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-pdf-header-footer",
    "--export-tagged-pdf",
    "--generate-pdf-document-outline",
    # The page refers to nothing outside itself; nor may the browser reach for news of its own.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    # Containers often have a /dev/shm that is too small for a long page.
    "--disable-dev-shm-usage",
)
_STAMP = re.compile(r"^\[[^\]]*\]\s*")
_CHATTER = re.compile(r"dbus|bytes written to file|^\s*#\d|^\S*/chromium: \d+: \[")
"""What Chromium says on machines without a desktop, frames of a stack, and what its launchers say."""


def chromium() -> str:
    """Find the browser that prints.

    Raises
    ------
    InputError
        There is none, or the environment names one that is not there.
    """
    named = os.environ.get(BROWSER)
    if named:
        found = shutil.which(named)
        if found is None:
            raise InputError(f"{BROWSER}: expected a Chromium that can be started, got {named!r}")
        return found
    found = next((path for name in (*NAMES, *PLACES) if (path := shutil.which(name))), None)
    if found is None:
        raise InputError(
            "--pdf: needs Chromium, Google Chrome or Microsoft Edge to print with; install one (Debian: apt "
            f"install chromium), or name its program in {BROWSER}"
        )
    return found


def check_pdf(path: Path) -> None:
    """InputError where a PDF cannot be written here: looked for before anything is rendered."""
    chromium()
    if os.path.lexists(path):
        raise InputError(f"{path}: exists; choose another name for the PDF, or remove it")
    refuse_in_run(path)


def print_report(
    result: AuditResult,
    path: Path,
    *,
    charts: bool,
    language: str,
    regimes: Sequence[RegimeResult],
) -> None:
    """Print a result's report; pages of regimes are named in it and not linked, as they stay in the run.

    Parameters
    ----------
    result, charts, language, regimes
        As `reports.render` takes them.
    path
        As `write_pdf` takes it.
    """
    from .reports.front.document import render_report
    from .reports.regimes.pages import regime_links, regime_pages

    pages = {regime.regime: regime_pages(regime, result, language) for regime in regimes}
    named = [(f"{title} · {address}", "") for title, address in regime_links(pages, language)]
    write_pdf(render_report(result, charts=charts, language=language, regimes=named, annex=""), path)


def write_pdf(html: str, path: Path) -> None:
    """Print a page that refers to nothing outside itself to a PDF, which is written whole or not at all.

    Parameters
    ----------
    html
        The whole document.
    path
        The PDF, which must not exist, outside of any run.

    Raises
    ------
    InputError
        As `check_pdf` says, it cannot be written, or Chromium does not print it.
    """
    check_pdf(path)
    with _workplace(path) as folder:
        page, made = folder / "report.html", folder / "report.pdf"
        page.write_text(html, encoding="utf-8")
        _print(page, made, folder / "profile")
        if os.path.lexists(path):
            raise InputError(f"{path}: appeared while the PDF was printed")
        made.replace(path)


@contextmanager
def _workplace(path: Path) -> Iterator[Path]:
    """A folder for what is made on the way, beside the PDF.

    Ubuntu's Chromium sees neither the system's temporary folder nor names that begin with a dot.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{path.name}.", suffix=".partial", dir=path.parent)).resolve()
        try:
            yield folder
        finally:
            # What the browser left running for a moment may still write there.
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def _print(page: Path, made: Path, profile: Path) -> None:
    command = [chromium(), *_FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={made}", page.as_uri()]
    if os.geteuid() == 0:
        # Chromium refuses root its sandbox, as in a container. The page is ours and all of it is escaped.
        command.insert(1, "--no-sandbox")
    code, told = _run(command)
    if code is None:
        raise InputError(f"--pdf: {command[0]}: did not print the report within {MOST_SECONDS} s")
    if code or not _whole(made):
        raise InputError(f"--pdf: {command[0]}: did not print the report: {_last(told, code)}")


def _run(command: list[str]) -> tuple[int | None, str]:
    """Run a browser with all that it starts; its exit code, None where it took too long, and its words."""
    try:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"--pdf: {command[0]}: cannot be started: {error.strerror}") from None
    with started:
        try:
            said = started.communicate(timeout=MOST_SECONDS)[1]
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            # Its helpers too, and also where we are interrupted.
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
        return started.returncode, said.decode(errors="replace")


def _whole(made: Path) -> bool:
    """Whether a file is a PDF to its end."""
    if not made.is_file():
        return False
    content = made.read_bytes()
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


def _last(told: str, code: int) -> str:
    """The last line that a browser said of itself."""
    lines = [_STAMP.sub("", line).strip() for line in told.splitlines() if not _CHATTER.search(line)]
    return next((line for line in reversed(lines) if line), f"it said nothing and ended with {code}")
