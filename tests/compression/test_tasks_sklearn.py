"""Recipes on scikit-learn's models of classes, labels and numbers, each against scikit-learn by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.compression import artefact, estimators
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.fresh import FreshProcesses
from fairweigh.compression.make import make
from fairweigh.compression.registry import Context
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.training import TrainingRows
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.train import train

from ..tiny import FEATURES, numbers
from .test_tasks import CLASSES, outcomes

LABELS = ("u", "v", "w")
NAMES = {"multiclass": CLASSES, "multilabel": LABELS, "regression": ()}
KINDS: dict[str, Any] = {
    "multiclass": {
        "linear_model.LogisticRegression": {},
        "ensemble.RandomForestClassifier": {"n_estimators": 10, "max_depth": 5},
        "ensemble.HistGradientBoostingClassifier": {"max_iter": 10},
        "tree.DecisionTreeClassifier": {"max_depth": 6},
        "neural_network.MLPClassifier": {"hidden_layer_sizes": [8], "max_iter": 2000},
    },
    "multilabel": {
        "linear_model.LogisticRegression": {},
        "ensemble.RandomForestClassifier": {"n_estimators": 10, "max_depth": 5},
        "tree.DecisionTreeClassifier": {"max_depth": 6},
        "neural_network.MLPClassifier": {"hidden_layer_sizes": [8], "max_iter": 3000},
    },
    "regression": {
        "linear_model.Ridge": {},
        "ensemble.RandomForestRegressor": {"n_estimators": 10, "max_depth": 5},
        "ensemble.HistGradientBoostingRegressor": {"max_iter": 10},
        "ensemble.GradientBoostingRegressor": {"n_estimators": 10},
        "tree.DecisionTreeRegressor": {"max_depth": 6},
        "neural_network.MLPRegressor": {"hidden_layer_sizes": [8], "max_iter": 3000},
    },
}
EVERY = [(task, kind) for task, kinds in KINDS.items() for kind in kinds]


def rows_of(n: int = 150, seed: int = 3) -> pa.RecordBatch:
    return numbers(n, seed=seed).select(FEATURES).combine_chunks().to_batches()[0]


def learned(task: str, n: int = 300, seed: int = 1) -> TrainingRows:
    table, names = numbers(n, seed=seed), NAMES[task]
    batch = table.select(FEATURES).combine_chunks().to_batches()[0]
    origin = {"name": "rows", "split": None, "sha256": ""}
    return TrainingRows(
        batch, outcomes(table)[task], None, f"{n} rows of elsewhere", origin=origin, task=task, classes=names
    )


@pytest.fixture(scope="module")
def models() -> dict[tuple[str, str], EstimatorModel]:
    found = {}
    for task, kind in EVERY:
        found[task, kind] = train(f"sklearn.{kind}", KINDS[task][kind], learned(task), FEATURES, None, 0)
    return found


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Any]:
    def do(model: Any, *recipe: tuple[str, dict[str, Any]]) -> Any:
        context = Context(0, rows_of(32), lambda: learned(model.task, 200, 7))
        return make(model, list(recipe), context, tmp_path / "artefact")

    return do


def inside(model: EstimatorModel) -> tuple[Any, np.ndarray]:
    """The estimator behind the encoding, and the encoded rows."""
    return model.fitted.steps[-1][1], model.fitted[:-1].transform(model.frame(rows_of()))


def of_library(task: str, estimator: Any, x: np.ndarray) -> np.ndarray:
    """Scores as scikit-learn gives them."""
    if task == "regression":
        return np.asarray(estimator.predict(x))
    chances = estimator.predict_proba(x)
    return np.stack([c[:, 1] for c in chances], 1) if isinstance(chances, list) else np.asarray(chances)


def assert_says(model: Any, task: str, score: np.ndarray, **close: float) -> None:
    """Scores and decisions are those of a loop by hand."""
    scored = model.score(rows_of(), None)
    np.testing.assert_allclose(scored.score, score, **close)  # type: ignore[call-overload]
    if task == "regression":
        assert scored.decision is None
    else:
        decided = score.argmax(1) if task == "multiclass" else score > 0.5
        np.testing.assert_array_equal(scored.decision, decided)


def assert_loads_again(found: Any) -> None:
    again, here = load_artefact(found.folder), found.model.score(rows_of(), None)
    there = again.score(rows_of(), None)
    assert (again.task, again.classes) == (found.model.task, found.model.classes)
    np.testing.assert_array_equal(there.score, here.score)
    np.testing.assert_array_equal(there.decision, here.decision)


@pytest.mark.parametrize(("task", "kind"), EVERY)
def test_an_unchanged_artefact_says_the_same_to_the_last_bit(
    task: str, kind: Any, models: dict[tuple[str, str], EstimatorModel], tmp_path: Path
) -> None:
    model = models[task, kind]
    assert_says(model, task, of_library(task, *inside(model)), atol=0)
    artefact.save(model, [], tmp_path / "a")
    one, other = model.score(rows_of(), None), artefact.load(tmp_path / "a").score(rows_of(), None)
    np.testing.assert_array_equal(one.score, other.score)
    np.testing.assert_array_equal(one.decision, other.decision)
    assert json.loads((tmp_path / "a" / "variant.json").read_text())["task"] == task


@pytest.mark.parametrize(("task", "kind"), EVERY)
def test_onnx_says_what_onnxruntime_gives_row_by_row(
    task: str, kind: Any, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    import onnxruntime

    model = models[task, kind]
    found = made(model, ("onnx", {}))
    _, x = inside(model)
    session = onnxruntime.InferenceSession(str(found.folder / "model.onnx"))
    every = [session.run(None, {"x": row[None].astype(np.float32)}) for row in x]
    if task == "regression":
        score = np.array([one[0].item() for one in every])
    else:
        score = np.stack(
            [np.asarray(one[1])[:, 0, 1] if np.ndim(one[1]) == 3 else one[1][0] for one in every]
        )
        labels = np.stack([one[0][0] for one in every])
        np.testing.assert_array_equal(found.model.score(rows_of(), None).decision, labels)
    np.testing.assert_allclose(found.model.score(rows_of(), None).score, score, rtol=1e-5, atol=1e-6)
    # Single precision is near to scikit-learn's own.
    np.testing.assert_allclose(score, of_library(task, *inside(model)), rtol=1e-3, atol=1e-4)
    assert_loads_again(found)


@pytest.mark.parametrize(("task", "kind"), [(t, k) for t, k in EVERY if "linear" in k or "MLP" in k])
def test_half_precision_is_numpys_cast_of_every_coefficient(
    task: str, kind: Any, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    model = models[task, kind]
    found = made(model, ("float16", {}))
    estimator, x = inside(model)
    own = copy.deepcopy(estimator)
    for part in estimators.members(own):
        for name in ("coef_", "intercept_", "coefs_", "intercepts_"):
            value = getattr(part, name, None)
            if isinstance(value, list):
                setattr(part, name, [v.astype(np.float16).astype(float) for v in value])
            elif isinstance(value, np.ndarray):
                setattr(part, name, value.astype(np.float16).astype(float))
    # The rows are in single precision, and so are the library's sums.
    assert_says(found.model, task, of_library(task, own, x), rtol=1e-4, atol=1e-6)
    assert_loads_again(found)


@pytest.mark.parametrize(("task", "kind"), [(t, k) for t, k in EVERY if "RandomForest" in k])
def test_a_pruned_forest_is_the_mean_of_the_trees_that_are_left(
    task: str, kind: Any, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    model = models[task, kind]
    found = made(model, ("prune", {"amount": 0.7}))
    forest, x = inside(model)
    expected = np.mean([of_library(task, tree, x) for tree in forest.estimators_[:3]], 0)
    np.testing.assert_allclose(found.model.score(rows_of(), None).score, expected, atol=1e-12)
    assert found.steps[0]["changed"] == "the first 3 of 10 trees kept"
    assert_loads_again(found)


@pytest.mark.parametrize(("task", "kind"), [(t, k) for t, k in EVERY if "Boosting" in k])
def test_pruned_boosting_is_the_librarys_own_stage(
    task: Any, kind: Any, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    model = models[task, kind]
    found = made(model, ("prune", {"amount": 0.5}))
    estimator, x = inside(model)
    staged = estimator.staged_predict if task == "regression" else estimator.staged_predict_proba
    np.testing.assert_allclose(found.model.score(rows_of(), None).score, list(staged(x))[4], atol=1e-12)
    assert_loads_again(found)


@pytest.mark.parametrize(("task", "kind"), [(t, k) for t, k in EVERY if "DecisionTree" in k])
def test_a_pruned_tree_is_grown_again_on_the_cost_complexity_path(
    task: str, kind: Any, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    model = models[task, kind]
    found = made(model, ("prune", {"amount": 0.5}))
    tree, _ = inside(model)
    rows = learned(task, 200, 7)
    x = model.fitted[:-1].transform(model.frame(rows.batch))
    y = np.array([CLASSES.index(c) for c in rows.labels]) if task == "multiclass" else rows.labels
    if task == "multiclass":
        order = [model.classes.index(c) for c in CLASSES]
        y = np.asarray(tree.classes_)[np.asarray(order)[y]]
    from sklearn.base import clone

    most = int(tree.get_n_leaves() * 0.5)
    grown = [
        clone(tree).set_params(ccp_alpha=max(0.0, a)).fit(x, y)
        for a in tree.cost_complexity_pruning_path(x, y).ccp_alphas
    ]
    best = max((t for t in grown if t.get_n_leaves() <= most), key=lambda t: t.get_n_leaves())
    np.testing.assert_array_equal(
        found.model.score(rows_of(), None).score, of_library(task, best, inside(model)[1])
    )
    assert_loads_again(found)


@pytest.mark.parametrize(("task", "kind"), [(t, k) for t, k in EVERY if "linear" in k])
def test_the_smallest_coefficients_become_zero(
    task: str, kind: Any, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    model = models[task, kind]
    found = made(model, ("prune", {"amount": 0.5}))
    own = copy.deepcopy(inside(model)[0])
    for part in estimators.members(own):
        part.coef_ = np.where(np.abs(part.coef_) <= np.quantile(np.abs(part.coef_), 0.5), 0, part.coef_)
    assert_says(found.model, task, of_library(task, own, inside(model)[1]), atol=1e-12)
    assert_loads_again(found)


# --- students ----------------------------------------


def test_a_student_of_classes_is_fitted_to_each_with_the_teachers_probability(
    models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    from sklearn.linear_model import LogisticRegression

    model = models["multiclass", "ensemble.RandomForestClassifier"]
    found = made(model, ("distill", {}))
    rows = learned("multiclass", 200, 7)
    x = model.fitted[:-1].transform(model.frame(rows.batch))
    forest = model.fitted.steps[-1][1]
    chances = forest.predict_proba(x)
    own = LogisticRegression(random_state=0).fit(
        np.concatenate([x] * 3), np.repeat(forest.classes_, len(x)), sample_weight=chances.T.ravel()
    )
    np.testing.assert_allclose(
        found.model.score(rows_of(), None).score, own.predict_proba(inside(model)[1]), atol=1e-6
    )
    assert found.steps[0]["changed"].startswith(
        "a LogisticRegression trained on the scores of the RandomForest"
    )
    assert_loads_again(found)


def test_a_student_of_numbers_learns_the_predictions(
    models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    from sklearn.linear_model import Ridge

    model = models["regression", "ensemble.HistGradientBoostingRegressor"]
    found = made(model, ("distill", {}))
    rows = learned("regression", 200, 7)
    x = model.fitted[:-1].transform(model.frame(rows.batch))
    own = Ridge(random_state=0).fit(x, model.fitted.steps[-1][1].predict(x))
    np.testing.assert_allclose(found.model.score(rows_of(), None).score, own.predict(inside(model)[1]))
    assert "trained on the predictions of the HistGradientBoostingRegressor" in found.steps[0]["changed"]
    assert_loads_again(found)


def test_a_student_of_labels_learns_each_decision(
    models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    from sklearn.tree import DecisionTreeClassifier

    model = models["multilabel", "ensemble.RandomForestClassifier"]
    found = made(
        model, ("distill", {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 4}})
    )
    rows = learned("multilabel", 200, 7)
    x = model.fitted[:-1].transform(model.frame(rows.batch))
    own = DecisionTreeClassifier(max_depth=4, random_state=0).fit(x, model.fitted.steps[-1][1].predict(x))
    expected = np.stack([c[:, 1] for c in own.predict_proba(inside(model)[1])], 1)
    np.testing.assert_array_equal(found.model.score(rows_of(), None).score, expected)
    assert_loads_again(found)
    # An estimator of one label is fitted once for each.
    assert_loads_again(
        make(model, [("distill", {})], Context(0, rows_of(32), lambda: rows), found.folder / "b")
    )


@pytest.mark.parametrize(
    ("task", "kind", "student", "told"),
    [
        (
            "regression",
            "linear_model.Ridge",
            "linear_model.LogisticRegression",
            "expected a regressor, as the teacher is",
        ),
        ("multiclass", "linear_model.LogisticRegression", "linear_model.Ridge", "student with probabilities"),
        (
            "regression",
            "linear_model.Ridge",
            "svm.LinearSVC",
            "expected a regressor, as the teacher is",
        ),
    ],
)
def test_a_student_of_another_task_is_refused(
    task: str, kind: str, student: str, told: str, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    with pytest.raises(InputError, match=told):
        made(models[task, kind], ("distill", {"estimator": f"sklearn.{student}"}))


def test_a_teacher_that_never_gives_a_class_is_told(
    models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    model = copy.copy(models["multiclass", "linear_model.LogisticRegression"])
    fitted = copy.deepcopy(model.fitted)
    fitted.steps[-1][1].intercept_[0] = -1e6
    model.replace(fitted)
    with pytest.raises(InputError, match="gives the training rows 2 of its 3 classes"):
        made(model, ("distill", {"estimator": "sklearn.neighbors.KNeighborsClassifier"}))


@pytest.mark.parametrize("task", KINDS)
def test_an_artefact_says_the_same_in_a_fresh_process(
    task: Any, models: dict[tuple[str, str], EstimatorModel], made: Any
) -> None:
    found = made(models[task, next(iter(KINDS[task]))], ("float16", {}))
    with FreshProcesses("sklearn") as processes:
        there = processes.collect(processes.start(found.folder, rows_of(), "cpu"))
    here = found.model.score(rows_of(), None)
    np.testing.assert_array_equal(there["score"], here.score)
    np.testing.assert_array_equal(there["decision"], here.decision)


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("multiclass", {"names": ["a"]}),
        ("multiclass", {"positive": 1}),
        ("multilabel", {"names": []}),
        ("regression", {"classes": [0, 1]}),
        ("regression", {"task": "binary"}),
    ],
)
def test_a_description_that_is_not_of_its_task_is_refused(
    task: str, changes: dict[str, Any], models: dict[tuple[str, str], EstimatorModel], tmp_path: Path
) -> None:
    artefact.save(models[task, next(iter(KINDS[task]))], [], tmp_path / "a")
    path = tmp_path / "a" / "variant.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(InputError, match="classes, positive, names: not those of the task"):
        artefact.load(tmp_path / "a")
