"""Feature columns as the pandas frame that a model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.columns import canonical, words
from ..datasets.numbers import (
    NotANumberError,
    as_floats,
    check_finite,
    decoded,
    is_numeric,
    kind_of,
    numbers,
)
from ..datasets.spelling import word

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Kinds:
    """What a model takes some of its columns for; the others come as they stand in the table.

    Attributes
    ----------
    numbers, categories : tuple of str
        Columns that are numbers, and words, whatever a table stores them as: what they were in training.
    dtypes : mapping of str to pandas type
        Types of the frame that a model from Python came with.
    """

    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dtypes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pa.Table, columns: Sequence[str], categorical: Sequence[str]) -> Kinds:
        """Say what each column of the training rows is; those without any value are neither.

        Raises
        ------
        InputError
            As `kind_of`; ``categorical`` columns are categories without being looked at.
        """
        found = {
            name: "category" if name in categorical else kind_of(table.column(name), name) for name in columns
        }
        by_kind = {kind: tuple(n for n in columns if found[n] == kind) for kind in ("number", "category")}
        return cls(by_kind["number"], by_kind["category"])

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "numbers": list(self.numbers), "categories": list(self.categories),
            "dtypes": {name: _dtype_spec(dtype) for name, dtype in self.dtypes.items()},
        }  # fmt: skip

    @classmethod
    def read(cls, spec: Mapping[str, Any]) -> Kinds:
        """Read what `spec` wrote, or nothing of it; ValueError or TypeError for anything else."""
        numbers, categories = (tuple(map(str, spec.get(key, []))) for key in ("numbers", "categories"))
        return cls(numbers, categories, {str(n): _dtype(d) for n, d in spec.get("dtypes", {}).items()})


def frame(
    table: pa.Table, columns: Sequence[str], as_words: Sequence[str] = (), kinds: Kinds | None = None
) -> pd.DataFrame:
    """Return feature columns as pandas, text as objects, so that encoders see one kind of text.

    Columns of ``as_words`` are text whatever they are stored as: 1, 1.0, 01 and '1' are one value. Decimals
    are floats, and numbers in a dictionary numbers; ``kinds`` says what else columns are.

    Raises
    ------
    CellError
        A word in a column of numbers, or an infinite one.
    """
    import pandas as pd

    kinds = kinds or Kinds()
    chosen = table.select(list(columns))
    for place, name in enumerate(chosen.column_names):
        column = chosen.column(place)
        if is_numeric(column.type) and (pa.types.is_dictionary(column.type) or _is_decimal(column.type)):
            plain = decoded(column)
            plain = as_floats(plain) if _is_decimal(plain.type) else plain
            chosen = chosen.set_column(place, name, plain)
        elif pa.types.is_string_view(column.type):
            chosen = chosen.set_column(place, name, column.cast(pa.string()))
    # What pandas noted of a file's columns and index is not the table's any more.
    out: pd.DataFrame = chosen.to_pandas(ignore_metadata=True)
    for name in out.columns:
        if name in as_words:
            out[name] = pd.Series(_objects(table.column(name), canonical), dtype=object)
        elif name in kinds.categories:
            out[name] = pd.Series(_objects(table.column(name), str), dtype=object)
        elif name in kinds.dtypes:
            out[name] = _as_dtype(out[name], table.column(name), kinds.dtypes[name])
        elif name in kinds.numbers and out[name].dtype.kind not in "biuf":
            out[name] = _numbers(table.column(name), name)
        elif out[name].dtype.kind not in "biuf":
            out[name] = out[name].astype(object).where(out[name].notna(), None)
        if out[name].dtype.kind == "f":
            check_finite(out[name].to_numpy(), name)
    return out


def _is_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind.value_type if pa.types.is_dictionary(kind) else kind))


def _objects(column: pa.ChunkedArray, told: Any) -> NDArray[Any]:
    """The words of a column, None where there is none."""
    encoded = words(column)
    names = np.array([*map(told, encoded.dictionary.to_pylist()), None], dtype=object)
    return np.asarray(names[encoded.indices.fill_null(len(names) - 1).to_numpy()])


def _numbers(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    plain = decoded(column)
    plain = plain.cast(pa.float64()) if pa.types.is_boolean(plain.type) else plain
    try:
        return numbers(plain, f"feature column '{name}': expected numbers, as in training", name)
    except NotANumberError as error:
        error.rest += "; if it means 'not known' list it in data.missing"
        raise


def _as_dtype(values: Any, column: pa.ChunkedArray, dtype: Any) -> Any:
    import pandas as pd

    if not isinstance(dtype, pd.CategoricalDtype):
        return values if values.dtype == dtype else values.astype(dtype)
    levels = pd.Index([word(c) for c in dtype.categories.tolist()])
    encoded = words(column)
    place = np.array([*levels.get_indexer(encoded.dictionary.to_pylist()), -1])
    codes = place[encoded.indices.fill_null(len(place) - 1).to_numpy()]
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), index=values.index)


def _dtype_spec(dtype: Any) -> Any:
    import pandas as pd

    if not isinstance(dtype, pd.CategoricalDtype):
        return str(dtype)
    plain = [c if isinstance(c, (str, int, float, bool)) else word(c) for c in dtype.categories.tolist()]
    return {"categories": plain, "ordered": bool(dtype.ordered)}


def _dtype(spec: Any) -> Any:
    import pandas as pd

    if isinstance(spec, Mapping):
        return pd.CategoricalDtype(list(spec["categories"]), bool(spec["ordered"]))
    return pd.api.types.pandas_dtype(str(spec))
