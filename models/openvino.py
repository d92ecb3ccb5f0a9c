"""OpenVINO's intermediate representation, ``.xml`` with ``.bin`` beside it, as a runtime on the CPU."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from .budget import GRAPH_SECONDS, LOOP_SECONDS, bounded_memory, scoring
from .extras import optional
from .foreign import foreign
from .graphs import Ending
from .inside import inside
from .neural import Arrays
from .outputs import Output
from .reads import GraphReader, by_input, fitted, in_pieces, named_apart

NAMES = ("openvino_model.xml", "model.xml")
"""What the file is called in a folder: by optimum, and in an artefact."""
LOGITS = "logits"
LOOPS = {"Loop", "TensorIterator"}
"""Operations that run a graph again and again."""
SHAPING = {
    "Result", "Convert", "Squeeze", "Unsqueeze", "Reshape", "Transpose", "StridedSlice", "Slice", "Gather",
}  # fmt: skip
"""Operations that hand values on in another shape or type."""
TYPES = {
    "f32": "tensor(float)", "f16": "tensor(float16)", "bf16": "tensor(bfloat16)", "f64": "tensor(double)",
    "boolean": "tensor(bool)", "string": "tensor(string)",
    **{f"i{bits}": f"tensor(int{bits})" for bits in (8, 16, 32, 64)},
    **{f"u{bits}": f"tensor(uint{bits})" for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""OpenVINO's types in the words of onnxruntime."""
SETTINGS: dict[str, Any] = {
    # Else the processor decides in which precision products are made, and whether activations are quantised.
    "EXECUTION_MODE_HINT": "ACCURACY",
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": 1,
    "ENABLE_CPU_PINNING": False,
}


@cache
def _core() -> Any:
    return optional("openvino", "an OpenVINO model", "openvino").Core()


