"""LiteRT files (``.tflite``, once TensorFlow Lite) as a runtime on the CPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from .budget import bounded_memory, scoring
from .extras import optional
from .foreign import foreign, unheard
from .graphs import Ending
from .neural import Arrays
from .outputs import Output
from .reads import GraphReader, by_input, in_pieces, named_apart


class LiteRtRuntime(GraphReader):
    """A LiteRT model.

    Parameters
    ----------
    path : Path
    device : str
        ``cpu``.

    Attributes
    ----------
    files : list of Path
        The file alone.
    wanted : dict
        Its inputs by name, as the interpreter describes them.
    shapes : list of list of int
        Of its inputs; -1 for any size.
    fixed : int or None
        Rows that a run must have; None where it takes any number.
    endings : dict of str to Ending
        What makes each of its outputs.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        made = optional("ai_edge_litert.interpreter", "a LiteRT model", "litert").Interpreter
        if device != "cpu":
            raise InputError(f"model.device: LiteRT models are run on the CPU here, got {device!r}")
        if not path.is_file():
            raise InputError(f"model.path: no file {path}")
        self.path, self.device, self.files = path, device, [path]
        self.threads = len(os.sched_getaffinity(0))
        # It says what it delegates to, below Python.
        with foreign(f"model.path: {path} is no LiteRT model that can be read"), bounded_memory(), unheard():
            self._interpreter = made(model_path=str(path), num_threads=self.threads)
            self._interpreter.allocate_tensors()
            inputs = self._interpreter.get_input_details()
            self._outputs = self._interpreter.get_output_details()
        self.wanted = {_plain(entry["name"]): entry for entry in inputs}
        self.shapes = [[int(size) for size in _signature(entry)] for entry in inputs]
        names = named_apart([_plain(entry["name"]) for entry in self._outputs])
        if not self.wanted or not names:
            raise InputError(f"model.path: {path} has no {'input' if not self.wanted else 'output'}")
        self.given = [Output(n, _type(entry)) for n, entry in zip(names, self._outputs, strict=True)]
        makers = [_operator(path, entry["index"]) for entry in self._outputs]
        self.endings = {n: Ending(maker) for n, maker in zip(names, makers, strict=True)}
        first = [int(_signature(entry)[0]) if len(_signature(entry)) else 1 for entry in inputs]
        self.fixed = None if all(size < 0 for size in first) else max(first)

    def everything(self, arrays: Arrays) -> list[Any]:
        """All outputs for a batch, as real numbers; whole numbers without a scale as they are.

        Raises
        ------
        InputError
            It cannot, or the rows do not give what it takes.
        """
        given = by_input(arrays, self.wanted, self.path)
        feed = {name: self._fitted(name, values) for name, values in given.items()}
        return in_pieces(self._run, feed, self.fixed or 0)

    def _fitted(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """An input in the model's own type, where its shape is one that the model takes."""
        entry = self.wanted[name]
        signature = [int(size) for size in _signature(entry)]
        if len(signature) == values.ndim + 1 and signature[1:].count(1):
            values = np.expand_dims(values, signature.index(1, 1))
        if len(signature) != values.ndim or any(
            a >= 0 and a != b for a, b in zip(signature[1:], values.shape[1:], strict=True)
        ):
            raise InputError(
                f"model.path: {self.path}: its input {name} takes rows of shape {tuple(signature[1:])}, got "
                f"{values.shape[1:]}"
            )
        scale, zero = entry["quantization"]
        kind = np.dtype(entry["dtype"])
        if scale and kind.kind in "iu" and values.dtype.kind == "f":
            limits = np.iinfo(kind)
            values = np.clip(np.round(values / scale) + zero, limits.min, limits.max)
        return np.ascontiguousarray(values, dtype=kind)

    def _run(self, feed: Arrays) -> list[NDArray[Any]]:
        interpreter = self._interpreter
        rows = len(next(iter(feed.values()), ()))
        with scoring(self.path, rows), unheard():
            changed = False
            for name, values in feed.items():
                index = self.wanted[name]["index"]
                if tuple(interpreter.get_tensor(index).shape) != values.shape:
                    interpreter.resize_tensor_input(index, values.shape)
                    changed = True
            if changed:
                interpreter.allocate_tensors()
            for name, values in feed.items():
                interpreter.set_tensor(self.wanted[name]["index"], values)
            interpreter.invoke()
            return [_real(interpreter.get_tensor(e["index"]), e) for e in self._outputs]

    @property
    def shared_threads(self) -> int:
        """One: LiteRT has threads of its own, which serve one batch."""
        return 1

    def sibling(self) -> LiteRtRuntime:
        """The model itself: its batches come one after the other."""
        return self

    def describe(self) -> dict[str, Any]:
        """Return runtime, device, threads, and how many rows a run has where that is fixed."""
        told: dict[str, Any] = {"runtime": "litert", "device": self.device, "threads": self.threads}
        return told | ({"rows_at_once": self.fixed} if self.fixed is not None else {})


def _parsed(path: Path) -> tuple[Any, Any]:
    """The library's schema, and a file read by it."""
    schema = optional("ai_edge_litert.schema_py_generated", "a LiteRT model", "litert")
    with foreign(f"model.path: {path} is no LiteRT model that can be read"):
        return schema, schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)


