"""What an audit is given: the data, the model, and the rows that a model may learn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..compression.recipes import TrainingRows
from ..datasets.columns import Binary, no_column, words
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet, as_words
from ..datasets.read import read_table
from ..models.base import Model
from ..models.inputs import unknown_columns
from .config import Config, Data, ModelSpec, TrainData

Progress = Callable[[str, int, int | None], None]
"""Called with a stage, the rows done and their total, where it is known."""

Function = Callable[[Any], Any]


def evaluation_set(config: Config, table: pa.Table | None = None) -> EvaluationSet:
    """Open the data of a configuration, with the sensitive features that are to be sliced by."""
    data = config.data
    return _open(data, config.slices.by, data.name, data.split, data.path, table)


def _open(
    data: Data,
    by: list[str] | None,
    name: str | None,
    split: str | None,
    path: str | None,
    table: pa.Table | None = None,
) -> EvaluationSet:
    roles_apart = {"name", "split", "path", "sensitive", "counterfactual", "selection"}
    given = data.model_dump(exclude_none=True, exclude=roles_apart)
    if by and data.sensitive is not None:
        for feature in by:
            if feature not in data.sensitive:
                raise InputError(f"slices.by: {feature!r} is not one of data.sensitive")
    sensitive = by or data.sensitive
    if name is not None:
        if table is not None:
            raise InputError(
                "data.name: rows given from Python take the place of data.path, "
                f"got the dataset card {name!r}"
            )
        if sensitive is not None:
            given["sensitive"] = sensitive
        return EvaluationSet.from_card(name, split, **given)
    source = table if table is not None else Path(str(path))
    if split is None:
        given.pop("split_column", None)
    name = Path(str(path)).name
    return EvaluationSet(source, sensitive=sensitive or [], name=name, split=split, **given)


def load_model(
    config: Config, data: EvaluationSet, function: Function | None, progress: Progress
) -> Model | None:
    """Make the model of a configuration; None when only labels are audited."""
    spec = config.model
    threshold = spec.threshold if spec else None
    if data.count and (function is not None or (spec is not None and spec.resolved != "predictions")):
        kind = "callable" if spec is None or function is not None else spec.resolved
        raise InputError(f"data.count: aggregated counts cannot be scored by a model of kind {kind}")
    if function is not None:
        from ..models.function import FunctionModel

        wanted = _features(spec, data)
        scale = spec is None or spec.scale == "probability"
        return FunctionModel(function, wanted, 0.5 if threshold is None else threshold, probability=scale)
    if spec is None:
        if data.outcome is None:
            raise InputError("model: without a model the labels are audited, so data.label is needed")
        return None
    kind = spec.resolved
    if kind == "predictions":
        from ..models.table import PredictionTable

        if data.count and spec.score:
            raise InputError("model.score: a cell of aggregated counts has no score; expected model.decision")
        probability = spec.scale == "probability"
        if threshold is None and probability and spec.decision is None:
            threshold = 0.5
        return PredictionTable(
            data, spec.score, spec.decision, spec.positive, Path(spec.path) if spec.path else None,
            spec.id, threshold, probability,
        )  # fmt: skip
    if kind == "callable":
        from ..models.function import FunctionModel, imported

        return FunctionModel(
            imported(str(spec.function)),
            _features(spec, data),
            0.5 if threshold is None else threshold,
            probability=spec.scale == "probability",
            name=str(spec.function),
        )
    if kind == "variant":
        from ..compression.artefact import load

        factories = (spec.factory,) if spec.factory else ()
        found: Model = load(Path(str(spec.path)), "cpu" if spec.device == "auto" else spec.device, factories)
        unknown_columns(found.columns, data.names, data.where)
        if data.label in found.columns:
            raise InputError(f"model: column '{data.label}' is the label, which a model may not see")
        if threshold is not None:
            found.threshold = threshold  # type: ignore[attr-defined]
        return found
    if kind in ("transformers", "torch", "onnx"):
        from ..models.load import neural

        progress("loading the model", 0, None)
        return neural(kind, spec, data, config.seed)
    from ..models import estimator

    if spec.path is not None:
        return estimator.load(
            Path(spec.path), data, features=spec.features, threshold=threshold, trusted=spec.trusted,
            trust_pickle=spec.trust_pickle,
        )  # fmt: skip
    progress("training", 0, None)
    assert spec.train is not None
    features = _features(spec, data)
    rows = _training_set(config, spec.train, features)
    return estimator.train(str(spec.estimator), spec.params, rows, features, threshold, config.seed)


def _features(spec: ModelSpec | None, data: EvaluationSet) -> list[str]:
    if spec is None or spec.features is None:
        return data.feature_names()
    for feature in spec.features:
        if feature not in data.names:
            raise InputError(f"model.features: no column {feature!r} in {data.where}")
        if feature == data.label:
            raise InputError(f"model.features: {feature!r} is the label, which a model may not see")
    return list(dict.fromkeys(spec.features))


def _refuse_evaluation_rows(train: TrainData, data: Data) -> None:
    """A model audited on the rows it was trained on looks better than it is."""
    if (train.name is None) == (train.path is None):
        raise InputError("model.train: expected either name (a dataset card) or path (a file)")
    same_file = train.path is not None and data.path is not None and _same_file(train.path, data.path)
    whole = (None, "all")
    same_card = train.name is not None and train.name == data.name
    overlap = train.split == data.split or train.split in whole or data.split in whole
    if train.path is not None and train.split is not None and data.split_column is None:
        raise InputError("model.train.split: a split of a file needs data.split_column")
    if (same_file or same_card) and overlap:
        raise InputError("model.train: expected other rows than the evaluation data, got the same ones")
    chosen_on = data.selection.split if data.selection else None
    if (same_file or same_card) and chosen_on is not None and train.split == chosen_on:
        raise InputError(
            f"model.train: expected other rows than those of data.selection, got split {chosen_on!r} for both"
        )


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return one == other


def _training_set(config: Config, train: TrainData, features: list[str]) -> EvaluationSet:
    """The training rows as a set of the same columns and roles as the evaluation rows."""
    _refuse_evaluation_rows(train, config.data)
    rows = _open(config.data, config.slices.by, train.name, train.split, train.path)
    for feature in features:
        if feature not in rows.names:
            raise InputError(f"model.train: {rows.where} lacks the feature {feature!r}")
    return rows


def training_rows(config: Config, model: Model) -> Callable[[], TrainingRows] | None:
    """What a step of compression may learn from: the rows of ``model.train``, read when asked for."""
    spec = config.model
    if spec is None or spec.train is None:
        return None
    train = spec.train
    _refuse_evaluation_rows(train, config.data)
    if train.name is not None:
        return lambda: _of_card(config, train, model.columns)
    return lambda: _of_file(config, train, model.columns)


def _of_card(config: Config, train: TrainData, columns: list[str]) -> TrainingRows:
    rows = _training_set(config, train, columns)
    batches = list(rows.batches(columns, whole=True))
    read = [rows.read(batch) for batch in batches]
    rows.check_whole()
    whole = batches[0]
    labels = read[0]["y_true"].to_numpy().astype(bool) if "y_true" in read[0] else None
    weights = read[0]["weight"].to_numpy() if "weight" in read[0] else None
    where = f"{rows.name}, split {rows.split}" if rows.split else rows.where
    return TrainingRows(whole.select(columns), labels, weights, f"{whole.num_rows:,} rows of {where}")


def _of_file(config: Config, train: TrainData, columns: list[str]) -> TrainingRows:
    """Training rows of a file, which need not have the sensitive features of the evaluation rows."""
    path, data, spec = Path(str(train.path)), config.data, config.model
    assert spec is not None
    table = read_table(path, missing=data.missing or ("",))
    if train.split is not None and data.split_column is not None:
        wanted = pc.equal(words(table.column(data.split_column)).cast(pa.string()), train.split)
        table = table.filter(wanted)
    named = {spec.text: spec.train_text} if spec.train_text else {}
    label = train.label or data.label
    for name in [*(named.get(c, c) for c in columns), *([label] if label else [])]:
        if name not in table.column_names:
            raise no_column(name, table.column_names, str(path), "model.train")
    if not len(table):
        raise InputError(f"model.train: no rows in {path}")
    positive = train.positive if train.positive is not None else data.positive
    labels = None
    if label:
        outcome = Binary(label, "label", as_words(positive))
        labels = np.asarray(outcome.read(words(table.column(label))))
        outcome.check_both_classes()
    batch = pa.record_batch([_whole(table.column(named.get(c, c))) for c in columns], names=list(columns))
    return TrainingRows(batch, labels, None, f"{len(table):,} rows of {path.name}")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    made = column.combine_chunks()
    return pa.concat_arrays(made.chunks) if isinstance(made, pa.ChunkedArray) else made
