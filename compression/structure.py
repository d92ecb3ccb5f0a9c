"""What each weight of a module does, told from the graph of a forward pass and not from class names.

Autograd keeps, for every result, the operation that made it and what that was made of, whoever wrote the
module: Linear, transformers' Conv1D, a packed projection of attention, a convolution whose weight is the product
of others, the graph of an exported program. Walking from the output back to the first products with weights
finds the head; walking back from a product of two activations finds the projections of attention.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ..datasets.errors import InputError
from ..models.extras import quiet
from ..models.foreign import STOPS, one_line

Operation = Literal["linear", "attention", "conv", "embedding", "recurrent", "norm", "other"]
"""What a weight is multiplied in: matrix products (those that make queries, keys and values apart), convolutions,
rows that are looked up, recurrent layers. ``norm`` are scales of normalisations; biases and all else are
``other``."""

PRODUCTS = {
    "AddmmBackward0": (1, 2), "MmBackward0": (0, 1), "BmmBackward0": (0, 1), "BaddbmmBackward0": (1, 2),
    "LinearBackward0": (0, 1), "MvBackward0": (0, 1), "AddmvBackward0": (1, 2),
}  # fmt: skip
"""Products of two matrices: positions of the two among a node's inputs."""
CONVOLUTIONS = ("ConvolutionBackward0", "ConvolutionOverrideableBackward0", "MkldnnConvolutionBackward0")
LOOKUPS = ("EmbeddingBackward0", "EmbeddingBagBackward0", "IndexSelectBackward0", "IndexBackward0",
           "GatherBackward0")  # fmt: skip
RECURRENT = ("MkldnnRnnLayerBackward0", "CudnnRnnBackward0", "MiopenRnnBackward0")
NORMS = ("NativeLayerNormBackward0", "NativeBatchNormBackward0", "NativeGroupNormBackward0",
         "CudnnBatchNormBackward0", "FusedRmsNormBackward0")  # fmt: skip
ATTENTION = "ScaledDotProduct"

_PURE, _MIXED, _ACTIVE = 0, 1, 2
"""Made of weights alone; of weights and numbers that are not learned; of the model's inputs."""


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
        return self.operation in ("linear", "attention", "conv", "embedding", "recurrent")


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
        graph = _Graph(out, keys)
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
            f"{recipe}: what the weights do cannot be told: the model's output has no gradient (it is computed "
            "without, or by layers that a step before has quantised)"
        )
    found = {}
    for key, own in names.items():
        told = graph.weight(key)
        if told.multiplied:
            told = _held_by(module.get_submodule(own[0].rpartition(".")[0]), told)
        size = int(first[key].numel())
        found[own[0]] = replace(told, name=own[0], size=size, aliases=tuple(own[1:]))
    return found


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
    """All names of each tensor by the identity of the first, and which that is for each; one memory is one."""
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


