"""Folders of variants made elsewhere: which kind each is, and transformers folders as they are served."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from .adapters import adapted_module, is_adapter
from .device import seeded
from .folder import CONFIG, local_folder, weights_of
from .images import processor_from
from .language.given import GENAI
from .load_transformers import of_transformers
from .neural import NeuralModel
from .padding import padding_side
from .quantised import QuantisedRuntime, quantisation_of, quantised_module, told_config
from .sources import transformers_module
from .texts import tokenizer_from

FolderKind = Literal["transformers", "variant", "openvino", "onnx", "genai"]


def folder_kind(path: Path, original: str | None = None) -> tuple[FolderKind, str]:
    """Say what a folder holds, and the path that a model of that kind is loaded from.

    Raises
    ------
    InputError
        There is none, or it holds nothing that can be scored.
    """
    if not path.exists():
        raise InputError(f"model.path: no file or folder {path}")
    if path.is_file():
        raise InputError(
            f"model.path: {path}: its name does not say what it is; expected .skops, .joblib, .pt2, "
            ".safetensors, .onnx, .xml (OpenVINO), .tflite, a table of predictions, or kind"
        )
    if (path / "variant.json").is_file():
        return "variant", str(path)
    if is_adapter(path):
        return "transformers", str(path)
    if (path / GENAI).is_file():
        return "genai", str(path)
    graphs: dict[FolderKind, list[Path]] = {
        "openvino": sorted(path.glob("*.xml")), "onnx": sorted(path.glob("*.onnx"))
    }  # fmt: skip
    # A folder of an exporter holds the configuration of what it exported, and no weights of it.
    weights = any(path.glob("*.safetensors")) or not (graphs["openvino"] or graphs["onnx"])
    if (path / CONFIG).is_file() and weights:
        return "transformers", str(path)
    for kind, files in graphs.items():
        if len(files) == 1:
            return kind, str(files[0])
        if files:
            raise InputError(
                f"model.path: {path} holds {len(files)} files {files[0].suffix}; expected path to be one of "
                "them"
            )
    raise InputError(
        f"model.path: {path} holds no model: expected config.json with its weights, adapter_config.json, "
        "variant.json, or one file .xml or .onnx"
    )


def given_transformers(
    spec: Any, data: EvaluationSet, base: str | None, seed: int
) -> tuple[NeuralModel, list[Path]]:
    """Load a transformers folder as it is served: plain, packed by a quantiser, or an adapter with its model.

    Parameters
    ----------
    spec
        What ``model:`` would say of it.
    base : str or None
        Path of the audited original.

    Returns
    -------
    model, files
        The files hold the weights that are served.
    """
    seeded(seed)
    path = str(spec.path)
    folder, where = local_folder(path), f"model.path: {path}"
    reader = processor_from if spec.task == "image-classification" else tokenizer_from
    if is_adapter(folder):
        served, source = adapted_module(path, base, spec.task, seed)
        # An adapter's folder may have come without the tokenizer that it shares with its model.
        own = (folder / "tokenizer.json").is_file() or (folder / "tokenizer_config.json").is_file()
        home = path if own else served.about["adapter_of"]
        model = of_transformers(spec, served.module, source, served.sha256, reader(home), data)
        model.about |= served.about
        return model, served.files
    config = told_config(folder / CONFIG, where)
    if quantisation_of(config) is None:
        module, source, sha = transformers_module(path, spec.task, seed, spec.dtype)
        return of_transformers(spec, module, source, sha, reader(path), data), weights_of(folder, where)
    if spec.dtype is not None or spec.compile:
        raise InputError("model.dtype, model.compile: packed weights are served as they are; leave these out")
    packed = quantised_module(path, config, spec.task)
    model = of_transformers(spec, packed.module, None, packed.sha256, reader(path), data)
    device = model.runtime.device  # type: ignore[attr-defined]
    runtime = QuantisedRuntime(packed.module, device, by_name=True)
    runtime.parameters, runtime.stored = packed.parameters, packed.stored
    runtime.by_token = model.runtime.by_token  # type: ignore[attr-defined]
    model.runtime = runtime  # type: ignore[assignment]
    padding_side(model, spec, data)
    model.about |= packed.about
    return model, packed.files
