"""Zip archives from strangers, looked through before anything of them is unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import IO

MOST_ENTRIES = 100_000
ALWAYS = 256 << 20
"""Bytes that any archive may unpack to."""
MOST_TIMES = 20
"""How many times its own size a larger one may unpack to; weights hardly shrink at all."""
MOST_TEXT = 64 << 20
"""Bytes of an entry of JSON, which takes many times as much in memory once it is read."""


def refuse_bomb(path: Path) -> None:
    """Refuse an archive that would unpack to beyond all proportion.

    Entries that are archives themselves (sparse matrices are kept so) are looked into too. An entry never
    unpacks to more than it declares: readers stop there.

    Raises
    ------
    ValueError
        It does, or its entries lie over each other.
    zipfile.BadZipFile
        It is no archive.
    """
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        most = max(ALWAYS, MOST_TIMES * size)
        unpacked = _unpacked(file, size, most)
    if unpacked > most:
        raise ValueError(
            f"an archive of {size:,} bytes that unpacks to {unpacked:,}; expected at most {most:,} (save it "
            "without compression)"
        )


def _unpacked(file: IO[bytes], size: int, most: int, nested: bool = False) -> int:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            raise ValueError(f"an archive of {len(entries):,} entries, expected at most {MOST_ENTRIES:,}")
        if sum(entry.compress_size for entry in entries) > size:
            raise ValueError("an archive whose entries lie over each other")
        total = sum(entry.file_size for entry in entries)
        if total > most:
            return total
        for entry in entries:
            if entry.filename.endswith(".json") and entry.file_size > MOST_TEXT:
                raise ValueError(
                    f"{entry.filename[:80]}: {entry.file_size:,} bytes of JSON, expected at most "
                    f"{MOST_TEXT:,}"
                )
            if not nested and _is_archive(archive, entry):
                held = archive.read(entry)
                total += _unpacked(io.BytesIO(held), len(held), most, nested=True)
        return total


def _is_archive(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    with archive.open(entry) as file:
        return file.read(4) == b"PK\x03\x04"
