"""What an audit is given: the data and the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...datasets.classes import check_few
from ...datasets.columns import no_column
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.suite import located
from ...datasets.suites import SUITES
from ...models.answers import Refusals
from ...models.base import Model
from ...models.inputs import unknown_columns
from ...models.rules import unruled
from ...models.table import PredictionTable
from ..config import (
    CallableSpec,
    Config,
    Data,
    GivenVariant,
    ModelSpec,
    PredictionsSpec,
    SklearnSpec,
    SpacySpec,
    VariantSpec,
    is_language,
)
from ..progress import Progress
from .opening import other_rows
from .training import learned


def load_model(
    config: Config,
    data: EvaluationSet,
    given: Any,
    progress: Progress,
    dtypes: Mapping[str, Any] | None = None,
) -> Model | None:
    """Make the model of a configuration, or of an object from Python; None when only labels are audited.

    ``dtypes`` are the pandas types of rows from Python, which a model from Python is given.

    Raises
    ------
    InputError
        It cannot be made, or tells more classes than are audited one by one.
    """
    made = _made(config, data, given, progress, dtypes)
    writes: Any = made
    if config.refusals is not None and hasattr(writes, "refusals"):
        writes.refusals = refusals_of(config)
    # What a table of predictions tells is known once its columns are read, and held to the limit there.
    if made is not None and not isinstance(config.model, PredictionsSpec):
        check_few(made.classes, "model: it")
    return made


def _made(
    config: Config, data: EvaluationSet, given: Any, progress: Progress, dtypes: Mapping[str, Any] | None
) -> Model | None:
    spec = config.model
    if data.count and spec is not None and not isinstance(spec, PredictionsSpec):
        raise InputError(f"data.count: aggregated counts cannot be scored by a model of kind {spec.resolved}")
    if isinstance(spec, VariantSpec):
        return _artefact(spec, config, data, given)
    if given is not None:
        from ...models.memory import in_memory

        assert spec is not None
        _features(spec, data)
        # What the configuration says of a column goes before what the frame says.
        kept = {name: dtype for name, dtype in (dtypes or {}).items() if name not in data.categorical}
        return in_memory(given, spec, data, config.seed, kept)
    if spec is None:
        if data.outcome is None:
            raise InputError("model: without a model the labels are audited, so data.label is needed")
        return None
    if isinstance(spec, PredictionsSpec):
        return _predictions(spec, config, data)
    if isinstance(spec, CallableSpec):
        return _callable(spec, data)
    if is_language(spec):
        from ...models.language.load import language_model

        progress("loading the model", 0, None)
        return language_model(spec, data, config.seed, config.suite is not None and SUITES[config.suite].mean)
    if isinstance(spec, SpacySpec):
        from ...models.spacy_pipelines import spacy_tagger

        progress("loading the model", 0, None)
        return spacy_tagger(spec, data)
    if isinstance(spec, SklearnSpec):
        return _estimator(spec, config, data, progress)
    from ...models.load import neural

    progress("loading the model", 0, None)
    return neural(spec.resolved, spec, data, config.seed)


def _predictions(spec: PredictionsSpec, config: Config, data: EvaluationSet) -> Model:
    """Predictions in columns of the rows, or in a table beside them."""
    for key in ("score", "probabilities"):
        if data.count and getattr(spec, key):
            wanted = "decisions" if config.of_task.columns_of_classes else "decision"
            told = f"a cell of aggregated counts has no score; expected model.{wanted}"
            raise InputError(f"model.{key}: {told}")
    suite = None if config.suite is None else SUITES[config.suite]
    said: dict[str, Any] = {key: getattr(spec, key) for key in ("more", "less", "unrelated")}
    reader: Callable[[Path], Any] | None = None
    if suite is not None and suite.answers is not None and spec.path is not None and not any(said.values()):
        # Published predictions, in the layout of their authors.
        read, table = suite.answers, data.source
        said, reader = dict(suite.said), lambda path: read(path, table)
    path = Path(spec.path) if spec.path else None
    if path is not None and suite is not None:
        path = located(path, suite.name)
    threshold, probability = spec.threshold, spec.scale == "probability"
    if threshold is None and probability and spec.decision is None:
        threshold = config.of_task.threshold
    return PredictionTable(
        data, spec.score, spec.decision, spec.positive, path,
        spec.id, threshold, probability, lambda: other_rows(config, data), spec.negative, spec.form("model"),
        spec.probabilities or {}, spec.decisions or {}, spec.prediction, spec.rank, spec.answer,
        **said, reader=reader, tags=spec.tags, spans=spec.spans, types=spec.types or {}, refused=spec.refused,
        second=spec.second, refusals=refusals_of(config),
    )  # fmt: skip


def refusals_of(config: Config) -> Refusals:
    """What finds refusals among answers in words."""
    return Refusals() if config.refusals is None else Refusals(tuple(config.refusals))


def _callable(spec: CallableSpec, data: EvaluationSet) -> Model:
    """A function of the rows, imported by its name."""
    from ...models.function import function_model, imported

    return function_model(
        imported(spec.function),
        _features(spec, data),
        0.5 if spec.threshold is None else spec.threshold,
        spec.scale == "probability",
        data,
        name=spec.function,
    )


def _estimator(spec: SklearnSpec, config: Config, data: EvaluationSet, progress: Progress) -> Model:
    """A scikit-learn model, loaded or trained here."""
    if spec.path is not None:
        from ...models import estimator

        return estimator.load(
            Path(spec.path), data, features=spec.features, threshold=spec.threshold, trusted=spec.trusted,
            trust_pickle=spec.trust_pickle,
        )  # fmt: skip
    from ...models.train import train

    progress("training", 0, None)
    features = _features(spec, data)
    rows = learned(config, features, data.notes)
    return train(
        str(spec.estimator), spec.params, rows, features, spec.threshold, config.seed, data.categorical,
        data.query,
    )  # fmt: skip


def _artefact(
    spec: VariantSpec, config: Config, data: EvaluationSet, function: Callable[[Any], Any] | None
) -> Model:
    """A variant of an earlier run; a ``function`` from Python is what its rule takes its scores from."""
    from ...compression.artefact import fitted_on
    from .artefacts import load

    factories = (spec.factory,) if spec.factory else ()
    device = "cpu" if spec.device == "auto" else spec.device
    if function is None and spec.function is not None:
        from ...models.function import imported

        function = imported(spec.function)
    found: Model = load(Path(spec.path), device, factories, function, spec.trusted)
    if found.task != config.of_task.form:
        raise InputError(
            f"model.path: the artefact {spec.path} is of the task {found.task}, the task of the audit is "
            f"{config.of_task.name}"
        )
    if hasattr(unruled(found), "engine"):
        # An artefact has no rows: what is to be told of its answers goes to these.
        unruled(found).data = data
    _check_score_column(found, data)
    unknown_columns(found.columns, data.names, data.where)
    _refuse_fitted_rows(fitted_on(Path(spec.path)), config.data, data)
    if data.label in found.columns:
        raise InputError(f"model: column '{data.label}' is the label, which a model may not see")
    if spec.threshold is not None:
        if found.rules:
            raise InputError(f"model.threshold: the artefact {spec.path} decides by a rule of its own")
        found.threshold = spec.threshold  # type: ignore[attr-defined]
    return found


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


def _check_score_column(model: Model, data: EvaluationSet) -> None:
    """InputError where an artefact is a rule alone and the data lack the scores that it cuts."""
    base = unruled(model)
    if base.alone and base.score_column not in data.names:
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


def _features(spec: ModelSpec, data: EvaluationSet) -> list[str]:
    """The columns that the model sees."""
    named: list[str] | None = getattr(spec, "features", None)
    if named is None:
        return data.feature_names()
    for feature in named:
        if feature not in data.names:
            raise InputError(f"model.features: no column {feature!r} in {data.where}")
        if feature == data.label:
            raise InputError(f"model.features: {feature!r} is the label, which a model may not see")
    return list(dict.fromkeys(named))