class OpenVinoRuntime(GraphReader):
    """An OpenVINO model.

    Parameters
    ----------
    path : Path
        The ``.xml``; its weights lie beside it, in a ``.bin`` of the same name.
    device : str
        ``cpu``.

    Attributes
    ----------
    files : list of Path
        What the model is read from, and what it takes on a disk.
    wanted : dict of str to numpy type
        Its inputs.
    shapes : list of list of int
        Of its inputs; -1 for any size.
    fixed : int
        Rows that a run must have; 0 where it takes any number.
    endings : dict of str to Ending
        What makes each of its outputs.
    place : int
        Of the output called ``logits``, else the first.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        if device != "cpu":
            raise InputError(f"model.device: OpenVINO models are run on the CPU here, got {device!r}")
        core = _core()
        self.path, self.device = path, device
        self.exported: Any = None
        self.files = _files(path)
        self.threads = len(os.sched_getaffinity(0))
        settings = {**SETTINGS, "INFERENCE_NUM_THREADS": self.threads}
        # A damaged file makes the reader throw whatever it likes.
        said = f"model.path: {path} is no OpenVINO model that can be read"
        with foreign(said, loud=True), bounded_memory():
            graph = read_graph(path)
            self.loops = any(node.get_type_name() in LOOPS for node in graph.get_ops())
            self.compiled = core.compile_model(graph, "CPU", settings)
            self.wanted = {_name(port): port.get_element_type().to_dtype() for port in self.compiled.inputs}
            self.shapes = [
                [size.get_length() if size.is_static else -1 for size in port.get_partial_shape()]
                for port in self.compiled.inputs
            ]
            names = named_apart([_name(port) for port in self.compiled.outputs])
            types = [port.get_element_type().get_type_name() for port in self.compiled.outputs]
            makers = [_maker(node) for node in graph.get_results()]
            kinds = [port.get_element_type().get_type_name() for port in self.compiled.inputs]
            self._inputs = dict(zip(self.wanted, zip(kinds, self.shapes, strict=True), strict=True))
            # One request serves all batches, which come one after the other.
            self._request = self.compiled.create_infer_request()
        first = {shape[0] for shape in self.shapes if shape and shape[0] > 0}
        self.fixed = first.pop() if len(first) == 1 else 0
        if not names:
            raise InputError(f"model.path: {path} has no output")
        self.given = [Output(n, TYPES.get(kind, kind)) for n, kind in zip(names, types, strict=True)]
        self.endings = {n: Ending(maker) for n, maker in zip(names, makers, strict=True)}
        self.place = names.index(LOGITS) if LOGITS in names else 0

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> OpenVinoRuntime:
        """Read a model from its ``.xml``, or from a folder that holds one."""
        if not path.is_dir():
            return cls(path, device)
        found = [path / name for name in NAMES if (path / name).is_file()]
        found = found or sorted(path.glob("*.xml"))
        if len(found) != 1:
            raise InputError(
                f"model.path: expected one OpenVINO model ({' or '.join(NAMES)}) in {path}, "
                f"found {len(found)}"
            )
        return cls(found[0], device)

    def everything(self, arrays: Arrays) -> list[Any]:
        """All outputs for a batch."""
        feed = {n: self._fed(n, values) for n, values in by_input(arrays, self.wanted, self.path).items()}
        return in_pieces(self.run, feed, self.fixed)

    def _fed(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """Values as an input of the graph wants them; one line where they cannot be."""
        kind, shape = self._inputs[name]
        return fitted(values, TYPES.get(kind, kind), shape, f"model.path: {self.path}: its input {name!r}")

    def run(self, feed: Arrays) -> list[NDArray[Any]]:
        """Run the graph on arrays by the names of its inputs; returns all of its outputs.

        Raises
        ------
        InputError
            It cannot, or has not ended in `LOOP_SECONDS` or `GRAPH_SECONDS`.
        """
        typed = {name: np.ascontiguousarray(values, dtype=self.wanted[name]) for name, values in feed.items()}
        with scoring(
            self.path, len(next(iter(feed.values()), ())),
            seconds=LOOP_SECONDS if self.loops else GRAPH_SECONDS, stop=self._request.cancel,
            what="a loop in it" if self.loops else "its graph",
        ):  # fmt: skip
            self._request.infer(typed, share_inputs=False)
            # The request's memory is written to again by the next batch.
            return [tensor.data.copy() for tensor in self._request.output_tensors]

    @property
    def shared_threads(self) -> int:
        """One: OpenVINO has threads of its own, which serve one batch."""
        return 1

    def sibling(self) -> OpenVinoRuntime:
        """The model itself: its batches come one after the other."""
        return self

    def describe(self) -> dict[str, Any]:
        """Return runtime, device, threads."""
        return {"runtime": "openvino", "device": self.device, "threads": self.threads}


def read_graph(path: Path) -> Any:
    """Read a model as what it is said to be: left to itself OpenVINO tries every format that it knows."""
    manager = optional("openvino.frontend", "an OpenVINO model", "openvino").FrontEndManager()
    reader = manager.load_by_framework("ir")
    return reader.convert(reader.load(str(path)))


def _files(path: Path) -> list[Path]:
    """A model's file and that of its weights; InputError where one is not there, or lies elsewhere."""
    if path.suffix != ".xml" or not path.is_file():
        raise InputError(f"model.path: expected an OpenVINO model (.xml with .bin beside it), got {path}")
    weights = inside(path.parent, f"{path.stem}.bin")
    if weights is None or not weights.is_file():
        raise InputError(f"model.path: {path} needs its weights, {path.stem}.bin, in the same folder")
    return [path, weights]


def _name(port: Any) -> str:
    """A port's name; several may be given, of which the exporters' own is the shortest."""
    return min(port.get_names(), key=lambda name: (len(name), name), default="")


def _maker(node: Any) -> str:
    """The operation that makes an output, behind those that only shape it."""
    while node.get_type_name() in SHAPING and node.get_input_size():
        node = node.input_value(0).get_node()
    return str(node.get_type_name())
