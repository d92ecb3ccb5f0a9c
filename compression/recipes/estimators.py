"""Lighter scikit-learn models: smaller students, fewer trees, half precision, ONNX."""

from __future__ import annotations

import copy
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ...datasets.errors import InputError
from ...models.estimator import EstimatorModel
from ...models.extras import optional
from ...models.foreign import one_line
from ...models.train import make_estimator
from ...told import tell, told_series
from ..boosted import first_rounds
from ..estimators import ServedClasses, ServedNumber, classes_of, members, parts, with_last, with_members
from ..registry import Context, Done, Params, plural, recipe
from ..taught import TAUGHT

TASKS = tuple(TAUGHT)


class Student(Params):
    """A smaller model that learns what the teacher says."""

    estimator: str | None = Field(
        None,
        description="Dotted path; default sklearn.linear_model.LogisticRegression, of numbers Ridge there.",
    )
    params: dict[str, Any] = Field(default_factory=dict)


@recipe("distill", Student, family="sklearn", tasks=TASKS)
def distill(model: EstimatorModel, params: Student, context: Context) -> Done:
    """Fit a student to what the teacher says of the training rows."""
    from sklearn.base import is_regressor
    from sklearn.utils.validation import has_fit_parameter

    rows, taught = context.rows("distill"), TAUGHT[model.task]
    named = params.estimator or taught.student
    scored = model.score(rows.batch, None)
    student = taught.whole(make_estimator(named, params.params, context.seed))
    encoder, teacher = parts(model.fitted)
    features: Any = model.frame(rows.batch)
    features = encoder.transform(features) if encoder is not None else features
    if is_regressor(teacher) and not is_regressor(student):
        raise InputError(f"distill.estimator: expected a regressor, as the teacher is; {named} is none")
    weighted = has_fit_parameter(student, "sample_weight")
    soft = taught.soft(model, scored) if weighted and model.probability else []
    try:
        if soft:
            # Each row once per class, weighted by what the teacher gives to that class.
            label = np.repeat([value for value, _ in soft], len(features))
            each = np.ones(len(features)) if rows.weights is None else rows.weights
            given = np.concatenate([share * each for _, share in soft])
            student.fit(_repeated(features, len(soft)), label, sample_weight=given)
        elif taught.weighted and weighted:
            student.fit(features, taught.hard(model, scored), sample_weight=rows.weights)
        else:
            student.fit(features, taught.hard(model, scored))
    except (ValueError, TypeError) as error:
        raise InputError(f"distill: {named} cannot be trained: {one_line(error)}") from None
    _check_student(student, teacher, model)
    model.replace(with_last(model.fitted, student))
    told = {
        "student": type(student).__name__,
        "teacher": type(teacher).__name__,
        "what": plural(rows.batch.num_rows, "{n} training row", "{n} training rows"),
    }
    return Done(taught.words(bool(soft), told), trained_on=rows.about)


def _check_student(student: Any, teacher: Any, model: EstimatorModel) -> None:
    """InputError for a student that gives something else than its teacher."""
    kind = type(student).__name__
    if hasattr(student, "predict_proba") != model.probability:
        gives = (
            "probabilities, as the teacher has" if model.probability else "no probabilities, as the teacher"
        )
        raise InputError(f"distill.estimator: expected a student with {gives}; a {kind} differs")
    mine, theirs = (len(getattr(one, "classes_", ())) for one in (student, teacher))
    if mine != theirs:
        raise InputError(
            f"distill: the teacher gives the training rows {mine} of its {theirs} classes, so that a student "
            "learns no others; give more rows (model.train)"
        )


def _repeated(features: Any, times: int) -> Any:
    """The rows several times, under the names that they have."""
    import pandas as pd

    named = isinstance(features, pd.DataFrame)
    return pd.concat([features] * times) if named else np.concatenate([features] * times)


class Prune(Params):
    """Fewer parts."""

    amount: float = Field(0.5, gt=0, lt=1, description="Share of trees, leaves or coefficients that goes.")


@recipe("prune", Prune, family="sklearn", tasks=TASKS)
def prune(model: EstimatorModel, params: Prune, context: Context) -> Done:
    """Fewer trees of an ensemble, cost-complexity pruning of a tree, small coefficients to zero."""
    _, estimator = parts(model.fitted)
    each = members(estimator)
    made, told, trained_on = [], [], None
    for number, one in enumerate(each):
        fewer, words, learned = _fewer(model, one, params.amount, context, number if len(each) > 1 else None)
        trained_on = learned or trained_on
        made.append(fewer)
        told.append(words)
    model.replace(with_last(model.fitted, with_members(estimator, made)))
    return Done(told_series(dict.fromkeys(told)), trained_on=trained_on)


