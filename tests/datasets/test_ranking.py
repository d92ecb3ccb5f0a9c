"""Rows of a ranking: a query, an item and its relevance, every pair once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet


def read(source: str | pa.Table, **roles: Any) -> tuple[EvaluationSet, Any]:
    data = EvaluationSet(
        source, sensitive=["s"], task="ranking", **{"query": "q", "item": "i", "relevance": "r", **roles}
    )
    held = [data.read(batch) for batch in data.batches()]
    data.check_whole()
    return data, held


def rows(**changed: Any) -> pa.Table:
    held = {"q": ["u", "u", "v"], "i": ["1", "2", "1"], "r": [1.0, 0.0, 3.0], "s": ["a", "b", "a"]}
    return pa.table({**held, **changed})


def test_queries_items_and_relevances_are_read_as_they_came(here: Path) -> None:
    pd.DataFrame(
        {"q": ["007", "007", "7"], "i": ["1.0", "1", "01"], "r": [1, 0, 2], "s": list("aba")}
    ).to_csv("d.csv", index=False)
    data, (held,) = read("d.csv")
    assert held["query"].to_pylist() == ["007", "007", "7"]
    assert held["item"].to_pylist() == ["1.0", "1", "01"]
    assert held["y_true"].to_pylist() == [1.0, 0.0, 2.0]
    assert data.notes == ["1 of 2 queries has one item only, for which every order is the best."]
    assert data.feature_names() == []


def test_relevance_may_be_true_and_false_or_not_there() -> None:
    assert read(rows(r=[True, False, True]))[1][0]["y_true"].to_pylist() == [1.0, 0.0, 1.0]
    assert "y_true" not in read(rows(), relevance=None)[1][0]


def test_the_query_may_be_sliced_by() -> None:
    data = EvaluationSet(rows(), sensitive=["q"], query="q", item="i", task="ranking")
    assert data.read(next(data.batches()))["q"].to_pylist() == ["u", "u", "v"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"i": ["1", "1", "1"]},
            "1 pair of query and item (q, i) occurs more than once, such as 'u / 1'; expected",
        ),
        ({"q": ["u", None, "v"]}, "query column 'q' is missing in 1 row, first in row 2 of the table"),
        ({"i": ["1", "", "1"]}, "item column 'i' is missing in 1 row"),
        ({"r": [1.0, -2.0, 0.0]}, "relevance column 'r': expected numbers of at least 0, got -2"),
        ({"r": [1.0, None, 0.0]}, "relevance column 'r' is missing in 1 row, first in row 2 of the table"),
        (
            {"r": [1.0, float("inf"), 0.0]},
            "relevance column 'r': expected finite numbers, got inf in row 2 of the",
        ),
        (
            {"r": ["1", "good", "2"]},
            "relevance column 'r': expected numbers, got string 'good' in row 2 of the",
        ),
    ],
)
def test_what_is_no_ranking_is_one_line(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as refused:
        read(rows(**changed))
    assert told in str(refused.value)


def test_a_ranking_needs_its_query_and_item() -> None:
    with pytest.raises(InputError, match=r"data.item: a ranking needs the column of its item"):
        EvaluationSet(rows(), sensitive=["s"], query="q", task="ranking")
    with pytest.raises(
        InputError, match=r"data.label: belongs to task: binary or multiclass or .*the task is ranking"
    ):
        EvaluationSet(rows(), sensitive=["s"], query="q", item="i", label="r", task="ranking")


def test_many_pairs_are_told_apart_in_any_number_of_batches() -> None:
    n = 200_000
    table = pa.table({"q": np.arange(n) % 1000, "i": np.arange(n) // 1000, "s": ["a"] * n, "r": np.zeros(n)})
    parts = pa.Table.from_batches(table.to_batches(max_chunksize=30_000))
    read(parts)
    double = pa.concat_tables([parts, table.slice(5, 2)])
    with pytest.raises(
        InputError, match=r"2 pairs of query and item .* occur more than once, such as '5 / 0'"
    ):
        read(double)
