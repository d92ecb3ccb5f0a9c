"""Rows matched by a key, held to pandas, and sorted, held to Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.engines import ARROW
from hypothesis import given, settings
from hypothesis import strategies as st

KEYS = st.lists(st.integers(0, 12), max_size=14)


def table(keys: list[Any]) -> pa.Table:
    return pa.table({"id": pa.array(keys, pa.int64()), "v": np.arange(len(keys))})


@settings(deadline=None)
@given(KEYS.map(lambda keys: list(dict.fromkeys(keys))), KEYS.map(lambda keys: list(dict.fromkeys(keys))))
def test_rows_of_both_stand_in_the_order_of_the_former(one: Any, other: Any) -> None:
    found = ARROW.joined(table(one), table(other), "id")
    merged = pd.DataFrame({"id": one, "b": range(len(one))}).merge(
        pd.DataFrame({"id": other, "a": range(len(other))}), on="id", how="outer", indicator=True
    )
    both = merged[merged._merge == "both"].sort_values("b")
    for rows, name in ((found.before, "b"), (found.after, "a")):
        assert rows.column("v").to_pylist() == both[name].tolist()
        assert rows.column("id").to_pylist() == both.id.tolist()
    sides = "left_only", "right_only"
    assert [keys.number for keys in found.alone] == [(merged._merge == side).sum() for side in sides]
    assert not any(found.twice)


@settings(deadline=None)
@given(KEYS, KEYS)
def test_keys_that_occur_twice_are_counted_and_named(one: Any, other: Any) -> None:
    found = ARROW.joined(table(one), table(other), "id")
    for keys, told in zip((one, other), found.twice, strict=True):
        twice = {str(key) for key in keys if keys.count(key) > 1}
        assert told.number == len(twice)
        assert set(told.first) <= twice
        assert len(told.first) == min(len(twice), 5)


def test_keys_of_other_types_are_matched_as_text() -> None:
    found = ARROW.joined(pa.table({"id": [1, 2, 3]}), pa.table({"id": ["3", "1", "2"]}), "id")
    assert found.after.column("id").to_pylist() == ["1", "2", "3"]


def test_strays_and_duplicates_are_told_in_one_line() -> None:
    found = ARROW.joined(table([1, 2, 3]), table([3, 4, 4]), "id")
    with pytest.raises(InputError, match=r"^after: 1 id occurs more than once, such as '?4'?$"):
        found.refuse_twice(("before", "after"))
    with pytest.raises(
        InputError, match=r"^before: 2 of its ids are not in after, such as '1', '2'; expected"
    ):
        found.refuse_strays(("before", "after"))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, 0.5, 0.25, 2.0])), max_size=30))
def test_rows_are_sorted_with_nulls_last_and_ties_in_their_order(data: Any) -> None:
    rows = pa.table(
        {"a": pa.array([a for a, _ in data], pa.int64()), "b": pa.array([b for _, b in data], pa.float64())}
    ).append_column("row", pa.array(range(len(data)), pa.int64()))
    found = ARROW.ordered(rows, [("a", "descending"), ("b", "descending")])
    expected = sorted(range(len(data)), key=lambda i: (-data[i][0], data[i][1] is None, -(data[i][1] or 0)))
    assert found.column("row").to_pylist() == expected
