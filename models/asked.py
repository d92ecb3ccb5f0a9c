"""What configuration and table ask of a neural model, and the first rows, which tell what it gives."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.roles import as_words
from .extras import quiet
from .heads import HEADS, Wanted
from .inputs import unknown_columns
from .neural import Batching, NeuralModel

SAMPLE = 128
"""Rows by whose outputs a model's outputs are told."""


def wanted(spec: Any, data: EvaluationSet) -> Wanted:
    """What the task, the data and the configuration say of a model's outputs."""
    task = data.task
    if task not in HEADS:
        raise InputError(f"model: a neural model is read for {', '.join(HEADS)}; the task is {task}")
    if HEADS[task].numbers and getattr(spec, "output", None) is not None:
        raise InputError(f"model.output: in the task {task} the output stands as it is; leave output out")
    said, classes = tuple(as_words(spec.positive)), data.class_names()
    if not classes:
        return Wanted(task, positive=said, of_data=tuple(data.binary.positive) if data.binary else ())
    # What the configuration names is all there are, in their order; else those that occur are known.
    return Wanted(task, classes, bool(data.classes or data.labels), said)


def finished(model: NeuralModel, spec: Any, data: EvaluationSet) -> NeuralModel:
    """A loaded model held to the table, with the batches and the threshold of the configuration."""
    unknown_columns(model.columns, data.names, data.where)
    for name in data.truths:
        # Tokens are read to be tagged; only their tags are the truth.
        if name in model.columns and name != data.tokens:
            raise InputError(f"model: column '{name}' is the label, which a model may not see")
    model.batching = Batching(spec.batch_rows, spec.batch_tokens)
    model.threshold = model.head.cut_at(spec.threshold)
    return model


def place_of(spec: Any) -> str:
    """Where a model comes from, for what is told of it."""
    said = ((key, getattr(spec, key, None)) for key in ("path", "factory", "endpoint"))
    return next((f"model.{key}: {value}" for key, value in said if value), "model")


def refuse_nothing(values: Any) -> None:
    """InputError for a model without outputs, or with none that are numbers."""
    if not values.shape[1]:
        raise InputError("model: expected outputs of shape (rows, outputs), got none")
    bad = ~np.isfinite(values).all(axis=1)
    if bad.all():
        raise InputError(f"model: the outputs of {len(bad)} rows are NaN or infinite")


def sampled(model: NeuralModel, spec: Any, data: EvaluationSet) -> dict[str, Any]:
    """The first rows of the table as the model takes them, a batch of them."""
    unknown_columns(model.columns, data.names, data.where)
    encoded = model.inputs.encode(*first_rows(data, model.columns, SAMPLE))
    order = np.argsort(-encoded.lengths, kind="stable")
    first = next(Batching(spec.batch_rows, spec.batch_tokens).cut(encoded.lengths[order]))
    with quiet():
        return encoded.collate(order[first])


def first_rows(
    data: EvaluationSet, columns: Sequence[str], rows: int
) -> tuple[pa.RecordBatch, pa.Array | None]:
    """The first rows that will be audited, of the right split and none that is left out, and their ids."""
    found = next(copy.copy(data).batches(columns), None)
    if found is None:
        raise InputError(f"{data.where}: no rows to audit")
    found = found.slice(0, rows)
    return found.select(list(columns)), None if data.id is None else found.column(data.id)
