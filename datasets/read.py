"""Files to Arrow: CSV, TSV, Parquet, Feather / Arrow IPC and JSON lines, whole or as a stream.

Every function raises `InputError`, one line that names the file, when it cannot be used.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .alike import shown, totals
from .bounds import check_parquet, rows_at_a_time
from .conll import FORM as CONLL
from .conll import read_conll
from .delimited import CATEGORY, iter_text, line_of, read_form
from .dialect import TextForm, read_dialect
from .errors import InputError
from .files import form_of, reading, sha256_file
from .ipc import check_ipc
from .jsonlines import iter_lines, read_schema
from .missing import BLANK, Missing, nulled
from .numbers import decoded, row_of
from .spelling import spelled, without_extensions

__all__ = [
    "Missing", "TextForm", "column_names", "found_in", "iter_batches", "joined", "nearest", "place_of",
    "read_table", "resized", "row_count", "sha256_file",
]  # fmt: skip


BATCH_ROWS = 1 << 18
"""So many rows of a column stay in the cache of the processor while they are worked on."""


def column_names(path: str | Path, *, text: TextForm | None = None) -> list[str]:
    """Return the column names in the order of the file (JSON lines: every field of any line)."""
    path = Path(path)
    form = _form(path, text)
    if form == "delimited text":
        return read_dialect(path, text or TextForm()).names
    if form == "JSON lines":
        return list(read_schema(path, text.encoding if text else None).names)
    if form == CONLL:
        return list(read_conll(path).column_names)
    return list(_schema(path, form).names)


def found_in(path: str | Path, text: TextForm | None = None) -> list[str]:
    """Say how a text file is written where that was found by looking at it and is not the usual."""
    path = Path(path)
    if _form(path, text) != "delimited text":
        return []
    return read_form(path, text or TextForm()).told(path.name)


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
    missing: Missing | Sequence[str] = (),
    batch_rows: int = BATCH_ROWS,
    text: TextForm | None = None,
) -> Iterator[pa.RecordBatch]:
    """Stream a file in batches of one schema, in memory that does not grow with its length.

    Parameters
    ----------
    path
        A ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson``, ``.json`` (each also with ``.gz``), ``.parquet``,
        ``.feather`` or ``.arrow`` file.
    columns
        Columns to read, in this order; default all.
    categorical
        Columns that come as ``dictionary<int32, string>`` whatever the file says: categories are words. Text
        is kept as written, so that '01' stays '01'. A name that is not read is passed over.
    verbatim
        Columns that a text file gives as ``string``, exactly as written, such as ids. Other files keep their
        types.
    missing
        Strings that mean null in text formats, besides empty cells. Among numbers, the words that programs
        write for a missing value are null too; in a categorical column they stay, as ``NA`` may be a code.
    batch_rows
        Upper bound of the rows in a batch. Text comes in smaller ones, by blocks of some MiB.
    text
        How a delimited text file is written, as far as that is known; what it leaves open is found by looking
        at the file. With it, a file of no known ending is delimited text.

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
    missing = Missing.of(missing)
    # The fields of JSON are known when all of it was read: that is done once.
    fields = read_schema(path, text.encoding if text else None) if form == "JSON lines" else None
    held = read_conll(path) if form == CONLL else None
    names = _names_of(path, text, fields, held)
    wanted = names if columns is None else list(dict.fromkeys(columns))
    for name in wanted:
        if name not in names:
            raise _no_column(path, name, names)
    source: Iterator[pa.RecordBatch]
    if form == "delimited text":
        source = iter_text(path, text or TextForm(), wanted, categorical, missing, verbatim)
    elif fields is not None:
        encoding = text.encoding if text else None
        source = iter_lines(path, fields, wanted, missing, encoding, categorical, verbatim)
    elif held is not None:
        source = iter(held.select(wanted).combine_chunks().to_batches())
    elif form == "Parquet":
        source = _iter_parquet(path, wanted, categorical, batch_rows)
    else:
        source = _iter_ipc(path, wanted)
    for batch in source:
        with reading(path, form):
            worded = _categories(path, without_extensions(batch), categorical)
            if form in ("Parquet", "Arrow IPC"):
                worded = _nulled(worded, missing, verbatim)
        for start in range(0, max(worded.num_rows, 1), batch_rows):
            yield worded.slice(start, batch_rows)


def _names_of(
    path: Path, text: TextForm | None, fields: pa.Schema | None, held: pa.Table | None
) -> list[str]:
    if fields is not None:
        return list(fields.names)
    return column_names(path, text=text) if held is None else list(held.column_names)


def read_table(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    verbatim: Sequence[str] = (),
    missing: Missing | Sequence[str] = (),
    batch_rows: int = BATCH_ROWS,
    text: TextForm | None = None,
) -> pa.Table:
    """Read a file whole: the batches of `iter_batches`, with the same options, as one table."""
    batches = iter_batches(
        path, columns=columns, categorical=categorical, verbatim=verbatim, missing=missing,
        batch_rows=batch_rows, text=text,
    )  # fmt: skip
    return pa.Table.from_batches(batches).unify_dictionaries()


