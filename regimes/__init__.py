"""The regimes: rules and practices that a run can be reported under, a folder for each.

A folder is a package whose ``REGIME`` is all that fairweigh knows of it: what it asks for, its figures and
its page. It is found by being there; its name is the regime's, with ``_`` for ``-``.
"""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..audit.regimes.registry import enter

if TYPE_CHECKING:
    from ..audit.regimes.base import Regime


def enter_all() -> None:
    """Enter the regime of every folder here; it is imported when its name is looked up."""
    for place in __path__:
        for found in sorted(Path(place).glob("*/__init__.py")):
            enter(found.parent.name.replace("_", "-"), partial(_regime, found.parent.name))


def _regime(folder: str) -> Regime:
    regime: Regime = importlib.import_module(f".{folder}", __package__).REGIME
    return regime
