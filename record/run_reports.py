"""Reports of recorded runs, found in folders by what their runs hold."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import quote

from ..datasets.errors import InputError
from .history import AUDIT

REPORT = "report.html"


def run_reports(folder: Path, page: Path) -> dict[str, str]:
    """Find the reports of the runs in a folder, or of the run that it is.

    Returns
    -------
    dict
        Addresses, as seen from ``page``, by the sha256 of the run's ``audit.json``, which tells one run from
        another: a folder that was written anew is no report of the run before.

    Raises
    ------
    InputError
        There is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"--runs: {folder}: there is no such folder")
    found = {}
    for told in sorted([*folder.glob(AUDIT), *folder.glob(f"*/{AUDIT}")]):
        report = told.with_name(REPORT)
        if report.is_file():
            try:
                key = hashlib.sha256(told.read_bytes()).hexdigest()
            except OSError as error:
                raise InputError(f"--runs: {told}: cannot be read: {error.strerror}") from None
            found[key] = _address(report, page)
    return found


def _address(report: Path, page: Path) -> str:
    try:
        near = os.path.relpath(report.resolve(), page.resolve().parent)
    except ValueError:
        # On another drive.
        return report.resolve().as_uri()
    return "./" + quote(Path(near).as_posix())
