"""Delimited text (CSV, TSV) as a stream of Arrow batches whose types hold for the whole file."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from .errors import InputError
from .files import is_gzip_name, open_content, reading, undecodable

BLOCK = 4 << 20
"""Bytes parsed at a time; a single row cannot be longer. Arrow reads up to 32 blocks ahead."""

CATEGORY = pa.dictionary(pa.int32(), pa.string())
ALWAYS_MISSING = ("NaN", "nan", "null", "NULL")
_FORM = "delimited text"
_MISFIT = re.compile(r"In CSV column #(\d+):.*conversion error to (.+?): invalid value '(.*)'", re.DOTALL)
_RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")


@dataclass(frozen=True)
class TextForm:
    """How a text file departs from the usual: comma (tab for ``.tsv``), one header line, unique names."""

    delimiter: str | None = None
    names: tuple[str, ...] = ()
    """Column names of a file that has no header line."""
    skip_rows: int = 0
    """Lines before the header (or before the data when `names` is given)."""
    strip: bool = False
    """Drop white space around every value."""
    number_duplicates: bool = False
    """Call the second column of a name ``NAME.1``, as pandas does, instead of refusing the file."""


@dataclass(frozen=True)
class _Header:
    names: list[str]
    lines: int
    delimiter: str


def read_header(path: Path, form: TextForm) -> _Header:
    """Read the column names and how many lines stand before the data."""
    delimiter = form.delimiter or ("\t" if ".tsv" in [s.lower() for s in path.suffixes] else ",")
    if form.names:
        return _Header(list(form.names), form.skip_rows, delimiter)
    with reading(path, _FORM), open_content(path) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        for _ in range(form.skip_rows):
            text.readline()
        rows = csv.reader(text, delimiter=delimiter)
        try:
            names = next((row for row in rows if row), None)
        except csv.Error as error:
            raise InputError(
                f"{path}: expected a header line, got a line that cannot be split ({error})"
            ) from error
    if names is None:
        raise InputError(f"{path}: expected a header line, got only empty lines")
    names = [name.strip() for name in names] if form.strip else names
    return _Header(_unique(path, names, form.number_duplicates), form.skip_rows + rows.line_num, delimiter)


def _unique(path: Path, names: list[str], number: bool) -> list[str]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice and not number:
        listed = ", ".join(f"'{name}'" for name in twice)
        raise InputError(f"{path}: expected every column name once, got more than one column called {listed}")
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        numbered.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return numbered


def iter_text(
    path: Path,
    form: TextForm,
    columns: Sequence[str],
    categorical: Sequence[str],
    missing: Sequence[str],
    verbatim: Sequence[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Stream a delimited text file; `columns`, `categorical` and `verbatim` are known to exist."""
    header = read_header(path, form)
    types = {name: pa.string() for name in columns if name in verbatim}
    types |= {name: CATEGORY for name in columns if name in categorical}
    markers = [*missing, *ALWAYS_MISSING]
    if form.strip:
        markers += [f" {marker}" for marker in missing]
    with reading(path, _FORM), _plainly(path):
        if is_gzip_name(path) or path.stat().st_size > BLOCK:
            types |= _settled_types(path, header, [c for c in columns if c not in types], markers)
        with _open(path, header, columns, types, markers) as reader:
            _refuse_binary(path, reader.schema)
            yielded = False
            for batch in reader:
                yielded = True
                yield _stripped(batch, missing) if form.strip else batch
            if not yielded:
                yield pa.RecordBatch.from_pylist([], schema=reader.schema)


def _open(
    path: Path, header: _Header, columns: Sequence[str], types: dict[str, pa.DataType], markers: list[str]
) -> pacsv.CSVStreamingReader:
    source = pa.input_stream(str(path), compression="gzip" if is_gzip_name(path) else None)
    return pacsv.open_csv(
        source,
        # One thread: as fast as several on a narrow table, and only then does a bad row have a number.
        pacsv.ReadOptions(
            use_threads=False, block_size=BLOCK, column_names=header.names, skip_rows=header.lines
        ),
        pacsv.ParseOptions(delimiter=header.delimiter, newlines_in_values=True),
        pacsv.ConvertOptions(
            include_columns=list(columns), column_types=types, null_values=markers, strings_can_be_null=True
        ),
    )


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Say what is wrong without the row itself, which Arrow quotes: rows are people."""
    try:
        yield
    except pa.ArrowInvalid as error:
        if ragged := _RAGGED.search(str(error)):
            row, expected, got = ragged.groups()
            where = f" in row {int(row):,}" if row else ""
            raise InputError(
                f"{path}: expected {expected} columns, got {got}{where}; is a separator or a quote missing?"
            ) from error
        if "straddl" in str(error):
            raise InputError(
                f"{path}: a row is longer than {BLOCK >> 20} MiB; is a closing quote missing?"
            ) from error
        raise


def _settled_types(
    path: Path, header: _Header, columns: Sequence[str], markers: list[str]
) -> dict[str, pa.DataType]:
    """Find types that hold for the whole file, so that a late '1.5' or 'n/a' does not break the stream.

    Arrow's stream infers from the first block alone. One pass over the columns in question, begun again
    with a wider type whenever a later block does not fit, gives what reading the file whole would give.
    """
    types: dict[str, pa.DataType] = {}
    while columns:
        try:
            with _open(path, header, columns, types, markers) as reader:
                _refuse_binary(path, reader.schema)
                for _ in reader:
                    pass
                return {field.name: field.type for field in reader.schema}
        except pa.ArrowInvalid as error:
            misfit = _MISFIT.search(str(error))
            if misfit is None:
                raise
            name = header.names[int(misfit[1])]
            types[name] = _wider(misfit[2], misfit[3])
    return types


def _wider(kind: str, value: str) -> pa.DataType:
    """Return the narrowest type that holds the values so far, of type `kind`, and this one."""
    if kind == "null" and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value):
        return pa.int64()
    if kind in ("null", "int64") and _is_number(value):
        return pa.float64()
    return pa.string()


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return "_" not in value


def _refuse_binary(path: Path, schema: pa.Schema) -> None:
    # Arrow falls back to bytes, without a word, for a text column that is not UTF-8.
    for field in schema:
        if pa.types.is_binary(field.type):
            where = undecodable(path) or "undecodable bytes"
            raise InputError(f"{path}: expected UTF-8 text in column '{field.name}', got {where}")


def _stripped(batch: pa.RecordBatch, missing: Sequence[str]) -> pa.RecordBatch:
    arrays = []
    for column in batch.columns:
        if column.type == CATEGORY or pa.types.is_string(column.type):
            text = pc.utf8_trim_whitespace(column.cast(pa.string()))
            text = pc.if_else(pc.is_in(text, pa.array(missing, pa.string())), None, text)
            arrays.append(text.dictionary_encode() if column.type == CATEGORY else text)
        else:
            arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
