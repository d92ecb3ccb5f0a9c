"""Rankers that are trained here: LightGBM's and XGBoost's are told which rows are of one query."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.training import TrainingRows
from fairweigh.models.train import train
from scipy.stats import rankdata

from .tasks import asked

FEATURES = ["x", "z"]


def lists(n: int = 60, items: int = 8, seed: int = 0) -> Any:
    """Lists in which x says what is relevant, and z is a level of the whole query that says nothing."""
    r = np.random.default_rng(seed)
    query = np.repeat(np.arange(n), items)
    x, z = r.normal(size=n * items), r.normal(size=n)[query] * 5
    relevance = np.digitize(x, [0.0, 1.0])
    order = r.permutation(n * items)
    rows = {
        "id": np.arange(n * items), "q": query.astype(str), "i": np.tile(np.arange(items), n), "x": x, "z": z,
        "r": relevance.astype(float), "s": r.choice(["a", "b"], n * items),
    }  # fmt: skip
    return pa.table(rows).take(pa.array(order))


def evaluation(table: Any) -> EvaluationSet:
    return EvaluationSet(table, sensitive=["s"], task="ranking", query="q", item="i", relevance="r", id="id")


def learning(table: Any) -> TrainingRows:
    data = evaluation(table)
    batch = next(data.batches(FEATURES, whole=True))
    truth = data.read(batch)
    origin = {"name": "t", "split": None, "sha256": ""}
    return TrainingRows(
        batch, data.outcome.learned(truth), None, "rows", origin=origin, task="ranking", query=truth["query"]
    )


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("lightgbm.LGBMRanker", {"n_estimators": 20, "min_child_samples": 5, "verbose": -1}),
        ("xgboost.XGBRanker", {"n_estimators": 20}),
        ("sklearn.linear_model.Ridge", {}),
    ],
)
def test_what_is_relevant_is_learned_and_ranked_within_each_query(kind: str, params: dict[str, Any]) -> None:
    model = train(kind, params, learning(lists()), FEATURES, None, 0, query="q")
    table = lists(seed=9)
    decision, score, rank = asked(model, evaluation(table))
    assert decision is None
    assert model.whole
    query, relevance = np.array(table["q"].to_pylist()), table["r"].to_numpy()
    best = []
    for name in np.unique(query):
        mine = query == name
        np.testing.assert_array_equal(rank[mine], rankdata(-score[mine], method="ordinal"))
        best.append(relevance[mine][rank[mine] == 1][0] == relevance[mine].max())
    assert np.mean(best) > 0.9


def test_a_classifier_is_no_ranker() -> None:
    with pytest.raises(InputError, match="is no regressor, which task: ranking needs"):
        train("sklearn.linear_model.LogisticRegression", {}, learning(lists()), FEATURES, None, 0, query="q")
