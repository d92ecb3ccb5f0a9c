"""A file of several splits: one is trained on, another is audited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from fairweigh.datasets.synthetic import lending


def config(path: Any, **model: Any) -> dict[str, Any]:
    return {
        "audit": "split",
        "data": {
            "path": str(path), "label": "repaid", "sensitive": ["sex"], "id": "id", "split_column": "split",
            "split": "test",
        },
        "model": {
            "estimator": "sklearn.linear_model.LogisticRegression", "features": ["income", "debt_ratio"],
            "train": {"path": str(path), "split": "train"}, **model,
        },
        "report": {"charts": False},
    }  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> tuple[Any, Path]:
    rows = lending(n=2_000, seed=3)
    pacsv.write_csv(rows, tmp_path / "all.csv")
    return rows, tmp_path / "all.csv"


def test_only_the_rows_of_the_split_are_audited_and_the_others_trained_on(table: Any, tmp_path: Path) -> None:
    rows, path = table
    split = np.array(rows["split"].to_pylist())
    result = fairweigh.run(config(path), tmp_path / "run")
    assert result.data.rows == (split == "test").sum()
    assert result.variants[0].model.told["training_rows"] == (split == "train").sum()
    female = np.array(rows["sex"].to_pylist()) == "Female"
    slices = {s.slice["sex"]: s for s in result.variants[0].slices}
    assert slices["Female"].n == (female & (split == "test")).sum()
    labels = np.array(rows["repaid"].to_pylist())
    assert slices["Female"].counts.positives == labels[female & (split == "test")].sum()


def test_training_on_the_audited_split_is_refused(table: Any, tmp_path: Path) -> None:
    with pytest.raises(fairweigh.InputError, match="other rows than the evaluation data"):
        fairweigh.run(config(table[1], train={"path": str(table[1]), "split": "test"}), tmp_path / "run")


def test_split_without_its_column_is_refused(table: Any, tmp_path: Path) -> None:
    settings = config(table[1])
    del settings["data"]["split_column"]
    with pytest.raises(fairweigh.InputError, match="split and split_column belong together"):
        fairweigh.run(settings, tmp_path / "run")


def test_predictions_of_the_other_split_are_passed_over_when_joined(table: Any, tmp_path: Path) -> None:
    rows, path = table
    joined = pa.table({"id": rows["id"], "score": rows["score"]})
    pacsv.write_csv(joined, tmp_path / "scored.csv")
    settings = config(path)
    settings["model"] = {"path": str(tmp_path / "scored.csv"), "score": "score"}
    result = fairweigh.run(settings, tmp_path / "run")
    assert result.data.rows == rows["split"].to_pylist().count("test")
