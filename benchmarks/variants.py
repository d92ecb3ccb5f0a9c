"""Processor time and memory of an audit of several given variants, over those of the original alone.

    python benchmarks/variants.py [--rows 2000000] [--variants 3]

Each variant is a table of predictions of its own whose decisions differ in one row of fifty. Predictions are
streamed pair by pair, so that memory is to grow with the cells and, where there are scores, with one pair.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from process import compiled, timed
from tables import predictions

CONFIG = """\
audit: benchmark
data: {{path: {folder}/data.parquet, label: y, sensitive: [race, region], id: id}}
model: {{path: {folder}/original.parquet, decision: approved{score}}}
variants: [{variants}]
report: {{charts: false}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--variants", type=int, default=3)
    options = parser.parse_args()
    compiled()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = _written(folder, options.rows, options.variants)
        print("| rows | scores | variants | processor | over the original alone | peak memory |")
        print("|--:|---|--:|--:|--:|--:|")
        for score in ("", ", score: score"):
            alone = 0.0
            for given in ([], names):
                each = ", ".join(
                    f"{{name: {n}, path: {folder}/{n}.parquet, decision: approved{score}}}" for n in given
                )
                config = folder / "audit.yaml"
                config.write_text(CONFIG.format(folder=folder, score=score, variants=each))
                out = folder / f"run-{len(given)}-{len(score)}"
                command = [sys.executable, "-m", "fairweigh", "audit", str(config), "-o", str(out), "-q"]
                seconds, memory = timed(command)
                alone = alone or seconds
                told = f"{seconds:.2f} s | {seconds / alone:.2f} | {memory:.2f} GiB |"
                print(f"| {options.rows:,} | {'yes' if score else 'no'} | {len(given)} | {told}", flush=True)


def _written(folder: Path, rows: int, variants: int) -> list[str]:
    """Write the data, the original's predictions and those of each variant; returns their names."""
    table = predictions(rows)
    given = [name for name in table.column_names if name not in ("approved", "score")]
    pq.write_table(table.select(given), folder / "data.parquet")
    own = table.select(["id", "approved", "score"])
    pq.write_table(own, folder / "original.parquet")
    draw, names = np.random.default_rng(0), [f"v{i}" for i in range(variants)]
    for name in names:
        turned = np.asarray(own["approved"]) ^ (draw.random(rows) < 0.02)
        made = own.set_column(1, "approved", pa.array(turned))
        pq.write_table(made, folder / f"{name}.parquet")
    return names


if __name__ == "__main__":
    main()
