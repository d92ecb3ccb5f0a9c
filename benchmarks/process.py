"""Time and memory of a whole ``fairweigh audit`` of predictions, beside DuckDB reading and counting them.

Run as ``python benchmarks/process.py [ROWS ...]``; default one million rows. Every time is the best of
several interleaved runs of a fresh process. 50 million rows (``python benchmarks/process.py 50000000``)
show the memory of the streaming path.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tables import predictions

COUNT = """
import duckdb, sys
duckdb.sql(f"select race, region, y, approved, count(*) from '{sys.argv[1]}' group by all").fetchall()
"""

CONFIG = """\
audit: benchmark
data: {{path: {path}, label: y, sensitive: [race, region], id: id}}
model: {{kind: predictions, score: score, decision: approved}}
gates: [{{metric: selection_rate, by: race, compare: ratio, limit: ">= 0.8"}}]
report: {{charts: false}}
"""


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds of a process and the largest resident memory of any child so far, in GiB."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode not in (0, 1, 3):
        sys.exit(done.stderr.decode())
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def write(path: Path, rows: int) -> None:
    """Write ``rows`` predictions by a million at a time."""
    writer = None
    for part in range(0, rows, 1_000_000):
        table = predictions(min(1_000_000, rows - part), seed=part)
        ids = pa.array(np.arange(part, part + len(table)))
        table = table.set_column(0, "id", ids)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def main(sizes: list[int]) -> None:
    print("| rows | DuckDB read and count | fairweigh audit | allowed: 3 x DuckDB + 2 s | peak memory |")
    print("|--:|--:|--:|--:|--:|")
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path, out = Path(folder) / "predictions.parquet", Path(folder) / "run"
            write(path, rows)
            config = Path(folder) / "audit.yaml"
            config.write_text(CONFIG.format(path=path))
            ours = [sys.executable, "-m", "fairweigh", "audit", str(config), "-o", str(out), "-q"]
            duck, fair, memory = [], [], 0.0
            for _ in range(3 if rows <= 2_000_000 else 1):
                duck.append(timed([sys.executable, "-c", COUNT, str(path)])[0])
                seconds, memory = timed(ours)
                fair.append(seconds)
                shutil.rmtree(out)
            allowed = 3 * min(duck) + 2
            print(
                f"| {rows:,} | {min(duck):.2f} s | {min(fair):.2f} s | {allowed:.2f} s | {memory:.2f} GiB |",
                flush=True,
            )


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [1_000_000])
