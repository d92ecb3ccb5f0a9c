"""Start of the command line: ``fairweigh --help`` beside importing the library that parses it."""

from __future__ import annotations

import subprocess
import sys
import time


def best(command: list[str], repeats: int = 9) -> float:
    """Seconds of the fastest of several fresh processes."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    typer = best([sys.executable, "-c", "import typer"])
    ours = best([sys.executable, "-m", "fairweigh", "--help"])
    print("| python -c 'import typer' | fairweigh --help | ratio (allowed: 3) |")
    print("|--:|--:|--:|")
    print(f"| {typer * 1e3:.0f} ms | {ours * 1e3:.0f} ms | {ours / typer:.2f} |")


if __name__ == "__main__":
    main()
