"""How much a small file may make of itself: files come from strangers, and some are made to fill a machine.

Every bound is far from what real tables need, and none depends on the machine.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .errors import InputError

MAX_ROW = 4 << 20
"""Bytes of a row of delimited text or of a line of JSON, and of one text in a binary file: a column of text
has values of some kilobytes, and a batch of a thousand such rows still fits into memory."""

MAX_COLUMNS = 20_000
"""Columns of a table. Every column costs its reader some kilobytes in every batch, used or not; wide tables
of real data (gene expression, one-hot words) have some thousands."""

MAX_DEPTH = 64
"""Brackets within brackets in JSON. Arrow's parser calls itself for each, and ends the process with its
stack."""

FREE_BYTES = 1 << 30
"""What a compressed file may always become: below that no ratio is asked for."""

MAX_RATIO = 250
"""Bytes of text per compressed byte beyond `FREE_BYTES`. Tables of text shrink 3 to 30 times, columns of few
values 100 times; gzip ends at 1,032, which takes a file made for it."""

FREE_ROWS = 100_000_000
"""Rows that a Parquet or Arrow file may always have, whatever its size."""

MAX_ROWS_PER_BYTE = 16
"""Rows per byte of a binary file beyond `FREE_ROWS`: a single column of two values takes a bit per row."""

BATCH_BYTES = 256 << 20
"""Bytes of text in one column of a batch, from which follows how many rows are read at a time."""


class Inflated(io.RawIOBase):
    """The content of a gzip file as a raw stream that refuses to grow beyond measure."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._allowed = max(FREE_BYTES, MAX_RATIO * path.stat().st_size)
        self._file = pa.OSFile(str(path), "rb")
        self._stream = pa.CompressedInputStream(self._file, "gzip")
        self._total = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return up to so many bytes of the content; InputError where it is too much altogether."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(MAX_ROW), b""))
        found: bytes = self._stream.read(size)
        self._total += len(found)
        if self._total > self._allowed:
            raise InputError(
                f"{self._path}: {self._path.stat().st_size:,} bytes of gzip become more than "
                f"{self._allowed:,}; a file that grows so much is not read"
            )
        return found

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; returns how much."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._stream.close()
            self._file.close()
        super().close()


def check_columns(path: Path, number: int) -> None:
    """InputError for a table of more columns than one has."""
    if number > MAX_COLUMNS:
        raise InputError(f"{path}: expected at most {MAX_COLUMNS:,} columns, got {number:,}")


def check_rows(path: Path, rows: int) -> None:
    """InputError for more rows than the bytes of a binary file can hold, unless they are all alike."""
    size = path.stat().st_size
    if rows > FREE_ROWS and rows > MAX_ROWS_PER_BYTE * size:
        raise InputError(
            f"{path}: {size:,} bytes hold {rows:,} rows, which must all be alike; expected at most "
            f"{FREE_ROWS:,} rows, or {MAX_ROWS_PER_BYTE} per byte (counts say it in few rows: data.count)"
        )


def check_parquet(path: Path, file: pq.ParquetFile) -> None:
    """InputError for a footer that contradicts itself or promises more than the file can hold."""
    found = file.metadata
    groups = [found.row_group(i) for i in range(found.num_row_groups)]
    counted = sum(group.num_rows for group in groups)
    if counted != found.num_rows:
        raise InputError(
            f"{path}: expected readable Parquet, but its footer says {found.num_rows:,} rows and its row "
            f"groups have {counted:,}"
        )
    check_rows(path, found.num_rows)
    check_columns(path, found.num_columns)


def rows_at_a_time(path: Path, file: pq.ParquetFile, columns: Sequence[str], most: int) -> int:
    """Return how many rows a batch may have, so that its longest texts fit into memory.

    A dictionary says a long text once and rows repeat it for a bit each, so that neither the size of the
    file nor its footer tells what a batch becomes: the dictionaries themselves are looked at.

    Raises
    ------
    InputError
        A text is longer than `MAX_ROW`, or pages grow beyond measure.
    """
    texts = [c for c in columns if _is_text(file.schema_arrow.field(c).type)]
    if not texts:
        return most
    longest = 0
    # By small buffers: of each row group no more is read than its dictionary and its first page.
    coded = pq.ParquetFile(path, read_dictionary=texts, buffer_size=1 << 16, pre_buffer=False)
    for number in range(coded.num_row_groups):
        group = coded.metadata.row_group(number)
        _check_growth(path, group, texts)
        first = next(coded.iter_batches(batch_size=1, row_groups=[number], columns=texts), None)
        if first is None:
            continue
        for name in texts:
            longest = max(longest, _longest(path, name, first.column(name)))
    return max(1, min(most, BATCH_BYTES // max(longest, 1)))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _check_growth(path: Path, group: pq.RowGroupMetaData, texts: Sequence[str]) -> None:
    size = path.stat().st_size
    for index in range(group.num_columns):
        chunk = group.column(index)
        grown = chunk.total_uncompressed_size
        if chunk.path_in_schema in texts and grown > max(FREE_BYTES, MAX_RATIO * size):
            raise InputError(
                f"{path}: column '{chunk.path_in_schema}' becomes {grown:,} bytes in one row group of a file "
                f"of {size:,}; a file that grows so much is not read"
            )


def _longest(path: Path, name: str, column: pa.Array) -> int:
    """Bytes of the longest value that a column may have beside its first row: that of its dictionary."""
    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    length = pc.max(pc.binary_length(values)).as_py() or 0
    if length > MAX_ROW and not pa.types.is_binary(values.type):
        raise InputError(
            f"{path}: column '{name}' holds a text of {length:,} bytes; expected at most {MAX_ROW:,}"
        )
    return int(length)
