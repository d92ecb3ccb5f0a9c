"""Which regimes there are: each is entered from above by whoever has it, and made when its name is looked up.

Nothing here knows one: fairweigh enters its own when it is imported, a guest through `fairweigh.extend`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..unknown import unknown

if TYPE_CHECKING:
    from .base import Regime

_entered: dict[str, Callable[[], Regime]] = {}


def enter(name: str, regime: Callable[[], Regime]) -> None:
    """Enter a regime under its name; ``regime`` gives it, and is called each time that it is looked up."""
    _entered[name] = regime


def names() -> list[str]:
    """Return the names of all regimes: fairweigh's own in the order of the alphabet, then those of guests."""
    return list(_entered)


def find(name: str) -> Regime:
    """Return a regime; ValueError with the nearest name where there is none."""
    if name not in _entered:
        raise ValueError(unknown(name, names(), "regime"))
    return _entered[name]()
