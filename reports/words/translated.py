"""Texts of a result in the language that is written now.

A text that was told from a message (``fairweigh.told``) gives its parts to the message's translation. What
was not, such as the words of a data card, of another library's error or of a run that did not say what its
texts were told from, stays as it is and counts as ``Given``, unless it is word for word a message of ours.

Slices that such a text names are called by the user's own names, in English too.
"""

from __future__ import annotations

from functools import lru_cache

from ...told import Told
from .language import Given, Sentence, called, catalogue, language, said

SLICES = frozenset({"slice", "slices", "reference"})
"""Names of parts that are slices."""


def translated(text: str) -> Sentence:
    """Write a text of the result in this language; in English it stands as it is."""
    found = _translated(text) if language() != "en" or _names_a_slice(text) else None
    return (Given(text),) if found is None else found


def _names_a_slice(text: str) -> bool:
    """Whether a slice stands in a text that the user has a name for."""
    return any(part in text for part in called().slices)


def titled(text: str) -> str:
    """Write a title of the result in this language, in one piece."""
    found = _translated(text) if language() != "en" else None
    return Given(text) if found is None else "".join(found)


def _translated(text: str) -> Sentence | None:
    if not isinstance(text, Told) or not text.parts:
        return _word(text)
    translation = text.message if language() == "en" else catalogue(language()).form(text.message)
    if translation is None:
        return None
    parts = {
        n: _slices(p) if n in SLICES and not isinstance(p, Told) else _part(p) for n, p in text.parts.items()
    }
    return said(translation, parts)


def _slices(part: str) -> Sentence:
    """A slice as audits write it, ``sex=Female & race=Black``, by the user's names where it has such."""
    own, written = called().slices, part.split(" & ")
    if isinstance(part, Told) or not any(one in own for one in written):
        return _part(part)
    pieces = [piece for one in written for piece in (" & ", Given(own.get(one, one)))]
    return tuple(pieces[1:])


def _part(part: str) -> Sentence:
    """What is put in: translated where it was told itself; a figure is no text of anybody's."""
    found = _translated(part) if isinstance(part, Told) else None
    letters = any(letter.isalpha() or letter == "_" for letter in part)
    return found or ((Given(part) if letters else part),)


def _word(text: str) -> Sentence | None:
    """Translate what is word for word a message of ours, or the name of a metric or cost."""
    found = catalogue(language()).form(text) or _titles(language()).get(text.replace("_", " ").casefold())
    return None if found is None else (found,)


@lru_cache
def _titles(code: str) -> dict[str, str]:
    """Translations of single words and titles, whichever letters are capital where they stand."""
    messages = catalogue(code).messages.items()
    return {
        english.casefold(): text for english, text in messages if "{" not in english and "%" not in english
    }