class _Graph:
    """The operations behind one output, each told apart by what its inputs are made of.

    Attributes
    ----------
    uses : dict of node to list of (parameter, operation, output axis)
        The products of activations with weights.
    """

    def __init__(self, out: Any, keys: Mapping[int, int]) -> None:
        self._keys = keys
        self._made: dict[Any, int] = {}
        self.uses: dict[Any, list[tuple[int, Operation, int | None]]] = {}
        self._scales: set[int] = set()
        paired: list[Any] = []
        for node in _inputs_first(out.grad_fn):
            self._made[node] = self._of(node)
            operands = self._operands(node)
            if operands:
                self.uses[node] = [found for at, how in operands for found in self._weights(node, at, how)]
            elif self._made[node] == _ACTIVE and (
                node.name() in PRODUCTS or node.name().startswith(ATTENTION)
            ):
                paired.append(node)
        self._head = self._first([out.grad_fn])
        self._attending = self._first(n for node in paired for n, _ in node.next_functions) - self._head

    def weight(self, key: int) -> Weight:
        """What a parameter does, without its names."""
        found = [(how, axis) for use in self.uses.values() for k, how, axis in use if k == key]
        if not found:
            return Weight("", "norm" if key in self._scales else "other", None, False, 0)
        how, axis = found[0]
        if how == "linear" and key in self._attending:
            how = "attention"
        return Weight("", how, axis if {a for _, a in found} == {axis} else None, key in self._head, 0)

    def _first(self, nodes: Iterable[Any]) -> set[int]:
        """Weights that are multiplied last on the way to some results."""
        found: set[int] = set()
        left, seen = [n for n in nodes if n is not None], set()
        while left:
            node = left.pop()
            if node in seen:
                continue
            seen.add(node)
            if self.uses.get(node):
                found |= {key for key, _, _ in self.uses[node]}
                continue
            left += [n for n, _ in node.next_functions if n is not None]
        return found

    def _of(self, node: Any) -> int:
        """What a node's result is made of."""
        if hasattr(node, "variable"):
            return _PURE if id(node.variable) in self._keys else _ACTIVE
        inputs = [n for n, _ in node.next_functions]
        kinds = [self._made[n] for n in inputs if n is not None]
        name = node.name()
        if name in LOOKUPS or _ACTIVE in kinds:
            self._scale(node)
            return _ACTIVE
        places: Sequence[int] = ()
        if name in PRODUCTS:
            places = PRODUCTS[name]
        elif name in CONVOLUTIONS:
            places = (0, 1)
        elif name in RECURRENT:
            return _ACTIVE
        if places and not all(inputs[i] is not None and self._made[inputs[i]] == _PURE for i in places):
            # A vector of numbers that are not learned measures a weight, as spectral norms do, and scores nobody.
            return _MIXED if name in ("MvBackward0", "AddmvBackward0") else _ACTIVE
        if name in NORMS:
            return _ACTIVE
        return _MIXED if None in inputs or _MIXED in kinds else _PURE

    def _scale(self, node: Any) -> None:
        """Note the vectors that an activation is scaled by, where it has just been normalised or is on the way."""
        if node.name() in NORMS or node.name() == "MulBackward0":
            for inner, _ in node.next_functions:
                if inner is not None and hasattr(inner, "variable"):
                    key = self._keys.get(id(inner.variable))
                    if key is not None and inner.variable.ndim == 1:
                        self._scales.add(key)

    def _operands(self, node: Any) -> list[tuple[int, Operation]]:
        """Positions of a node's inputs that are weights which an activation is multiplied with."""
        name = node.name()
        inputs = [n for n, _ in node.next_functions]
        kinds = [None if n is None else self._made[n] for n in inputs]
        if name in LOOKUPS and kinds[0] not in (None, _ACTIVE):
            return [(0, "embedding")]
        if self._made[node] != _ACTIVE:
            return []
        if name in CONVOLUTIONS and kinds[1] not in (None, _ACTIVE):
            return [(1, "conv")]
        if name in RECURRENT:
            return [(i, "recurrent") for i, kind in enumerate(kinds) if i and kind not in (None, _ACTIVE)]
        if name in PRODUCTS:
            left, right = PRODUCTS[name]
            # Of two that are no activations for certain the second is the weight, as everybody writes it.
            for at, other in ((right, left), (left, right)):
                if kinds[at] not in (None, _ACTIVE) and (kinds[other] != _PURE or at == right):
                    return [(at, "linear")]
        return []

    def _weights(self, node: Any, at: int, how: Operation) -> Iterator[tuple[int, Operation, int | None]]:
        """The parameters that one input of a node is made of, without factors and biases smaller than it."""
        start, number = node.next_functions[at]
        left, seen = [(start, _size(start, number), _axis(node, at, how))], set()
        while left:
            inner, size, axis = left.pop()
            if inner in seen:
                continue
            seen.add(inner)
            if hasattr(inner, "variable"):
                tensor = inner.variable
                if (
                    id(tensor) in self._keys
                    and tensor.numel() >= size
                    and (tensor.ndim > 1 or how == "linear")
                ):
                    yield self._keys[id(tensor)], how, None if axis is None else axis + tensor.ndim
                continue
            for place, (before, output) in enumerate(inner.next_functions):
                factors = PRODUCTS.get(inner.name())
                if before is None or (factors is not None and place not in factors):
                    continue
                if factors is not None:
                    # A weight that is itself a product of weights: each of the two is one.
                    left.append((before, _size(before, output), _axis(inner, place, "linear")))
                else:
                    repeated = inner.name() in ("ExpandBackward0", "RepeatBackward0")
                    left.append((before, _size(before, output) if repeated else size, _before(inner, axis)))


def _inputs_first(root: Any) -> Iterator[Any]:
    """Every node behind a result, each after those that it is made of."""
    seen: set[Any] = set()
    left = [] if root is None else [(root, False)]
    while left:
        node, opened = left.pop()
        if opened:
            yield node
        elif node not in seen:
            seen.add(node)
            left.append((node, True))
            left += [(n, False) for n, _ in node.next_functions if n is not None and n not in seen]


def _size(node: Any, number: int) -> int:
    """Elements of a node's result."""
    if hasattr(node, "variable"):
        return int(node.variable.numel())
    size = 1
    for length in node._input_metadata[number].shape:
        size *= int(length)
    return size


def _axis(node: Any, at: int, how: Operation) -> int | None:
    """Where an operand has the outputs, counted from its last axis: -1, -2."""
    if how == "linear":
        if node.name() in ("MvBackward0", "AddmvBackward0"):
            return None
        turned = node.name() == "LinearBackward0"
        return -1 if (at == PRODUCTS[node.name()][1]) != turned else -2
    if how == "conv":
        transposed = bool(node._saved_transposed)
        dims = len(node._saved_stride) + 2
        return (1 if transposed else 0) - dims
    return -1 if how == "embedding" else -2


_KEEPING = ("SplitBackward0", "SplitWithSizesBackward0", "UnbindBackward0", "SliceBackward0", "ExpandBackward0",
            "UnsqueezeBackward0", "MulBackward0", "DivBackward0", "WeightNormInterfaceBackward0", "ToCopyBackward0",
            "CloneBackward0", "AliasBackward0")  # fmt: skip


def _before(node: Any, axis: int | None) -> int | None:
    """Where an axis of a node's result was in what it is made of; None where that is not certain."""
    name = node.name()
    if axis is None or name in _KEEPING:
        return axis
    if name == "TBackward0" or name.startswith("TransposeBackward"):
        return {-1: -2, -2: -1}.get(axis)
    return None
