"""Dataset cards: what a data set is, where it comes from, how it is read, and what is wrong with it.

A card is ``datasets/cards/NAME.yaml``. `load` turns it into a table whose codes are words and whose
personal columns are gone.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

from .dialect import TextForm
from .errors import InputError
from .fetch import locate
from .missing import ALWAYS
from .read import nearest, read_table


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataFile(_Part):
    """One file of a data set."""

    name: str = Field(description="File name in $FAIRWEIGH_DATA/NAME/ and in the cache.")
    url: str = Field(description="Address it is fetched from.")
    sha256: list[str] = Field(
        description="Checksums of the decompressed content, any of which will do.", min_length=1
    )
    skip: int = Field(0, ge=0, description="Lines before the header or, without header, before the data.")


class Reader(_Part):
    """How the files are written."""

    separator: str | None = Field(None, description="Between values; default what is found in the file.")
    decimal: str | None = Field(None, description="Mark before decimals, '.' or ','.")
    thousands: str | None = Field(None, description="Mark between groups of three digits.")
    encoding: str | None = Field(None, description="Such as latin-1; default what is found in the file.")
    names: list[str] = Field([], description="Column names, for files without a header line.")
    strip: bool = Field(False, description="Drop white space around values.")
    number_duplicates: bool = Field(False, description="Name the second column of a name NAME.1.")
    missing: list[str] = Field([], description="Strings that mean 'not known', besides empty cells.")


class Column(_Part):
    """A column that needs a word of explanation, or whose codes do."""

    about: str = ""
    values: dict[str, str] = Field({}, description="Code as it stands in the file: word it is read as.")


class Derived(_Part):
    """A column made from the codes of another."""

    source: str
    values: dict[str, str]


class Card(_Part):
    """All that is known about a data set."""

    name: str
    title: str
    task: Literal["binary-classification"]
    description: str
    homepage: str
    licence: str
    citation: str
    files: dict[str, DataFile] = Field({}, description="One file per split; 'all' when there is only one.")
    holdout: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="For a single file: share of rows drawn, by a hash of their id, as split test.",
    )
    default_split: str | None = Field(
        None, description="Set when the splits overlap and cannot be joined: the one that is meant."
    )
    generator: Literal["lending"] | None = Field(None, description="Function in datasets.synthetic.")
    reader: Reader = Reader()
    drop: list[str] = Field([], description="Personal columns, dropped on load and never cached.")
    omit: list[str] = Field([], description="Columns that only repeat others, dropped on load.")
    rename: dict[str, str] = Field({}, description="Name in the file: name in the table.")
    derive: dict[str, Derived] = {}
    columns: dict[str, Column] = {}
    label: str
    positive: str | int
    negative: str | int | None = None
    positive_is: Literal["benefit", "burden"] | None = Field(
        None, description="What a positive decision is to the person it falls on, where that is clear."
    )
    sensitive: list[str]
    id: str = Field("id", description="Column of unique ids; made of split and row number when absent.")
    weight: str | None = None
    bins: dict[str, list[float]] = Field({}, description="Suggested edges, left-closed, for numeric columns.")
    exclude: list[str] = Field([], description="Columns that are never features: leaks, weights, copies.")
    defects: list[str] = []
    warnings: list[str] = []
    synthetic: bool = False

    @property
    def splits(self) -> list[str]:
        """Names of the splits that `load` knows, besides ``all``."""
        return ["train", "test"] if self.holdout or self.generator else list(self.files)


@lru_cache(maxsize=1)
def names() -> list[str]:
    """Return the names of all cards, sorted."""
    folder = resources.files(__package__ or "fairweigh.datasets").joinpath("cards")
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


@lru_cache(maxsize=64)
def card(name: str) -> Card:
    """Return the card of a data set.

    Raises
    ------
    InputError
        There is no card of that name.
    """
    if name not in names():
        hint = nearest(name, names()) or f"; there are {', '.join(names())}"
        raise InputError(f"no dataset card '{name}'{hint}")
    file = resources.files(__package__ or "fairweigh.datasets").joinpath("cards").joinpath(f"{name}.yaml")
    return Card.model_validate(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))


def load(name: str, split: str | None = None, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a data set as its card says: codes as words, personal columns dropped, every row with an id.

    Parameters
    ----------
    name
        Name of a card.
    split
        One of its splits. None or ``"all"`` gives all of them with a column ``split``; of a data set whose
        splits hold the same rows, None gives the default split and ``"all"`` is refused.
    columns
        Columns to return, in this order; default all.

    Returns
    -------
    pyarrow.Table
        Text columns as plain strings. Where the files have no id, column ``id`` is ``SPLIT-ROW`` (``row-ROW``
        for a data set of one file), the row counted from 0 within the file.

    Raises
    ------
    InputError
        Unknown name, split or column; a file that is neither found nor fetched, or of another checksum.
    """
    table = _load(card(name), split)
    if columns is None:
        return table
    for column in columns:
        if column not in table.column_names:
            raise InputError(
                f"dataset '{name}': no column '{column}'{nearest(column, table.column_names)}".rstrip()
            )
    return table.select(list(columns))


