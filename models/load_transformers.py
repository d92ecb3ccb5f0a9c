"""Models of transformers: a folder, or a pipeline that Python gave."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ..datasets.columns import listed
from ..datasets.entities import Entities
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from .asked import finished, wanted
from .heads import Found, TagsHead, head_of
from .image_sizes import check_sizes
from .images import ImageInputs, Processor, processor_from
from .load_torch import on_torch
from .neural import Inputs, NeuralModel
from .padding import padded_alike, padding_side
from .sources import (
    TOKENS,
    Source,
    sha256_of,
    source_of,
    transformers_module,
)
from .texts import TextInputs, length_limit, tokenizer_from
from .token_classes import TokenInputs, TokenModel


def transformers_model(spec: Any, data: EvaluationSet, seed: int) -> NeuralModel:
    """A folder with a model and its tokenizer, or its image processor."""
    module, source, sha = transformers_module(str(spec.path), spec.task, seed, spec.dtype)
    load = processor_from if spec.task == "image-classification" else tokenizer_from
    return _of_transformers(spec, module, source, sha, load(str(spec.path)), data)


def of_transformers(
    spec: Any, module: Any, source: Source | None, sha: str, reader: Any, data: EvaluationSet
) -> NeuralModel:
    """A transformers module with its tokenizer or processor; ``source`` where it can be built again."""
    return finished(_of_transformers(spec, module, source, sha, reader, data), spec, data)


def of_pipeline(spec: Any, given: Any, data: EvaluationSet) -> NeuralModel:
    """A pipeline that Python gave."""
    module = copy.deepcopy(given.model)
    reader = given.image_processor if spec.task == "image-classification" else given.tokenizer
    if spec.task == "image-classification":
        check_sizes(reader.to_dict(), "model: its image processor")
    source = source_of(module.config, spec.task)
    return _of_transformers(spec, module, source, sha256_of(module), reader, data)


def _of_transformers(
    spec: Any, module: Any, source: Source | None, sha: str, reader: Any, data: EvaluationSet
) -> NeuralModel:
    """A transformers model with its tokenizer or image processor."""
    config = module.config
    if spec.task == TOKENS:
        return _of_tokens(spec, module, source, sha, reader, data)
    inputs: Inputs
    if spec.task == "image-classification":
        inputs = ImageInputs(Processor(reader, str(spec.path)), str(spec.image))
    else:
        reader = padded_alike(config, reader, spec.batch_rows)
        limit = length_limit(reader, config, spec.max_length)
        inputs = TextInputs(reader, str(spec.text), spec.text_pair, limit)
    asked = wanted(spec, data)
    names = tuple(label_names(config, asked.positive))
    found = head_of(Found(names, len(names), problem=config.problem_type), asked)
    model = on_torch(spec, module, source, inputs, found, _about(spec, module, sha))
    if source is not None:
        padding_side(model, spec, data)
    return model


def _of_tokens(
    spec: Any, module: Any, source: Source | None, sha: str, reader: Any, data: EvaluationSet
) -> NeuralModel:
    """A transformers model that gives each token a tag."""
    if data.tokens is None:
        raise InputError("data.tokens: a model that is run here needs the column of the tokens")
    assert isinstance(data.outcome, Entities)
    reader = padded_alike(module.config, reader, spec.batch_rows)
    inputs = TokenInputs(reader, data.tokens, length_limit(reader, module.config, spec.max_length))
    found = TagsHead(tuple(label_names(module.config, ())), data.outcome.matching, spec.types or {})
    made = on_torch(spec, module, source, inputs, found, _about(spec, module, sha))
    return TokenModel(
        inputs, made.runtime, found, about=made.about, source=source, threshold=None, notes=data.notes
    )


def _about(spec: Any, module: Any, sha: str) -> dict[str, Any]:
    return {
        "kind": "transformers", "path": str(spec.path), "sha256": sha, "architecture": type(module).__name__,
        "task": spec.task,
    }  # fmt: skip


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
