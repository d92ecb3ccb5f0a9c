"""LiteRT files built on the spot from numbers, through the format's own schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Layers = Sequence[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]


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
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    made = schema.ModelT()
    made.version, made.buffers, made.operatorCodes = 3, [schema.BufferT()], []
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []

    def tensor(name: str, shape: tuple[int, ...], values: Any = None) -> int:
        one = schema.TensorT()
        one.name, one.shape, one.type, one.buffer = name.encode(), list(shape), schema.TensorType.FLOAT32, 0
        if values is None and batch is None:
            one.shapeSignature = [-1, *shape[1:]]
        if values is not None:
            held = schema.BufferT()
            held.data = np.frombuffer(np.ascontiguousarray(values, np.float32).tobytes(), np.uint8)
            made.buffers.append(held)
            one.buffer = len(made.buffers) - 1
        graph.tensors.append(one)
        return len(graph.tensors) - 1

    def run(name: str, inputs: list[int], output: int, options: Any) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 1
        made.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = (
            len(made.operatorCodes) - 1,
            inputs,
            [output],
        )
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType, operator.builtinOptions = (
                getattr(schema.BuiltinOptions, kind),
                options,
            )
        graph.operators.append(operator)

    rows = batch or 1
    place = tensor("serving_default_x:0", (rows, layers[0][0].shape[1]))
    graph.inputs = [place]
    for i, (weight, bias) in enumerate(layers):
        options = schema.FullyConnectedOptionsT()
        last = i == len(layers) - 1
        kinds = schema.ActivationFunctionType
        options.fusedActivationFunction = kinds.NONE if last else kinds.RELU
        made_of = [place, tensor(f"w{i}", weight.shape, weight), tensor(f"b{i}", bias.shape, bias)]
        place = tensor(f"h{i}", (rows, weight.shape[0]))
        run("FULLY_CONNECTED", made_of, place, options)
    if end is not None:
        options = schema.SoftmaxOptionsT() if end == "SOFTMAX" else None
        if options is not None:
            options.beta = 1.0
        before, place = place, tensor("end", (rows, layers[-1][0].shape[0]))
        run(end, [before], place, options)
    graph.outputs = [place]
    made.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path
