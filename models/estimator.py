"""scikit-learn models, and all that have their interface: as objects, or loaded from a file."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.read import sha256_file
from ..datasets.roles import as_words
from ..told import tell_n
from .archive import refuse_bomb
from .base import ModelKind, Scored
from .fitted import OF, Asked, SaysTwo
from .foreign import foreign, one_line
from .forms import FORMS
from .frames import Kinds, frame
from .kinds import check_classifier, cut, named, words_of

if TYPE_CHECKING:
    import pandas as pd


class EstimatorModel(ModelKind):
    """A fitted scikit-learn estimator over a table's features.

    Parameters
    ----------
    fitted : estimator
        Has ``predict_proba``, ``decision_function`` or ``predict``.
    columns : sequence of str
        Feature columns, passed as a pandas frame.
    positive : sequence of str
        Binary: words of the positive label, to find the model's positive class.
    threshold : float, optional
        On the score; default the model's own ``predict`` decides, which is that of 0.5 for most probabilities
        and of 0 for a decision function, but for ties and for models that decide by something else.
    about : dict
        What the report says of the model's origin.
    kinds : Kinds, optional
        What it takes its columns for.
    task : str
        What it predicts.
    classes : sequence of str
        Multiclass: what its classes are called in the data, in its order; default their own words.
        Multilabel: the labels, in the order of its outputs.
    query : str, optional
        Ranking: the column of the query.

    Attributes
    ----------
    as_words : list of str
        Sensitive features that it reads: as words, however they are stored.
    trusted : list of str
        Types that skops may load from an artefact of this model: the model holds them already.
    rounded : dict
        What a recipe has put on grids of few bits, as it is stored, by the names of the estimator's arrays.
    probability : bool
        Whether scores are probabilities.

    Raises
    ------
    InputError
        It was fitted for another task, or what its classes mean is not known.
    """

    family = "sklearn"
    learned = True

    def __init__(
        self,
        fitted: Any,
        columns: Sequence[str],
        positive: Sequence[str],
        threshold: float | None,
        about: dict[str, Any],
        kinds: Kinds | None = None,
        *,
        task: str = "binary",
        classes: Sequence[str] = (),
        query: str | None = None,
    ) -> None:
        self.columns = list(columns)
        self.as_words: list[str] = []
        self.kinds = kinds or Kinds()
        self.trusted: list[str] = []
        self.rounded: dict[str, Any] = {}
        self.about = about
        self.task = task
        self.query = query
        self.whole = FORMS[task].lists
        self._unseen: dict[str, Counter[str]] = {}
        self._asked = threshold
        self._says = OF[task](fitted, positive, classes)
        if threshold is not None and not FORMS[task].cut:
            known = [name for name, form in FORMS.items() if form.cut]
            raise InputError(f"model.threshold: belongs to task: {' or '.join(known)}, the task is {task}")
        self.replace(fitted)

    def __copy__(self) -> EstimatorModel:
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__
        other._says = copy.copy(self._says)
        return other

    def copied(self) -> EstimatorModel:
        """A copy that a step can change; the fitted classifier is shared until it is replaced."""
        other = copy.copy(self)
        other.about = copy.deepcopy(self.about)
        return other

    @property
    def labels(self) -> list[str]:
        """Names of its classes or labels, in the words of the data where it knows these."""
        return list(self.classes) or words_of(getattr(self.fitted, "classes_", []))

    def name_columns(self, columns: Sequence[str]) -> None:
        """Name the columns of one that was fitted on an array."""
        if not hasattr(self.fitted, "feature_names_in_"):
            self.columns = list(columns)

    @property
    def classes(self) -> tuple[str, ...]:
        """Multiclass: its classes in the words of the data, in its order. Multilabel: the labels."""
        return self._says.classes

    @property
    def positive_index(self) -> int:
        """Binary: the place of the positive class among its classes."""
        assert isinstance(self._says, SaysTwo)
        return self._says.positive

    @property
    def threshold(self) -> float:
        """On the score: the one that was asked for, else the usual one of its scale."""
        return self._asked if self._asked is not None else 0.5 if self.probability else 0.0

    @threshold.setter
    def threshold(self, asked: float) -> None:
        self._asked = asked

    @property
    def own(self) -> bool:
        """Whether the estimator's own ``predict`` decides."""
        return self._asked is None and hasattr(self.fitted, "predict")

    def replace(self, fitted: Any) -> None:
        """Put another fitted estimator of the same classes in its place."""
        self.fitted = fitted
        self._says = self._says.renewed(fitted)
        gives = [name for name in self._says.scored if hasattr(fitted, name)]
        self.probability = "predict_proba" in gives
        self._scores = bool(gives)

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Score the rows of a batch."""
        asked = Asked(self.own, self.threshold)
        # A loaded model may be of another version or fitted on other columns: anything may come.
        with foreign("model: it cannot score the table"):
            rows = self.frame(batch)
            self._note_unseen(rows)
            with noting(self.about):
                before, last = cut(self.fitted)
                score, own = self._says.says(last, rows if before is None else before.transform(rows), asked)
        queries = batch.column(self.query) if self.query in batch.schema.names else None
        return self._says.read(score, own, asked, queries)

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
        return [*self.about.get("warnings", []), *unseen, *self._says.notes()]

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the model."""
        told = {"kind": "sklearn", **self.about, "features": self.columns}
        if warned := self._warnings():
            told["warnings"] = warned
        return told | self._says.rule(Asked(self.own, self.threshold, self._scores), self.probability)


def _categories(fitted: Any) -> dict[str, Any]:
    """The categories of each column that a model trained here knows; none of any other model."""
    encode = getattr(fitted, "named_steps", {}).get("encode")
    text = getattr(encode, "named_transformers_", {}).get("text")
    steps = getattr(text, "named_steps", {})
    encoder = steps.get("onehotencoder")
    names = getattr(steps.get("simpleimputer"), "feature_names_in_", [])
    return dict(zip(names, getattr(encoder, "categories_", []), strict=False))


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
        if data.outcome is not None and name in data.outcome.ids:
            raise InputError(
                f"{key}: column '{name}' names what is ranked, or for whom, and is no feature; give a model "
                "that reads it a copy under another name (model.features)"
            )
        if name in data.truths:
            raise InputError(f"{key}: column '{name}' is the label, which a model may not see")
    about["estimator"] = f"{type(fitted).__module__}.{type(fitted).__qualname__}"
    positive = list(data.binary.positive) if data.binary else []
    kept = {name: dtype for name, dtype in (dtypes or {}).items() if name in columns}
    return EstimatorModel(
        fitted, columns, positive, threshold, about, Kinds(dtypes=kept), task=data.task,
        classes=_classes(fitted, data), query=data.query,
    )  # fmt: skip


def _classes(fitted: Any, data: EvaluationSet) -> Sequence[str]:
    """What the classes of a model that came fitted are called in the data."""
    if not FORMS[data.task].classes:
        return data.class_names()
    check_classifier(fitted)
    return named(words_of(fitted.classes_), data.class_names(), as_words(data.classes))


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
