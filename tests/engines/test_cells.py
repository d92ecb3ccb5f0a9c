"""Cells held to pandas, and the cube of an audit to GROUP BY of SQLite and DuckDB."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.figures.measure import Measurement
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from hypothesis import given, settings
from hypothesis import strategies as st

from .database import Database

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["F", "M", None]),
        st.sampled_from([-3, 0, 250, 10**12]),
        st.integers(0, 1),
        st.integers(0, 9),
        st.sampled_from([0.25, 1.0, 3.5]),
    ),
    min_size=1,
    max_size=60,
)
NAMES = ["sex", "place", "y", "count", "weight"]
SUMS = [[], ["count"], ["weight"], ["weight", "weight"], ["weight", "count"]]


def by_pandas(frame: pd.DataFrame, axes: list[str]) -> dict[tuple[object, ...], list[float]]:
    held = frame.assign(n=1, ww=frame.weight**2, wn=frame.weight * frame["count"])
    found = held.groupby(axes, dropna=False)[["n", "count", "weight", "ww", "wn"]].sum()
    keys = [tuple(None if pd.isna(k) else k for k in key) for key in found.index]
    return dict(zip(keys, found.to_numpy().tolist(), strict=True))


def as_dictionary(cells: pa.Table, width: int) -> dict[tuple[object, ...], list[float]]:
    rows = list(zip(*(column.to_pylist() for column in cells.columns), strict=True))
    assert len({row[:width] for row in rows}) == len(rows), "cells are distinct"
    return {row[:width]: list(row[width:]) for row in rows}


@settings(deadline=None)
@given(ROWS, st.booleans())
def test_cells_are_those_of_pandas(data: Any, chunked: Any) -> None:
    frame = pd.DataFrame(data, columns=NAMES)
    columns = zip(*data, strict=True)
    table = pa.table({name: list(column) for name, column in zip(NAMES, columns, strict=True)})
    if chunked:
        table = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    axes = ["sex", "place", "y"]
    cells = ARROW.cells(table, axes, SUMS)
    found, expected = as_dictionary(cells, 3), by_pandas(frame, axes)
    assert found.keys() == expected.keys()
    assert all(found[key] == pytest.approx(expected[key]) for key in found)
    assert [str(kind) for kind in cells.schema.types[3:]] == ["int64", "int64", "double", "double", "double"]


def test_cells_of_more_combinations_than_a_number_holds_are_those_that_occur() -> None:
    r = np.random.default_rng(0)
    columns = {f"f{i}": r.integers(0, 9, 40) for i in range(30)}
    cells = ARROW.cells(pa.table(columns), list(columns), [[]])
    expected = pd.DataFrame(columns).groupby(list(columns)).size()
    assert as_dictionary(cells, 30) == {key: [n] for key, n in expected.items()}


def test_values_of_a_dictionary_that_no_row_has_are_no_cells() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([2, 0, None, 2]), pa.array(["a", "b", "c"]))
    cells = ARROW.cells(pa.table({"g": column}), ["g"], [[]])
    assert as_dictionary(cells, 1) == {("a",): [1], ("c",): [2], (None,): [1]}


@pytest.fixture(scope="module")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions that an audit wrote, with weights and clusters."""
    r = np.random.default_rng(4)
    n = 600
    rows = {
        "id": np.arange(n), "label": r.integers(0, 2, n), "said": r.integers(0, 2, n),
        "sex": r.choice(["F", "M", None], n, p=[0.5, 0.4, 0.1]), "race": r.choice(list("abc"), n),
        "w": r.lognormal(0, 1, n), "person": r.choice([f"p{i}" for i in range(70)], n),
    }  # fmt: skip
    run = tmp_path_factory.mktemp("audit") / "run"
    data = {
        "path": "none", "id": "id", "label": "label", "sensitive": ["sex", "race"], "weight": "w",
        "cluster": "person",
    }  # fmt: skip
    configuration = {"audit": "x", "data": data, "model": {"decision": "said"}, "report": {"charts": False}}
    fairweigh.run(configuration, run, data=pa.table(rows))
    return run / "predictions" / "original.parquet"


@pytest.mark.parametrize("module", ["sqlite3", "duckdb"])
def test_the_cube_of_an_audit_is_that_of_a_database(predictions: Path, module: str) -> None:
    if module == "duckdb":
        pytest.importorskip(module)
    table = pq.read_table(predictions)
    database: Any = Database(importlib.import_module(module).connect(":memory:"))
    axes = ["sex", "race", "y_true", "y_pred"]
    others = counted(database, database.hold("predictions", table), axes, "weight", None, "cluster")
    for ours in (
        counted(ARROW, table, axes, "weight", None, "cluster"),
        Measurement.read(predictions, ("sex", "race")).cube,
    ):
        assert (ours.axes, ours.levels) == (others.axes, others.levels)
        assert ours.counts.sum() == len(table)
        found, expected = (
            {
                (*cell, cube.clusters[int(c)].as_py()): (n, w, ww)
                for cell, c, n, w, ww in zip(
                    map(tuple, cube.codes.tolist()), cube.cluster, cube.counts, cube.weights, cube.squares,
                    strict=True,
                )
            }
            for cube in (ours, others)
        )  # fmt: skip
        assert found.keys() == expected.keys()
        for cell, sums in found.items():
            assert sums[0] == expected[cell][0]
            assert sums[1:] == pytest.approx(expected[cell][1:], rel=1e-12)
