"""JSON lines as a stream of Arrow batches that share one schema."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from .errors import InputError
from .files import open_content, reading
from .spelling import word

_BLOCK = 16 << 20
_FORM = "JSON lines"


def read_schema(path: Path) -> pa.Schema:
    """Return the schema of the whole file: every field of any line, integers widened where floats follow."""
    schema = pa.schema([])
    for first, block in _blocks(path):
        found = _as_written(_parse(path, block, first, None).schema)
        try:
            schema = pa.unify_schemas([schema, found], promote_options="permissive")
        except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
            field = re.search(r"Field (\S+) has incompatible", str(error))
            name = f" in field '{field[1]}'" if field else ""
            raise InputError(f"{path}: expected one type of value{name}, got several") from error
    if not schema.names:
        raise InputError(f"{path}: expected one JSON object per line, got none")
    return schema


def _as_written(schema: pa.Schema) -> pa.Schema:
    """The schema in which text stays text: Arrow would make moments of it and forget their zones."""
    return pa.schema([f.with_type(pa.string()) if pa.types.is_timestamp(f.type) else f for f in schema])


def iter_lines(
    path: Path, columns: Sequence[str], missing: Sequence[str], texts: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Stream the wanted fields of a JSON lines file; a field absent from a line is null.

    Numbers of the ``texts`` that no 64 bits hold come as text, with every digit.
    """
    whole = read_schema(path)
    schema = pa.schema([whole.field(name) for name in columns])
    exact = [f.name for f in schema if f.name in texts and pa.types.is_floating(f.type)]
    for first, block in _blocks(path):
        table = _parse(path, block, first, schema).select(list(columns))
        for name, values in _exact(block, exact).items():
            table = table.set_column(table.column_names.index(name), name, values)
        for batch in table.to_batches():
            yield pa.RecordBatch.from_arrays(
                [_nulled(c, missing) for c in batch.columns], schema=table.schema
            )


def _exact(block: bytes, names: Sequence[str]) -> dict[str, pa.Array]:
    """Some fields of a block, which Arrow has found sound, with all digits of their numbers."""
    if not names:
        return {}
    lines = [
        json.loads(line, parse_int=str, parse_float=lambda t: word(float(t)))
        for line in block.splitlines()
        if line.strip()
    ]
    return {name: pa.array([line.get(name) for line in lines], pa.string()) for name in names}


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield blocks of whole lines with the number of the first one."""
    line = 1
    with reading(path, _FORM), open_content(path) as file:
        while block := file.read(_BLOCK):
            block += file.readline()
            if block.strip():
                yield line, block
            line += block.count(b"\n")


def _parse(path: Path, block: bytes, first: int, schema: pa.Schema | None) -> pa.Table:
    options = pajson.ParseOptions(
        explicit_schema=schema,
        newlines_in_values=False,
        unexpected_field_behavior="infer" if schema is None else "ignore",
    )
    with reading(path, _FORM):
        try:
            table = pajson.read_json(
                io.BytesIO(block), pajson.ReadOptions(use_threads=False, block_size=len(block) + 1), options
            )
            # Arrow takes bytes that are not UTF-8 as they come; whoever reads the value later would fail.
            table.validate(full=True)
        except pa.ArrowInvalid as error:
            raise _plain(path, error, first) or error from error
    return table


def _plain(path: Path, error: pa.ArrowInvalid, first: int) -> InputError | None:
    text = str(error)
    where = f" in line {first + int(row[1]):,}" if (row := re.search(r"in row (\d+)", text)) else ""
    if changed := re.search(r"Column\((.*?)\) changed from (\w+) to (\w+)", text):
        column = changed[1].lstrip("/")
        if not column:
            return InputError(f"{path}: expected one JSON object per line, got an {changed[3]}{where}")
        return InputError(
            f"{path}: expected {changed[2]} values in field '{column}', got {changed[3]}{where}"
        )
    if twice := re.search(r"Column\((.*?)\) was specified twice", text):
        return InputError(f"{path}: expected every field once, got '{twice[1].lstrip('/')}' twice{where}")
    if "JSON parse error" in text:
        return InputError(f"{path}: expected one JSON object per line, got something else{where}")
    return None


def _nulled(column: pa.Array, missing: Sequence[str]) -> pa.Array:
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.is_in(column, pa.array(missing, pa.string())), None, column)
