"""JSON from outside: bounded in size and depth, and refused where two readers could read two things.

JSON lines of evaluation data have their own reader (``jsonlines``); this one is for single documents, such as
those of a run's folder and of a model's artefact.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..plain import MOST_JSON_BYTES, from_json, read_bounded
from .errors import InputError


def read_object(path: Path, most: int = MOST_JSON_BYTES) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    most : int
        Bytes above which the file is refused without being read.

    Raises
    ------
    InputError
        One line with the file: it cannot be read, is no regular file or too large, or as `parse_object`.
    """
    return parse_object(read_regular(path, most), path)


def parse_object(content: bytes | str, where: str | Path) -> dict[str, Any]:
    """Parse one JSON object.

    Parameters
    ----------
    where : str or path
        What the content is called in an error.

    Raises
    ------
    InputError
        Not UTF-8 or not JSON (RFC 8259); nested too deeply; a number that is not finite or of thousands of
        digits; a key that stands twice in an object; something other than an object.
    """
    found = parse(content, where)
    if not isinstance(found, dict):
        kind = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
        raise InputError(f"{where}: expected a mapping, got {kind.get(type(found), 'a number')}")
    return found


def parse(content: bytes | str, where: str | Path) -> Any:
    """Parse one JSON value of any kind; InputError as `parse_object`."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start})") from None
    try:
        return from_json(text)
    except ValueError as error:
        raise InputError(f"{where}: cannot be read as JSON: {' '.join(str(error).split())}") from None


def read_regular(path: Path, most: int = MOST_JSON_BYTES) -> bytes:
    """Read a regular file whole; anything that could block or never end is refused.

    Raises
    ------
    InputError
        It cannot be opened, is a folder, pipe, socket or device, or has more than ``most`` bytes.
    """
    try:
        return read_bounded(path, most)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
