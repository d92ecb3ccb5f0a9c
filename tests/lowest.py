"""Print the lowest version of every package that ``setup.cfg`` asks for, as constraints for pip.

``python tests/lowest.py``. What these packages need themselves is as new as pip finds, which is what somebody
has who keeps an old one: typer 0.17 with the newest click breaks commands, so typer's bound lies above it.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

OURS = ("dev", "bench")
"""Extras of those who work on fairweigh; their tools are pinned by ``constraints.txt`` alone."""
ASKED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?(?:>=([0-9][0-9.]*))?")


def lowest() -> dict[str, str]:
    """Return the lowest version that is stated of each package.

    Raises
    ------
    ValueError
        A package has none, or two.
    """
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[1] / "setup.cfg")
    extras = setup["options.extras_require"]
    lists = [setup["options"]["install_requires"], *(extras[name] for name in extras if name not in OURS)]
    found: dict[str, str] = {}
    for line in " ".join(lists).split():
        asked = ASKED.fullmatch(line)
        if asked is None or asked[2] is None:
            raise ValueError(f"setup.cfg: expected NAME>=VERSION, got {line!r}")
        if found.setdefault(asked[1], asked[2]) != asked[2]:
            raise ValueError(f"setup.cfg: {asked[1]}: two lowest versions, {found[asked[1]]} and {asked[2]}")
    return found


if __name__ == "__main__":
    for name, version in lowest().items():
        print(f"{name}=={version}")
