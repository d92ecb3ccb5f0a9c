"""Models of OpenVINO and LiteRT: which of their outputs is read, and what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..datasets.evaluation import EvaluationSet
from ..datasets.read import sha256_file
from .heads import Head
from .litert import LiteRtRuntime
from .load_graph import checksum_of, graph_head, graph_inputs
from .neural import NeuralModel
from .openvino import OpenVinoRuntime
from .padding import padding_side


def of_engine(kind: str, spec: Any, data: EvaluationSet) -> NeuralModel:
    """Load a model of one of these kinds; its inputs and outputs are read as those of an ONNX graph."""
    device = "cpu" if spec.device == "auto" else spec.device
    path = Path(str(spec.path))
    runtime: OpenVinoRuntime | LiteRtRuntime
    runtime = OpenVinoRuntime.load(path, device) if kind == "openvino" else LiteRtRuntime(path, device)
    files = runtime.files
    sha = sha256_file(files[0]) if len(files) == 1 else checksum_of(files)
    about: dict[str, Any] = {"kind": kind, "path": str(runtime.path), "sha256": sha}
    names = list(runtime.wanted)
    inputs = graph_inputs(spec, data, names, runtime.shapes, each=len(names) > 1)
    model = NeuralModel(inputs, runtime, Head((), (), "softmax"), about=about)
    model.head = graph_head(model, runtime, runtime.endings, spec, data)
    padding_side(model, spec, data)
    about["outputs"] = runtime.outputs_told()
    return model
