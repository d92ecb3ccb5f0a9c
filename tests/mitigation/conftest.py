"""Models, rows and contexts for the recipes of mitigation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.making.training import rows_of
from fairweigh.compression.registry import Context, Done
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.training import TrainingRows
from fairweigh.mitigation.recipes import find
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.train import train

FEATURES = ["x1", "x2", "group"]


def biased(n: int, seed: int, *, harm: float = 0.6) -> pa.Table:
    """People alike in both groups, of whom a share ``harm`` of the positive ones in group b was not recorded.

    Merit and label do not depend on the group in the population; in the table they do, and a model that
    sees the group learns that. As x1 given the label is drawn alike in both groups, the weights of
    reweighing bring exactly the population back.
    """
    r = np.random.default_rng(seed)
    drawn = 3 * n
    x1, x2 = r.normal(size=drawn), r.normal(size=drawn)
    group = np.where(r.random(drawn) < 0.4, "b", "a")
    label = r.random(drawn) < 1 / (1 + np.exp(-2 * x1))
    kept = np.flatnonzero(~((group == "b") & label & (r.random(drawn) < harm)))[:n]
    x1, x2, group, label = x1[kept], x2[kept], group[kept], label[kept]
    return pa.table(
        {
            "id": np.arange(n) + seed * 1_000_000, "x1": x1, "x2": x2, "group": group,
            "sex": r.choice(["Female", "Male"], n), "y": label.astype(int),
        }
    )  # fmt: skip


def rows(table: pa.Table, sensitive: tuple[str, ...] = ("group", "sex")) -> TrainingRows:
    """Rows to learn from, without an id, so that nothing but their content tells them apart."""
    data = EvaluationSet(table, sensitive=list(sensitive), label="y", name="the rows")
    return rows_of(data, FEATURES)


def model_of(
    learned: TrainingRows, estimator: str = "linear_model.LogisticRegression", **params: Any
) -> EstimatorModel:
    return train(f"sklearn.{estimator}", params, learned, FEATURES, None, 0)


@pytest.fixture
def applied() -> Callable[..., tuple[Any, Done]]:
    """Carry out a recipe on a copy of a model; returns the model with its rule, and what was done."""

    def do(
        model: Any,
        name: str,
        params: dict[str, Any],
        learned: TrainingRows,
        fitted: TrainingRows,
        **context: Any,
    ) -> tuple[Any, Done]:
        from fairweigh.models.base import copied
        from fairweigh.models.rules import RuledModel

        family = "sklearn" if isinstance(model, EstimatorModel) else "scores"
        step = find(name, family)  # type: ignore[arg-type]
        given = {"sensitive": ("group",), "original": model} | context
        around = Context(0, fitted.batch.slice(0, 32), lambda: learned, lambda: fitted, **given)
        changed = copied(model)
        done = step.apply(changed, step.params.model_validate(params), around)
        return (RuledModel(changed, done.rule) if done.rule else changed), done

    return do


def rates(decision: np.ndarray, table: pa.Table, column: str = "group") -> dict[str, float]:
    """Selection rate of each value of a column."""
    values = np.asarray(table[column])
    return {str(v): float(decision[values == v].mean()) for v in np.unique(values)}
