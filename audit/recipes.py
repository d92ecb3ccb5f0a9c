"""The recipes of both rooms, compression and mitigation: one variant may have steps of each.

What a configuration or a result names is looked up here, so that the registry has them all;
`making.artefacts` makes and loads with them.
"""

from __future__ import annotations

from ..compression import entered as _lighter
from ..compression.recipes import find as find
from ..compression.recipes import for_task as for_task
from ..compression.recipes import registry as registry
from ..mitigation import entered as _fairer

ROOMS = (_lighter, _fairer)
