"""One spelling of a value: as documented, and the same from text as from a typed column."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.datasets.columns import words
from fairweigh.datasets.spelling import as_ids, spelled, without_extensions, word


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["True", "FALSE", "true", "yes"]), ["true", "false", "true", "yes"]),
        (pa.array([1.0, 0.5, 1e20, -0.0, float("nan")]), ["1", "0.5", "1e+20", "0", None]),
        (pa.array(["1.0", "-2.00", "0.5", "1.50"]), ["1", "-2", "0.5", "1.50"]),
        (pa.array(["007", "2e1", "1e3", "+1", "1_0"]), ["007", "2e1", "1e3", "+1", "1_0"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([-100, 100], pa.int8()), ["-100", "100"]),
        (pa.array([Decimal("18000000000000000007")]), ["18000000000000000007"]),
        (pa.array([Decimal("2.00"), Decimal("1.50")]), ["2", "1.50"]),
        (
            pa.array([1.5, 0.1, None, 10008, 65504, float("nan"), 6e-8], pa.float16()),
            ["1.5", "0.1", None, "10008", "65504", None, "6e-08"],
        ),
        (pa.array([0.1, None, 3, 1e-7], pa.float32()), ["0.1", None, "3", "1e-07"]),
        (pa.array([0, 36_000], pa.timestamp("s")), ["1970-01-01", "1970-01-01 10:00:00"]),
        (pa.array([0], pa.timestamp("ms", "Asia/Tokyo")), ["1970-01-01 00:00:00Z"]),
        (pa.array(["2026-01-31T10:00:00.500+01:00"]), ["2026-01-31 09:00:00.5Z"]),
        (pa.array(["2026-01-31 10:00:00.000000+0100", "2026-01-31T09:00Z"]), ["2026-01-31 09:00:00Z"] * 2),
        (pa.array(["2026-02-30 10:00"]), ["2026-02-30 10:00"]),
        (pa.array(["9999-12-31 23:00-05:00"]), ["9999-12-31 23:00-05:00"]),
        (pa.array([0], pa.date32()), ["1970-01-01"]),
        (pa.array([datetime.time(1, 2, 3, 500_000)]), ["01:02:03.5"]),
        (pa.array(["01:02:03.500000"]), ["01:02:03.5"]),
        (pa.array([90_000, 86_400], pa.duration("s")), ["1 days 01:00:00", "1 days"]),
        (pa.array([-1], pa.duration("s")), ["-1 days +23:59:59"]),
        (pa.array(["1 days 01:00:00", "P1DT1H", "P1D"]), ["1 days 01:00:00", "1 days 01:00:00", "1 days"]),
        (pa.array([b"yes", b"\xff\x00"]), ["yes", "ff00"]),
        (pa.array([b"ab" * 8], pa.binary(16)), ["6162" * 8]),
        (pa.array(["a", "True", None]).dictionary_encode(), ["a", "true", None]),
        (pa.array(["a"], pa.string_view()), ["a"]),
    ],
)  # fmt: skip
def test_a_value_is_spelled_as_documented(column: Any, told: Any) -> None:
    assert spelled(column).to_pylist() == told
    assert words(column).to_pylist() == told


@pytest.mark.parametrize("value", ["True", "1.0", "2026-01-31 00:00:00", "1 days 00:00:00", "(0, 30]"])
def test_spelling_is_done_once(value: str) -> None:
    assert word(word(value)) == word(value)


def test_several_ways_to_write_a_value_are_one_level() -> None:
    assert words(pa.array(["True", "true", "", None, "True"]).dictionary_encode()).to_pylist() == [
        "true", "true", None, None, "true",
    ]  # fmt: skip
    assert words(pa.array(["1", "1.0"])).dictionary.to_pylist() == ["1"]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array(["007", "7", "1.0", "True", "2e1"]), ["007", "7", "1.0", "True", "2e1"]),
        (pa.array([7, -7]), [7, -7]),
        (pa.array([7.0, 7.5]), ["7", "7.5"]),
        (pa.array([Decimal("7.00")]), ["7"]),
        (pa.array(["007"]).dictionary_encode(), ["007"]),
        (pa.array(["007"], pa.large_string()), ["007"]),
    ],
)
def test_ids_stay_as_they_came(column: Any, told: list[Any]) -> None:
    assert as_ids(column).to_pylist() == told


@pytest.mark.parametrize("closed", ["left", "right", "both", "neither"])
def test_a_band_is_told_as_pandas_writes_it(closed: str, tmp_path: Path) -> None:
    bands = pd.arrays.IntervalArray.from_breaks([0, 30, 60], closed=closed)
    told = [str(band) for band in bands]
    for frame in (pd.DataFrame({"b": bands}), pd.DataFrame({"b": pd.Categorical(bands)})):
        table = without_extensions(pa.Table.from_pandas(frame))
        assert words(table.column("b")).to_pylist() == told
    # A process that has not imported pandas sees the mark of the type in the file alone.
    stored = pa.array([{"left": 0, "right": 30}, None])
    mark = {
        "ARROW:extension:name": "pandas.interval",
        "ARROW:extension:metadata": f'{{"closed": "{closed}"}}',
    }
    batch = pa.record_batch([stored], pa.schema([pa.field("b", stored.type, metadata=mark)]))
    assert without_extensions(batch).column("b").to_pylist() == [told[0], None]
