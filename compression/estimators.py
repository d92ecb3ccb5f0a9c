"""Lighter scikit-learn models: smaller students, fewer trees, half precision, ONNX."""

from __future__ import annotations

import copy
import inspect
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..datasets.columns import word
from ..datasets.errors import InputError
from ..models.estimator import EstimatorModel, from_skops
from ..models.extras import optional
from ..models.foreign import one_line
from ..models.frames import Kinds
from ..models.mixture import Mixture
from ..models.runtimes import OnnxRuntime
from ..models.train import make_estimator
from ..told import tell
from .recipes import Context, Done, Params, plural, recipe

ENCODER = "encoder.skops"
PARTS = (
    "fairlearn.preprocessing._correlation_remover.CorrelationRemover",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
"""Classes that fitted classifiers are made of and skops does not know: data, each of them, and no code. By
name and not by package, as scikit-learn's packages hold functions too that run what they are given."""


def parts(fitted: Any) -> tuple[Any, Any]:
    """What comes before a classifier (None where nothing does), and the classifier itself."""
    if isinstance(fitted, (Served, Mixture)):
        return fitted.encoder, fitted
    steps = getattr(fitted, "steps", None)
    return (fitted[:-1], steps[-1][1]) if steps else (None, fitted)


def _with(fitted: Any, classifier: Any) -> Any:
    """The same pipeline with another classifier at its end."""
    steps = getattr(fitted, "steps", None)
    if not steps:
        return classifier
    made = copy.copy(fitted)
    made.steps = [*steps[:-1], (steps[-1][0], classifier)]
    return made


class Student(Params):
    """A smaller classifier that learns the teacher's scores."""

    estimator: str = Field("sklearn.linear_model.LogisticRegression", description="Dotted path.")
    params: dict[str, Any] = Field(default_factory=dict)


@recipe("distill", Student, family="sklearn")
def distill(model: EstimatorModel, params: Student, context: Context) -> Done:
    """Fit a student to the teacher's scores on the training rows."""
    from sklearn.utils.validation import has_fit_parameter

    rows = context.rows("distill")
    scored = model.score(rows.batch, None)
    assert scored.decision is not None
    student = make_estimator(params.estimator, params.params, context.seed)
    encoder, classifier = parts(model.fitted)
    features: Any = model.frame(rows.batch)
    features = encoder.transform(features) if encoder is not None else features
    classes = np.asarray(classifier.classes_)
    yes = model.positive_index
    soft = model.probability and has_fit_parameter(student, "sample_weight")
    try:
        if soft:
            # Each row twice, once per class, weighted by what the teacher gives to that class.
            assert scored.score is not None
            twice = _stacked(features)
            label = np.repeat([classes[yes], classes[1 - yes]], len(features))
            each = np.ones(len(label) // 2) if rows.weights is None else rows.weights
            given = np.concatenate([scored.score * each, (1 - scored.score) * each])
            student.fit(twice, label, sample_weight=given)
        else:
            student.fit(features, np.where(scored.decision, classes[yes], classes[1 - yes]))
    except (ValueError, TypeError) as error:
        raise InputError(f"distill: {params.estimator} cannot be trained: {one_line(error)}") from None
    if hasattr(student, "predict_proba") != model.probability:
        kind = (
            "probabilities, as the teacher has" if model.probability else "no probabilities, as the teacher"
        )
        raise InputError(
            f"distill.estimator: expected a student with {kind}; a {type(student).__name__} differs"
        )
    model.replace(_with(model.fitted, student))
    parts_of = {
        "student": type(student).__name__,
        "teacher": type(classifier).__name__,
        "what": plural(rows.batch.num_rows, "{n} training row", "{n} training rows"),
    }
    return Done(
        tell("a {student} trained on the scores of the {teacher} on {what}", **parts_of)
        if soft
        else tell("a {student} trained on the decisions of the {teacher} on {what}", **parts_of),
        trained_on=rows.about,
    )


def _stacked(features: Any) -> Any:
    """The rows twice, under the names that they have."""
    import pandas as pd

    named = isinstance(features, pd.DataFrame)
    return pd.concat([features, features]) if named else np.concatenate([features, features])


class Prune(Params):
    """Fewer parts."""

    amount: float = Field(0.5, gt=0, lt=1, description="Share of trees, leaves or coefficients that goes.")


@recipe("prune", Prune, family="sklearn")
def prune(model: EstimatorModel, params: Prune, context: Context) -> Done:
    """Fewer trees of an ensemble, cost-complexity pruning of a tree, small coefficients to zero."""
    _, classifier = parts(model.fitted)
    made = copy.deepcopy(classifier)
    keep = 1 - params.amount
    trained_on = None
    if hasattr(made, "_predictors"):
        before = len(made._predictors)
        made._predictors = made._predictors[: max(1, round(before * keep))]
        changed = tell("the first {n} of {total} boosting rounds kept", n=len(made._predictors), total=before)
    elif _is_sequence_of_trees(made):
        before = len(made.estimators_)
        left = max(1, round(before * keep))
        for name in ("estimators_", "estimators_features_", "estimator_weights_", "estimator_errors_"):
            if name in vars(made):
                setattr(made, name, getattr(made, name)[:left])
        made.n_estimators = left
        if hasattr(made, "n_estimators_"):
            made.n_estimators_ = left
        changed = tell("the first {n} of {what} kept", n=left, what=plural(before, "{n} tree", "{n} trees"))
    elif hasattr(made, "cost_complexity_pruning_path"):
        made, changed, trained_on = _fewer_leaves(model, made, keep, context)
    elif "coef_" in vars(made):
        small = np.abs(made.coef_) <= np.quantile(np.abs(made.coef_), params.amount)
        made.coef_ = np.where(small, 0.0, made.coef_)
        changed = tell(
            "{n} of {what} to zero",
            n=int(small.sum()),
            what=plural(small.size, "{n} coefficient", "{n} coefficients"),
        )
    else:
        raise InputError(f"prune: a {type(made).__name__} has no trees, rounds or coefficients to remove")
    model.replace(_with(model.fitted, made))
    return Done(changed, trained_on=trained_on)


def _is_sequence_of_trees(classifier: Any) -> bool:
    """Whether an ensemble's parts vote alike, so that some can go; those of a stack or a vote cannot."""
    from sklearn import ensemble

    kinds = (
        ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier, ensemble.GradientBoostingClassifier,
        ensemble.BaggingClassifier, ensemble.AdaBoostClassifier,
    )  # fmt: skip
    return isinstance(classifier, kinds)


def _fewer_leaves(model: EstimatorModel, tree: Any, keep: float, context: Context) -> tuple[Any, str, str]:
    """The same tree grown again under the least complexity cost that leaves few enough leaves."""
    from sklearn.base import clone

    rows = context.rows("prune")
    if rows.labels is None:
        raise InputError("prune: growing a tree again needs training rows with a label")
    encoder, _ = parts(model.fitted)
    features: Any = model.frame(rows.batch)
    features = encoder.transform(features) if encoder is not None else features
    yes = model.positive_index
    label = np.where(rows.labels, tree.classes_[yes], tree.classes_[1 - yes])
    before, most = int(tree.get_n_leaves()), max(1, int(tree.get_n_leaves() * keep))
    alphas = tree.cost_complexity_pruning_path(features, label, sample_weight=rows.weights).ccp_alphas
    low, high = 0, len(alphas) - 1
    while low < high:
        middle = (low + high) // 2
        grown = clone(tree).set_params(ccp_alpha=max(0.0, alphas[middle])).fit(features, label, rows.weights)
        low, high = (low, middle) if grown.get_n_leaves() <= most else (middle + 1, high)
    grown = clone(tree).set_params(ccp_alpha=max(0.0, alphas[low])).fit(features, label, rows.weights)
    changed = tell(
        "{before} leaves to {after} (cost complexity {alpha})",
        before=before, after=grown.get_n_leaves(), alpha=f"{alphas[low]:.2g}",
    )  # fmt: skip
    return grown, changed, rows.about


@recipe("float16", family="sklearn")
def float16(model: EstimatorModel, params: Params, context: Context) -> Done:
    """Coefficients in half precision; sums are still done in double."""
    _, classifier = parts(model.fitted)
    made = copy.deepcopy(classifier)
    changed = 0
    held = vars(made) if {"coef_", "coefs_"} & set(vars(made)) else {}
    for name in ("coef_", "intercept_", "coefs_", "intercepts_"):
        value = held.get(name)
        if isinstance(value, np.ndarray):
            setattr(made, name, value.astype(np.float16))
            changed += value.size
        elif isinstance(value, list):
            setattr(made, name, [v.astype(np.float16) for v in value])
            changed += sum(v.size for v in value)
    if not changed:
        raise InputError(
            f"float16: a {type(made).__name__} has no coefficients that half precision would hold"
        )
    model.replace(_with(model.fitted, made))
    return Done(tell("{what} to half precision", what=plural(changed, "{n} coefficient", "{n} coefficients")))


@recipe("onnx", family="sklearn")
def onnx(model: EstimatorModel, params: Params, context: Context) -> Done:
    """The classifier in ONNX (float32), served by onnxruntime; encoding stays in scikit-learn."""
    converter = optional("skl2onnx", "onnx", "onnx")
    types = optional("skl2onnx.common.data_types", "onnx", "onnx")
    encoder, classifier = parts(model.fitted)
    if not model.probability:
        raise InputError("onnx: expected a classifier with probabilities")
    width = int(classifier.n_features_in_)
    shape = [("x", types.FloatTensorType([None, width]))]
    options = {id(classifier): {"zipmap": False}}
    try:
        with _flags_as_integers():
            made = converter.convert_sklearn(classifier, initial_types=shape, options=options)
    except Exception as error:
        # The converter raises classes of its own for what it does not know.
        kind = type(classifier)
        if kind.__module__.partition(".")[0] != "sklearn":
            raise InputError(
                f"onnx: skl2onnx has no converter for a {kind.__name__}, which is not scikit-learn's; "
                "convert it with its own library and give the file as a variant (variants: path)"
            ) from None
        raise InputError(
            f"onnx: skl2onnx cannot convert a {type(classifier).__name__}: "
            + one_line(error).partition(" and attributes")[0]
        ) from None
    folder = tempfile.mkdtemp(prefix="fairweigh-")
    path = Path(folder) / "model.onnx"
    path.write_bytes(made.SerializeToString())
    served = Served(encoder, path, np.asarray(classifier.classes_))
    weakref.finalize(served, shutil.rmtree, folder, ignore_errors=True)
    model.replace(served)
    return Done(
        tell(
            "the {model} in ONNX, in single precision, served by onnxruntime",
            model=type(classifier).__name__,
        )
    )


@contextmanager
def _flags_as_integers() -> Iterator[None]:
    """Take booleans for integers in ONNX attributes: skl2onnx 1.20 writes them, onnx 1.23 refuses them."""
    helper = optional("onnx.helper", "onnx", "onnx")
    plain = helper.make_attribute

    def make_attribute(key: str, value: Any, *more: Any, **named: Any) -> Any:
        if isinstance(value, list):
            value = [int(v) if isinstance(v, (bool, np.bool_)) else v for v in value]
        return plain(key, value, *more, **named)

    helper.make_attribute = make_attribute
    try:
        yield
    finally:
        helper.make_attribute = plain


class Served:
    """An encoder of scikit-learn and a classifier in onnxruntime, as one fitted classifier."""

    def __init__(self, encoder: Any, path: Path, classes: NDArray[Any]) -> None:
        self.encoder, self.path, self.classes_ = encoder, path, classes
        self._runtime = OnnxRuntime(path)

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Probabilities of the classes, float array of shape (rows, classes)."""
        return self.both(rows)[0]

    def predict(self, rows: Any) -> NDArray[Any]:
        """The labels that the graph itself gives, array of shape (rows,)."""
        return self.both(rows)[1]

    def both(self, rows: Any) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Probabilities and labels in one run."""
        x = self.encoder.transform(rows) if self.encoder is not None else np.asarray(rows)
        feed = {next(iter(self._runtime.wanted)): np.asarray(x, np.float32)}
        labels, chances = self._runtime.run(feed)[:2]
        return np.asarray(chances, float), np.asarray(labels)


def write(model: EstimatorModel, folder: Path) -> dict[str, Any]:
    """Write a scikit-learn model into an artefact's folder; returns its part of ``variant.json``."""
    import skops.io

    fitted = model.fitted
    runtime = {"kind": "sklearn"}
    if isinstance(fitted, Served):
        runtime = {"kind": "onnx"}
        (folder / "model.onnx").write_bytes(fitted.path.read_bytes())
        if fitted.encoder is not None:
            skops.io.dump(fitted.encoder, folder / ENCODER)
    elif isinstance(fitted, Mixture):
        runtime = {"kind": "mixture"}
        held = {"encoder": fitted.encoder, "predictors": fitted.predictors, "weights": fitted.weights}
        skops.io.dump(held, folder / "model.skops")
    else:
        skops.io.dump(fitted, folder / "model.skops")
    classes = np.asarray(fitted.classes_)
    # What this process holds it may load again; another one asks its user.
    files = [folder / name for name in (ENCODER, "model.skops") if (folder / name).is_file()]
    types = {t for file in files for t in skops.io.get_untrusted_types(file=file)} - set(PARTS)
    model.trusted = sorted(types)
    return {
        "family": "sklearn",
        "columns": model.columns,
        "as_words": model.as_words,
        **model.kinds.spec(),
        "types": model.trusted,
        "classes": classes.tolist(),
        "positive": model.positive_index,
        "runtime": runtime,
    }


def read(spec: Mapping[str, Any], folder: Path, trusted: Sequence[str] = ()) -> EstimatorModel:
    """Load a scikit-learn model from an artefact's folder.

    Parameters
    ----------
    trusted : sequence of str
        Types that it may hold besides `PARTS`. What the artefact says of its types is not believed.
    """
    classes = np.asarray(spec["classes"])
    if len(np.unique(classes)) != 2:
        raise ValueError(f"classes: expected two different ones, got {spec['classes']}")
    allowed = [*PARTS, *trusted]
    if spec["runtime"]["kind"] == "onnx":
        encoder = from_skops(folder / ENCODER, allowed) if (folder / ENCODER).is_file() else None
        fitted: Any = Served(encoder, folder / "model.onnx", classes)
    elif spec["runtime"]["kind"] == "mixture":
        held = from_skops(folder / "model.skops", allowed)
        _check_chances(held["weights"], held["predictors"])
        fitted = Mixture(held["encoder"], held["predictors"], held["weights"], classes, spec["positive"])
    else:
        fitted = from_skops(folder / "model.skops", allowed)
    from ..datasets.read import sha256_file
    from .artefact import weights_file

    about: dict[str, Any] = {"path": str(folder), "sha256": sha256_file(weights_file(folder))}
    if trusted:
        about["trusted_types"] = list(trusted)
    positive = [word(spec["classes"][spec["positive"]])]
    model = EstimatorModel(fitted, spec["columns"], positive, spec["threshold"], about, Kinds.read(spec))
    model.trusted = list(trusted)
    model.as_words = [str(name) for name in spec.get("as_words", [])]
    return model


def _check_chances(weights: Any, predictors: Any) -> None:
    """ValueError for weights of a mixture that are not the chances of its predictors."""
    chances = np.asarray(weights, float)
    chance = bool(((chances >= 0) & (chances <= 1)).all()) and abs(float(chances.sum()) - 1) < 1e-6
    if chances.shape != (len(predictors),) or not chance:
        raise ValueError(f"weights: expected chances of {len(predictors)} predictors that add to 1")


def numbers(fitted: Any) -> Iterator[NDArray[Any]]:
    """Every numeric array that a fitted classifier holds, each once."""
    _, classifier = parts(fitted)
    # What was seen is held, as the place of something that is gone may be given to the next.
    seen: dict[int, Any] = {}
    stack: list[Any] = list(classifier.predictors) if isinstance(classifier, Mixture) else [classifier]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, (str, bytes, type)) or inspect.isroutine(value):
            continue
        seen[id(value)] = value
        if isinstance(value, np.ndarray):
            if value.dtype.names:
                yield from (np.ascontiguousarray(value[name]) for name in value.dtype.names)
            elif value.dtype.kind in "fiub":
                yield value
            else:
                stack += value.ravel().tolist()
        elif isinstance(value, Mapping):
            stack += list(value.values())
        elif isinstance(value, Sequence):
            stack += list(value)
        elif type(value).__module__.partition(".")[0] == "sklearn":
            state = value.__getstate__() if hasattr(value, "__getstate__") else vars(value)
            stack += list(state.values()) if isinstance(state, Mapping) else [state]


def copied(model: EstimatorModel) -> EstimatorModel:
    """A copy of a model that a step can change; the fitted classifier is shared until it is replaced."""
    other = copy.copy(model)
    other.about = copy.deepcopy(model.about)
    return other
