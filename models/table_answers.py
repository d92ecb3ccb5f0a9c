"""Answers in a table: what each of them names among those of its question."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.choice import ROLES, UNPARSED, options_of, roles_of
from ..datasets.columns import plain
from ..datasets.errors import InputError
from ..told import tell_n
from .base import Scored
from .table_outcomes import Placed, Row

MOST_SHOWN = 3
"""Answers that name none of their question's which are shown."""


@dataclass
class OfAnswers:
    """The text of each answer.

    Parameters
    ----------
    answer : str
        Its column.
    """

    answer: str | None

    task = "choice"
    exact = True
    classes = ROLES
    rows: int = 0
    strange: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not self.answer:
            raise InputError("model: a table of answers needs model.answer, the column of their text")

    @property
    def columns(self) -> list[str]:
        """The answer's."""
        return [str(self.answer)]

    @property
    def texts(self) -> list[str]:
        """The answer's."""
        return [str(self.answer)]

    def read(self, placed: Placed, row: Row, beside: pa.Array | None) -> Scored:
        """Read some rows; InputError where no answer at all names one of its question's."""
        assert beside is not None
        options = beside.cast(pa.string()).to_pylist()

        def named(column: pa.Array) -> NDArray[Any]:
            plain(column, str(self.answer))
            answers = column.cast(pa.string()).to_pylist()
            found = roles_of(answers, options)
            strange = np.flatnonzero(found == ROLES.index(UNPARSED)).tolist()
            if strange and len(strange) == len(found):
                known = ", ".join(repr(text) for text in options_of(options[0]))
                raise InputError(
                    f"model.answer: no answer of column '{self.answer}' names one of its question's; "
                    f"expected the text of one, such as {known}, got {str(answers[0])!r}"
                )
            self.strange.update(str(answers[place]) for place in strange)
            return found

        decision = placed(named, str(self.answer))
        self.rows += len(decision)
        return Scored(decision, None)

    def describe(self) -> dict[str, Any]:
        """What the report says of the column."""
        return {"answer": self.answer}

    def notes(self) -> list[str]:
        """Answers that name none of their question's."""
        n = self.strange.total()
        if not n:
            return []
        shown = ", ".join(repr(text) for text, _ in self.strange.most_common(MOST_SHOWN))
        return [
            tell_n(
                "{n} answer of column {column} names none of its question's, such as {shown}. It is counted "
                "as unparsed.",
                "{n} answers of column {column} name none of their question's, such as {shown}. They are "
                "counted as unparsed.",
                n, n=f"{n:,}", column=self.answer, shown=shown,
            )
        ]  # fmt: skip
