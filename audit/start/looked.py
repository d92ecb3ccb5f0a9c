"""A table that was looked at: its columns, what they seem to be, their values as an audit reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ...datasets.columns import words
from ...datasets.delimited import read_form
from ...datasets.dialect import TextForm
from ...datasets.errors import InputError
from ...datasets.files import form_of
from ...datasets.read import iter_batches
from .column import Look, look_at
from .found import Roles
from .roles import find_roles
from .scalars import comment
from .twins import twins

MOST_ROWS = 200_000
MOST_CELLS = 20_000_000
LEAST_ROWS = 1_000
TEXT_FORMS = ("delimited text", "JSON lines")


@dataclass(frozen=True)
class Looked:
    """A table, and what its names and values say by themselves.

    ``whole`` is whether ``table`` holds all rows, ``roles`` what the columns seem to be, ``written`` how a
    text file departs from the usual, by the keys of the configuration.
    """

    path: Path
    form: TextForm | None
    table: pa.Table
    whole: bool
    looks: Mapping[str, Look]
    roles: Roles
    written: Mapping[str, str]
    _counted: dict[tuple[str, bool], dict[str, int]] = field(default_factory=dict)

    def spelled(self, classes: Iterable[str], decisions: Iterable[str]) -> dict[str, dict[str, int]]:
        """Rows of each value of some columns, as an audit reads them; each column is read once.

        Parameters
        ----------
        classes : iterable of str
            Columns whose values are words even where they look like numbers.
        decisions : iterable of str
            Columns of a model's decisions.
        """
        categorical = list(dict.fromkeys(classes)) if form_of(self.path) in TEXT_FORMS else []
        wanted = dict.fromkeys([*classes, *decisions])
        keys = {name: (name, name in categorical) for name in wanted}
        new = [name for name, key in keys.items() if key not in self._counted]
        if new:
            for name, counts in self._count(new, [n for n in new if n in categorical]).items():
                self._counted[keys[name]] = counts
        return {name: self._counted[key] for name, key in keys.items()}

    def _count(self, wanted: Sequence[str], categorical: Sequence[str]) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {name: {} for name in wanted}
        rows = 0
        for batch in iter_batches(
            self.path, columns=wanted, categorical=categorical, batch_rows=50_000, text=self.form
        ):
            for name in wanted:
                for value in words(batch.column(name)).value_counts().to_pylist():
                    if value["values"] is not None:
                        known = counts[name].get(value["values"], 0)
                        counts[name][value["values"]] = known + value["counts"]
            rows += batch.num_rows
            if rows >= MOST_ROWS:
                break
        return counts


def look(path: Path, form: TextForm | None = None) -> Looked:
    """Look at a table; ``form`` is how a text file is written, as far as known.

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
    return Looked(path, form, table, whole, looks, found, _written(path, form))


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
