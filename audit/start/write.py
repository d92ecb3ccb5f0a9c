"""``fairweigh init``: look at a table, find roles, write the file."""

from __future__ import annotations

from pathlib import Path

from ...datasets.dialect import TextForm
from ...datasets.encoding import known_encoding
from ...datasets.errors import InputError
from ...datasets.files import form_of
from ..store.folder import swap
from .lines import lines
from .looked import TEXT_FORMS, Looked, look
from .seen import Seen
from .settled import settled


def open_start(table: Path, out: Path, encoding: str | None = None) -> Looked:
    """Look at a table of which an audit.yaml is to be written.

    Parameters
    ----------
    encoding : str, optional
        That of a text file, where looking at it does not tell.

    Raises
    ------
    InputError
        The table cannot be read, or ``out`` exists.
    """
    if out.exists():
        raise InputError(f"{out}: exists already; choose another name with -o")
    try:
        return look(table, _form(table, encoding))
    except InputError as error:
        # There is no configuration yet that could say it.
        raise InputError(str(error).replace("data.encoding", "--encoding")) from None


def write_start(seen: Seen, out: Path) -> None:
    """Write the audit.yaml of a table; InputError where it cannot be written."""
    try:
        swap(out, text_of(seen))
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None


def text_of(seen: Seen) -> str:
    """Return the text of an audit.yaml."""
    return "\n".join(lines(seen)) + "\n"


def start(path: Path) -> str:
    """Return the text of an audit.yaml of a table, as its columns seem to be.

    Raises
    ------
    InputError
        The table cannot be read or has no rows.
    """
    return text_of(settled(look(path)))


def _form(path: Path, encoding: str | None) -> TextForm | None:
    if encoding is None:
        return None
    if (form := form_of(path)) not in TEXT_FORMS:
        raise InputError(f"--encoding: expected a text file, got {path}, which is {form}")
    try:
        return TextForm(encoding=known_encoding(encoding))
    except ValueError as error:
        raise InputError(f"--encoding: {error}") from None
