"""Recipes for scikit-learn models: what is left of a model, what it costs, and that it loads again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.making.training import rows_of
from fairweigh.compression import estimators
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.make import Made, make
from fairweigh.compression.recipes import names
from fairweigh.compression.registry import Context
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.training import TrainingRows
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.frames import frame
from fairweigh.models.train import train
from numpy.typing import NDArray
from sklearn import ensemble, linear_model, naive_bayes, tree

from ..conftest import people

COLUMNS = ["age", "x", "job"]


def learnable(n: int = 400, seed: int = 0) -> pa.Table:
    """People whose label follows x and age."""
    table = people(n, seed)
    r = np.random.default_rng(seed + 100)
    y = (np.asarray(table["x"]) + np.asarray(table["age"]) / 40 - 1.2 + 0.5 * r.normal(size=n) > 0).astype(
        int
    )
    return table.set_column(table.column_names.index("y"), "y", pa.array(y))


def trained(estimator: str, **params: Any) -> EstimatorModel:
    data = EvaluationSet(learnable(), sensitive=["sex"], label="y", id="id")
    return train(f"sklearn.{estimator}", params, rows_of(data, COLUMNS), COLUMNS, None, 0)


def rows(n: int = 300, seed: int = 1) -> pa.RecordBatch:
    return learnable(n, seed).select(COLUMNS).combine_chunks().to_batches()[0]


def scores(model: EstimatorModel, batch: Any = None) -> NDArray[np.float64] | None:
    return model.score(rows() if batch is None else batch, None).score


def fresh_rows() -> TrainingRows:
    table = learnable(500, 7)
    batch = table.select(COLUMNS).combine_chunks().to_batches()[0]
    return TrainingRows(batch, table["y"].to_numpy().astype(bool), None, "500 rows of elsewhere")


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Made]:
    count = 0

    def do(model: EstimatorModel, *recipe: Any, learn: bool = True) -> Made:
        nonlocal count
        count += 1
        context = Context(0, rows(32), fresh_rows if learn else None)
        return make(model, list(recipe), context, tmp_path / f"artefact{count}")

    return do


def assert_loads_again(found: Made) -> None:
    again = load_artefact(found.folder)
    np.testing.assert_array_equal(scores(again), scores(found.model))
    assert (again.threshold, again.own) == (found.model.threshold, found.model.own)
    assert not list(found.folder.rglob("*.pkl"))


def classifier(model: EstimatorModel) -> Any:
    return model.fitted.steps[-1][1]


def encoded(model: EstimatorModel, batch: Any = None) -> Any:
    return model.fitted[:-1].transform(frame(pa.table(rows() if batch is None else batch), COLUMNS))


KINDS: dict[str, Any] = {
    "ensemble.HistGradientBoostingClassifier": {"max_iter": 20},
    "ensemble.RandomForestClassifier": {"n_estimators": 20, "max_depth": 6},
    "tree.DecisionTreeClassifier": {"max_depth": 8},
    "linear_model.LogisticRegression": {},
    "neural_network.MLPClassifier": {"hidden_layer_sizes": [16], "max_iter": 500},
}


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> EstimatorModel:
    return trained(request.param, **KINDS[request.param])


# --- for every kind ----------------------------------------


def test_an_unchanged_artefact_scores_to_the_last_bit(model: EstimatorModel, tmp_path: Path) -> None:
    from fairweigh.compression import artefact

    artefact.save(model, [], tmp_path / "a")
    again = artefact.load(tmp_path / "a")
    np.testing.assert_array_equal(scores(again), scores(model))
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["model.skops", "variant.json"]


def test_onnx_is_skl2onnx_within_single_precision(model: EstimatorModel, made: Callable[..., Made]) -> None:
    import onnxruntime
    from skl2onnx import to_onnx

    found = made(model, ("onnx", {}))
    x = encoded(model).astype(np.float32)
    if not isinstance(classifier(model), ensemble.HistGradientBoostingClassifier):
        # Called by itself, skl2onnx 1.20 cannot write this one with onnx 1.23.
        own = to_onnx(classifier(model), x[:1], options={"zipmap": False})
        session = onnxruntime.InferenceSession(own.SerializeToString(), providers=["CPUExecutionProvider"])
        expected = session.run(None, {session.get_inputs()[0].name: x})[1]
        np.testing.assert_array_equal(scores(found.model), expected[:, 1].astype(float))
    # Rows whose features lie at a tree's threshold may fall to its other side in single precision.
    apart = np.abs(scores(found.model) - scores(model))
    assert np.quantile(apart, 0.99) < 2e-6
    assert_loads_again(found)


def test_a_student_comes_near_its_teacher(model: EstimatorModel, made: Callable[..., Made]) -> None:
    found = made(
        model, ("distill", {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 5}})
    )
    assert type(classifier(found.model)).__name__ == "DecisionTreeClassifier"
    assert found.trained_on == "500 rows of elsewhere"
    assert ((scores(found.model) >= 0.5) == (scores(model) >= 0.5)).mean() > 0.8
    again = made(
        model, ("distill", {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 5}})
    )
    np.testing.assert_array_equal(scores(again.model), scores(found.model))
    assert_loads_again(found)


# --- distillation ----------------------------------------


def test_a_students_soft_labels_are_weighted_copies_of_each_row(made: Callable[..., Made]) -> None:
    teacher = trained("ensemble.RandomForestClassifier", n_estimators=20, max_depth=6)
    found = made(teacher, ("distill", {}))
    batch = fresh_rows().batch
    x, score = encoded(teacher, batch), scores(teacher, batch)
    # Hinton et al. 2015: cross entropy with the teacher's probabilities, here as two weighted rows of each.
    own = linear_model.LogisticRegression(random_state=0).fit(
        np.concatenate([x, x]), np.repeat([1, 0], len(x)), sample_weight=np.concatenate([score, 1 - score])
    )
    np.testing.assert_allclose(scores(found.model), own.predict_proba(encoded(teacher))[:, 1], atol=1e-6)


def test_a_student_of_other_outputs_is_refused(made: Callable[..., Made]) -> None:
    model = trained("linear_model.LogisticRegression")
    with pytest.raises(InputError, match="expected a student with probabilities, as the teacher has"):
        made(model, ("distill", {"estimator": "sklearn.svm.LinearSVC"}))
    with pytest.raises(InputError, match="is not a scikit-learn estimator class"):
        made(model, ("distill", {"estimator": "os.system"}))
    with pytest.raises(InputError, match=r"needs rows to learn from; set model.train"):
        made(model, ("distill", {}), learn=False)


# --- pruning ----------------------------------------


def test_a_pruned_forest_is_the_mean_of_the_trees_that_are_left(made: Callable[..., Made]) -> None:
    model = trained("ensemble.RandomForestClassifier", n_estimators=20, max_depth=6)
    found = made(model, ("prune", {"amount": 0.75}))
    assert found.steps[0]["changed"] == "the first 5 of 20 trees kept"
    x = encoded(model)
    expected = np.mean([t.predict_proba(x)[:, 1] for t in classifier(model).estimators_[:5]], 0)
    np.testing.assert_allclose(scores(found.model), expected, atol=1e-12)
    assert len(classifier(model).estimators_) == 20
    assert_loads_again(found)


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("ensemble.HistGradientBoostingClassifier", {"max_iter": 20}),
        ("ensemble.GradientBoostingClassifier", {"n_estimators": 20}),
        ("ensemble.AdaBoostClassifier", {"n_estimators": 20}),
    ],
)
def test_pruned_boosting_is_the_librarys_own_stage(
    estimator: str, params: dict[str, Any], made: Callable[..., Made]
) -> None:
    model = trained(estimator, **params)
    found = made(model, ("prune", {"amount": 0.5}))
    stages = list(classifier(model).staged_predict_proba(encoded(model)))
    np.testing.assert_allclose(scores(found.model), stages[9][:, 1], atol=1e-12)
    assert_loads_again(found)


def test_pruned_bagging_keeps_each_parts_features(made: Callable[..., Made]) -> None:
    model = trained("ensemble.BaggingClassifier", n_estimators=8, max_features=0.5)
    found = made(model, ("prune", {"amount": 0.5}))
    x, whole = encoded(model), classifier(model)
    pairs = list(zip(whole.estimators_, whole.estimators_features_, strict=True))[:4]
    expected = np.mean([e.predict_proba(x[:, f])[:, 1] for e, f in pairs], 0)
    np.testing.assert_allclose(scores(found.model), expected, atol=1e-12)
    assert_loads_again(found)


def test_a_pruned_tree_is_the_largest_of_the_cost_complexity_path_that_is_small_enough(
    made: Callable[..., Made],
) -> None:
    model = trained("tree.DecisionTreeClassifier", max_depth=8)
    found = made(model, ("prune", {"amount": 0.5}))
    learned = fresh_rows()
    x, most = encoded(model, learned.batch), int(classifier(model).get_n_leaves() * 0.5)
    alphas = classifier(model).cost_complexity_pruning_path(x, learned.labels.astype(int)).ccp_alphas
    grown = [
        tree.DecisionTreeClassifier(max_depth=8, random_state=0, ccp_alpha=max(0, a)).fit(
            x, learned.labels.astype(int)
        )
        for a in alphas
    ]
    best = max(t.get_n_leaves() for t in grown if t.get_n_leaves() <= most)
    assert classifier(found.model).get_n_leaves() == best
    assert found.trained_on == "500 rows of elsewhere"
    assert_loads_again(found)


def test_the_smallest_coefficients_become_zero(made: Callable[..., Made]) -> None:
    model = trained("linear_model.LogisticRegression")
    found = made(model, ("prune", {"amount": 0.4}))
    before, after = classifier(model).coef_.ravel(), classifier(found.model).coef_.ravel()
    gone = np.argsort(np.abs(before))[: int(np.ceil(0.4 * (len(before) - 1)))]
    assert set(np.flatnonzero(after == 0)) == set(gone)
    np.testing.assert_array_equal(after[after != 0], before[after != 0])
    assert_loads_again(found)


# --- half precision ----------------------------------------


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("linear_model.LogisticRegression", {}),
        ("neural_network.MLPClassifier", {"hidden_layer_sizes": [16], "max_iter": 500}),
    ],
)
def test_half_precision_is_numpys_cast_of_the_coefficients(
    estimator: str, params: dict[str, Any], made: Callable[..., Made]
) -> None:
    model = trained(estimator, **params)
    found = made(model, ("float16", {}))
    own = copy.deepcopy(classifier(model))
    for name in ("coef_", "intercept_", "coefs_", "intercepts_"):
        value = getattr(own, name, None)
        if value is not None:
            cast = [v.astype(np.float16).astype(float) for v in value]
            setattr(own, name, cast if isinstance(value, list) else np.array(cast))
    np.testing.assert_allclose(scores(found.model), own.predict_proba(encoded(model))[:, 1], atol=1e-12)
    held = list(estimators.numbers(found.model.fitted))
    assert any(a.dtype == np.float16 for a in held)
    assert_loads_again(found)


# --- chains and refusals ----------------------------------------


@pytest.mark.parametrize(
    ("estimator", "params", "chain"),
    [
        ("ensemble.RandomForestClassifier", {"n_estimators": 8}, [("prune", {}), ("onnx", {})]),
        ("ensemble.RandomForestClassifier", {"n_estimators": 8}, [("distill", {}), ("float16", {})]),
        ("linear_model.LogisticRegression", {}, [("prune", {}), ("float16", {})]),
    ],
)
def test_chains_load_again(
    estimator: str, params: dict[str, Any], chain: list[Any], made: Callable[..., Made]
) -> None:
    assert_loads_again(made(trained(estimator, **params), *chain))


@pytest.mark.parametrize(
    ("estimator", "params", "recipe", "told"),
    [
        (
            "neighbors.KNeighborsClassifier",
            {},
            "prune",
            "prune: a KNeighborsClassifier has no trees, rounds or",
        ),
        (
            "neighbors.KNeighborsClassifier",
            {},
            "float16",
            "float16: a KNeighborsClassifier has no coefficients",
        ),
        ("naive_bayes.GaussianNB", {}, "float16", "float16: a GaussianNB has no coefficients"),
        ("ensemble.RandomForestClassifier", {"n_estimators": 3}, "float16", "has no coefficients"),
        ("svm.SVC", {"kernel": "rbf"}, "float16", "float16: a SVC has no coefficients"),
        ("svm.SVC", {"kernel": "linear"}, "float16", "float16: a SVC has no coefficients"),
        ("svm.SVC", {"kernel": "linear"}, "prune", "prune: a SVC has no trees, rounds or coefficients"),
        ("linear_model.RidgeClassifier", {}, "onnx", "onnx: expected a classifier with probabilities"),
    ],
)
def test_what_a_classifier_has_not_is_refused(
    estimator: str, params: dict[str, Any], recipe: str, told: str, made: Callable[..., Made], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told):
        made(trained(estimator, **params), (recipe, {}))
    assert not list(tmp_path.glob("artefact*"))


def test_a_vote_of_different_classifiers_is_not_cut_short(made: Callable[..., Made]) -> None:
    x = encoded(trained("linear_model.LogisticRegression"))
    vote = ensemble.VotingClassifier(
        [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())], voting="soft"
    ).fit(x, learnable(300, 1)["y"].to_numpy())
    model = EstimatorModel(vote, ["0"], ["1"], None, {})
    with pytest.raises(InputError, match="prune: a VotingClassifier has no trees, rounds or coefficients"):
        made(model, ("prune", {}))


def test_nothing_but_scikit_learns_own_types_is_loaded(made: Callable[..., Made], tmp_path: Path) -> None:
    import skops.io

    found = made(trained("linear_model.LogisticRegression"), ("float16", {}))
    fitted = copy.deepcopy(found.model.fitted)
    fitted.steps[-1][1].extra_ = Foreign()
    skops.io.dump(fitted, found.folder / "model.skops")
    with pytest.raises(InputError, match=r"holds types that are not trusted: .*Foreign"):
        load_artefact(found.folder)
    (found.folder / "model.skops").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a skops file that can be read"):
        load_artefact(found.folder)


class Foreign:
    """A class of nobody's."""


def test_a_classifier_without_a_pipeline_is_compressed_too(made: Callable[..., Made]) -> None:
    table = learnable()
    columns = ["age", "x"]
    fitted = ensemble.RandomForestClassifier(n_estimators=6, random_state=0).fit(
        table.select(columns).to_pandas(), table["y"].to_numpy()
    )
    model = EstimatorModel(fitted, columns, ["1"], None, {})
    batch = table.select(columns).combine_chunks().to_batches()[0]
    for recipe in ("prune", "onnx", "distill"):
        found = made(model, (recipe, {}))
        np.testing.assert_array_equal(scores(load_artefact(found.folder), batch), scores(found.model, batch))
        assert "warnings" not in found.model.describe()


def test_every_recipe_of_the_registry_is_tested_here() -> None:
    from pathlib import Path

    here = Path(__file__)
    # Arrays in few bits have tests of their own.
    source = "".join(path.read_text(encoding="utf-8") for path in (here, here.with_name("test_rounded.py")))
    assert [name for name in names("sklearn", "compression") if f'"{name}"' not in source] == []
