"""A file as bytes: is it there, is it what its ending says, what is its checksum, where is it not UTF-8."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from .bounds import Inflated
from .errors import InputError

FORMS = {
    ".csv": "delimited text",
    ".tsv": "delimited text",
    ".parquet": "Parquet",
    ".feather": "Arrow IPC",
    ".arrow": "Arrow IPC",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".json": "JSON lines",
    ".conll": "CoNLL",
    ".iob": "CoNLL",
    ".bio": "CoNLL",
}
"""What each ending promises; the text forms may carry ``.gz`` behind it. JSON is told apart by its first
character: an array of objects, or lines."""

_TEXT = ("delimited text", "JSON lines", "CoNLL")
_GZIP = b"\x1f\x8b"
_MAGIC = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow IPC file",
    b"FEA1": "a Feather version 1 file",
    _GZIP: "gzip-compressed",
    b"PK\x03\x04": "a zip or Excel file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
}
_CHUNK = 1 << 20


def form_of(path: Path, form: str | None = None) -> str:
    """Return the form that a file's ending promises (a value of `FORMS`), after checking that it keeps it.

    The `form` is what a file of no known ending is taken for; of such an ending only ``.gz`` counts.

    Raises
    ------
    InputError
        The file is missing, a directory or empty, its ending is unknown, or its first bytes belong to
        another form.
    """
    stem = path.with_suffix("") if is_gzip_name(path) else path
    form = FORMS.get(stem.suffix.lower(), form)
    if form is None or (is_gzip_name(path) and form not in _TEXT):
        known = ", ".join(FORMS)
        raise InputError(
            f"{path}: expected a file ending in {known} (text also with .gz), got '{path.name}'; text under "
            "another ending is read where data.separator says how"
        )
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        # A pipe would be waited for, and a device has no end.
        found = "a directory" if path.is_dir() else "a pipe or a device"
        raise InputError(f"{path}: expected a file, got {found}")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not start:
        raise InputError(f"{path}: the file is empty")
    _check_start(path, form, start)
    return form


def _check_start(path: Path, form: str, start: bytes) -> None:
    found = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "something else")
    if is_gzip_name(path):
        if not start.startswith(_GZIP):
            raise InputError(f"{path}: expected gzip-compressed {form} from its ending, got {found}")
    elif form in _TEXT:
        if found != "something else":
            hint = "; add .gz to its name" if start.startswith(_GZIP) else ""
            raise InputError(f"{path}: expected {form} from its ending, got {found}{hint}")
    elif form == "Parquet" and not start.startswith(b"PAR1"):
        raise InputError(f"{path}: expected a Parquet file from its ending, got {found}")
    elif form == "Arrow IPC" and not start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        raise InputError(f"{path}: expected an Arrow IPC (Feather 2) file from its ending, got {found}")


def is_gzip_name(path: Path) -> bool:
    """Whether the file's name says that it is compressed."""
    return path.suffix.lower() == ".gz"


def open_content(path: Path) -> IO[bytes]:
    """Open a file's decompressed bytes; what counts is its first bytes, not its name."""
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    return io.BufferedReader(Inflated(path), _CHUNK) if compressed else path.open("rb")


@contextmanager
def reading(path: Path, form: str, encoding: str = "utf-8") -> Iterator[None]:
    """Turn whatever a reader throws at damaged content into one line that names the file."""
    try:
        yield
    except InputError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the gzip stream is truncated or damaged") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if "ompressed stream" in str(error) or "zlib" in str(error):
            raise InputError(f"{path}: the gzip stream is truncated or damaged") from error
        if form in _TEXT and (where := undecodable(path, encoding)):
            raise InputError(
                f"{path}: expected {encoding.upper()} text, got {where}; data.encoding says another encoding"
            ) from error
        # Of text, readers quote the piece they stumble over; rows are people.
        reason = "" if form in _TEXT else f" ({' '.join(str(error).split()).rstrip('.')[:200]})"
        raise InputError(
            f"{path}: expected readable {form}, but it is truncated or damaged{reason}"
        ) from error


def undecodable(path: Path, encoding: str = "utf-8") -> str | None:
    """Say where the first byte is that is not so encoded, ``byte 0xe9 in line 3 (offset 27)``, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, lines = 0, 1
    with open_content(path) as file:
        while True:
            chunk = file.read(_CHUNK)
            pending = decoder.getstate()[0]
            try:
                lines += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n")
                at = offset - len(pending) + error.start
                return f"byte 0x{error.object[error.start]:02x} in line {line:,} (offset {at:,})"
            except UnicodeError as error:
                return f"something else from offset {offset:,} on ({error})"
            if not chunk:
                return None
            offset += len(chunk)


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as they lie on disk, in hexadecimal, read in constant memory."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def sha256_content(path: Path) -> str:
    """Return the SHA-256 of a file's content, decompressed when it is gzip, in hexadecimal.

    The same data compressed by another program has the same content but other bytes.
    """
    digest = hashlib.sha256()
    with reading(path, "gzip"), open_content(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
