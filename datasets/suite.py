"""What a suite is: published items in a file of their own layout, read to a table whose columns are known.

A suite knows its task, which column is what, how it is sliced and what varies as one (its clusters). What is
amiss in its data is counted and told, never parsed away.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..told import tell
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
    aside : list of str
        Ids of items that are left out, of which there may be predictions.
    """

    table: pa.Table
    slices: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)


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
        Which column is the id, the cluster, the label, the weight; and which label is positive.
    columns : tuple of str
        Columns that may be sliced by.
    alone : bool
        Whether no other data are of its task.
    file : str
        What its file is called, or one of them.
    units : mapping of str to str
        Columns that may be the cluster, and what its clusters are then called; the first is what it is where
        nobody says.
    text : str
        The column of the texts that a model reads; empty where a model's answers alone are read.
    twins : mapping
        Groups of rows that differ in one sensitive feature only, as ``data.counterfactual`` says it; what is
        compared where nobody says.
    intersections : int or None
        Up to how many features are crossed where nobody says; None: as in any audit.
    defects : tuple of str
        What is known to be amiss in its data.
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
    alone: bool = False
    file: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    twins: Mapping[str, Any] = field(default_factory=dict)
    intersections: int | None = None
    defects: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The folder of its files in ``$FAIRWEIGH_DATA``."""
        return self.name.replace("-", "_")


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


def csv_rows(path: Path, keys: Sequence[str], suite: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines of a CSV file of a suite, numbered; InputError for one without its columns."""
    rows = csv.DictReader(io.StringIO(text_of(path), newline=""))
    lacking = next((key for key in keys if key not in (rows.fieldnames or ())), None)
    if lacking is not None:
        raise InputError(f"{path}: expected the columns {', '.join(keys)} of {suite}, got no {lacking!r}")
    for number, row in enumerate(rows, start=2):
        short = next((key for key in keys if row[key] is None), None)
        if short is not None:
            raise other_layout(path, number, f"a value of {short}", "a shorter line")
        yield number, row


def taken(items: Items, where: Mapping[str, Sequence[str]], most: int | None, cluster: str) -> Items:
    """Those items that are asked for, in their order.

    Parameters
    ----------
    items : Items
    where : mapping of str to sequence of str
        By column, the values that they have.
    most : int, optional
        How many of these are drawn, spread over the clusters (`spread`).
    cluster : str
        The column of the clusters.

    Raises
    ------
    InputError
        There is no such column or value.
    """
    table, notes = items.table, list(items.notes)
    for name, values in where.items():
        if name not in table.column_names:
            raise InputError(f"data.where: no column {name!r}; there are {', '.join(table.column_names)}")
        held = pc.is_in(table.column(name).cast(pa.string()), pa.array(list(values), pa.string()))
        if not pc.any(held).as_py():
            raise InputError(f"data.where.{name}: no item has {', '.join(map(repr, values))}")
        table = table.filter(held)
    told = {"n": f"{len(table):,}", "of": f"{len(items.table):,}"}
    if len(table) < len(items.table):
        notes.append(tell("{n} of {of} items have the values that data.where names.", **told))
    if most is not None and most < len(table):
        told = {"n": f"{most:,}", "of": told["n"]}
        table = spread(table, cluster, most)
        notes.append(
            tell("{n} of {of} items are asked (data.items), spread over what varies as one.", **told)
        )
    if len(table) == len(items.table):
        return items
    left = pc.invert(pc.is_in(items.table.column("id"), table.column("id")))
    aside = [*items.aside, *items.table.column("id").filter(left).to_pylist()]
    return replace(items, table=table, notes=notes, slices=varying(table, items.slices), aside=aside)


def spread(table: pa.Table, cluster: str, most: int) -> pa.Table:
    """At most so many items: one of each cluster, then another one; which ones a hash of their ids says."""
    ids = [str(name) for name in table.column("id").to_pylist()]
    clusters = table.column(cluster).to_pylist()
    order = sorted(range(len(ids)), key=lambda place: hashlib.sha256(ids[place].encode()).digest())
    turn: Counter[str] = Counter()
    ranked = []
    for place in order:
        ranked.append((turn[clusters[place]], place))
        turn[clusters[place]] += 1
    # Within a turn the hash's order stands.
    chosen = sorted(place for _, place in sorted(ranked, key=lambda one: one[0])[:most])
    return table.take(pa.array(chosen, pa.int64()))


def varying(table: pa.Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some columns that have more than one value; the first one where none has."""
    found = tuple(name for name in columns if len(table.column(name).unique()) > 1)
    return found or columns[:1]


def other_layout(path: Path, line: int, expected: str, got: object) -> InputError:
    """Say that a file is none of the suite's."""
    shown = repr(got)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return InputError(f"{path}: line {line:,}: expected {expected}, got {shown}")
