"""From the configuration's words to a neural model."""

from __future__ import annotations

from typing import Any

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from .asked import finished
from .base import Model
from .device import seeded
from .extras import optional
from .forms import FORMS
from .load_graph import onnx_model
from .load_torch import of_module, torch_model
from .load_transformers import of_pipeline, transformers_model
from .neural import NeuralModel
from .sources import TOKENS


def neural(kind: str, spec: Any, data: EvaluationSet, seed: int) -> Model:
    """Load a model of kind ``transformers``, ``torch``, ``onnx``, ``openvino``, ``litert`` or ``endpoint``.

    Parameters
    ----------
    spec
        The configuration's ``model``: path, factory, text, features, device, dtype and so on.
    data : EvaluationSet
        Its columns, its task, and the words of its labels.

    Raises
    ------
    InputError
        It cannot be read, or its outputs are those of another task or of other classes.
    """
    if kind == "transformers":
        marks = FORMS[data.task].spans
        if marks != (spec.task == TOKENS):
            wanted = TOKENS if marks else "text-classification or image-classification"
            raise InputError(f"model.task: the task {data.task} asks for {wanted}, got {spec.task}")
    if kind == "endpoint":
        optional("urllib3", "a served model", "endpoint")
        from .served import of_endpoint

        return finished(of_endpoint(spec, data), spec, data)
    if kind in ("openvino", "litert"):
        from .engines import of_engine

        return finished(of_engine(kind, spec, data), spec, data)
    seeded(seed) if kind != "onnx" else None
    load = {"transformers": transformers_model, "torch": torch_model, "onnx": onnx_model}[kind]
    return finished(load(spec, data, seed), spec, data)


def neural_in_memory(kind: str, given: Any, spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """Make a model of a torch module, or of a transformers pipeline, that Python gave; it stays as it is."""
    seeded(seed)
    make = {"transformers": of_pipeline, "torch": of_module}[kind]
    return finished(make(spec, given, data), spec, data)
