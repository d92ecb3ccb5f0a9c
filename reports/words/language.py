"""The language of a report: messages of ours translated, what comes from the data left as it is.

A message is a whole sentence in English with ``{names}`` for what is put into it, so that a translation may
order the parts as its language does. Its translations stand in ``locale/LANGUAGE/*.po``, one file per part
of the report. English needs no catalogue, and no Babel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ...told import split
from .given import Given as Given
from .given import Sentence as Sentence
from .spacing import spaced

if TYPE_CHECKING:
    from jinja2 import Environment

P = ParamSpec("P")
R = TypeVar("R")

LOCALES = Path(__file__).parents[1] / "locale"
TAGS = {"en": "en", "zh": "zh-Hans"}
"""The languages, and what a page says of itself."""

SPACED = frozenset({"zh"})
"""The languages whose letters stand apart from Latin ones and from figures."""


@dataclass(frozen=True)
class Catalogue:
    """A language's messages: the English one, or the forms of one with a number, to what is written.

    ``forms``: the same by every English form, which is what a text of a result is told from.
    """

    language: str = "en"
    messages: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)

    def message(self, english: str) -> str:
        """Return a message in this language; in English, or where it is missing, as it stands."""
        return self.messages.get(english, english)

    def form(self, english: str) -> str | None:
        """Return the translation of a message, or of either form of one with a number; None without one."""
        return self.forms.get(english)

    def counted(self, one: str, many: str, n: float) -> str:
        """Return the form of a message that belongs to a number; Chinese has one form."""
        return self.messages.get(one, "") or (one if n == 1 else many)


_ENGLISH = Catalogue()
_current: ContextVar[Catalogue] = ContextVar("language", default=_ENGLISH)


def language() -> str:
    """Return the language that is written now: ``en`` or ``zh``."""
    return _current.get().language


@dataclass(frozen=True)
class Called:
    """What people and rows are called in the user's own words.

    Attributes
    ----------
    slices : mapping of str to str
        Names by ``feature=value``.
    unit : str
        What rows are, in the plural; empty: rows.
    """

    slices: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""


_NOT_CALLED = Called()
_called: ContextVar[Called] = ContextVar("called", default=_NOT_CALLED)


def called() -> Called:
    """Return what people and rows are called now."""
    return _called.get()


@contextmanager
def writing(code: str, own: Called | None = None) -> Iterator[None]:
    """Write in a language inside the block, with ``own`` names of people and rows where there are such.

    Raises
    ------
    ValueError
        No such language.
    """
    if code not in TAGS:
        raise ValueError(f"language must be one of {', '.join(TAGS)}, got {code!r}")
    token, names = _current.set(catalogue(code)), _called.set(own or _NOT_CALLED)
    try:
        yield
    finally:
        _called.reset(names)
        _current.reset(token)


@lru_cache
def catalogue(code: str) -> Catalogue:
    """Read a language's catalogues; those of English are empty."""
    if code == "en":
        return _ENGLISH
    from babel.messages.pofile import read_po

    messages: dict[str, str] = {}
    forms: dict[str, str] = {}
    for path in sorted((LOCALES / code).glob("*.po")):
        with path.open("rb") as file:
            for entry in read_po(file, locale=code):
                english, text = _first(entry.id), _first(entry.string)
                if english and text and not entry.fuzzy:
                    messages[english] = text
                    forms |= dict.fromkeys([entry.id] if isinstance(entry.id, str) else entry.id, text)
    return Catalogue(code, messages, forms)


def _first(forms: Sequence[str] | str | None) -> str:
    """Take a message itself, or its form for one: that is what it is looked up by."""
    return forms if isinstance(forms, str) else next(iter(forms or ()), "")


def say(english: str, /, **parts: str | Sentence) -> Sentence:
    """Write a message in pieces: the words around its names, and what is put in for them.

    Parameters
    ----------
    english
        The message, such as ``"{slice} is below {limit}."``: what is looked up, so it is a constant.
    **parts
        Text or a ``Sentence`` for each name; ``Given`` text stays so.
    """
    return said(_current.get().message(english), parts)


def say_n(one: str, many: str, n: float, /, **parts: str | Sentence) -> Sentence:
    """Write the form of a message that belongs to the number ``n``, in pieces like ``say``."""
    return said(_current.get().counted(one, many, n), parts)


def tr(english: str, /, **parts: str) -> str:
    """Write a message as plain text; nothing in it may come from the data."""
    return "".join(say(english, **parts))


def tr_n(one: str, many: str, n: float, /, **parts: str) -> str:
    """Write the form of a message that belongs to the number ``n`` as plain text."""
    return "".join(say_n(one, many, n, **parts))


def later(english: str) -> str:
    """Mark a message for translation where it is defined; ``tr`` writes it later."""
    return english


def later_n(one: str, many: str) -> tuple[str, str]:
    """Mark both forms of a message with a number for translation; ``tr_n`` writes one later."""
    return one, many


def listed(parts: Iterable[str | Sentence]) -> Sentence:
    """Join the parts of a list: ``a, b, c``."""
    return _joined(parts, tr("{one}, {other}", one="", other=""))


def clauses(parts: Iterable[str | Sentence]) -> Sentence:
    """Join parts that are clauses of a sentence, where Chinese sets another comma than in a list."""
    return _joined(parts, tr("{clause}, {next}", clause="", next=""))


def series(parts: Iterable[str | Sentence]) -> Sentence:
    """Join parts that hold commas themselves: ``a, b; c, d``."""
    return _joined(parts, tr("{one}; {other}", one="", other=""))


def both(parts: Iterable[str | Sentence]) -> Sentence:
    """Join two parts or more by "and"."""
    return _joined(parts, tr("{one} and {other}", one="", other=""))


def sentences(parts: Iterable[str | Sentence]) -> Sentence:
    """Set sentences one after the other; Chinese has no space between them."""
    return _joined(parts, tr("{sentence} {next}", sentence="", next=""))


def _joined(parts: Iterable[str | Sentence], between: str) -> Sentence:
    out: list[str] = []
    for part in parts:
        pieces = (part,) if isinstance(part, str) else part
        if between and out and any(pieces):
            out.append(between)
        out += [piece for piece in pieces if piece]
    return spaced(out) if language() in SPACED else tuple(out)


def said(message: str, parts: Mapping[str, str | Sentence]) -> Sentence:
    """Put parts into a message that is translated already."""
    out: list[str] = []
    for place, text in enumerate(split(message)):
        if place % 2:
            part = parts[text]
            out += [part] if isinstance(part, str) else part
        elif text:
            out.append(text)
    return spaced(out) if language() in SPACED else tuple(out)


def kept(build: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function builds, once per language."""

    @cache
    def built(code: str, *args: P.args, **kwargs: P.kwargs) -> R:
        return build(*args, **kwargs)

    @wraps(build)
    def found(*args: P.args, **kwargs: P.kwargs) -> R:
        return built(language(), *args, **kwargs)  # type: ignore[arg-type]

    return found


def install(environment: Environment) -> None:
    """Let templates write ``{{ _("...") }}`` and ``{% trans %}`` in the language that is written now."""
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda english: _current.get().message(english),
        lambda one, many, n: _current.get().counted(one, many, n),
        newstyle=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
