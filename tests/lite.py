"""LiteRT files built on the spot from numbers, through the format's own schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Layers = Sequence[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
KINDS = {"FLOAT32": np.float32, "INT8": np.int8, "INT32": np.int32}


class Graph:
    """A graph that is filled operator by operator, and written.

    Parameters
    ----------
    batch : int, optional
        Rows that a run has; default any number.
    """

    def __init__(self, batch: int | None = None) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.batch, self.rows = schema, batch, batch or 1
        self.made = schema.ModelT()
        self.made.version, self.made.buffers, self.made.operatorCodes = 3, [schema.BufferT()], []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        values: Any = None,
        kind: str = "FLOAT32",
        scale: tuple[float, int] | None = None,
        free: tuple[int, ...] = (0,),
    ) -> int:
        """A tensor: of weights where there are values, else of as many rows as a run has."""
        one = self.schema.TensorT()
        one.name, one.shape, one.buffer = name.encode(), list(shape), 0
        one.type = getattr(self.schema.TensorType, kind)
        if values is None and self.batch is None:
            one.shapeSignature = [-1 if i in free else size for i, size in enumerate(shape)]
        if values is not None:
            held = self.schema.BufferT()
            held.data = np.frombuffer(np.ascontiguousarray(values, KINDS[kind]).tobytes(), np.uint8)
            self.made.buffers.append(held)
            one.buffer = len(self.made.buffers) - 1
        if scale is not None:
            one.quantization = self.schema.QuantizationParametersT()
            one.quantization.scale, one.quantization.zeroPoint = [scale[0]], [scale[1]]
        self.graph.tensors.append(one)
        return len(self.graph.tensors) - 1

    def run(self, name: str, inputs: list[int], output: int, options: Any = None, version: int = 1) -> int:
        """An operator; returns its output."""
        schema = self.schema
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = version
        self.made.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.made.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self.graph.operators.append(operator)
        return output

    def connected(self, inputs: list[int], output: int, *, relu: bool = False, version: int = 1) -> int:
        """A fully connected layer."""
        options = self.schema.FullyConnectedOptionsT()
        kinds = self.schema.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
        return self.run("FULLY_CONNECTED", inputs, output, options, version)

    def write(self, path: Path, inputs: list[int], outputs: list[int]) -> Path:
        """Write the file."""
        import flatbuffers

        self.graph.inputs, self.graph.outputs = inputs, outputs
        self.made.subgraphs = [self.graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.made.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def write_dense(path: Path, layers: Layers, *, end: str | None = None, batch: int | None = None) -> Path:
    """Write fully connected layers with ReLU between them.

    Parameters
    ----------
    layers : sequence of (weight, bias)
        Weights of shape (outputs, inputs).
    end : {"SOFTMAX", "LOGISTIC"}, optional
        What follows the last layer.
    batch : int, optional
        Rows that a run has; default any number.
    """
    graph = Graph(batch)
    first = place = graph.tensor("serving_default_x:0", (graph.rows, layers[0][0].shape[1]))
    for i, (weight, bias) in enumerate(layers):
        made_of = [
            place,
            graph.tensor(f"w{i}", weight.shape, weight),
            graph.tensor(f"b{i}", bias.shape, bias),
        ]
        place = graph.tensor(f"h{i}", (graph.rows, weight.shape[0]))
        graph.connected(made_of, place, relu=i < len(layers) - 1)
    if end is not None:
        options = graph.schema.SoftmaxOptionsT() if end == "SOFTMAX" else None
        if options is not None:
            options.beta = 1.0
        place = graph.run(end, [place], graph.tensor("end", (graph.rows, layers[-1][0].shape[0])), options)
    return graph.write(path, [first], [place])


def write_int8(
    path: Path,
    weight: np.ndarray[Any, Any],
    bias: np.ndarray[Any, Any],
    scales: tuple[tuple[float, int], float, tuple[float, int]],
) -> Path:
    """Write a layer whose input, weights and output are whole numbers.

    Parameters
    ----------
    weight, bias : integer arrays
        In eight bits and in 32.
    scales : ((float, int), float, (float, int))
        Scale and zero point of the input, scale of the weights, scale and zero point of the output.
    """
    graph = Graph()
    of_input, of_weight, of_output = scales
    x = graph.tensor("serving_default_x:0", (1, weight.shape[1]), kind="INT8", scale=of_input)
    w = graph.tensor("w", weight.shape, weight, "INT8", (of_weight, 0))
    b = graph.tensor("b", bias.shape, bias, "INT32", (of_input[0] * of_weight, 0))
    out = graph.tensor("out", (1, weight.shape[0]), kind="INT8", scale=of_output)
    return graph.write(path, [x], [graph.connected([x, w, b], out, version=4)])


def write_bag(path: Path, table: np.ndarray[Any, Any], weight: np.ndarray[Any, Any]) -> Path:
    """Write a model of texts: the sum of its tokens' rows of a table, and a layer without bias."""
    graph = Graph()
    ids = graph.tensor("serving_default_input_ids:0", (1, 8), kind="INT32", free=(0, 1))
    rows = graph.tensor("table", table.shape, table)
    each = graph.tensor("each", (1, 8, table.shape[1]), free=(0, 1))
    options = graph.schema.GatherOptionsT()
    options.axis = 0
    graph.run("GATHER", [rows, ids], each, options)
    axis = graph.tensor("axis", (1,), [1], "INT32")
    summed = graph.tensor("summed", (1, table.shape[1]))
    options = graph.schema.ReducerOptionsT()
    options.keepDims = False
    graph.run("SUM", [each, axis], summed, options)
    out = graph.tensor("out", (1, weight.shape[0]))
    return graph.write(
        path, [ids], [graph.connected([summed, graph.tensor("w", weight.shape, weight), -1], out)]
    )
