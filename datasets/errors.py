"""The one exception that says 'what you gave cannot be used'."""

from __future__ import annotations

import re

MOST_WORD = 300
"""Characters of a piece in quotes, or without spaces, that a message shows whole."""
MOST_LINE = 2_000
"""Characters of a whole message."""
_PIECE = re.compile(r"'[^']*'|\"[^\"]*\"|\S+")


class InputError(ValueError):
    """Bad configuration, data or model: one line saying what was expected, what came and where.

    The command line prints it without a traceback and exits with code 2. A value of a hundred thousand
    characters within it is cut in its middle, so that the rest of the sentence can be read.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(shortened(message))


def number_of(n: int, one: str, many: str = "") -> str:
    """Return a number with what is counted: '1 row', '1,200 rows', '1 class' and '2 classes' where told."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


NO_KEYS = ("model_type", "model_attributes_type", "dataclass_type", "dict_type", "mapping_type")
"""What pydantic calls a value in the place of keys with their values; it names a class of ours there."""


def told_of(kind: str, message: str) -> str:
    """Say what pydantic expected in the words of a configuration, and of no program.

    Parameters
    ----------
    kind, message : str
        ``type`` and ``msg`` of one of its errors.
    """
    if kind in NO_KEYS:
        return "expected keys with their values (key: value)"
    return f"{message[0].lower()}{message[1:]}"


def shortened(message: str) -> str:
    """Cut what is long in a message: a name or value in it, and then the whole, each in its middle."""
    if len(message) <= MOST_WORD:
        return message
    return _cut(_PIECE.sub(lambda piece: _cut(piece.group(), MOST_WORD), message), MOST_LINE)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    told = f"... ({len(text):,} characters) ..."
    kept = most - len(told)
    return f"{text[: kept * 2 // 3]}{told}{text[len(text) - kept // 3 :]}"
