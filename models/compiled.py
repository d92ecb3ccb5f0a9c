"""torch.compile for models that follow each other in one process, none of which may reach into another.

torch keeps what it compiled by the code object that was called, which all modules share, and after eight
entries it goes on uncompiled without a word: the fifth variant of an audit would be timed and scored as
something else than is deployed. Entries outlive their modules, too.
"""

from __future__ import annotations

import inspect
from typing import Any

_waiting = False
"""Whether something was compiled here since the caches were last emptied."""


def compiled(module: Any) -> Any:
    """Return a module that is compiled when it is called, apart from all else that is compiled."""
    import torch

    global _waiting
    _waiting = True
    if torch.are_deterministic_algorithms_enabled():
        # Said again, as it is a setting of the compiler too.
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        torch.use_deterministic_algorithms(True, warn_only=warn_only)
    known = inspect.signature(torch.compile).parameters
    apart: Any = {"isolate_recompiles": True} if "isolate_recompiles" in known else {}
    return torch.compile(module, dynamic=True, **apart)


def forget_compiled() -> None:
    """Empty torch's caches of compiled code, where models of ours have filled them.

    Modules that are still in use stay usable: they are compiled again when they are next called.
    """
    global _waiting
    if _waiting:
        import torch

        torch.compiler.reset()
        _waiting = False
