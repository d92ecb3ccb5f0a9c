"""The cube held to pandas group-by and to sums over the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.bands import UNKNOWN
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from fairweigh.metrics.codes import combined
from fairweigh.metrics.counts import Counts, features_by
from fairweigh.metrics.cube import Cube, Cubes
from hypothesis import given, settings
from hypothesis import strategies as st

rows = st.lists(
    st.tuples(
        st.sampled_from(["F", "M", None]),
        st.sampled_from(["old", "young", "é", None]),
        st.integers(0, 1),
        st.integers(0, 1),
        st.sampled_from([0.25, 1.0, 3.5]),
        st.sampled_from(["c1", "c2", "c3"]),
    ),
    min_size=1,
    max_size=40,
)
NAMES = ["sex", "age", "y_true", "y_pred", "weight", "cluster"]
AXES = ["sex", "age", "y_true", "y_pred"]
BY = ("sex", "age")


def frame(data: Any) -> pd.DataFrame:
    return pd.DataFrame(data, columns=NAMES)


def expected(data: Any, value: pd.Series[Any] | float = 1.0) -> pd.DataFrame:
    """Counts of each slice from pandas."""
    d = frame(data).assign(value=value)
    d[list(BY)] = d[list(BY)].fillna(UNKNOWN)
    y, p, v = d.y_true == 1, d.y_pred == 1, d.value
    d = d.assign(
        n=v,
        positives=v * y,
        selected=v * p,
        tp=v * (y & p),
        fp=v * (~y & p),
        fn=v * (y & ~p),
        tn=v * (~y & ~p),
    )
    return d.groupby(list(BY))[["n", "positives", "selected", "tp", "fp", "fn", "tn"]].sum().sort_index()


def assert_counts(counts: Counts | None, keys: Any, table: pd.DataFrame) -> None:
    assert keys == list(table.index)
    for name in table:
        np.testing.assert_allclose(getattr(counts, str(name)), table[name], err_msg=name)


@settings(deadline=None)
@given(rows)
def test_slices_equal_a_group_by(data: Any) -> None:
    tally = counted(ARROW, pa.Table.from_pandas(frame(data)), AXES).tally(BY)
    assert_counts(tally.counts, tally.keys, expected(data))


@settings(deadline=None)
@given(rows, rows)
def test_cubes_of_shards_add(first: Any, second: Any) -> None:
    def cube(data: Any) -> Cube:
        return counted(ARROW, pa.Table.from_pandas(frame(data)), AXES, weight="weight")

    whole, added = cube(first + second), cube(first) + cube(second)
    assert added.levels == whole.levels
    np.testing.assert_array_equal(added.codes, whole.codes)
    np.testing.assert_array_equal(added.counts, whole.counts)
    np.testing.assert_allclose(added.weights, whole.weights)
    np.testing.assert_allclose(added.squares, whole.squares)


@settings(deadline=None)
@given(rows)
def test_weights_and_their_squares_are_summed(data: Any) -> None:
    tally = counted(ARROW, pa.Table.from_pandas(frame(data)), AXES, weight="weight").tally(BY)
    weight = frame(data).weight
    assert_counts(tally.counts, tally.keys, expected(data))
    assert_counts(tally.weights, tally.keys, expected(data, weight))
    assert_counts(tally.squares, tally.keys, expected(data, weight**2))


@settings(deadline=None)
@given(rows)
def test_aggregated_cells_equal_their_rows(data: Any) -> None:
    table = frame(data)
    cells = table.fillna(UNKNOWN).groupby(AXES).size().rename("n").reset_index()
    from_cells = counted(ARROW, pa.Table.from_pandas(cells), AXES, count="n")
    from_rows = counted(ARROW, pa.Table.from_pandas(table), AXES)
    np.testing.assert_array_equal(from_cells.codes, from_rows.codes)
    np.testing.assert_array_equal(from_cells.counts, from_rows.counts)


@settings(deadline=None)
@given(rows)
def test_clusters_are_summed_within_each_slice(data: Any) -> None:
    cube = counted(ARROW, pa.Table.from_pandas(frame(data)), AXES, weight="weight", cluster="cluster")
    tally = cube.tally(("sex",))
    d = frame(data)
    d["sex"] = d.sex.fillna(UNKNOWN)
    d["selected"] = d.weight * d.y_pred
    table = d.groupby(["sex", "cluster"])[["weight", "selected"]].sum()
    held = tally.clusters
    names = [cube.clusters[c].as_py() for c in held.cluster.tolist()]
    found = pd.MultiIndex.from_arrays([[tally.keys[s][0] for s in held.owner], names])
    assert len(found) == len(table)
    np.testing.assert_allclose(held.counts.n, table.weight.loc[found])
    np.testing.assert_allclose(held.counts.selected, table.selected.loc[found])


def test_a_second_decision_gives_joint_cells() -> None:
    before, after = [1, 1, 0, 0, 1, 0], [1, 0, 0, 1, 1, 0]
    table = pa.table(
        {"sex": list("FFFMMM"), "y_pred": before, "y_light": after, "y_true": [1, 0, 1, 1, 1, 0]}
    )
    cube = counted(ARROW, table, ["sex", "y_true", "y_pred", "y_light"])
    flips = cube.tally(("sex", "y_pred"), decision="y_light")
    # Of F one falls out (1 -> 0), of M one comes in (0 -> 1): read off the lists above.
    assert dict(zip(flips.keys, zip(flips.counts.n, flips.counts.selected, strict=True), strict=True)) == {
        ("F", "0"): (1, 0), ("F", "1"): (2, 1), ("M", "0"): (2, 1), ("M", "1"): (1, 1),
    }  # fmt: skip
    assert cube.tally(("sex",), decision="y_light").counts.tp.tolist() == [1, 2]
    assert cube.tally(("sex",)).counts.tp.tolist() == [1, 1]


def test_labels_and_decisions_are_optional() -> None:
    counts = counted(ARROW, pa.table({"sex": ["F", "M", "F"], "y_pred": [1, 0, 0]}), ["sex", "y_pred"]).tally(
        ("sex",)
    )
    assert counts.counts.selected.tolist() == [1, 0]
    assert counts.counts.positives is None
    assert counts.counts.tp is None


def test_no_slice_columns_give_the_whole_set() -> None:
    tally = counted(ARROW, pa.table({"sex": ["F", "M", None]}), ["sex"]).tally()
    assert (tally.keys, tally.counts.n.tolist()) == ([()], [3])


def test_cubes_of_other_axes_do_not_add() -> None:
    one, other = (counted(ARROW, pa.table({name: ["x"]}), [name]) for name in ("sex", "age"))
    with pytest.raises(ValueError, match="same axes"):
        one + other


def test_unknown_axis_is_named() -> None:
    with pytest.raises(ValueError, match="'race'"):
        counted(ARROW, pa.table({"sex": ["F"]}), ["sex"]).tally(("race",))


def test_features_are_crossed_up_to_the_depth() -> None:
    # itertools.combinations of sizes 1 to 2, in the given order.
    assert features_by(("a", "b", "c"), 2) == [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")]
    assert features_by(("a", "b", "c"), 3)[-1] == ("a", "b", "c")


@settings(deadline=None)
@given(rows, st.integers(1, 5))
def test_shards_with_clusters_add_in_any_number(data: Any, shards: Any) -> None:
    whole = counted(ARROW, pa.Table.from_pandas(frame(data)), AXES, weight="weight", cluster="cluster")
    gathered = Cubes()
    for part in np.array_split(np.arange(len(data)), shards):
        if len(part):
            shard = pa.Table.from_pandas(frame([data[i] for i in part]), preserve_index=False)
            gathered.add(counted(ARROW, shard, AXES, weight="weight", cluster="cluster"))

    def cells(cube: Cube) -> Any:
        names = [[level[c] for c in cube.codes[:, i]] for i, level in enumerate(cube.levels)]
        keys = zip(*names, [cube.clusters[c].as_py() for c in cube.cluster], strict=True)
        return dict(zip(keys, zip(cube.counts, cube.weights, cube.squares, strict=True), strict=True))

    found, wanted = cells(gathered.whole), cells(whole)
    assert found.keys() == wanted.keys()
    assert len(found) == len(gathered.whole.counts)
    np.testing.assert_allclose([found[k] for k in wanted], list(wanted.values()))


def test_a_cluster_without_a_name_is_one_with_the_name_unknown() -> None:
    table = pa.table({"s": ["a"] * 4, "cluster": [None, UNKNOWN, "x", None]})
    found = counted(ARROW, table, ["s"], cluster="cluster").tally(("s",)).clusters
    assert sorted(found.counts.n.tolist()) == [1, 3]
    encoded = table.set_column(1, "cluster", table["cluster"].dictionary_encode())
    again = counted(ARROW, encoded, ["s"], cluster="cluster").tally(("s",)).clusters
    assert sorted(again.counts.n.tolist()) == [1, 3]


def test_more_combinations_than_numbers_are_told_apart() -> None:
    # 3^60 combinations of which few occur.
    r = np.random.default_rng(5)
    columns = r.integers(0, 3, (60, 400))
    columns[:, 200:] = columns[:, :200]
    table = pa.table({f"f{i}": c.astype(str) for i, c in enumerate(columns)})
    names = table.column_names
    tally = counted(ARROW, table, names).tally(names)
    wanted = sorted(set(zip(*columns.astype(str).tolist(), strict=True)))
    assert tally.keys == wanted
    assert tally.counts.n.tolist() == [2] * 200
    code = combined(list(columns), [3] * 60, 400)
    order = np.lexsort(columns[::-1])
    assert (np.diff(code[order]) >= 0).all()
    assert len(np.unique(code)) == 200
