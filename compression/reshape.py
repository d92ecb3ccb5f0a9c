"""The shape of a module after a step took parts of it away, written down and brought back.

Whatever the class of a layer: sizes of its tensors, and the numbers of its own that say them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datasets.errors import InputError
from ..models.extras import optional
from .stacks import shorten

Sizes = dict[str, dict[str, Any]]


def sizes(module: Any) -> Sizes:
    """Shapes of all tensors, and each submodule's whole numbers (of ``normalized_shape`` too), by name."""
    found: Sizes = {"shapes": {}, "attributes": {}}
    for name, part in module.named_modules():
        prefix = f"{name}." if name else ""
        for key, tensor in (*part._parameters.items(), *part._buffers.items()):
            if tensor is not None:
                found["shapes"][f"{prefix}{key}"] = list(tensor.shape)
        numbers = {key: _plain(value) for key, value in vars(part).items() if _is_size(key, value)}
        if numbers:
            found["attributes"][name] = numbers
    return found


def _is_size(key: str, value: Any) -> bool:
    if key.startswith("_"):
        return False
    return _whole(value) or (isinstance(value, (tuple, list)) and bool(value) and all(map(_whole, value)))


def _whole(value: Any) -> bool:
    return type(value) is int and value > 0


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def changes(before: Sizes, after: Sizes) -> Sizes:
    """What of `sizes` differs, as `reshape` takes it."""
    shapes = {name: shape for name, shape in after["shapes"].items() if before["shapes"].get(name) != shape}
    attributes: dict[str, Any] = {}
    for name, numbers in after["attributes"].items():
        old = before["attributes"].get(name, {})
        changed = {key: value for key, value in numbers.items() if old.get(key) != value}
        if changed:
            attributes[name] = changed
    return {"shapes": shapes, "attributes": attributes}


def reshape(module: Any, record: Mapping[str, Any]) -> None:
    """Bring a fresh module to recorded shapes; the values of its tensors come later."""
    torch = optional("torch", "an artefact")
    if record.get("kept"):
        shorten(module, record["kept"], record.get("settings", {}))
    for full, shape in record.get("shapes", {}).items():
        name, _, own = full.rpartition(".")
        part = module.get_submodule(name)
        old = part._parameters.get(own, part._buffers.get(own))
        if old is None:
            raise InputError(f"the artefact does not fit: the module has no tensor {full}")
        empty = torch.zeros(shape, dtype=old.dtype, device=old.device)
        if own in part._parameters:
            part._parameters[own] = torch.nn.Parameter(empty, requires_grad=False)
        else:
            part._buffers[own] = empty
    for name, numbers in record.get("attributes", {}).items():
        part = module.get_submodule(name)
        for key, value in numbers.items():
            old = vars(part).get(key)
            if not _is_size(key, old) or isinstance(value, list) != isinstance(old, (tuple, list)):
                raise InputError(f"the artefact does not fit: {name} has no size called {key}")
            setattr(part, key, type(old)(value) if isinstance(value, list) else value)
