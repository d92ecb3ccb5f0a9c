"""Kinds of scikit-learn's classifiers, and of those that follow its interface."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ..tiny import FEATURES
from . import rows
from .kind import Kind


def _estimator(name: str, path: str, hard: tuple[str, ...], **params: Any) -> Kind:
    def build(folder: Path) -> dict[str, Any]:
        folder.mkdir(parents=True, exist_ok=True)
        module, _, cls = path.rpartition(".")
        made = getattr(importlib.import_module(module), cls)(**params)
        table = rows.numbers(300, 1).to_pandas()
        made.fit(table[FEATURES], table["y"])
        return {"kind": "sklearn", "features": FEATURES, **_written(made, folder)}

    return Kind(name, "sklearn", build, rows.numbers, hard=hard)


def _written(fitted: Any, folder: Path) -> dict[str, Any]:
    import joblib
    import skops.io

    # LightGBM, XGBoost and CatBoost hold their trees in libraries of their own, which skops does not read.
    if not type(fitted).__module__.startswith("sklearn."):
        joblib.dump(fitted, folder / "model.joblib")
        return {"path": str(folder / "model.joblib"), "trust_pickle": True}
    path = folder / "model.skops"
    skops.io.dump(fitted, path)
    return {"path": str(path), "trusted": skops.io.get_untrusted_types(file=path)}


ESTIMATORS = [
    _estimator("LogisticRegression", "sklearn.linear_model.LogisticRegression", ("prune", "float16", "onnx")),
    _estimator("LinearSVC", "sklearn.svm.LinearSVC", ("prune", "onnx")),
    _estimator("SVC", "sklearn.svm.SVC", ("onnx", "float16")),
    _estimator(
        "DecisionTreeClassifier", "sklearn.tree.DecisionTreeClassifier", ("prune", "onnx"), random_state=0
    ),
    _estimator(
        "RandomForestClassifier", "sklearn.ensemble.RandomForestClassifier", ("prune", "onnx"),
        n_estimators=8, random_state=0,
    ),
    _estimator(
        "ExtraTreesClassifier", "sklearn.ensemble.ExtraTreesClassifier", ("prune", "onnx"),
        n_estimators=8, random_state=0,
    ),
    _estimator(
        "GradientBoostingClassifier", "sklearn.ensemble.GradientBoostingClassifier", ("prune", "onnx"),
        n_estimators=8, random_state=0,
    ),
    _estimator(
        "HistGradientBoostingClassifier", "sklearn.ensemble.HistGradientBoostingClassifier",
        ("prune", "onnx"), max_iter=8, random_state=0,
    ),
    _estimator("KNeighborsClassifier", "sklearn.neighbors.KNeighborsClassifier", ("prune", "distill")),
    _estimator("GaussianNB", "sklearn.naive_bayes.GaussianNB", ("float16", "onnx")),
    _estimator(
        "MLPClassifier", "sklearn.neural_network.MLPClassifier", ("prune", "float16", "onnx"),
        hidden_layer_sizes=(16,), max_iter=1000, random_state=0,
    ),
    _estimator(
        "LightGBM", "lightgbm.LGBMClassifier", ("prune", "onnx"), n_estimators=8, verbose=-1, n_jobs=1
    ),
    _estimator("XGBoost", "xgboost.XGBClassifier", ("prune", "onnx"), n_estimators=8, n_jobs=1),
    _estimator(
        "CatBoost", "catboost.CatBoostClassifier", ("prune", "onnx"),
        iterations=8, verbose=False, thread_count=1, allow_writing_files=False, random_seed=0,
    ),
]  # fmt: skip
