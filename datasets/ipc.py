"""What the batches of an Arrow file become in memory, told by their metadata before they are read.

Arrow unpacks a batch whole. Its metadata, flatbuffers, say how many rows it has, and each compressed buffer
begins with its size (https://arrow.apache.org/docs/format/Columnar.html).
"""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa

from .bounds import FREE_BYTES, MAX_RATIO, check_rows
from .errors import InputError

_HEADER, _LENGTH, _BUFFERS, _COMPRESSION, _DATA = 2, 0, 2, 3, 1
"""Numbers of the fields that are looked at: of a message, of a record batch, and of a dictionary."""


def check_ipc(path: Path, source: pa.NativeFile, *, is_file: bool) -> None:
    """InputError for batches that hold more than a file of this size can mean; ends at its start."""
    rows = 0
    allowed = max(FREE_BYTES, MAX_RATIO * path.stat().st_size)
    source.seek(8 if is_file else 0)  # A file is its mark and then a stream.
    while True:
        try:
            message = pa.ipc.read_message(source)
        except EOFError:
            break
        if message.type not in ("record batch", "dictionary"):
            continue
        try:
            more, grown = _size(message)
        except (struct.error, IndexError):
            raise InputError(f"{path}: expected readable Arrow IPC, but it is truncated or damaged") from None
        rows += more
        check_rows(path, rows)
        if grown > allowed:
            raise InputError(
                f"{path}: {path.stat().st_size:,} bytes become {grown:,} in one batch; a file that grows so "
                "much is not read"
            )
    source.seek(0)


def _size(message: pa.Message) -> tuple[int, int]:
    """Rows of a batch (none of a dictionary), and bytes of its unpacked buffers."""
    data = message.metadata.to_pybytes()
    batch = _follow(data, _field(data, _follow(data, 0), _HEADER))
    is_rows = message.type == "record batch"
    if not is_rows:
        batch = _follow(data, _field(data, batch, _DATA))
    at = _field(data, batch, _LENGTH)
    rows = struct.unpack_from("<q", data, at)[0] if at and is_rows else 0
    if not _field(data, batch, _COMPRESSION):
        return rows, 0  # As it lies in the file.
    vector = _follow(data, _field(data, batch, _BUFFERS))
    grown = 0
    for number in range(struct.unpack_from("<I", data, vector)[0]):
        offset, length = struct.unpack_from("<qq", data, vector + 4 + 16 * number)
        if length >= 8:
            # -1 says that this one is not compressed after all.
            size = struct.unpack("<q", message.body.slice(offset, 8).to_pybytes())[0]
            grown += length if size < 0 else size
    return rows, grown


def _follow(data: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """The place of a table's field; 0 where it has none."""
    names = table - struct.unpack_from("<i", data, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", data, names)[0]:
        return 0
    offset = int(struct.unpack_from("<H", data, names + 4 + 2 * number)[0])
    return table + offset if offset else 0
