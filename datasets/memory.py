"""Tables in memory: pandas, polars, pyarrow and whatever else speaks the Arrow interface, as one kind."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from .errors import InputError

PLACE = "in memory"
"""What stands for the path of a table or model that has none."""
EXPECTED = "a pandas, polars or pyarrow table"


def as_table(given: Any, key: str = "data") -> pa.Table:
    """Bring a table in memory to the form in which files are read.

    Parameters
    ----------
    given : pandas.DataFrame, polars.DataFrame, pyarrow.Table or alike
        Anything with ``__arrow_c_stream__``. The index of a pandas frame is left out:
        ``frame.reset_index()`` makes a column of it.
    key : str
        What errors call it.

    Returns
    -------
    pyarrow.Table
        Text as ``string``, categories as ``dictionary<int32, string>``, as they come from files.

    Raises
    ------
    InputError
        No table, or a column that Arrow cannot hold, or two columns of one name.
    """
    table = _arrow(given, key)
    twice = [name for name, n in Counter(table.column_names).items() if n > 1]
    if twice:
        raise InputError(f"{key}: expected every column name once, got more than one column {twice[0]!r}")
    table = table.replace_schema_metadata(None)
    for place, field in enumerate(table.schema):
        wanted = _form(field.type)
        if wanted != field.type:
            table = table.set_column(place, pa.field(field.name, wanted), table.column(place).cast(wanted))
    return table


def _arrow(given: Any, key: str) -> pa.Table:
    if isinstance(given, pa.Table):
        return given
    told = f"{key}: expected {EXPECTED}, got {type(given).__name__}"
    if type(given).__module__.partition(".")[0] == "pandas":
        return _from_pandas(given, key, told)
    if isinstance(given, pa.RecordBatch) or hasattr(given, "__arrow_c_stream__"):
        try:
            return pa.table(given)
        except (pa.ArrowException, TypeError, ValueError):
            raise InputError(told) from None
    raise InputError(told)


def _from_pandas(given: Any, key: str, told: str) -> pa.Table:
    if not hasattr(given, "columns"):
        raise InputError(told)
    odd = [name for name in given.columns if not isinstance(name, str)]
    if odd:
        raise InputError(f"{key}: expected column names that are text, got {odd[0]!r}")
    try:
        return pa.Table.from_pandas(given, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        # Arrow's last argument says which column it was.
        words = " ".join(str(part) for part in error.args[::-1])
        raise InputError(f"{key}: the frame holds what no table can: {' '.join(words.split())}") from None


def _form(kind: pa.DataType) -> pa.DataType:
    """The type in which files bring the same values."""
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return pa.dictionary(pa.int32(), _form(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.list_(_form(kind.value_type))
    return kind
