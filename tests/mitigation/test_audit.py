"""Mitigations through the whole audit: made, scored, gated, deployed; and never tuned on what is reported."""

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
from fairweigh.audit.result.figures import Disparity
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.synthetic import lending
from fairweigh.result import Result

from .conftest import biased

if TYPE_CHECKING:
    from ..conftest import Ended


FEATURES = ["x1", "x2", "group"]
MODEL = {
    "estimator": "sklearn.linear_model.LogisticRegression",
    "features": FEATURES,
    "train": {"path": "train.parquet"},
}
DATA = {"path": "d.parquet", "label": "y", "id": "id", "sensitive": ["group", "sex"]}
THRESHOLD = {"threshold": {"by": ["group"], "constraint": "demographic_parity", "limit": "<= 0.02"}}
STEPS = [
    {"reweighing": {"by": ["group"]}},
    THRESHOLD,
    {"name": "lots", "recipe": {"threshold-optimizer": {"by": ["group"], "constraint": "equalized_odds"}}},
    {
        "name": "both",
        "recipe": [{"reweighing": {"by": ["group"]}}, {"calibration": {"by": ["group"]}}, THRESHOLD],
    },
    {
        "name": "back",
        "on": "compressed",
        "recipe": {"threshold": {"by": ["group"], "restore": "selection_rate"}},
    },
]
GATES = [
    {
        "metric": "selection_rate",
        "by": "group",
        "compare": "difference",
        "limit": "<= 0.1",
        "on": "mitigated",
    },
    {"metric": "accuracy", "limit": ">= 0.6"},
    {"cost": "storage", "limit": "<= 1.5", "on": "compressed"},
]


def configured(**changed: Any) -> Any:
    base = {
        "audit": "t",
        "data": DATA,
        "slices": {"by": ["group", "sex"]},
        "model": MODEL,
        "compressions": ["float16"],
        "mitigations": STEPS,
        "metrics": ["selection_rate", "accuracy"],
        "gates": GATES,
        "report": {"charts": False},
    }
    return {k: v for k, v in {**base, **changed}.items() if v is not None}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every kind of mitigation, in a folder of its own."""
    folder = tmp_path_factory.mktemp("mitigated")
    pq.write_table(biased(1500, 1, harm=0), folder / "d.parquet")
    pq.write_table(biased(3000, 2, harm=0.7), folder / "train.parquet")
    (folder / "a.yaml").write_text(json.dumps(configured()))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fairweigh.run("a.yaml", "runs/t")
    return folder


@pytest.fixture
def there(home: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.chdir(home)
    return fairweigh.load_result("runs/t")


def test_every_variant_is_made_and_says_what_it_is(there: Result) -> None:
    assert there.failed == []
    found = {v.name: (v.kind, v.parent, v.recipe.groups) for v in there.variants[1:]}
    assert found == {
        "float16": ("compressed", "original", ("compressed",)),
        "reweighing": ("mitigated", "original", ("mitigated",)),
        "threshold-demographic_parity-0.02": ("mitigated", "original", ("mitigated",)),
        "lots": ("mitigated", "original", ("mitigated",)),
        "both": ("mitigated", "original", ("mitigated",)),
        "float16+back": ("mitigated", "float16", ("compressed", "mitigated")),
    }
    both = next(v for v in there.variants if v.name == "both")
    assert [r.kind for r in both.recipe.rules] == ["calibration", "thresholds"]
    assert both.recipe.needs == ["group"]
    assert len(both.recipe.weights) == 4


def test_gates_speak_of_what_a_variant_is(there: Result) -> None:
    told = {(g.id, g.variant) for g in there.gates}
    assert ("gate-1", "reweighing") in told
    assert ("gate-1", "float16") not in told
    assert ("gate-3", "float16") in told
    assert ("gate-3", "reweighing") not in told
    assert {("gate-1", "float16+back"), ("gate-3", "float16+back")} <= told


def test_reweighing_and_thresholds_close_the_gap_that_the_table_plants(there: Result) -> None:
    def gap(name: str) -> Disparity:
        variant = next(v for v in there.variants if v.name == name)
        return next(
            d
            for d in variant.disparities
            if d.scope == "reference"
            and d.metric == "selection_rate"
            and d.by == ["group"]
            and d.compare == "difference"
        )

    assert gap("original").high < -0.1
    assert abs(gap("reweighing").value) < abs(gap("original").value) / 2
    closed = gap("threshold-demographic_parity-0.02")
    assert closed.low < 0.02
    assert closed.high > -0.02


def test_the_rows_of_a_rule_are_apart_from_those_that_train(there: Result) -> None:
    rule = next(v for v in there.variants if v.name == "both").recipe
    trained = int(rule.trained_on.partition(" ")[0].replace(",", ""))
    (_, fitted) = rule.rules
    assert "share of 0.2" in fitted.fitted_on
    assert trained + sum(s.n for s in fitted.slices) == 3000
    assert there.variants[0].model.told["training_rows"] == trained


def test_the_evaluation_labels_have_no_influence_on_any_variant(
    there: Result, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same audit of rows with every label turned: every variant is the same to the byte."""
    table = pq.read_table("d.parquet")
    turned = table.set_column(table.column_names.index("y"), "y", pa.array(1 - table["y"].to_numpy()))
    pq.write_table(turned, tmp_path / "d.parquet")
    pq.write_table(pq.read_table("train.parquet"), tmp_path / "train.parquet")
    monkeypatch.chdir(tmp_path)
    again = fairweigh.run(configured(), "run")
    assert again.variants[0].overall["accuracy"].value < 0.5
    for variant in there.variants[1:]:
        one, two = (f / variant.recipe.artefact / "variant.json" for f in (home / "runs/t", Path("run")))
        assert one.read_bytes() == two.read_bytes()
        kept = [
            pq.read_table(f / f"predictions/{variant.name}.parquet") for f in (home / "runs/t", Path("run"))
        ]
        assert kept[0]["y_pred"].to_pylist() == kept[1]["y_pred"].to_pylist()


