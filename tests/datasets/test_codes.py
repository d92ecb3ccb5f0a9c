"""Digits behind a zero in delimited text are codes, whatever else the column is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fairweigh.datasets.read import read_table


def column(tmp_path: Path, text: Any, encoding: str = "utf-8") -> Any:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return read_table(path).column("v")


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["007", "12"], pa.string(), ["007", "12"]),
        (["7", "12", "0"], pa.int64(), [7, 12, 0]),
        (["007.5", "1"], pa.float64(), [7.5, 1.0]),
        (["-07", "1"], pa.int64(), [-7, 1]),
        # What is missing among numbers is missing among codes of digits.
        (["00", "NA", "41", ""], pa.string(), ["00", None, "41", None]),
        # Marks between thousands say that it is a number.
        (['"010"', '"1,020"', '"1,003,000"'], pa.int64(), [10, 1020, 1003000]),
    ],
)
def test_a_column_of_codes_is_text_and_one_of_numbers_is_not(
    cells: list[Any], kind: Any, values: list[Any], tmp_path: Path
) -> None:
    found = column(tmp_path, "v,w\n" + "".join(f"{cell},x\n" for cell in cells))
    assert (found.type, found.to_pylist()) == (kind, values)


def test_codes_are_found_in_any_encoding_and_anywhere_in_a_file(tmp_path: Path) -> None:
    told = "\u6c49\u5b57" * 8
    text = f"{told},v\n" + f"{told},8\n" * 3 + f"{told},007\n"
    for encoding in ("utf-16", "utf-8-sig", "utf-8"):
        assert column(tmp_path, text, encoding).to_pylist() == ["8", "8", "8", "007"]
    late = "w,v\n" + "x,8\n" * 400_000 + "x,007\n"
    assert column(tmp_path, late).to_pylist()[-1] == "007"
