"""Delimited text (CSV, TSV) as a stream of Arrow batches whose types hold for the whole file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from .bounds import MAX_ROW, Inflated
from .dialect import LOOK, Dialect, TextForm, read_dialect
from .errors import InputError
from .files import is_gzip_name, open_content, reading, undecodable
from .missing import ALWAYS, BLANK, Missing, nulled
from .numerals import CODE, Numerals, find_numerals, grouped, may_hold_codes, may_hold_marks, ungrouped
from .quotes import refuse_open_quotes

BLOCK = MAX_ROW
"""Bytes parsed at a time; a single row cannot be longer. Arrow reads up to 32 blocks ahead."""

CATEGORY = pa.dictionary(pa.int32(), pa.string())
FORM = "delimited text"
_MISFIT = re.compile(r"In CSV column #(\d+):.*conversion error to (.+?): invalid value '(.*)'", re.DOTALL)
_WIDE = re.compile(r"(utf|ucs)[-_]?(16|32|2|4)", re.I)
"""Encodings in which a digit is no byte of its own."""
_RAGGED = re.compile(r"Expected (\d+) columns, got (\d+)")


@dataclass
class _Types:
    """Types that hold for the whole file, and those of columns of numbers with marks between thousands.

    Columns of ``codes`` are whole numbers but for the zeros before them.
    """

    of: dict[str, pa.DataType] = field(default_factory=dict)
    grouped: dict[str, pa.DataType] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)


def read_form(path: Path, form: TextForm) -> Dialect:
    """Find out how a file is written, its numbers too, as far as `form` does not say it."""
    dialect = read_dialect(path, form)
    numerals = Numerals(form.decimal or ".", form.thousands or "")
    if (form.decimal is None or form.thousands is None) and _may_hold_marks(path, dialect):
        with reading(path, FORM, dialect.encoding), _plainly(path, dialect):
            everything = dict.fromkeys(dialect.names, pa.string())
            with _open(path, dialect, dialect.names, everything, ()) as reader:
                start = next(iter(reader), None)
        if start is not None:
            columns = dict(zip(start.schema.names, start.columns, strict=True))
            points = dialect.separator == ";"
            words = Missing().in_numbers
            numerals = find_numerals(columns, words, form.decimal, form.thousands, points=points)
    found = dict(dialect.found)
    if form.decimal is None and numerals.decimal != ".":
        found["decimal"] = numerals.decimal
    if form.thousands is None and numerals.thousands:
        found["thousands"] = numerals.thousands
    return replace(
        dialect,
        decimal=numerals.decimal,
        thousands=numerals.thousands,
        unclear=numerals.unclear,
        found=found,
    )


def _may_hold_marks(path: Path, dialect: Dialect) -> bool:
    with open_content(path) as file:
        start = file.read(LOOK)
    return b"\0" in start[:1000] or may_hold_marks(start, dialect.separator)  # UTF-16 has zeros.


def iter_text(
    path: Path,
    form: TextForm,
    columns: Sequence[str],
    categorical: Sequence[str],
    missing: Missing,
    verbatim: Sequence[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Stream a delimited text file; `columns`, `categorical` and `verbatim` are known to exist."""
    dialect = read_form(path, form)
    with reading(path, FORM, dialect.encoding):
        refuse_open_quotes(path, dialect)
    texts = {name: pa.string() for name in columns if name in verbatim}
    texts |= {name: CATEGORY for name in columns if name in categorical}
    numbers = [name for name in columns if name not in texts]
    _refuse_unclear(path, dialect, numbers, form.key)
    with reading(path, FORM, dialect.encoding), _plainly(path, dialect):
        types = _settled(path, dialect, numbers, missing, form)
        kinds = types.of | texts
        with _open(path, dialect, columns, kinds, _markers(missing, form)) as reader:
            _refuse_binary(path, reader.schema, dialect.encoding)
            yielded = False
            for batch in reader:
                yielded = True
                yield _finished(batch, dialect, types, missing, form, verbatim)
            if not yielded:
                empty = pa.RecordBatch.from_pylist([], schema=reader.schema)
                yield _finished(empty, dialect, types, missing, form, verbatim)


