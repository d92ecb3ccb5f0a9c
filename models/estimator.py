"""scikit-learn models: trained here, or loaded from a skops file."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..datasets.columns import listed
from ..datasets.errors import InputError, number_of
from ..datasets.evaluation import EvaluationSet
from ..datasets.numbers import CellError, is_text
from ..datasets.read import sha256_file
from ..datasets.spelling import word
from ..datasets.training import TrainingRows
from ..told import tell, tell_n
from .archive import refuse_bomb
from .base import Scored, decide, rule
from .foreign import foreign, one_line
from .frames import Kinds, frame
from .heads.binary import NEGATIVE

if TYPE_CHECKING:
    import pandas as pd


class EstimatorModel:
    """A fitted scikit-learn classifier over a table's features.

    Parameters
    ----------
    fitted : estimator
        Has ``predict_proba``, ``decision_function`` or ``predict``.
    columns : sequence of str
        Feature columns, passed as a pandas frame.
    positive : sequence of str
        Words of the positive label, to find the model's positive class.
    threshold : float, optional
        On the score; default the model's own ``predict`` decides, which is that of 0.5 for most probabilities
        and of 0 for a decision function, but for ties and for models that decide by something else.
    about : dict
        What the report says of the model's origin.
    kinds : Kinds, optional
        What it takes its columns for.

    Attributes
    ----------
    as_words : list of str
        Sensitive features that it reads: as words, however they are stored.
    trusted : list of str
        Types that skops may load from an artefact of this model: the model holds them already.
    """

    whole = False

    def __init__(
        self,
        fitted: Any,
        columns: Sequence[str],
        positive: Sequence[str],
        threshold: float | None,
        about: dict[str, Any],
        kinds: Kinds | None = None,
    ) -> None:
        self.columns = list(columns)
        self.as_words: list[str] = []
        self.kinds = kinds or Kinds()
        self.trusted: list[str] = []
        self.about = about
        self._unseen: dict[str, Counter[str]] = {}
        self.replace(fitted)
        self._asked = threshold
        if not hasattr(fitted, "classes_"):
            raise InputError(
                "model: expected a fitted classifier (one that has classes_), "
                f"got {type(_last(fitted)).__name__}"
            )
        classes = [word(c) for c in np.asarray(fitted.classes_).tolist()]
        folded = {p.casefold() for p in positive}
        wanted = [i for i, c in enumerate(classes) if c in positive]
        # As of outputs of networks: YES means yes.
        wanted = wanted or [i for i, c in enumerate(classes) if c.casefold() in folded]
        if len(classes) != 2 or len(wanted) != 1:
            if classes in (["0", "1"], ["false", "true"]):
                wanted = [0 if folded and folded <= set(NEGATIVE) else 1]
            else:
                raise InputError(_no_side(classes, positive))
        self.positive_index = wanted[0]

    @property
    def threshold(self) -> float:
        """On the score: the one that was asked for, else the usual one of its scale."""
        return self._asked if self._asked is not None else 0.5 if self.probability else 0.0

    @threshold.setter
    def threshold(self, asked: float) -> None:
        self._asked = asked

    @property
    def own(self) -> bool:
        """Whether the classifier's own ``predict`` decides."""
        return self._asked is None and hasattr(self.fitted, "predict")

    def replace(self, fitted: Any) -> None:
        """Put another fitted classifier of the same classes in its place."""
        self.fitted = fitted
        self._apart = False
        self.probability = hasattr(fitted, "predict_proba")
        self._scores = self.probability or hasattr(fitted, "decision_function")

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Score the rows of a batch."""
        # A loaded model may be of another version or fitted on other columns: anything may come.
        with foreign("model: it cannot score the table"):
            rows = self.frame(batch)
            self._note_unseen(rows)
            with noting(self.about):
                score, own = self._said(rows)
        if score is None:
            return Scored(own, None)
        if bad := int((~np.isfinite(score)).sum()):
            raise InputError(f"model: {number_of(bad, 'score is', 'scores are')} NaN or infinite")
        decision = decide(score, self.threshold)
        if own is None:
            return Scored(decision, score)
        self._apart |= bool((own != decision).any())
        return Scored(own, score)

    def _said(self, rows: Any) -> tuple[Any, Any]:
        """Scores of some rows, and whether the model itself predicts the positive class; None for either."""
        before, last = _cut(self.fitted)
        x = rows if before is None else before.transform(rows)
        score = own = None
        if hasattr(last, "both") and self.own:
            both, labels = last.both(x)
            return both[:, self.positive_index], labels == self.fitted.classes_[self.positive_index]
        if self.probability:
            both = np.asarray(last.predict_proba(x), float)
            score = both[:, self.positive_index]
            if self.own and _by_argmax(last):
                return score, both.argmax(axis=1) == self.positive_index
        elif self._scores:
            score = np.asarray(last.decision_function(x), float)
            score = score if self.positive_index == 1 else -score
        if self.own or score is None:
            named = self.fitted.classes_[self.positive_index]
            own = np.asarray(np.asarray(last.predict(x)) == named)
        return score, own

    def frame(self, rows: pa.RecordBatch) -> pd.DataFrame:
        """The columns of some rows as the model reads them."""
        return frame(pa.table(rows), self.columns, self.as_words, self.kinds)

    def _note_unseen(self, rows: pd.DataFrame) -> None:
        """Count the categories that no training row had."""
        for name, known in _categories(self.fitted).items():
            if name in self.kinds.categories:
                values = rows[name][rows[name].notna() & ~rows[name].isin(known)]
                self._unseen.setdefault(name, Counter()).update(values.tolist())

    def _warnings(self) -> list[str]:
        unseen = [
            tell_n(
                "Column {column}: {n} row holds a value that no training row has ({values}); the model has "
                "learned nothing of it.",
                "Column {column}: {n} rows hold values that no training row has ({values}); the model has "
                "learned nothing of them.",
                found.total(), column=name, n=f"{found.total():,}", values=listed(list(found), 3),
            )
            for name, found in self._unseen.items()
            if found
        ]  # fmt: skip
        return [*self.about.get("warnings", []), *unseen]

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the model."""
        told = {"kind": "sklearn", **self.about, "features": self.columns}
        if warned := self._warnings():
            told["warnings"] = warned
        if self._scores and not self._apart:
            told |= rule(self.threshold, self.probability)
        elif self._scores:
            told |= {
                "scale": "probability" if self.probability else "rank",
                "rule": tell(
                    "the model's own decision (predict), in some rows not that of score >= {threshold}",
                    threshold=f"{self.threshold:g}",
                ),
            }
        return told


