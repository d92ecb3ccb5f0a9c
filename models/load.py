"""From the configuration's words to a neural model."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet, as_words
from ..datasets.read import sha256_file
from .extras import quiet
from .inputs import (
    ImageInputs,
    TableInputs,
    TextInputs,
    length_limit,
    processor_from,
    tokenizer_from,
    unknown_columns,
)
from .neural import Batching, Head, Inputs, NeuralModel, head
from .runtimes import OnnxRuntime, TorchRuntime, device_for, seeded
from .sources import (
    ExportedSource,
    FactorySource,
    Source,
    exported,
    load_weights,
    not_safetensors,
    sha256_of,
    source_of,
    transformers_module,
)


def neural(kind: str, spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """Load a model of kind ``transformers``, ``torch`` or ``onnx``.

    Parameters
    ----------
    spec
        The configuration's ``model``: path, factory, text, features, device, dtype and so on.
    data : EvaluationSet
        Its columns, and the words of its positive label.
    """
    seeded(seed) if kind != "onnx" else None
    load = {"transformers": _transformers, "torch": _torch, "onnx": _onnx}[kind]
    return _finished(load(spec, data, positive_words(spec, data), seed), spec, data)


def neural_in_memory(kind: str, given: Any, spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """Make a model of a torch module, or of a transformers pipeline, that Python gave; it stays as it is."""
    seeded(seed)
    make = {"transformers": _of_pipeline, "torch": _of_module}[kind]
    return _finished(make(spec, given, data), spec, data)


def positive_words(spec: Any, data: EvaluationSet) -> list[str]:
    """Words of the positive label: the model's own, else those of the data."""
    return as_words(spec.positive) or (list(data.outcome.positive) if data.outcome else [])


def _finished(model: NeuralModel, spec: Any, data: EvaluationSet) -> NeuralModel:
    unknown_columns(model.columns, data.names, data.where)
    if data.label in model.columns:
        raise InputError(f"model: column '{data.label}' is the label, which a model may not see")
    model.batching = Batching(spec.batch_rows, spec.batch_tokens)
    model.threshold = 0.5 if spec.threshold is None else spec.threshold
    return model


def _transformers(spec: Any, data: EvaluationSet, positive: Sequence[str], seed: int) -> NeuralModel:
    module, source, sha = transformers_module(str(spec.path), spec.task, seed)
    load = processor_from if spec.task == "image-classification" else tokenizer_from
    return _of_transformers(spec, module, source, sha, load(str(spec.path)), positive)


def of_transformers(
    spec: Any, module: Any, source: Source | None, sha: str, reader: Any, data: EvaluationSet
) -> NeuralModel:
    """A transformers module with its tokenizer or processor; ``source`` where it can be built again."""
    return _finished(
        _of_transformers(spec, module, source, sha, reader, positive_words(spec, data)), spec, data
    )


def _of_pipeline(spec: Any, given: Any, data: EvaluationSet) -> NeuralModel:
    module = copy.deepcopy(given.model)
    reader = given.image_processor if spec.task == "image-classification" else given.tokenizer
    source = source_of(module.config, spec.task)
    return _of_transformers(spec, module, source, sha256_of(module), reader, positive_words(spec, data))


def _of_transformers(
    spec: Any, module: Any, source: Source | None, sha: str, reader: Any, positive: Sequence[str]
) -> NeuralModel:
    """A transformers model with its tokenizer or image processor."""
    config = module.config
    inputs: Inputs
    if spec.task == "image-classification":
        inputs = ImageInputs(reader, str(spec.image))
    else:
        reader = _padded_alike(config, reader, spec.batch_rows)
        limit = length_limit(reader, config, spec.max_length)
        inputs = TextInputs(reader, str(spec.text), spec.text_pair, limit)
    names = [str(config.id2label[i]) for i in range(config.num_labels)]
    found = head(names, config.num_labels, config.problem_type, positive)
    about = {
        "kind": "transformers",
        "path": str(spec.path),
        "sha256": sha,
        "architecture": type(module).__name__,
        "task": spec.task,
    }
    return _on_torch(spec, module, source, inputs, found, about)


