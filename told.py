"""Texts of ours that a result holds: constant messages with named parts, in English.

``audit.json`` stays in one language. A report in another one finds the message that a text was written
from and puts the parts into its translation (``reports/retold.py``), so a message is a constant at the
place where it is told: that is what is extracted for the catalogues.
"""

from __future__ import annotations


def tell(message: str, /, **parts: object) -> str:
    """Write a message, such as ``tell("The {what} is {ratio} times the original's.", ...)``.

    Parameters
    ----------
    message
        A whole sentence, or what a reader sees by itself, with ``{names}`` for what is put in.
    **parts
        What is put in, figures as they are to be read. Parts called ``why``, ``what`` or ``how`` (or
        ``what_else``) are texts of ours themselves and are translated too; ``which`` may be one. All others
        stand as they are in every language.
    """
    return message.format_map(parts)


def tell_n(one: str, many: str, n: float, /, **parts: object) -> str:
    """Write the form of a message that belongs to the number ``n``."""
    return tell(one if n == 1 else many, **parts)
