"""Processor time of a whole ``fairweigh audit`` with clusters, over that of the same rows without.

    python benchmarks/clusters.py [--repeats 3]

Persons have four rows each on average, two slice columns are crossed, and the table is text, which is read in
many batches. Every time is the least of several interleaved runs of a fresh process.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from process import compiled, timed
from tables import predictions

CONFIG = """\
audit: benchmark
data: {{path: {path}, label: y, sensitive: [race, region], id: id{cluster}}}
model: {{kind: predictions, decision: approved{score}}}
report: {{charts: false}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 2_000_000, 4_200_000])
    options = parser.parse_args()
    compiled()
    print("| rows | clusters | scores | without | with clusters | ratio | peak memory |")
    print("|--:|--:|---|--:|--:|--:|--:|")
    for rows, scored in itertools.product(options.rows, (False, True)):
        with tempfile.TemporaryDirectory() as folder:
            path, out = Path(folder) / "predictions.csv", Path(folder) / "run"
            table = predictions(rows)
            person = np.random.default_rng(1).integers(0, rows // 4, rows)
            table = table.append_column("person", pa.array([f"p{i}" for i in person.tolist()]))
            csv.write_csv(table, path)
            least, memory = {}, 0.0
            for _ in range(options.repeats):
                for cluster in ("", ", cluster: person"):
                    score = ", score: score" if scored else ""
                    config = Path(folder) / "audit.yaml"
                    config.write_text(CONFIG.format(path=path, cluster=cluster, score=score))
                    command = [sys.executable, "-m", "fairweigh", "audit", str(config), "-o", str(out), "-q"]
                    seconds, memory = timed(command)
                    least[cluster] = min(seconds, least.get(cluster, seconds))
                    shutil.rmtree(out)
            without, held = least.values()
            told = f"{without:.2f} s | {held:.2f} s | {held / without:.2f} | {memory:.2f} GiB |"
            print(
                f"| {rows:,} | {len(np.unique(person)):,} | {'yes' if scored else 'no'} | {told}", flush=True
            )


if __name__ == "__main__":
    main()