def test_a_variant_decides_alike_outside_the_audit(there: Result) -> None:
    rows = pq.read_table("d.parquet")
    for variant in there.variants[1:]:
        loaded = fairweigh.load_variant(f"runs/t/{variant.recipe.artefact}")
        kept = pq.read_table(f"runs/t/predictions/{variant.name}.parquet")
        by_id = dict(zip(kept["id"].to_pylist(), kept["y_pred"].to_pylist(), strict=True))
        for table in (rows, rows.to_pandas(), rows.select(loaded.columns).to_pydict()):
            found = loaded.predict(table)
            assert found.dtype == bool
            assert [by_id[i] for i in rows["id"].to_pylist()] == found.astype(int).tolist(), variant.name
        np.testing.assert_allclose(loaded.score(rows), kept["score"].to_numpy(), rtol=1e-12)


def test_a_table_without_the_sensitive_feature_is_refused_in_words(there: Result) -> None:
    loaded = fairweigh.load_variant("runs/t/artefacts/threshold-demographic_parity-0.02")
    assert loaded.needs == ["group"]
    rows = pq.read_table("d.parquet")
    with pytest.raises(InputError, match=r"lacks 'group'; its decisions need the sensitive feature 'group'"):
        loaded.predict(rows.drop_columns(["group"]))
    other = rows.set_column(rows.column_names.index("group"), "group", pa.array(["z"] * len(rows)))
    with pytest.raises(InputError, match=r"no threshold for group = 'z'"):
        loaded.predict(other)
    with pytest.raises(InputError, match=r"expected a pandas\.DataFrame"):
        loaded.predict([1, 2])


def test_a_variant_is_audited_again_to_the_same_decisions(
    there: Result, home: Path, cli: Callable[..., Ended], tmp_path: Path
) -> None:
    for name in ("lots", "both", "float16+back"):
        again = {
            "audit": name,
            "data": DATA | {"path": str(home / "d.parquet")},
            "slices": {"by": ["group", "sex"]},
            "model": {"kind": "variant", "path": str(home / "runs/t/artefacts" / name)},
        }
        Path("again.yaml").write_text(json.dumps(again))
        ended = cli("audit", "again.yaml", "-q", "-o", str(tmp_path / name))
        assert ended.code == 0, ended.err
        one, two = (
            pq.read_table(f)
            for f in (
                home / f"runs/t/predictions/{name}.parquet",
                tmp_path / name / "predictions/original.parquet",
            )
        )
        assert one["y_pred"].to_pylist() == two["y_pred"].to_pylist()
    assert cli("verify", str(home / "runs/t")).code == 0


