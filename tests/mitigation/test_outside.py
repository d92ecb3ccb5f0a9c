"""Rules behind scores of models that nothing changes: ONNX files, callables, predictions in their own file.

All of them score the same people by the same known formula, which takes 1.5 off the log-odds of group b; the
labels know no group. A table of these scores that stands in the data itself is the yardstick.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets.errors import InputError

from .conftest import biased

if TYPE_CHECKING:
    from ..conftest import Ended


FEATURES = ["x1", "b"]
SHARE = {"validation": {"share": 0.4}}
DATA = {"path": "d.parquet", "label": "y", "id": "id", "sensitive": ["group"], **SHARE}
MITIGATIONS: list[Any] = [
    {"name": "cut", "recipe": {"threshold": {"constraint": "demographic_parity", "limit": "<= 0.01"}}},
    {"name": "lots", "recipe": {"threshold-optimizer": {"constraint": "equalized_odds"}}},
    {"name": "band", "recipe": {"reject-option": {"limit": "<= 0.1"}}},
    {"name": "both", "recipe": ["calibration", {"threshold": {"limit": "<= 0.05"}}]},
]
KINDS = ["table", "joined", "callable", "onnx"]


def formula(frame: Any) -> Any:
    """Probability of the positive label, had group b the merit that the model takes it to have."""
    return 1 / (1 + np.exp(-(2 * frame["x1"].to_numpy() - 1.5 * frame["b"].to_numpy())))


def people(n: int, seed: int) -> pa.Table:
    table = biased(n, seed, harm=0)
    b = np.asarray(table["group"]) == "b"
    table = table.append_column("b", pa.array(b.astype(float)))
    return table.append_column("p", pa.array(formula(table.to_pandas())))


def write_onnx(path: Path, *, beside: bool = False) -> None:
    """The formula as a graph made by hand with onnx: one Gemm, whose output is the log-odds."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = [np.array([[2.0, -1.5]], np.float32), np.zeros(1, np.float32)]
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "c"], ["logits"], transB=1)],
        "formula",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(w, name) for w, name in zip(weights, "wc", strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    how: Any = (
        {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0} if beside else {}
    )
    onnx.save(model, str(path), **how)


SPECS = {
    "table": {"score": "p"},
    "joined": {"path": "scored.parquet", "score": "p"},
    "callable": {"function": "a_known_formula:formula", "features": FEATURES},
    "onnx": {"path": "m.onnx", "features": FEATURES},
}


def config(kind: str, **changed: Any) -> Any:
    base = {
        "audit": kind, "data": DATA, "model": SPECS[kind], "mitigations": MITIGATIONS,
        "metrics": ["selection_rate", "accuracy"], "report": {"charts": False},
    }  # fmt: skip
    return {k: v for k, v in {**base, **changed}.items() if v is not None}


def write_inputs(table: pa.Table) -> None:
    order = np.random.default_rng(0).permutation(len(table))
    pq.write_table(table, "d.parquet")
    pq.write_table(table.select(["id", "p"]).take(order), "scored.parquet")
    pq.write_table(table.drop_columns(["p"]), "bare.parquet")
    write_onnx(Path("m.onnx"))
    Path("a_known_formula.py").write_text(
        "import numpy as np\n\n\ndef formula(frame):\n"
        "    return 1 / (1 + np.exp(-(2 * frame['x1'].to_numpy() - 1.5 * frame['b'].to_numpy())))\n"
        "\n\ndef decides(frame):\n    return frame['x1'].to_numpy() > 0\n"
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of each kind on the same people, in a folder of its own."""
    folder = tmp_path_factory.mktemp("outside")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        write_inputs(people(4000, 1))
        for kind in KINDS:
            data = DATA if kind == "table" else DATA | {"path": "bare.parquet"}
            fairweigh.run(config(kind, data=data), f"runs/{kind}")
        yield folder


@pytest.fixture
def there(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(home)
    return {kind: fairweigh.load_result(f"runs/{kind}") for kind in KINDS}


def decisions(run: str, variant: str) -> dict[int, int]:
    kept = pq.read_table(f"{run}/predictions/{variant}.parquet")
    return dict(zip(kept["id"].to_pylist(), kept["y_pred"].to_pylist(), strict=True))


def gap(result: Any, name: str) -> Any:
    variant = next(v for v in result.variants if v.name == name)
    return next(
        d
        for d in variant.disparities
        if d.scope == "reference" and d.metric == "selection_rate" and d.compare == "difference"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_planted_bias_is_found_and_goes(kind: Any, there: Any) -> None:
    result = there[kind]
    assert result.failed == []
    assert [(v.name, v.kind) for v in result.variants[1:]] == [(m["name"], "mitigated") for m in MITIGATIONS]
    assert gap(result, "original").high < -0.2
    closed = gap(result, "cut")
    assert closed.low < 0.01
    assert closed.high > -0.01


@pytest.mark.parametrize("kind", ["joined", "callable", "onnx"])
def test_rules_and_decisions_are_those_of_the_scores_in_a_table(kind: str, there: Any) -> None:
    """To the last bit in double precision; an ONNX model in single precision may turn a row at a cut."""
    for mine, other in zip(there[kind].variants[1:], there["table"].variants[1:], strict=True):
        one, two = (decisions(f"runs/{k}", mine.name) for k in (kind, "table"))
        if kind == "onnx":
            assert one.keys() == two.keys()
            assert sum(one[i] != two[i] for i in one) <= 4
        else:
            assert one == two
            for rule, same in zip(mine.recipe.rules, other.recipe.rules, strict=True):
                assert rule.model_dump(exclude={"fitted_on"}) == same.model_dump(exclude={"fitted_on"})


@pytest.mark.parametrize("kind", ["callable", "onnx"])
def test_decisions_are_the_scores_against_the_thresholds_that_are_told(kind: str, there: Any) -> None:
    """Scores from outside: NumPy, and a session of onnxruntime by itself."""
    import onnxruntime

    rows = pq.read_table("d.parquet").to_pandas()
    session = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"x": rows[FEATURES].to_numpy(np.float32)})
    score = rows["p"].to_numpy() if kind == "callable" else 1 / (1 + np.exp(-logits[:, 0].astype(float)))
    rule = next(v for v in there[kind].variants if v.name == "cut").recipe.rules[0]
    cut = rows["group"].map({s.slice["group"]: s.threshold for s in rule.slices}).to_numpy()
    by_hand = dict(zip(rows["id"], (score >= cut).astype(int), strict=True))
    made = decisions(f"runs/{kind}", "cut")
    assert made == {i: by_hand[i] for i in made}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_variant_decides_as_its_run_did(kind: Any, there: Any) -> None:
    rows = pq.read_table("d.parquet").rename_columns(
        ["score" if kind == "callable" and n == "p" else n for n in pq.read_schema("d.parquet").names]
    )
    for variant in there[kind].variants[1:]:
        folder = f"runs/{kind}/{variant.recipe.artefact}"
        ways = [fairweigh.load_variant(folder)]
        if kind == "callable":
            ways.append(fairweigh.load_variant(folder, model=formula))
        for loaded in ways:
            found = dict(zip(rows["id"].to_pylist(), loaded.predict(rows).astype(int).tolist(), strict=True))
            made = decisions(f"runs/{kind}", variant.name)
            assert made == {i: found[i] for i in made}, (variant.name, loaded.columns)


def test_what_an_artefact_holds(there: Any) -> None:
    for kind, files in {
        "onnx": {"variant.json", "model.onnx"}, "callable": {"variant.json"}, "joined": {"variant.json"},
    }.items():  # fmt: skip
        folder = Path(f"runs/{kind}/artefacts/cut")
        assert {p.name for p in folder.iterdir()} == files
    assert Path("runs/onnx/artefacts/cut/model.onnx").read_bytes() == Path("m.onnx").read_bytes()
    spec = json.loads(Path("runs/callable/artefacts/cut/variant.json").read_text())
    assert spec["callable"] == {"name": "a_known_formula:formula", "features": FEATURES}
    costs = {kind: next(v for v in there[kind].variants if v.name == "cut").cost for kind in KINDS}
    assert costs["onnx"].storage == 1
    assert costs["callable"] is None
    assert costs["joined"] is None


@pytest.mark.parametrize(
    ("kind", "path", "more"),
    [
        ("onnx", "bare.parquet", {}),
        ("callable", "bare.parquet", {"function": "a_known_formula:formula"}),
        ("joined", "d.parquet", {}),
    ],
)
@pytest.mark.parametrize("name", ["cut", "lots", "both"])
def test_an_audit_of_the_artefact_decides_as_its_run_did(
    kind: str, path: str, more: dict[str, Any], name: str, there: Any, tmp_path: Path
) -> None:
    model = {"kind": "variant", "path": f"runs/{kind}/artefacts/{name}", **more}
    again = config(kind, data=DATA | {"path": path}, model=model, mitigations=None)
    result = fairweigh.run(again, tmp_path / "again")
    assert decisions(str(tmp_path / "again"), "original") == decisions(f"runs/{kind}", name)
    assert result.variants[0].model.told["needs"] == ["group"]


def test_a_callable_given_from_python_is_mitigated_and_stands_in_the_configuration(
    there: Any, cli: Callable[..., Ended], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    table = pq.read_table("bare.parquet")
    settings = config("callable", model={"features": FEATURES}, data=DATA | {"path": "d"})
    result = fairweigh.run(settings, tmp_path / "run", data=table, model=formula)
    assert result.failed == []
    assert result.configuration["model"]["kind"] == "callable"
    assert result.configuration["model"]["function"].endswith(":formula")
    for variant in ("original", "cut", "lots", "band", "both"):
        assert decisions(str(tmp_path / "run"), variant) == decisions("runs/callable", variant)
    assert cli("verify", str(tmp_path / "run")).code == 0
    # Its artefact is audited with the callable again.
    spec = {"kind": "variant", "path": str(tmp_path / "run/artefacts/cut")}
    again = config("callable", model=spec, mitigations=None, data=DATA | {"path": "bare.parquet"})
    fairweigh.run(again, tmp_path / "again", model=formula)
    assert decisions(str(tmp_path / "again"), "original") == decisions("runs/callable", "cut")


def test_an_onnx_artefact_holds_the_weights_that_lay_beside_the_graph(
    there: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pq.read_table("bare.parquet")
    monkeypatch.chdir(tmp_path)
    pq.write_table(rows, "bare.parquet")
    write_onnx(Path("m.onnx"), beside=True)
    assert Path("weights.bin").is_file()
    settings = config("onnx", data=DATA | {"path": "bare.parquet"}, mitigations=MITIGATIONS[:1])
    fairweigh.run(settings, "run")
    Path("weights.bin").unlink()
    found = fairweigh.load_variant("run/artefacts/cut").predict(rows)
    made = decisions("run", "cut")
    by_id = dict(zip(rows["id"].to_pylist(), found.astype(int).tolist(), strict=True))
    assert made == {i: by_id[i] for i in made}


def test_joined_predictions_of_several_splits_serve_the_rule_and_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More validation rows than audited ones, and rows of a third split that nobody asks for."""
    monkeypatch.chdir(tmp_path)
    table = people(3000, 5)
    split = np.array(["test", "val", "val", "rest"])[np.arange(len(table)) % 4]
    write_inputs(table.append_column("s", pa.array(split)))
    data = {k: v for k, v in DATA.items() if k != "validation"} | {
        "split": "test", "split_column": "s", "validation": {"split": "val"}, "path": "bare.parquet",
    }  # fmt: skip
    result = fairweigh.run(config("joined", data=data), "run")
    assert result.failed == []
    assert result.data.rows == 750
    assert sum(s.n for s in result.variants[1].recipe.rules[0].slices) == 1500


def refused(cli: Callable[..., Ended], settings: Any) -> str:
    Path("a.yaml").write_text(json.dumps(settings))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert not Path("runs").exists()
    return ended.lines[0]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    write_inputs(people(400, 3))


BARE = DATA | {"path": "bare.parquet"}
NO_ROWS = {k: v for k, v in BARE.items() if k != "validation"}


@pytest.mark.parametrize(
    ("kind", "changed", "told"),
    [
        ("callable", {"model": {"function": "a_known_formula:decides"}}, "gives decisions only"),
        ("callable", {"mitigations": ["reweighing"]}, "which a table of predictions or a callable is not"),
        ("onnx", {"mitigations": ["reweighing"]}, "an ONNX model is compiled already: give the torch model"),
        ("onnx", {"mitigations": ["thresh-old"]}, "did you mean 'threshold'?"),
        ("callable", {"data": NO_ROWS}, "not audited; set data.validation (a split"),
        ("onnx", {"data": NO_ROWS}, "not audited; set model.train, or data.validation (a split"),
        ("joined", {"model": {"path": "scored.parquet", "decision": "p"}}, "so set model.score"),
        (
            "callable",
            {"model": {"kind": "variant", "path": "x"}},
            "or one whose scores can be cut (onnx, predictions or callable), got one of kind variant",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(
    kind: str, changed: dict[str, Any], told: str, cli: Callable[..., Ended], files: Any
) -> None:
    if kind != "table":
        changed = {"data": BARE} | changed
    assert told in refused(cli, config(kind, **changed))


def test_validation_rows_without_a_score_are_named(cli: Callable[..., Ended], files: Any) -> None:
    """Three ids of the rows that rules are fitted on are not in the file of predictions."""
    from fairweigh.datasets.training import VALIDATION, hashed_share

    scored = pq.read_table("scored.parquet")
    ids = sorted(scored["id"].to_pylist())
    lost = [i for i, inside in zip(ids, hashed_share(ids, 0.4, VALIDATION), strict=True) if inside][:3]
    pq.write_table(
        scored.filter(pa.array([i not in lost for i in scored["id"].to_pylist()])), "scored.parquet"
    )
    told = refused(cli, config("joined", data=BARE))
    assert "on which it is fitted, cannot be scored: scored.parquet: ids do not match bare.parquet" in told
    assert f"3 rows of the data have no prediction (such as {', '.join(repr(str(i)) for i in lost)})" in told
    assert "0 predictions have no row" in told


def test_predictions_of_unknown_rows_are_refused_where_others_are_set_aside(
    cli: Callable[..., Ended], files: Any
) -> None:
    scored = pq.read_table("scored.parquet")
    pq.write_table(
        pa.concat_tables([scored, scored.slice(0, 1).set_column(0, "id", pa.array([7]))]), "s.parquet"
    )
    told = refused(cli, config("joined", data=BARE, model={"path": "s.parquet", "score": "p"}))
    assert "0 rows of the data have no prediction (none), 1 prediction has no row (such as '7')" in told


def test_a_rule_without_its_scores_says_whose_they_are(there: Any, tmp_path: Path) -> None:
    rows = pq.read_table("bare.parquet")
    told = (
        r"lacks 'score'; it is a rule alone, and 'score' are the scores of the callable "
        r"a_known_formula:formula, which load_variant\(\.\.\., model=\.\.\.\) also takes"
    )
    with pytest.raises(InputError, match=told):
        fairweigh.load_variant("runs/callable/artefacts/cut").predict(rows)
    with pytest.raises(InputError, match=r"lacks 'p'; it is a rule alone, .* of a table of predictions"):
        fairweigh.load_variant("runs/joined/artefacts/cut").predict(rows)
    with pytest.raises(InputError, match="not the rule of a callable, so no callable can score for it"):
        fairweigh.load_variant("runs/onnx/artefacts/cut", model=formula)
    spec = {"kind": "variant", "path": "runs/callable/artefacts/cut"}
    again = config("callable", model=spec, mitigations=None, data=BARE)
    with pytest.raises(
        InputError, match=r"bare\.parquet has no column 'score' with them; set model\.function"
    ):
        fairweigh.run(again, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_feature_called_score_is_not_taken_for_the_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = people(600, 4).rename_columns(["id", "score", "x2", "group", "sex", "y", "b", "p"])
    pq.write_table(table.drop_columns(["p"]), "bare.parquet")

    def renamed(frame: Any) -> Any:
        return formula(frame.rename(columns={"score": "x1"}))

    settings = config("callable", model={"features": ["score", "b"]}, data=BARE, mitigations=MITIGATIONS[:1])
    fairweigh.run(settings, "run", model=renamed)
    loaded = fairweigh.load_variant("run/artefacts/cut")
    assert loaded.columns == ["model_score", "group"]
    found = loaded.predict(table.append_column("model_score", table["p"]))
    made = decisions("run", "cut")
    by_id = dict(zip(table["id"].to_pylist(), found.astype(int).tolist(), strict=True))
    assert made == {i: by_id[i] for i in made}
