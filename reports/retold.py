"""Texts of a result in the language that is written now.

A result holds English. A text that was written from a message (``fairweigh.told``) is recognised by the
words around its parts, and the parts are put into the message's translation. What is not recognised, such
as the words of a data card or of another library's error, stays as it is and counts as ``Given``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .language import Given, Sentence, both, catalogue, language, listed, said, sentences, series

OURS = frozenset({"why", "what", "how"})
"""Names of parts that are texts of ours themselves: a message is not recognised where they are not."""
PERHAPS_OURS = "which"

_NAME = re.compile(r"\{(\w+)\}")
_END = re.compile(r"(?<=[.!?]) ")
# A figure or a name does not run on into the next sentence.
_WITHIN_SENTENCE = r"(?:(?!\. [A-Z]).)+?"
_NUMBER = r"[\d,]+(?:\.\d+)?"


@dataclass(frozen=True)
class Form:
    """A message as it may stand in a result: its words, what it looks like, and its translation."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]
    translation: str

    def parts(self, text: str) -> dict[str, str] | None:
        """Return what was put into the message; None where the text was not written from it."""
        if not all(word in text for word in self.words):
            return None
        found = self.pattern.fullmatch(text)
        return None if found is None else found.groupdict()


def retold(text: str) -> Sentence:
    """Write a text of the result in this language; in English it stands as it is."""
    found = _translated(text, language()) if language() != "en" else None
    return (Given(text),) if found is None else found


def titled(text: str) -> str:
    """Write a title of the result in this language, in one piece."""
    found = _translated(text, language()) if language() != "en" else None
    return Given(text) if found is None else "".join(found)


@lru_cache(maxsize=20_000)
def _translated(text: str, code: str) -> Sentence | None:
    exact = catalogue(code).message(text)
    if exact != text:
        return (exact,)
    listed_apart = [_translated(part, code) for part in text.split("; ")] if "; " in text else []
    known = [part for part in listed_apart if part is not None]
    if known and len(known) == len(listed_apart):
        return series(known)
    for form in _forms(code):
        parts = _parts(form, text, code)
        if parts is not None:
            return said(form.translation, parts)
    return _several(text, code) or _terms(text, code)


def _several(text: str, code: str) -> Sentence | None:
    """Translate sentences that stand one after the other."""
    for end in _END.finditer(text):
        first = _translated(text[: end.start()], code)
        if first is not None:
            rest = _translated(text[end.end() :], code)
            return None if rest is None else sentences([first, rest])
    return None


def _parts(form: Form, text: str, code: str) -> dict[str, Sentence] | None:
    """The parts of a text as they stand in the translation; None where it is another message."""
    parts: dict[str, Sentence] = {}
    for name, part in (form.parts(text) or {}).items():
        kind = name.partition("_")[0]
        ours = _translated(part, code) if kind in OURS or kind == PERHAPS_OURS else None
        if ours is None and kind in OURS:
            return None
        # A figure is no text of anybody's.
        figure = not re.search(r"[^\W\d]", part)
        parts[name] = ours or ((part,) if figure else (Given(part),))
    return parts or None


def _terms(text: str, code: str) -> Sentence | None:
    """Translate names of metrics and costs, one or several: ``accuracy and true_positive_rate``."""
    for separator, joined in (("; ", series), (" and ", both), (", ", listed)):
        if separator in text:
            parts = [_translated(one, code) for one in text.split(separator)]
            known = [part for part in parts if part is not None]
            return joined(known) if len(known) == len(parts) else None
    words = text.replace("_", " ")
    title = _titles(code).get(words.casefold())
    if title is None:
        # A disparity by its name, such as equalized_odds_difference.
        return _translated(words, code) if words != text and " " not in text else None
    return (title,)


@lru_cache
def _titles(code: str) -> dict[str, str]:
    """Translations of single words and titles, whichever letters are capital where they stand."""
    messages = catalogue(code).messages.items()
    return {english.casefold(): text for english, text in messages if not re.search(r"[{%]", english)}


@lru_cache
def _forms(code: str) -> tuple[Form, ...]:
    """The messages with parts, those with the most words of their own first."""
    forms = [_form(english, text) for english, text in catalogue(code).told.items() if _NAME.search(english)]
    return tuple(sorted(forms, key=lambda form: -sum(map(len, form.words))))


def _looks(name: str) -> str:
    """What a part of a name may look like: ``n`` is a number of things, ``share`` a number or per cent."""
    if name in ("n", "share"):
        return _NUMBER if name == "n" else f"{_NUMBER}%?"
    return ".+?" if name.partition("_")[0] in OURS else _WITHIN_SENTENCE


def _form(english: str, translation: str) -> Form:
    pieces = _NAME.split(english)
    pattern, seen = "", set[str]()
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            pattern += re.escape(piece)
        elif piece in seen:
            pattern += f"(?P={piece})"
        else:
            pattern += f"(?P<{piece}>{_looks(piece)})"
            seen.add(piece)
    return Form(tuple(filter(None, pieces[::2])), re.compile(pattern, re.DOTALL), translation)
