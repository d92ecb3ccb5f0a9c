"""Files to Arrow: CSV, TSV, Parquet, Feather / Arrow IPC and JSON lines, whole or as a stream.

Every function raises `InputError`, one line that names the file, when it cannot be used.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .delimited import CATEGORY, TextForm, iter_text, read_header
from .errors import InputError
from .files import form_of, reading, sha256_file
from .jsonlines import iter_lines, read_schema
from .numbers import is_text, row_of
from .spelling import spelled, without_extensions

__all__ = [
    "TextForm",
    "column_names",
    "iter_batches",
    "nearest",
    "place_of",
    "read_table",
    "row_count",
    "sha256_file",
]


def column_names(path: str | Path, *, text: TextForm | None = None) -> list[str]:
    """Return the column names in the order of the file (JSON lines: every field of any line)."""
    path = Path(path)
    form = _form(path, text)
    if form == "delimited text":
        return read_header(path, text or TextForm()).names
    if form == "JSON lines":
        return list(read_schema(path).names)
    return list(_schema(path, form).names)


def row_count(path: str | Path) -> int | None:
    """Return the number of rows when the file's own metadata tells it; None where one would have to count."""
    path = Path(path)
    form = form_of(path)
    with reading(path, form):
        if form == "Parquet":
            with _parquet(path) as file:
                return int(file.metadata.num_rows)
    return None


def iter_batches(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    verbatim: Sequence[str] = (),
    missing: Sequence[str] = ("",),
    batch_rows: int = 1_000_000,
    text: TextForm | None = None,
) -> Iterator[pa.RecordBatch]:
    """Stream a file in batches of one schema, in memory that does not grow with its length.

    Parameters
    ----------
    path
        A ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` (each also with ``.gz``), ``.parquet``, ``.feather`` or
        ``.arrow`` file.
    columns
        Columns to read, in this order; default all.
    categorical
        Columns that come as ``dictionary<int32, string>`` whatever the file says: categories are words. Text
        is kept as written, so that '01' stays '01'. A name that is not read is passed over.
    verbatim
        Columns that a text file gives as ``string``, exactly as written, such as ids. Other files keep their
        types.
    missing
        Strings that mean null in columns of text. CSV adds NaN, nan, null and NULL. ``NA`` is a value: in
        some tables it is a code.
    batch_rows
        Upper bound of the rows in a batch. Text comes in smaller ones, by blocks of some MiB.
    text
        Says that the file is delimited text, whatever its ending, and how it departs from the usual.

    Yields
    ------
    pyarrow.RecordBatch
        At least one, empty when the file has no rows. Types are inferred from the whole text file (a second
        pass over files beyond one block), never from its beginning alone.

    Raises
    ------
    InputError
        The file or a column is missing, damaged, or not what its ending says.
    """
    path = Path(path)
    if batch_rows < 1:
        raise InputError(f"batch_rows must be at least 1, got {batch_rows}")
    form = _form(path, text)
    names = column_names(path, text=text)
    wanted = names if columns is None else list(dict.fromkeys(columns))
    for name in wanted:
        if name not in names:
            raise _no_column(path, name, names)
    source: Iterator[pa.RecordBatch]
    if form == "delimited text":
        source = iter_text(path, text or TextForm(), wanted, categorical, missing, verbatim)
    elif form == "JSON lines":
        source = iter_lines(path, wanted, missing, [*categorical, *verbatim])
    elif form == "Parquet":
        source = _iter_parquet(path, wanted, categorical, batch_rows)
    else:
        source = _iter_ipc(path, wanted)
    for batch in source:
        with reading(path, form):
            worded = _categories(path, without_extensions(batch), categorical)
            if form in ("Parquet", "Arrow IPC"):
                worded = nulled(worded, missing, verbatim)
        for start in range(0, max(worded.num_rows, 1), batch_rows):
            yield worded.slice(start, batch_rows)


def read_table(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    verbatim: Sequence[str] = (),
    missing: Sequence[str] = ("",),
    batch_rows: int = 1_000_000,
    text: TextForm | None = None,
) -> pa.Table:
    """Read a file whole: the batches of `iter_batches`, with the same options, as one table."""
    batches = iter_batches(
        path, columns=columns, categorical=categorical, verbatim=verbatim, missing=missing,
        batch_rows=batch_rows, text=text,
    )  # fmt: skip
    return pa.Table.from_batches(batches).unify_dictionaries()


