"""The recipes that make a lighter model: a file for each kind, found by being here.

Whoever imports this has them in the registry. None imports the libraries that it works with.
"""

from __future__ import annotations

from ..registry import enter_all
from ..registry import find as find
from ..registry import names as names

enter_all(__name__, __path__)
