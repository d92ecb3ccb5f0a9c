"""Data sets, models, and the rows that all tools are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fairweigh.audit.config import read
from fairweigh.audit.making.inputs import load_model
from fairweigh.audit.making.opening import evaluation_set
from fairweigh.audit.making.training import learning, rows_of
from fairweigh.audit.progress import silent
from fairweigh.compression.estimators import parts
from fairweigh.compression.registry import Context
from fairweigh.datasets import card as cards
from fairweigh.datasets.training import TrainingRows, hashed_share
from fairweigh.models.frames import frame
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
LIMIT = 0.05
SHARE = 0.2
"""Of the training rows, for rules."""
HELD_OUT = 0.4
"""Of the rows of COMPAS; the other two data sets have a split of their own."""
ITERATIONS = 20
"""Of exponentiated gradient."""
EO, DP = "equalized_odds", "demographic_parity"
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    # The solver that is fast for many rows of few features; the optimum is that of the default.
    "logistic regression": ("sklearn.linear_model.LogisticRegression", {"solver": "newton-cholesky"}),
    "gradient boosting": ("sklearn.ensemble.HistGradientBoostingClassifier", {"random_state": 0}),
}


@dataclass(frozen=True)
class Task:
    """A data set, and by which features it is repaired."""

    title: str
    data: dict[str, Any]
    train: dict[str, Any]
    sensitive: list[str]
    by: list[list[str]]
    features: list[str] | None = None


@dataclass(frozen=True)
class Part:
    """Rows in the forms that the tools take: as they are, encoded, and the slice of each."""

    rows: TrainingRows
    x: Floats
    groups: NDArray[np.str_]

    @property
    def label(self) -> NDArray[np.int_]:
        """The label as 0 and 1."""
        return self.rows.known_labels("the benchmark").astype(int)


@dataclass(frozen=True)
class Setting:
    """A model, fitted, and the parts of the rows, for one choice of features to repair by."""

    config: dict[str, Any]
    model: Any
    context: Context
    by: list[str]
    training: Part
    validation: Part
    held_out: Part

    @property
    def classifier(self) -> Any:
        """The fitted classifier, which reads encoded features."""
        return parts(self.model.fitted)[1]


@dataclass(frozen=True)
class Decider:
    """What decides rows and, where it draws lots, the chance of each row."""

    decide: Callable[[Part], Bools]
    chance: Callable[[Part], Floats] | None = None


def tasks(folder: Path) -> list[Task]:
    """The data sets; rows of COMPAS are written to a temporary folder with their part."""
    compas = cards.load("compas", "two-years")
    # 32 and 18 rows of two races are no slices to learn a rule from.
    kept = pa.compute.is_in(compas["race"], pa.array(["African-American", "Caucasian", "Hispanic", "Other"]))
    compas = compas.filter(kept)
    inside = hashed_share(compas["id"].to_pylist(), HELD_OUT, "held out")
    file = folder / "compas.parquet"
    pq.write_table(compas.append_column("part", pa.array(np.where(inside, "test", "train"))), file)
    part = {"path": str(file), "split_column": "part", "label": "two_year_recid", "positive": 1, "id": "id"}
    return [
        Task(
            "Adult",
            {"name": "adult", "split": "test"}, {"name": "adult", "split": "train"},
            ["sex", "race"], [["sex"], ["race"], ["sex", "race"]],
        ),
        Task(
            "COMPAS",
            {**part, "split": "test", "sensitive": ["race"]}, {"path": str(file), "split": "train"},
            ["race"], [["race"]],
            ["age", "priors_count", "c_charge_degree", "juv_fel_count", "juv_misd_count", "juv_other_count"],
        ),
        Task(
            "Law school",
            {"name": "law_school", "split": "test"}, {"name": "law_school", "split": "train"},
            ["race"], [["race"]],
            ["decile1b", "decile3", "lsat", "ugpa", "zfygpa", "zgpa", "fulltime", "fam_inc", "tier"],
        ),
    ]  # fmt: skip


def settings(task: Task, estimator: str, params: dict[str, Any]) -> Iterator[Setting]:
    """Train a model as an audit does, and give the rows to all tools."""
    config = {
        "audit": "benchmark", "data": task.data, "slices": {"by": task.sensitive},
        "model": {"estimator": estimator, "params": params, "features": task.features,
                  "train": {**task.train, "validation": SHARE}},
    }  # fmt: skip
    made = read(config)
    data = evaluation_set(made)
    model: Any = load_model(made, data, None, silent)
    training, validation = (rows() for rows in learning(made, model) if rows)
    held_out = rows_of(data, model.columns)
    ids = [rows.ids.to_pylist() for rows in (training, validation, held_out) if rows.ids is not None]
    assert sum(map(len, ids)) == len(set().union(*ids)), "a row is in two parts"
    context = Context(
        seed=0, sample=held_out.batch.slice(0, 32), training=lambda: training, validation=lambda: validation,
        original=model, sensitive=tuple(task.sensitive), row_id=data.id,
    )  # fmt: skip
    encoder, _ = parts(model.fitted)
    encoded = [encoder.transform(_frame(model, rows)) for rows in (training, validation, held_out)]
    for by in task.by:
        pieces = [
            Part(rows, x, _groups(rows, by))
            for rows, x in zip((training, validation, held_out), encoded, strict=True)
        ]
        yield Setting(config, model, context, by, *pieces)


def _frame(model: Any, rows: TrainingRows) -> Any:
    return frame(pa.table(rows.batch), model.columns)


def _groups(rows: TrainingRows, by: list[str]) -> NDArray[np.str_]:
    codes, keys = rows.slices(by, "the benchmark")
    return np.array([" & ".join(key) for key in keys])[codes]
