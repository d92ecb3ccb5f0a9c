"""Graphs, in ONNX files and elsewhere: how rows become their inputs, and what their outputs are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.read import sha256_file
from ..told import tell
from .asked import place_of, refuse_nothing, sampled, wanted
from .graphs import Ending
from .heads import HEADS, Found, Head, TaskHead, Wanted, head_of
from .inputs import ColumnInputs, TableInputs
from .neural import Arrays, Inputs, NeuralModel
from .onnx_runtime import OnnxRuntime
from .outputs import Means, Output, Reading, class_names, columns, label_words, meaning, of_own_label, pick
from .padding import configured, padded_alike, padding_side
from .pixels import image_inputs
from .texts import TextInputs, length_limit, tokenizer_from


def onnx_model(spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """An ONNX file in onnxruntime."""
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
    """How rows become the inputs of a graph: tokens, pixels, columns, or one array of features.

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
        tokenizer = tokenizer_from(spec.tokenizer, "model.tokenizer")
        if tokenizer.pad_token_id is None:
            tokenizer = padded_alike(configured(spec.tokenizer), tokenizer, spec.batch_rows)
        return TextInputs(
            tokenizer, spec.text, spec.text_pair, length_limit(tokenizer, None, spec.max_length),
            _length(shapes),
        )  # fmt: skip
    if spec.image is not None:
        return image_inputs(spec, next(iter(shapes), ()))
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
) -> TaskHead:
    """What the outputs of a graph are; the runtime is told which of them to read.

    ``endings`` say what makes each output, as far as that is known.
    """
    where, asked = place_of(spec), wanted(spec, data)
    kind = HEADS[asked.task]
    scores, label = pick(runtime.given, spec.output_name, spec.output, where)
    if not kind.one_hot(asked):
        # What stands beside scores says nothing more then.
        scores, label = (None, label) if scores is None else (scores, None)
    arrays = sampled(model, spec, data)
    rows = len(next(iter(arrays.values())))
    found, labels = runtime.read(arrays, [scores, label])
    if kind.numbers or (scores is None and not kind.one_hot(asked)):
        # A graph's only output may have no name, which is another thing than there being none.
        name = str(label if scores is None else scores)
        return _as_it_stands(runtime, name, labels if scores is None else found, rows, where, asked)
    if scores is None or spec.output == "label":
        name = str(scores if label is None else label)
        said = label_words(found if label is None else labels)
        classes = _said_classes(endings[name], said, asked, data, where)
        runtime.reading = Reading("label", None, name, classes)
        return head_of(Found(classes, len(classes), "label"), asked)
    ending = endings[scores]
    values = columns(found, ending.classes, rows, where)
    refuse_nothing(values)
    of_label = label is not None and of_own_label(values, label_words(labels))
    means: Means = "probabilities"
    problem: str | None = None
    if not of_label:
        means, problem = meaning(
            values, ending, scores, beside_label=label is not None, given=spec.output, where=where
        )
    if label is None:
        runtime.reading = Reading(means, scores)
        names = ending.classes if len(ending.classes) == values.shape[1] else ()
        return head_of(Found(names, values.shape[1], means, problem), asked)
    named = endings[label]
    classes = (
        tuple(sorted(set(label_words(labels))))
        if of_label
        else class_names(
            named if named.classes else ending, label_words(labels), values, asked.positive or asked.of_data,
            where,
        )
    )  # fmt: skip
    if len(classes) != max(2, values.shape[1]):
        raise InputError(
            f"{where}: {values.shape[1]} scores for {len(classes)} labels; set model.output_name and "
            "model.output"
        )
    made = head_of(Found(classes, len(classes), means, own=True), asked)
    runtime.reading = Reading(means, scores, label, classes, of_label)
    outputs = runtime(arrays)
    if _contradicts(outputs, made):
        # Some converters turn the margins of a classifier round (onnx/sklearn-onnx#990).
        runtime.reading = Reading("label", None, label, classes)
        told = tell("Its output {scores} contradicts its labels and is not read.", scores=repr(scores))
        model.about["notes"] = [told]
        return head_of(Found(classes, len(classes), "label"), asked)
    return made


def _as_it_stands(
    runtime: GraphRuntime, name: str, found: Any, rows: int, where: str, asked: Wanted
) -> TaskHead:
    """A head of an output that is no score of classes: a number, or 0 and 1 of each label."""
    if any(output.name == name and output.type == "tensor(string)" for output in runtime.given):
        raise InputError(f"{where}: its output {name!r} is text, expected numbers (task: {asked.task})")
    values = columns(found, (), rows, where)
    refuse_nothing(values)
    runtime.reading = Reading("numbers", name)
    return head_of(Found((), values.shape[1], "label"), asked)


def _said_classes(
    ending: Ending, said: Sequence[str], asked: Wanted, data: EvaluationSet, where: str
) -> tuple[str, ...]:
    """Names of the classes of a model that says labels and no scores, in any order.

    Raises
    ------
    InputError
        It says none of the classes of the data.
    """
    if not asked.classes or ending.classes:
        # The data's positive label is one of the model's only where the two speak of the same labels.
        known = {*data.binary.positive, *data.binary.negative} if data.binary else set()
        positive = asked.positive or (asked.of_data if set(said) <= known else ())
        return class_names(ending, said, None, positive, where)
    spelled = {name.casefold(): name for name in said}
    names = tuple(name if name in said else spelled.get(name.casefold(), name) for name in asked.classes)
    seen = sorted(set(said))
    strange = [name for name in seen if name not in names]
    places = tuple(map(str, range(len(names))))
    if asked.complete and set(seen) <= set(places) and strange:
        return places
    if strange and (asked.complete or len(strange) == len(seen)):
        raise InputError(
            f"{where}: it says the labels {listed(seen)}, the classes of the data are {listed(asked.classes)}"
        )
    return (*names, *strange)


def _contradicts(outputs: Any, made: TaskHead) -> bool:
    """Whether the rows to which a model gives a label have a lower score of it than the others."""
    score, given = made.scores(outputs), made.read(outputs, None).decision
    assert given is not None
    chosen = given if score.ndim == 1 else given[:, None] == np.arange(score.shape[1])
    each = zip(score.reshape(len(score), -1).T, chosen.reshape(len(score), -1).T, strict=True)
    return any(
        bool(rows.any() and not rows.all() and np.mean(of[rows]) < np.mean(of[~rows])) for of, rows in each
    )


def checksum_of(paths: Sequence[Path]) -> str:
    """One checksum of several files."""
    return hashlib.sha256("".join(sha256_file(path) for path in paths).encode()).hexdigest()
