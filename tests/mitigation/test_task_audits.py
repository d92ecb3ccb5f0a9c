"""Mitigations of models of several classes and of numbers through the whole audit, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .samples import graded, paid

if TYPE_CHECKING:
    from fairweigh import Result

    from ..conftest import Ended


DATA = {"path": "d.parquet", "label": "y", "id": "id", "sensitive": ["group"]}
TRAIN = {"train": {"path": "train.parquet"}, "features": ["x1", "x2", "group"]}
THRESHOLD = {"threshold": {"constraint": "demographic_parity", "limit": "<= 0.1"}}
AUDITS = {
    "multiclass": {
        "model": {"estimator": "sklearn.linear_model.LogisticRegression", **TRAIN},
        "mitigations": [
            "reweighing",
            "resampling",
            "calibration",
            {"name": "both", "recipe": ["slice-balancing", "calibration", THRESHOLD]},
        ],
        "gates": [
            {
                "metric": "true_positive_rate", "class": "high", "by": "group", "compare": "difference",
                "limit": "<= 0.2", "on": "mitigated",
            }
        ],
    },
    "regression": {
        "model": {"estimator": "sklearn.linear_model.LinearRegression", **TRAIN},
        "mitigations": [
            "slice-balancing",
            {"exponentiated-gradient": {"bound": 55}},
            {"grid-search": {"constraint": "bounded_group_loss", "loss": "absolute"}},
            "correlation-remover",
        ],
        "gates": [
            {
                "metric": "mean_absolute_error", "by": "group", "compare": "difference", "limit": "<= 4",
                "on": "mitigated",
            }
        ],
    },
}  # fmt: skip
ROWS = {"multiclass": graded, "regression": paid}


def configured(task: Any) -> dict[Any, Any]:
    data = {**DATA, "favourable": ["high", "mid"]} if task == "multiclass" else DATA
    return {"audit": task, "task": task, "data": data, "report": {"charts": False}, **AUDITS[task]}


@pytest.fixture(scope="module", params=list(AUDITS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Result]:
    """An audit of a task with every recipe for it, as the command line runs it."""
    task, folder = request.param, tmp_path_factory.mktemp(request.param)
    pq.write_table(ROWS[task](500, 1), folder / "d.parquet")
    pq.write_table(ROWS[task](800, 2), folder / "train.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = fairweigh.run(configured(task), "run")
    return task, folder, result


def test_every_variant_is_made_reported_and_verified(
    run: Any, cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, folder, result = run
    monkeypatch.chdir(folder)
    assert result.failed == []
    assert len(result.variants) == 5
    assert {gate.variant for gate in result.gates} == {v.name for v in result.variants[1:]}
    assert all("equal to the last bit" in v.recipe.reload for v in result.variants[1:])
    page = Path("run/annex.html").read_text()
    for told in {"multiclass": ("Temperature", "high"), "regression": ("bounded_group_loss",)}[task]:
        assert told in page
    ended = cli("verify", "run")
    assert ended.code == 0, ended.err


def test_a_loaded_variant_says_what_was_audited(run: Any) -> None:
    task, folder, result = run
    rows = pq.read_table(folder / "d.parquet")
    for variant in result.variants[1:]:
        kept = pq.read_table(folder / f"run/predictions/{variant.name}.parquet")
        loaded = fairweigh.load_variant(folder / "run" / variant.recipe.artefact)
        if task == "regression":
            np.testing.assert_array_equal(loaded.score(rows), kept["y_pred"].to_numpy())
            continue
        assert loaded.model.task == "multiclass"
        decided = [loaded.model.classes[place] for place in loaded.predict(rows)]
        assert decided == kept["y_pred"].to_pylist()
        for place, name in enumerate(loaded.model.classes):
            np.testing.assert_array_equal(loaded.score(rows)[:, place], kept[f"score:{name}"].to_numpy())


def test_the_evaluation_labels_have_no_influence_on_any_variant(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same audit with the labels of all rows in another order: every variant is the same to the byte."""
    task, folder, result = run
    table = pq.read_table(folder / "d.parquet")
    turned = table["y"].take(np.random.default_rng(0).permutation(len(table)))
    pq.write_table(table.set_column(table.column_names.index("y"), "y", turned), tmp_path / "d.parquet")
    pq.write_table(pq.read_table(folder / "train.parquet"), tmp_path / "train.parquet")
    monkeypatch.chdir(tmp_path)
    again = fairweigh.run(configured(task), "run")
    name = "accuracy" if task == "multiclass" else "mean_absolute_error"
    assert again.variants[0].overall[name].value != result.variants[0].overall[name].value
    for variant in result.variants[1:]:
        one, two = (f / variant.recipe.artefact / "variant.json" for f in (folder / "run", Path("run")))
        assert one.read_bytes() == two.read_bytes()
        kept = [
            pq.read_table(f / f"predictions/{variant.name}.parquet") for f in (folder / "run", Path("run"))
        ]
        assert kept[0]["y_pred"].to_pylist() == kept[1]["y_pred"].to_pylist()


@pytest.mark.parametrize(
    ("task", "recipe", "told"),
    [
        ("multilabel", "reweighing", "is made for the task binary or multiclass, the model's is multilabel"),
        ("multilabel", "calibration", "there are correlation-remover, slice-balancing"),
        ("ranking", "threshold", "the model's is ranking; for that there is no recipe of mitigation"),
        ("ranking", "slice-balancing", "the model's is ranking"),
        ("multiclass", "exponentiated-gradient", "is made for the task binary or regression"),
        ("multiclass", "threshold", "name them in data.favourable"),
        ("multiclass", "reject-option", "is made for the task binary, the model's is multiclass"),
        ("multiclass", {"calibration": {"method": "isotonic"}}, "expected temperature where the task is"),
        ("binary", {"calibration": {"method": "temperature"}}, "expected isotonic or sigmoid"),
        ("binary", {"grid-search": {"loss": "square"}}, "loss: is of the task regression"),
        ("regression", "reweighing", "is made for the task binary or multiclass, the model's is regression"),
        ("regression", "exponentiated-gradient", "bound: expected the largest mean loss of a slice"),
        (
            "regression",
            {"grid-search": {"constraint": "demographic_parity"}},
            "constraint: expected bounded_group_loss where the task is regression, got 'demographic_parity'",
        ),
        (
            "regression",
            {"exponentiated-gradient": {"bound": 1, "randomised": True}},
            "numbers are not drawn but averaged",
        ),
    ],
)  # fmt: skip
def test_what_is_not_for_a_task_is_one_line_where_the_configuration_is_read(
    task: str,
    recipe: str | dict[str, Any],
    told: str,
    cli: Callable[..., Ended],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"q": ["a"], "y": [1], "group": ["a"], "x1": [1.0]}), "d.parquet")
    kind = {"regression": "LinearRegression", "ranking": "LinearRegression"}.get(task, "LogisticRegression")
    data = {"path": "d.parquet", "label": "y", "sensitive": ["group"]}
    if task == "ranking":
        data = {"path": "d.parquet", "query": "q", "relevance": "y", "sensitive": ["group"]}
    if task == "multilabel":
        data = {"path": "d.parquet", "labels": ["y"], "sensitive": ["group"]}
    model = {"estimator": f"sklearn.linear_model.{kind}", "train": {"path": "train.parquet"}}
    config = {"audit": "t", "task": task, "data": data, "model": model, "mitigations": [recipe]}
    Path("a.yaml").write_text(json.dumps(config))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert told in ended.lines[0]
