"""From the configuration's words to a neural model."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.read import sha256_file
from ..datasets.roles import as_words
from ..plain import read_json
from ..told import tell
from .extras import optional, quiet
from .folder import CONFIG, local_folder
from .foreign import foreign
from .graphs import Ending
from .inputs import (
    ColumnInputs,
    ImageInputs,
    TableInputs,
    TextInputs,
    length_limit,
    processor_from,
    tokenizer_from,
    unknown_columns,
)
from .neural import Arrays, Batching, Head, HeadKind, Inputs, NeuralModel, head
from .outputs import Means, Output, Reading, class_names, columns, label_words, meaning, of_own_label, pick
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

SAMPLE = 128
"""Rows by whose outputs a model's outputs are told."""
PROBE, ALIKE = 6, 1e-3
"""Texts that are scored alone and together, and by how much of the largest logit these may lie apart."""


def neural(kind: str, spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """Load a model of kind ``transformers``, ``torch``, ``onnx``, ``openvino``, ``litert`` or ``endpoint``.

    Parameters
    ----------
    spec
        The configuration's ``model``: path, factory, text, features, device, dtype and so on.
    data : EvaluationSet
        Its columns, and the words of its positive label.
    """
    if kind == "endpoint":
        optional("urllib3", "a served model", "endpoint")
        from .served import of_endpoint

        return _finished(of_endpoint(spec, data), spec, data)
    if kind in ("openvino", "litert"):
        from .engines import of_engine

        return _finished(of_engine(kind, spec, data), spec, data)
    seeded(seed) if kind != "onnx" else None
    load = {"transformers": _transformers, "torch": _torch, "onnx": _onnx}[kind]
    return _finished(load(spec, data, seed), spec, data)


def neural_in_memory(kind: str, given: Any, spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """Make a model of a torch module, or of a transformers pipeline, that Python gave; it stays as it is."""
    seeded(seed)
    make = {"transformers": _of_pipeline, "torch": _of_module}[kind]
    return _finished(make(spec, given, data), spec, data)


def _of_data(data: EvaluationSet) -> list[str]:
    """Words of the data's positive label."""
    return list(data.binary.positive) if data.binary else []


def _finished(model: NeuralModel, spec: Any, data: EvaluationSet) -> NeuralModel:
    unknown_columns(model.columns, data.names, data.where)
    if data.label in model.columns:
        raise InputError(f"model: column '{data.label}' is the label, which a model may not see")
    model.batching = Batching(spec.batch_rows, spec.batch_tokens)
    model.threshold = model.head.usual_threshold if spec.threshold is None else spec.threshold
    if model.head.kind == "label" and spec.threshold is not None:
        raise InputError("model.threshold: the model gives labels and no scores; leave threshold out")
    return model


def _transformers(spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    module, source, sha = transformers_module(str(spec.path), spec.task, seed, spec.dtype)
    load = processor_from if spec.task == "image-classification" else tokenizer_from
    return _of_transformers(spec, module, source, sha, load(str(spec.path)), data)


def of_transformers(
    spec: Any, module: Any, source: Source | None, sha: str, reader: Any, data: EvaluationSet
) -> NeuralModel:
    """A transformers module with its tokenizer or processor; ``source`` where it can be built again."""
    return _finished(_of_transformers(spec, module, source, sha, reader, data), spec, data)


def _of_pipeline(spec: Any, given: Any, data: EvaluationSet) -> NeuralModel:
    module = copy.deepcopy(given.model)
    reader = given.image_processor if spec.task == "image-classification" else given.tokenizer
    source = source_of(module.config, spec.task)
    return _of_transformers(spec, module, source, sha256_of(module), reader, data)


def _of_transformers(
    spec: Any, module: Any, source: Source | None, sha: str, reader: Any, data: EvaluationSet
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
    said = as_words(spec.positive)
    names = label_names(config, said)
    found = head(names, len(names), config.problem_type, said, _of_data(data))
    about = {
        "kind": "transformers",
        "path": str(spec.path),
        "sha256": sha,
        "architecture": type(module).__name__,
        "task": spec.task,
    }
    model = _on_torch(spec, module, source, inputs, found, about)
    if source is not None:
        padding_side(model, spec, data)
    return model


def label_names(config: Any, positive: Sequence[str]) -> list[str]:
    """Names of a transformers model's outputs.

    Raises
    ------
    InputError
        Its configuration does not name each output once, or says two things of one name and no position is
        given for the positive label.
    """
    known = {int(place): str(name) for place, name in config.id2label.items()}
    if sorted(known) != list(range(len(known))):
        raise InputError(
            f"model: its config.json names the labels {listed([str(k) for k in sorted(known)])} (id2label), "
            "expected one for each output from 0 on"
        )
    names = [known[i] for i in range(len(known))]
    places = config.label2id or {}
    turned = [name for i, name in known.items() if name in places and int(places[name]) != i]
    if len(set(names)) == len(names) and turned and not any(p.isdigit() for p in positive):
        raise InputError(
            f"model.positive: its config.json says two things of the label {turned[0]!r}: output "
            f"{names.index(turned[0])} in id2label, {places[turned[0]]} in label2id; say by position which "
            "is positive"
        )
    return names


def _padded_alike(config: Any, tokenizer: Any, batch_rows: int) -> Any:
    """The tokenizer, padding as the model expects it: some find the end of a text by the padding's token.

    Raises
    ------
    InputError
        Neither names such a token and texts are scored together, or the tokenizer does not know the model's.
    """
    inner = config.get_text_config()
    pad, wanted = tokenizer.pad_token_id, getattr(config, "pad_token_id", None)
    wanted = getattr(inner, "pad_token_id", None) if wanted is None else wanted
    if wanted is None:
        if pad is None and batch_rows > 1:
            raise InputError(
                "model: neither its tokenizer nor its config.json names a padding token; name one (pad_token "
                "in tokenizer_config.json, pad_token_id in config.json), or set model.batch_rows: 1"
            )
        config.pad_token_id = inner.pad_token_id = pad
    elif pad != wanted:
        token = tokenizer.convert_ids_to_tokens(wanted) if 0 <= wanted < len(tokenizer) else None
        if token is None:
            raise InputError(
                f"model: its config.json pads with the token {wanted}, which its tokenizer does not know"
            )
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.pad_token = token
    return tokenizer


def _configured(folder: str) -> Any:
    """What a config.json beside a tokenizer says of the padding; nothing where there is none."""
    path = local_folder(folder) / CONFIG
    found: Any = None
    if path.is_file():
        with foreign(f"model.tokenizer: {path} cannot be read"):
            found = read_json(path)
    pad = found.get("pad_token_id") if isinstance(found, dict) else None
    made = SimpleNamespace(pad_token_id=pad if isinstance(pad, int) else None)
    made.get_text_config = lambda: made
    return made


def padding_side(model: NeuralModel, spec: Any, data: EvaluationSet) -> None:
    """Pad on the side on which texts score beside longer ones as alone: the left moves positions.

    Raises
    ------
    InputError
        On neither side they do, though the model has all digits.
    """
    inputs = model.inputs
    if not isinstance(inputs, TextInputs) or spec.batch_rows == 1:
        return
    unknown_columns(model.columns, data.names, data.where)
    rows, ids = _first_rows(data, model.columns, SAMPLE)
    lengths = inputs.encode(rows, ids).lengths
    # Of the first texts some of all lengths, the shortest and the longest among them.
    chosen = np.argsort(lengths, kind="stable")[
        np.unique(np.linspace(0, len(lengths) - 1, PROBE).astype(int))
    ]
    if lengths[chosen[0]] == lengths[chosen[-1]]:
        return
    alone: Any = None
    apart: dict[str, float] = {}
    for side in ("right", "left"):
        model.inputs = inputs.padding(side)
        encoded = model.inputs.encode(rows, ids)
        with quiet():
            if alone is None:
                alone = np.concatenate(
                    [model.run_batch(encoded, chosen[i : i + 1]) for i in range(len(chosen))]
                )
            if not np.isfinite(alone).all():
                return  # No side mends that: the rows are told where they are scored.
            together = model.run_batch(encoded, chosen)
        apart[side] = float(np.abs(together - alone).max())
        if apart[side] <= ALIKE * max(1.0, float(np.abs(alone).max())):
            return
    if getattr(model.runtime, "dtype", "float32") != "float32" or model.source is None:
        # Of few digits, or quantised by the batch: what is left is the noise of either side.
        model.inputs = inputs.padding(min(apart, key=lambda side: apart[side]))
        return
    model.inputs = inputs.padding(inputs.tokenizer.padding_side)
    raise InputError(
        "model: texts score otherwise beside longer ones (logits move by "
        f"{min(apart.values()):.2g}, padded on either side), so that a decision would depend on its "
        "neighbours; set model.batch_rows: 1"
    )


def _torch(spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
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
    model.head = torch_head(model, spec, data)
    return model


def torch_head(model: NeuralModel, spec: Any, data: EvaluationSet) -> Head:
    """What the outputs of a torch module are: by what makes them, and by their values on the first rows."""
    arrays = sampled(model, spec, data)
    values = model.runtime(arrays)
    refuse_nothing(values)
    runtime = model.runtime
    assert isinstance(runtime, TorchRuntime)
    if runtime.gives_labels:
        if spec.output not in (None, "label"):
            raise InputError(f"model.output: {spec.output}, but the module gives whole numbers: labels")
        return _labels_head(("0", "1"), as_words(spec.positive), _of_data(data))
    if spec.output == "label":
        raise InputError(
            "model.output: label, but the module gives floats; let it return whole numbers (.long()), or set "
            "model.output: probabilities where they are 0.0 and 1.0"
        )
    means, exclusive = meaning(
        values, runtime.ending(arrays), spec.output_name or "", beside_label=False, given=spec.output,
        where=place_of(spec),
    )  # fmt: skip
    return head_of(means, exclusive, [], values.shape[1], spec, data)


def _on_torch(
    spec: Any, module: Any, source: Source | None, inputs: Inputs, found: Head, about: dict[str, Any]
) -> NeuralModel:
    import torch

    device = device_for(spec.device)
    by_name = source is not None and source.by_name
    runtime = TorchRuntime(module, device, by_name=by_name, compiled=spec.compile, output=spec.output_name)
    if spec.dtype not in (None, runtime.dtype):
        if isinstance(source, ExportedSource):
            raise InputError(
                f"model.dtype: the types of an exported program are fixed, got {spec.dtype!r}; "
                "export it in that type"
            )
        runtime.module = runtime.module.to(getattr(torch, str(spec.dtype)))
    return NeuralModel(inputs, runtime, found, about=about, source=source)


def _onnx(spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    path = Path(str(spec.path))
    if not path.is_file():
        raise InputError(f"model.path: no file {path}")
    device = "cpu" if spec.device == "auto" else spec.device
    runtime = OnnxRuntime(path, device)
    ports = list(runtime.wanted.values())
    single = all(port.shape and port.shape[-1] == 1 and len(port.shape) == 2 for port in ports)
    each = (single and len(ports) > 1) or any(port.type == "tensor(string)" for port in ports)
    inputs = graph_inputs(spec, data, list(runtime.wanted), [port.shape for port in ports], each=each)
    files = runtime.graph.files
    sha = sha256_file(path) if len(files) == 1 else checksum_of(files)
    about: dict[str, Any] = {"kind": "onnx", "path": str(path), "sha256": sha}
    model = NeuralModel(inputs, runtime, Head((), (), "softmax"), about=about)
    model.head = graph_head(model, runtime, runtime.graph.endings, spec, data)
    padding_side(model, spec, data)
    about["outputs"] = runtime.outputs_told()
    return model


def graph_inputs(
    spec: Any, data: EvaluationSet, names: Sequence[str], shapes: Sequence[Sequence[Any]], *, each: bool
) -> Inputs:
    """How rows become the inputs of a graph: tokens, columns each for itself, or one array of features.

    Parameters
    ----------
    names, shapes
        Of its inputs; sizes that are no positive number are any.
    each : bool
        Each takes a column.
    """
    if spec.text is not None:
        if spec.tokenizer is None:
            raise InputError("model.tokenizer: a graph that reads texts needs the folder of its tokenizer")
        tokenizer = tokenizer_from(spec.tokenizer)
        if tokenizer.pad_token_id is None:
            tokenizer = _padded_alike(_configured(spec.tokenizer), tokenizer, spec.batch_rows)
        return TextInputs(
            tokenizer, spec.text, spec.text_pair, length_limit(tokenizer, None, spec.max_length),
            _length(shapes),
        )  # fmt: skip
    features = spec.features if spec.features is not None else None
    if each:
        # A converter of scikit-learn gives each column an input of its own.
        return ColumnInputs(named_inputs(names, features, data))
    return TableInputs(features if features is not None else data.feature_names(), spec.shape)


def _length(shapes: Sequence[Sequence[Any]]) -> int:
    """Tokens of every text where a graph was exported for one length alone; else 0."""
    found = {shape[1] for shape in shapes if len(shape) == 2}
    length = found.pop() if len(found) == 1 else 0
    return length if isinstance(length, int) and length > 0 else 0


def named_inputs(names: Sequence[str], features: Sequence[str] | None, data: EvaluationSet) -> dict[str, str]:
    """Columns by the names of a graph's inputs: given in their order, or called so.

    skl2onnx writes an underscore for what is no letter or digit: education_num for education-num.
    """
    if features is not None:
        called = {re.sub(r"\W", "_", column): column for column in features}
        found = {name: name if name in features else called.get(name) for name in names}
        columns = [column for column in found.values() if column is not None]
        if len(called) == len(features) and len(set(columns)) == len(names):
            # Whatever their order, and where it reads some of them alone.
            return {name: str(column) for name, column in found.items()}
        if len(features) != len(names):
            raise InputError(
                f"model.features: the model has {len(names)} inputs ({listed(list(names))}), got "
                f"{len(features)}"
            )
        return dict(zip(names, features, strict=True))
    written: dict[str, list[str]] = {}
    for column in data.names:
        written.setdefault(re.sub(r"\W", "_", column), []).append(column)
    alike = {name: written.get(name, []) for name in names if name not in data.names}
    return {name: alike[name][0] if len(alike.get(name, [])) == 1 else name for name in names}


class GraphRuntime(Protocol):
    """A runtime whose outputs have names and types, and say by themselves what they are."""

    given: list[Output]
    reading: Reading | None

    def __call__(self, arrays: Arrays) -> Any:
        """Run the model on a batch, reading what is to be read."""
        ...

    def read(self, arrays: Arrays, names: Sequence[str | None]) -> list[Any]:
        """Outputs by name for a batch, None for no name."""
        ...


def graph_head(
    model: NeuralModel, runtime: GraphRuntime, endings: Mapping[str, Ending], spec: Any, data: EvaluationSet
) -> Head:
    """What the outputs of a graph are; the runtime is told which of them to read.

    ``endings`` say what makes each output, as far as that is known.
    """
    where, said = place_of(spec), as_words(spec.positive)
    scores, label = pick(runtime.given, spec.output_name, spec.output, where)
    arrays = sampled(model, spec, data)
    rows = len(next(iter(arrays.values())))
    found, labels = runtime.read(arrays, [scores, label])
    if scores is None or spec.output == "label":
        # A graph's only output may have no name, which is another thing than there being none.
        name = str(scores if label is None else label)
        said_labels = label_words(found if label is None else labels)
        # The data's positive label is one of the model's only where the two speak of the same labels.
        known = {*data.binary.positive, *data.binary.negative} if data.binary else set()
        wanted = said or (_of_data(data) if set(said_labels) <= known else [])
        classes = class_names(endings[name], said_labels, None, wanted, where)
        runtime.reading = Reading("label", None, name, classes)
        return _labels_head(classes, said, _of_data(data))
    ending = endings[scores]
    values = columns(found, ending.classes, rows, where)
    refuse_nothing(values)
    of_label = label is not None and of_own_label(values, label_words(labels))
    means: Means = "probabilities"
    exclusive = True
    if not of_label:
        means, exclusive = meaning(
            values, ending, scores, beside_label=label is not None, given=spec.output, where=where
        )
    if label is None:
        runtime.reading = Reading(means, scores)
        names = ending.classes if len(ending.classes) == values.shape[1] else ()
        return head_of(means, exclusive, names, values.shape[1], spec, data)
    named = endings[label]
    classes = (
        tuple(sorted(set(label_words(labels))))
        if of_label
        else class_names(
            named if named.classes else ending, label_words(labels), values, said or _of_data(data), where
        )
    )
    if len(classes) != max(2, values.shape[1]):
        raise InputError(
            f"{where}: {values.shape[1]} scores for {len(classes)} labels; set model.output_name and "
            "model.output"
        )
    made = replace(head_of(means, True, classes, len(classes), spec, data), own=True)
    runtime.reading = Reading(means, scores, label, classes, of_label)
    outputs = runtime(arrays)
    if _contradicts(outputs, made):
        # Some converters turn the margins of a classifier round (onnx/sklearn-onnx#990).
        runtime.reading = Reading("label", None, label, classes)
        told = tell("Its output {scores} contradicts its labels and is not read.", scores=repr(scores))
        model.about["notes"] = [told]
        return replace(made, kind="label", own=False)
    return made


def _contradicts(outputs: Any, made: Head) -> bool:
    """Whether the rows to which a model gives the positive label score lower than the others."""
    score, chosen = made.scores(outputs), made.own_decisions(outputs)
    return bool(chosen.any() and not chosen.all() and np.mean(score[chosen]) < np.mean(score[~chosen]))


def place_of(spec: Any) -> str:
    """Where a model comes from, for what is told of it."""
    return (
        f"model.path: {spec.path}"
        if spec.path
        else f"model.factory: {spec.factory}"
        if spec.factory
        else f"model.endpoint: {spec.endpoint}"
        if spec.endpoint
        else "model"
    )


def head_of(
    means: str, exclusive: bool, names: Sequence[str], outputs: int, spec: Any, data: EvaluationSet
) -> Head:
    """A head of scores that mean what they have been found to mean."""
    # Of three outputs without names the data's words say nothing.
    of_data = _of_data(data) if names or outputs <= 2 else []
    kind = None if exclusive else "multi_label_classification"
    found = head(list(names), outputs, kind, as_words(spec.positive), of_data)
    kinds: dict[tuple[str, str], HeadKind] = {
        ("probabilities", "softmax"): "probabilities", ("probabilities", "sigmoid"): "chances",
        ("margins", "softmax"): "margins", ("margins", "sigmoid"): "margins",
    }  # fmt: skip
    return replace(found, kind=kinds.get((means, found.kind), found.kind))


def _labels_head(classes: Sequence[str], said: Sequence[str], of_data: Sequence[str]) -> Head:
    found = head(list(classes), max(2, len(classes)), None, said, of_data)
    return replace(found, kind="label")


def refuse_nothing(values: Any) -> None:
    """InputError for a model without outputs, or with none that are numbers."""
    if not values.shape[1]:
        raise InputError("model: expected outputs of shape (rows, outputs), got none")
    bad = ~np.isfinite(values).all(axis=1)
    if bad.all():
        raise InputError(f"model: the outputs of {len(bad)} rows are NaN or infinite")


def checksum_of(paths: Sequence[Path]) -> str:
    """One checksum of several files."""
    return hashlib.sha256("".join(sha256_file(path) for path in paths).encode()).hexdigest()


def sampled(model: NeuralModel, spec: Any, data: EvaluationSet) -> dict[str, Any]:
    """The first rows of the table as the model takes them, a batch of them."""
    unknown_columns(model.columns, data.names, data.where)
    encoded = model.inputs.encode(*_first_rows(data, model.columns, SAMPLE))
    order = np.argsort(-encoded.lengths, kind="stable")
    first = next(Batching(spec.batch_rows, spec.batch_tokens).cut(encoded.lengths[order]))
    with quiet():
        return encoded.collate(order[first])


def _first_rows(
    data: EvaluationSet, columns: Sequence[str], rows: int
) -> tuple[pa.RecordBatch, pa.Array | None]:
    """The first rows that will be audited, of the right split and none that is left out, and their ids."""
    found = next(copy.copy(data).batches(columns), None)
    if found is None:
        raise InputError(f"{data.where}: no rows to audit")
    found = found.slice(0, rows)
    return found.select(list(columns)), None if data.id is None else found.column(data.id)
