"""Every architecture of the zoo with every recipe of compression: ``python -m tests.zoo.matrix`` (make zoo).

Each architecture has a process of its own, and each recipe a bound in time; a recipe on which the process
ends or hangs is a fault of its own, and the others go on in another process. What is found is kept in
``runs/zoo.jsonl`` as it comes, so that a run that was stopped goes on where it was, as long as neither the
code nor the packages change (``--older`` takes those of another state too, ``--again`` tries some again).
The tables go into docs/compression.md; a recipe that ends in an exception, or whose artefact does not bear
out what it says, ends this with code 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import faulthandler
import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path
from typing import Any

from fairweigh.audit.figures.processor import processor

from . import rows
from .attempt import ZOO, Attempt, attempt, recipes
from .module_kinds import EXPORTED, MODULES
from .test_recipes import RAW
from .transformer_kinds import IMAGES, TEXTS
from .zoo import needs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compression.md"
KEPT = ROOT / "runs" / "zoo.jsonl"
OPEN, CLOSE = "<!-- the zoo: written by make zoo -->", "<!-- end of the zoo -->"
TORCH = [*TEXTS, *IMAGES, *MODULES, *EXPORTED]
ESTIMATORS = [kind for kind in ZOO.values() if kind.family == "sklearn"]
LIMIT = 900
"""Seconds that a recipe on an architecture may take, which is for a machine that many others use."""
PACKAGES = (
    "torch", "transformers", "torchao", "onnxruntime", "openvino", "nncf", "scikit-learn", "lightgbm",
    "xgboost-cpu", "xgboost", "catboost",
)  # fmt: skip
NAMED = {"a": "it", "an": "it", "the smaller": "the smaller model"}
MOST_LOAD = 2
"""Processes to a core beyond which times say nothing of models that run for less than a millisecond."""
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["tests.zoo.attempt", "torch.onnx", "transformers.modeling_utils", "torchao", "onnxruntime.quantization"]
)


def versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in PACKAGES if _installed(name)}


def _installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def state() -> str:
    """A name of the code and packages that a result comes from."""
    code = [path for room in ("compression", "models", "tests/zoo") for path in (ROOT / room).rglob("*.py")]
    told = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(code))
    return hashlib.sha256(f"{told}{versions()}".encode()).hexdigest()[:16]


def tried(name: str, asked: list[str], of: str) -> None:
    """Try recipes on an architecture, and keep each attempt as soon as it is over.

    On one processor: threads that wait for one that others keep from running make a batch fifty times slower.
    """
    there = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {there[os.getpid() % len(there)]})
    for recipe in asked:
        # Its thread ends the process also where the interpreter itself is stuck.
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        keep(attempt(name, recipe, timed=True), of)


def keep(found: Attempt, of: str) -> None:
    told = {**dataclasses.asdict(found), "state": of, "date": f"{date.today()}"}
    with KEPT.open("a") as file:
        file.write(json.dumps(told) + "\n")


def in_its_own_process(name: str, asked: list[str], of: str) -> None:
    """Try recipes on an architecture in a fork of a process that has imported the libraries and no more."""
    while asked:
        before, start = _lines(name), time.monotonic()
        child = PROCESSES.Process(target=tried, args=(name, asked, of))
        child.start()
        child.join()
        asked = asked[_lines(name) - before :]
        if asked:
            spent = f"{time.monotonic() - start:.0f} s"
            broke = f"the process ended with code {child.exitcode} after {spent}"
            keep(Attempt(name, asked[0], broke=broke), of)
            asked = asked[1:]
    print(f"{name}: done", file=sys.stderr, flush=True)


def _lines(name: str) -> int:
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return sum(json.loads(line)["name"] == name for line in lines)


GROUPS = (
    ("Texts", TEXTS),
    ("Images and convolutions", [*IMAGES, *(kind for kind in MODULES if kind.rows is rows.pixels)]),
    ("Series and tables", [kind for kind in MODULES if kind.rows is not rows.pixels]),
    ("Exported programs", EXPORTED),
    ("scikit-learn and alike", ESTIMATORS),
)
NOTE = """\
Of a variant: its bytes as stored over the original's, the share of the original's weights that are not
what they were (of an exported graph: not held in float32), and the time of a batch over the original's
(×). A number in brackets is why the recipe is refused, below. These models are small and of random
weights: they show what can be made of a kind, and neither what it is worth nor what it saves (a graph's
structure is stored too, which is most of the bytes of a model so small)."""


def table(found: list[Attempt], order: list[str], why: dict[str, int], *, timed: bool) -> list[str]:
    """Lines of Markdown, recipes down and architectures across; reasons get their numbers in ``why``."""
    held = {(a.name, a.recipe): a for a in found if a.name in order}
    lines = ["| recipe | " + " | ".join(order) + " |", "|---" + "|:-:" * len(order) + "|"]
    for recipe in sorted({a.recipe for a in held.values()}):
        cells = [_cell(held[name, recipe], why, timed) if (name, recipe) in held else "" for name in order]
        lines.append(f"| `{recipe}` | " + " | ".join(cells) + " |")
    return lines


def _cell(a: Attempt, why: dict[str, int], timed: bool) -> str:
    if a.broke or a.faults:
        return "**fault**"
    if a.why:
        return f"({why.setdefault(_general(a), len(why) + 1)})"
    share = "" if a.weights is None else f", {a.weights:.0%}"
    return f"{a.bytes:.2f}{share}" + (f", ×{a.time:.1f}" if timed else "")


def _general(a: Attempt) -> str:
    """A reason without the recipe and the class, which row and column name: as it is of all."""
    reason = a.why.partition(": ")[2] if a.why.startswith(a.recipe) else a.why
    # A class is one word of several capitals.
    reason = re.sub(
        r"\b(a|an|the smaller) (?!CPU|CUDA)[A-Z]+[a-z0-9]*[A-Z]\w*", lambda found: NAMED[found[1]], reason
    )
    return reason[0].upper() + reason[1:]


def write(found: list[Attempt], dates: list[str], older: int) -> None:
    """Put the tables in their place, with what they were made by."""
    made_by = ", ".join(f"{name} {version}" for name, version in versions().items())
    load = os.getloadavg()[2] / len(os.sched_getaffinity(0))
    timed = load <= MOST_LOAD
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    parts = [
        f"Written by `make zoo` ({when}; {processor()[0]}, one thread, {load:.0f} processes to a core; "
        f"{made_by}), which renews it: "
        f"{len(found)} attempts, of which {sum(not a.why for a in found)} made a variant. A test holds these "
        "tables to the recipes and architectures that there are."
        + (f" {older} of them with an earlier state of the code." if older else ""),
        NOTE,
    ]
    if not timed:
        parts.append(
            f"Times are left out: {load:.0f} processes to a core make noise of them (allowed: {MOST_LOAD})."
        )
    why: dict[str, int] = {}
    for title, kinds in GROUPS:
        lines = table(found, [kind.name for kind in kinds], why, timed=timed)
        parts.append("\n".join([f"### {title}", "", *lines]))
    reasons = [f"{n}. {_plain(reason)}" for reason, n in why.items()]
    parts.append("\n".join(["### Why a recipe is refused", "", *reasons]))
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(OPEN)
    after = rest.partition(CLOSE)[2]
    PAGE.write_text(f"{before}{OPEN}\n\n" + "\n\n".join(parts) + f"\n\n{CLOSE}{after}", encoding="utf-8")


def _plain(reason: str) -> str:
    """A reason as text of Markdown."""
    for sign in "\\|<_*[":
        reason = reason.replace(sign, f"\\{sign}")
    return reason


def kept(older: bool) -> dict[tuple[str, str], dict[str, Any]]:
    """What earlier runs found, the last of each cell."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    told = [json.loads(line) for line in lines]
    return {(t["name"], t["recipe"]): t for t in told if older or t["state"] == state()}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked.add_argument("--older", action="store_true", help="take what was found with another state too")
    asked.add_argument("--again", nargs=2, metavar=("ARCHITECTURE", "RECIPE"), help="patterns; only these")
    given = asked.parse_args()
    cells = {k.name: recipes(k) for k in [*TORCH, *ESTIMATORS] if needs(k) is None}
    before, now = kept(given.older), state()
    KEPT.parent.mkdir(exist_ok=True)
    # A process for each of several architectures at once: one thread each.
    os.environ["OMP_NUM_THREADS"] = "1"

    def wanted(name: str, recipe: str) -> bool:
        if given.again:
            return fnmatch(name, given.again[0]) and fnmatch(recipe, given.again[1])
        return (name, recipe) not in before or bool(before[name, recipe]["broke"])

    open_ = {name: [r for r in asked if wanted(name, r)] for name, asked in cells.items()}
    with ThreadPoolExecutor(given.workers) as pool:
        for each in [pool.submit(in_its_own_process, *item, now) for item in open_.items() if item[1]]:
            each.result()
    told = kept(given.older or bool(given.again))
    lacking = [cell for name, rows in cells.items() for cell in ((name, r) for r in rows) if cell not in told]
    named = {field.name for field in dataclasses.fields(Attempt)}
    every = [told[name, r] for name, rows in cells.items() for r in rows if (name, r) in told]
    found = [Attempt(**{k: v for k, v in t.items() if k in named}) for t in every]
    if not lacking:
        write(found, sorted({t["date"] for t in every}), sum(t["state"] != now for t in every))
    wrong = [(a, a.broke or "; ".join(a.faults)) for a in found if a.broke or a.faults]
    wrong += [(a, a.why) for a in found if RAW.search(a.why)]
    for a, what in wrong:
        print(f"{a.name}, {a.recipe}: {what}")
    made = sum(not (a.broke or a.why) for a in found)
    print(
        f"{len(found)} attempts: {made} made, {sum(bool(a.why) for a in found)} refused, {len(wrong)} wrong"
        + (f"; {len(lacking)} not tried yet, so that no table is written" if lacking else "")
    )
    return 1 if wrong or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
