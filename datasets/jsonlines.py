"""JSON, as lines or as an array of objects, as a stream of Arrow batches that share one schema."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.json as pajson

from .bounds import MAX_COLUMNS, MAX_ROW, check_columns
from .brackets import ArrayLines, check_depth, check_objects
from .errors import InputError
from .files import open_content, reading
from .json_mixed import Numbers, spelled, texts
from .missing import BLANK, Missing, nulled
from .spelling import word

_BLOCK = 16 << 20
_FORM = "JSON lines"
_FIELD = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')
_MIXED = {b"kinds": b"several"}
"""Of a field that is text in some lines and a number or truth value in others."""
_SCALARS = frozenset({"boolean", "number", "string"})
_PIECE = 32 << 10
"""Bytes parsed at a time while fields turn up that were not known: a field of one line is a column of all, so
that a block with another field in every line would fill the memory."""


def read_schema(path: Path, encoding: str | None = None) -> pa.Schema:
    """Return the schema of the whole file: every field of any line, integers widened where floats follow.

    A field of numbers in some lines and of words in others is text, as it is in CSV.
    """
    schema = pa.schema([])
    mixed: set[str] = set()
    for where, block in _blocks(path, encoding):
        check_depth(block, where.whole)
        check_objects(block, where.whole)
        if mixed:
            block = spelled(path, block, mixed)
        if schema.names and _fits(block, schema):
            continue
        for number, piece in _pieces(block):
            _check_fields(path, piece, where(number))
            found = _as_written(_found(path, piece, where, number, mixed))
            mixed |= _mixed_fields(schema, found)
            schema = _joined(path, schema, found, mixed)
            check_columns(path, len(schema.names))
    if not schema.names:
        raise InputError(f"{path}: expected one JSON object per line, or an array of objects, got none")
    return pa.schema([f.with_metadata(_MIXED) if f.name in mixed else f for f in schema])


def _as_written(schema: pa.Schema) -> pa.Schema:
    """The schema in which text stays text: Arrow would make moments of it and forget their zones."""
    return pa.schema([f.with_type(pa.string()) if pa.types.is_timestamp(f.type) else f for f in schema])


def iter_lines(
    path: Path,
    whole: pa.Schema,
    columns: Sequence[str],
    missing: Missing,
    encoding: str | None = None,
    categorical: Sequence[str] = (),
    verbatim: Sequence[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Stream the wanted fields of a JSON file of a known schema; a field absent from an object is null.

    Numbers of ``categorical`` and ``verbatim`` fields that no 64 bits hold come as text, every digit, and
    numbers among words as they are written.
    """
    schema = pa.schema([whole.field(name) for name in columns])
    exact = [f.name for f in schema if f.name in (*categorical, *verbatim) and pa.types.is_floating(f.type)]
    mixed = [f.name for f in schema if f.metadata == _MIXED]
    typed = pa.schema([f for f in schema if f.metadata != _MIXED])
    counted = [name for name in mixed if name not in (*categorical, *verbatim)]
    blocks = _blocks(path, encoding) if counted else ()
    numbers = Numbers((texts(path, block, counted) for _, block in blocks), missing)
    for where, block in _blocks(path, encoding):
        table = _parse(path, block, where, 0, typed)
        read = {name: table.column(name) for name in table.column_names}
        read |= texts(path, block, exact, lambda number: word(float(number)))
        read |= {name: numbers.of(name, values) for name, values in texts(path, block, mixed).items()}
        for batch in pa.table({name: read[name] for name in columns}).to_batches():
            arrays = [
                nulled(column, BLANK if name in verbatim else missing.in_text(name))
                for name, column in zip(columns, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


class _Where:
    """Says where a line of a block stands in the file."""

    def __init__(self, path: Path, unit: str, first: int) -> None:
        self.path, self._unit, self._first = path, unit, first

    def whole(self, line: int) -> str:
        """With the file."""
        return f"{self.path}: {self(line)}"

    def __call__(self, line: int) -> str:
        return f"{self._unit} {self._first + line:,}"


def _blocks(path: Path, encoding: str | None) -> Iterator[tuple[_Where, bytes]]:
    """Yield blocks of whole lines, and what says where they stand."""
    line = 1
    with reading(path, _FORM, encoding or "utf-8"), open_content(path) as raw:
        file, unit = _as_lines(path, raw, encoding)
        while block := file.read(_BLOCK):
            where = _Where(path, unit, line)
            block += file.readline(MAX_ROW)
            _check_length(path, block, where)
            if block.strip():
                yield where, block
            line += block.count(b"\n")


def _check_length(path: Path, block: bytes, where: _Where) -> None:
    """InputError for a line of more than `MAX_ROW` bytes."""
    start = 0
    while len(block) - start > MAX_ROW:
        end = block.rfind(b"\n", start, start + MAX_ROW)
        if end < 0:
            line = where(block.count(b"\n", 0, start))
            raise InputError(f"{path}: {line} is longer than {MAX_ROW >> 20} MiB")
        start = end + 1


def _as_lines(path: Path, raw: IO[bytes], encoding: str | None) -> tuple[IO[bytes], str]:
    """The content as UTF-8 in lines, and what a line is of the file."""
    file = io.BufferedReader(raw, _BLOCK)  # type: ignore[type-var]
    start = file.peek()
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if encoding or wide:
        text = pa.transcoding_input_stream(pa.PythonFile(file, mode="r"), encoding or "utf-16", "utf-8")
        file = io.BufferedReader(text, _BLOCK)
        start = file.peek()
    if start.startswith(codecs.BOM_UTF8):
        file.read(len(codecs.BOM_UTF8))
        start = start.removeprefix(codecs.BOM_UTF8)
    if start.lstrip().startswith(b"["):
        return io.BufferedReader(ArrayLines(path, file), _BLOCK), "item"
    return file, "line"


def _pieces(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Parts of a block of some whole lines, with the number of the first one."""
    start = line = 0
    while start < len(block):
        end = block.find(b"\n", start + _PIECE) + 1 or len(block)
        piece = block[start:end]
        if piece.strip():
            yield line, piece
        line += piece.count(b"\n")
        start = end


def _check_fields(path: Path, piece: bytes, where: str) -> None:
    """InputError for a line of more fields than a table has columns; a short piece cannot have as many."""
    if len(piece) > 2 * _PIECE and len(set(_FIELD.findall(piece))) > MAX_COLUMNS:
        raise InputError(f"{path}: expected at most {MAX_COLUMNS:,} fields, got more from {where} on")


def _fits(block: bytes, schema: pa.Schema) -> bool:
    """Whether a block holds nothing but the fields that are known, in their types."""
    options = pajson.ParseOptions(
        explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior="error"
    )
    try:
        _read(block, options)
    except pa.ArrowInvalid:
        return False
    return True


def _read(block: bytes, options: pajson.ParseOptions) -> pa.Table:
    size = pajson.ReadOptions(use_threads=False, block_size=len(block) + 1)
    return pajson.read_json(io.BytesIO(block), size, options)


def _parse(path: Path, block: bytes, where: _Where, first: int, schema: pa.Schema | None) -> pa.Table:
    options = pajson.ParseOptions(
        explicit_schema=schema,
        newlines_in_values=False,
        unexpected_field_behavior="infer" if schema is None else "ignore",
    )
    with reading(path, _FORM):
        try:
            table = _read(block, options)
            # Arrow takes bytes that are not UTF-8 as they come; whoever reads the value later would fail.
            table.validate(full=True)
        except pa.ArrowInvalid as error:
            raise _plain(path, error, where, first) or error from error
    return table


def _found(path: Path, piece: bytes, where: _Where, first: int, mixed: set[str]) -> pa.Schema:
    """The schema of some lines; fields of numbers and words become text, and join ``mixed``."""
    try:
        return _parse(path, piece, where, first, None).schema
    except _MixedError as error:
        if error.field in mixed:
            raise
        mixed.add(error.field)
        return _found(path, spelled(path, piece, mixed), where, first, mixed)


class _MixedError(InputError):
    """A field holds values of several kinds, none of them an object or a list."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def _plain(path: Path, error: pa.ArrowInvalid, at: _Where, first: int) -> InputError | None:
    text = str(error)
    where = f" in {at(first + int(row[1]))}" if (row := re.search(r"in row (\d+)", text)) else ""
    if changed := re.search(r"Column\((.*?)\) changed from (\w+) to (\w+)", text):
        column = changed[1].removeprefix("/")
        if not column:
            return InputError(f"{path}: expected one JSON object per line, got {_article(changed[3])}{where}")
        text = f"{path}: expected {changed[2]} values in field '{column}', got {changed[3]}{where}"
        return _MixedError(column, text) if {changed[2], changed[3]} <= _SCALARS else InputError(text)
    if twice := re.search(r"Column\((.*?)\) was specified twice", text):
        return InputError(f"{path}: expected every field once, got '{twice[1].lstrip('/')}' twice{where}")
    if "JSON parse error" in text:
        return InputError(f"{path}: expected one JSON object per line, got something else{where}")
    return None


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _mixed_fields(one: pa.Schema, other: pa.Schema) -> set[str]:
    """The fields that are words in one schema and numbers or truth values in the other."""
    kinds = {field.name: _kind(field.type) for field in one}
    pairs = {field.name: {kinds.get(field.name), _kind(field.type)} - {None} for field in other}
    return {name for name, pair in pairs.items() if len(pair) == 2}


def _kind(type_: pa.DataType) -> str | None:
    """Which kind of scalar a type holds; nothing for objects, lists and blanks."""
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    return "boolean" if pa.types.is_boolean(type_) else "string" if pa.types.is_string(type_) else None


def _joined(path: Path, one: pa.Schema, other: pa.Schema, mixed: Collection[str]) -> pa.Schema:
    """The fields of both, in types that hold the values of both."""
    known = {field.name: field.type for field in one}
    for field in other:
        if field.name in mixed and (_kind(field.type) or pa.types.is_null(field.type)):
            known[field.name] = pa.string()
            continue
        try:
            known[field.name] = _both(known.get(field.name, pa.null()), field.type)
        except ValueError:
            raise InputError(
                f"{path}: expected one type of value in field '{field.name}', got several"
            ) from None
    return pa.schema(list(known.items()))


def _both(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of two; ValueError where there is none."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        known = {field.name: field.type for field in one}
        for field in other:
            known[field.name] = _both(known.get(field.name, pa.null()), field.type)
        return pa.struct(list(known.items()))
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(_both(one.value_type, other.value_type))
    kinds = {one, other}
    if kinds == {pa.int64(), pa.float64()}:
        return pa.float64()
    # Text of which the first lines all look like times.
    if pa.string() in kinds and any(pa.types.is_timestamp(kind) for kind in kinds):
        return pa.string()
    raise ValueError
