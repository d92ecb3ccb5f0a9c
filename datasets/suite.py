"""What a suite is: published items in a file of their own layout, read to a table whose columns are known.

A suite knows its task, which column is what, how it is sliced and what varies as one (its clusters). What is
amiss in its data is counted and told, never parsed away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from .errors import InputError
from .files import reading

MORE_TEXT, LESS_TEXT, UNRELATED_TEXT = "more_text", "less_text", "unrelated_text"
"""Columns of a pair's sentences, which language models weigh: that of the stereotype, the other one, and
maybe one that makes no sense."""
MOST_FILES = 100
"""Files that one pattern may name."""


@dataclass(frozen=True)
class Items:
    """The items of a suite, as they were read.

    Attributes
    ----------
    table : pyarrow.Table
        A row for each item that can be scored.
    slices : tuple of str
        Columns to slice by where nobody says: those of more than one value, of none other the first.
    notes : list of str
        What is to be told of the data.
    """

    table: pa.Table
    slices: tuple[str, ...]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Suite:
    """One entry per suite.

    Attributes
    ----------
    name, title : str
    task : str
        What is asked of a model.
    read : callable (path) -> Items
        Of the file (or folder, or pattern) that ``data.path`` names.
    roles : mapping of str to str
        Which column is the id, the cluster, the label, the weight.
    columns : tuple of str
        Columns that may be sliced by.
    answers : callable (path, table) -> pyarrow.Table, optional
        Reads published predictions in a layout of their own: the id of each row of the table, and columns
        of what was said of it. None where predictions stand in tables.
    said : mapping of str to str
        The keys of ``model:`` that name the columns which ``answers`` gives.
    mean : bool
        Sentences of pairs are weighed by the mean log-likelihood of their tokens, since they differ in
        length; if not, by the sum.
    source, licence : str
    """

    name: str
    title: str
    task: str
    read: Callable[[Path], Items]
    roles: Mapping[str, str]
    columns: tuple[str, ...]
    answers: Callable[[Path, pa.Table], pa.Table] | None = None
    said: Mapping[str, str] = field(default_factory=dict)
    mean: bool = False
    source: str = ""
    licence: str = ""


def about(suite: Suite) -> dict[str, str]:
    """What a result says of a suite: title, licence and citation."""
    return {"title": suite.title, "licence": suite.licence, "citation": suite.source}


def located(path: Path, suite: str) -> Path:
    """Where a path, or a pattern, of a suite is: as it is given, else in ``$FAIRWEIGH_DATA/SUITE``."""
    root = os.environ.get("FAIRWEIGH_DATA")
    if not root or path.is_absolute() or next(path.parent.glob(path.name), None) is not None:
        return path
    there = Path(root) / suite.replace("-", "_") / path
    return there if next(there.parent.glob(there.name), None) is not None else path


def files_of(path: Path) -> list[Path]:
    """The files that a path names: itself, or those of a pattern such as ``preds_*.jsonl.gz``, by name.

    Raises
    ------
    InputError
        There is none, or there are more than `MOST_FILES`.
    """
    if not any(mark in path.name for mark in "*?["):
        if not path.is_file():
            raise InputError(f"data.path: expected a file, or a pattern such as 'preds_*.jsonl', got {path}")
        return [path]
    found = sorted(one for one in path.parent.glob(path.name) if one.is_file())
    if not found or len(found) > MOST_FILES:
        raise InputError(f"data.path: expected 1 to {MOST_FILES} files, {path} names {len(found)}")
    return found


def text_of(path: Path) -> str:
    """The text of a file, also of one that is packed (.gz); InputError for one that cannot be read."""
    from .files import open_content

    with reading(path, "text"), open_content(path) as content:
        return bytes(content.read()).decode("utf-8-sig")


def varying(table: pa.Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some columns that have more than one value; the first one where none has."""
    found = tuple(name for name in columns if len(table.column(name).unique()) > 1)
    return found or columns[:1]


def other_layout(path: Path, line: int, expected: str, got: object) -> InputError:
    """Say that a file is none of the suite's."""
    shown = repr(got)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return InputError(f"{path}: line {line:,}: expected {expected}, got {shown}")