def _load(card: Card, split: str | None) -> pa.Table:
    if split is None and card.default_split:
        split = card.default_split
    if split in (None, "all"):
        if card.default_split:
            raise InputError(
                f"dataset '{card.name}': its splits hold the same rows and cannot be joined; "
                f"choose one of {', '.join(card.splits)}"
            )
        return _joined(card)
    if split not in card.splits:
        raise InputError(
            f"dataset '{card.name}': expected a split of {', '.join(card.splits)} or all, got '{split}'"
        )
    if card.holdout or card.generator:
        table = _joined(card)
        return table.filter(pa.compute.equal(table["split"], split)).drop_columns(["split"])
    return _file(card, split)


def _joined(card: Card) -> pa.Table:
    if card.generator:
        from .synthetic import lending

        return lending()
    if card.holdout:
        table = _file(card, "all")
        return _with_split(table, _drawn(table[card.id].to_pylist(), card.holdout))
    tables = [_file(card, split) for split in card.files]
    parts = [_with_split(t, [split] * t.num_rows) for split, t in zip(card.files, tables, strict=True)]
    return pa.concat_tables(parts, promote_options="permissive")


def _with_split(table: pa.Table, splits: list[str]) -> pa.Table:
    return table.append_column("split", pa.array(splits, pa.string()))


def _drawn(ids: list[object], holdout: float) -> list[str]:
    """Draw the split from the id alone: no generator, no order of rows has a say in it."""
    digests = (hashlib.sha256(str(i).encode()).digest() for i in ids)
    return ["test" if int.from_bytes(d[:8]) < holdout * 2**64 else "train" for d in digests]


def _file(card: Card, split: str) -> pa.Table:
    file = card.files[split]
    form = TextForm(
        **card.reader.model_dump(exclude={"names", "missing"}), names=tuple(card.reader.names), skip=file.skip
    )
    in_file = {new: old for old, new in card.rename.items()}
    coded = [name for name, column in card.columns.items() if column.values]
    worded = {*coded, *(derived.source for derived in card.derive.values())}
    table = read_table(
        locate(card, file),
        categorical=[in_file.get(name, name) for name in worded],
        # A card has looked at its words: none of them is asked about.
        missing=[*card.reader.missing, *ALWAYS],
        text=form,
    )
    table = table.drop_columns([name for name in (*card.drop, *card.omit) if name in table.column_names])
    table = table.rename_columns([card.rename.get(name, name) for name in table.column_names])
    for name, derived in card.derive.items():
        table = table.append_column(name, _words(table[derived.source], derived.values))
    for name in worded:
        values = card.columns[name].values if name in card.columns else {}
        table = table.set_column(table.column_names.index(name), name, _words(table[name], values))
    if card.id not in table.column_names:
        prefix = split if len(card.files) > 1 else "row"
        ids = pa.array([f"{prefix}-{row}" for row in range(table.num_rows)], pa.string())
        table = table.add_column(0, card.id, ids)
    return table


def _words(column: pa.ChunkedArray, values: dict[str, str]) -> pa.Array:
    """Replace codes by words; a code without a word stays as it is."""
    coded = column.combine_chunks()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.dictionary_encode()
    words = pa.array([values.get(code, code) for code in coded.dictionary.to_pylist()], pa.string())
    return words.take(coded.indices)


def summary(name: str) -> str:
    """Return the one line of a data set in ``fairweigh datasets list``."""
    found = card(name)
    return f"{found.name:<22}{found.title}"


def show(name: str) -> str:
    """Return a card as text: what ``fairweigh datasets show`` prints."""
    found = card(name)
    facts = {
        "Task": found.task,
        "Label": f"{found.label} (positive: {found.positive})",
        "Positive is": found.positive_is or "not said",
        "Sensitive": ", ".join(found.sensitive),
        "Splits": ", ".join(found.splits)
        + (f" (default: {found.default_split})" * bool(found.default_split)),
        "Id": found.id,
        "Weight": found.weight or "none",
        "Not features": ", ".join(found.exclude) or "none",
        "Dropped": ", ".join(found.drop) or "none",
        "Licence": found.licence,
        "Citation": found.citation,
        "Homepage": found.homepage,
    }
    lines = [found.title, "=" * len(found.title), "", textwrap.fill(found.description.strip(), 96), ""]
    lines += [_hanging(f"{key + ':':<14}", value) for key, value in facts.items()]
    for column, meaning in found.columns.items():
        codes = "; ".join(f"{code} = {word}" for code, word in meaning.values.items())
        lines.append(_hanging(f"  {column}: ", " ".join(filter(None, [meaning.about, codes]))))
    for title, notes in (("Warnings", found.warnings), ("Known defects", found.defects)):
        if notes:
            lines += ["", title, *(_hanging("- ", note) for note in notes)]
    if found.files:
        lines += ["", "Files"]
    for split, file in found.files.items():
        lines += [f"- {split}: {file.name}", f"    {file.url}"]
        lines += [f"    sha256 of the content {digest}" for digest in file.sha256]
    return "\n".join(lines) + "\n"


def _hanging(head: str, body: str) -> str:
    return textwrap.fill(
        head + " ".join(body.split()), 96, subsequent_indent=" " * min(len(head), 14), break_long_words=False
    )
