"""Where the files of a data set lie: in ``$FAIRWEIGH_DATA``, in the user's cache, or at their source.

Whatever is found is held against the card's checksums before anyone reads it.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .errors import InputError
from .files import is_gzip_name, open_content, sha256_content

if TYPE_CHECKING:
    from .card import Card, DataFile, Reader


def locate(card: Card, file: DataFile) -> Path:
    """Return the path of a data set's file, fetching it if it is not on this machine.

    Looked for in ``$FAIRWEIGH_DATA/NAME/``, then in the user's cache, then at its address. A fetched file
    is stored without the card's personal columns, and only when it is whole and of the right checksum.

    Raises
    ------
    InputError
        The file has another checksum, or is neither here nor to be had from its address.
    """
    root = os.environ.get("FAIRWEIGH_DATA")
    if root:
        given = Path(root) / card.name / file.name
        if given.is_file():
            _check(given, file.sha256, str(given))
            return given
    cached = cache_folder(card.name) / file.name
    if cached.is_file():
        _check(cached, [*file.sha256, *_recorded(cached)], str(cached))
        return cached
    _fetch(card, file, cached)
    return cached


def fetch(card: Card) -> list[Path]:
    """Return the paths of all files of a data set, fetching what is not here; none for a generated one."""
    return [locate(card, file) for file in card.files.values()]


def cache_folder(name: str) -> Path:
    """Return the folder of the user's cache that holds a data set's files."""
    import pooch

    return Path(pooch.os_cache("fairweigh")) / name


def _check(path: Path, allowed: list[str], where: str) -> None:
    got = sha256_content(path)
    if got not in allowed:
        raise InputError(f"{where}: expected content of sha256 {' or '.join(allowed)}, got {got}")


def _fetch(card: Card, file: DataFile, target: Path) -> None:
    _announce(card, file)
    # Not in the cache: what arrives may hold personal columns and may be only half there.
    with tempfile.TemporaryDirectory(prefix="fairweigh-") as folder:
        arrived = Path(folder) / "download"
        _download(card, file, arrived, target)
        _check(arrived, file.sha256, f"dataset '{card.name}': {file.url}")
        try:
            _store(arrived, target, set(card.drop), card.reader)
        except OSError as error:
            raise InputError(f"{target}: cannot be written ({error.strerror})") from error


def _announce(card: Card, file: DataFile) -> None:
    lines = [f"Fetching {file.name} of {card.title} from {file.url}", f"Licence: {card.licence}"]
    lines += [f"Warning: {warning}" for warning in card.warnings]
    print("\n".join(lines), file=sys.stderr)


def _download(card: Card, file: DataFile, arrived: Path, target: Path) -> None:
    import pooch

    download = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=1 << 16, timeout=30)
    try:
        download(file.url, str(arrived), None)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors, for a bad address ValueErrors
        root = os.environ.get("FAIRWEIGH_DATA")
        place = Path(root) / card.name / file.name if root else target
        raise InputError(
            f"dataset '{card.name}': {file.name} could not be fetched from {file.url} ({_reason(error)}); "
            f"get it by other means and put it at {place}"
        ) from error


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    return {
        "ConnectionError": "no connection",
        "ConnectTimeout": "no answer within 30 s",
        "ReadTimeout": "no answer within 30 s",
        "ChunkedEncodingError": "the connection broke",
    }.get(type(error).__name__, type(error).__name__)


def _store(arrived: Path, target: Path, personal: set[str], reader: Reader) -> None:
    """Put the content into the cache, compressed as the name says, in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part" + target.suffix, dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        with open_content(arrived) as source, _writer(part, is_gzip_name(target)) as sink:
            if personal:
                _copy_without(source, sink, personal, reader)
            else:
                shutil.copyfileobj(source, sink)
        if personal:
            # The card's checksum was met by what arrived; this one tells later damage to what is kept of it.
            _record(target).write_text(sha256_content(part) + "\n", encoding="ascii")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _writer(path: Path, compress: bool) -> IO[bytes]:
    return gzip.open(path, "wb") if compress else path.open("wb")  # type: ignore[return-value]


def _copy_without(source: IO[bytes], sink: IO[bytes], personal: set[str], reader: Reader) -> None:
    delimiter = reader.separator or ","
    with (
        io.TextIOWrapper(source, encoding=reader.encoding or "utf-8-sig", newline="") as text,
        io.TextIOWrapper(sink, encoding=reader.encoding or "utf-8", newline="") as out,
    ):
        rows = csv.reader(text, delimiter=delimiter)
        header = next(rows)
        kept = [index for index, name in enumerate(header) if name not in personal]
        # As RFC 4180 has it. Names of columns and cells stay what they are: this is data, read again.
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow([header[index] for index in kept])
        writer.writerows([row[index] for index in kept] for row in rows)


def _record(cached: Path) -> Path:
    return cached.with_name(cached.name + ".sha256")


def _recorded(cached: Path) -> list[str]:
    record = _record(cached)
    return record.read_text(encoding="ascii").split() if record.is_file() else []
