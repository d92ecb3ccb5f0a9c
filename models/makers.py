"""What makes a torch module's output, seen as it runs: modules, exported programs, whatever their code is."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

SHAPING = {
    "view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "select", "slice", "flatten", "_to_copy", "to",
    "clone", "detach", "alias", "contiguous", "permute", "transpose", "t", "expand", "lift_fresh", "index",
}  # fmt: skip
"""Operators that hand values on in another shape or type."""


class Makers(TorchDispatchMode):
    """Keeps which operator made each tensor while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # What was made is held, as the place of something that is gone may be given to the next.
        self._made: dict[int, tuple[str, Any, Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and note what it makes."""
        out = func(*args, **(kwargs or {}))
        name = str(func.overloadpacket.__name__)
        for made in tree_leaves(out):
            first = args[0] if args else None
            # What writes into its input has made it; what gives it back untouched has not.
            if made is not first or name.endswith("_"):
                self._made[id(made)] = (name.rstrip("_") if name.endswith("_") else name, made, first)
        return out

    def of(self, tensor: Any) -> str:
        """Name of the operator that made a tensor, behind those that only shape it; empty where none did."""
        name = ""
        while id(tensor) in self._made:
            name, _, source = self._made[id(tensor)]
            if name not in SHAPING or source is tensor:
                return name
            tensor = source
        return name
