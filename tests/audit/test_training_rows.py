"""Rows that steps learn from, read from a file beside the model: outcomes of every task, as the data's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fairweigh.audit.config import Config
from fairweigh.audit.making.training import learning
from fairweigh.datasets.errors import InputError

from ..models.tasks import WORDS, people


def rows_of(table: Any, task: str, roles: dict[str, Any], columns: Any = ("x", "z")) -> Any:
    table.to_pandas().to_csv("train.csv", index=False)
    config = Config.model_validate(
        {
            "audit": "t",
            "task": task,
            "data": {"path": "d.csv", "sensitive": ["sex"], "id": "id", **roles},
            "model": {"path": "m.skops", "train": {"path": "train.csv"}},
        }
    )
    rows, _ = learning(config, SimpleNamespace(columns=list(columns)))
    return rows()


@pytest.mark.parametrize(
    ("task", "roles", "label", "classes"),
    [
        ("binary", {"label": "tall"}, "tall", ()),
        ("multiclass", {"label": "level"}, "level", ("high", "low", "middle")),
        ("multiclass", {"label": "level", "classes": list(WORDS)}, "level", tuple(WORDS)),
        ("regression", {"label": "amount"}, "amount", ()),
        ("multilabel", {"labels": ["wide", "tall"]}, ["wide", "tall"], ("wide", "tall")),
    ],
)  # fmt: skip
def test_outcomes_of_a_training_file_are_those_of_the_task(
    task: str, roles: dict[str, Any], label: str | list[Any], classes: tuple[Any, ...], here: Path
) -> None:
    table = people(50)
    rows = rows_of(table, task, roles)
    assert (rows.task, rows.classes) == (task, classes)
    held = table.select([label] if isinstance(label, str) else label).to_pandas().to_numpy()
    np.testing.assert_array_equal(rows.labels, held[:, 0] if isinstance(label, str) else held)
    assert rows.sensitive["sex"].to_pylist() == table["sex"].to_pylist()


def test_a_training_file_without_a_usable_outcome_is_one_line(here: Path) -> None:
    table = people(4)
    spoiled = table.set_column(table.column_names.index("amount"), "amount", [[1.0, None, 2.0, 3.0]])
    with pytest.raises(
        InputError, match=r"label column 'amount' is missing in 1 row, first in row 2 of train\.csv"
    ):
        rows_of(spoiled, "regression", {"label": "amount"})
    same = table.set_column(table.column_names.index("level"), "level", [["low"] * 4])
    with pytest.raises(InputError, match="label column 'level' holds one class only: 4 rows are all 'low'"):
        rows_of(same, "multiclass", {"label": "level"})
