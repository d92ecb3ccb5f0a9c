"""Tables in memory: pandas, polars, pyarrow and whatever else speaks the Arrow interface, as one kind."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from .errors import InputError
from .spelling import without_extensions, word

PLACE = "in memory"
"""What stands for the path of a table or model that has none."""
EXPECTED = "a pandas, polars or pyarrow table"


def as_table(given: Any, key: str = "data") -> pa.Table:
    """Bring a table in memory to the form in which files are read.

    Parameters
    ----------
    given : pandas.DataFrame, polars.DataFrame, pyarrow.Table, mapping or alike
        Anything with ``__arrow_c_stream__``, a mapping of names to values, or a structured array of NumPy.
        The index of a pandas frame is left out: ``frame.reset_index()`` makes a column of it.
    key : str
        What errors call it.

    Returns
    -------
    pyarrow.Table
        Text as ``string``, categories as ``dictionary<int32, string>``, as they come from files. Bands,
        periods and integers beyond 64 bits are text.

    Raises
    ------
    InputError
        No table, or a column that Arrow cannot hold, or two columns of one name.
    """
    table = _arrow(given, key)
    twice = [name for name, n in Counter(table.column_names).items() if n > 1]
    if twice:
        raise InputError(f"{key}: expected every column name once, got more than one column {twice[0]!r}")
    table = without_extensions(table.replace_schema_metadata(None))
    for place, field in enumerate(table.schema):
        wanted = _form(field.type)
        if wanted != field.type:
            table = table.set_column(place, pa.field(field.name, wanted), table.column(place).cast(wanted))
    return table


def caller_dtypes(given: Any) -> dict[str, Any]:
    """Return the pandas types of a table's columns, for a model that was trained on them.

    A pandas frame has its own; of other tables the columns of categories have one that pandas knows.
    """
    if type(given).__module__.partition(".")[0] == "pandas":
        return {str(name): dtype for name, dtype in given.dtypes.items() if dtype.name != "object"}
    table = as_table(given)
    coded = [f.name for f in table.schema if pa.types.is_dictionary(f.type)]
    return dict(table.select(coded).to_pandas().dtypes) if coded else {}


def _arrow(given: Any, key: str) -> pa.Table:
    if isinstance(given, pa.Table):
        return given
    told = f"{key}: expected {EXPECTED}, got {type(given).__name__}"
    package = type(given).__module__.partition(".")[0]
    if package == "pandas":
        return _from_pandas(given, key, told)
    fields = getattr(getattr(given, "dtype", None), "names", None)
    if isinstance(given, Mapping) or fields:
        return _from_columns({name: given[name] for name in (fields or given)}, key, told)
    if isinstance(given, pa.RecordBatch) or hasattr(given, "__arrow_c_stream__"):
        try:
            return pa.table(_without_wide_integers(given) if package == "polars" else given)
        except (pa.ArrowException, TypeError, ValueError):
            raise InputError(told) from None
    raise InputError(told)


def _from_columns(columns: dict[str, Any], key: str, told: str) -> pa.Table:
    try:
        return pa.table(columns)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        rows = {-1 if isinstance(v, str) or not hasattr(v, "__len__") else len(v) for v in columns.values()}
        if len(rows) > 1 or rows == {-1}:
            raise InputError(f"{key}: expected columns of one length, as lists or arrays") from None
        import pandas as pd

        frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
        return _from_pandas(frame, key, told)


def _without_wide_integers(given: Any) -> Any:
    """A polars frame whose integers of 128 bits, which Arrow has not, are text."""
    if not hasattr(given, "schema"):
        return given
    import polars

    wide = [name for name, kind in given.schema.items() if str(kind) in ("Int128", "UInt128")]
    return given.with_columns(polars.col(wide).cast(polars.String)) if wide else given


def _from_pandas(given: Any, key: str, told: str) -> pa.Table:
    if not hasattr(given, "columns"):
        raise InputError(told)
    odd = [name for name in given.columns if not isinstance(name, str)]
    if odd:
        raise InputError(f"{key}: expected column names that are text, got {odd[0]!r}")
    if len(set(given.columns)) == len(given.columns):
        given = given.assign(
            **{name: made for name in given.columns if (made := _text_of(given[name])) is not None}
        )
    try:
        return pa.Table.from_pandas(given, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        # Arrow's last argument says which column it was.
        words = " ".join(str(part) for part in error.args[::-1])
        where = _first_of_another_type(given)
        raise InputError(
            f"{key}: the frame holds what no table can: {' '.join(words.split())}{where}"
        ) from None


def _text_of(column: Any) -> Any:
    """A column of what Arrow cannot hold as text, where each value has a spelling; None where it can stay."""
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        if isinstance(dtype.categories.dtype, (pd.PeriodDtype, pd.IntervalDtype)) or (
            pd.api.types.is_object_dtype(dtype.categories) and _refused(dtype.categories)
        ):
            return column.cat.rename_categories([word(c) for c in dtype.categories])
        return None
    if isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        return column.astype(object).where(column.notna(), None).map(word, na_action="ignore")
    if not pd.api.types.is_object_dtype(dtype) or not _refused(column):
        return None
    held = column[column.notna()]
    kinds = set(map(type, held))
    # Numbers beside words are no column of one type: which of the two was meant must be said.
    if not kinds <= {int} and not kinds <= {pd.Interval} and not kinds <= {pd.Period}:
        return None
    return column.where(column.notna(), None).map(word, na_action="ignore")


def _first_of_another_type(given: Any) -> str:
    """Where a column of a pandas frame that Arrow refuses leaves its type, in words."""
    if len(set(given.columns)) < len(given.columns):
        return ""
    for name in given.columns:
        if given[name].dtype.name == "object" and _refused(given[name]):
            kinds = given[name].map(type)[given[name].notna()]
            other = (kinds != kinds.iloc[0]).to_numpy()
            if other.any():
                row = int(np.flatnonzero(given[name].notna().to_numpy())[other.argmax()]) + 1
                return f" (row {row:,}, counted from 1, is the first of another type)"
    return ""


def _refused(values: Any) -> bool:
    try:
        pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return True
    return False


def _form(kind: pa.DataType) -> pa.DataType:
    """The type in which files bring the same values."""
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return pa.dictionary(pa.int32(), _form(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.list_(_form(kind.value_type))
    return kind


def sha256_table(table: pa.Table) -> str:
    """Return the checksum of a table's Arrow stream."""
    digest = hashlib.sha256()

    class Sink:
        """Arrow writes here; only the digest is kept."""

        closed = False

        def write(self, data: Any) -> int:
            digest.update(data)
            return len(data)

        def flush(self) -> None: ...

        def close(self) -> None: ...

    with pa.ipc.new_stream(pa.PythonFile(Sink(), mode="w"), table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return digest.hexdigest()
