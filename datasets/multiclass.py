"""Classes of any number: each value of a column is one, and all are counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..told import tell
from .alike import warn_alike
from .classes import (
    MOST_CLASSES,
    TAGS,
    alike,
    check_free,
    counted,
    in_order,
    mixed,
    one_value,
    tagged,
    too_many,
)
from .columns import listed, words
from .errors import InputError, number_of
from .numbers import missing_in


@dataclass
class Classes:
    """A column of classes, read as the words that they are.

    Parameters
    ----------
    column, role : str
        Name in the table and what it is called in messages ('label', 'decision').
    classes : sequence of str
        All classes in their order; a label of another value is refused then. Default those that occur,
        numbers by their size and words by name.
    favourable : sequence of str
        Classes that are an advantage to the person concerned.
    """

    column: str
    role: Literal["label", "decision"] = "label"
    classes: Sequence[str] = ()
    favourable: Sequence[str] = ()
    seen: dict[str, int] = field(default_factory=dict)
    _found: dict[str, int] = field(default_factory=dict)

    task = "multiclass"
    ids = ()
    reserved = ("y_pred", "score")

    def __post_init__(self) -> None:
        check_named(self.classes)
        check_once(self.favourable, "data.favourable")
        strange = [name for name in self.favourable if self.classes and name not in self.classes]
        if strange:
            raise InputError(
                f"data.favourable: {listed(strange)} is none of data.classes, which are "
                f"{listed(list(self.classes))}"
            )
        self._check_favourable(self.classes)

    def _check_favourable(self, classes: Collection[str]) -> None:
        """InputError where every class is favourable, so that nobody could be told from the others."""
        if self.favourable and len(classes) > 1 and set(classes) <= set(self.favourable):
            raise InputError(
                f"data.favourable: expected some of the classes, got all {len(classes)}: "
                f"{listed(list(self.favourable))}"
            )

    @property
    def _where(self) -> str:
        return f"{self.role} column '{self.column}'"

    @property
    def columns(self) -> list[str]:
        """The column."""
        return [self.column]

    texts = columns

    @property
    def ahead(self) -> tuple[str, ...]:
        """Columns to be looked at before the first row is read: the classes are known before a model runs."""
        return () if self.classes or self._found else (self.column,)

    @property
    def named(self) -> list[str]:
        """The values that the configuration names."""
        return [*self.classes, *self.favourable]

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in their order: those that the configuration names, else those that occur."""
        return tuple(self.classes or in_order({**self._found, **self.seen}))

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Find the classes; InputError for more than `MOST_CLASSES`, with how many there are."""
        found: dict[str, int] = {}
        for batch in batches:
            column = batch.column(self.column)
            self.accept(column, self.column)
            _count(words(column), found)
        self._check(found)
        self._found = found

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column that cannot be classes, whatever its values are."""
        one_value(column, name, self.role)

    def read(self, column: pa.Array) -> pa.DictionaryArray:
        """Return the class of each row.

        Returns
        -------
        pyarrow.DictionaryArray
            ``dictionary<int32, string>``, without null.

        Raises
        ------
        InputError
            A missing value, tags of words, too many classes, or a label that ``classes`` does not name.
        """
        encoded = words(column)
        if encoded.null_count:
            raise missing_in(self._where, self.column, encoded.null_count)
        _count(encoded, self.seen)
        self._check(self.seen)
        strays = {v: n for v, n in self.seen.items() if v not in self.classes} if self.classes else {}
        if strays and self.role == "label":
            raise InputError(_stray(self._where, strays, self.classes))
        return encoded

    def _check(self, seen: Mapping[str, int]) -> None:
        if unprintable := [name for name in seen if "\0" in name]:
            raise InputError(
                f"{self._where} holds {unprintable[0]!r}: no class has a NUL character in its name"
            )
        if len(seen) > MOST_CLASSES:
            raise InputError(too_many(self._where, seen))
        check_free(seen, self._where)
        if seen and tagged(seen):
            raise InputError(f"{self._where} holds {TAGS}; got {counted(seen)}")

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome column of a predictions table: ``y_true``."""
        return {"y_true": self.read(batch.column(self.column))}

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[Any]:
        """The labels of `truth` as a model learns them: an object array of their words."""
        encoded = truth["y_true"]
        names = np.array(encoded.dictionary.to_pylist(), dtype=object)
        return np.asarray(names[encoded.indices.to_numpy()])

    def check_learnable(self) -> None:
        """InputError when only one class was seen: nothing can be learned from it."""
        if len(self.seen) < 2:
            rows = sum(self.seen.values())
            raise InputError(
                f"{self._where} holds one class only: {number_of(rows, 'row is', 'rows are all')} "
                f"{listed(list(self.seen))}; expected two or more"
            )

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """InputError where every class that occurs is favourable."""
        self._check_favourable(self.names)

    def warnings(self) -> list[str]:
        """What is to be told of the values seen: look-alikes, numbers beside words, one class, none seen."""
        out = warn_alike(self.column, list(self.seen))
        if kinds := mixed(self.seen):
            out.append(
                tell(
                    "Column {column} holds numbers ({numbers}) beside words ({words}) as classes; each is "
                    "counted as a class of its own.",
                    column=self.column, numbers=listed(kinds[0], 5), words=listed(kinds[1], 5),
                )
            )  # fmt: skip
        if len(self.seen) == 1 and self.role == "label":
            ((value, rows),) = self.seen.items()
            out.append(
                tell(
                    "Every row has the label {value} ({column}, all {rows} rows): figures that need another "
                    "class have no value.",
                    value=value, column=self.column, rows=f"{rows:,}",
                )
            )  # fmt: skip
        return out

    @property
    def never(self) -> dict[str, list[str]]:
        """The classes that were named and never seen, by the key that names them."""
        keys = {"data.classes": self.classes, "data.favourable": self.favourable}
        absent = {key: [name for name in names if name not in self.seen] for key, names in keys.items()}
        return {key: names for key, names in absent.items() if names}


def check_named(classes: Sequence[str], key: str = "data.classes") -> None:
    """InputError for classes that are named twice, alone, or by the hundred."""
    check_once(classes, key)
    check_free(classes, key)
    if len(classes) == 1:
        raise InputError(f"{key}: expected two or more names, got {classes[0]!r} alone")
    if len(classes) > MOST_CLASSES:
        raise InputError(f"{key}: expected at most {MOST_CLASSES} names, got {len(classes):,}")


def check_once(names: Sequence[str], key: str) -> None:
    """InputError for names of which one stands there twice."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise InputError(f"{key}: {listed(twice)} is named twice")


def _count(encoded: pa.DictionaryArray, seen: dict[str, int]) -> None:
    """Add the rows of each value."""
    known = encoded.indices.drop_null().to_numpy() if encoded.null_count else encoded.indices.to_numpy()
    counts = np.bincount(known, minlength=len(encoded.dictionary)).tolist()
    for value, rows in zip(encoded.dictionary.to_pylist(), counts, strict=True):
        if rows:
            seen[value] = seen.get(value, 0) + rows


def _stray(where: str, strays: Mapping[str, int], classes: Sequence[str]) -> str:
    """Say which labels are none of the classes; one that differs in its spelling alone says so."""
    for value, rows in strays.items():
        twin = alike(value, classes)
        if twin is not None:
            return (
                f"{where}: {value!r} ({number_of(rows, 'row')}) differs from the class {twin!r} in its "
                "spelling alone; name it in data.classes as it stands in the data, or make them one there"
            )
    return f"{where} holds {counted(strays)}, which data.classes ({listed(list(classes))}) does not name"
