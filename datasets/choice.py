"""Questions whose answers are chosen: what the right one is, and which one a stereotype would give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .errors import InputError

TARGET, NON_TARGET, UNKNOWN, UNPARSED = "target", "non-target", "unknown", "unparsed"
"""What an answer names: one of the stereotyped group, the other person, neither; or nothing asked for."""
ROLES = (TARGET, NON_TARGET, UNKNOWN, UNPARSED)
CONDITION, STEREOTYPE = "condition", "stereotype"
"""Columns beside the right answer: what the context tells, and which answer the stereotype would give."""
OPTIONS = "options"
CONTEXT, QUESTION, ANSWERS = "context", "question", "answers"
"""Columns of what a language model is asked: the last is a JSON list of the answers in their order."""


def folded(text: str) -> str:
    """An answer as it is compared: without case, outer spaces and a full stop at its end."""
    return " ".join(text.lower().split()).removesuffix(".")


@lru_cache(maxsize=100_000)
def options_of(text: str) -> Mapping[str, str]:
    """The answers of a question, as `folded` has them, and what each of them is."""
    found: dict[str, str] = json.loads(text)
    return found


@dataclass
class Choice:
    """Columns of a suite's table that say what the answers of a question are.

    Parameters
    ----------
    column : str
        The right answer: one of `ROLES` but the last.
    """

    column: str

    task = "choice"
    ahead = named = ()
    names = ROLES
    reserved = ("y_pred", CONDITION, STEREOTYPE, OPTIONS)
    against = OPTIONS
    """What a model's answers are read against."""

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return [self.column, CONDITION, STEREOTYPE, OPTIONS]

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them hold words; a suite wrote them."""
        return ()

    @property
    def ids(self) -> tuple[str, ...]:
        """None of them is a name."""
        return ()

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Nothing is to be known before the first row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """A suite wrote the columns."""

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome columns of a predictions table: ``y_true``, ``condition`` and ``stereotype``."""
        found = {"y_true": self.column, CONDITION: CONDITION, STEREOTYPE: STEREOTYPE}
        return {name: _worded(batch.column(column)) for name, column in found.items()}

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[Any]:
        """Nothing learns from a suite; InputError."""
        raise InputError("suite: its questions are for evaluation, nothing learns from them")

    def check_learnable(self) -> None:
        """Nothing learns from a suite; InputError."""
        self.learned({})

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """Nothing is to be seen of all rows together."""

    def warnings(self) -> list[str]:
        """Nothing is to be told: the suite has told what is amiss in its data."""
        return []


def _worded(column: pa.Array) -> pa.DictionaryArray:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(pa.int32()), encoded.dictionary.cast(pa.string())
    )


def roles_of(answers: Sequence[str | None], options: Sequence[str]) -> NDArray[np.intp]:
    """What each answer is among those of its question, as a place in `ROLES`.

    Parameters
    ----------
    answers : sequence of str or None
        None, and what names no answer of the question, is unparsed.
    options : sequence of str
        As `options_of` reads them.
    """
    place = {name: number for number, name in enumerate(ROLES)}
    found = (
        UNPARSED if answer is None else options_of(asked).get(folded(answer), UNPARSED)
        for answer, asked in zip(answers, options, strict=True)
    )
    return np.fromiter((place[role] for role in found), np.intp, len(answers))
