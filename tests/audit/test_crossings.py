"""Crossings of many features: a budget that is told before the work, and no overflow below it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.figures.crossings import crossings
from fairweigh.audit.figures.measure import row_slices
from fairweigh.metrics.counts import features_by


def many(columns: int, values: int = 3, n: int = 60, seed: int = 0) -> Any:
    r = np.random.default_rng(seed)
    return {f"f{i}": np.char.add("v", r.integers(0, values, n).astype(str)) for i in range(columns)}


def config_of(columns: Any, **slices: Any) -> dict[str, Any]:
    return {
        "audit": "t",
        "data": {"path": "d.parquet", "id": "id", "label": "y", "sensitive": list(columns)},
        "slices": {"intersections": 1, **slices},
        "model": {"score": "s"},
        "metrics": ["selection_rate", "auc"],
        "report": {"charts": False},
    }


def table_of(columns: Any, n: int = 60) -> pa.Table:
    return pa.table({"id": np.arange(n), "y": np.arange(n) % 2, "s": np.linspace(0, 1, n), **columns})


def test_more_combinations_than_a_number_holds_are_those_that_occur(audited: Callable[..., Any]) -> None:
    """33 features of 3 values have 3^33 > 2^52 combinations, with 'unknown' 2^66: a KeyError before."""
    columns = many(33)
    result = audited(config_of(columns), table_of(columns))
    sizes = {tuple(s["slice"].items()): s["n"] for s in result["variants"][0]["slices"]}
    expected = {((f, v),): int((held == v).sum()) for f, held in columns.items() for v in set(held.tolist())}
    assert sizes == expected


@pytest.mark.parametrize("features", [7, 12, 33])
def test_each_row_is_in_the_combination_of_its_values(features: int) -> None:
    """Few combinations, many, and more than a number holds."""
    columns = {name: pa.array([None, *held[1:].tolist()]) for name, held in many(features, 4).items()}
    batch = pa.record_batch(columns)
    place, keys = row_slices(batch, list(columns))
    assert [keys[i] for i in place] == [
        tuple("(unknown)" if v is None else v for v in row.values()) for row in batch.to_pylist()
    ]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("features", "depth"), [*itertools.product((1, 2, 5, 12), range(1, 7))])
def test_crossings_are_counted_as_they_are_made(features: Any, depth: Any) -> None:
    made = features_by([str(i) for i in range(features)], depth)
    assert crossings(features, depth) == sum(len(by) > 1 for by in made)


@pytest.mark.parametrize(
    ("columns", "depth", "told"),
    [
        (
            500,
            6,
            "up to 6 of 500 sensitive features have 21,315,525,278,975 crossings, more than 300; set it to 1",
        ),
        (12, 6, "up to 6 of 12 sensitive features have 2,497 crossings, more than 300; set it to 3"),
        (
            33,
            2,
            "up to 2 of 33 sensitive features have 528 crossings, more than 300; set it to 1, name fewer",
        ),
    ],
)
def test_more_crossings_than_the_budget_are_refused_unread(
    refused: Callable[..., str], write: Callable[..., None], columns: int, depth: int, told: str
) -> None:
    found = many(columns)
    write(table_of(found), config_of(found, intersections=depth))
    line = refused()
    assert f"slices.intersections: {told}" in line
    assert "raise slices.most_crossings" in line


def test_the_budget_can_be_raised_and_lowered(
    audited: Callable[..., Any], refused: Callable[..., str], write: Callable[..., None]
) -> None:
    found = many(4, 2)
    config = config_of(found, intersections=3, most_crossings=9)
    write(table_of(found), config)
    assert "up to 3 of 4 sensitive features have 10 crossings, more than 9; set it to 2" in refused()
    result = audited(config | {"slices": {"intersections": 3, "most_crossings": 10}}, table_of(found))
    assert max(len(s["slice"]) for s in result["variants"][0]["slices"]) == 3


def test_more_slices_than_the_budget_are_refused_by_name(
    refused: Callable[..., str], write: Callable[..., None]
) -> None:
    found = many(3, 9)
    write(table_of(found), config_of(found, intersections=3, most_slices=100))
    assert "have more than 100 slices (f0 & f2 was reached)" in refused()
