"""The one way a table is written for a spreadsheet: CSV as in RFC 4180, in which no text is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a text begins with that a spreadsheet takes for a formula (CWE-1236), the full-width forms too."""

Cell = str | int | float | None


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Write rows as comma-separated values; numbers stand as they are, also negative ones.

    A text that a spreadsheet would read as a formula begins with an apostrophe. Lines end with CR LF, and a
    cell that holds either of the two is quoted.
    """
    out = io.StringIO()
    # Python quotes a lone CR only where it is part of the line's end.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
