"""Guests: packages on the user's machine that add metrics, tasks, recipes, report sections and regimes.

A guest is a distribution with an entry point of the group ``fairweigh``, a module whose import registers what
it adds through `fairweigh.extend`. Guests are imported where a configuration is read, or a run or artefact
that names some. Who added what is kept, so that a run can say which guests it needs.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Literal

from .datasets.errors import InputError
from .models.foreign import STOPS, one_line

GROUP = "fairweigh"
Kind = Literal["metric", "task", "recipe", "section", "regime"]


@dataclass(frozen=True)
class Guest:
    """A distribution that adds something.

    Attributes
    ----------
    name, version : str
    modules : tuple of str
        Of its entry points.
    """

    name: str
    version: str
    modules: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


_added: dict[tuple[Kind, str], Guest] = {}
_coming: list[Guest] = []
"""The guest that is being imported."""


@cache
def installed() -> tuple[Guest, ...]:
    """Return the guests that are installed; none of them is imported."""
    found: dict[tuple[str, str], list[str]] = {}
    for point in entry_points(group=GROUP):
        if point.dist is not None:
            found.setdefault((point.dist.name, point.dist.version), []).append(point.module)
    return tuple(Guest(*known, tuple(sorted(modules))) for known, modules in sorted(found.items()))


def load() -> None:
    """Import every guest, once.

    Raises
    ------
    InputError
        One of them breaks, or adds what is there already; the same line each time.
    """
    wrong = _imported()
    if wrong:
        raise InputError(wrong)


@cache
def _imported() -> str:
    """What is wrong with the first guest that breaks; empty where all of them are there."""
    for guest in installed():
        try:
            with _comes(guest):
                for module in guest.modules:
                    importlib.import_module(module)
        except STOPS:
            raise
        except BaseException as error:
            # A module of somebody else's may throw anything, or end the process.
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            return f"guest {guest}: {kind}{one_line(error)} (mend it, or: pip uninstall {guest.name})"
    return ""


@contextmanager
def _comes(guest: Guest) -> Iterator[None]:
    _coming.append(guest)
    try:
        yield
    finally:
        _coming.pop()


def claim(kind: Kind, name: str, module: str, *, ours: bool) -> None:
    """Note that a guest adds something under a name.

    Parameters
    ----------
    module : str
        The one that adds it.
    ours : bool
        Whether something of fairweigh has that name.

    Raises
    ------
    InputError
        The name is taken, or the module is no guest's.
    """
    guest = _guest_of(module)
    before = _added.get((kind, name))
    if before is not None or ours:
        whose = "fairweigh itself" if before is None else f"guest {before}"
        raise InputError(f"the {kind} {name!r} is there already, from {whose}; expected another name")
    _added[kind, name] = guest


def owner(kind: Kind, name: str) -> Guest | None:
    """Return the guest that added something; None for what is of fairweigh, or is not there."""
    return _added.get((kind, name))


def names(kind: Kind) -> list[str]:
    """Return the names of all that guests have added of a kind."""
    return [name for other, name in _added if other == kind]


def used(parts: Iterable[tuple[Kind, str]]) -> dict[Guest, list[str]]:
    """Return the guests that some parts are of, with these parts in words."""
    found: dict[Guest, list[str]] = {}
    for kind, name in dict.fromkeys(parts):
        guest = owner(kind, name)
        if guest is not None:
            found.setdefault(guest, []).append(f"{kind} {name}")
    return dict(sorted(found.items(), key=lambda item: item[0].name))


def need(wanted: Mapping[str, str], where: object) -> None:
    """Import the guests where some are wanted.

    Parameters
    ----------
    wanted : mapping of str to str
        Version by name.
    where : object
        What needs them, for the message.

    Raises
    ------
    InputError
        One of them is not installed, with the command that installs it; or as `load`.
    """
    if not wanted:
        return
    here = {_plain(guest.name) for guest in installed()}
    absent = {name: version for name, version in wanted.items() if _plain(name) not in here}
    if absent:
        each = " and ".join(f"{name} {version}" for name, version in absent.items())
        are = "is" if len(absent) == 1 else "are"
        line = " ".join(f"{name}=={version}" for name, version in absent.items())
        raise InputError(f"{where}: needs {each}, which {are} not installed here: pip install {line}")
    load()


def other_versions(wanted: Mapping[str, str]) -> list[str]:
    """Return in words which of the wanted guests have another version here."""
    here = {_plain(guest.name): guest.version for guest in installed()}
    return [
        f"written with {name} {version}, and this is {here[_plain(name)]}"
        for name, version in wanted.items()
        if here.get(_plain(name), version) != version
    ]


def _plain(name: str) -> str:
    """A distribution's name in its one form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _guest_of(module: str) -> Guest:
    """The guest that is being imported; else the one whose package a module, imported by others, lies in."""
    if _coming:
        return _coming[-1]
    shared = {
        guest: max(_shared(module.split("."), own.split(".")) for own in guest.modules)
        for guest in installed()
    }
    found = max(shared, key=lambda guest: shared[guest], default=None)
    if found is None or not shared[found]:
        raise InputError(
            f"{module}: adds to fairweigh and is no guest's; expected a package with an entry point of the "
            f"group {GROUP!r}, so that a run can say what it needs"
        )
    return found


def _shared(one: list[str], other: list[str]) -> int:
    """How many steps from the top two modules have in common."""
    same = [a == b for a, b in zip(one, other, strict=False)]
    return same.index(False) if False in same else len(same)
