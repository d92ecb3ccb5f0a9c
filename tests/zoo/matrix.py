"""Every architecture of the zoo with every recipe of compression: ``python -m tests.zoo.matrix`` (make zoo).

Each architecture has a process of its own. The table goes into docs/compression.md; a recipe that ends in
an exception, or whose artefact does not bear out what it says, ends this with code 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .attempt import ZOO, Attempt, attempt, recipes
from .module_kinds import EXPORTED, MODULES
from .test_recipes import RAW
from .transformer_kinds import IMAGES, TEXTS
from .zoo import needs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compression.md"
OPEN, CLOSE = "<!-- the zoo: written by make zoo -->", "<!-- end of the zoo -->"
TORCH = [*TEXTS, *IMAGES, *MODULES, *EXPORTED]
ESTIMATORS = [kind for kind in ZOO.values() if kind.family == "sklearn"]


def one(name: str) -> None:
    """Print the attempts of one architecture, a line of JSON each."""
    for recipe in recipes(ZOO[name]):
        print(json.dumps(dataclasses.asdict(attempt(name, recipe, timed=True))), flush=True)


def in_its_own_process(name: str) -> list[Attempt]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.zoo.matrix", "--one", name],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    found = [Attempt(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        last = (done.stderr.splitlines() or [""])[-1]
        found.append(Attempt(name, "(process)", broke=f"ended with code {done.returncode}: {last}"))
    print(f"{name}: {len(found)} recipes", file=sys.stderr, flush=True)
    return found


def table(found: list[Attempt], order: list[str]) -> tuple[list[str], dict[str, int]]:
    """Lines of Markdown, architectures down and recipes across, and the reasons by their numbers."""
    across = sorted({a.recipe for a in found})
    why: dict[str, int] = {}
    lines = ["| | " + " | ".join(f"`{r}`" for r in across) + " |", "|---" * (len(across) + 1) + "|"]
    for name in order:
        cells = {a.recipe: _cell(a, why) for a in found if a.name == name}
        lines.append(f"| {name} | " + " | ".join(cells.get(r, "") for r in across) + " |")
    return lines, why


def _cell(a: Attempt, why: dict[str, int]) -> str:
    if a.broke or a.faults:
        return "**fault**"
    if a.why:
        # Numbers of one model are no other reason.
        reason = a.why.partition(": ")[2] if a.why.startswith(f"{a.recipe}: ") else a.why
        return f"({why.setdefault(reason, len(why) + 1)})"
    share = "" if a.weights is None else f" {a.weights:.0%}"
    time = "" if a.time is None else f" ×{a.time:.2f}"
    return f"{a.bytes:.2f}{share}{time}"


def write(found: list[Attempt]) -> None:
    parts = [
        "Bytes stored (1 is the original's), share of the weights that are not what they were, time of a "
        "batch (×1 is the original's). Small models of random weights: they show what can be made of a kind, "
        "and not what it is worth. A number in brackets is why a recipe is refused, below its table."
    ]
    for title, kinds in (("torch and transformers", TORCH), ("scikit-learn and alike", ESTIMATORS)):
        names = [kind.name for kind in kinds]
        lines, why = table([a for a in found if a.name in names], names)
        reasons = [f"{n}. {_plain(reason)}" for reason, n in why.items()]
        parts.append("\n".join([f"For {title}:", "", *lines, "", *reasons]))
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(OPEN)
    after = rest.partition(CLOSE)[2]
    PAGE.write_text(f"{before}{OPEN}\n\n" + "\n\n".join(parts) + f"\n\n{CLOSE}{after}", encoding="utf-8")


def _plain(reason: str) -> str:
    """A reason as text of Markdown."""
    return reason.replace("|", "\\|").replace("<", "\\<").replace("_", "\\_").replace("*", "\\*")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--one", help="one architecture, in this process")
    asked.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    given = asked.parse_args()
    if given.one:
        one(given.one)
        return 0
    names = [kind.name for kind in [*TORCH, *ESTIMATORS] if needs(kind) is None]
    with ThreadPoolExecutor(given.workers) as pool:
        found = [a for each in pool.map(in_its_own_process, names) for a in each]
    write(found)
    wrong = [(a, a.broke or "; ".join(a.faults)) for a in found if a.broke or a.faults]
    wrong += [(a, a.why) for a in found if RAW.search(a.why)]
    for a, what in wrong:
        print(f"{a.name}, {a.recipe}: {what}")
    made = sum(not (a.broke or a.why) for a in found)
    print(
        f"{len(found)} attempts: {made} made, {sum(bool(a.why) for a in found)} refused, {len(wrong)} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