def _no_side(classes: Sequence[str], positive: Sequence[str]) -> str:
    """Say why it is not known which class of a model is the positive one, and which key says it."""
    if len(classes) != 2:
        return f"model: expected a classifier of two classes, it has {listed(classes)}"
    if not positive:
        return f"model: its classes are {listed(classes)}; say which value is positive (data.positive)"
    return (
        f"model: expected a classifier of two classes, one of them the positive label "
        f"{listed(list(positive))}; it has {listed(classes)} (where they are other words for the labels, "
        "list both in data.positive)"
    )


def _categories(fitted: Any) -> dict[str, Any]:
    """The categories of each column that a model trained here knows; none of any other model."""
    encode = getattr(fitted, "named_steps", {}).get("encode")
    text = getattr(encode, "named_transformers_", {}).get("text")
    steps = getattr(text, "named_steps", {})
    encoder = steps.get("onehotencoder")
    names = getattr(steps.get("simpleimputer"), "feature_names_in_", [])
    return dict(zip(names, getattr(encoder, "categories_", []), strict=False))


def _cut(fitted: Any) -> tuple[Any, Any]:
    """What comes before the classifier of a pipeline, so that it is done once; None for anything else."""
    from sklearn.pipeline import Pipeline

    return (
        (fitted[:-1], fitted.steps[-1][1])
        if type(fitted) is Pipeline and len(fitted.steps) > 1
        else (None, fitted)
    )


def _by_argmax(last: Any) -> bool:
    """Whether a classifier's predict is the first of its likeliest classes: of a forest both take long."""
    from sklearn.ensemble._forest import ForestClassifier

    return isinstance(last, ForestClassifier) and type(last).predict is ForestClassifier.predict


def _last(fitted: Any) -> Any:
    steps = getattr(fitted, "steps", None)
    return steps[-1][1] if steps else fitted


