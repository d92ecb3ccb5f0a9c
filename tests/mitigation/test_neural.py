"""Reweighing and rules on torch and transformers models, by themselves and behind compression."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh import Result

from ..tiny import FEATURES, numbers, save_bert, texts, trained_mlp, write_mlp


def spoiled(table: pa.Table, seed: int) -> pa.Table:
    """The same rows without most of the positive ones of one sex."""
    r = np.random.default_rng(seed)
    lost = (
        (np.asarray(table["sex"]) == "Female") & (np.asarray(table["y"]) == 1) & (r.random(len(table)) < 0.8)
    )
    return table.filter(pa.array(~lost))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Result]:
    """A torch model of a table: reweighed, with thresholds, and int8 then repaired."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("neural")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        pq.write_table(numbers(1200, 1), "d.parquet")
        pq.write_table(spoiled(numbers(4000, 2), 3), "train.parquet")
        factory = write_mlp(folder, "factory_of_fairness")
        save_file(trained_mlp(numbers(500, 1)).state_dict(), "w.safetensors")
        config = {
            "audit": "t",
            "metrics": ["selection_rate", "accuracy"],
            "report": {"charts": False},
            "data": {"path": "d.parquet", "label": "y", "id": "id", "sensitive": ["sex", "race"]},
            "model": {
                "factory": factory,
                "path": "w.safetensors",
                "features": FEATURES,
                "train": {"path": "train.parquet", "validation": 0.2},
            },
            "compressions": ["int8-dynamic"],
            "mitigations": [
                {"reweighing": {"by": ["sex"], "steps": 60, "lr": 0.01}},
                {"resampling": {"by": ["sex"], "method": "over", "steps": 20}},
                {"threshold": {"by": ["sex"], "constraint": "demographic_parity", "limit": "<= 0.02"}},
                {
                    "name": "back",
                    "on": "compressed",
                    "recipe": {"threshold": {"by": ["sex", "race"], "restore": "selection_rate"}},
                },
            ],
        }
        result = fairweigh.run(config, "run")
    return folder, factory, result


def test_every_variant_of_a_torch_model_is_made(run: Any) -> None:
    _, _, result = run
    assert result.failed == []
    assert [v.kind for v in result.variants] == ["original", "compressed", *["mitigated"] * 4]
    weighed, drawn = (v.recipe for v in result.variants[2:4])
    assert (
        "trained on for 60 steps of 32 rows, the loss weighted by slice and label" in weighed.steps[0].changed
    )
    assert len(weighed.weights) == 4
    assert "trained on for 20 steps" in drawn.steps[0].changed


def test_a_torch_variant_decides_alike_outside_the_audit(run: Any) -> None:
    folder, factory, result = run
    rows = pq.read_table(folder / "d.parquet")
    for variant in result.variants[1:]:
        loaded = fairweigh.load_variant(folder / "run" / variant.recipe.artefact, factory=factory)
        kept = pq.read_table(folder / f"run/predictions/{variant.name}.parquet")
        np.testing.assert_array_equal(loaded.predict(rows), kept["y_pred"].to_numpy() == 1)


def test_rates_are_restored_behind_int8(run: Any) -> None:
    _, _, result = run
    worn, back = (
        next(v for v in result.variants if v.name == n) for n in ("int8-dynamic", "int8-dynamic+back")
    )
    assert back.parent == "int8-dynamic"
    assert back.recipe.sha256 == worn.recipe.sha256
    assert back.recipe.needs == ["sex", "race"]
    assert [s.room for s in back.recipe.steps] == ["compression", "mitigation"]
    assert {s.slice["sex"] for s in back.recipe.rules[0].slices} == {"Female", "Male"}


def test_reweighing_is_the_same_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transformers model, deterministic by seed: two runs write the same weights."""
    monkeypatch.chdir(tmp_path)
    save_bert(Path("model"), num_hidden_layers=1)
    pq.write_table(texts(200, 1), "d.parquet")
    pq.write_table(texts(300, 2), "train.parquet")
    config = {
        "audit": "t",
        "metrics": ["selection_rate", "accuracy"],
        "report": {"charts": False},
        "data": {"path": "d.parquet", "label": "y", "id": "id", "sensitive": ["sex"]},
        "model": {
            "kind": "transformers",
            "path": "model",
            "text": "text",
            "train": {"path": "train.parquet", "validation": 0.2},
        },
        "slices": {"min_size": 10},
        "mitigations": [
            {"name": "weighed", "recipe": {"reweighing": {"steps": 5}}},
            {"name": "both", "recipe": [{"reweighing": {"steps": 5}}, {"threshold": {"limit": "<= 0.5"}}]},
        ],
    }
    Path("a.yaml").write_text(json.dumps(config))
    one, two = (fairweigh.run("a.yaml", name) for name in ("one", "two"))
    assert one.failed == []
    weights = [v.recipe.sha256 for v in one.variants[1:]]
    assert weights == [v.recipe.sha256 for v in two.variants[1:]]
    # The rule stands behind the same reweighed weights.
    assert weights[0] == weights[1]
    assert len(one.variants[1].recipe.weights) == 4
