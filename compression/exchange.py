"""Layers of a torch module found and put in the place of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..datasets.errors import InputError
from ..models.extras import optional
from .structure import place


def layers_of(model: Any, kind: str) -> list[str]:
    """Names of the layers of exactly a class of torch.nn; the quantised ones are called the same."""
    wanted = getattr(optional("torch", "int8-dynamic").nn, kind)
    return [n for n, m in model.runtime.module.named_modules() if type(m) is wanted]


def transposed(module: Any) -> list[str]:
    """Names of transformers' Conv1D layers: Linear layers but for the order of their weights' axes."""
    return [
        name
        for name, part in module.named_modules()
        if type(part).__name__ == "Conv1D" and type(part).__module__ == "transformers.pytorch_utils"
    ]


def called_modules(model: Any, rows: Any) -> set[str]:
    """Names of the modules that are called as the model scores some rows.

    Of the others, such as a table that is a factor of a product, only the weight is read, as a tensor, which
    a quantised layer has not.
    """
    torch = optional("torch", "int8-dynamic")
    runtime = model.runtime
    found: set[str] = set()
    hooks = [
        part.register_forward_pre_hook(lambda *_, name=name: found.add(name))
        for name, part in runtime.module.named_modules()
    ]
    arrays = model.inputs.encode(rows, None).collate(np.arange(min(2, rows.num_rows)))
    try:
        with torch.inference_mode():
            runtime.forward(runtime.tensors(arrays))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def tied_layers(module: Any, names: Sequence[str]) -> dict[str, str]:
    """Layers that share another's weight, and whose it is."""
    first: dict[Any, str] = {}
    found = {name: first.setdefault(place(module.get_submodule(name).weight), name) for name in names}
    return {name: one for name, one in found.items() if name != one}


def exchangeable(model: Any, name: str) -> None:
    """InputError for an exported program, which has operations and no layers."""
    if type(model.runtime.module).__name__ == "GraphModule":
        raise InputError(
            f"{name}: the layers of an exported program cannot be exchanged; give the module that it was "
            "made of, or take onnx-int8"
        )


def exchange(module: Any, old: Sequence[Any], new: Sequence[Any]) -> None:
    """Put layers in the place of others, wherever these stand."""
    places = {id(one): other for one, other in zip(old, new, strict=True)}
    for part in list(module.modules()):
        for key, child in part._modules.items():
            if id(child) in places:
                part._modules[key] = places[id(child)]


def put_at(module: Any, name: str, part: Any) -> None:
    """Put a module in the place of another one, by its name."""
    exchange(module, [module.get_submodule(name)], [part])


def other_places(module: Any) -> dict[str, list[str]]:
    """Names of the modules that stand in several places, and the names that each has in the others."""
    first = {id(part): name for name, part in module.named_modules()}
    found: dict[str, list[str]] = {}
    for name, part in module.named_modules(remove_duplicate=False):
        if first[id(part)] != name:
            found.setdefault(first[id(part)], []).append(name)
    return found


def turn(module: Any, record: Mapping[str, Any]) -> None:
    """Put Linear layers in the place of those that hold the same weights transposed (``turned``)."""
    torch = optional("torch", "int8-dynamic")
    for name in record.get("turned", ()):
        old = module.get_submodule(name)
        into, out = old.weight.shape
        made = torch.nn.Linear(into, out, bias=old.bias is not None, dtype=old.weight.dtype)
        made.weight = torch.nn.Parameter(old.weight.detach().t().contiguous(), requires_grad=False)
        if old.bias is not None:
            made.bias = torch.nn.Parameter(old.bias.detach(), requires_grad=False)
        put_at(module, name, made.train(old.training))