def place_of(path: Path, column: str, value: str) -> str:
    """Return 'row N of PATH' for the first row of a file in which a text stands in a column; '' for none."""
    row = row_of(value, column, iter_batches(path, columns=[column], verbatim=[column], missing=()))
    return f"{row} of {path}" if row else ""


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'X'?`` for the known name closest to this one, or nothing."""
    by_lower = {k.lower(): k for k in reversed(known)}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return f"; did you mean '{by_lower[close[0]]}'?" if close else ""


def _form(path: Path, text: TextForm | None) -> str:
    return form_of(path, "delimited text" if text else None)


def _no_column(path: Path, name: str, names: list[str]) -> InputError:
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        hint = "; its header is one piece: is the file separated by something else?"
    else:
        hint = nearest(name, names)
    return InputError(f"{path}: no column '{name}'{hint or '; it has ' + _few(names)}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _parquet(path: Path, read_dictionary: Sequence[str] = ()) -> pq.ParquetFile:
    return pq.ParquetFile(path, read_dictionary=list(read_dictionary))


def _iter_parquet(
    path: Path, columns: list[str], categorical: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    schema = _schema(path, "Parquet")
    texts = [c for c in columns if c in categorical and pa.types.is_string(schema.field(c).type)]
    empty = True
    with reading(path, "Parquet"), _parquet(path, texts) as file:
        for batch in file.iter_batches(batch_size=batch_rows, columns=columns):
            empty = False
            yield batch.select(columns)
    if empty:
        yield _no_rows(schema, columns)


def _iter_ipc(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    empty = True
    with reading(path, "Arrow IPC"), pa.memory_map(str(path)) as source:
        for batch in _ipc_batches(source):
            empty = False
            yield batch.select(columns)
    if empty:
        yield _no_rows(_schema(path, "Arrow IPC"), columns)


def _ipc_batches(source: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    if not _is_ipc_file(source):
        yield from pa.ipc.open_stream(source)
        return
    file = pa.ipc.open_file(source)
    for index in range(file.num_record_batches):
        yield file.get_batch(index)


def _is_ipc_file(source: pa.NativeFile) -> bool:
    """Tell an IPC file from a bare stream, which some writers also call ``.arrow``."""
    start = source.read(6)
    source.seek(0)
    return bool(start == b"ARROW1")


def _schema(path: Path, form: str) -> pa.Schema:
    with reading(path, form):
        if form == "Parquet":
            with _parquet(path) as file:
                schema = file.schema_arrow
        else:
            with pa.memory_map(str(path)) as source:
                is_file = _is_ipc_file(source)
                try:
                    schema = (pa.ipc.open_file if is_file else pa.ipc.open_stream)(source).schema
                except TypeError as error:
                    # A library that adds a type to Arrow does not always read back what it wrote.
                    raise InputError(
                        f"{path}: a column of a type that its own library cannot read back, such as bands of "
                        f"pandas.cut as categories ({error}); write it as text"
                    ) from None
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        listed = ", ".join(f"'{name}'" for name in twice)
        raise InputError(f"{path}: expected every column name once, got more than one column called {listed}")
    return schema


def nulled(batch: pa.RecordBatch, missing: Sequence[str], besides: Sequence[str]) -> pa.RecordBatch:
    """Put null for words in columns of text that mean it, but for some columns; '' is no such word here."""
    words = pa.array([text for text in missing if text], pa.string())
    if not len(words):
        return batch
    for place, field in enumerate(batch.schema):
        if not is_text(field.type) or field.name in besides:
            continue
        column = batch.column(place)
        texts = column.dictionary if pa.types.is_dictionary(field.type) else column
        meant = pc.is_in(texts.cast(pa.string()), words)
        if not pc.any(meant).as_py():
            continue
        if pa.types.is_dictionary(field.type):
            meant = pc.fill_null(meant.take(column.indices), False)
        batch = batch.set_column(place, field.name, pc.if_else(meant, pa.scalar(None, field.type), column))
    return batch


def _no_rows(schema: pa.Schema, columns: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=pa.schema([schema.field(name) for name in columns]))


def _categories(path: Path, batch: pa.RecordBatch, categorical: Sequence[str]) -> pa.RecordBatch:
    """Give every categorical column the one type `CATEGORY`, whatever the file made of it."""
    for index, field in enumerate(batch.schema):
        if field.name not in categorical or field.type == CATEGORY:
            continue
        column = batch.column(index)
        try:
            # Encoding first leaves only the distinct values to be written as words.
            encoded = column if pa.types.is_dictionary(field.type) else column.dictionary_encode()
            words = pa.DictionaryArray.from_arrays(
                encoded.indices.cast(pa.int32()), spelled(encoded.dictionary)
            )
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise InputError(
                f"{path}: column '{field.name}' is wanted as categories, but holds {field.type}"
            ) from error
        batch = batch.set_column(index, field.name, words)
    return batch
