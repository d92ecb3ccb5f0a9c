"""Columns of entities as spans: in each row a list of where each begins and ends, and its type."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import spans
from ..spans import Span
from .classes import MOST_CLASSES, check_free
from .errors import InputError, number_of
from .numbers import decoded, is_text
from .tags import faulty

Row = Callable[[int], str]
KINDS = ("type", "label")
"""Keys that a type may stand under."""
MOST_TEXT = 10_000_000
"""Characters of the spans of a row."""


@dataclass
class SpanColumn:
    """A column with the entities of each row.

    Parameters
    ----------
    column : str
    role : str
        What it is called in messages, such as "spans".

    Attributes
    ----------
    found : Counter
        Entities by their type.
    """

    column: str
    role: str
    found: Counter[str] = field(default_factory=Counter)

    exact = False
    without_beginning = False

    @property
    def where(self) -> str:
        """The column, for messages."""
        return f"{self.role} column '{self.column}'"

    def read(self, column: pa.Array, row: Row) -> tuple[pa.Array, NDArray[np.int64]]:
        """Read the entities of each row, as text, and where the last of them ends; InputError names a row."""
        every = [[span for span, _ in found] for found in self.sorted(column, row)]
        kinds = Counter(span.type for found in every for span in found)
        check_free(set(kinds), self.where)
        self.found.update(kinds)
        if len(self.found) > MOST_CLASSES:
            raise InputError(
                f"{self.where} holds entities of {len(self.found):,} types, expected at most {MOST_CLASSES}"
            )
        ends = [found[-1].end if found else 0 for found in every]
        return pa.array([spans.written(found) for found in every], pa.string()), np.array(ends, np.int64)

    def sorted(self, column: pa.Array, row: Row) -> list[list[tuple[Span, Mapping[str, Any]]]]:
        """The entities of each row in the order of their places, with all that is said of each."""
        column = decoded(column)
        texts = is_text(column.type)
        if not (texts or pa.types.is_null(column.type) or pa.types.is_nested(column.type)):
            raise InputError(f"{self.where}: expected a list of entities for each row, got {column.type}")
        out = []
        for place, given in enumerate(column.to_pylist()):
            where = f"{self.where}: {row(place)}"
            said = _parsed(given, where) if texts and given is not None else given
            if not isinstance(said, list):
                got = "none" if said is None else repr(said)[:60]
                raise InputError(f"{where}: expected a list of entities such as [{EXAMPLE}], got {got}")
            found = sorted(((_span(one, where), one) for one in said), key=lambda each: each[0])
            for (before, _), (after, _) in pairwise(found):
                if after.start < before.end:
                    raise InputError(f"{where}: {_overlap(before, after)}")
            out.append(found)
        return out

    def warnings(self) -> list[str]:
        """Nothing: what is no entity was refused."""
        return []


EXAMPLE = '{"start": 0, "end": 2, "type": "PER"}'


def _parsed(text: str, where: str) -> Any:
    """A list in JSON, or entities as predictions of a run hold them."""
    text = text.strip()
    if len(text) > MOST_TEXT:
        raise InputError(f"{where}: expected at most {MOST_TEXT:,} characters, got {len(text):,}")
    try:
        if not text.startswith("["):
            return [one._asdict() for one in spans.read(text)]
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            f"{where}: expected a list of entities such as [{EXAMPLE}], got {text[:60]!r}"
        ) from None


def _span(one: Any, where: str) -> Span:
    """One entity; InputError where it has no place or no type."""
    said = one if isinstance(one, Mapping) else {}
    places = [_whole(said.get(key)) for key in ("start", "end")]
    kind = next((said[key] for key in KINDS if said.get(key) is not None), None)
    start, end = places
    if start is None or end is None or kind is None:
        lacking = "start" if start is None else "end" if end is None else "type"
        raise InputError(
            f"{where}: expected an entity such as {EXAMPLE}, got {_short(one)}, without {lacking}"
        )
    if not 0 <= start < end:
        raise InputError(f"{where}: expected an entity that ends behind its start, got {start}:{end}")
    if not isinstance(kind, str) or faulty(f"I-{kind}", "io") is not None:
        raise InputError(f"{where}: expected a type such as PER, without ';', got {kind!r}")
    return Span(start, end, kind)


def _whole(value: Any) -> int | None:
    """A whole number of up to nine digits; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        return None
    return int(value) if abs(value) < 1_000_000_000 else None


def _short(one: Any) -> str:
    text = json.dumps(one, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _overlap(before: Span, after: Span) -> str:
    if before == after:
        return f"the entity {spans.written([before])} stands there twice"
    return (
        f"the entities {spans.written([before])} and {spans.written([after])} overlap; one place has one "
        "entity: keep the outer one of nested entities, or the inner one"
    )


def check_ends(
    ends: NDArray[np.int64], sizes: NDArray[np.int64], what: Sequence[str], row: Row, unit: str
) -> None:
    """InputError where an entity ends behind the tokens or characters of its row, naming it."""
    beyond = ends > sizes
    if not beyond.any():
        return
    place, rows = int(np.argmax(beyond)), int(beyond.sum())
    more = f" (and {number_of(rows - 1, 'more such row')})" if rows > 1 else ""
    raise InputError(
        f"{what[0]}: expected entities within the {sizes[place]:,} {unit} of {what[1]}, got one that ends at "
        f"{ends[place]:,} in {row(place)}{more}"
    )
