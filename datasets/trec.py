"""Runs in TREC form: ``query Q0 item rank score tag``, separated by white space, without a header."""

from __future__ import annotations

import io
import math
from array import array
from collections.abc import Callable
from pathlib import Path
from sys import intern
from typing import TypeVar

import pyarrow as pa

from .errors import InputError
from .files import form_of, is_gzip_name, open_content, reading

N = TypeVar("N", int, float)

FORM = "run in TREC form"
ENDINGS = (".trec", ".run")
"""Of the file of a run, also with ``.gz`` behind it."""
COLUMNS = "query Q0 item rank score tag"


def is_run(path: str | Path | None) -> bool:
    """Whether the name of a file says that it holds a run."""
    if path is None:
        return False
    path = Path(path)
    return (path.with_suffix("") if is_gzip_name(path) else path).suffix.lower() in ENDINGS


def read_run(path: Path) -> pa.Table:
    """Read a run.

    Returns
    -------
    pyarrow.Table
        ``query`` and ``item`` as they are written, ``rank`` (int64) and ``score`` (float64), in the order of
        the file.

    Raises
    ------
    InputError
        The file cannot be read, a line has not six columns, or its rank or score is no number.
    """
    form_of(path, "delimited text")
    queries: list[str] = []
    items: list[str] = []
    ranks, scores = array("q"), array("d")
    with reading(path, FORM), open_content(path) as raw, io.TextIOWrapper(raw, "utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            parts = line.split()
            if not parts:
                continue
            if len(parts) != len(COLUMNS.split()):
                raise InputError(
                    f"{path}: expected the six columns of a run in TREC form ({COLUMNS}), got {len(parts)} "
                    f"in line {number:,}"
                )
            where = f"in line {number:,} of {path}"
            queries.append(intern(parts[0]))
            items.append(intern(parts[2]))
            ranks.append(_number(int, parts[3], "rank: expected a whole number", where))
            scores.append(_number(float, parts[4], "score: expected a finite number", where))
    return pa.table(
        {
            "query": pa.array(queries, pa.string()), "item": pa.array(items, pa.string()),
            "rank": pa.array(ranks, pa.int64()), "score": pa.array(scores, pa.float64()),
        }
    )  # fmt: skip


def _number(kind: Callable[[str], N], text: str, what: str, where: str) -> N:
    try:
        value = kind(text)
        if "_" in text or not math.isfinite(value) or (kind is int and abs(value) >= 2**63):
            raise ValueError
    except (ValueError, OverflowError):
        raise InputError(f"{what}, got {text!r} {where}") from None
    return value
