"""What decision rules know rows by: the slices that they fall into, and the lots that are drawn for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..bands import UNKNOWN
from ..datasets.columns import Sensitive, canonical, listed, no_column, word
from ..datasets.errors import InputError

Floats = NDArray[np.float64]
Key = tuple[str, ...]
Unseen = Literal["error", "common"]


@dataclass(frozen=True)
class Groups:
    """The slices that a rule knows, and how rows fall into them.

    Attributes
    ----------
    features : tuple of str
        Sensitive features; none for a rule that all rows share.
    keys : tuple of tuple of str
        Values of each slice that has a rule of its own.
    bins : mapping
        Edges of numeric features.
    unseen : {"error", "common"}
        What rows of other slices get.
    merge : mapping
        By feature: the name of a slice, and the values that are one with it.
    """

    features: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ((),)
    bins: Mapping[str, Sequence[float]] = field(default_factory=dict)
    unseen: Unseen = "error"
    merge: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def codes(self, batch: pa.RecordBatch) -> NDArray[np.intp]:
        """Slice of each row, a position in ``keys``; ``len(keys)`` for the common rule.

        Raises
        ------
        InputError
            The table lacks a feature, or holds a slice without a rule where that is an error.
        """
        if not self.features:
            return np.zeros(batch.num_rows, np.intp)
        whole = np.zeros(batch.num_rows, np.int64)
        names: list[list[str]] = []
        for feature in self.features:
            if feature not in batch.schema.names:
                raise no_column(
                    feature, batch.schema.names, "the table; decisions of this variant need it", "data"
                )
            slicer = Sensitive(feature, tuple(self.bins.get(feature, ())), self.merge.get(feature, {}))
            read = slicer.read(batch.column(feature))
            levels = [*read.dictionary.to_pylist(), UNKNOWN]
            whole = whole * len(levels) + read.indices.fill_null(len(levels) - 1).to_numpy()
            names.append(levels)
        held, inverse = np.unique(whole, return_inverse=True)
        slices = [self._key(int(code), names) for code in held]
        place = {key: i for i, key in enumerate(self.keys)}
        # The same table comes from CSV as text and from elsewhere typed: True is true, 01 is 1.
        alike = [tuple(map(canonical, key)) for key in self.keys]
        if len(set(alike)) == len(alike):
            place = {key: i for i, key in enumerate(alike)}
            slices = [tuple(map(canonical, key)) for key in slices]
        other = [" & ".join(key) for key in slices if key not in place]
        if other and self.unseen == "error":
            raise InputError(
                f"the decision rule has no threshold for {' & '.join(self.features)} = {listed(other)}: "
                "it was fitted on rows without them; fit it with unseen: common to give them the common one"
            )
        codes = np.array([place.get(key, len(self.keys)) for key in slices], np.intp)
        return np.asarray(codes[inverse.reshape(-1)])

    def _key(self, code: int, names: Sequence[Sequence[str]]) -> Key:
        key = []
        for levels in reversed(names):
            code, at = divmod(code, len(levels))
            key.append(levels[at])
        return tuple(reversed(key))

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        merge = {f: {name: list(v) for name, v in groups.items()} for f, groups in self.merge.items()}
        return {
            "features": list(self.features), "keys": [list(k) for k in self.keys],
            "bins": {k: list(v) for k, v in self.bins.items()}, "unseen": self.unseen,
            **({"merge": merge} if merge else {}),
        }  # fmt: skip

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Groups:
        """Make groups of a checked spec; ValueError for keys or edges that do not fit each other."""
        keys = tuple(tuple(key) for key in spec["keys"])
        features, bins = tuple(spec["features"]), dict(spec["bins"])
        if any(len(key) != len(features) for key in keys) or len(set(keys)) < len(keys):
            raise ValueError(f"expected distinct keys of {len(features)} values")
        if any(edges != sorted(set(edges)) for edges in bins.values()):
            raise ValueError("expected ascending edges")
        merge = {
            str(f): {str(name): list(map(str, values)) for name, values in groups.items()}
            for f, groups in spec.get("merge", {}).items()
        }
        return cls(features, keys, bins, spec["unseen"], merge)


EVERYBODY = Groups()
"""One rule for all rows."""


@dataclass(frozen=True)
class Draw:
    """Draws of a randomised rule: from what a row is, not from when or beside whom it is decided.

    The same row gets the same draw in any batch, in any process, on any day, so that a decision can be
    repeated. Rows alike in all these columns are drawn together.

    Attributes
    ----------
    seed : int
    columns : tuple of str
        What tells a row: its id, or all that the model sees of it.
    """

    seed: int
    columns: tuple[str, ...]

    def uniform(self, batch: pa.RecordBatch) -> Floats:
        """A number in [0, 1) for each row, float array of shape (rows,)."""
        import pandas as pd

        for name in self.columns:
            if name not in batch.schema.names:
                raise no_column(name, batch.schema.names, "the table; the rule draws by it", "data")
        texts = [_text(batch.column(name)) for name in self.columns]
        joined = pc.binary_join_element_wise(*texts, "\x1f", null_handling="replace", null_replacement="\x00")
        hashed = pd.util.hash_array(
            joined.to_numpy(zero_copy_only=False), hash_key=f"{self.seed & (2**64 - 1):016x}"
        )
        return np.asarray((hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def _text(column: pa.Array) -> pa.Array:
    """A column as text in which a number is written alike whatever its width: 1, 1.0 and '1'."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        return pa.array([None if v is None else word(v) for v in column.to_pylist()], pa.string())
    return column.cast(pa.string())
