"""scikit-learn models that are trained here: numbers imputed and scaled, text one-hot encoded."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..bands import UNKNOWN
from ..datasets.errors import InputError
from ..datasets.numbers import CellError, is_text
from ..datasets.training import TrainingRows
from ..told import tell
from .estimator import EstimatorModel, noting
from .foreign import foreign
from .frames import Kinds, frame
from .hushed import hushed
from .kinds import is_regressor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Learns:
    """What an estimator is given to learn a task.

    Attributes
    ----------
    made : estimator
        Not fitted yet.
    label : array
        What ``fit`` takes as y.
    classes : tuple of str
        What its classes, or outputs, are called.
    fit : dict
        Further arguments of ``fit``.
    """

    made: Any
    label: NDArray[Any]
    classes: tuple[str, ...] = ()
    fit: dict[str, Any] = field(default_factory=dict)


def _two(made: Any, path: str, data: TrainingRows) -> Learns:
    return Learns(made, data.known_labels("model.train").astype(np.int8))


def _many(made: Any, path: str, data: TrainingRows) -> Learns:
    """Classes as numbers from 0, which every library takes; those of no training row are left out."""
    if is_regressor(made):
        raise InputError(f"model.estimator: {path} predicts numbers; task: multiclass needs a classifier")
    labels = data.known_labels("model.train")
    held = set(labels.tolist())
    classes = tuple(name for name in data.classes if name in held)
    place = {name: number for number, name in enumerate(classes)}
    return Learns(made, np.array([place[name] for name in labels.tolist()]), classes)


def _labels(made: Any, path: str, data: TrainingRows) -> Learns:
    """A matrix of 0 and 1; an estimator of one label is fitted once for each."""
    from sklearn.multioutput import MultiOutputClassifier
    from sklearn.utils import get_tags

    tags = get_tags(made).classifier_tags
    if tags is None:
        raise InputError(f"model.estimator: {path} is no classifier, which task: multilabel needs")
    each = made if tags.multi_label else MultiOutputClassifier(made)
    return Learns(each, data.known_labels("model.train"), data.classes)


def _number(made: Any, path: str, data: TrainingRows) -> Learns:
    if not is_regressor(made):
        raise InputError(f"model.estimator: {path} is no regressor, which task: {data.task} needs")
    return Learns(made, data.known_labels("model.train"))


def _order(made: Any, path: str, data: TrainingRows) -> Learns:
    """Relevances; a ranker is told which rows are of one query, a regressor learns them row by row."""
    from sklearn.utils.validation import has_fit_parameter

    label = data.known_labels("model.train")
    if data.query is None or not (has_fit_parameter(made, "group") or has_fit_parameter(made, "qid")):
        return _number(made, path, data)
    codes = data.query.dictionary_encode().indices.to_numpy()
    by = {"qid": codes} if has_fit_parameter(made, "qid") else {"group": np.bincount(codes)}
    return Learns(made, label, fit=by)


LEARNS: dict[str, Callable[[Any, str, TrainingRows], Learns]] = {
    "binary": _two,
    "multiclass": _many,
    "multilabel": _labels,
    "regression": _number,
    "ranking": _order,
}
"""By task: what an estimator is given."""


def train(
    estimator: str,
    params: Mapping[str, Any],
    data: TrainingRows,
    features: Sequence[str],
    threshold: float | None,
    seed: int,
    categorical: Sequence[str] = (),
    query: str | None = None,
) -> EstimatorModel:
    """Train ``estimator`` on the outcomes of ``data``: numbers imputed and scaled, text one-hot encoded.

    Parameters
    ----------
    estimator : str
        Dotted path of a scikit-learn classifier or, for numbers and ranks, regressor.
    params : mapping
        Its arguments; ``random_state`` defaults to ``seed`` where it has one.
    data : TrainingRows
        Labelled rows; weighted where they carry weights and the estimator takes them.
    categorical : sequence of str
        Columns that hold categories, whatever their values look like.
    query : str, optional
        Ranking: the column of the query.

    Raises
    ------
    InputError
        No estimator, or one of another task; no label, no feature with a value, or a feature column that is
        neither numbers nor categories.
    """
    made = make_estimator(estimator, params, seed)
    if data.labels is None:
        raise InputError(f"model.train: {data.about} have no label to train on; set data.label")
    if data.query is not None:
        # Rankers take the lists of queries one after the other.
        codes = data.query.dictionary_encode().indices.to_numpy()
        data = data.take(np.argsort(codes, kind="stable"))
    learns = LEARNS[data.task](made, estimator, data)
    noted: dict[str, Any] = {}
    kinds = _kinds(data, features, categorical, noted)
    features = [name for name in features if name in (*kinds.numbers, *kinds.categories)]
    try:
        rows = frame(pa.table(data.batch), features, kinds=kinds)
    except CellError as error:
        raise error.at(data.place_of(error.column, error.value)) from None
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    pipeline = Pipeline([("encode", _encoder(rows)), ("model", learns.made)])
    fit = {f"model__{name}": value for name, value in learns.fit.items()}
    if data.weights is not None and has_fit_parameter(learns.made, "sample_weight"):
        fit["model__sample_weight"] = data.weights
    with foreign(f"model.estimator: {estimator} cannot be trained"), noting(noted):
        pipeline.fit(rows, learns.label, **fit)
    about = {
        **noted,
        "estimator": estimator,
        "params": {
            k: v for k, v in made.get_params(deep=False).items() if k in params or k == "random_state"
        },
        "trained_on": data.origin["name"],
        "training_split": data.origin["split"],
        "training_rows": len(data),
        "training_sha256": data.origin["sha256"],
    }
    return EstimatorModel(
        pipeline, features, ["1"], threshold, about, kinds, task=data.task, classes=learns.classes,
        query=query,
    )  # fmt: skip


def _kinds(
    data: TrainingRows, features: Sequence[str], categorical: Sequence[str], noted: dict[str, Any]
) -> Kinds:
    """What each feature is; columns without a value, and text that is numbers, are noted."""
    table = pa.table(data.batch)
    try:
        kinds = Kinds.of(table, features, categorical)
    except CellError as error:
        raise error.at(data.place_of(error.column, error.value)) from None
    empty = [name for name in features if name not in (*kinds.numbers, *kinds.categories)]
    if features and len(empty) == len(features):
        raise InputError(f"model.train: no feature has a value in {data.about}")
    told = [
        tell("Column {column} is empty in every training row: the model does not read it.", column=name)
        for name in empty
    ]
    told += [
        tell(
            "Column {column} is text, all of it numbers: read as numbers (data.categorical: as categories).",
            column=name,
        )
        for name in kinds.numbers
        if is_text(table.schema.field(name).type)
    ]
    if told:
        noted["warnings"] = told
    return kinds


def make_estimator(path: str, params: Mapping[str, Any], seed: int) -> Any:
    """Make an unfitted estimator that prints no log from its dotted path; InputError where it is none."""
    module, _, name = path.rpartition(".")
    expected = "expected a dotted path such as sklearn.linear_model.LogisticRegression"
    with foreign(f"model.estimator: {expected}, got {path!r}"):
        kind = getattr(importlib.import_module(module), name)
    if not (inspect.isclass(kind) and hasattr(kind, "fit") and hasattr(kind, "get_params")):
        raise InputError(f"model.estimator: {path!r} is not a scikit-learn estimator class")
    with foreign(f"model.params: {path} does not take them"):
        made: Any = kind(**params)
        if "random_state" in made.get_params() and "random_state" not in params:
            made.set_params(random_state=seed)
        return hushed(made)


def _encoder(rows: pd.DataFrame) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [c for c in rows.columns if rows[c].dtype.kind in "biuf"]
    texts = [c for c in rows.columns if c not in numbers]
    text = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=UNKNOWN, missing_values=None),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, sparse_output=False),
    )
    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return ColumnTransformer([("text", text, texts), ("number", number, numbers)])
