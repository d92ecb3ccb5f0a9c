"""What of a run's files must be equal in two states of the tree, and where two of them differ.

Left out is what a second run of the same tree would not repeat: when and with what it was made, checksums,
measured costs. Everything else counts, words too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

UNREPEATED = (
    re.compile(r"created|environment|schema_version"),
    re.compile(r"variants\[\d+\]\.cost"),
    re.compile(r"(.+\.)?(\w+_)?sha256"),
)
"""Places in audit.json and the regimes' files."""
MARKS = re.compile(r' (timestamp|time|hostname)="[^"]*"|<property name="[\w.]*sha256"[^>]*>')
"""Of junit.xml."""
NEAR = 1e-9


def compared(folder: Path) -> list[str]:
    """The files of a run that hold figures."""
    regimes = sorted(path.name for path in folder.glob("regimes/*.json"))
    return ["audit.json", "figures.csv", "junit.xml", *(f"regimes/{name}" for name in regimes)]


def differences(one: Path, other: Path, *, sums: bool = False, more: bool = False) -> Iterator[str]:
    """Yield a line for each place in which the figures of two run folders differ.

    Parameters
    ----------
    one, other : Path
        Folders of the same run, before and after a change.
    sums : bool
        Floats may differ by 1e-9, as they do where sums are taken in another order.
    more : bool
        Keys that only the later one has are no difference.
    """
    names = compared(one)
    if names != compared(other):
        yield f"files: {', '.join(names)} before, {', '.join(compared(other))} after"
        return
    for name in names:
        old, new = (_content(folder / name) for folder in (one, other))
        for line in _apart(old, new, "", sums, more):
            yield f"{name}: {line}"


def _content(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    if path.suffix == ".csv":
        return [[_number(cell) for cell in line.split(",")] for line in text.splitlines()]
    return MARKS.sub("", text).splitlines()


def _number(cell: str) -> float | str:
    """A cell as a float where it is written as one: its text is the shortest that reads back as it."""
    try:
        value = float(cell)
    except ValueError:
        return cell
    return value if repr(value) == cell else cell


def _apart(old: Any, new: Any, place: str, sums: bool, more: bool) -> Iterator[str]:
    if any(pattern.fullmatch(place) for pattern in UNREPEATED):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old and not more)]:
            inner = f"{place}.{key}" if place else key
            if key in old and key in new:
                yield from _apart(old[key], new[key], inner, sums, more)
            elif not any(pattern.fullmatch(inner) for pattern in UNREPEATED):
                yield f"{inner}: only {'before' if key in old else 'after'}"
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{place}: {len(old)} before, {len(new)} after"
        for i, (a, b) in enumerate(zip(old, new, strict=False)):
            yield from _apart(a, b, f"{place}[{i}]", sums, more)
    elif not _equal(old, new, sums):
        yield f"{place}: {old!r} before, {new!r} after"


def _equal(old: Any, new: Any, sums: bool) -> bool:
    if type(old) is not type(new):
        return False
    if isinstance(old, float):
        # 0 and -0 are equal and written differently.
        return repr(old) == repr(new) or (sums and math.isclose(old, new, rel_tol=NEAR, abs_tol=NEAR))
    return bool(old == new)