def _padded_alike(config: Any, tokenizer: Any, batch_rows: int) -> Any:
    """The tokenizer, padding as the model expects it: some find the end of a text by the padding's token.

    Raises
    ------
    InputError
        Neither names such a token and texts are scored together, or the tokenizer does not know the model's.
    """
    pad, wanted = tokenizer.pad_token_id, getattr(config, "pad_token_id", None)
    if wanted is None:
        if pad is None and batch_rows > 1:
            raise InputError(
                "model: neither its tokenizer nor its config.json names a padding token; name one (pad_token "
                "in tokenizer_config.json, pad_token_id in config.json), or set model.batch_rows: 1"
            )
        config.pad_token_id = pad
    elif pad != wanted:
        token = tokenizer.convert_ids_to_tokens(wanted) if 0 <= wanted < len(tokenizer) else None
        if token is None:
            raise InputError(
                f"model: its config.json pads with the token {wanted}, which its tokenizer does not know"
            )
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.pad_token = token
    return tokenizer


def _torch(spec: Any, data: EvaluationSet, positive: Sequence[str], seed: int) -> NeuralModel:
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
    return _of_table(spec, module, source, sha, data)


def _of_module(spec: Any, given: Any, data: EvaluationSet) -> NeuralModel:
    module = copy.deepcopy(given)
    return _of_table(spec, module, None, sha256_of(module), data)


def _of_table(spec: Any, module: Any, source: Source | None, sha: str, data: EvaluationSet) -> NeuralModel:
    """A torch module over the features of a table."""
    inputs = TableInputs(spec.features if spec.features is not None else data.feature_names(), spec.shape)
    about = {
        "kind": "torch", "path": str(spec.path) if spec.path else None, "sha256": sha,
        "factory": spec.factory, "architecture": type(module).__name__,
    }  # fmt: skip
    model = _on_torch(spec, module, source, inputs, Head((), (), "softmax"), about)
    model.head = head([], _outputs(model, data), None, as_words(spec.positive))
    return model


def _on_torch(
    spec: Any, module: Any, source: Source | None, inputs: Inputs, found: Head, about: dict[str, Any]
) -> NeuralModel:
    import torch

    if spec.dtype != "float32":
        if isinstance(source, ExportedSource):
            raise InputError(
                f"model.dtype: the types of an exported program are fixed, got {spec.dtype!r}; "
                "export it in that type"
            )
        module = module.to(getattr(torch, spec.dtype))
    device = device_for(spec.device)
    by_name = source is not None and source.by_name
    runtime = TorchRuntime(module, device, by_name=by_name, compiled=spec.compile)
    return NeuralModel(inputs, runtime, found, about=about, source=source)


def _onnx(spec: Any, data: EvaluationSet, positive: Sequence[str], seed: int) -> NeuralModel:
    path = Path(str(spec.path))
    if not path.is_file():
        raise InputError(f"model.path: no file {path}")
    device = "cpu" if spec.device == "auto" else spec.device
    runtime = OnnxRuntime(path, device)
    inputs: Inputs
    if spec.text is not None:
        if spec.tokenizer is None:
            raise InputError("model.tokenizer: an ONNX model of texts needs the folder of its tokenizer")
        tokenizer = tokenizer_from(spec.tokenizer)
        inputs = TextInputs(
            tokenizer, spec.text, spec.text_pair, length_limit(tokenizer, None, spec.max_length)
        )
    else:
        inputs = TableInputs(spec.features if spec.features is not None else data.feature_names(), spec.shape)
    files = runtime.graph.files
    sha = sha256_file(path) if len(files) == 1 else checksum_of(files)
    about = {"kind": "onnx", "path": str(path), "sha256": sha}
    model = NeuralModel(inputs, runtime, Head((), (), "softmax"), about=about)
    model.head = head([], _outputs(model, data), None, as_words(spec.positive))
    return model


def checksum_of(paths: Sequence[Path]) -> str:
    """One checksum of several files."""
    return hashlib.sha256("".join(sha256_file(path) for path in paths).encode()).hexdigest()


def _outputs(model: NeuralModel, data: EvaluationSet) -> int:
    """How many outputs a model has: asked of the model itself with the first rows of the table."""
    unknown_columns(model.columns, data.names, data.where)
    rows = _first_rows(data, model.columns)
    encoded = model.inputs.encode(rows, None)
    with quiet():
        return int(model.runtime(encoded.collate(np.arange(rows.num_rows))).shape[1])


def _first_rows(data: EvaluationSet, columns: Sequence[str], rows: int = 2) -> pa.RecordBatch:
    """The first rows that will be audited: of the right split, without those that are left out."""
    found = next(copy.copy(data).batches(columns), None)
    if found is None:
        raise InputError(f"{data.where}: no rows to audit")
    return found.select(list(columns)).slice(0, rows)
