"""ONNX files looked through before onnxruntime reads them: files they name, what they unfold to, loops."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from .extras import optional
from .foreign import foreign
from .inside import inside

MOST_NODES = 1_000_000
"""Nodes of a graph with its functions written out, as a runtime writes them out."""
LOOPS = {"Loop", "Scan", "SequenceMap", "BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"}
"""Operators that run a graph again and again."""


@dataclass(frozen=True)
class Graph:
    """What an ONNX file says of itself.

    Attributes
    ----------
    files : list of Path
        The file, and those beside it that hold its weights, by name.
    loops : bool
        Whether it may run for longer than its nodes take.
    """

    files: list[Path]
    loops: bool


def looked_through(path: Path) -> Graph:
    """Read an ONNX file without its weights' files.

    Raises
    ------
    InputError
        It is none, its functions unfold beyond `MOST_NODES`, or it names files outside its folder.
    """
    library = optional("onnx", "an ONNX model", "onnx")
    with foreign(f"model.path: {path} is no ONNX model that can be read"):
        model = library.load(str(path), load_external_data=False)
        functions = {_name(f): list(f.node) for f in model.functions}
        _check_size(list(_nodes(model.graph)), functions)
        every = [*_nodes(model.graph), *(n for nodes in functions.values() for n in _within(nodes))]
        named = {_location(t) for t in _tensors(model, every) if t.data_location == t.EXTERNAL}
    files = [path]
    for name in sorted(named):
        found = inside(path.parent, name)
        if found is None:
            raise InputError(
                f"model.path: {path} keeps weights in {name[:100]!r}, expected a file in its own folder"
            )
        files.append(found)
    return Graph(files, any(node.op_type in LOOPS for node in every))


def _name(part: Any) -> tuple[str, str, str]:
    """What a node calls a function by."""
    called = part.op_type if hasattr(part, "op_type") else part.name
    return ("" if part.domain == "ai.onnx" else part.domain, called, getattr(part, "overload", ""))


def _nodes(graph: Any) -> Iterator[Any]:
    return _within(graph.node)


def _within(nodes: Any) -> Iterator[Any]:
    """Nodes, and those of the graphs inside them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _within(graph.node)


def _tensors(model: Any, nodes: list[Any]) -> Iterator[Any]:
    """Every tensor that stands in a file."""
    for graph in (model.graph, *_graphs(nodes)):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def _graphs(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs)


def _location(tensor: Any) -> str:
    return next((str(entry.value) for entry in tensor.external_data if entry.key == "location"), "")


def _check_size(nodes: list[Any], functions: dict[tuple[str, str, str], list[Any]]) -> None:
    """ValueError where functions call themselves, or unfold to too many nodes."""
    known: dict[tuple[str, str, str], int | None] = {}

    def unfolded(nodes: list[Any]) -> int:
        total = 0
        for node in nodes:
            name = _name(node)
            if name not in functions:
                total += 1
                continue
            if name in known:
                size = known[name]
                if size is None:
                    raise ValueError(f"its function {name[1][:60]!r} calls itself")
            else:
                known[name] = None
                size = known[name] = unfolded(list(_within(functions[name])))
            total += size
        return total

    if unfolded(nodes) > MOST_NODES:
        raise ValueError(f"its functions unfold to more than {MOST_NODES:,} nodes")


def stored_kinds(path: Path) -> str:
    """Types of an ONNX file's weights, most of them first: ``4 int8, 9 float32``; '' where all are real."""
    library = optional("onnx", "an ONNX model", "onnx")
    with foreign(f"model.path: {path} is no ONNX model that can be read"):
        tensors = library.load(str(path), load_external_data=False).graph.initializer
        named = Counter(
            library.TensorProto.DataType.Name(t.data_type).lower() for t in tensors if len(t.dims) > 1
        )
    whole = any(re.fullmatch(r"u?int[248]|float[48].*", kind) for kind in named)
    return ", ".join(f"{n} {kind}" for kind, n in named.most_common()) if whole else ""
