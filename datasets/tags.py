"""Tags of the tokens of a text as entities: ``B-PER I-PER O`` is one person of two tokens.

Schemes say which tags there are (L. A. Ramshaw, M. P. Marcus 1995, WVLC-3: 82-94; E. F. Tjong Kim Sang,
J. Veenstra 1999, EACL '99: 173-179):

- ``iob2``: B- begins an entity, I- continues one;
- ``iob1``: I- is in an entity, B- begins one that follows another of its type directly;
- ``io``: I- is in an entity, so that two of a type that touch are one.

Matching says what tags mean that follow each other otherwise than the scheme allows, such as I- without
an entity to continue. ``strict`` reads what the scheme says and nothing else: such a tag is in no entity,
as in seqeval's strict mode. ``conll`` begins an entity there, as conlleval does (E. F. Tjong Kim Sang,
F. De Meulder 2003, CoNLL-2003: 142-147), and reads all schemes alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from ..spans import Span

Scheme = Literal["iob2", "iob1", "io"]
Matching = Literal["strict", "conll"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
MATCHINGS: tuple[Matching, ...] = get_args(Matching)
OUTSIDE = "O"
_TAG = re.compile(r"([A-Z])-([^;\s](?:[^;\r\n]*[^;\s])?)")
_MARKS = {"iob2": "BI", "iob1": "BI", "io": "I"}
_OTHERS = {"E": "IOE or BIOES", "S": "BIOES", "L": "BILOU", "U": "BILOU", "M": "BMES", "B": "iob2 or iob1"}


def faulty(tag: object, scheme: Scheme) -> str | None:
    """Say what is wrong with a tag of a scheme; None where nothing is."""
    expected = " or ".join(["O", *(f"{mark}-TYPE" for mark in _MARKS[scheme])])
    parts = _TAG.fullmatch(tag) if isinstance(tag, str) else None
    if tag == OUTSIDE or (parts and parts[1] in _MARKS[scheme]):
        return None
    told = f"expected tags of the scheme {scheme} ({expected}), got {str(tag)[:40]!r}"
    other = _OTHERS.get(parts[1]) if parts else None
    return f"{told}, a tag of {other}" if other else told


def entities(tags: Sequence[str], scheme: Scheme, matching: Matching) -> tuple[list[Span], int]:
    """Read the entities of the tags of a sentence.

    Parameters
    ----------
    tags : sequence of str
        Tags of the scheme, as `faulty` says.
    scheme, matching : str

    Returns
    -------
    list of Span
        In the order of the tokens.
    int
        How many tags stand where the scheme does not allow them.
    """
    found: list[Span] = []
    strays, start, kind, before = 0, 0, "", ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        mark, _, own = tag.partition("-")
        if mark != "I" or kind != own:
            if kind:
                found.append(Span(start, place, kind))
            fits = mark == OUTSIDE or _may_begin(mark, own, before, scheme)
            strays += not fits
            start, kind = place, own if fits or matching == "conll" else ""
        before = own
    return found, strays


def _may_begin(mark: str, own: str, before: str, scheme: Scheme) -> bool:
    """Whether an entity may begin with a tag behind one of the type ``before``."""
    if scheme == "iob2":
        return mark == "B"
    return mark == "I" or before == own