def resized(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Cut a stream of batches anew, so that all but the last have ``size`` rows."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= size:
            whole = joined(waiting)
            yield whole.slice(0, size)
            waiting, rows = [whole.slice(size)], rows - size
    if rows:
        yield joined(waiting)


def joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return some batches of one schema as one; InputError where they do not fit into one."""
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    if len(table.to_batches()) > 1:
        # More than 2 GiB of bytes need offsets of 64 bits to stand in one piece.
        wide = {pa.binary(): pa.large_binary(), pa.string(): pa.large_string()}
        fields = [f.with_type(wide.get(f.type, f.type)) for f in table.schema]
        table = table.cast(pa.schema(fields)).combine_chunks()
    whole = table.to_batches()
    if sum(batch.num_rows for batch in whole[:1]) != len(table):
        raise InputError(f"{len(table):,} rows do not fit into one piece of memory")
    return whole[0] if whole else batches[0]


def place_of(
    path: Path, column: str, value: str | None, text: TextForm | None = None, missing: Sequence[str] = BLANK
) -> str:
    """Return 'row N of PATH' for the first row of a file in which a value stands in a column; '' for none.

    Rows are counted from 1, the header not; of a text file the line is told too. Of a value that is missing
    (None, which the ``missing`` words are too) it is said where the row looks like one that sums up others.
    """
    row = row_of(value, column, iter_batches(path, columns=[column], verbatim=[column], text=text), missing)
    if not row:
        return ""
    line = line_of(path, text or TextForm(), row) if _form(path, text) == "delimited text" else None
    told = f" (line {line:,})" if line else ""
    return f"row {row:,} of {path}{told}{_sums_up(path, row, text) if value is None else ''}"


def _sums_up(path: Path, row: int, text: TextForm | None) -> str:
    names = column_names(path, text=text)
    start = 0
    for batch in iter_batches(path, verbatim=names, text=text):
        if row <= start + batch.num_rows:
            return totals_row(pa.Table.from_batches([batch.slice(row - start - 1, 1)]))
        start += batch.num_rows
    return ""


def totals_row(row: pa.Table) -> str:
    """Say that a row looks like one that sums up others, and by which value; nothing where it does not."""
    for name in row.column_names:
        value = decoded(row.column(name))[0].as_py()
        if isinstance(value, str) and totals([value]):
            told = f"{shown(value)} in column '{name}'"
            return f", which looks like a totals row ({told}): take it out of the data"
    return ""


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'X'?`` for the known name closest to this one, or nothing."""
    by_lower = {k.lower(): k for k in reversed(known)}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return f"; did you mean '{by_lower[close[0]]}'?" if close else ""


def _form(path: Path, text: TextForm | None) -> str:
    return form_of(path, "delimited text" if text else None)


def _no_column(path: Path, name: str, names: list[str]) -> InputError:
    if len(names) == 1:
        hint = "; its header is one piece: is the file separated by something else (data.separator)?"
    else:
        hint = nearest(name, names)
    return InputError(f"{path}: no column '{name}'{hint or '; it has ' + _few(names)}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _parquet(path: Path, read_dictionary: Sequence[str] = ()) -> pq.ParquetFile:
    # Read ahead, a file would be held whole until its end.
    return pq.ParquetFile(path, read_dictionary=list(read_dictionary), pre_buffer=False)


def _iter_parquet(
    path: Path, columns: list[str], categorical: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    schema = _schema(path, "Parquet")
    texts = [c for c in columns if c in categorical and pa.types.is_string(schema.field(c).type)]
    came = 0
    with reading(path, "Parquet"), _parquet(path, texts) as file:
        declared = file.metadata.num_rows
        rows = rows_at_a_time(path, file, columns, batch_rows)
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            came += batch.num_rows
            yield batch.select(columns)
    if came != declared and columns:
        # Arrow reads what there is and says nothing.
        raise InputError(
            f"{path}: expected readable Parquet, but its footer says {declared:,} rows and {came:,} came"
        )
    if not came:
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
                check_parquet(path, file)
                schema = file.schema_arrow
        else:
            with pa.memory_map(str(path)) as source:
                is_file = _is_ipc_file(source)
                check_ipc(path, source, is_file=is_file)
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


def _nulled(batch: pa.RecordBatch, missing: Missing, verbatim: Sequence[str]) -> pa.RecordBatch:
    """A batch of typed columns with null in place of the words of text that mean so."""
    columns = [
        nulled(column, BLANK if name in verbatim else missing.in_text(name))
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


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
                f"{path}: column '{field.name}': expected one value per row, got {field.type}"
                + "; several labels in a row are task: multilabel" * pa.types.is_list(field.type)
            ) from error
        batch = batch.set_column(index, field.name, words)
    return batch
