"""How often limits and verdicts are right: known populations, a fixed seed, Markdown tables.

    python benchmarks/coverage [--repeats 1000] [--seed 1] [--only "max - min"] [--cells]

A study of limits draws samples from populations whose true figure is known, asks ``fairweigh.metrics`` for
the 95 % limits and counts how often they hold it. A study of verdicts counts the fair models, or those at the
limit, that are not found wanting. Where every possible table can be summed nothing is drawn, and the line
says exact. A sample in which the figure is undefined makes no claim and does not count. Studies in brackets
show what is not used, and why.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable
from importlib import import_module

import numpy as np
from studies import Study, line

ROOMS = (
    "rates", "pairs", "several", "dependent", "paired", "growth", "means", "losses", "areas", "standardised",
    "moves", "regressions", "errors", "classes", "multilabels", "toplabels", "rankings", "distributions",
    "judged", "units", "atlimit", "passes", "verdicts", "findings", "variants",
)  # fmt: skip
STUDIES: dict[str, tuple[Study, str]] = {}
TABLES: dict[str, Callable[[], str]] = {}
"""Of figures that are exact: they depend on no seed."""
LOADED = [import_module(room) for room in ROOMS]
for room in LOADED:
    STUDIES |= getattr(room, "STUDIES", {})
    TABLES |= getattr(room, "TABLES", {})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000, help="samples per cell of a grid")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="studies whose name holds this text")
    parser.add_argument("--cells", action="store_true", help="print every cell, too")
    options = parser.parse_args()
    if any(options.only in name for name in STUDIES):
        print("| figure | grid | cells | average % | worst cell % | cells below 94 % |")
        print("|---|---|---|---|---|---|")
    start = time.perf_counter()
    for name, (study, grid) in STUDIES.items():
        if options.only in name:
            # Each study has draws of its own, so that one alone gives the same line.
            rng = np.random.default_rng((options.seed, zlib.crc32(name.encode())))
            cells = study(rng, options.repeats)
            print(line(name, grid, cells), flush=True)
            if options.cells:
                print(*(f"  {cell}: {100 * value:.1f}" for cell, value in cells.items()), sep="\n")
    for name, table in TABLES.items():
        if options.only in name:
            print(f"\n**{name}**\n\n{table()}", flush=True)
    print(f"\n{options.repeats} samples per cell, seed {options.seed}, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
