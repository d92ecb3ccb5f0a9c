"""Write the tested versions, a file for each extra of ``setup.cfg``: ``python tests/pinned.py``.

``constraints/base.txt`` has what a base install brings, ``constraints/EXTRA.txt`` what an extra adds to it,
with what these packages need themselves, and ``constraints/tools.txt`` the rest of the environment that this
runs in. ``constraints.txt`` is all of them together.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "constraints"
TOOLS = ("dev", "bench")
"""Extras of those who work on fairweigh."""
NOT_OURS = ("fairweigh", "pip")
HEAD = "# The tested versions; written by tests/pinned.py.\n"


def pinned() -> dict[str, dict[str, str]]:
    """Return the installed version of each package, by the file that it stands in.

    Raises
    ------
    PackageNotFoundError
        One that an extra asks for is not installed here.
    """
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    found = {"base": _needed(setup["options"]["install_requires"].split("\n"))}
    for name in extras:
        if name not in TOOLS:
            asked = _needed(extras[name].split("\n"))
            found[name] = {other: version for other, version in asked.items() if other not in found["base"]}
    users = {name for packages in found.values() for name in packages}
    every = [d for d in distributions() if canonicalize_name(d.name) not in {*users, *NOT_OURS}]
    found["tools"] = {canonicalize_name(d.name): _version(d) for d in every}
    return {name: dict(sorted(packages.items())) for name, packages in found.items()}


def written(packages: dict[str, str]) -> str:
    """The text of one file."""
    return HEAD + "".join(f"{name}=={version}\n" for name, version in packages.items())


def together(names: Iterable[str]) -> str:
    """The text of ``constraints.txt``."""
    head = "# The exact set that was tested; install with: pip install -c constraints.txt ...\n"
    return head + "".join(f"-c constraints/{name}.txt\n" for name in names)


def _needed(asked: Iterable[str]) -> dict[str, str]:
    """Packages with all that they need themselves, where they are installed."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [Requirement(line) for line in asked if line.strip()]
    while todo:
        requirement = todo.pop()
        package = distribution(requirement.name)
        found[canonicalize_name(package.name)] = _version(package)
        for extra in ("", *requirement.extras):
            if (package.name, extra) not in seen:
                seen.add((package.name, extra))
                todo += _of(package, extra)
    return found


def _of(package: Distribution, extra: str) -> list[Requirement]:
    """What a package needs on this machine, with one of its extras."""
    every = [Requirement(line) for line in package.requires or []]
    wanted = [r for r in every if r.marker is None or r.marker.evaluate({"extra": extra})]
    return [r for r in wanted if _installed(r.name) and r.name not in NOT_OURS]


def _version(package: Distribution) -> str:
    """A package's version without its build, such as torch's for the processor."""
    return package.version.partition("+")[0]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    files = pinned()
    FOLDER.mkdir(exist_ok=True)
    for name, packages in files.items():
        (FOLDER / f"{name}.txt").write_text(written(packages), encoding="utf-8")
    (ROOT / "constraints.txt").write_text(together(files), encoding="utf-8")
