"""scikit-learn models as artefacts: how they are written and read, and the numbers that they hold."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import word
from ..models.estimator import EstimatorModel, from_skops
from ..models.forms import FORMS
from ..models.frames import Kinds
from ..models.mixture import MeanMixture, Mixture
from ..models.onnx_runtime import OnnxRuntime
from .rounded import Rounded, fitted_arrays, is_sparse, still
from .rounded import read as read_rounded
from .taught import TAUGHT

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
    if isinstance(fitted, (Served, Mixture, MeanMixture)):
        return fitted.encoder, fitted
    steps = getattr(fitted, "steps", None)
    return (fitted[:-1], steps[-1][1]) if steps else (None, fitted)


def with_last(fitted: Any, estimator: Any) -> Any:
    """The same pipeline with another estimator at its end."""
    steps = getattr(fitted, "steps", None)
    if not steps:
        return estimator
    made = copy.copy(fitted)
    made.steps = [*steps[:-1], (steps[-1][0], estimator)]
    return made


def members(estimator: Any) -> list[Any]:
    """The estimators of one that has one for each label or class; else itself alone."""
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.multioutput import MultiOutputClassifier

    several = isinstance(estimator, (MultiOutputClassifier, OneVsRestClassifier))
    return list(estimator.estimators_) if several else [estimator]


def with_members(estimator: Any, made: Sequence[Any]) -> Any:
    """The same with other `members`."""
    if members(estimator)[0] is estimator:
        return made[0]
    other = copy.copy(estimator)
    other.estimators_ = list(made)
    return other


def classes_of(estimator: Any) -> NDArray[Any]:
    """What a classifier tells apart; of one of several labels, whether a row has each."""
    found = estimator.classes_
    return np.array([0, 1]) if isinstance(found, list) else np.asarray(found)


class Served:
    """An encoder of scikit-learn and an estimator in onnxruntime."""

    def __init__(self, encoder: Any, path: Path) -> None:
        self.encoder, self.path = encoder, path
        self._runtime = OnnxRuntime(path)

    def outputs(self, rows: Any) -> list[Any]:
        """All that the graph gives for some rows."""
        x = self.encoder.transform(rows) if self.encoder is not None else np.asarray(rows)
        return self._runtime.run({next(iter(self._runtime.wanted)): np.asarray(x, np.float32)})


class ServedClasses(Served):
    """The same as one fitted classifier, of classes or of labels each by itself."""

    def __init__(self, encoder: Any, path: Path, classes: NDArray[Any]) -> None:
        super().__init__(encoder, path)
        self.classes_ = classes

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Probabilities of the classes or labels, float array of shape (rows, classes)."""
        return self.both(rows)[0]

    def predict(self, rows: Any) -> NDArray[Any]:
        """The classes that the graph itself gives, array of shape (rows,) or (rows, labels)."""
        return self.both(rows)[1]

    def both(self, rows: Any) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Probabilities and classes in one run."""
        labels, chances = self.outputs(rows)[:2]
        found = np.asarray(chances, float)
        # Of trees of several labels the graph gives, label by label, the chances of no and yes.
        return found if found.ndim == 2 else found[:, :, 1].T, np.asarray(labels)


class ServedNumber(Served):
    """The same as one fitted regressor."""

    def predict(self, rows: Any) -> NDArray[np.float64]:
        """The numbers, float array of shape (rows,)."""
        return np.asarray(self.outputs(rows)[0], float).reshape(-1)


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
    elif isinstance(fitted, (Mixture, MeanMixture)):
        runtime = {"kind": "mixture"}
        held = {"encoder": fitted.encoder, "predictors": fitted.predictors, "weights": fitted.weights}
        skops.io.dump(held, folder / "model.skops")
    elif held := still(parts(fitted)[1], model.rounded):
        runtime = {"kind": "rounded"}
        arrays = {name: one.spec() for name, one in held.items()}
        skops.io.dump({"fitted": _without(fitted, held), "arrays": arrays}, folder / "model.skops")
    else:
        skops.io.dump(fitted, folder / "model.skops")
    # What this process holds it may load again; another one asks its user.
    files = [folder / name for name in (ENCODER, "model.skops") if (folder / name).is_file()]
    types = {t for file in files for t in skops.io.get_untrusted_types(file=file)} - set(PARTS)
    model.trusted = sorted(types)
    return {
        # One that decides by itself does so again when it is loaded.
        "threshold": None if model.own else model.threshold,
        "family": "sklearn",
        "columns": model.columns,
        "as_words": model.as_words,
        **model.kinds.spec(),
        "types": model.trusted,
        **TAUGHT[model.task].spec(model),
        "runtime": runtime,
    }


def read(spec: Mapping[str, Any], folder: Path, trusted: Sequence[str] = ()) -> EstimatorModel:
    """Load a scikit-learn model from an artefact's folder.

    Parameters
    ----------
    trusted : sequence of str
        Types that it may hold besides `PARTS`. What the artefact says of its types is not believed.
    """
    task, classes = spec.get("task", "binary"), np.asarray(spec.get("classes", []))
    if len(np.unique(classes)) != len(classes):
        raise ValueError(f"classes: expected different ones, got {spec['classes']}")
    allowed = [*PARTS, *trusted]
    rounded: dict[str, Rounded] = {}
    if spec["runtime"]["kind"] == "onnx":
        encoder = from_skops(folder / ENCODER, allowed) if (folder / ENCODER).is_file() else None
        number = not len(classes)
        graph = folder / "model.onnx"
        fitted: Any = ServedNumber(encoder, graph) if number else ServedClasses(encoder, graph, classes)
    elif spec["runtime"]["kind"] == "mixture":
        held = from_skops(folder / "model.skops", allowed)
        _check_chances(held["weights"], held["predictors"])
        mixed = held["encoder"], held["predictors"], held["weights"]
        fitted = MeanMixture(*mixed) if FORMS[task].number else Mixture(*mixed, classes, spec["positive"])
    elif spec["runtime"]["kind"] == "rounded":
        fitted, rounded = _with_arrays(from_skops(folder / "model.skops", allowed))
    else:
        fitted = from_skops(folder / "model.skops", allowed)
    from ..datasets.read import sha256_file
    from .files import weights_file

    about: dict[str, Any] = {"path": str(folder), "sha256": sha256_file(weights_file(folder))}
    if trusted:
        about["trusted_types"] = list(trusted)
    positive = [word(spec["classes"][spec["positive"]])] if "positive" in spec else []
    model = EstimatorModel(
        fitted, spec["columns"], positive, spec["threshold"], about, Kinds.read(spec), task=task,
        classes=spec.get("names", ()), query=spec.get("query"),
    )  # fmt: skip
    model.trusted, model.rounded = list(trusted), rounded
    model.as_words = [str(name) for name in spec.get("as_words", [])]
    return model


def _without(fitted: Any, names: Collection[str]) -> Any:
    """A copy without some arrays of the estimator at its end."""
    estimator = copy.copy(parts(fitted)[1])
    for name in names:
        delattr(estimator, name)
    return with_last(fitted, estimator)


def _with_arrays(held: Any) -> tuple[Any, dict[str, Rounded]]:
    """What was written without its arrays, and these; ValueError where they do not hold together."""
    if not isinstance(held, Mapping) or set(held) != {"fitted", "arrays"}:
        raise ValueError("expected a fitted estimator and its arrays")
    fitted, rounded = held["fitted"], {name: read_rounded(told) for name, told in held["arrays"].items()}
    _, estimator = parts(fitted)
    for name, one in rounded.items():
        # Nothing but an array that was learned may be put there.
        if not name.isidentifier() or not name.endswith("_") or name.startswith("_"):
            raise ValueError(f"{name!r} is no name of a fitted array")
        if hasattr(estimator, name):
            raise ValueError(f"the estimator has {name} already")
        setattr(estimator, name, one.array)
    return fitted, rounded


def _check_chances(weights: Any, predictors: Any) -> None:
    """ValueError for weights of a mixture that are not the chances of its predictors."""
    chances = np.asarray(weights, float)
    chance = bool(((chances >= 0) & (chances <= 1)).all()) and abs(float(chances.sum()) - 1) < 1e-6
    if chances.shape != (len(predictors),) or not chance:
        raise ValueError(f"weights: expected chances of {len(predictors)} predictors that add to 1")


def numbers(fitted: Any) -> Iterator[NDArray[Any]]:
    """Every numeric array that a fitted classifier holds, each once; of a stranger's those it has learned."""
    _, classifier = parts(fitted)
    if type(classifier).__module__.partition(".")[0] != "sklearn" and hasattr(classifier, "__dict__"):
        arrays = fitted_arrays(classifier).values()
        yield from (np.asarray(array.data if is_sparse(array) else array) for array in arrays)
    # What was seen is held, as the place of something that is gone may be given to the next.
    seen: dict[int, Any] = {}
    mixed = isinstance(classifier, (Mixture, MeanMixture))
    stack: list[Any] = list(classifier.predictors) if mixed else [classifier]
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
