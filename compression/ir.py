"""Weights in OpenVINO's files: as they are stored, and as the real numbers that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.extras import optional
from ..models.openvino import read_graph

FEW_BITS = {"i8": "int8", "u8": "uint8", "i4": "int4", "u4": "uint4"}


@dataclass(frozen=True)
class Stored:
    """A constant of a graph.

    Attributes
    ----------
    values : array
        Real numbers, float32 where they were compressed.
    kind : str
        Type that is stored.
    nbytes : int
        Bytes that it takes with its scales and zero points.
    scales : int
        How many scales it has; 0 for one that is not compressed.
    """

    values: NDArray[Any]
    kind: str
    nbytes: int
    scales: int


def constants(path: Path) -> dict[str, Stored]:
    """Every constant of a model by its name; scales and zero points belong to theirs."""
    library = optional("openvino", "an OpenVINO model", "openvino")
    graph = read_graph(path)
    found: dict[str, Stored] = {}
    taken: set[str] = set()
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Constant":
            continue
        kind = node.get_element_type().get_type_name()
        whole = _multiplied(node) if kind in FEW_BITS and len(node.get_output_shape(0)) > 1 else None
        if whole is None:
            continue
        inside = _inside(whole)
        others = [n for n in inside if n.get_friendly_name() != node.get_friendly_name()]
        small = library.Model([whole.output(0)], [], "weight")
        (values,) = library.compile_model(small, "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})([]).values()
        scale = max((n for n in others if n.get_element_type().is_real()), key=_count, default=None)
        name = node.get_friendly_name()
        found[name] = Stored(
            np.asarray(values, np.float32).copy(), FEW_BITS[kind],
            sum(n.get_byte_size() for n in inside), 0 if scale is None else _count(scale),
        )  # fmt: skip
        taken |= {n.get_friendly_name() for n in inside}
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "Constant" and node.get_friendly_name() not in taken:
            kind = node.get_element_type().get_type_name()
            if kind in FEW_BITS and kind.endswith("4"):
                continue
            values = np.array(node.data)
            found[node.get_friendly_name()] = Stored(values, str(values.dtype), node.get_byte_size(), 0)
    return found


def compressed(path: Path) -> dict[str, Stored]:
    """The constants that are stored in few bits with scales."""
    return {name: one for name, one in constants(path).items() if one.scales}


def _count(node: Any) -> int:
    return int(np.prod(node.get_output_shape(0)))


def _multiplied(node: Any) -> Any:
    """Where a compressed constant has become real numbers: behind the product with its scales."""
    for _ in range(6):
        targets = list(node.output(0).get_target_inputs())
        if not targets:
            return None
        node = targets[0].get_node()
        if node.get_type_name() == "Subtract" and targets[0].get_index() == 1:
            # What is subtracted is the zero points of another constant.
            return None
        name = node.get_type_name()
        if name == "Multiply":
            after = [t.get_node() for t in node.output(0).get_target_inputs()]
            # Groups of weights that share a scale are put together again.
            return after[0] if len(after) == 1 and after[0].get_type_name() == "Reshape" else node
        if name not in ("Convert", "Subtract", "Reshape"):
            return None
    return None


def _inside(node: Any) -> list[Any]:
    """The constants that a node is made of."""
    if node.get_type_name() == "Constant":
        return [node]
    found: list[Any] = []
    for place in range(node.get_input_size()):
        found += _inside(node.input_value(place).get_node())
    return found
