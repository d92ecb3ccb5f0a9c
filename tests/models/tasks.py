"""What the tests of models of other tasks than two classes share: rows, and a model asked batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.training import TrainingRows
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.function import FunctionModel
from fairweigh.models.table import PredictionTable

WORDS = np.array(["low", "middle", "high"], dtype=object)


def asked(model: EstimatorModel | PredictionTable | FunctionModel, data: EvaluationSet) -> tuple[Any, ...]:
    """Decisions, scores and ranks of all rows, of which the batches were asked one after the other."""
    texts = getattr(model, "texts", [])
    found = []
    for raw in data.batches(model.columns, texts=texts, whole=model.whole):
        roles = data.read(raw)
        found.append(model.score(raw, roles.get("id")))
    return tuple(
        None if getattr(found[0], part) is None else np.concatenate([getattr(one, part) for one in found])
        for part in ("decision", "score", "rank")
    )


def people(n: int = 300, seed: int = 0) -> pa.Table:
    """Rows whose outcomes of every task follow x and z."""
    r = np.random.default_rng(seed)
    x, z = r.normal(size=(2, n))
    level = np.digitize(x + 0.3 * r.normal(size=n), [-0.5, 0.5])
    return pa.table(
        {
            "id": np.arange(n), "sex": r.choice(["f", "m"], n), "x": x, "z": z, "level": WORDS[level],
            "amount": 3 * x - z + 0.1 * r.normal(size=n), "tall": (x > 0).astype(int),
            "wide": (z > 0.5).astype(int),
        }
    )  # fmt: skip


def learning(
    table: Any, task: str, label: str | list[Any], classes: Sequence[Any] = (), features: Any = ("x", "z")
) -> TrainingRows:
    """Training rows of a table, as the audit reads them."""
    roles: Any = {"labels": label} if task == "multilabel" else {"label": label}
    data = EvaluationSet(table, sensitive=["sex"], task=task, classes=classes, **roles)
    batch = next(data.batches(features, whole=True))
    labels = data.outcome.learned(data.read(batch))
    origin = {"name": "t", "split": None, "sha256": ""}
    return TrainingRows(batch, labels, None, "rows", origin=origin, task=task, classes=data.class_names())
