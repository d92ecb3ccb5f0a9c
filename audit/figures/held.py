"""What each kind of column of predictions holds, as an audit writes it: its types and its range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...datasets.amounts import LEAST_WEIGHT, MOST_COUNT, MOST_RANK, MOST_WEIGHT
from ...datasets.errors import InputError
from ...metrics.counts import DECISION
from ...tasks import Task
from ...tasks.task import Kind

Ok = NDArray[np.bool_]
TASK_KEY = b"fairweigh.task"
"""In the metadata of a file of predictions: the name of its task."""
MOST = f"up to {MOST_WEIGHT:g}"


@dataclass(frozen=True)
class Held:
    """What a column may hold.

    Attributes
    ----------
    expected : str
        In words.
    type : callable
        Whether a type is one that an audit writes it in.
    fits : callable or None
        Which of some values, without null, may be; None for all.
    whole : bool
        Whether every row has a value.
    """

    expected: str
    type: Callable[[pa.DataType], bool]
    fits: Callable[[NDArray[Any]], Ok] | None = None
    whole: bool = True


def words(kind: pa.DataType) -> bool:
    """Whether a type is that of words, in a dictionary or not."""
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type)) or bool(
        pa.types.is_string(kind)
    )


def _name(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind)) or words(kind)


def _within(least: float, most: float) -> Callable[[NDArray[Any]], Ok]:
    return lambda values: np.asarray((values >= least) & (values <= most))


def _weights(values: NDArray[Any]) -> Ok:
    return np.asarray((values == 0) | _within(LEAST_WEIGHT, MOST_WEIGHT)(values))


_whole, _float = pa.types.is_integer, pa.types.is_floating
NUMBER = Held(f"numbers {MOST}", _float, _within(-MOST_WEIGHT, MOST_WEIGHT))
PROBABILITY = Held("probabilities in [0, 1]", _float, _within(0, 1))
KINDS: dict[Kind, Held] = {
    "bit": Held("0 or 1", _whole, _within(0, 1)),
    "word": Held("words", words),
    "number": NUMBER,
    "amount": Held(f"numbers from 0 {MOST}", _float, _within(0, MOST_WEIGHT)),
    "order": Held("finite numbers", _float, np.isfinite),
    "rank": Held(f"whole numbers from 1 to {MOST_RANK:,}", _whole, _within(1, MOST_RANK)),
    "weight": Held(f"0, or numbers from {LEAST_WEIGHT:g} {MOST}", _float, _weights),
    "count": Held(f"whole numbers from 0 to {MOST_COUNT:,}", _whole, _within(0, MOST_COUNT)),
    "id": Held("words or whole numbers", _name),
    "cluster": Held("words or whole numbers", _name, whole=False),
    "twin": Held("whole numbers from 0", _whole, _within(0, 2**31 - 1), whole=False),
}  # fmt: skip
"""By kind, but for `any`, which may be anything, and scores, whose scale the model has."""


def held(kind: Kind, probability: bool) -> Held | None:
    """What a column of a kind holds; None for anything."""
    if kind == "score":
        return PROBABILITY if probability else NUMBER
    return KINDS.get(kind)


def misfit(column: pa.Array, wanted: Held, start: int | None = 0) -> str | None:
    """What stands in a column that it may not hold, and in which row; None where all is as expected.

    Parameters
    ----------
    start : int, optional
        Rows before these; None where they are not known.
    """
    if not wanted.type(column.type):
        return str(column.type)
    if wanted.whole and column.null_count:
        return f"none{_place(start, pc.index(column.is_null(), pa.scalar(True)).as_py())}"
    if wanted.fits is None or words(column.type):
        return None
    known = np.asarray(column.drop_null())
    bad = ~wanted.fits(known)
    if not bad.any():
        return None
    value = known[int(np.argmax(bad))]
    row = pc.index(column, pa.scalar(value, column.type)).as_py()
    # NaN is equal to nothing; columns that may hold it have a value in every row.
    return f"{value:g}{_place(start, row if row >= 0 else int(np.argmax(bad)))}"


def _place(start: int | None, row: int) -> str:
    return "" if start is None else f" in row {start + row + 1:,}"


def is_probability(model: Mapping[str, Any]) -> bool:
    """Whether the scores of a model are probabilities, as far as its description says."""
    return model.get("scale") != "rank"


def check_said(columns: Mapping[str, pa.Array], task: Task, probability: bool) -> None:
    """InputError where a model says what cannot be counted, such as a number whose square is no float."""
    for name, column in columns.items():
        kind = task.kind(name)
        expected = None if kind is None else held(kind, probability)
        got = None if expected is None else misfit(column, expected, None)
        if expected is not None and got is not None:
            what = "decisions" if name.startswith(DECISION) and kind in ("bit", "word") else "outputs"
            raise InputError(f"model: expected {expected.expected} as {what} ({name}), got {got}")
