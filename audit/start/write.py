"""``fairweigh init``: look at a table, find roles, write the file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ...datasets.columns import words
from ...datasets.delimited import read_form
from ...datasets.dialect import TextForm
from ...datasets.encoding import known_encoding
from ...datasets.errors import InputError
from ...datasets.files import form_of
from ...datasets.read import iter_batches
from ..store.folder import swap
from .column import look_at
from .found import FEATURE, NOT_USED, Roles
from .lines import Seen, lines
from .proxies import tells
from .roles import find_roles
from .scalars import comment
from .sides import find_sides
from .twins import twins

MOST_ROWS = 200_000
MOST_CELLS = 20_000_000
LEAST_ROWS = 1_000
_TEXT = ("delimited text", "JSON lines")


def write_start(table: Path, out: Path, encoding: str | None = None) -> None:
    """Write an audit.yaml that guesses the columns' roles from their names and values.

    Parameters
    ----------
    encoding : str, optional
        That of a text file, where looking at it does not tell.

    Raises
    ------
    InputError
        The table cannot be read, or ``out`` exists or cannot be written.
    """
    if out.exists():
        raise InputError(f"{out}: exists already; choose another name with -o")
    try:
        text = start(table, _form(table, encoding))
    except InputError as error:
        # There is no configuration yet that could say it.
        raise InputError(str(error).replace("data.encoding", "--encoding")) from None
    try:
        swap(out, text)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None


def _form(path: Path, encoding: str | None) -> TextForm | None:
    if encoding is None:
        return None
    if (form := form_of(path)) not in _TEXT:
        raise InputError(f"--encoding: expected a text file, got {path}, which is {form}")
    try:
        return TextForm(encoding=known_encoding(encoding))
    except ValueError as error:
        raise InputError(f"--encoding: {error}") from None


def start(path: Path, form: TextForm | None = None) -> str:
    """Return the text of an audit.yaml for a table; ``form`` is how a text file is written, as far as known.

    Raises
    ------
    InputError
        The table cannot be read or has no rows.
    """
    table, whole = _sample(path, form)
    looks = {name: look_at(name, table.column(name)) for name in table.column_names}
    found = find_roles(looks)
    for name, (other, how) in twins(table, looks, found).items():
        told = how.format(other=comment(repr(other), 40))
        found.drop(name, f"CHECK: {told}, which is sensitive; one of the two is enough")
    spelled = _spelled(path, found, form)
    named = [n for n in (found.label, found.decision) if n]
    classes = {n: [v for v in spelled[n] if v not in looks[n].unknown_words] for n in named}
    label, decision = find_sides(found, table, classes)
    for name, (other, how_well) in tells(table, looks, found.features, [*found.sensitive]).items():
        told = f"CHECK: tells {comment(repr(other), 40)} (Cramer's V {how_well:.2f}): a proxy of it"
        found.give(name, NOT_USED, f"{FEATURE}; {told}")
        found.proxies.add(name)
    seen = Seen(path, table, whole, looks, found, spelled, label, decision, _written(path, form))
    return "\n".join(lines(seen)) + "\n"


def _written(path: Path, form: TextForm | None) -> dict[str, str]:
    """How a text file departs from the usual, as was said or as its reader found."""
    said = {"encoding": form.encoding} if form is not None and form.encoding else {}
    found = read_form(path, form or TextForm()).found if form_of(path) == "delimited text" else {}
    return {**said, **found}


def _sample(path: Path, form: TextForm | None) -> tuple[pa.Table, bool]:
    """The first rows of a table, and whether they are all."""
    batches: list[pa.RecordBatch] = []
    rows, most = 0, MOST_ROWS
    for batch in iter_batches(path, batch_rows=50_000, text=form):
        most = min(MOST_ROWS, max(LEAST_ROWS, MOST_CELLS // max(batch.num_columns, 1)))
        batches.append(batch.slice(0, most - rows))
        rows += batch.num_rows
        if rows > most:
            break
    if not rows:
        raise InputError(f"{path}: no rows to look at")
    return pa.Table.from_batches(batches).unify_dictionaries(), rows <= most


def _spelled(path: Path, found: Roles, form: TextForm | None) -> dict[str, dict[str, int]]:
    """Rows of each value of label, decision and uncut sensitive features, as an audit reads them."""
    classes = [*([found.label] if found.label else []), *(n for n in found.sensitive if n not in found.cut)]
    wanted = list(dict.fromkeys([*classes, *([found.decision] if found.decision else [])]))
    counts: dict[str, dict[str, int]] = {name: {} for name in wanted}
    if not wanted:
        return counts
    categorical = classes if form_of(path) in _TEXT else ()
    rows = 0
    for batch in iter_batches(path, columns=wanted, categorical=categorical, batch_rows=50_000, text=form):
        for name in wanted:
            for value in words(batch.column(name)).value_counts().to_pylist():
                if value["values"] is not None:
                    counts[name][value["values"]] = counts[name].get(value["values"], 0) + value["counts"]
        rows += batch.num_rows
        if rows >= MOST_ROWS:
            break
    return counts
