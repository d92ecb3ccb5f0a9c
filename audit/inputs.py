"""What an audit is given: the data and the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..datasets.card import card
from ..datasets.columns import no_column
from ..datasets.dialect import TextForm
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..models.base import Model
from ..models.inputs import unknown_columns
from ..models.rules import RuledModel, unruled
from ..models.table import PredictionTable, ScoreColumn
from .config import TEXT_RUNTIMES, Config, Data, GivenVariant, ModelSpec, Written

Progress = Callable[[str, int, int | None], None]
"""Called with a stage, the rows done and their total, where it is known."""


def evaluation_set(config: Config, table: pa.Table | None = None) -> EvaluationSet:
    """Open the data of a configuration, with the sensitive features that are to be sliced by."""
    data = config.data
    return opened(data, config.slices.by, data.name, data.split, data.path, table, task=config.of_task.form)


def opened(
    data: Data,
    by: list[str] | None,
    name: str | None,
    split: str | None,
    path: str | None,
    table: pa.Table | None = None,
    text: TextForm | None = None,
    *,
    task: str = "binary",
) -> EvaluationSet:
    """Open rows of a card or a file, with the roles and sensitive features of the evaluation data.

    ``text`` says how the file is written where that is not the file of the evaluation data.
    """
    roles_apart = {
        "last_rank",
        "name",
        "split",
        "path",
        "sensitive",
        "counterfactual",
        "selection",
        "validation",
    }
    given = data.model_dump(exclude_none=True, exclude=roles_apart | set(Written.model_fields))
    given["text"] = data.form("data") if text is None else text
    given["task"] = task
    known = data.sensitive
    if by and known is not None:
        for feature in by:
            if feature not in known:
                raise InputError(f"slices.by: {feature!r} is not one of data.sensitive")
    sensitive = by or data.sensitive
    given["bins"] = _bins(data, sensitive, name)
    if by and data.merge:
        # What is said of a feature that is not sliced by now is no fault.
        apart = set(data.sensitive or ()) - set(by)
        given["merge"] = {feature: groups for feature, groups in data.merge.items() if feature not in apart}
    if name is not None:
        if table is not None:
            raise InputError(
                "data.name: rows given from Python take the place of data.path, "
                f"got the dataset card {name!r}"
            )
        if sensitive is not None:
            given["sensitive"] = sensitive
        del given["text"]
        return EvaluationSet.from_card(name, split, **given)
    source = table if table is not None else Path(str(path))
    if split is None:
        given.pop("split_column", None)
    name = Path(str(path)).name
    return EvaluationSet(source, sensitive=sensitive or [], name=name, split=split, **given)


def _bins(data: Data, audited: Sequence[str] | None, name: str | None) -> dict[str, list[float]]:
    """Edges of the audited features; those of sensitive features that slices.by leaves out are not needed."""
    bins = data.bins or {}
    of_card = card(name) if name is not None else None
    features = audited if audited is not None else of_card.sensitive if of_card else ()
    for feature in bins:
        if feature not in {*features, *(data.sensitive or ()), *(of_card.sensitive if of_card else ())}:
            raise InputError(f"data.bins.{feature}: '{feature}' is not a sensitive feature")
    if data.bins is None and of_card is not None:
        bins = of_card.bins
    return {feature: list(edges) for feature, edges in bins.items() if feature in features}


def load_model(
    config: Config,
    data: EvaluationSet,
    given: Any,
    progress: Progress,
    dtypes: Mapping[str, Any] | None = None,
) -> Model | None:
    """Make the model of a configuration, or of an object from Python; None when only labels are audited.

    ``dtypes`` are the pandas types of rows from Python, which a model from Python is given.
    """
    spec = config.model
    threshold = spec.threshold if spec else None
    if data.count and spec is not None and spec.resolved != "predictions":
        raise InputError(f"data.count: aggregated counts cannot be scored by a model of kind {spec.resolved}")
    as_variant = spec is not None and spec.resolved == "variant"
    if given is not None and not as_variant:
        from ..models.memory import in_memory

        assert spec is not None
        _features(spec, data)
        # What the configuration says of a column goes before what the frame says.
        kept = {name: dtype for name, dtype in (dtypes or {}).items() if name not in data.categorical}
        return in_memory(given, spec, data, config.seed, kept)
    if spec is None:
        if data.outcome is None:
            raise InputError("model: without a model the labels are audited, so data.label is needed")
        return None
    kind = spec.resolved
    if kind == "predictions":
        if data.count and spec.score:
            raise InputError("model.score: a cell of aggregated counts has no score; expected model.decision")
        probability = spec.scale == "probability"
        if threshold is None and probability and spec.decision is None:
            threshold = config.of_task.threshold
        return PredictionTable(
            data, spec.score, spec.decision, spec.positive, Path(spec.path) if spec.path else None,
            spec.id, threshold, probability, lambda: _other_splits(config), spec.negative, spec.form("model"),
            spec.probabilities or {}, spec.decisions or {}, spec.prediction, spec.rank,
        )  # fmt: skip
    if kind == "callable":
        from ..models.function import function_model, imported

        return function_model(
            imported(str(spec.function)),
            _features(spec, data),
            0.5 if threshold is None else threshold,
            spec.scale == "probability",
            data,
            name=str(spec.function),
        )
    if kind == "variant":
        from ..compression.artefact import fitted_on, load

        factories = (spec.factory,) if spec.factory else ()
        device = "cpu" if spec.device == "auto" else spec.device
        function: Callable[[Any], Any] | None = given
        if function is None and spec.function is not None:
            from ..models.function import imported

            function = imported(spec.function)
        found: Model = load(Path(str(spec.path)), device, factories, function, spec.trusted)
        _check_score_column(found, data)
        unknown_columns(found.columns, data.names, data.where)
        _refuse_fitted_rows(fitted_on(Path(str(spec.path))), config.data, data)
        if data.label in found.columns:
            raise InputError(f"model: column '{data.label}' is the label, which a model may not see")
        if threshold is not None:
            if isinstance(found, RuledModel):
                raise InputError(f"model.threshold: the artefact {spec.path} decides by a rule of its own")
            found.threshold = threshold  # type: ignore[attr-defined]
        return found
    if kind in ("transformers", "torch", "endpoint", *TEXT_RUNTIMES):
        from ..models.load import neural

        progress("loading the model", 0, None)
        return neural(kind, spec, data, config.seed)
    from ..models import estimator

    if spec.path is not None:
        return estimator.load(
            Path(spec.path), data, features=spec.features, threshold=threshold, trusted=spec.trusted,
            trust_pickle=spec.trust_pickle,
        )  # fmt: skip
    from ..models.train import train
    from .training import learned

    progress("training", 0, None)
    features = _features(spec, data)
    rows = learned(config, features, data.notes)
    return train(
        str(spec.estimator), spec.params, rows, features, threshold, config.seed, data.categorical, data.query
    )


def given_model(config: Config, data: EvaluationSet, given: GivenVariant) -> Model:
    """Make the model of a variant whose predictions are given: in the evaluation table, or one beside it."""
    assert config.model is not None
    for key, name in (("decision", given.decision), ("score", given.score)):
        if name is not None and given.path is None and name not in data.names:
            raise no_column(name, data.names, data.where, f"variants.{given.name}.{key}")
    spec = given.as_model(config.model, "predictions")
    made = load_model(config.model_copy(update={"model": spec}), data, None, lambda *_: None)
    assert made is not None
    return made


def _other_splits(config: Config) -> list[EvaluationSet]:
    """The other splits of a card that the audit reads; those of a file stand in the file itself."""
    data = config.data
    splits = [part.split for part in (data.selection, data.validation) if part and part.split]
    return [
        opened(data, config.slices.by, data.name, split, None, task=config.of_task.form)
        for split in splits
        if data.name
    ]


def _check_score_column(model: Model, data: EvaluationSet) -> None:
    """InputError where an artefact is a rule alone and the data lack the scores that it cuts."""
    base = unruled(model)
    if isinstance(base, ScoreColumn) and base.score_column not in data.names:
        other = "; set model.function to the callable, or put them there" if base.function else ""
        raise InputError(
            f"model: the artefact is a rule alone, its scores come from {base.source}; {data.where} has no "
            f"column {base.score_column!r} with them{other}"
        )


def _refuse_fitted_rows(origin: dict[str, Any], given: Data, data: EvaluationSet) -> None:
    """InputError where an artefact's rules were fitted on rows that would now be audited."""
    if not isinstance(data.source, Path) or origin.get("sha256") != data.sha256():
        return
    share = given.validation.share if given.validation else None
    if origin.get("share") is not None and share != origin["share"]:
        raise InputError(
            f"model: the artefact's rule was fitted on a share of {origin['share']} of {data.where}; set "
            f"data.validation: {{share: {origin['share']}}} to leave these rows out"
        )
    if origin.get("share") is None and origin.get("split") in (None, given.split):
        raise InputError(
            f"model: the rule of this artefact was fitted on these rows of {data.where}; expected others"
        )


def _features(spec: ModelSpec | None, data: EvaluationSet) -> list[str]:
    if spec is None or spec.features is None:
        return data.feature_names()
    for feature in spec.features:
        if feature not in data.names:
            raise InputError(f"model.features: no column {feature!r} in {data.where}")
        if feature == data.label:
            raise InputError(f"model.features: {feature!r} is the label, which a model may not see")
    return list(dict.fromkeys(spec.features))
