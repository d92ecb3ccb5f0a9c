"""torch modules over features or images: from a file, a factory, or Python; and torch as a runtime."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.read import sha256_file
from .asked import place_of, refuse_nothing, sampled, wanted
from .device import device_for
from .heads import HEADS, Found, Head, TaskHead, head_of
from .inputs import TableInputs
from .neural import Inputs, NeuralModel
from .outputs import meaning
from .pixels import image_inputs
from .sources import (
    ExportedSource,
    FactorySource,
    Source,
    exported,
    load_weights,
    not_safetensors,
    sha256_of,
)
from .torch_runtime import TorchRuntime, ports_of


def torch_model(spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """A module of an exported program, or of a factory with its weights."""
    path = Path(spec.path) if spec.path else None
    if path is not None and not path.is_file():
        raise InputError(f"model.path: no file {path}")
    source: Source
    if path is not None and path.suffix == ".pt2":
        source, module = ExportedSource(path), exported(path)
    elif path is not None and path.suffix != ".safetensors":
        raise InputError(not_safetensors(path))
    elif spec.factory is None:
        raise InputError(f"model.factory: the weights of {path} need the function that builds their module")
    else:
        source = FactorySource(spec.factory)
        module = source.skeleton()
        if path is not None:
            load_weights(module, path)
    sha = sha256_file(path) if path else sha256_of(module)
    return _of_rows(spec, module, source, sha, data)


def of_module(spec: Any, given: Any, data: EvaluationSet) -> NeuralModel:
    """A module that Python gave."""
    module = copy.deepcopy(given)
    return _of_rows(spec, module, None, sha256_of(module), data)


def _of_rows(spec: Any, module: Any, source: Source | None, sha: str, data: EvaluationSet) -> NeuralModel:
    """A torch module over the features of a table, or over its images."""
    inputs: Inputs
    if spec.image is not None:
        inputs = image_inputs(spec, next((port.shape for port in ports_of(module)), ()))
    else:
        inputs = TableInputs(spec.features if spec.features is not None else data.feature_names(), spec.shape)
    about = {
        "kind": "torch", "path": str(spec.path) if spec.path else None, "sha256": sha,
        "factory": spec.factory, "architecture": type(module).__name__,
    }  # fmt: skip
    model = on_torch(spec, module, source, inputs, Head((), (), "softmax"), about)
    model.head = torch_head(model, spec, data)
    return model


def torch_head(model: NeuralModel, spec: Any, data: EvaluationSet) -> TaskHead:
    """What the outputs of a torch module are: by what makes them, and by their values on the first rows."""
    asked, runtime = wanted(spec, data), model.runtime
    assert isinstance(runtime, TorchRuntime)
    kind = HEADS[asked.task]
    runtime.one_hot = kind.one_hot(asked)
    arrays = sampled(model, spec, data)
    values = runtime(arrays)
    refuse_nothing(values)
    width = values.shape[1]
    if kind.numbers:
        return head_of(Found((), width, "numbers"), asked)
    if runtime.gives_labels:
        if spec.output not in (None, "label"):
            raise InputError(f"model.output: {spec.output}, but the module gives whole numbers: labels")
        return head_of(Found(tuple(map(str, range(width))), width, "label"), asked)
    if spec.output == "label":
        raise InputError(
            "model.output: label, but the module gives floats; let it return whole numbers (.long()), or set "
            "model.output: probabilities where they are 0.0 and 1.0"
        )
    means, problem = meaning(
        values, runtime.ending(arrays), spec.output_name or "", beside_label=False, given=spec.output,
        where=place_of(spec),
    )  # fmt: skip
    return head_of(Found((), width, means, problem), asked)


def on_torch(
    spec: Any, module: Any, source: Source | None, inputs: Inputs, found: TaskHead, about: dict[str, Any]
) -> NeuralModel:
    """A module as it is served: on the device and in the type that the configuration says."""
    import torch

    device = device_for(spec.device)
    by_name = source is not None and source.by_name
    output = getattr(spec, "output_name", None)
    runtime = TorchRuntime(module, device, by_name=by_name, compiled=spec.compile, output=output)
    if spec.dtype not in (None, runtime.dtype):
        if isinstance(source, ExportedSource):
            raise InputError(
                f"model.dtype: the types of an exported program are fixed, got {spec.dtype!r}; "
                "export it in that type"
            )
        runtime.module = runtime.module.to(getattr(torch, str(spec.dtype)))
    return NeuralModel(inputs, runtime, found, about=about, source=source)
