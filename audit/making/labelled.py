"""Labelled rows on which a judge is audited: of a file, or of a suite of labelled texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...datasets.columns import no_column
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.read import column_names, read_table
from ...datasets.suite import located
from ...datasets.suites import SUITES
from ..config.judges import Labelled

NOTHING = "rows"
"""A sensitive feature of rows that have none: an evaluation set wants one."""
_KEY = "judge.audited_on"
_MOVED = "\x1ftext"


@dataclass(frozen=True)
class _Rows:
    """Labelled rows and which column is what."""

    table: pa.Table
    text: str | None
    label: str
    positive: Any
    negative: Any
    cluster: str | None
    path: Path


def labelled_rows(rows: Labelled, data: EvaluationSet, column: str) -> EvaluationSet:
    """The labelled rows, with the sensitive features that they share with the audit.

    Parameters
    ----------
    rows : Labelled
    data : EvaluationSet
        Of the audit.
    column : str
        What the column of texts is to be called.
    """
    found = _of_suite(rows, rows.suite) if rows.suite is not None else _of_file(rows, data)
    sensitive = _sensitive(rows, found, data)
    table = found.table
    if found.text is not None:
        table = table.append_column(_MOVED, table.column(found.text))
        table = table.drop_columns([column]) if column in table.column_names else table
        table = table.rename_columns([column if name == _MOVED else name for name in table.column_names])
    if not sensitive:
        table = table.append_column(NOTHING, pa.array([NOTHING] * len(table)).dictionary_encode())
    return EvaluationSet(
        table, sensitive or [NOTHING], label=found.label, positive=found.positive, negative=found.negative,
        name=found.path.name, file=found.path, cluster=found.cluster,
        bins={name: edges for name, edges in data.bins.items() if name in sensitive},
        merge={name: data.merge[name] for name in sensitive if name in data.merge},
        # What a suite's labels are called is no word for a value that is not known.
        missing=data.words if rows.suite is None else {"only": []},
    )  # fmt: skip


def features_of(rows: EvaluationSet) -> tuple[str, ...]:
    """The sensitive features of labelled rows."""
    return tuple(feature for feature in rows.sensitive if feature != NOTHING)


def _sensitive(rows: Labelled, found: _Rows, data: EvaluationSet) -> list[str]:
    names = found.table.column_names
    if rows.sensitive is None:
        return [name for name in data.sensitive if name in names]
    for name in rows.sensitive:
        if name not in data.sensitive:
            known = ", ".join(data.sensitive)
            raise InputError(
                f"{_KEY}.sensitive: {name!r} is no sensitive feature of the audit; there are {known}"
            )
        if name not in names:
            raise no_column(name, names, str(found.path), f"{_KEY}.sensitive")
    return list(rows.sensitive)


def _of_suite(rows: Labelled, name: str) -> _Rows:
    suite = SUITES[name]
    path = located(Path(rows.path), name)
    roles = suite.roles
    table = suite.read(path).table
    if rows.decision is not None or rows.score is not None:
        key = "decision" if rows.decision is not None else "score"
        wanted = str(rows.decision or rows.score)
        if wanted not in table.column_names:
            raise no_column(wanted, table.column_names, str(path), f"{_KEY}.{key}")
    return _Rows(table, suite.text, roles["label"], roles["positive"], None, roles.get("cluster"), path)


def _of_file(rows: Labelled, data: EvaluationSet) -> _Rows:
    path, form = Path(rows.path), rows.form(_KEY)
    names = column_names(path, text=form)
    said = {key: getattr(rows, key) for key in ("text", "label", "decision", "score", "cluster")}
    wanted = {key: name for key, name in said.items() if name is not None}
    for key, name in wanted.items():
        if name not in names:
            raise no_column(name, names, str(path), f"{_KEY}.{key}")
    kept = data.sensitive if rows.sensitive is None else rows.sensitive
    features = [name for name in kept if name in names]
    worded = [wanted[key] for key in ("label", "decision", "cluster") if key in wanted]
    table = read_table(
        path, columns=list(dict.fromkeys([*wanted.values(), *features])), text=form,
        categorical=[*worded, *(name for name in features if name not in data.bins)],
        verbatim=[rows.text] if rows.text else [],
    )  # fmt: skip
    return _Rows(table, rows.text, str(rows.label), rows.positive, rows.negative, rows.cluster, path)
