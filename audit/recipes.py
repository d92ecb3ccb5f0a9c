"""The recipes of both rooms, compression and mitigation: one variant may have steps of each.

What a configuration or a result names is looked up here, so that the registry has them all;
`making.artefacts` makes and loads with them.
"""

from __future__ import annotations

from ..compression import recipes as _lighter
from ..compression.registry import find as find
from ..compression.registry import for_task as for_task
from ..compression.registry import registry as registry
from ..mitigation import recipes as _fairer

ROOMS = (_lighter, _fairer)
