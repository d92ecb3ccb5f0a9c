"""How a text file is written is found where that is safe, said by hand, and asked where it is neither."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fairweigh.datasets import delimited
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import TextForm, column_names, found_in, iter_batches, read_table

GERMAN = "geschlecht;alter;wert\nmännlich;34,5;0,5\nweiblich;40;1,25\n"
READ = {"geschlecht": ["männlich", "weiblich"], "alter": [34.5, 40.0], "wert": [0.5, 1.25]}


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str, name: str = "t.csv") -> Path:
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def refusal(path: Path, **options: Any) -> Any:
    with pytest.raises(InputError) as caught:
        read_table(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("latin-1", "latin-1"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
def test_german_file_is_read_in_every_encoding_and_that_is_told(
    file: Callable[..., Path], encoding: str, told: str | None, name: str
) -> None:
    path = file(GERMAN.encode(encoding), name)
    assert read_table(path).to_pydict() == READ
    assert read_table(path, categorical=["geschlecht"])["geschlecht"].to_pylist() == READ["geschlecht"]
    (note,) = found_in(path)
    assert "separator: semicolon, decimal: comma" in note
    assert (f"encoding: {told}," in note) == (told is not None)


def test_usual_file_is_read_without_a_word(file: Callable[..., Path]) -> None:
    assert found_in(file("a,b\n1.5,x\n")) == []
    assert found_in(file("a\tb\n1.5\tx\n", "t.tsv")) == []


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("пол,y\nмуж,1\n", "cp1251"),
        ("φύλο,y\nάνδρας,1\n", "cp1253"),
        ("性别,y\n男,1\n女,0\n", "gb18030"),
        ("性別,y\n男,1\n女,0\n", "shift_jis"),
        ("성별,y\n남,1\n", "euc_kr"),
        ("płeć,y\nmężczyzna,1\n", "iso8859-2"),
        ("männlich,y\nÄrger,1\n", "cp850"),
        ("männlich,y\nÄrger,1\n", "mac-roman"),
    ],
)
def test_other_encodings_are_asked_about_and_read_by_hand(
    file: Callable[..., Path], text: str, encoding: str
) -> None:
    path = file(text.encode(encoding))
    assert "say with data.encoding" in refusal(path)
    assert read_table(path, text=TextForm(encoding=encoding)) == read_table(file(text, "u.csv"))


def test_utf8_that_breaks_off_is_no_latin_1(file: Callable[..., Path]) -> None:
    assert "byte 0xf6 in line 3" in refusal(file("a,b\nä,1\n".encode() + "ö,1\n".encode("latin-1")))


def test_bytes_beyond_what_was_looked_at_are_asked_about(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "LOOK", 1 << 10)
    monkeypatch.setattr("fairweigh.datasets.dialect.LOOK", 1 << 10)
    path = file(b"a,b\n" + b"x,1\n" * 1000 + "ö,1\n".encode("latin-1"))
    assert "byte 0xf6 in line 1,002" in refusal(path)
    assert "data.encoding" in refusal(path)


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_found(file: Callable[..., Path], mark: str, end: str) -> None:
    rows = [["a", "b"], ["1", '"x\ny"'], ["2", "z"], [], []]
    path = file(end.join(mark.join(row) for row in rows))
    assert read_table(path).to_pydict() == {"a": [1, 2], "b": ["x\ny", "z"]}


def test_two_separators_that_fit_are_asked_about(file: Callable[..., Path]) -> None:
    path = file("a,x;b,y\n1,5;2,5\n3,4;1,2\n")
    assert "',' and ';' both part it into even rows; say which it is with data.separator" in refusal(path)
    read = read_table(path, text=TextForm(separator=";"))
    assert read.to_pydict() == {"a,x": [1.5, 3.4], "b,y": [2.5, 1.2]}


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_first_line_of_excel_says_the_separator(file: Callable[..., Path], first: str) -> None:
    assert read_table(file(f"{first}\r\na;b\r\n1,5;2\r\n")).to_pydict() == {"a": [1.5], "b": [2]}


def test_lines_before_the_header_are_left_out_by_hand(file: Callable[..., Path]) -> None:
    path = file("Report 2024; all\n\na,b\n1,2\n")
    assert "data.skip" in refusal(path)
    assert read_table(path, text=TextForm(skip=1)).to_pydict() == {"a": [1], "b": [2]}


def test_file_of_an_unknown_ending_is_read_where_the_separator_is_said(file: Callable[..., Path]) -> None:
    path = file("a;b\n1;2\n", "t.dat")
    assert "data.separator" in refusal(path)
    assert read_table(path, text=TextForm(separator=";")).to_pydict() == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["0,5", "1,25"], [0.5, 1.25]),
        (["1.234,5", "12"], [1234.5, 12]),
        (["1.234.567", "12"], [1234567, 12]),
        (["1,234.5", "950"], [1234.5, 950]),
        (["1 234,5", "12,6"], [1234.5, 12.6]),
        (["1\u202f234,5", "12,6"], [1234.5, 12.6]),
        (["1'234.5", "12.6"], [1234.5, 12.6]),
        (["-0,5", "+1,5e3"], [-0.5, 1500]),
        (["0.234", "2.345"], [0.234, 2.345]),
        (["12.05.2024", "1.1.2024"], ["12.05.2024", "1.1.2024"]),
        (["1,2", "1,2,3"], ["1,2", "1,2,3"]),
        (["0,5", "NA", ""], [0.5, None, None]),
    ],
)
@pytest.mark.parametrize("mark", [";", ","])
def test_numbers_are_read_as_they_are_written(
    file: Callable[..., Path], cells: list[Any], read: list[Any], mark: str
) -> None:
    path = file(f"x{mark}y\n" + "".join(f'"{cell}"{mark}1\n' for cell in cells))
    assert read_table(path)["x"].to_pylist() == read


@pytest.mark.parametrize(
    ("cells", "by_hand", "read"),
    [
        (["1,234", "2,345"], {"decimal": ","}, [1.234, 2.345]),
        (["1,234", "2,345"], {"thousands": ","}, [1234, 2345]),
        (["1.234", "2.345"], {"decimal": "."}, [1.234, 2.345]),
        (["1.234", "2.345"], {"decimal": ","}, [1234, 2345]),
        (["1.234", "2.345"], {"thousands": "."}, [1234, 2345]),
    ],
)
def test_numbers_of_two_meanings_are_asked_about(
    file: Callable[..., Path], cells: list[Any], by_hand: dict[str, Any], read: list[Any]
) -> None:
    path = file("x;y\n" + "".join(f"{cell};1\n" for cell in cells))
    assert f"column 'x' holds numbers such as '{cells[0]}'" in refusal(path)
    assert "data.decimal" in refusal(path)
    # Nobody needs that column.
    assert read_table(path, columns=["y"])["y"].to_pylist() == [1, 1]
    assert read_table(path, text=TextForm(**by_hand))["x"].to_pylist() == read


def test_points_and_commas_in_one_file_are_asked_about(file: Callable[..., Path]) -> None:
    path = file("x;y\n0,5;1.25\n0,3;2.5\n")
    assert "column 'x' holds numbers such as '0,5'" in refusal(path)
    assert read_table(path, text=TextForm(decimal=","))["x"].to_pylist() == [0.5, 0.3]


@pytest.mark.parametrize("late", ["3,5", "1,234"])
def test_a_late_decimal_comma_does_not_make_text_of_numbers(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 64)
    monkeypatch.setattr(delimited, "LOOK", 64)
    path = file("x;y\n" + "1;2\n" * 100 + f"{late};2\n")
    assert f"column 'x' holds '{late}'" in refusal(path)
    text = TextForm(decimal=",", thousands="")
    assert {b.schema.field("x").type for b in iter_batches(path, text=text)} == {pa.float64()}


def test_index_without_a_name_is_called_as_pandas_calls_it(file: Callable[..., Path]) -> None:
    assert read_table(file(",a\n0,5\n1,6\n")).to_pydict() == {"Unnamed: 0": [0, 1], "a": [5, 6]}
    assert column_names(file('"","a"," "\n"1",5,6\n')) == ["Unnamed: 0", "a", "Unnamed: 2"]


def test_header_without_an_end_is_refused(file: Callable[..., Path]) -> None:
    assert "cannot be split" in refusal(file('"a' + "x" * (2 << 20)))
    assert "header is longer" in refusal(file("a," * (1 << 20)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_quote_that_nobody_closed_and_that_swallows_rows_is_refused(
    file: Callable[..., Path], encoding: str
) -> None:
    rows = [f"{number},x,y" for number in range(100)]
    rows[50], rows[60] = '50,"x,y', '60,"x,y'
    told = refusal(file("\n".join(["a,b,c", *rows]).encode(encoding)), columns=["a"])
    assert told.endswith(
        "a quote that opens in line 52 ends in the midst of a value in line 62; is a closing quote missing?"
    )


def test_quotes_that_swallow_no_row_are_read_as_ever(file: Callable[..., Path]) -> None:
    texts = [
        '"two\nlines, ""both"" of it"',
        '"A" and B',
        '5" pipe',
        '""',
        '""""',
        '"' + "z\n" * 200_000 + '"',
    ]
    content = "a,b\r\n" + "".join(f"{number},{text}\r\n" for number, text in enumerate(texts))
    read = read_table(file(content), columns=["a", "b"], verbatim=["b"]).to_pydict()
    assert read["a"] == list(range(len(texts)))
    assert read["b"][:3] == ['two\nlines, "both" of it', "A and B", '5" pipe']
    # More than is looked at at once.
    whole = "a,b\n" + "".join(f'{number},"x, ""{number}"""\n' for number in range(200_000))
    assert read_table(file(whole))["b"][-1].as_py() == 'x, "199999"'
