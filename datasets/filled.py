"""Names filled into templates, so that sentences differ in the name alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from .columns import no_column
from .errors import InputError
from .files import open_content, reading
from .read import column_names, read_table
from .spelling import word
from .tags import OUTSIDE, Scheme

KEY = "data.counterfactual"
PLACE = "{name}"
MOST_ROWS = 2_000_000
_TOKEN = re.compile(r"\{name\}|[\w’'-]+|[^\w\s]")
COLUMNS = ("id", "name", "template", "tokens", "tags")
"""Of the sentences, beside those of the names that they are sliced by."""


def filled(
    names: Path, column: str, by: Sequence[str], templates: Sequence[str], kind: str, scheme: Scheme = "iob2",
    where: Mapping[str, Sequence[str]] | None = None,
) -> pa.Table:  # fmt: skip
    """Fill every name of a table into every template.

    Parameters
    ----------
    names : Path
    column : str
        Its column of the names.
    by : sequence of str
        Its columns that the sentences are sliced by.
    templates : sequence of str
        Each with ``{name}`` in the place of the name.
    kind : str
        Type of the entity that a name is.
    scheme : str
        Of the tags.
    where : mapping of str to sequence of str, optional
        Values of columns that the names are to have.

    Returns
    -------
    pyarrow.Table
        A row for each name and template: ``id``, ``name``, ``template`` (its number), ``tokens``, ``tags``,
        and the columns ``by``.

    Raises
    ------
    InputError
        A column is missing, no name is left, or a template has no place for one.
    """
    parts = [_parts(template, place) for place, template in enumerate(templates, 1)]
    kept = _kept(names, column, by, where or {})
    if len(kept) * len(parts) > MOST_ROWS:
        raise InputError(
            f"{KEY}: {len(kept):,} names in {len(parts):,} templates are more than {MOST_ROWS:,} rows"
        )
    begins = "B" if scheme == "iob2" else "I"
    found: dict[str, list[object]] = {key: [] for key in (*COLUMNS, *by)}
    for number, row in enumerate(kept, 1):
        words = str(row[column]).split()
        marks = [f"{begins}-{kind}", *[f"I-{kind}"] * (len(words) - 1)]
        for place, tokens in enumerate(parts, 1):
            cut = tokens.index(PLACE)
            before, after = tokens[:cut], tokens[cut + 1 :]
            told = {
                "id": f"{number}-{place}", "name": " ".join(words), "template": str(place),
                "tokens": [*before, *words, *after],
                "tags": [*[OUTSIDE] * len(before), *marks, *[OUTSIDE] * len(after)],
            }  # fmt: skip
            for key, value in {**told, **{key: row[key] for key in by}}.items():
                found[key].append(value)
    return pa.table(found)


def _kept(
    names: Path, column: str, by: Sequence[str], where: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """The rows of the names that are taken."""
    _check_columns(names, {"name": [column], "by": by, "where": list(where)})
    wanted = list(dict.fromkeys([column, *by, *where]))
    rows = read_table(names, columns=wanted, categorical=wanted).to_pylist()
    kept = [row for row in rows if all(word(row[key]) in values for key, values in where.items())]
    if not kept:
        held = ", ".join(f"{key}: {' or '.join(values)}" for key, values in where.items())
        raise InputError(f"{KEY}.where: no name of {names} has {held}" if where else f"{names}: no names")
    if blank := sum(not str(row[column] or "").strip() for row in kept):
        raise InputError(
            f"{KEY}.name: {blank:,} of {len(kept):,} names in column '{column}' of {names} are blank"
        )
    return kept


def _check_columns(names: Path, wanted: Mapping[str, Sequence[str]]) -> None:
    """InputError for a column that is not there, or that the sentences have under its name."""
    known = column_names(names)
    for key, columns in wanted.items():
        for one in columns:
            if one not in known:
                raise no_column(one, known, str(names), f"{KEY}.{key}")
    if taken := [one for one in wanted["by"] if one in COLUMNS]:
        raise InputError(f"{KEY}.by: no column may be called {taken[0]!r}, which the sentences have")


def templates_of(path: Path) -> list[str]:
    """The templates of a text file, a line each; InputError where it cannot be read."""
    if not path.is_file():
        raise InputError(f"{KEY}.templates: expected a list, or a text file of lines, got {path}")
    with reading(path, "delimited text"), open_content(path) as raw:
        lines = raw.read(10 << 20).decode("utf-8-sig").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _parts(template: str, place: int) -> list[str]:
    tokens = _TOKEN.findall(template)
    if tokens.count(PLACE) != 1:
        raise InputError(
            f"{KEY}.templates: expected {PLACE} once in every template, got {tokens.count(PLACE)} in number "
            f"{place}, {template[:60]!r}"
        )
    return tokens
