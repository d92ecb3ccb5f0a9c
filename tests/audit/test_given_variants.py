"""Variants whose predictions stand beside the model's: row by row, and as joint counts of both decisions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.audit.again.verify import check_figures
from fairweigh.audit.config import Config
from fairweigh.audit.figures.pairs import Paired
from fairweigh.audit.result.whole import AuditResult
from fairweigh.audit.runner import audit
from fairweigh.audit.store.folder import open_run
from fairweigh.datasets.errors import InputError
from pydantic import ValidationError

if TYPE_CHECKING:
    from ..conftest import Ended


SCORED = {"kind": "predictions", "score": "s"}
GATES = [
    {"metric": "selection_rate", "by": "sex", "compare": "change", "limit": "<= 0.05", "on": "compressed"},
    {"metric": "true_positive_rate", "by": "sex", "compare": "difference", "limit": "<= 0.1", "on": "light"},
]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    r = np.random.default_rng(3)
    n = 1500
    sex, age = r.choice(["F", "M"], n), r.choice(["old", "young", None], n)
    label = (r.random(n) < 0.4).astype(int)
    before = (r.random(n) < 0.2 + 0.5 * label).astype(int)
    after = np.where(r.random(n) < 0.05 + 0.1 * (sex == "F"), 1 - before, before)
    score = np.clip(0.3 + 0.3 * before + r.normal(0, 0.1, n), 0, 1)
    moved = np.clip(score + r.normal(0, 0.05, n), 0, 1)
    return pd.DataFrame(
        {"id": range(n), "sex": sex, "age": age, "y": label, "before": before, "after": after, "s": score,
         "t": moved}
    )  # fmt: skip


def configured(**more: Any) -> Any:
    data = {"path": "x", "label": "y", "sensitive": ["sex", "age"]} | more.pop("data", {})
    given = {"audit": "given", "data": data, "model": {"kind": "predictions", "decision": "before"}}
    variants = [{"name": "light", "decision": "after"}]
    return given | {"variants": variants, "gates": GATES, "report": {"charts": False}} | more


def audited(given: Any, folder: Path) -> AuditResult:
    # Pages are not looked at here.
    with open_run(folder) as run:
        return audit(Config.model_validate(given), run)


def test_joint_counts_give_every_figure_of_the_rows(rows: pd.DataFrame, tmp_path: Path) -> None:
    keys = ["sex", "age", "y", "before", "after"]
    joint = rows.groupby(keys, dropna=False).size().rename("n").reset_index()
    assert len(joint) < len(rows) / 10
    paths = {"rows": tmp_path / "rows.csv", "joint": tmp_path / "joint.csv"}
    rows.to_csv(paths["rows"], index=False)
    joint.to_csv(paths["joint"], index=False)
    roles = {"rows": {"id": "id"}, "joint": {"count": "n"}}
    found = [
        audited(configured(data={"path": str(paths[k]), **roles[k]}), tmp_path / f"run-{k}") for k in paths
    ]
    of_rows, of_counts = found
    assert of_counts.comparisons == of_rows.comparisons
    assert of_counts.gates == of_rows.gates
    assert [v.slices for v in of_counts.variants] == [v.slices for v in of_rows.variants]
    assert [v.disparities for v in of_counts.variants] == [v.disparities for v in of_rows.variants]
    flips = of_counts.comparisons[0]
    assert (flips.before, flips.after, flips.rows) == ("original", "light", len(rows))
    assert not check_figures(tmp_path / "run-joint", of_counts)


def test_scores_of_a_variant_stand_in_a_column_too(rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rows.to_parquet(path)
    variants = [{"name": "light", "score": "t"}, {"name": "strict", "score": "t", "threshold": 0.7}]
    given = configured(data={"path": str(path), "id": "id"}, variants=variants, gates=[])
    given |= {"metrics": ["selection_rate", "auc"]}
    result = audited(given | {"model": SCORED}, tmp_path / "run")
    overall = {v.name: v.overall["selection_rate"].value for v in result.variants}
    assert overall == {
        "original": (rows.s >= 0.5).mean(), "light": (rows.t >= 0.5).mean(), "strict": (rows.t >= 0.7).mean()
    }  # fmt: skip
    assert [c.after for c in result.comparisons] == ["light", "strict"]


def test_counts_of_two_tables_are_no_joint_cells() -> None:
    batch = pa.record_batch({"sex": ["F", "M"], "y_pred": pa.array([1, 0], pa.int8()), "count": [5, 7]})
    with pytest.raises(InputError, match="aggregated counts hold no rows that could be paired"):
        Paired(("sex",)).add(batch, batch)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"variants": [{"name": "light"}]}, "expected path .*, function, endpoint, or decision or score"),
        ({"variants": [{"name": "original", "decision": "after"}]}, "cannot name a variant"),
        ({"variants": [{"name": "a", "decision": "after"}] * 2}, "two variants are called 'a'"),
        ({"data": {"count": "n"}, "variants": [{"name": "a", "score": "t"}]}, "has no score"),
        ({"variants": [{"name": "a", "decision": "after", "threshold": 0.4}]}, "the decision column decides"),
        ({"model": None}, "stand beside a model"),
        (
            {"variants": [{"name": "a", "endpoint": "http://x"}]},
            "protocol: a model of kind endpoint needs one: open-inference .* mlflow .* or openai",
        ),
        (
            {"data": {"count": "n"}, "variants": [{"name": "a", "endpoint": "http://x"}]},
            "cannot be scored by a model",
        ),
        ({"variants": [{"name": "a", "path": "m.mlpackage"}]}, "runs in CoreML.*give its predictions"),
        ({"variants": [{"name": "a", "path": "m.plan"}]}, "runs in TensorRT.*give its predictions"),
        ({"variants": [{"name": "a", "path": "m.onnx", "text": "t", "estimator": "x.y"}]}, "comes trained"),
        ({"variants": [{"name": "a", "path": "m.skops", "image": "t"}]}, "kind sklearn has no image"),
        (
            {"data": {"count": "n"}, "variants": [{"name": "a", "path": "m.onnx"}]},
            "cannot be scored by a model",
        ),
        ({"gates": [GATES[0] | {"on": "lihgt"}]}, "did you mean 'light'"),
    ],
)
def test_what_cannot_stand_beside_a_model_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Config.model_validate(configured(**more))


def test_a_column_that_is_not_there_is_named(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.to_csv(tmp_path / "rows.csv", index=False)
    given = configured(data={"path": str(tmp_path / "rows.csv"), "id": "id"})
    given["variants"] = [{"name": "light", "decision": "aftr"}]
    with pytest.raises(InputError, match=r"variants.light.decision: no column 'aftr'.*did you mean 'after'"):
        fairweigh.run(given, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_predictions_that_cannot_be_read_are_a_line_and_the_others_go_on(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    table = rows.assign(words=np.where(rows["after"] == 1, "yes", "no"))
    table.to_csv(tmp_path / "rows.csv", index=False)
    beside = rows[["id"]].assign(p=0.25)
    beside.loc[4, "p"] = None
    beside.to_csv(tmp_path / "beside.csv", index=False)
    columns = [{"name": "light", "decision": "after"}, {"name": "words", "decision": "words"}]
    joined = {"name": "beside", "path": str(tmp_path / "beside.csv"), "score": "p"}
    # Joined by id they are the decisions of the column, though no variant stands in a column at all.
    rows[["id", "after"]].sample(frac=1, random_state=0).to_csv(tmp_path / "same.csv", index=False)
    data = {"path": str(tmp_path / "rows.csv"), "id": "id"}
    same = {"name": "light", "path": str(tmp_path / "same.csv"), "decision": "after"}
    result = audited(configured(variants=[same], data=data), tmp_path / "joined")
    assert [v.name for v in result.variants] == ["original", "light"]
    assert result.variants[1].overall["selection_rate"].value == pytest.approx(rows["after"].mean())
    for i, variants in enumerate((columns, [*columns, joined])):
        result = audited(configured(variants=variants, data=data, gates=[]), tmp_path / f"run{i}")
        assert [v.name for v in result.variants] == ["original", "light"]
        why = {f.name: f.why for f in result.failed}
        assert set(why) == {v["name"] for v in variants} - {"light"}
        assert why["words"].endswith("say which value is positive (positive)")
    assert "'p' is missing in 1 row, first in row 5 of" in why["beside"]
    assert "beside.csv" in why["beside"]


def test_variants_from_python_have_names(rows: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^variants: expected a mapping of names to models, got list"):
        fairweigh.run({"audit": "t", "data": {}}, tmp_path / "run", data=rows, variants=[print])  # type: ignore[arg-type]


def test_a_gate_on_a_variant_that_could_not_be_read_is_told_though_quiet(
    rows: pd.DataFrame, cli: Callable[..., Ended], write: Callable[..., None]
) -> None:
    given = configured(data={"path": "d.parquet", "id": "id"}, model=SCORED)
    given["variants"] = [{"name": "light", "path": "light.csv", "decision": "d"}]
    write(pa.Table.from_pandas(rows), {**given, "gates": GATES})
    ended = cli("audit", "a.yaml", "-q", "-o", "run")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("fairweigh: gate ")
    assert ended.err.count("\n") == 1
    assert "No compressed variant could be made; light: " in ended.err
    assert "light.csv" in ended.err
    assert "; 1 more gate could not be evaluated" in ended.err
    # Unless quiet, it stands in what is printed.
    ended = cli("gate", "run")
    assert (ended.code, ended.err) == (2, "")
    assert cli("gate", "run", "-q").err.startswith("fairweigh: gate ")


@pytest.mark.parametrize("variant", ["x", 3, None, ["x"]])
def test_a_variant_that_is_no_keys_is_told_in_the_words_of_a_configuration(
    variant: str | int | list[Any] | None, cli: Callable[..., Ended], write: Callable[..., None]
) -> None:
    write(config=configured(variants=[variant]))
    ended = cli("check", "a.yaml")
    assert ended.code == 2
    assert ended.err == (
        f"fairweigh: a.yaml: variants[0]: expected keys with their values (key: value), got {variant!r}\n"
    )