def _refuse_unclear(path: Path, dialect: Dialect, numbers: Sequence[str], key: str) -> None:
    for name in numbers:
        if name in dialect.unclear:
            raise InputError(
                f"{path}: column '{name}' holds numbers such as {dialect.unclear[name]!r}, which can be read "
                f"in two ways; say {key}.decimal ('.' or ',') and, where there are marks between thousands, "
                f"{key}.thousands"
            )


def _markers(missing: Missing, form: TextForm) -> tuple[str, ...]:
    """Words that are null among numbers; Arrow compares them with the cell as it stands."""
    words = missing.in_numbers
    return (*words, *(f" {word}" for word in words if word.strip())) if form.strip else words


def _open(
    path: Path,
    dialect: Dialect,
    columns: Sequence[str],
    types: dict[str, pa.DataType],
    markers: Sequence[str],
) -> pacsv.CSVStreamingReader:
    source = pa.PythonFile(Inflated(path), mode="r") if is_gzip_name(path) else pa.input_stream(str(path))
    return pacsv.open_csv(
        source,
        # One thread: as fast as several on a narrow table, and only then does a bad row have a number.
        pacsv.ReadOptions(
            use_threads=False,
            block_size=BLOCK,
            column_names=dialect.names,
            skip_rows=dialect.lines,
            encoding="utf8" if dialect.encoding == "utf-8" else dialect.encoding,
        ),
        pacsv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True),
        pacsv.ConvertOptions(
            include_columns=list(columns),
            column_types=types,
            null_values=list(markers),
            # What is missing in text is another list: `nulled` sees to it.
            strings_can_be_null=False,
            decimal_point=dialect.decimal,
        ),
    )


@contextmanager
def _plainly(path: Path, dialect: Dialect) -> Iterator[None]:
    """Say what is wrong without the row itself, which Arrow quotes: rows are people."""
    try:
        yield
    except pa.ArrowInvalid as error:
        if ragged := _RAGGED.search(str(error)):
            expected, got = ragged.groups()
            number = len(dialect.names)
            line = next((at for at, row in _records(path, dialect) if len(row) != number), None)
            where = f" in line {line:,}" if line else ""
            raise InputError(
                f"{path}: expected {expected} columns, got {got}{where}; is a separator or a quote missing, "
                "or are there lines before the header (data.skip)?"
            ) from error
        if "straddl" in str(error):
            raise InputError(
                f"{path}: a row is longer than {BLOCK >> 20} MiB; is a closing quote missing?"
            ) from error
        raise


