"""Two classes: labels or decisions of which some values are positive and the others negative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .alike import warn_alike
from .classes import alike, another_task, counted, one_value
from .columns import listed, word, words
from .errors import InputError, number_of
from .numbers import missing_in


@dataclass
class Binary:
    """A column of two classes, read as 1 (positive) and 0.

    Parameters
    ----------
    column, role : str
        Name in the table and what it is called in messages ('label', 'decision').
    positive, negative : sequence of str
        Values of either class. Where neither is given the column must hold 1/0 or true/false; where one is,
        any other value is of the other class, provided that there is only one.
    one_of_many : bool
        Whether it is one of the labels of a row, so that no other task is meant.
    """

    task = "binary"
    ahead = ids = reserved = ()
    names = ()

    column: str
    role: Literal["label", "decision"]
    positive: Sequence[str] = ()
    negative: Sequence[str] = ()
    seen: dict[str, int] = field(default_factory=dict)
    one_of_many: bool = False

    def __post_init__(self) -> None:
        both = sorted({*self.positive} & {*self.negative})
        if both:
            raise InputError(f"{self._key('positive')}: {listed(both)} is named as negative too")

    @property
    def columns(self) -> list[str]:
        """The column."""
        return [self.column]

    texts = columns

    @property
    def named(self) -> list[str]:
        """The values that the configuration names."""
        return [*self.positive, *self.negative]

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Nothing is to be known before the first row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column that cannot be classes, whatever its values are."""
        one_value(column, name, self.role)

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome columns of a predictions table."""
        return {"y_true": pa.array(self.read(batch.column(self.column)).astype(np.int8))}

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[np.bool_]:
        """The labels of `truth` as a model learns them."""
        return np.asarray(truth["y_true"].to_numpy().astype(bool))

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """Nothing is to be seen of all rows together."""

    def warnings(self) -> list[str]:
        """What is to be told of the values seen."""
        return warn_alike(self.column, list(self.seen))

    def _key(self, side: str) -> str:
        return f"{'data' if self.role == 'label' else 'model'}.{side}"

    @property
    def _where(self) -> str:
        return f"{self.role} column '{self.column}'"

    def read(self, column: pa.Array) -> NDArray[np.bool_]:
        """Return whether each row is positive; InputError for null or a value of neither class."""
        if pa.types.is_integer(column.type) and not column.null_count and len(column):
            numbers = column.to_numpy()
            least, most = int(numbers.min()), int(numbers.max())
            if most - least == 1:
                return self._of_two(numbers, least, most)
        encoded = words(column)
        if encoded.null_count:
            raise missing_in(self._where, self.column, encoded.null_count)
        values = encoded.dictionary.to_pylist()
        counts = np.bincount(encoded.indices.to_numpy(), minlength=len(values))
        for value, count in zip(values, counts.tolist(), strict=True):
            if count:
                self.seen[value] = self.seen.get(value, 0) + count
        positive = self._positive()
        held = np.array([v in positive for v in values], bool)
        return np.asarray(held[encoded.indices.to_numpy()])

    def _of_two(self, numbers: NDArray[np.integer[Any]], least: int, most: int) -> NDArray[np.bool_]:
        """Read integers of two neighbouring values, such as 0 and 1, without a table of their words."""
        higher = numbers == numbers.dtype.type(most)
        rows = int(np.count_nonzero(higher))
        # In the order in which they come.
        counts = {word(least): len(numbers) - rows, word(most): rows}
        for value in list(counts)[:: -1 if higher[0] else 1]:
            self.seen[value] = self.seen.get(value, 0) + counts[value]
        positive = self._positive()
        both = word(least) in positive, word(most) in positive
        return np.full(len(numbers), both[0]) if both[0] == both[1] else (higher if both[1] else ~higher)

    def _positive(self) -> set[str]:
        """The values that are positive; InputError where those seen do not fall into two classes."""
        # YAML's true is the text 'True' of a table that Python wrote.
        negative = _with_booleans(self.negative, self.seen)
        positive = _with_booleans(self.positive or ([] if negative else ["1", "true"]), self.seen)
        others = {value: rows for value, rows in self.seen.items() if value not in positive}
        if not self.positive and not negative:
            if not {v.lower() for v in others} <= {"0", "false"}:
                self._refuse_unclear("positive", self.seen, [])
            return positive
        if not self.positive:
            positive |= {value for value in others if value not in negative}
            if len(positive) > 1:
                rest = {v: n for v, n in others.items() if v in positive}
                self._refuse_unclear("positive", rest, self.negative)
            return positive
        strays = {value: rows for value, rows in others.items() if value not in negative}
        for value in strays:
            twin = alike(value, self.positive)
            if twin is not None:
                raise InputError(
                    f"{self._where}: {value!r} ({number_of(self.seen[value], 'row')}) differs from the "
                    f"positive {twin!r} in its spelling alone; name it in {self._key('positive')} or "
                    f"{self._key('negative')}"
                )
        if negative and strays:
            raise InputError(
                f"{self._where} has values of neither class: expected positive {listed(list(self.positive))} "
                f"and negative {listed(list(self.negative))}, got {counted(strays)}"
            )
        if len(strays) > 1:
            self._refuse_unclear("negative", strays, self.positive)
        return positive

    def _refuse_unclear(self, side: str, values: Mapping[str, int], given: Sequence[str]) -> NoReturn:
        """Raise for values of which nobody said whether they are ``side``."""
        task = None if self.one_of_many else another_task(self.seen)
        if task is not None:
            raise InputError(f"{self._where} holds {task}")
        key = self._key(side)
        if not given:
            many = len(self.seen) > 2
            several = "; a list of them is audited against the other classes" if many else ""
            whole = many and self.role == "label" and not self.one_of_many
            each = "set task: multiclass to audit every class, or " if whole else ""
            raise InputError(
                f"{self._where} holds {counted(values)}: {each}say which value is positive ({key}){several}"
            )
        if not {*given} & {*self.seen}:
            raise InputError(
                f"{self._where}: {listed(list(given))} ({self._key(_OTHER[side])}) occurs in none of "
                f"{number_of(sum(self.seen.values()), 'row')}, which hold {counted(self.seen)}"
            )
        raise InputError(
            f"{self._where}: which values are {side} is unclear: beside {_OTHER[side]} {listed(list(given))} "
            f"it holds {counted(values)}; name those that are {side} in {key} (a list is fine), "
            f"or the others in {self._key(_OTHER[side])}"
        )

    def check_learnable(self) -> None:
        """InputError when only one class was seen: nothing can be learned from it."""
        if not all(self.classes):
            rows = sum(self.seen.values())
            raise InputError(
                f"{self._where} holds one class only: {number_of(rows, 'row is', 'rows are all')} "
                f"{listed(list(self.seen))}; "
                f"expected positive {listed(sorted(self._positive())) or 'ones'} and others"
            )

    @property
    def classes(self) -> tuple[list[str], list[str]]:
        """The values seen of the positive and of the negative class."""
        positive = self._positive()
        return (
            sorted(v for v in self.seen if v in positive),
            sorted(v for v in self.seen if v not in positive),
        )

    @property
    def never(self) -> dict[str, list[str]]:
        """The values that were named and never seen, by the key that names them."""
        named = {self._key("positive"): self.positive, self._key("negative"): self.negative}
        seen = {value.lower() for value in self.seen}
        absent = {key: [v for v in values if v.lower() not in seen] for key, values in named.items()}
        return {key: values for key, values in absent.items() if values}


_OTHER = {"positive": "negative", "negative": "positive"}


def _with_booleans(values: Sequence[str], seen: Iterable[str]) -> set[str]:
    """The values, and those seen that write true or false in another case."""
    return {*values} | {v for v in seen if v.lower() in ("true", "false") and v.lower() in values}
