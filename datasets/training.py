"""Rows that a model, or a step that changes it, may learn from; never those that are audited."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..bands import UNKNOWN
from ..told import tell
from .errors import InputError

VALIDATION = "validation"
"""Salt of the hash that sets rows aside for decision rules."""

Key = tuple[str, ...]


@dataclass(frozen=True)
class TrainingRows:
    """Rows to learn from.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
        The columns that the model reads, under the names it reads them by.
    labels : array or None
        Of the task. Binary: bool (rows,). Multiclass: object (rows,), the classes' words. Multilabel: int8
        (rows, labels), 0 and 1. Regression, and ranking its relevance: float (rows,).
    weights : float array of shape (rows,) or None
    about : str
        What they are, for the report.
    sensitive : mapping of str to pyarrow.DictionaryArray
        Slice values of each row, by sensitive feature; null where a value is missing.
    ids : pyarrow.Array or None
    origin : dict
        Name, split and checksum of the data they came from.
    keys : pyarrow.Array or None
        What keeps dependent rows together: their cluster.
    place_of : callable
        Says in which row of its source a text first stands in a column, in words.
    task : str
        What is predicted of a row.
    classes : tuple of str
        Multiclass: the classes in their order. Multilabel: the labels, as the columns of ``labels``.
    query : pyarrow.Array or None
        Ranking: whose list each row stands in.
    """

    batch: pa.RecordBatch
    labels: NDArray[Any] | None
    weights: NDArray[np.float64] | None
    about: str
    sensitive: Mapping[str, pa.DictionaryArray] = field(default_factory=dict)
    ids: pa.Array | None = None
    origin: dict[str, Any] = field(default_factory=dict)
    keys: pa.Array | None = None
    place_of: Callable[[str, str | None], str] = lambda column, value: ""
    task: str = "binary"
    classes: tuple[str, ...] = ()
    query: pa.Array | None = None

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def slices(self, by: Sequence[str], what: str) -> tuple[NDArray[np.intp], list[Key]]:
        """Slice of each row, a position in the observed slices' values in sorted order.

        Parameters
        ----------
        by : sequence of str
            Sensitive features.
        what : str
            The step that asks, for the message.

        Raises
        ------
        InputError
            The rows lack one of the features.
        """
        columns = []
        for feature in by:
            if feature not in self.sensitive:
                known = f"; they have {', '.join(self.sensitive)}" if self.sensitive else ""
                raise InputError(f"{what}: {self.about} lack the sensitive feature '{feature}'{known}")
            values = self.sensitive[feature]
            names = np.array([*values.dictionary.to_pylist(), UNKNOWN], dtype=object)
            columns.append(names[values.indices.fill_null(len(names) - 1).to_numpy()])
        if not columns:
            return np.zeros(len(self), np.intp), [()]
        found: dict[Key, int] = {}
        codes = np.array([found.setdefault(k, len(found)) for k in zip(*columns, strict=True)], np.intp)
        order = sorted(found)
        place = np.empty(len(order), np.intp)
        place[[found[key] for key in order]] = np.arange(len(order))
        return place[codes], order

    def known_labels(self, what: str) -> NDArray[Any]:
        """Return the labels; InputError where there are none."""
        if self.labels is None:
            raise InputError(f"{what}: {self.about} have no label to learn from")
        return self.labels

    def parted(
        self, inside: NDArray[np.bool_], told: Callable[[int, str], str]
    ) -> tuple[TrainingRows, TrainingRows]:
        """The rows outside a mask and those inside it, which ``told`` names by their number and the whole."""

        def part(mask: NDArray[np.bool_], told: Callable[[int, str], str]) -> TrainingRows:
            return replace(self.take(np.flatnonzero(mask)), about=told(int(mask.sum()), self.about))

        return part(~inside, _rest), part(inside, told)

    def take(self, rows: NDArray[np.intp], **changed: Any) -> TrainingRows:
        """Some of the rows, in the order given and as often; ``changed`` fields are put in as they are."""
        chosen = pa.array(rows)
        taken: dict[str, Any] = {
            "batch": self.batch.take(chosen),
            "labels": None if self.labels is None else self.labels[rows],
            "weights": None if self.weights is None else self.weights[rows],
            "sensitive": {name: values.take(chosen) for name, values in self.sensitive.items()},
            "ids": None if self.ids is None else self.ids.take(chosen),
            "keys": None if self.keys is None else self.keys.take(chosen),
            "query": None if self.query is None else self.query.take(chosen),
        }
        return replace(self, **(taken | changed))


def _rest(n: int, whole: str) -> str:
    return tell("{n} of {what}", n=f"{n:,}", what=whole)


def hashed_share(keys: Iterable[Any], share: float, salt: str) -> NDArray[np.bool_]:
    """Whether each key falls into a share that a hash decides, whatever stands beside it.

    Parameters
    ----------
    keys : iterable
        Ids, or what else keeps rows together.
    share : float
        In (0, 1).
    salt : str
        Different ones draw independently.
    """
    start = hashlib.sha256(salt.encode())
    limit = int(share * 2**64)
    inside = []
    for key in keys:
        digest = start.copy()
        digest.update(str(key).encode())
        inside.append(int.from_bytes(digest.digest()[:8]) < limit)
    return np.array(inside, bool)
