"""A whole audit of a tiny BERT with 1, 5 and 21 lighter variants: ``python benchmarks/ladder.py``.

Each audit is a fresh process: it makes the variants, saves and loads them, loads each again in a process of
its own, scores them, times them beside the original and writes the report. Wall-clock seconds count where the
machine is at rest; those of the processor, all processes of an audit together, are less changed by others. A
load is of the last minute, in processes per core: 1 is a machine that works for the audit alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))

from tests.tiny import save_bert, texts  # noqa: E402

LADDER = [
    "int8-dynamic", "onnx-int8", "bf16", {"prune-magnitude": {"amount": 0.5}}, {"drop-layers": {"keep": 2}},
    {"int8-dynamic": {"per_channel": True}}, {"int8-dynamic": {"embeddings": True}}, "int8-weight", "onnx",
    *({"prune-magnitude": {"amount": share}} for share in (0.2, 0.3, 0.4, 0.6, 0.7)),
    {"drop-layers": {"keep": 1}}, {"drop-layers": {"keep": 3}},
    *({"prune-heads": {"keep": kept}} for kept in (1, 2, 3)), "sparse-2-4", "prune-structured",
]  # fmt: skip
"""The five of a first look, and then those around them."""
ROWS = 1000


def audited(folder: Path, variants: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor for an audit of the original and some variants."""
    named = [{"name": f"v{i}", "recipe": recipe} for i, recipe in enumerate(LADDER[:variants])]
    config = {
        "audit": f"ladder-{variants}",
        "data": {
            "path": str(folder / "rows.parquet"), "label": "y", "sensitive": ["sex", "race"], "id": "id",
        },
        "model": {"kind": "transformers", "path": str(folder / "bert"), "text": "text"},
        "compressions": named,
    }  # fmt: skip
    path = folder / "audit.yaml"
    path.write_text(json.dumps(config))
    command = [sys.executable, "-m", "fairweigh", "audit", str(path), "-q", "-o", str(folder / f"{variants}")]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode not in (0, 1, 3):
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    told = json.loads((folder / f"{variants}" / "audit.json").read_text())
    if told["failed"]:
        sys.exit(f"not made: {told['failed'][0]['name']}: {told['failed'][0]['why']}")
    return seconds, used.ru_utime + used.ru_stime


def main() -> None:
    import pyarrow.parquet as pq

    print("| variants | by the clock | of the processor | ratio to the first | each further variant | load |")
    print("|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        save_bert(folder / "bert")
        pq.write_table(texts(ROWS), folder / "rows.parquet")
        first = (0.0, 0.0)
        for variants in map(int, sys.argv[1:] or (1, 5, len(LADDER))):
            seconds, used = audited(folder, variants)
            first = first if first[0] else (seconds, used)
            each = f"{(used - first[1]) / (variants - 1):.1f} s" if variants > 1 else ""
            told = f"{seconds:.1f} s | {used:.1f} s | {used / first[1]:.1f} | {each}"
            load = f"{os.getloadavg()[0] / len(os.sched_getaffinity(0)):.1f}"
            print(f"| {variants} | {told} | {load} |", flush=True)


if __name__ == "__main__":
    main()
