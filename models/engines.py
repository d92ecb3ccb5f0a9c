"""Models of OpenVINO and LiteRT: which of their outputs is read, and what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.read import sha256_file
from .litert import LiteRtRuntime
from .load import checksum_of, graph_inputs, head_of, padding_side, place_of, refuse_nothing, sampled
from .neural import Head, NeuralModel
from .openvino import OpenVinoRuntime
from .outputs import meaning, squeezed


def of_engine(kind: str, spec: Any, data: EvaluationSet) -> NeuralModel:
    """Load a model of one of these kinds; its inputs and outputs are read as those of an ONNX graph."""
    device = "cpu" if spec.device == "auto" else spec.device
    path = Path(str(spec.path))
    runtime: OpenVinoRuntime | LiteRtRuntime
    runtime = OpenVinoRuntime.load(path, device) if kind == "openvino" else LiteRtRuntime(path, device)
    if spec.output == "label":
        raise InputError(f"model.output: expected logits or probabilities, as a {kind} model has, got label")
    if spec.output_name is not None:
        if spec.output_name not in runtime.outputs:
            raise InputError(
                f"model.output_name: {path} has no output {spec.output_name!r}; it has "
                f"{listed(runtime.outputs)}"
            )
        runtime.place = runtime.outputs.index(spec.output_name)
    files = runtime.files
    sha = sha256_file(files[0]) if len(files) == 1 else checksum_of(files)
    about = {"kind": kind, "path": str(runtime.path), "sha256": sha}
    names = list(runtime.wanted)
    inputs = graph_inputs(spec, data, names, runtime.shapes, each=len(names) > 1)
    model = NeuralModel(inputs, runtime, Head((), (), "softmax"), about=about)
    where = place_of(spec)
    values = squeezed(runtime(sampled(model, spec, data)), where)
    refuse_nothing(values)
    name = runtime.outputs[runtime.place]
    means, exclusive = meaning(
        values, runtime.ending(), name, beside_label=False, given=spec.output, where=where
    )
    model.head = head_of(means, exclusive, [], values.shape[1], spec, data)
    padding_side(model, spec, data)
    return model
