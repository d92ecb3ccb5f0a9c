"""The recipes that make a fairer model: a file for each kind, found by being here.

Whoever imports this has them in the registry. None imports the libraries that it works with.
"""

from __future__ import annotations

from ...compression.registry import enter_all
from ...compression.registry import find as find

enter_all(__name__, __path__)
