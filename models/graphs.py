"""ONNX files looked through before onnxruntime reads them: files, size, loops, what makes the outputs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..datasets.columns import word
from ..datasets.errors import InputError
from .extras import optional
from .foreign import foreign
from .inside import inside

MOST_NODES = 1_000_000
"""Nodes of a graph with its functions written out, as a runtime writes them out."""
LOOPS = {"Loop", "Scan", "SequenceMap", "BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"}
"""Operators that run a graph again and again."""


SHAPING = {
    "Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Dropout", "Transpose", "ZipMap",
    "Normalizer", "Gather", "Slice", "ArrayFeatureExtractor",
}  # fmt: skip
"""Operators that hand values on in another shape, or add them up to one."""
CLASSES = (
    "classlabels_ints", "classlabels_int64s", "classlabels_strings", "values_int64s", "values_strings"
)  # fmt: skip
"""Attributes in which operators name the classes that they tell apart."""


@dataclass(frozen=True)
class Ending:
    """What makes an output of a graph.

    Attributes
    ----------
    operator : str
        The operator behind whatever only shapes its result; empty where that is an input.
    transform : str
        What an operator of ai.onnx.ml makes of its scores: NONE, LOGISTIC, SOFTMAX; empty for others.
    classes : tuple of str
        Classes in the order of the output's columns, where the graph names them.
    """

    operator: str = ""
    transform: str = ""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """What an ONNX file says of itself.

    Attributes
    ----------
    files : list of Path
        The file, and those beside it that hold its weights, by name.
    loops : bool
        Whether it may run for longer than its nodes take.
    endings : dict of str to Ending
        What makes each output.
    """

    files: list[Path]
    loops: bool
    endings: dict[str, Ending] = field(default_factory=dict)


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
        endings = _endings(library, model.graph)
        named = {_location(t) for t in _tensors(model, every) if t.data_location == t.EXTERNAL}
    files = [path]
    for name in sorted(named):
        found = inside(path.parent, name)
        if found is None:
            raise InputError(
                f"model.path: {path} keeps weights in {name[:100]!r}, expected a file in its own folder"
            )
        files.append(found)
    return Graph(files, any(node.op_type in LOOPS for node in every), endings)


def _endings(library: Any, graph: Any) -> dict[str, Ending]:
    """What makes each output of a graph, read backwards from it."""
    makers = {name: node for node in graph.node for name in node.output}
    numbers = {tensor.name: tensor for tensor in graph.initializer}
    return {output.name: _ending(library, output.name, makers, numbers) for output in graph.output}


def _ending(library: Any, name: str, makers: dict[str, Any], numbers: dict[str, Any]) -> Ending:
    classes: tuple[str, ...] = ()
    seen: set[str] = set()
    while name in makers and name not in seen:
        seen.add(name)
        node = makers[name]
        classes = classes or _classes(library, node, numbers)
        if node.op_type not in SHAPING:
            named = {attribute.name: attribute for attribute in node.attribute}
            transform = named["post_transform"].s.decode() if "post_transform" in named else ""
            # The ml operators say NONE by saying nothing.
            silent = "NONE" if node.domain == "ai.onnx.ml" and node.op_type.endswith("Classifier") else ""
            return Ending(node.op_type, transform or silent, classes)
        # An extractor is given the table of classes, and which of them each row is.
        table = node.op_type == "ArrayFeatureExtractor" and node.input[0] in numbers
        name = node.input[1 if table else 0]
    return Ending("", "", classes)


def _classes(library: Any, node: Any, numbers: dict[str, Any]) -> tuple[str, ...]:
    for attribute in node.attribute:
        if attribute.name in CLASSES:
            found = [*attribute.ints, *(text.decode(errors="replace") for text in attribute.strings)]
            if found:
                return tuple(word(value) for value in found)
    if node.op_type == "ArrayFeatureExtractor" and node.input[0] in numbers:
        table = numbers[node.input[0]]
        if table.data_location != table.EXTERNAL:
            held = library.numpy_helper.to_array(table).ravel().tolist()
            return tuple(word(v.decode(errors="replace") if isinstance(v, bytes) else v) for v in held)
    return ()


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
