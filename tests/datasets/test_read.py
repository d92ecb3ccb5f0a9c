"""Readers: every format, types that hold for the whole file, and one line for every kind of bad file."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets import delimited, jsonlines
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import (
    TextForm,
    column_names,
    iter_batches,
    read_table,
    row_count,
    sha256_file,
)

ROOT = Path(__file__).parents[2]
TABLE = pa.table({"id": [1, 2, 3], "sex": ["Female", "Male", None], "income": [1.5, 2.0, None]})
CSV = "id,sex,income\n1,Female,1.5\n2,Male,2\n3,,\n"
JSONL = '{"id": 1, "sex": "Female", "income": 1.5}\n{"id": 2, "sex": "Male", "income": 2}\n{"id": 3}\n'


def write(path: Path, content: Any) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture(
    params=["t.csv", "t.tsv", "t.csv.gz", "t.parquet", "t.feather", "t.arrow", "t.jsonl", "t.ndjson.gz"]
)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    path = tmp_path / request.param
    if ".csv" in path.name:
        return write(path, CSV)
    if path.suffix == ".tsv":
        return write(path, CSV.replace(",", "\t"))
    if "json" in path.name:
        return write(path, JSONL)
    if path.suffix == ".parquet":
        pq.write_table(TABLE, path)
    elif path.suffix == ".feather":
        feather.write_feather(TABLE, str(path))
    else:
        with pa.ipc.new_stream(path, TABLE.schema) as writer:
            writer.write_table(TABLE)
    return path


def refusal(path: Path, **options: Any) -> Any:
    with pytest.raises(InputError) as caught:
        read_table(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_every_format_gives_the_same_table(path: Any) -> None:
    assert column_names(path) == TABLE.column_names
    assert read_table(path).to_pydict() == TABLE.to_pydict()


def test_columns_are_projected_in_the_order_asked(path: Any) -> None:
    assert read_table(path, columns=["income", "id"]).column_names == ["income", "id"]


def test_categorical_columns_are_words_in_every_format(path: Any) -> None:
    table = read_table(path, columns=["sex", "id"], categorical=["sex", "id"])
    assert table.schema.types == [delimited.CATEGORY, delimited.CATEGORY]
    assert table["id"].to_pylist() == ["1", "2", "3"]
    assert table["sex"].to_pylist() == ["Female", "Male", None]


def test_absent_column_is_named_with_the_nearest_one(path: Path) -> None:
    message = refusal(path, columns=["incme"])
    assert "no column 'incme'" in message
    assert "did you mean 'income'?" in message


def test_batches_have_at_most_the_rows_asked(path: Any) -> None:
    sizes = [batch.num_rows for batch in iter_batches(path, batch_rows=2)]
    assert sum(sizes) == 3
    assert max(sizes) <= 2


def test_row_count_is_known_from_metadata_only(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "t.parquet")
    assert row_count(tmp_path / "t.parquet") == 3
    assert row_count(write(tmp_path / "t.csv", CSV)) is None


def test_checksum_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    # FIPS 180-2, appendix B.1: SHA-256 of "abc".
    path = write(tmp_path / "abc", "abc")
    assert sha256_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(path) == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("early", "late", "expected"),
    [
        ("7", "1.5", pa.float64()),
        ("7", "unknown", pa.string()),
        ("", "7", pa.int64()),
        ("", "0.5", pa.float64()),
        ("", "High", pa.string()),
        ("True", "maybe", pa.string()),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_late_block_widens_the_type_instead_of_breaking_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, early: str, late: str, expected: Any
) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 64)
    path = write(tmp_path / name, "a,b\n" + f"{early},1\n" * 100 + f"{late},1\n")
    batches = list(iter_batches(path))
    assert len(batches) > 1
    assert {batch.schema.field("a").type for batch in batches} == {expected}
    assert sum(batch.num_rows for batch in batches) == 101


def test_categorical_codes_keep_their_leading_zeros(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "zip,y\n01234,1\n98765,0\n")
    assert read_table(path, categorical=["zip"])["zip"].to_pylist() == ["01234", "98765"]


def test_na_is_a_value_of_text_unless_it_is_said_to_be_missing(tmp_path: Path) -> None:
    # In the tables of the American Community Survey and elsewhere NA is a code of race.
    path = write(tmp_path / "t.csv", "race,x\nNA,1\nnull,nan\nB,NA\n")
    assert read_table(path).to_pydict() == {"race": ["NA", None, "B"], "x": [1, None, None]}
    assert read_table(path, missing=["NA"])["race"].to_pylist() == [None, None, "B"]


def test_missing_markers_hold_for_json_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"a": "?"}\n{"a": ""}\n{"a": "x"}\n')
    assert read_table(path, missing=["?"])["a"].to_pylist() == [None, None, "x"]
    assert read_table(path)["a"].to_pylist() == ["?", None, "x"]


def test_json_fields_that_appear_late_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "_BLOCK", 32)
    path = write(tmp_path / "t.jsonl", '{"a": 1}\n' * 20 + '{"a": 2.5, "b": "x"}\n')
    batches = list(iter_batches(path))
    assert len(batches) > 1
    table = pa.Table.from_batches(batches)
    assert table["a"].to_pylist() == [1.0] * 20 + [2.5]
    assert table["b"].to_pylist() == [None] * 20 + ["x"]


def test_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n")
    assert read_table(path).num_rows == 0
    assert read_table(path).column_names == ["a", "b"]


def test_quoted_line_breaks_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", '\ufeff"a\nb",c\n"x\ny",1\n')
    assert read_table(path).to_pydict() == {"a\nb": ["x\ny"], "c": [1]}


def test_file_without_header_is_read_by_its_text_form(tmp_path: Path) -> None:
    path = write(tmp_path / "adult.data", "|note\n39, ?, Male\n50, Private, Female\n\n")
    form = TextForm(names=("age", "work", "sex"), skip=1, strip=True)
    table = read_table(path, text=form, missing=["?"], categorical=["sex"])
    assert table.to_pydict() == {"age": [39, 50], "work": [None, "Private"], "sex": ["Male", "Female"]}


def test_repeated_names_are_refused_or_numbered(tmp_path: Path) -> None:
    # The violent COMPAS file has two columns called two_year_recid.
    path = write(tmp_path / "t.csv", "id,two_year_recid,two_year_recid\n1,0,1\n")
    assert "more than one column called 'two_year_recid'" in refusal(path)
    assert column_names(path, text=TextForm(number_duplicates=True))[1:] == [
        "two_year_recid",
        "two_year_recid.1",
    ]


def test_repeated_names_in_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    assert "more than one column called 'a'" in refusal(path)


def test_missing_file_directory_empty_file_and_unknown_ending_are_one_line(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "got a directory" in refusal(tmp_path / "folder.csv")
    assert "is empty" in refusal(write(tmp_path / "t.csv", ""))
    assert "is empty" in refusal(write(tmp_path / "t.parquet", ""))
    assert ".csv, .tsv, .parquet" in refusal(write(tmp_path / "t.xlsx", "x"))
    assert ".csv, .tsv, .parquet" in refusal(write(tmp_path / "t.parquet.gz", "x"))
    assert "only empty lines" in refusal(write(tmp_path / "t2.csv", "\n\n"))
    assert "got none" in refusal(write(tmp_path / "t.jsonl", "\n\n"))


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.arrow", "t.csv.gz", "t.jsonl.gz"])
def test_text_under_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(CSV)
    assert "from its ending" in refusal(path)


def test_parquet_gzip_and_excel_under_a_text_ending_are_named(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "t.csv")
    assert "got a Parquet file" in refusal(tmp_path / "t.csv")
    (tmp_path / "z.csv").write_bytes(gzip.compress(CSV.encode()))
    assert "add .gz to its name" in refusal(tmp_path / "z.csv")
    (tmp_path / "u.csv").write_bytes(b"PK\x03\x04rest")
    assert "got a zip or Excel file" in refusal(tmp_path / "u.csv")


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.arrow"])
def test_truncated_binary_file_is_refused(tmp_path: Path, name: str) -> None:
    whole = tmp_path / ("whole" + Path(name).suffix)
    table = pa.table({"a": list(range(10_000))})
    if name == "t.parquet":
        pq.write_table(table, whole)
    else:
        feather.write_feather(table, str(whole))
    path = write(tmp_path / name, whole.read_bytes()[:-3000])
    assert "truncated or damaged" in refusal(path)


def test_truncated_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"{hash((i, 'x'))},{i}\n" for i in range(20_000)).encode())
    for name in ("t.csv.gz", "t.jsonl.gz"):
        path = tmp_path / name
        path.write_bytes(whole[: len(whole) // 2])
        assert "gzip stream is truncated" in refusal(path)


@pytest.mark.parametrize("categorical", [(), ("name",)])
def test_text_that_is_not_utf8_is_refused_with_line_and_offset(
    tmp_path: Path, categorical: tuple[Any]
) -> None:
    path = write(tmp_path / "t.csv", "name,y\nAda,1\nИван,0\n".encode("cp1251"))
    message = refusal(path, categorical=categorical)
    assert "got byte 0xc8 in line 3 (offset 13)" in message
    assert "data.encoding" in message


def test_json_lines_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", '{"name": "José"}\n'.encode("latin-1"))
    assert "byte 0xe9 in line 1" in refusal(path)


def test_header_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    assert "byte 0xef in line 1" in refusal(write(tmp_path / "t.csv", "пол,y\n1,2\n".encode("cp1251")))


def test_ragged_row_is_numbered_but_not_quoted(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "t.csv", "name,y\nAda,1\nGrace Hopper\n"))
    assert "expected 2 columns, got 1 in line 3" in message
    assert "Grace" not in message


def test_damaged_json_names_the_line(tmp_path: Path) -> None:
    assert "in line 2" in refusal(write(tmp_path / "t.jsonl", '{"a": 1}\n{"a":\n'))
    assert "in field 'a'" in refusal(write(tmp_path / "u.jsonl", '{"a": 1}\n{"a": [2]}\n'))
    assert "got a number in line 1" in refusal(write(tmp_path / "v.jsonl", "5\n"))


def test_wrong_separator_is_suspected(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "age:sex\n1:Male\n")
    assert "separated by something else (data.separator)" in refusal(path, columns=["sex"])


def test_nested_column_cannot_be_a_category(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [[1], [2]]}), path)
    assert "column 'a': expected one value per row, got list" in refusal(path, categorical=["a"])


def test_hugging_face_datasets_win_at_the_repository_root() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import datasets; print(datasets.__version__, datasets.__file__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named" in found.stderr:
        pytest.skip("Hugging Face's datasets is not installed")
    assert found.returncode == 0, found.stderr
    assert str(ROOT / "datasets") not in found.stdout
    assert not (ROOT / "datasets" / "__init__.py").exists()