@contextmanager
def noting(about: dict[str, Any]) -> Iterator[None]:
    """Keep what a library warns of for the report instead of printing it.

    What it deprecates concerns those who maintain it, not those who read the report.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    kept = [
        w.message for w in said
        # Which categories are unknown is told by their columns' names.
        if not issubclass(w.category, DeprecationWarning) and "Found unknown categories" not in str(w.message)
    ]  # fmt: skip
    texts = [one_line(message) for message in kept if isinstance(message, Warning)]
    if texts:
        about["warnings"] = list(dict.fromkeys([*about.get("warnings", []), *texts]))


def train(
    estimator: str,
    params: Mapping[str, Any],
    data: TrainingRows,
    features: Sequence[str],
    threshold: float | None,
    seed: int,
    categorical: Sequence[str] = (),
) -> EstimatorModel:
    """Train ``estimator`` on ``data``: numbers imputed and scaled, text one-hot encoded.

    Parameters
    ----------
    estimator : str
        Dotted path of a scikit-learn classifier.
    params : mapping
        Its arguments; ``random_state`` defaults to ``seed`` where it has one.
    data : TrainingRows
        Labelled rows; weighted where they carry weights and the estimator takes them.
    categorical : sequence of str
        Columns that hold categories, whatever their values look like.

    Raises
    ------
    InputError
        No estimator, no label, no feature with a value, or a feature column that is neither numbers nor
        categories.
    """
    made = make_estimator(estimator, params, seed)
    if data.labels is None:
        raise InputError(f"model.train: {data.about} have no label to train on; set data.label")
    noted: dict[str, Any] = {}
    kinds = _kinds(data, features, categorical, noted)
    features = [name for name in features if name in (*kinds.numbers, *kinds.categories)]
    try:
        rows = frame(pa.table(data.batch), features, kinds=kinds)
    except CellError as error:
        raise error.at(data.place_of(error.column, error.value)) from None
    label = data.labels.astype(np.int8)
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    pipeline = Pipeline([("encode", _encoder(rows)), ("model", made)])
    weighted = data.weights is not None and has_fit_parameter(made, "sample_weight")
    fit = {"model__sample_weight": data.weights} if weighted else {}
    with foreign(f"model.estimator: {estimator} cannot be trained"), noting(noted):
        pipeline.fit(rows, label, **fit)
    about = {
        **noted,
        "estimator": estimator,
        "params": {
            k: v for k, v in made.get_params(deep=False).items() if k in params or k == "random_state"
        },
        "trained_on": data.origin["name"],
        "training_split": data.origin["split"],
        "training_rows": len(label),
        "training_sha256": data.origin["sha256"],
    }
    return EstimatorModel(pipeline, features, ["1"], threshold, about, kinds)


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
    """Make an unfitted classifier from its dotted path; InputError where that is not one."""
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
    return made


def _encoder(rows: pd.DataFrame) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [c for c in rows.columns if rows[c].dtype.kind in "biuf"]
    texts = [c for c in rows.columns if c not in numbers]
    text = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="(unknown)", missing_values=None),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, sparse_output=False),
    )
    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return ColumnTransformer([("text", text, texts), ("number", number, numbers)])


def load(
    path: Path,
    data: EvaluationSet,
    *,
    features: Sequence[str] | None,
    threshold: float | None,
    trusted: Sequence[str],
    trust_pickle: bool,
) -> EstimatorModel:
    """Load a saved classifier: a skops file, or a pickle where the configuration trusts it.

    Raises
    ------
    InputError
        The file is missing, a pickle that is not trusted, or holds types that are not.
    """
    if not path.is_file():
        raise InputError(f"model.path: no file {path}")
    with path.open("rb") as file:
        skops_file = file.read(4) == b"PK\x03\x04"
    about: dict[str, Any] = {"path": str(path), "sha256": sha256_file(path)}
    if skops_file:
        with noting(about):
            fitted = from_skops(path, trusted)
        about["trusted_types"] = list(trusted)
    elif trust_pickle:
        import joblib

        # Unpickling runs the file: whatever it throws is about the file.
        with foreign(f"model.path: {path} is not a pickle that can be read"), noting(about):
            fitted = joblib.load(path)
        about["trust_pickle"] = True
    else:
        raise InputError(
            f"model.path: {path} is not a skops file; pickles can run any code when loaded and are refused. "
            "Save the model with skops.io.dump, or set model.trust_pickle: true if you made the file yourself"
        )
    return fitted_model(fitted, data, features, threshold, about)


def fitted_model(
    fitted: Any,
    data: EvaluationSet,
    features: Sequence[str] | None,
    threshold: float | None,
    about: dict[str, Any],
    dtypes: Mapping[str, Any] | None = None,
) -> EstimatorModel:
    """A classifier that came fitted: it is given the columns that it names, unless ``features`` says others.

    ``dtypes`` are those of the caller's frame, which it may have been fitted on.

    Raises
    ------
    InputError
        Not fitted, of other classes than the label, or with features that the data lack.
    """
    named = [str(c) for c in getattr(fitted, "feature_names_in_", [])]
    columns = list(features) if features is not None else named or data.feature_names()
    key = "model.path" if about.get("path") else "model"
    for name in columns:
        if name not in data.names:
            raise InputError(f"{key}: the model wants a feature '{name}' that {data.where} lacks")
        if name == data.label:
            raise InputError(f"{key}: column '{name}' is the label, which a model may not see")
    about["estimator"] = f"{type(fitted).__module__}.{type(fitted).__qualname__}"
    positive = list(data.binary.positive) if data.binary else []
    kept = {name: dtype for name, dtype in (dtypes or {}).items() if name in columns}
    return EstimatorModel(fitted, columns, positive, threshold, about, Kinds(dtypes=kept))


def from_skops(path: Path, trusted: Sequence[str]) -> Any:
    """Load a skops file; InputError for types that neither skops nor ``trusted`` knows to be harmless."""
    import skops.io

    # A damaged or hostile file makes the reader throw whatever it likes; nothing of it was run.
    with foreign(f"model.path: {path} is not a skops file that can be read"):
        refuse_bomb(path)
        unknown = [t for t in skops.io.get_untrusted_types(file=path) if t not in trusted]
        if unknown:
            raise InputError(
                f"model.path: {path} holds types that are not trusted: {listed(unknown)}; "
                "look at them, then list them under model.trusted"
            )
        return skops.io.load(path, trusted=list(trusted))
