"""Targets of a regression: finite numbers in every row, whatever the file made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from numpy.typing import NDArray


def read(source: pa.Table | str, **roles: Any) -> tuple[NDArray[Any], EvaluationSet]:
    data = EvaluationSet(source, sensitive=["s"], label="y", task="regression", **roles)
    held = np.concatenate([data.read(batch)["y_true"].to_numpy() for batch in data.batches()])
    data.check_whole()
    return held, data


@pytest.mark.parametrize(
    "values",
    [[1, 2, 3], [1.5, -2.0, 0.0], ["1.5", " 2", "3e2"], pa.array([1, 2, 3], pa.decimal128(9, 2))],
)
def test_numbers_of_every_kind_are_read_as_they_are(values: list[Any] | pa.Array) -> None:
    held, _ = read(pa.table({"y": values, "s": ["a", "b", "a"]}))
    expected = [float(v) for v in (values.to_pylist() if isinstance(values, pa.Array) else values)]
    assert held.dtype == np.float64
    assert held.tolist() == expected


def test_a_csv_with_decimal_commas_is_read_as_numbers(here: Path) -> None:
    Path("d.csv").write_text("y;s\n1.234,5;a\n2,25;b\n", encoding="utf-8")
    assert read("d.csv")[0].tolist() == [1234.5, 2.25]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1.0, float("nan"), 2.0], "label column 'y' is missing in 1 row, first in row 2 of the table"),
        ([1.0, None, None], "label column 'y' is missing in 2 rows, first in row 2 of the table"),
        ([1.0, float("inf"), -np.inf], "'y': expected finite numbers, got inf in row 2 of the table (and 1"),
        ([1.0, 1e60, 2.0], "'y': expected numbers up to 1e+50, whose squares can be summed, got 1e+60"),
        (["1", "2", "high"], "label column 'y': expected numbers, got string 'high' in row 3 of the table"),
        ([True, False, True], "label column 'y': expected numbers, got bool"),
        ([[1.0], [2.0], [3.0]], "expected one value per row, got list<item: double>"),
    ],
)  # fmt: skip
def test_what_is_no_finite_number_is_named_with_its_row(values: list[Any], told: str) -> None:
    with pytest.raises(InputError) as refused:
        read(pa.table({"y": values, "s": ["a", "b", "a"]}))
    assert told in str(refused.value)


def test_a_word_in_a_file_is_named_with_its_row(here: Path) -> None:
    Path("d.csv").write_text("y,s\n1,a\n2,b\nabout 3,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"expected numbers, got string 'about 3' in row 3 of d\.csv"):
        read("d.csv")
    Path("d.csv").write_text("y,s\n1,a\nNA,b\n3,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"label column 'y' is missing in 1 row, first in row 2 of d\.csv"):
        read("d.csv")


def test_a_constant_target_is_read_and_told_and_nothing_can_be_learned_from_it() -> None:
    held, data = read(pa.table({"y": [2.5, 2.5], "s": ["a", "b"]}))
    assert held.tolist() == [2.5, 2.5]
    assert data.notes == [
        "Column y is 2.5 in every row: how much of its spread a model explains (R²) has no value."
    ]
    with pytest.raises(InputError, match=r"label column 'y' is 2\.5 in all of 2 rows; expected numbers that"):
        data.outcome.check_learnable()


def test_a_card_of_two_classes_serves_a_number_of_its_own(data_folder: Path) -> None:
    data = EvaluationSet.from_card("communities_crime", task="regression", label="ViolentCrimesPerPop")
    held = np.concatenate([data.read(batch)["y_true"].to_numpy() for batch in data.batches()])
    assert len(held) == 1994
    assert held.mean() == pytest.approx(0.2380, abs=1e-4)
    assert "class" not in data.feature_names()
