"""Record the figures of the golden runs, or compare those of this tree with recorded ones.

``python -m tests.golden record FOLDER`` before a refactoring, ``python -m tests.golden compare FOLDER`` after
each step of it, on the same machine and with the same packages.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .figures import differences
from .runs import Run, runs

RECORDED, AGAIN = "recorded", "again"
MOST_LINES = 20


def make(folder: Path, name: str, run: Run, into: str) -> Path:
    """Audit one configuration with this tree; its folder."""
    out = folder / into / name
    shutil.rmtree(out, ignore_errors=True)
    # JSON is YAML.
    (folder / f"{name}.yaml").write_text(json.dumps(run.configuration))
    command = [sys.executable, "-m", "fairweigh", "audit", f"{name}.yaml", "-q", "-o", str(Path(into, name))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    # A gate that fails, stays open or is an error is a figure too.
    if not (out / "audit.json").exists():
        sys.exit(f"{name}: {done.stderr.strip() or done.stdout.strip()}")
    return out


def record(folder: Path, chosen: Sequence[str] = ()) -> None:
    """Write the inputs and the runs of this tree into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, run in _chosen(chosen).items():
        if run.write is not None:
            run.write(folder)
        make(folder, name, run, RECORDED)
        print(f"{name}: recorded", flush=True)


def compare(folder: Path, chosen: Sequence[str] = (), *, sums: bool = False, more: bool = False) -> int:
    """Make the runs again and print where their figures differ; the number of runs that do."""
    changed = 0
    for name, run in _chosen(chosen).items():
        before = folder / RECORDED / name
        if not before.exists():
            sys.exit(f"{name}: not recorded in {folder}")
        found = list(differences(before, make(folder, name, run, AGAIN), sums=sums, more=more))
        changed += bool(found)
        print(f"{name}: {f'{len(found):,} differences' if found else 'equal'}", flush=True)
        for line in found[:MOST_LINES]:
            print(f"  {line}"[:300], flush=True)
    return changed


def _chosen(names: Sequence[str]) -> dict[str, Run]:
    known = runs()
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"runs are {', '.join(known)}; got {', '.join(unknown)}")
    found = {name: known[name] for name in names or known}
    for name in [name for name, run in found.items() if not run.possible]:
        print(f"{name}: left out, $FAIRWEIGH_DATA has no {found.pop(name).data}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.golden", description=__doc__)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", default=(), metavar="RUN", help="some of the runs")
    parser.add_argument(
        "--sums", action="store_true", help="sums were reordered: floats within 1e-9 are equal"
    )
    parser.add_argument(
        "--more", action="store_true", help="keys were added: those that are new are no difference"
    )
    given = parser.parse_args()
    if given.what == "record":
        record(given.folder, given.only)
        return 0
    return int(compare(given.folder, given.only, sums=given.sums, more=given.more) > 0)


if __name__ == "__main__":
    sys.exit(main())
