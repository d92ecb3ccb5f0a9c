"""Where something is: rows of data and lines of a file, as an editor and a spreadsheet would count them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.datasets.amounts import row_weights, scores
from fairweigh.datasets.dialect import TextForm
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.numbers import CellError
from fairweigh.datasets.read import place_of, read_table
from fairweigh.models.frames import frame

TALL = 'sep=;\nsex;note;w\nf;"two\nlines";1\n\nm;plain;2\nm;plain;many\n'


def test_a_value_is_told_by_its_row_and_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TALL)
    assert TALL.split("\n")[7 - 1] == "m;plain;many", "as an editor counts lines"
    assert read_table(path)["w"].to_pylist()[3 - 1] == "many", "as a table counts rows"
    assert place_of(path, "w", "many") == f"row 3 of {path} (line 7)"
    read_table(path).to_pandas().to_parquet(tmp_path / "t.parquet")
    assert place_of(tmp_path / "t.parquet", "w", "many") == f"row 3 of {tmp_path / 't.parquet'}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_broken_line_is_told_by_its_line(tmp_path: Path, end: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes((TALL + "f;größer;3;4\n").replace("\n", end).encode(encoding))
    with pytest.raises(InputError, match="expected 3 columns, got 4 in line 8;"):
        read_table(path)


def test_lines_before_the_header_count(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("made by us\n\nsex,w\nf,1\nm,1,1\n")
    with pytest.raises(InputError, match="got 3 in line 5;"):
        read_table(path, text=TextForm(skip=2))


def people(folder: Path, rows: list[tuple[object, ...]], names: str = "sex region y w") -> EvaluationSet:
    path = folder / "p.csv"
    pd.DataFrame(rows, columns=names.split()).to_csv(path, index=False)
    return EvaluationSet(path, ["sex"], "y", weight="w")


def refused(data: EvaluationSet) -> str:
    with pytest.raises(InputError) as caught:
        list(map(data.read, data.batches()))
    return str(caught.value)


ROWS = [("f", "north", 1, 1.0), ("m", "south", 0, 2.0), ("f", "north", 1, 1.0)]


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (("Total", "", None, None), "('Total' in column 'sex')"),
        ((None, "Grand Total", None, 4.0), "('Grand Total' in column 'region')"),
        (("合计", None, None, 4.0), "('合计' in column 'sex')"),
    ],
)
def test_a_totals_row_with_blank_cells_is_called_that(
    tmp_path: Path, last: tuple[object, ...], told: str
) -> None:
    """As spreadsheets write beneath a table."""
    message = refused(people(tmp_path, [*ROWS, last]))
    assert "column 'y' is missing in 1 row, first in row 4 of" in message
    assert f"(line 5), which looks like a totals row {told}: take it out of the data" in message
    assert "data.drop_missing" in message
    assert len(message.splitlines()) == 1


def test_a_blank_cell_is_no_totals_row(tmp_path: Path) -> None:
    message = refused(people(tmp_path, [("m", "x", None, 1.0), *ROWS, ("m", "x", None, 1.0)]))
    assert "is missing in 2 rows, first in row 1 of" in message
    assert "totals row" not in message
    assert "weight column 'w' is missing in 1 row, first in row 2" in refused(
        people(tmp_path, [ROWS[0], ("m", "x", 1, None)])
    )


def test_in_memory_a_totals_row_is_called_that_too() -> None:
    table = pa.table({"sex": ["f", "m", "Total"], "y": pa.array([1, 0, None])})
    assert "first in row 3 of the table, which looks like a totals row" in refused(
        EvaluationSet(table, ["sex"], "y")
    )


@pytest.mark.parametrize("spelling", ["inf", "-Infinity", "1e999", "+INF"])
def test_an_infinite_feature_is_told_by_its_row(tmp_path: Path, spelling: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"sex,x\nf,1.5\nm,{spelling}\nf,nan\n")
    data = EvaluationSet(path, ["sex"])
    (batch,) = data.batches(["x"])
    with pytest.raises(CellError) as caught:
        frame(pa.table(batch), ["x"])
    error = caught.value.at(data.place_of(caught.value.column, caught.value.value))
    value = "-inf" if "-" in spelling else "inf"
    assert (
        str(error) == f"feature column 'x': expected finite numbers, got {value} in row 2 of {path} (line 3)"
    )
    for nan in ("nan", "NaN", "-nan", "NA", ""):
        path.write_text(f"sex,x\nf,1.5\nm,{nan}\n")
        (batch,) = EvaluationSet(path, ["sex"]).batches(["x"])
        assert np.isnan(frame(pa.table(batch), ["x"])["x"]).tolist() == [False, True], "is missing"


def test_numbers_of_rows_are_spoken_of_as_one_or_several() -> None:
    for bad, told in (([-1.0], "got -1.0$"), ([-1.0] * 2, r"got -1.0 \(and 1 more such row\)$")):
        with pytest.raises(InputError, match=told):
            row_weights(pa.array([*bad, 1.0]), "w")
    with pytest.raises(InputError, match="is missing in 2 rows;"):
        scores(pa.array([0.5, None, float("nan")]), "p", probability=True)
    with pytest.raises(InputError, match=r"got inf \(and 2 more such rows\)$"):
        scores(pa.array([float("inf"), float("inf"), float("-inf")]), "p", probability=False)


@pytest.mark.parametrize(
    ("role", "value", "told"),
    [
        ("weight", "-1", "weight column 'v': expected finite numbers of at least 0, got -1.0"),
        (
            "weight",
            "Infinity",
            "weight column 'v': expected finite numbers of at least 0 whose squares can be",
        ),
        ("count", "1.50", "count column 'v': expected whole numbers of at least 0, got 1.5"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_amount_that_cannot_be_is_told_with_its_place(
    tmp_path: Path, role: str, value: str, told: str, ending: str
) -> None:
    path = tmp_path / f"p.{ending}"
    rows = pd.DataFrame({"sex": ["f", "m", "f"], "y": [1, 0, 1], "v": ["1", value, "1"]})
    rows.to_csv(path, index=False) if ending == "csv" else rows.astype({"v": float}).to_parquet(path)
    line = " (line 3)" if ending == "csv" else ""
    message = refused(EvaluationSet(path, ["sex"], "y", **{role: "v"}))  # type: ignore[arg-type]
    assert message.startswith(told)
    assert message.endswith(f" in row 2 of {path}{line}")


@pytest.mark.parametrize("bad", ["abc", "?", "0,5,5"])
def test_a_word_among_decimal_commas_is_told_and_not_the_numbers(tmp_path: Path, bad: str) -> None:
    """One bad cell leaves the column as text: the first number was named, with advice against its comma."""
    path = tmp_path / "d.tsv"
    rows = "".join("f\t1\t0,7\nm\t0\t0,2\n" for _ in range(40))
    path.write_text(f"sex\ty\tw\n{rows}f\t1\t{bad}\n")
    message = refused(EvaluationSet(path, ["sex"], "y", weight="w", text=TextForm(decimal=",")))
    told = f"weight column 'w': expected numbers, got string '{bad}' in row 81 of {path} (line 82)"
    assert message.startswith(told)
