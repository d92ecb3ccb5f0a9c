"""Texts of ours: constant messages with named parts, written in English, which keep both.

``audit.json`` stays in one language, and says beside its texts what each was told from (its key ``told``). A
report in another language puts the parts into the message's translation
(``reports/words/translated.py``), so a message is a constant at the place where it is told: that is what is
extracted for the catalogues.

A text that is cut, joined by hand or put into an f-string is plain again and stays in English everywhere:
sentences are set side by side by `told_on`, lists by `told_list`, `told_both` and `told_series`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

OURS = frozenset({"why", "what", "how", "formula", "metric"})
"""Names of parts (also with an ending: ``what_else``) that are texts of ours, or words that we translate."""

_NAME = re.compile(r"\{(\w+)\}")


class Told(str):
    """A text that knows what it was told from.

    Attributes
    ----------
    message : str
        The English message, with ``{names}`` where parts stand.
    parts : dict of str to str
        What is put in, by name; a part that is ``Told`` itself is translated, any other stands as it is.
    """

    message: str
    parts: Mapping[str, str]

    def __new__(cls, message: str, parts: Mapping[str, object] | None = None) -> Told:
        """Fill a message; KeyError where it names a part that is not among those given."""
        if parts is None:
            # As it stands: words of others may hold braces.
            return cls._made(message, message, {})
        pieces = split(message)
        put = {name: _text(parts[name]) for name in pieces[1::2]}
        return cls._made("".join(put[p] if i % 2 else p for i, p in enumerate(pieces)), message, put)

    @classmethod
    def _made(cls, text: str, message: str, parts: Mapping[str, str]) -> Told:
        made = super().__new__(cls, text)
        made.message, made.parts = message, parts
        return made

    def __getnewargs__(self) -> tuple[str, Mapping[str, str] | None]:  # type: ignore[override]
        """What copies and other processes make it from."""
        return self.message, self.parts or None


@lru_cache(maxsize=4_000)
def split(message: str) -> tuple[str, ...]:
    """Words and names of a message in turn; kept, as a large report says some of them 100,000 times."""
    return tuple(_NAME.split(message))


def tell(message: str, /, **parts: object) -> str:
    """Write a message, such as ``tell("The {what} is {ratio} times the original's.", ...)``.

    Parameters
    ----------
    message
        A whole sentence, or what a reader sees by itself, with ``{names}`` for what is put in.
    **parts
        What is put in, figures as they are to be read. What was told itself is translated in its place, and
        so is a part called as one of `OURS` (or ``what_else``), such as the name of a metric, where the
        language has it. All others stand as they are in every language.

    Returns
    -------
    Told
        The text, which keeps both.
    """
    return Told(message, {n: term(p) if n.partition("_")[0] in OURS else p for n, p in parts.items()})


def tell_n(one: str, many: str, n: float, /, **parts: object) -> str:
    """Write the form of a message that belongs to the number ``n``."""
    return tell(one if n == 1 else many, **parts)


def term(text: object) -> str:
    """Mark what a language may have of its own as it stands, such as the name of a metric."""
    return text if isinstance(text, Told) else Told(_text(text))


def told_list(parts: Iterable[str]) -> str:
    """Set parts in a list, ``a, b, c``; as in `tell` what was told is translated."""
    return _joined(parts, "{one}, {other}")


def told_both(parts: Iterable[str]) -> str:
    """Join parts by "and"."""
    return _joined(parts, "{one} and {other}")


def told_series(parts: Iterable[str]) -> str:
    """Set parts that hold commas themselves in a row: ``a, b; c, d``."""
    return _joined(parts, "{one}; {other}")


def told_on(parts: Iterable[str]) -> str:
    """Set sentences one after the other."""
    return _joined(parts, "{sentence} {next}")


def _joined(parts: Iterable[str], message: str) -> str:
    """Join those parts that are not empty, two by two, so that a long list is no deep one."""
    names, left = split(message)[1::2], [part for part in parts if part]
    while len(left) > 1:
        pairs = [left[i : i + 2] for i in range(0, len(left), 2)]
        left = [Told(message, dict(zip(names, p, strict=True))) if len(p) == 2 else p[0] for p in pairs]
    return left[0] if left else ""


def _text(part: object) -> str:
    return part if isinstance(part, str) else str(part)