def test_validation_rows_of_a_table_of_predictions_are_not_audited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores alone: thresholds are fitted on a hashed share, which is then no part of the audit."""
    monkeypatch.chdir(tmp_path)
    pq.write_table(lending(6000, 3, bias=2.0), "d.parquet")
    config = {
        "audit": "scores",
        "data": {
            "path": "d.parquet",
            "label": "repaid",
            "id": "id",
            "sensitive": ["ethnicity"],
            "validation": {"share": 0.4},
        },
        "model": {"score": "score", "threshold": 0.7},
        "mitigations": [
            {"threshold": {"constraint": "equal_opportunity", "limit": "<= 0.02"}},
            {"reject-option": {"limit": "<= 0.3"}},
            "calibration",
        ],
    }
    result = fairweigh.run(config, "run")
    assert result.failed == []
    ids = set(pq.read_table("run/predictions/original.parquet")["id"].to_pylist())
    rule = result.variants[1].recipe.rules[0]
    fitted = sum(s.n for s in rule.slices)
    assert len(ids) + fitted == 6000
    assert 2200 < fitted < 2600
    assert result.data.rows == len(ids)
    assert all(
        set(pq.read_table(f)["id"].to_pylist()) == ids for f in Path("run/predictions").glob("*.parquet")
    )
    assert all(v.cost is None for v in result.variants)
    loaded = fairweigh.load_variant("run/artefacts/calibration")
    rows = pq.read_table("d.parquet").filter(
        pa.array([i in ids for i in pq.read_table("d.parquet")["id"].to_pylist()])
    )
    kept = pq.read_table("run/predictions/calibration.parquet")
    np.testing.assert_allclose(loaded.score(rows), kept["score"].to_numpy())
    np.testing.assert_array_equal(loaded.predict(rows), kept["y_pred"].to_numpy() == 1)


SCORES = {"score": "score"}
PLAIN = {"path": "d.parquet", "label": "y", "id": "id", "sensitive": ["sex"]}
BARE = {"gates": [], "data": PLAIN, "slices": {"by": ["sex"]}, "compressions": None}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"model": SCORES, "mitigations": ["reweighing"]},
            "which a table of predictions or a callable is not",
        ),
        ({"model": SCORES, "mitigations": ["threshold"]}, "not audited; set data.validation (a split"),
        (
            {
                "model": {"decision": "approved"},
                "data": PLAIN | {"validation": {"share": 0.3}},
                "mitigations": ["threshold"],
            },
            "model.decision gives none, so set model.score",
        ),
        ({"mitigations": ["reweighting"]}, "did you mean 'reweighing'?"),
        ({"mitigations": [{"threshold": {"limt": "<= 0.1"}}]}, "did you mean 'limit'?"),
        ({"mitigations": [{"on": "float61", "recipe": "threshold"}]}, "mitigations[0].on"),
        (
            {"compressions": None, "mitigations": [{"on": "compressed", "recipe": "threshold"}]},
            "compressions names no recipe",
        ),
        ({"mitigations": ["threshold", "threshold"]}, "two variants are called 'threshold'"),
        (
            {"data": PLAIN | {"validation": {"share": 0.3}}, "mitigations": ["reweighing"]},
            "no step fits a rule on it",
        ),
        ({"mitigations": None, "gates": [GATES[0]]}, "mitigations names no recipe"),
        (
            {"data": PLAIN | {"validation": {"split": "test"}, "split": "test", "split_column": "s"}},
            "another split",
        ),
    ],
)
def test_a_configuration_that_cannot_be_carried_out_is_one_line(
    changed: dict[str, Any],
    told: str,
    cli: Callable[..., Ended],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(biased(200, 1), "d.parquet")
    Path("a.yaml").write_text(json.dumps(configured(**(BARE | changed))))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert told in ended.lines[0]
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("data", "train", "told"),
    [
        ({"path": "d.parquet"}, {"path": "d.parquet"}, "expected other rows than the evaluation data"),
        (
            {"path": "d.parquet", "split": "a", "split_column": "s", "validation": {"split": "b"}},
            {"path": "d.parquet", "split": "b"},
            "expected other rows than those of data.validation",
        ),
    ],
)
def test_no_row_that_is_audited_can_be_learned_from(
    data: dict[str, Any],
    train: dict[str, Any],
    told: str,
    cli: Callable[..., Ended],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    table = biased(300, 1)
    split = pa.array(np.array(["a", "b", "c"])[np.arange(len(table)) % 3])
    pq.write_table(table.append_column("s", split), "d.parquet")
    config = configured(
        data=PLAIN | data, model=MODEL | {"train": train}, gates=[], slices={}, mitigations=[THRESHOLD]
    )
    config["mitigations"] = [{"threshold": {"by": ["sex"]}}]
    Path("a.yaml").write_text(json.dumps(config))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert told in ended.lines[0]


def test_rules_come_last_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(biased(400, 1), "d.parquet")
    pq.write_table(biased(800, 2), "train.parquet")
    config = configured(
        compressions=None,
        gates=[],
        mitigations=[
            {"name": "turned", "recipe": [THRESHOLD, "reweighing"]},
            {"name": "fine", "recipe": "reweighing"},
        ],
    )
    result = fairweigh.run(config, "run")
    assert [v.name for v in result.variants] == ["original", "fine"]
    assert "comes before the steps that fit a rule" in result.failed[0].why
    assert result.failed[0].steps[0].room == "mitigation"
    assert not Path("run/artefacts/turned").exists()


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **tables: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name, table in tables.items():
        pq.write_table(table, f"{name}.parquet")


def test_the_rows_of_a_rule_are_left_out_when_its_artefact_is_audited_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, monkeypatch, d=lending(3000, 3, bias=2.0))
    data = {"path": "d.parquet", "label": "repaid", "id": "id", "sensitive": ["ethnicity"]}
    aside = data | {"validation": {"share": 0.3}}
    first = {
        "audit": "a",
        "data": aside,
        "model": {"score": "score"},
        "mitigations": [{"threshold": {"unseen": "common", "limit": "<= 0.2"}}],
    }
    (name,) = [v.name for v in fairweigh.run(first, "run").variants[1:]]
    again = {"audit": "b", "data": data, "model": {"kind": "variant", "path": f"run/artefacts/{name}"}}
    with pytest.raises(InputError, match=r"fitted on a share of 0\.3 of d\.parquet; set data\.validation"):
        fairweigh.run(again, "again")
    fairweigh.run(again | {"data": aside}, "again")
    one, two = (
        pq.read_table(f)["id"].to_pylist()
        for f in (f"run/predictions/{name}.parquet", "again/predictions/original.parquet")
    )
    assert one == two


def test_a_limit_that_cannot_be_kept_ends_with_one_line(
    cli: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, monkeypatch, d=biased(300, 1), train=biased(600, 2))
    limit = {
        "threshold": {"by": ["group"], "constraint": "accuracy", "compare": "value", "limit": ">= 0.999"}
    }
    Path("a.yaml").write_text(json.dumps(configured(compressions=None, gates=[], mitigations=[limit])))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "none could be made" in ended.lines[0]
    assert "the nearest value is 0." in ended.lines[0]
    assert not Path("runs/t").exists()


def test_a_feature_that_is_not_audited_is_named_before_any_work(
    cli: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, monkeypatch, d=biased(300, 1), train=biased(600, 2))
    steps = [{"reweighing": {"by": ["gruop"]}}]
    Path("a.yaml").write_text(json.dumps(configured(compressions=None, gates=[], mitigations=steps)))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert (
        "reweighing.by: 'gruop' is not an audited sensitive feature; there are group, sex" in ended.lines[0]
    )


def test_training_again_behind_a_compression_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, monkeypatch, d=biased(300, 1), train=biased(600, 2))
    steps = [{"on": "compressed", "recipe": "reweighing"}, {"name": "fine", "recipe": "reweighing"}]
    result = fairweigh.run(configured(gates=[], mitigations=steps), "run")
    assert "would undo float16; put it before" in result.failed[0].why


def test_a_copy_of_the_evaluation_rows_cannot_be_learned_from(
    cli: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, monkeypatch, d=biased(300, 1), train=biased(300, 1))
    Path("a.yaml").write_text(json.dumps(configured(gates=[])))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert "expected other rows than the evaluation data" in ended.lines[0]


def test_one_value_written_in_several_ways_has_one_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes as text in a CSV, as numbers and booleans in a frame: the same decisions."""
    import pandas as pd

    monkeypatch.chdir(tmp_path)
    r = np.random.default_rng(0)
    for name, n in (("d", 600), ("train", 1500)):
        table = biased(n, 1 if name == "d" else 2).to_pandas()
        table["flag"], table["code"] = r.random(n) < 0.5, np.where(r.random(n) < 0.5, "01", "02")
        table.to_csv(f"{name}.csv", index=False)
    config = {
        "audit": "t",
        "data": {"path": "d.csv", "label": "y", "id": "id", "sensitive": ["flag", "code"]},
        "model": MODEL | {"train": {"path": "train.csv"}},
        "mitigations": [
            {"name": "cut", "recipe": {"threshold": {"unseen": "common", "limit": "<= 0.1"}}},
            {"name": "plain", "recipe": {"correlation-remover": {}}},
        ],
    }
    result = fairweigh.run(config, "run")
    assert result.failed == []
    typed = pd.read_csv("d.csv")
    assert (typed["flag"].dtype, typed["code"].dtype.kind) == (bool, "i")  # type: ignore[comparison-overlap]
    for name in ("cut", "plain"):
        kept = pq.read_table(f"run/predictions/{name}.parquet")["y_pred"].to_numpy() == 1
        loaded = fairweigh.load_variant(f"run/artefacts/{name}")
        np.testing.assert_array_equal(loaded.predict(typed), kept)
        np.testing.assert_array_equal(
            loaded.predict(pd.read_csv("d.csv", dtype=str).astype({"x1": float, "x2": float})), kept
        )


@pytest.mark.parametrize(
    "table",
    [
        {"x1": [1.0, 2.0], "x2": [1.0], "group": ["a"]},
        {"x1": 1.0, "x2": 2.0, "group": "a"},
        {"x1": [], "x2": [], "group": []},
    ],
)
def test_what_is_no_table_is_refused_in_one_line(table: dict[str, Any], there: Result) -> None:
    loaded = fairweigh.load_variant("runs/t/artefacts/both")
    with pytest.raises(InputError, match="predict: "):
        loaded.predict(table)
