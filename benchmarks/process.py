"""Processor time and memory of a whole ``fairweigh audit`` of scored predictions, beside DuckDB's count.

Run as ``python benchmarks/process.py [--duckdb PYTHON] [ROWS ...]``; default one million rows. Every time is
the least of several interleaved runs of a fresh process, user and system time of all its threads together,
which other processes on the machine hardly change. 50 million rows show the memory of the streaming path.
``--duckdb`` names a Python that has DuckDB, where this one has not.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fairweigh
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


def compiled() -> None:
    """Compile fairweigh to bytecode, as pip does with what it installs, such as DuckDB.

    An editable install is else compiled when it is first imported, or at every start where
    PYTHONDONTWRITEBYTECODE is set.
    """
    root = Path(fairweigh.__file__).resolve().parent
    aside = re.escape(str(root)) + r"[/\\](tests|build|runs|\..+)[/\\]"
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-x", aside, str(root)], check=True)


def timed(command: list[str]) -> tuple[float, float]:
    """Processor seconds of a process, and its largest resident memory in GiB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1, 3):
        sys.exit(f"{' '.join(command)}: exit code {os.waitstatus_to_exitcode(status)}")
    process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rows", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--duckdb", default=sys.executable, help="a Python that has DuckDB")
    options = parser.parse_args()
    compiled()
    print("| rows | DuckDB read and count | fairweigh audit | ratio | peak memory |")
    print("|--:|--:|--:|--:|--:|")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            path, out = Path(folder) / "predictions.parquet", Path(folder) / "run"
            write(path, rows)
            config = Path(folder) / "audit.yaml"
            config.write_text(CONFIG.format(path=path))
            ours = [sys.executable, "-m", "fairweigh", "audit", str(config), "-o", str(out), "-q"]
            duck, fair, memory = [], [], 0.0
            for _ in range(3 if rows <= 20_000_000 else 1):
                duck.append(timed([options.duckdb, "-c", COUNT, str(path)])[0])
                seconds, memory = timed(ours)
                fair.append(seconds)
                shutil.rmtree(out)
            told = f"{min(duck):.2f} s | {min(fair):.2f} s | {min(fair) / min(duck):.1f} | {memory:.2f} GiB |"
            print(f"| {rows:,} | {told}", flush=True)


if __name__ == "__main__":
    main()