def _records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Rows of a file, without its header, and the line of the file in which each begins."""
    encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
    with open_content(path) as raw, io.TextIOWrapper(raw, encoding, newline="") as text:
        for _ in range(dialect.lines):
            text.readline()
        rows = csv.reader(text, delimiter=dialect.separator)
        while True:
            line = dialect.lines + rows.line_num + 1
            try:
                row = next(rows)
            except (StopIteration, csv.Error, UnicodeError):
                return
            if row:
                yield line, row


def line_of(path: Path, form: TextForm, row: int) -> int | None:
    """Return the line of a file in which a row begins, counted from 1; None where that cannot be told."""
    return next((line for line, _ in islice(_records(path, read_dialect(path, form)), row - 1, row)), None)


def _settled(
    path: Path, dialect: Dialect, columns: Sequence[str], missing: Missing, form: TextForm
) -> _Types:
    """Find types that hold for the whole file, so that a late '1.5' or 'n/a' does not break the stream.

    Arrow's stream infers from the first block alone. One pass over the columns in question, begun again
    with a wider type whenever a later block does not fit, gives what reading the file whole would give.
    """
    types: dict[str, pa.DataType] = {}
    while columns:
        try:
            # As a null, a word does not make text of a column of numbers.
            with _open(path, dialect, columns, types, _markers(missing, form)) as reader:
                _refuse_binary(path, reader.schema, dialect.encoding)
                found = _Types({field.name: field.type for field in reader.schema})
                marked = _Marked(dialect, found) if dialect.thousands else None
                for batch in reader:
                    if marked:
                        marked.add(batch, missing)
                if marked:
                    found.grouped = marked.types
                return _with_codes(path, dialect, found)
        except pa.ArrowInvalid as error:
            misfit = _MISFIT.search(str(error))
            if misfit is None:
                raise
            name = dialect.names[int(misfit[1])]
            if form.decimal is None and _has_other_decimals(misfit[3], dialect.decimal):
                raise InputError(
                    f"{path}: column '{name}' holds {misfit[3][:40]!r} after numbers that are written "
                    f"otherwise; say {form.key}.decimal"
                ) from None
            types[name] = _wider(misfit[2], misfit[3], dialect.decimal)
    return _Types()


def _with_codes(path: Path, dialect: Dialect, found: _Types) -> _Types:
    """Make text of the columns of whole numbers in which digits stand behind a zero: 007 is a code.

    Marks between thousands say that it is none.
    """
    whole = [name for name, kind in found.of.items() if pa.types.is_integer(kind)]
    if not whole or not _may_hold_codes(path, dialect):
        return found
    with _open(path, dialect, whole, dict.fromkeys(whole, pa.string()), ()) as reader:
        for batch in reader:
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if pc.any(pc.match_substring_regex(column, CODE)).as_py():
                    found.codes.add(name)
    found.of |= dict.fromkeys(found.codes, pa.string())
    return found


def _may_hold_codes(path: Path, dialect: Dialect) -> bool:
    if _WIDE.match(dialect.encoding):
        return True
    last = b"\n"
    with open_content(path) as file:
        while block := file.read(LOOK):
            if may_hold_codes(last + block, dialect.separator):
                return True
            last = (last + block)[-2:]
    return False


def _has_other_decimals(value: str, decimal: str) -> bool:
    other = "," if decimal == "." else r"\."
    return bool(re.fullmatch(rf"\s*[+-]?\d+{other}\d+\s*", value))


class _Marked:
    """Columns of text in which every value is a number, some with marks between thousands."""

    def __init__(self, dialect: Dialect, found: _Types) -> None:
        self._dialect = dialect
        self._pattern = grouped(dialect.decimal, dialect.thousands)
        self.types = {name: pa.int64() for name, kind in found.of.items() if pa.types.is_string(kind)}

    def add(self, batch: pa.RecordBatch, missing: Missing) -> None:
        """Take a batch: a column with another value is none of them."""
        for name in list(self.types):
            values = nulled(batch.column(name), missing.in_numbers).drop_null()
            fits = pc.match_substring_regex(values, self._pattern)
            if not len(values):
                continue
            if not pc.all(fits).as_py():
                del self.types[name]
            elif pc.any(pc.match_substring_regex(values, rf"[{self._dialect.decimal}eE]")).as_py():
                self.types[name] = pa.float64()


def _wider(kind: str, value: str, decimal: str) -> pa.DataType:
    """Return the narrowest type that holds the values so far, of type `kind`, and this one."""
    if kind == "null" and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value):
        return pa.int64()
    if kind in ("null", "int64") and _is_number(value, decimal):
        return pa.float64()
    return pa.string()


def _is_number(value: str, decimal: str) -> bool:
    if decimal != "." and "." in value:
        return False
    try:
        float(value.replace(decimal, "."))
    except ValueError:
        return False
    return "_" not in value


def _refuse_binary(path: Path, schema: pa.Schema, encoding: str) -> None:
    # Arrow falls back to bytes, without a word, for a text column that is not UTF-8.
    for column in schema:
        if pa.types.is_binary(column.type):
            where = undecodable(path, encoding) or "undecodable bytes"
            raise InputError(
                f"{path}: expected UTF-8 text in column '{column.name}', got {where}; data.encoding says "
                "another encoding"
            )


def _finished(
    batch: pa.RecordBatch,
    dialect: Dialect,
    types: _Types,
    missing: Missing,
    form: TextForm,
    verbatim: Sequence[str],
) -> pa.RecordBatch:
    """Bring a batch as it was parsed to what is wanted: null for missing words, numbers for marked ones."""
    arrays = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if form.strip and (column.type == CATEGORY or pa.types.is_string(column.type)):
            trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
            column = trimmed.dictionary_encode() if column.type == CATEGORY else trimmed
        if name in types.grouped:
            column = ungrouped(
                nulled(column, missing.in_numbers), dialect.decimal, dialect.thousands, types.grouped[name]
            )
        elif name in types.codes:
            column = nulled(column, missing.in_numbers)
        elif name in verbatim:
            column = nulled(column, BLANK)
        else:
            # Of the columns that nobody asks about, some words are missing without a question.
            column = nulled(column, missing.in_text(name, () if column.type == CATEGORY else ALWAYS))
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
