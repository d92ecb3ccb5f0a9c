"""A classifier decides as its own predict does, unless a threshold is asked for; saved and served too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.compression import artefact
from fairweigh.models.estimator import EstimatorModel

from ..tiny import FEATURES, numbers


def coarse(n: int = 800) -> pa.Table:
    """Numbers in few steps, so that trees vote and neighbours stand alike."""
    table = numbers(n)
    rounded = {name: np.round(table[name].to_numpy() * 2) / 2 for name in FEATURES}
    return pa.table({**{name: table[name] for name in table.column_names}, **rounded})


def kinds() -> dict[str, Any]:
    from sklearn import (
        calibration,
        ensemble,
        gaussian_process,
        linear_model,
        naive_bayes,
        neighbors,
        neural_network,
        svm,
        tree,
    )

    return {
        "forest": ensemble.RandomForestClassifier(4, random_state=0),
        "extra trees": ensemble.ExtraTreesClassifier(4, random_state=0),
        "tree": tree.DecisionTreeClassifier(max_depth=4, random_state=0),
        "bagging": ensemble.BaggingClassifier(n_estimators=4, random_state=0),
        "voting": ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=2))],
            voting="soft",
        ),
        "histogram": ensemble.HistGradientBoostingClassifier(max_iter=5),
        "logistic": linear_model.LogisticRegression(),
        "svc with probabilities": svm.SVC(probability=True, random_state=0),
        "svc": svm.SVC(),
        "linear svc": svm.LinearSVC(),
        "ridge": linear_model.RidgeClassifier(),
        "gaussian process": gaussian_process.GaussianProcessClassifier(),
        "mlp": neural_network.MLPClassifier((4,), max_iter=50, random_state=0),
        "neighbours": neighbors.KNeighborsClassifier(4),
        "bayes": naive_bayes.GaussianNB(),
        "calibrated": calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=3),
        "cut elsewhere": None,
    }


APART = {"tree", "neighbours", "bagging", "cut elsewhere"}
"""Kinds that here decide some rows otherwise than a probability of at least a half, among others."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("kind", list(kinds()))
def test_a_classifier_decides_as_its_own_predict(kind: Any, piped: bool) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import FixedThresholdClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = coarse()
    small = coarse(160)
    own = kinds()[kind]
    own = FixedThresholdClassifier(LogisticRegression(), threshold=0.7) if own is None else own
    own = make_pipeline(StandardScaler(), own) if piped else own
    own.fit(small.select(FEATURES).to_pandas(), small["y"].to_numpy())
    frame = table.select(FEATURES).to_pandas()
    rows = table.combine_chunks().to_batches()[0]
    model = EstimatorModel(own, FEATURES, ["1"], None, {})
    found = model.score(rows, None)
    np.testing.assert_array_equal(found.decision, own.predict(frame) == 1)
    if hasattr(own, "predict_proba"):
        expected = own.predict_proba(frame)[:, 1]
    else:
        expected = own.decision_function(frame)
    np.testing.assert_allclose(found.score, expected, rtol=1e-12)
    told, cut = model.describe(), 0.5 if model.probability else 0.0
    apart = (own.predict(frame) == 1) != (expected >= cut)
    assert apart.any() or kind not in APART
    if apart.any():
        assert "threshold" not in told
        assert told["rule"].startswith(
            "the model's own decision (predict), in some rows not that of score >= "
        )
    else:
        assert told["threshold"] == cut
        assert told["rule"] == "selected if score >= threshold"
    asked = EstimatorModel(own, FEATURES, ["1"], 0.5, {})
    decided = asked.score(rows, None)
    np.testing.assert_array_equal(decided.decision, decided.score >= 0.5)
    assert asked.describe()["threshold"] == 0.5


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_an_artefact_decides_as_the_model_that_was_saved(threshold: float | None, tmp_path: Path) -> None:
    from sklearn.ensemble import RandomForestClassifier

    table = coarse()
    small = coarse(160)
    own = RandomForestClassifier(4, random_state=0).fit(
        small.select(FEATURES).to_pandas(), small["y"].to_numpy()
    )
    rows = table.combine_chunks().to_batches()[0]
    model = EstimatorModel(own, FEATURES, ["1"], threshold, {})
    before = model.score(rows, None)
    assert (before.score == 0.5).any()
    artefact.save(model, [], tmp_path / "kept")
    again = artefact.load(tmp_path / "kept")
    after = again.score(rows, None)
    np.testing.assert_array_equal(after.decision, before.decision)
    np.testing.assert_array_equal(after.score, before.score)
    again.threshold = 0.5
    np.testing.assert_array_equal(again.score(rows, None).decision, before.score >= 0.5)


def test_a_forest_served_by_onnxruntime_breaks_ties_as_it_does() -> None:
    pytest.importorskip("skl2onnx")
    from fairweigh.compression.recipes.estimators import onnx
    from fairweigh.compression.registry import Params
    from sklearn.ensemble import RandomForestClassifier

    table = coarse()
    own = RandomForestClassifier(4, random_state=0).fit(
        table.select(FEATURES).to_pandas().to_numpy()[:160], table["y"].to_numpy()[:160]
    )
    rows = table.combine_chunks().to_batches()[0]
    model = EstimatorModel(own, FEATURES, ["1"], None, {})
    before = model.score(rows, None)
    onnx(model, Params(), None)
    after = model.score(rows, None)
    assert ((before.score >= 0.5) != before.decision).any()
    np.testing.assert_array_equal(after.decision, before.decision)
