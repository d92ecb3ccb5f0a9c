"""The graph that autograd keeps of a forward pass: which products it is made of, and of what these are.

Each operation of a result leads to those that its inputs were made by, down to the parameters and to the
model's inputs. What is made of parameters alone is a weight, whatever was done to it on the way; the others
are activations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

Operation = Literal[
    "linear", "attention", "bilinear", "experts", "conv", "embedding", "recurrent", "norm", "other"
]
"""What a weight is multiplied in: matrix products (those that make queries, keys and values apart), products
of two inputs with one weight, matrices of which each row takes its own, convolutions, rows looked up,
recurrent layers. ``norm`` are scales of normalisations; biases and all else are ``other``."""

PRODUCTS = {
    "AddmmBackward0": (1, 2), "MmBackward0": (0, 1), "BmmBackward0": (0, 1), "BaddbmmBackward0": (1, 2),
    "LinearBackward0": (0, 1), "MvBackward0": (0, 1), "AddmvBackward0": (1, 2),
}  # fmt: skip
"""Products of two matrices: positions of the two among a node's inputs."""
CONVOLUTIONS = ("ConvolutionBackward0", "ConvolutionOverrideableBackward0", "MkldnnConvolutionBackward0")
BILINEAR, EXPERTS = "TrilinearBackward0", "GroupedMmBackward0"
"""Products of three, the weight second; products of rows with one of several matrices in one tensor."""
LOOKUPS = ("EmbeddingBackward0", "EmbeddingBagBackward0", "IndexSelectBackward0", "IndexBackward0",
           "GatherBackward0")  # fmt: skip
RECURRENT = ("MkldnnRnnLayerBackward0", "CudnnRnnBackward0", "MiopenRnnBackward0")
NORMS = ("NativeLayerNormBackward0", "NativeBatchNormBackward0", "NativeGroupNormBackward0",
         "CudnnBatchNormBackward0", "FusedRmsNormBackward0")  # fmt: skip
ATTENTION = "ScaledDotProduct"

_PURE, _MIXED, _ACTIVE = 0, 1, 2
"""Made of weights alone; of weights and numbers that are not learned; of the model's inputs."""


class Graph:
    """The operations behind one output, each told apart by what its inputs are made of.

    Attributes
    ----------
    uses : dict of node to list of (parameter, operation, output axis)
        The products of activations with weights; parameters by their keys.
    scales : set of int
        Vectors that activations are multiplied with, as normalisations do.
    head : set of int
        What is multiplied last on the way to the output.
    attending : set of int
        What is multiplied last on the way to a product of two activations, as queries, keys and values are.
    """

    def __init__(self, out: Any, keys: Mapping[int, int]) -> None:
        self._keys = keys
        self._made: dict[Any, int] = {}
        self.uses: dict[Any, list[tuple[int, Operation, int | None]]] = {}
        self.scales: set[int] = set()
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
        paired = [node for node in paired if not self._of_experts(node)]
        self.head = self._first([out.grad_fn])
        self.attending = self._first(n for node in paired for n, _ in node.next_functions) - self.head

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

    def _of_experts(self, node: Any) -> bool:
        """Whether a product is one with matrices looked up in a stack of them; their use is noted."""
        found = False
        for inner, _ in node.next_functions:
            while inner is not None and inner.name() in _VIEWS:
                inner = inner.next_functions[0][0]
            stack = inner.next_functions[0][0] if inner is not None and inner.name() in LOOKUPS else None
            if stack in self._made and getattr(getattr(stack, "variable", None), "ndim", 0) > 2:
                self.uses[inner] = [(key, "experts", None) for key, _, _ in self.uses.get(inner, ())]
                found = True
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
            # A vector of numbers that are not learned measures a weight, as spectral norms do, and no row.
            return _MIXED if name in ("MvBackward0", "AddmvBackward0") else _ACTIVE
        if name in NORMS and (inputs[0] is None or self._made[inputs[0]] != _PURE):
            return _ACTIVE
        return _MIXED if None in inputs or _MIXED in kinds else _PURE

    def _scale(self, node: Any) -> None:
        """Note the vectors that an activation is multiplied with."""
        if node.name() in NORMS or node.name() == "MulBackward0":
            for inner, _ in node.next_functions:
                if inner is not None and hasattr(inner, "variable"):
                    key = self._keys.get(id(inner.variable))
                    if key is not None and inner.variable.ndim == 1:
                        self.scales.add(key)

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
        if name in (BILINEAR, EXPERTS) and kinds[1] not in (None, _ACTIVE):
            return [(1, "bilinear" if name == BILINEAR else "experts")]
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
    if how in ("bilinear", "experts"):
        return -3 if how == "bilinear" else -1
    return -1 if how == "embedding" else -2


_KEEPING = {
    f"{name}Backward0"
    for name in ("Split", "SplitWithSizes", "Unbind", "Slice", "Expand", "Unsqueeze", "Mul", "Div",
                 "WeightNormInterface", "ToCopy", "Clone", "Alias")
}  # fmt: skip
"""What leaves the order of the last two axes as it is."""


_VIEWS = {
    f"{name}Backward0" for name in ("T", "Transpose", "Permute", "Unsqueeze", "Squeeze", "Expand", "View",
                                    "UnsafeView", "Clone")
} | {"TransposeBackward1", "SqueezeBackward1", "ReshapeAliasBackward0"}  # fmt: skip
"""What shows the same numbers in another order or shape."""


def _before(node: Any, axis: int | None) -> int | None:
    """Where an axis of a node's result was in what it is made of; None where that is not certain."""
    name = node.name()
    if axis is None or name in _KEEPING:
        return axis
    if name == "TBackward0" or name.startswith("TransposeBackward"):
        return {-1: -2, -2: -1}.get(axis)
    return None
