"""The audit: data and model to predictions, counts, figures, gates and the typed result."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._version import __version__
from ..datasets.columns import bin_names, check_unique, word
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.read import iter_batches, row_count
from ..metrics.figures import METHODS
from ..metrics.table import DEFAULT, METRICS
from ..models.base import Model
from . import describe, gate, variant
from .config import Config, Data, ModelSpec, TrainData
from .folder import AUDIT, OpenRun
from .measure import Measurement
from .result import AuditResult, GateResult, Variant

ORIGINAL = "original"
Progress = Callable[[str, int, int | None], None]
"""Called with a stage, the rows done and their total, where it is known."""

Function = Callable[[Any], Any]


def silent(stage: str, done: int, total: int | None) -> None:
    """Report no progress."""


def audit(
    config: Config,
    folder: OpenRun,
    *,
    table: pa.Table | None = None,
    function: Function | None = None,
    command: str = "",
    progress: Progress = silent,
) -> AuditResult:
    """Run an audit into an open run folder: predictions and ``audit.json``.

    Parameters
    ----------
    table, function
        Data and model from Python in place of those of the configuration.
    command : str
        The command to reproduce the run, for its report.
    """
    progress("reading data", 0, None)
    data = evaluation_set(config, table)
    model = load_model(config, data, function, progress)
    measured = Measurement(tuple(data.sensitive), _probability(config, model), _order(data))
    path = folder.predictions(ORIGINAL)
    total = row_count(data.source) if isinstance(data.source, Path) else len(data.source)
    _score(data, model, measured, path, total, progress)
    progress("computing figures", measured.rows, measured.rows)
    plan = make_plan(config, measured)
    described = {"kind": "labels only"} if model is None else model.describe()
    result = _result(config, data, measured, plan, described, command)
    folder.write(AUDIT, result.model_dump_json(indent=1) + "\n")
    folder.provenance = {
        "schema_version": result.schema_version,
        "audit": result.audit,
        "created": result.created,
        "data_sha256": result.data.sha256,
        "model_sha256": described.get("sha256") or described.get("training_sha256"),
        "configuration_sha256": checksum(result.configuration),
        "versions": {"fairweigh": __version__, **result.environment.packages},
        "seed": config.seed,
    }
    return result


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
    given = data.model_dump(exclude_none=True, exclude={"name", "split", "path", "sensitive"})
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
    from ..models import estimator

    if spec.path is not None:
        return estimator.load(
            Path(spec.path), data, features=spec.features, threshold=threshold, trusted=spec.trusted,
            trust_pickle=spec.trust_pickle,
        )  # fmt: skip
    progress("training", 0, None)
    assert spec.train is not None
    _refuse_evaluation_rows(spec.train, config.data)
    rows = _open(config.data, config.slices.by, spec.train.name, spec.train.split, spec.train.path)
    features = _features(spec, data)
    for feature in features:
        if feature not in rows.names:
            raise InputError(f"model.train: {rows.where} lacks the feature {feature!r}")
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


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return one == other


def _probability(config: Config, model: Model | None) -> bool:
    return model.probability if model is not None else True


def _order(data: EvaluationSet) -> dict[str, list[str]]:
    return {feature: bin_names(edges) for feature, edges in data.bins.items()}


def _score(
    data: EvaluationSet,
    model: Model | None,
    measured: Measurement,
    path: Path,
    total: int | None,
    progress: Progress,
) -> None:
    """Score every batch, write it to ``path`` and count it, in one pass."""
    writer: pq.ParquetWriter | None = None
    # Writing a batch and counting it do not wait for each other.
    with ThreadPoolExecutor(1) as pool, ExitStack() as closing:
        for raw in data.batches(model.columns if model else (), whole=model is not None and model.whole):
            rows = data.read(raw)
            if model is not None:
                scored = model.score(raw, rows.get("id"))
                if scored.decision is not None:
                    rows["y_pred"] = pa.array(scored.decision.astype(np.int8))
                if scored.score is not None:
                    rows["score"] = pa.array(scored.score)
            batch = pa.record_batch(rows)
            if writer is None:
                # Dictionaries pay for slices only: ids and scores are nearly all distinct.
                words = [n for n in batch.schema.names if n in data.sensitive]
                writer = pq.ParquetWriter(path, batch.schema, use_dictionary=words, write_statistics=False)
                closing.enter_context(writer)
            writing = pool.submit(writer.write_batch, batch)
            measured.add(batch)
            writing.result()
            progress("scoring", data.rows, total)
    data.check_whole()
    if not data.order.strict and data.id:
        check_unique(
            lambda: (b.column(0) for b in iter_batches(path, columns=["id"])), data.rows, data.id, data.where
        )
    if not measured.rows:
        raise InputError(f"{data.where}: no rows to audit: every count in column '{data.count}' is 0")
    weights = measured.tally(()).weights
    if weights is not None and not np.sum(weights.n) > 0:
        raise InputError(f"{data.where}: every weight in column '{data.weight}' is 0")
    if not {"label", "decision", "score"} & measured.gives:
        raise InputError(f"{data.where}: nothing to audit: expected a label, a decision or a score")


def make_plan(config: Config, measured: Measurement) -> variant.Plan:
    """Return what is computed: the metrics asked for, or the usual ones that the data allow."""
    if config.metrics is None:
        chosen = [m for m in DEFAULT if not measured.lacks(METRICS[m])]
    else:
        chosen = list(dict.fromkeys(config.metrics))
        for name in chosen:
            lacking = measured.lacks(METRICS[name])
            if lacking:
                raise InputError(f"metrics: {name} needs a {' and a '.join(lacking)}, which the run has not")
    reference = {k: word(v) for k, v in config.slices.reference.items()}
    for feature, value in reference.items():
        if feature not in measured.features:
            raise InputError(f"slices.reference: {feature!r} is not an audited sensitive feature")
        slices = measured.slices((feature,))
        if slices.find({feature: value}) is None:
            known = ", ".join(slices.name(i)[feature] for i in slices.shown)
            raise InputError(f"slices.reference.{feature}: no value {value!r} in the data; there are {known}")
    return variant.Plan(
        chosen, config.slices.intersections, config.slices.min_size, config.confidence, reference
    )


def recompute(result: AuditResult, predictions: Path) -> tuple[list[Variant], list[GateResult]]:
    """Compute variants and gates of a finished run again from its predictions alone."""
    config = Config.model_validate(result.configuration)
    variants, gates = [], []
    for old in result.variants:
        path = predictions / f"{old.name}.parquet"
        order = {f: bin_names(edges) for f, edges in result.data.bins.items()}
        measured = Measurement(tuple(result.data.sensitive), old.model.get("scale") != "rank", order)
        for batch in iter_batches(path, categorical=result.data.sensitive):
            measured.add(batch)
        plan = make_plan(config, measured)
        variants.append(variant.build(old.name, measured, plan, old.model))
        gates += gate.decide(config.gates, measured, plan, old.name)
    return variants, gates


def _result(
    config: Config,
    data: EvaluationSet,
    measured: Measurement,
    plan: variant.Plan,
    described: dict[str, Any],
    command: str,
) -> AuditResult:
    made = variant.build(ORIGINAL, measured, plan, described)
    gates = gate.decide(config.gates, measured, plan, ORIGINAL)
    used = {e.method for s in made.slices for e in s.metrics.values()}
    used |= {d.method for d in made.disparities} | {"sidak"}
    used |= {"hedges"} if made.scores else set()
    return AuditResult(
        audit=config.audit,
        title=config.report.title or (data.card.title if data.card else config.audit),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        verdict=gate.worst([g.verdict for g in gates]),
        confidence=config.confidence,
        environment=describe.environment(config.seed, command),
        configuration=config.model_dump(mode="json"),
        data=describe.data_info(data, measured),
        variants=[made],
        gates=gates,
        definitions=describe.definitions(plan, measured, gates),
        methods={name: text for name, text in METHODS.items() if name in used},
        not_measured=describe.not_measured(config, data, measured, plan),
    )


def checksum(content: Any) -> str:
    """Return the sha256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def folder_name(audit_name: str) -> str:
    """Return a folder name for an audit: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^\w.-]+", "-", audit_name).strip("-.") or "audit"
