"""ONNX files in onnxruntime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..datasets.errors import InputError
from .budget import GRAPH_SECONDS, LOOP_SECONDS, memory_on, scoring
from .extras import optional
from .foreign import foreign
from .graphs import looked_through
from .neural import Arrays
from .outputs import Output, Reading
from .reads import GraphReader, by_input, fitted, fixed_batch, in_pieces


class OnnxRuntime(GraphReader):
    """An ONNX file in onnxruntime.

    Parameters
    ----------
    path : Path
    device : str
        ``cpu`` or ``cuda``.
    reading : Reading, optional
        Which outputs are read, and as what; default the first as scores.
    """

    def __init__(self, path: Path, device: str = "cpu", reading: Reading | None = None) -> None:
        ort = optional("onnxruntime", "an ONNX model", "onnx")
        options = ort.SessionOptions()
        # What goes wrong is told by what is raised.
        options.log_severity_level = 4
        # Threads that spin while they wait would slow whatever else runs in this process.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        providers = ["CPUExecutionProvider"]
        if device.startswith("cuda"):
            if "CUDAExecutionProvider" not in ort.get_available_providers():
                raise InputError(f"model.device: {device!r}, but onnxruntime has no CUDA provider here")
            providers.insert(0, "CUDAExecutionProvider")
        self.graph = looked_through(path)
        # onnxruntime raises classes of its own for each kind of damage.
        with foreign(f"model.path: {path} is no ONNX model that can be read"), memory_on(device):
            self.session = ort.InferenceSession(str(path), options, providers=providers)
        self.path, self.device, self.reading = path, device, reading
        self.exported: Any = None
        self.wanted = {i.name: i for i in self.session.get_inputs()}
        self.given = [Output(o.name, o.type) for o in self.session.get_outputs()]
        if not self.given:
            raise InputError(f"model.path: {path} has no outputs")
        self.fixed = fixed_batch(self.wanted)
        self.threads = options.intra_op_num_threads

    def everything(self, arrays: Arrays) -> list[Any]:
        """All outputs for a batch."""
        feed = {n: self._fed(n, values) for n, values in by_input(arrays, self.wanted, self.path).items()}
        return in_pieces(self.run, feed, self.fixed)

    def _fed(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """Values as an input of the graph wants them; one line where they cannot be."""
        wanted = self.wanted[name]
        return fitted(values, wanted.type, wanted.shape, f"model.path: {self.path}: its input {name!r}")

    def run(self, feed: Arrays) -> list[Any]:
        """Run the graph on arrays of its own types; returns all of its outputs.

        Raises
        ------
        InputError
            It cannot, or has not ended in `LOOP_SECONDS` or `GRAPH_SECONDS`.
        """
        import onnxruntime as ort

        asked = ort.RunOptions()
        asked.log_severity_level = 4
        loops = self.graph.loops
        with scoring(
            self.path, len(next(iter(feed.values()), ())),
            seconds=LOOP_SECONDS if loops else GRAPH_SECONDS, stop=lambda: setattr(asked, "terminate", True),
            what="a loop in it" if loops else "its graph", bounded=not self.device.startswith("cuda"),
        ):  # fmt: skip
            return list(self.session.run(None, feed, asked))

    @property
    def shared_threads(self) -> int:
        """One: a session has threads of its own, which serve one batch."""
        return 1

    def sibling(self) -> OnnxRuntime:
        """The session itself, which any number of threads may call."""
        return self

    def describe(self) -> dict[str, Any]:
        """Return runtime, device, threads."""
        return {"runtime": "onnxruntime", "device": self.device, "threads": self.threads}
