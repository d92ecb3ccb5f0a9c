"""What each weight of a module does, told from the graph of a forward pass and not from class names.

Autograd keeps, for every result, the operation that made it and what that was made of, whoever wrote the
module: Linear, transformers' Conv1D, a packed projection of attention, a convolution whose weight is the
product of others, the graph of an exported program. Walking from the output back to the first products with
weights finds the head; walking back from a product of two activations, the projections of attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..datasets.errors import InputError
from ..models.extras import quiet
from ..models.foreign import STOPS, one_line
from .backward import Graph, Operation


@dataclass(frozen=True)
class Weight:
    """One parameter of a module.

    Attributes
    ----------
    name : str
        The first of its names.
    operation : str
    output : int or None
        Axis along which lie the outputs (rows of a Linear, channels of a convolution); None where the
        parameter does not have them as such.
    head : bool
        Whether it makes the output: between it and the logits no other weight is multiplied.
    size : int
    aliases : tuple of str
        Further names of the same tensor.
    """

    name: str
    operation: Operation
    output: int | None
    head: bool
    size: int
    aliases: tuple[str, ...] = ()

    @property
    def multiplied(self) -> bool:
        """Whether it is a matrix, a filter or a table, which recipes change."""
        return self.operation not in ("norm", "other")


def structure(module: Any, forward: Any, inputs: Mapping[str, Any], recipe: str) -> dict[str, Weight]:
    """Tell what each parameter of a module does.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode; its parameters' ``requires_grad`` is as before afterwards.
    forward : callable (dict of tensors) -> tensor
        Gives the logits of a batch.
    inputs : mapping of str to torch.Tensor
    recipe : str
        Begins the message where the graph tells nothing.

    Returns
    -------
    dict of str to Weight
        By the parameter's first name, in the module's order; each tensor once.

    Raises
    ------
    InputError
        The forward pass leaves no graph: it is run without gradients or over quantised layers.
    """
    import torch

    names, keys = _names(module)
    first = {id(tensor): tensor for _, tensor in module.named_parameters(remove_duplicate=False)}
    wanted = {key: tensor.requires_grad for key, tensor in first.items()}
    given = {name: _followed(tensor) for name, tensor in inputs.items()}
    try:
        for tensor in first.values():
            tensor.requires_grad_(tensor.is_floating_point())
        with torch.enable_grad(), quiet():
            out = forward(given)
        graph = Graph(out, keys)
    except (*STOPS, InputError):
        raise
    except BaseException as error:
        # The module may be anybody's code.
        raise InputError(f"{recipe}: the model cannot be followed: {one_line(error)}") from None
    finally:
        for key, tensor in first.items():
            tensor.requires_grad_(wanted[key])
    if not graph.uses:
        raise InputError(
            f"{recipe}: what the weights do cannot be told: the model's output has no gradient (it is "
            "computed without, or by layers that a step before has quantised)"
        )
    found = {}
    for key, own in names.items():
        told = _weight(graph, key)
        if told.multiplied:
            told = _held_by(module.get_submodule(own[0].rpartition(".")[0]), told)
        size = int(first[key].numel())
        found[own[0]] = replace(told, name=own[0], size=size, aliases=tuple(own[1:]))
    return found


def _weight(graph: Graph, key: int) -> Weight:
    """What a parameter does in a graph, without its names."""
    found = [(how, axis) for use in graph.uses.values() for k, how, axis in use if k == key]
    if not found:
        return Weight("", "norm" if key in graph.scales else "other", None, False, 0)
    how, axis = found[0]
    if how == "linear" and key in graph.attending:
        how = "attention"
    return Weight("", how, axis if {a for _, a in found} == {axis} else None, key in graph.head, 0)


def _held_by(holder: Any, weight: Weight) -> Weight:
    """What torch itself says of a weight: the steps of a recurrent layer are products like any other.

    So are those with a table none of whose rows is looked up, such as DeBERTa's relative positions.
    """
    import torch

    if isinstance(holder, (torch.nn.RNNBase, torch.nn.RNNCellBase)):
        return replace(weight, operation="recurrent", output=0)
    if isinstance(holder, (torch.nn.Embedding, torch.nn.EmbeddingBag)):
        return replace(weight, operation="embedding", output=1)
    return weight


def structure_of(model: Any, rows: Any, recipe: str) -> dict[str, Weight]:
    """`structure` of a neural model, followed over one or two of some rows."""
    arrays = model.inputs.encode(rows, None).collate(np.arange(min(2, rows.num_rows)))
    return structure(model.runtime.module, model.runtime.forward, model.runtime.tensors(arrays), recipe)


def _names(module: Any) -> tuple[dict[int, list[str]], dict[int, int]]:
    """All names of each tensor by the identity of its first, and which is the first for each."""
    found: dict[int, list[str]] = {}
    keys: dict[int, int] = {}
    places: dict[Any, int] = {}
    for name, tensor in module.named_parameters(remove_duplicate=False):
        key = keys[id(tensor)] = places.setdefault(place(tensor), id(tensor))
        found.setdefault(key, []).append(name)
    return found, keys


def place(tensor: Any) -> Any:
    """What tells whether two plain tensors are one in memory."""
    if not tensor.numel() or not tensor.data_ptr():
        return id(tensor)
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _followed(tensor: Any) -> Any:
    return tensor.detach().clone().requires_grad_(True) if tensor.is_floating_point() else tensor
