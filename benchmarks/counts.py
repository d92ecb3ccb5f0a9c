"""Counting a cube from string columns, beside the same group-by in Polars and DuckDB, in one process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import duckdb
import polars
import pyarrow as pa
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from tables import predictions

KEYS = ["race", "region", "y_true", "y_pred"]


def best(action: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def main(sizes: list[int]) -> None:
    print("| rows | fairweigh cube | Polars group_by | DuckDB GROUP BY ALL | ratio to the faster |")
    print("|--:|--:|--:|--:|--:|")
    for rows in sizes:
        table: pa.Table = predictions(rows, score=False).drop(["id"])
        table = table.rename_columns(KEYS)
        frame = polars.DataFrame(table)
        database = duckdb.connect()
        database.register("arrow", table)
        database.execute("create table rows as select * from arrow")
        query = f"select {', '.join(KEYS)}, count(*) from rows group by all"
        expected = {tuple(map(str, r[:4])): r[4] for r in database.execute(query).fetchall()}
        cube = counted(ARROW, table, KEYS)
        cells = cube.codes.tolist()
        found = {
            tuple(cube.levels[a][c] for a, c in enumerate(cell)): n
            for cell, n in zip(cells, cube.counts.tolist(), strict=True)
        }
        if found != expected:
            sys.exit("the counts differ from DuckDB's")
        ours = best(lambda table=table: counted(ARROW, table, KEYS))
        pol = best(lambda frame=frame: frame.group_by(KEYS).len())
        duck = best(lambda database=database, query=query: database.execute(query).fetchall())
        print(
            f"| {rows:,} | {ours * 1e3:.0f} ms | {pol * 1e3:.0f} ms | {duck * 1e3:.0f} ms | "
            f"{ours / min(pol, duck):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [1_000_000, 10_000_000])
