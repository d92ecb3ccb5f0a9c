"""Text in pieces, and which of them come from the data."""

from __future__ import annotations


class Given(str):
    """Text that was written by others: a column's name, a slice's value, a title."""

    __slots__ = ()


Sentence = tuple[str, ...]
"""Text in pieces; the ones that are ``Given`` come from the data."""
