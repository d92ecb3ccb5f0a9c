"""scikit-learn models: saved or trained here, on frames, with weights, thresholds and classes of any kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

FEATURES = ["age", "x", "job"]


def learnable(make_people: Callable[..., Any], seed: int = 0, **columns: Any) -> Any:
    """People whose label follows x."""
    table = make_people(400, seed)
    r = np.random.default_rng(seed + 100)
    y = (np.asarray(table["x"]) + r.normal(size=400) > 0).astype(int)
    return make_people(400, seed, y=y, **columns)


def fitted_pipeline(table: Any, label: Any) -> Any:
    encode = ColumnTransformer([("job", OneHotEncoder(), ["job"]), ("n", StandardScaler(), ["age", "x"])])
    return make_pipeline(encode, LogisticRegression()).fit(table.select(FEATURES).to_pandas(), label)


def saved(fitted: Any, name: str = "m.skops") -> None:
    Path(name).write_bytes(skops.io.dumps(fitted))


def predictions() -> pa.Table:
    return pq.read_table("runs/t/predictions/original.parquet")


def test_a_skops_pipeline_scores_as_it_does_in_memory(
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    table = learnable(make_people)
    fitted = fitted_pipeline(table, table["y"].to_numpy())
    saved(fitted)
    result = audited(make_config(model={"path": "m.skops"}), table)
    expected = fitted.predict_proba(table.select(FEATURES).to_pandas())[:, 1]
    np.testing.assert_array_equal(predictions()["score"].to_numpy(), expected)
    np.testing.assert_array_equal(predictions()["y_pred"].to_numpy(), expected >= 0.5)
    told = result["variants"][0]["model"]
    assert told["features"] == FEATURES
    assert told["estimator"] == "sklearn.pipeline.Pipeline"
    assert told["threshold"] == 0.5
    assert len(told["sha256"]) == 64


def test_columns_are_found_by_name_in_whatever_order_they_stand(
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    table = learnable(make_people)
    fitted = fitted_pipeline(table, table["y"].to_numpy())
    saved(fitted)
    audited(make_config(model={"path": "m.skops"}), table.select(table.column_names[::-1]))
    expected = fitted.predict_proba(table.select(FEATURES).to_pandas())[:, 1]
    np.testing.assert_array_equal(predictions()["score"].to_numpy(), expected)


@pytest.mark.parametrize(
    ("words", "positive", "first_is_positive"),
    [
        (["no", "yes"], "yes", False),
        (["no", "yes"], "no", True),
        ([0, 1], 1, False),
        ([0, 1], 0, True),
        ([False, True], True, False),
        ([False, True], False, True),
        ([0.0, 1.0], 1, False),
        ([1, 2], 1, True),
    ],
)
def test_the_models_positive_class_is_the_labels(
    words: list[Any],
    positive: str | int,
    first_is_positive: bool,
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    """A model fitted on the raw label may hold its classes as text, numbers or booleans, in any order."""
    table = learnable(make_people)
    labels = np.array(words)[table["y"].to_numpy()]
    table = table.set_column(table.column_names.index("y"), "y", [labels])
    rows = table.select(["x", "age"]).to_pandas()
    fitted = LogisticRegression().fit(rows, labels)
    saved(fitted)
    result = audited(make_config(model={"path": "m.skops"}, data={"positive": positive}), table)
    expected = fitted.predict_proba(rows)[:, 0 if first_is_positive else 1]
    np.testing.assert_array_equal(predictions()["score"].to_numpy(), expected)
    assert result["variants"][0]["overall"]["accuracy"]["value"] > 0.6


@pytest.mark.parametrize("positive", [1, 0])
def test_a_decision_function_is_a_score_on_its_own_scale(
    positive: int,
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    table = learnable(make_people)
    rows = table.select(["x", "age"]).to_pandas()
    fitted = RidgeClassifier().fit(rows, table["y"].to_numpy())
    saved(fitted)
    config = make_config(model={"path": "m.skops"}, data={"positive": positive}, metrics=["accuracy", "auc"])
    result = audited(config, table)
    sign = 1 if positive else -1
    np.testing.assert_allclose(predictions()["score"].to_numpy(), sign * fitted.decision_function(rows))
    told = result["variants"][0]["model"]
    assert (told["scale"], told["threshold"]) == ("rank", 0)
    assert result["variants"][0]["overall"]["auc"]["value"] > 0.7
    named = fitted.predict(rows) == positive
    np.testing.assert_array_equal(predictions()["y_pred"].to_numpy(), named)


def test_calibration_is_not_measured_of_a_decision_function(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    table = learnable(make_people)
    saved(RidgeClassifier().fit(table.select(["x"]).to_pandas(), table["y"].to_numpy()))
    write(table, make_config(model={"path": "m.skops"}, metrics=["brier_score"]))
    assert "brier_score needs a probability" in refused()


def test_a_threshold_decides(
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    table = learnable(make_people)
    saved(LogisticRegression().fit(table.select(["x"]).to_pandas(), table["y"].to_numpy()))
    audited(make_config(model={"path": "m.skops", "threshold": 0.8}), table)
    scored = predictions()
    np.testing.assert_array_equal(scored["y_pred"].to_numpy(), scored["score"].to_numpy() >= 0.8)
    assert 0 < scored["y_pred"].to_numpy().mean() < 0.5


def test_a_model_without_scores_gives_decisions(
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    from sklearn.neighbors import NearestCentroid
    from sklearn.svm import LinearSVC

    table = learnable(make_people)
    rows = table.select(["x", "age"]).to_pandas()
    fitted = CalibratedClassifierCV(LinearSVC(), cv=2).fit(rows, table["y"].to_numpy())
    assert fitted.predict_proba(rows).shape == (400, 2)
    decides = NearestCentroid().fit(rows, table["y"].to_numpy())
    Path("m.pkl").write_bytes(__import__("pickle").dumps(_Only(decides)))
    result = audited(
        make_config(model={"path": "m.pkl", "trust_pickle": True, "features": ["x", "age"]}), table
    )
    np.testing.assert_array_equal(predictions()["y_pred"].to_numpy(), decides.predict(rows))
    assert "score" not in predictions().column_names
    assert result["variants"][0]["model"]["trust_pickle"] is True


class _Only:
    """A classifier that only predicts."""

    def __init__(self, fitted: Any) -> None:
        self.fitted, self.classes_ = fitted, fitted.classes_

    def predict(self, rows: Any) -> Any:
        return self.fitted.predict(rows)


def test_trusted_types_load_and_are_told(
    audited: Callable[..., Any],
    refused: Callable[..., str],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    from sklearn.preprocessing import FunctionTransformer

    table = learnable(make_people)
    fitted = make_pipeline(FunctionTransformer(np.cbrt), LogisticRegression())
    saved(fitted.fit(table.select(["x"]).to_pandas(), table["y"].to_numpy()))
    untrusted = skops.io.get_untrusted_types(file="m.skops")
    result = audited(make_config(model={"path": "m.skops", "trusted": untrusted, "features": ["x"]}), table)
    assert result["variants"][0]["model"]["trusted_types"] == untrusted


@pytest.fixture
def trained(
    audited: Callable[..., Any],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> Callable[..., Any]:
    def do(model: dict[str, Any], train: Any = None, **parts: Any) -> Any:
        write(learnable(make_people, 1) if train is None else train, name="e.parquet")
        config = make_config(model={"train": {"path": "e.parquet"}, **model}, **parts)
        return audited(config, learnable(make_people))

    return do


LOGISTIC = "sklearn.linear_model.LogisticRegression"


def test_an_estimator_trained_here_learns_and_says_from_what(trained: Any) -> None:
    result = trained({"estimator": LOGISTIC, "params": {"C": 2.0}})
    told = result["variants"][0]["model"]
    assert result["variants"][0]["overall"]["accuracy"]["value"] > 0.65
    assert told["params"]["C"] == 2.0
    assert (told["training_rows"], told["trained_on"]) == (400, "e.parquet")
    assert told["features"] == ["age", "x", "job", "score", "approved", "w"]
    assert not {"y", "id", "sex", "race"} & set(told["features"])


def test_training_weights_change_the_model(trained: Any, make_people: Callable[..., pa.Table]) -> None:
    """Rows of weight 0 are as good as absent: what is left teaches the opposite."""
    train = learnable(make_people, 1)
    turned = 1 - train["y"].to_numpy()
    half = np.arange(400) % 2
    y = np.where(half == 1, turned, train["y"].to_numpy())
    weighted = learnable(make_people, 1)
    weighted = weighted.set_column(weighted.column_names.index("y"), "y", [y])
    weighted = weighted.set_column(weighted.column_names.index("w"), "w", [half * 1.0])
    model = {"estimator": LOGISTIC, "features": ["x"]}
    result = trained(model, weighted, data={"weight": "w"})
    assert result["variants"][0]["overall"]["accuracy"]["value"] < 0.4


def test_the_seed_is_given_to_the_estimator(trained: Any, here: Path) -> None:
    model = {"estimator": "sklearn.linear_model.SGDClassifier", "params": {"loss": "log_loss"}}
    told = trained(model, seed=7)["variants"][0]["model"]
    assert told["params"] == {"loss": "log_loss", "random_state": 7}
    assert SGDClassifier(random_state=7).get_params()["random_state"] == 7


def test_what_the_estimator_warns_of_is_told_and_not_printed(trained: Any) -> None:
    result = trained({"estimator": LOGISTIC, "params": {"max_iter": 1}})
    assert "failed to converge" in json.dumps(result["variants"][0]["model"]["warnings"])


def test_features_of_every_plain_type_can_be_trained_on(
    trained: Any,
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    audited: Callable[..., Any],
) -> None:
    flags = {"x": None, "age": None, "score": None, "approved": None, "w": None, "job": None}
    columns = {**flags, "flag": [True, False] * 200}
    write(learnable(make_people, 1, **columns), name="e.parquet")
    config = make_config(model={"estimator": LOGISTIC, "train": {"path": "e.parquet"}})
    result = audited(
        config | {"model": {**config["model"], "features": ["flag"]}},
        learnable(make_people, flag=[True, False] * 200),
    )
    assert result["variants"][0]["model"]["features"] == ["flag"]


def test_missing_values_and_new_words_are_scored(
    trained: Any,
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    audited: Callable[..., Any],
) -> None:
    train = learnable(make_people, 1, job=["clerk", None, "nurse", "smith"] * 100, age=[30.0, None] * 200)
    write(train, name="e.parquet")
    table = learnable(make_people, job=["clerk", "pilot", None, None] * 100, age=[None, 40] * 200)
    audited(make_config(model={"estimator": LOGISTIC, "train": {"path": "e.parquet"}}), table)
    assert np.isfinite(predictions()["score"].to_numpy()).all()


def test_a_tree_of_the_same_seed_decides_the_same(trained: Any, here: Path) -> None:
    model = {
        "estimator": f"{DecisionTreeClassifier.__module__}.DecisionTreeClassifier",
        "params": {"max_depth": 3},
    }
    trained(model)
    first = predictions()
    (here / "runs").rename(here / "before")
    trained(model)
    assert predictions().equals(first)
