"""Callables of every task: arrays of classes, of probabilities, of numbers and of labels, and frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.models.function import FunctionModel, function_model
from numpy.typing import NDArray
from scipy.stats import rankdata

from .tasks import WORDS, asked, people

CHANCES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.4, 0.4, 0.2]])


def rows(n: int = 3, **columns: Any) -> pa.Table:
    return pa.table({"s": ["a", "b", "a"][:n], "x": [1.0, 2.0, 3.0][:n], **columns})


def several(**roles: Any) -> EvaluationSet:
    table = rows(y=["low", "high", "middle"])
    return EvaluationSet(table, sensitive=["s"], label="y", task="multiclass", **roles)


def call(
    returned: Any,
    data: EvaluationSet,
    columns: Any = ("x",),
    threshold: float = 0.5,
    probability: bool = True,
) -> tuple[FunctionModel, tuple[Any, ...]]:
    model = function_model(lambda frame: returned, list(columns), threshold, probability, data, name="f")
    return model, asked(model, data)


@pytest.mark.parametrize(
    "returned",
    [
        ["high", "low", "middle"],
        np.array(["high", "low", "middle"], dtype=object),
        pd.Series(["high", "low", "middle"], dtype="category"),
        pd.Series(["high", "low", "middle"], dtype="string"),
    ],
)
def test_an_array_of_classes_gives_their_places(returned: Any) -> None:
    model, (decision, score, _) = call(returned, several())
    assert [model.classes[place] for place in decision] == ["high", "low", "middle"]
    assert score is None


def test_probabilities_stand_in_the_order_of_the_classes_or_under_their_names() -> None:
    data = several(classes=list(WORDS))
    model, (decision, score, _) = call(CHANCES, data)
    assert model.classes == ("low", "middle", "high")
    np.testing.assert_array_equal(score, CHANCES)
    assert decision.tolist() == [0, 2, 0]
    assert model.describe()["warnings"] == [
        "In 1 row several classes are the likeliest: the first of them in the classes' order decides."
    ]
    turned = pd.DataFrame(CHANCES[:, ::-1], columns=["high", "middle", "low"])
    np.testing.assert_array_equal(call(turned, several(classes=list(WORDS)))[1][1], CHANCES)


def test_numbers_of_classes_are_named_by_the_configuration() -> None:
    data = several(classes=list(WORDS))
    assert call(np.array([2, 0, 1]), data)[1][0].tolist() == [2, 0, 1]
    with pytest.raises(InputError, match=r"its classes are the numbers '0', '1', '2', .* in data\.classes"):
        call(np.array([2, 0, 1]), several())


def test_a_class_that_no_label_has_is_kept_and_told() -> None:
    model, (decision, _, _) = call(["low", "other", "other"], several())
    assert model.classes == ("high", "low", "middle", "other")
    assert decision.tolist() == [1, 3, 3]
    assert model.describe()["warnings"] == [
        "Predictions hold classes that no label has: 'other' (2 rows). They are counted as classes of "
        "their own."
    ]


def test_several_labels_are_decided_or_cut_at_the_threshold() -> None:
    table = rows(tall=[1, 0, 1], wide=[0, 0, 1])
    data = EvaluationSet(table, sensitive=["s"], labels=["tall", "wide"], task="multilabel")
    held = np.array([[True, False], [False, False], [True, True]])
    _, (decision, score, _) = call(held, data)
    np.testing.assert_array_equal(decision, held)
    assert score is None
    chances = np.array([[0.9, 0.1], [0.5, 0.2], [0.3, 0.8]])
    turned = pd.DataFrame(chances[:, ::-1], columns=["wide", "tall"])
    for given in (chances, turned):
        _, (decision, score, _) = call(given, data)
        np.testing.assert_array_equal(score, chances)
        np.testing.assert_array_equal(decision, chances >= 0.5)


def test_numbers_are_the_predictions() -> None:
    data = EvaluationSet(rows(y=[1.0, 2.0, 3.5]), sensitive=["s"], label="y", task="regression")
    for given in ([1, 2, 3], np.array([[1.0], [2.0], [3.0]]), pd.Series([1, 2, 3], dtype="Int64")):
        _, (decision, score, _) = call(given, data)
        assert decision is None
        assert score.tolist() == [1.0, 2.0, 3.0]


def test_scores_order_the_items_of_each_query() -> None:
    """Against scipy's ranks; of equal scores the first row comes first, and that is told."""
    r = np.random.default_rng(0)
    query = r.permutation(np.repeat(np.arange(20), 7)).astype(str)
    score = r.integers(0, 6, len(query)).astype(float)
    table = pa.table({"q": query, "i": np.arange(len(query)), "s": ["a", "b"] * 70, "x": score})
    data = EvaluationSet(table, sensitive=["s"], task="ranking", query="q", item="i")
    model = function_model(lambda frame: frame["x"], ["x"], 0.5, False, data, name="f")
    _, given, rank = asked(model, data)
    np.testing.assert_array_equal(given, score)
    expected, ties = np.zeros(len(query), int), 0
    for name in np.unique(query):
        mine = query == name
        expected[mine] = rankdata(-score[mine], method="ordinal")
        counts = np.unique(score[mine], return_counts=True)[1]
        ties += counts[counts > 1].sum()
    np.testing.assert_array_equal(rank, expected)
    assert model.describe()["warnings"][0].startswith(f"{ties} rows share their score with another one")


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (CHANCES[:2], "f must return a class per row (3), or the probability of each class (3 columns: 'h"),
        (CHANCES[:, :2], "got shape (3, 2)"),
        (CHANCES * 1.1, "expected probabilities of all classes that sum to 1 in every row (within 0.001), "),
        (CHANCES - 0.2, "f must return finite probabilities in [0, 1], got from -0.1 to 0.5"),
        (CHANCES * np.nan, "f must return finite probabilities in [0, 1], got from nan to nan"),
        (["low", None, "high"], "f must return a class for every row, got a missing value"),
        ([0.5, np.nan, 1.0], "f must return a class for every row, got NaN or infinite numbers"),
        (["x", "y", "z"], "none of which is a class of the labels: 'high', 'low', 'middle'; expected"),
        (pd.DataFrame(CHANCES, columns=["low", "high", "else"]), "f must return columns of the classes"),
    ],
)  # fmt: skip
def test_what_are_no_classes_is_one_line(
    returned: NDArray[Any] | list[Any] | pd.DataFrame, told: str
) -> None:
    with pytest.raises(InputError) as refused:
        call(returned, several())
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ([1.0, np.inf, np.nan], "f must return finite numbers, got NaN or infinite ones in 2 of 3 rows"),
        ([[1.0, 2.0]] * 3, "f must return one number per row (3), got shape (3, 2)"),
        (["a", "b", "c"], "f must return numbers, got values of type <U1"),
        ([1.0], "f must return one number per row (3), got shape (1,)"),
    ],
)
def test_what_are_no_numbers_is_one_line(returned: Any, told: str) -> None:
    data = EvaluationSet(rows(y=[1.0, 2.0, 3.5]), sensitive=["s"], label="y", task="regression")
    with pytest.raises(InputError) as refused:
        call(returned, data)
    assert told in str(refused.value)


def test_places_of_classes_stay_from_batch_to_batch() -> None:
    """A class that comes with a later batch is put behind those that are there."""
    table = people(300)
    parts = pa.Table.from_batches(table.to_batches(max_chunksize=100))
    data = EvaluationSet(parts, sensitive=["sex"], label="level", task="multiclass", id="id")
    returned = iter([["low"] * 100, ["new"] * 100, ["high"] * 100])
    model = function_model(lambda frame: next(returned), ["x"], 0.5, True, data, name="f")
    found = []
    for raw in parts.to_batches():
        found += [model.classes[place] for place in model.score(raw, None).decision]
    assert found == ["low"] * 100 + ["new"] * 100 + ["high"] * 100