def _fewer(
    model: EstimatorModel, estimator: Any, amount: float, context: Context, label: int | None
) -> tuple[Any, str, str | None]:
    """An estimator of fewer parts, what was done, and the rows that were learned from.

    ``label`` is the place of the one that it tells, where a model has an estimator for each.
    """
    keep = 1 - amount
    if (boosted := first_rounds(estimator, keep)) is not None:
        made, left, total = boosted
        return made, tell("the first {n} of {total} boosting rounds kept", n=left, total=total), None
    made = copy.deepcopy(estimator)
    if hasattr(made, "_predictors"):
        before = len(made._predictors)
        made._predictors = made._predictors[: max(1, round(before * keep))]
        changed = tell("the first {n} of {total} boosting rounds kept", n=len(made._predictors), total=before)
        return made, changed, None
    if _is_sequence_of_trees(made):
        before = len(made.estimators_)
        left = max(1, round(before * keep))
        for name in ("estimators_", "estimators_features_", "estimator_weights_", "estimator_errors_"):
            if name in vars(made):
                setattr(made, name, getattr(made, name)[:left])
        made.n_estimators = left
        if hasattr(made, "n_estimators_"):
            made.n_estimators_ = left
        what = plural(before, "{n} tree", "{n} trees")
        return made, tell("the first {n} of {what} kept", n=left, what=what), None
    if hasattr(made, "cost_complexity_pruning_path"):
        return _fewer_leaves(model, made, keep, context, label)
    if "coef_" in vars(made):
        small = np.abs(made.coef_) <= np.quantile(np.abs(made.coef_), amount)
        made.coef_ = np.where(small, 0.0, made.coef_)
        what = plural(small.size, "{n} coefficient", "{n} coefficients")
        return made, tell("{n} of {what} to zero", n=int(small.sum()), what=what), None
    raise InputError(f"prune: a {type(made).__name__} has no trees, rounds or coefficients to remove")


def _is_sequence_of_trees(classifier: Any) -> bool:
    """Whether an ensemble's parts vote alike, so that some can go; those of a stack or a vote cannot."""
    from sklearn import ensemble

    kinds = ("RandomForest", "ExtraTrees", "GradientBoosting", "Bagging", "AdaBoost")
    each = (getattr(ensemble, f"{kind}{of}") for kind in kinds for of in ("Classifier", "Regressor"))
    return isinstance(classifier, tuple(each))


def _fewer_leaves(
    model: EstimatorModel, tree: Any, keep: float, context: Context, place: int | None
) -> tuple[Any, str, str]:
    """The same tree grown again under the least complexity cost that leaves few enough leaves."""
    from sklearn.base import clone

    rows = context.rows("prune")
    if rows.labels is None:
        raise InputError("prune: growing a tree again needs training rows with a label")
    encoder, _ = parts(model.fitted)
    features: Any = model.frame(rows.batch)
    features = encoder.transform(features) if encoder is not None else features
    label = TAUGHT[model.task].labels(model, rows, "prune")
    label = label if place is None else label[:, place]
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


@recipe("float16", family="sklearn", tasks=TASKS)
def float16(model: EstimatorModel, params: Params, context: Context) -> Done:
    """Coefficients in half precision; sums are still done in double."""
    _, estimator = parts(model.fitted)
    made = [copy.deepcopy(one) for one in members(estimator)]
    changed = sum(map(_halved, made))
    if not changed:
        kind = type(made[0]).__name__
        raise InputError(f"float16: a {kind} has no coefficients that half precision would hold")
    model.replace(with_last(model.fitted, with_members(estimator, made)))
    return Done(tell("{what} to half precision", what=plural(changed, "{n} coefficient", "{n} coefficients")))


def _halved(made: Any) -> int:
    """Bring an estimator's coefficients to half precision; returns how many there are."""
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
    return changed


@recipe("onnx", family="sklearn", tasks=TASKS)
def onnx(model: EstimatorModel, params: Params, context: Context) -> Done:
    """The estimator in ONNX (float32), served by onnxruntime; encoding stays in scikit-learn."""
    from sklearn.base import is_regressor

    converter = optional("skl2onnx", "onnx", "onnx")
    types = optional("skl2onnx.common.data_types", "onnx", "onnx")
    encoder, estimator = parts(model.fitted)
    number = is_regressor(estimator)
    if not (number or model.probability):
        raise InputError("onnx: expected a classifier with probabilities")
    width = int(estimator.n_features_in_)
    estimator = _wide(estimator)
    shape = [("x", types.FloatTensorType([None, width]))]
    options = {} if number else {id(estimator): {"zipmap": False}}
    try:
        with _flags_as_integers():
            made = converter.convert_sklearn(estimator, initial_types=shape, options=options)
    except Exception as error:
        # The converter raises classes of its own for what it does not know.
        kind = type(estimator)
        if kind.__module__.partition(".")[0] != "sklearn":
            raise InputError(
                f"onnx: skl2onnx has no converter for a {kind.__name__}, which is not scikit-learn's; "
                "convert it with its own library and give the file as a variant (variants: path)"
            ) from None
        raise InputError(
            f"onnx: skl2onnx cannot convert a {kind.__name__}: "
            + one_line(error).partition(" and attributes")[0]
        ) from None
    folder = tempfile.mkdtemp(prefix="fairweigh-")
    path = Path(folder) / "model.onnx"
    path.write_bytes(made.SerializeToString())
    made_of = ServedNumber(encoder, path) if number else ServedClasses(encoder, path, classes_of(estimator))
    weakref.finalize(made_of, shutil.rmtree, folder, ignore_errors=True)
    model.replace(made_of)
    return Done(
        tell(
            "the {model} in ONNX, in single precision, served by onnxruntime",
            model=type(estimator).__name__,
        )
    )


def _wide(estimator: Any) -> Any:
    """The same with classes in 64 bits: skl2onnx 1.20 takes shorter ones of labels for words."""

    def wide(classes: Any) -> Any:
        if isinstance(classes, list):
            return [wide(each) for each in classes]
        return classes.astype(np.int64) if classes.dtype.kind in "iu" else classes

    each = [copy.copy(one) for one in members(estimator)]
    made = with_members(estimator, each)
    for one in (made, *each):
        if "classes_" in vars(one):
            one.classes_ = wide(one.classes_)
    return made


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