def _operator(path: Path, tensor: int) -> str:
    """The operator that makes a tensor, such as SOFTMAX, behind those that only shape or scale it."""
    schema, model = _parsed(path)
    codes = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    graph = model.subgraphs[0]
    for operator in reversed(graph.operators):
        if tensor in list(operator.outputs):
            code = model.operatorCodes[operator.opcodeIndex]
            name = codes.get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
            if name not in ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE"):
                return "Sigmoid" if name == "LOGISTIC" else str(name)
            tensor = operator.inputs[0]
    return ""


def weights_in(path: Path) -> list[NDArray[Any]]:
    """The tensors that a LiteRT file holds, in their own types, without the scales of quantised ones.

    Raises
    ------
    InputError
        It is none that can be read.
    """
    schema, model = _parsed(path)
    with foreign(f"model.path: {path} is no LiteRT model that can be read"):
        kinds = {
            getattr(schema.TensorType, name): kind
            for name, kind in (
                ("FLOAT32", np.float32), ("FLOAT16", np.float16), ("INT8", np.int8), ("UINT8", np.uint8),
                ("INT16", np.int16), ("FLOAT64", np.float64), ("INT32", np.int32),
            )
        }  # fmt: skip
        held: dict[int, NDArray[Any]] = {}
        for graph in model.subgraphs:
            for tensor in graph.tensors:
                data = model.buffers[tensor.buffer].data
                # Axes and shapes are whole numbers too, without the scale that a bias has.
                plain = tensor.type == schema.TensorType.INT32 and not _scaled(tensor)
                if data is not None and len(data) and tensor.type in kinds and not plain:
                    raw = np.asarray(data, np.uint8).tobytes()
                    held[tensor.buffer] = np.frombuffer(raw, kinds[tensor.type])
    return list(held.values())


def _scaled(tensor: Any) -> bool:
    scale = None if tensor.quantization is None else tensor.quantization.scale
    return scale is not None and len(scale) > 0


def _signature(entry: dict[str, Any]) -> NDArray[Any]:
    found: NDArray[Any] = entry["shape_signature"] if len(entry["shape_signature"]) else entry["shape"]
    return found


def _real(values: NDArray[Any], entry: dict[str, Any]) -> NDArray[Any]:
    """An output as real numbers; quantised ones are brought back by their scale."""
    scale, zero = entry["quantization"]
    copy = values.copy()
    return (copy.astype(np.float32) - zero) * scale if scale and copy.dtype.kind in "iu" else copy


def _type(entry: dict[str, Any]) -> str:
    """An output's type in the words of onnxruntime; whole numbers with a scale are real ones."""
    kind = np.dtype(entry["dtype"])
    real = kind.kind == "f" or bool(entry["quantization"][0])
    return "tensor(float)" if real else f"tensor({'string' if kind.kind in 'OSU' else kind.name})"


def _plain(name: str) -> str:
    """A tensor's name as it was before the converter: ``serving_default_x:0`` is ``x``."""
    return name.removeprefix("serving_default_").partition(":")[0]
