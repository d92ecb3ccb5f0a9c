"""A model that became smaller, held against the model that does not see what was taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
from .registry import in_float32, is_packed

CLOSE = 1e-3
"""Most that a smaller module's outputs may lie from those of the masked one, of their own size."""


def shrinkable(model: Any, recipe_name: str) -> Any:
    """The module whose layers a recipe makes smaller.

    Raises
    ------
    InputError
        An earlier step has exported, cast or quantised it, or its shapes are fixed.
    """
    in_float32(model, recipe_name)
    if is_packed(model):
        raise InputError(f"{recipe_name}: the weights are quantised already; put it before")
    module = model.runtime.module
    if type(module).__name__ == "GraphModule":
        raise InputError(
            f"{recipe_name}: the shapes of an exported program are fixed; give the module it was made of"
        )
    return module


def logits_of(model: Any, tensors: Mapping[str, Any]) -> Any:
    """What the model gives for some rows."""
    torch = optional("torch", "a smaller model")
    with torch.inference_mode(), quiet():
        return model.runtime.forward(dict(tensors))


def logits_without(model: Any, hidden: Mapping[str, Sequence[int]], tensors: Mapping[str, Any]) -> Any:
    """What the model gives where some layers, by name, do not see some of the units that come in."""
    hooks = []
    for name, gone in hidden.items():

        def hide(layer: Any, inputs: Any, gone: Sequence[int] = gone) -> Any:
            seen = inputs[0].clone()
            seen[..., gone] = 0
            return (seen, *inputs[1:])

        hooks.append(model.runtime.module.get_submodule(name).register_forward_pre_hook(hide))
    try:
        return logits_of(model, tensors)
    finally:
        for hook in hooks:
            hook.remove()


def check_smaller(model: Any, masked: Any, tensors: Mapping[str, Any], *, broke: str, apart: str) -> None:
    """Hold a model that became smaller against what it gave when it did not see what is gone.

    Parameters
    ----------
    masked : tensor or None
        What is expected; None where it can only be asked whether the model runs.
    broke, apart : str
        What is told where it does not run, and where it gives something else.

    Raises
    ------
    InputError
        See above.
    """
    try:
        found = logits_of(model, tensors)
    except Exception as error:
        # Sizes that a module's own code holds do not follow its layers'; where that shows is its own affair.
        raise InputError(broke) from error
    if masked is None:
        return
    # Logits are of the order of one; numbers have whatever scale the data have.
    size = max(float(masked.abs().max()), 0.0 if model.head.numbers else 1.0)
    if found.shape != masked.shape or not float((found - masked).abs().max()) <= CLOSE * size:
        raise InputError(f"{apart}, so they hang together in a way that is not known here")
