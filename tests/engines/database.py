"""An engine of a database: it groups and adds by SQL, and shares nothing with arrow's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa


class Database:
    """Rows in tables of a database, each called by its name."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def hold(self, name: str, rows: pa.Table) -> str:
        """Write rows into a table; its name."""
        columns = [f'"{c.name}" {_type(c.type)}' for c in rows.schema]
        self.connection.execute(f"create table {name} ({', '.join(columns)})")
        marks = ", ".join("?" for _ in columns)
        values = list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
        self.connection.executemany(f"insert into {name} values ({marks})", values)
        return name

    def cells(self, rows: str, axes: Sequence[str], sums: Sequence[Sequence[str]]) -> pa.Table:
        """Group and add."""
        keys = ", ".join(f'"{axis}"' for axis in axes)
        added = [f"sum({' * '.join(names)})" if names else "count(*)" for names in sums]
        query = f"select {keys}, {', '.join(added)} from {rows} group by {keys}"
        found = self.connection.execute(query).fetchall()
        names = [*axes, *(f"sum {i}" for i in range(len(sums)))]
        return pa.table([pa.array(values) for values in zip(*found, strict=True)], names=names)


def _type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "bigint"
    return "double" if pa.types.is_floating(kind) else "varchar"
