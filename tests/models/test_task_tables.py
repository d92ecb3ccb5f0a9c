"""Tables of predictions of every task: a class and its probabilities, a number, labels, ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.models.table import PredictionTable

from .tasks import asked

LABELS = ["a", "b", "c", "a"]
COLUMNS = {"a": "p_a", "b": "p_b", "c": "p_c"}


def rows(**columns: Any) -> pa.Table:
    return pa.table({"id": [10, 11, 12, 13], "s": ["x", "y", "x", "y"], "y": LABELS, **columns})


def chances(**changed: Any) -> dict[Any, Any]:
    held = {"p_a": [0.8, 0.1, 0.4, 0.3], "p_b": [0.1, 0.7, 0.4, 0.3], "p_c": [0.1, 0.2, 0.2, 0.4]}
    return {**held, **changed}


def several(table: Any, **roles: Any) -> EvaluationSet:
    return EvaluationSet(table, sensitive=["s"], label="y", id="id", task="multiclass", **roles)


def test_a_column_of_classes_in_place_or_joined_by_id(here: Path) -> None:
    table = rows(p=["a", "c", "c", "b"])
    data = several(table)
    model = PredictionTable(data, decision="p")
    assert asked(model, data)[0].tolist() == [0, 2, 2, 1]
    table.select(["id", "p"]).to_pandas()[::-1].to_csv("p.csv", index=False)
    joined = PredictionTable(data, decision="p", path=Path("p.csv"))
    assert asked(joined, data)[0].tolist() == [0, 2, 2, 1]
    assert (joined.task, joined.classes) == ("multiclass", ("a", "b", "c"))
    assert joined.describe()["classes"] == ["a", "b", "c"]


def test_the_likeliest_class_decides_and_ties_are_told() -> None:
    data = several(rows(**chances()))
    model = PredictionTable(data, probabilities=COLUMNS)
    decision, score, _ = asked(model, data)
    assert decision.tolist() == [0, 1, 0, 2]
    np.testing.assert_array_equal(score, np.column_stack(list(chances().values())))
    model.describe()
    assert data.notes == [
        "In 1 row several classes are the likeliest: the first of them in the classes' order decides."
    ]


def test_a_decision_stands_beside_probabilities_that_would_decide_otherwise() -> None:
    data = several(rows(p=["b", "b", "b", "b"], **chances()))
    decision, score, _ = asked(PredictionTable(data, decision="p", probabilities=COLUMNS), data)
    assert decision.tolist() == [1, 1, 1, 1]
    assert score.shape == (4, 3)


def test_a_class_that_no_label_has_is_kept_and_told() -> None:
    data = several(rows(p=["a", "d", "d", "b"]))
    model = PredictionTable(data, decision="p")
    assert model.classes == ("a", "b", "c", "d")
    assert asked(model, data)[0].tolist() == [0, 3, 3, 1]
    model.describe()
    assert data.notes == [
        "Predictions hold classes that no label has: 'd' (2 rows). They are counted as classes of their own."
    ]


def test_a_class_without_a_column_of_probabilities_has_none() -> None:
    data = several(rows(p_a=[0.5, 0.2, 0.9, 1.0], p_b=[0.5, 0.8, 0.1, 0.0]))
    model = PredictionTable(data, probabilities={"a": "p_a", "b": "p_b"})
    _, score, _ = asked(model, data)
    assert score[:, 2].tolist() == [0, 0, 0, 0]
    model.describe()
    assert "No column of predictions gives the probability of 'c'; it is taken as 0." in data.notes


def test_codes_of_a_csv_are_the_labels_codes(here: Path) -> None:
    """Labels keep their spelling in text, so decisions do: 01 is the class 01, and not 1."""
    pd.DataFrame({"y": ["01", "02", "10"], "p": ["01", "10", "02"], "s": ["a", "b", "a"]}).to_csv(
        "d.csv", index=False
    )
    data = EvaluationSet("d.csv", sensitive=["s"], label="y", task="multiclass")
    model = PredictionTable(data, decision="p")
    assert model.classes == ("01", "02", "10")
    assert asked(model, data)[0].tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("columns", "keys", "told"),
    [
        (chances(p_a=[0.8, 0.1, 0.4, 0.9]), {"probabilities": COLUMNS}, "expected probabilities of all "
         "classes that sum to 1 in every row (within 0.001), got 1.6 in the row of id 13"),
        (chances(p_a=[0.8, 0.1, 0.4, 1.3]), {"probabilities": COLUMNS}, "score column 'p_a': expected "
         "probabilities in [0, 1], got 1.3"),
        (chances(p_a=[0.8, None, 0.4, 0.3]), {"probabilities": COLUMNS}, "score column 'p_a' is missing in"),
        ({"p": ["a", None, "b", "c"]}, {"decision": "p"}, "decision column 'p' is missing in 1 row"),
        ({"p": ["1", "2", "3", "1"]}, {"decision": "p"}, "decision column 'p' holds '1', '2', '3', none of "
         "which is a class of the labels: 'a', 'b', 'c'; expected the same words"),
        ({"p": ["a"] * 4}, {}, "needs model.decision (the column of the class) or model.probabilities"),
        ({"p": [0.5] * 4}, {"prediction": "p"}, "model.prediction: belongs to task: regression, the task is"),
        ({"p": [0.5] * 4}, {"probabilities": {"a": "p"}}, "expected the columns of two or more classes"),
        ({"p": [0.5] * 4}, {"probabilities": {"a": "p", "b": "q"}}, "model.probabilities: no column 'q'"),
        ({}, {"decision": "y"}, "model.decision: column 'y' is data.label already"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_classes_is_one_line(columns: Any, keys: dict[str, Any], told: str) -> None:
    data = several(rows(**columns))
    with pytest.raises(InputError) as refused:
        asked(PredictionTable(data, **keys), data)
    assert told in str(refused.value)


def test_probabilities_that_were_rounded_sum_to_one() -> None:
    data = several(rows(p_a=[0.333] * 4, p_b=[0.333] * 4, p_c=[0.333] * 4))
    assert asked(PredictionTable(data, probabilities=COLUMNS), data)[1].shape == (4, 3)


def test_the_predicted_number_of_each_row(here: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "s": ["a", "b", "a"], "y": [1.0, 2.0, 3.0], "p": [1.5, -2.0, 3.25]})
    data = EvaluationSet(table, sensitive=["s"], label="y", id="id", task="regression")
    model = PredictionTable(data, prediction="p")
    decision, score, _ = asked(model, data)
    assert decision is None
    assert score.tolist() == [1.5, -2.0, 3.25]
    assert model.describe() == {"kind": "predictions", "prediction": "p"}
    Path("p.csv").write_text("id,p\n3,3.25\n1,1.5\n2,inf\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"prediction column 'p': expected finite numbers, got inf in row 3 of p\.csv"
    ):
        asked(PredictionTable(data, prediction="p", path=Path("p.csv")), data)
    Path("p.csv").write_text("id,p\n3,3.25\n1,1.5\n2,\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"'p' is missing in 1 row, first in row 3 of p\.csv"):
        asked(PredictionTable(data, prediction="p", path=Path("p.csv")), data)
    Path("p.csv").write_text("id,p\n3,3.25\n1,1.5\n9,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"1 row of the data has no prediction .*1 prediction has no row"):
        asked(PredictionTable(data, prediction="p", path=Path("p.csv")), data)


def test_labels_are_decided_by_their_columns_or_at_the_threshold() -> None:
    table = pa.table(
        {"s": ["a", "b"], "tall": [1, 0], "wide": [1, 1], "d_tall": ["no", "yes"], "d_wide": ["yes", "no"],
         "p_tall": [0.5, 0.2], "p_wide": [0.4, 0.9]}
    )  # fmt: skip
    data = EvaluationSet(table, sensitive=["s"], labels=["tall", "wide"], task="multilabel")
    decided = PredictionTable(data, decisions={"wide": "d_wide", "tall": "d_tall"}, positive="yes")
    assert asked(decided, data)[0].tolist() == [[False, True], [True, False]]
    cut = PredictionTable(data, probabilities={"wide": "p_wide", "tall": "p_tall"}, threshold=0.5)
    decision, score, _ = asked(cut, data)
    assert decision.tolist() == [[True, False], [False, True]]
    assert score.tolist() == [[0.5, 0.4], [0.2, 0.9]]
    assert cut.classes == ("tall", "wide")
    with pytest.raises(
        InputError, match=r"model\.decisions: expected a column for every label, none is named for 'wide'"
    ):
        PredictionTable(data, decisions={"tall": "d_tall"}, positive="yes")
    with pytest.raises(
        InputError, match=r"model\.decisions: 'old' is none of the labels, which are 'tall', 'wide'"
    ):
        PredictionTable(data, decisions={"tall": "d_tall", "wide": "d_wide", "old": "s"}, positive="yes")


def lists(**columns: Any) -> EvaluationSet:
    table = pa.table(
        {"q": ["u", "v", "u", "v", "u"], "i": list("abacc"), "s": ["x", "y", "x", "y", "x"], **columns}
    )
    table = table.set_column(1, "i", [["a", "b", "c", "d", "e"]])
    return EvaluationSet(table, sensitive=["s"], task="ranking", query="q", item="i")


def test_ranks_stand_in_a_column_or_follow_from_scores() -> None:
    data = lists(r=[2, 1, 1, 2, 7])
    assert asked(PredictionTable(data, rank="r"), data)[2].tolist() == [2, 1, 1, 2, 7]
    data = lists(p=[0.2, -3.0, 0.9, 5.0, 0.2])
    model = PredictionTable(data, "p")
    _, score, rank = asked(model, data)
    assert rank.tolist() == [2, 2, 1, 1, 3]
    assert score.tolist() == [0.2, -3.0, 0.9, 5.0, 0.2]
    model.describe()
    assert data.notes[-1] == (
        "2 rows share their score with another one of their query: those that come first in the data are "
        "ranked first."
    )


@pytest.mark.parametrize(
    ("ranks", "told"),
    [
        ([1, 0, 2, 1, 3], "rank column 'r': expected whole numbers from 1 (the first), got 0"),
        (
            [1, 1e18, 2, 2, 3],
            "rank column 'r': expected whole numbers from 1 (the first) and at most 9,007,199,254,740,992, "
            "got 1e+18",
        ),
        ([1, 1.5, 2, 2, 3], "rank column 'r': expected whole numbers from 1 (the first), got 1.5"),
        ([1, None, 2, 2, 3], "rank column 'r' is missing in 1 row"),
    ],
)
def test_ranks_that_are_none_are_one_line(ranks: list[Any], told: str) -> None:
    data = lists(r=ranks)
    with pytest.raises(InputError) as refused:
        asked(PredictionTable(data, rank="r"), data)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("ranks", "told"),
    [
        # Rows of u and v in turn.
        ([2, 1, 1, 2, 3], ""),
        (
            [2, 1, 1, 2, 4],
            "of 1 query in column 'r' do not run from 1 without a gap: no row of 'u' has rank 3.",
        ),
        (
            [5, 2, 4, 1, 6],
            "of 1 query in column 'r' do not run from 1 without a gap: no row of 'u' has rank 1.",
        ),
        (
            [1, 4, 2, 1, 3],
            "of 1 query in column 'r' do not run from 1 without a gap: no row of 'v' has rank 2.",
        ),
        (
            [1, 4, 2, 1, 4],
            "of 2 queries in column 'r' do not run from 1 without a gap: in the first, 'u', no row has "
            "rank 3.",
        ),
    ],
)
def test_ranks_that_no_row_has_are_told(ranks: list[int], told: str) -> None:
    """Lists may end anywhere; where one begins late, or has a gap, rows were lost."""
    data = lists(r=ranks)
    model = PredictionTable(data, rank="r")
    assert asked(model, data)[2].tolist() == ranks
    model.describe()
    assert data.notes == ([f"The ranks {told} Rows are missing; the others keep their ranks."] * bool(told))


def test_shared_ranks_are_refused() -> None:
    data = lists(r=[1, 1, 1, 2, 3])
    with pytest.raises(
        InputError, match=r"rank column 'r': 2 rows of 1 query share their rank with another one"
    ):
        asked(PredictionTable(data, rank="r"), data)
