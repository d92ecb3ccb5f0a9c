"""Audits of neural models and their compressed variants, end to end through the command line."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.making.scoring import Job, Twins, in_share

from .conftest import configured, people
from .prepared import command, started
from .tiny import FEATURES, numbers, save_bert, texts, trained_mlp, write_mlp

if TYPE_CHECKING:
    from .conftest import Ended


ROWS = 1200
COMPRESSIONS = [
    "int8-dynamic",
    {"prune-magnitude": {"amount": 0.4}},
    {"prune-structured": {"amount": 0.5}},
    {"name": "broken", "recipe": {"prune-magnitude": {"amount": 0.95}}},
    {"name": "impossible", "recipe": {"prune-heads": {"keep": 1}}},
]
GATES = [
    {"id": "accurate", "metric": "accuracy", "limit": ">= 0.8", "on": "original"},
    {"id": "kept", "metric": "accuracy", "compare": "change", "limit": ">= -0.05", "on": "compressed"},
    {
        "id": "no-wider", "metric": "selection_rate", "by": "sex", "compare": "change", "limit": "<= 0.2",
        "on": "compressed",
    },
    {"id": "lighter", "cost": "storage", "limit": "<= 0.95", "on": "compressed"},
]  # fmt: skip


def audited_here(config: str, out: str, cwd: Path) -> None:
    """An audit in this process, which has the libraries: what a command adds is seen elsewhere.

    Not one that is to go on from shards: those are of a process with the same libraries at the same versions.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.syspath_prepend(str(cwd))
        fairweigh.run(config, out)


def table(seed: int) -> pa.Table:
    """People in pairs of twins that differ in sex; the label follows two of four features."""
    r = np.random.default_rng(seed)
    x = np.repeat(r.normal(size=(ROWS // 2, 4)), 2, 0).astype(np.float32)
    y = (x[:, 0] + x[:, 1] + 0.4 * r.normal(size=ROWS) > 0).astype(int)
    return people(
        ROWS, seed, **{name: x[:, i] for i, name in enumerate(FEATURES)}, y=y, pair=np.arange(ROWS) // 2,
        sex=["Female", "Male"] * (ROWS // 2),
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a factory, weights, a configuration, and the run of it."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("home")
    factory = write_mlp(folder, "factory_of_audit")
    save_file(trained_mlp(table(1)).state_dict(), folder / "w.safetensors")
    pq.write_table(table(0), folder / "d.parquet")
    model = {"factory": factory, "path": "w.safetensors", "features": FEATURES}
    data = {"selection": {"share": 0.3}, "counterfactual": {"group": ["pair"], "feature": "sex"}}
    config = configured(model=model, data=data, gates=GATES, compressions=COMPRESSIONS)
    (folder / "a.yaml").write_text(json.dumps(config))
    done = command("audit", "a.yaml", "-q", cwd=folder)
    assert done.returncode in (0, 1, 3), done.stderr
    assert done.stdout == done.stderr == ""
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    return home / "runs" / "t"


@pytest.fixture(scope="module")
def result(run: Path) -> Any:
    return json.loads((run / "audit.json").read_text())


MADE = ["int8-dynamic", "prune-magnitude-0.4", "prune-structured-0.5", "broken"]


def predictions(run: Path, name: str, folder: str = "predictions") -> pa.Table:
    return pq.read_table(run / folder / f"{name}.parquet")


def test_every_variant_is_there_and_the_one_that_failed_says_why(result: Any) -> None:
    assert [v["name"] for v in result["variants"]] == ["original", *MADE]
    (failed,) = result["failed"]
    assert failed["name"] == "impossible"
    assert failed["why"].startswith("prune-heads: the model has no attention layer")
    assert [s["recipe"] for s in failed["steps"]] == ["prune-heads"]


def test_the_result_keeps_to_its_schema_and_every_figure_to_its_predictions(
    home: Path, run: Path, result: Any
) -> None:
    schema = json.loads(command("schema", "--result", cwd=home).stdout)
    jsonschema.Draft202012Validator(schema).validate(result)
    verified = command("verify", "runs/t", cwd=home)
    assert verified.returncode == 0, verified.stdout
    assert "every figure follows from the predictions" in verified.stdout


def test_all_variants_are_scored_on_the_same_rows_apart_from_those_of_the_choice(run: Path) -> None:
    first = predictions(run, "original")
    aside = predictions(run, "original", "predictions/selection")
    # Twins stand on one side: their pair decides, not their id.
    rows = pa.record_batch({"id": np.arange(ROWS), "pair": np.arange(ROWS) // 2})
    chosen = in_share(rows, rows, Job(Path("unused"), share=0.3, twins=Twins(["pair"])))
    ids = {str(i) for i in np.flatnonzero(chosen)}
    assert set(map(str, aside["id"].to_pylist())) == ids
    assert first.num_rows + aside.num_rows == ROWS
    assert aside.num_rows == pytest.approx(0.3 * ROWS, abs=4 * np.sqrt(2 * ROWS * 0.3 * 0.7))
    for name in MADE:
        for folder in ("predictions", "predictions/selection"):
            for column in ("id", "y_true", "sex", "race"):
                assert predictions(run, name, folder)[column] == predictions(run, "original", folder)[column]


def test_flips_are_those_of_a_hand_count(run: Path, result: Any) -> None:
    for comparison in result["comparisons"]:
        before = predictions(run, "original")["y_pred"].to_numpy()
        after = predictions(run, comparison["after"])["y_pred"].to_numpy()
        women = np.array(predictions(run, "original")["sex"].to_pylist()) == "Female"
        for flips in comparison["flips"]:
            if flips["slice"] not in ({"sex": "Male"}, {"sex": "Female"}):
                continue
            rows = women if flips["slice"]["sex"] == "Female" else ~women
            assert flips["n"] == rows.sum()
            assert flips["gained"] == int(((before == 0) & (after == 1))[rows].sum())
            assert flips["lost"] == int(((before == 1) & (after == 0))[rows].sum())
        assert sum(flips["flips"] for flips in comparison["flips"] if "sex" in flips["slice"]) == int(
            (before != after).sum()
        )


def test_the_broken_variant_is_not_recommended_and_the_choice_is_among_those_that_pass(
    run: Path, result: Any
) -> None:
    truth = predictions(run, "original")["y_true"].to_numpy()
    accuracy = {n: (predictions(run, n)["y_pred"].to_numpy() == truth).mean() for n in ["original", *MADE]}
    assert accuracy["original"] > 0.85
    assert accuracy["broken"] < accuracy["original"] - 0.05
    verdicts = {(g["id"], g["variant"]): g["verdict"] for g in result["gates"]}
    assert verdicts["kept", "broken"] in ("fail", "inconclusive")
    recommended = result["frontier"]["recommended"]
    assert recommended != "broken"
    passing = {v for v in MADE if all(verdicts[g, v] == "pass" for g in ("kept", "no-wider", "lighter"))}
    assert passing
    assert recommended in passing


def test_cost_gates_measure_the_artefacts_on_disk(run: Path, result: Any) -> None:
    sizes = {}
    for variant in result["variants"][1:]:
        artefact = run / variant["recipe"]["artefact"]
        sizes[variant["name"]] = (artefact / "model.safetensors").stat().st_size
        assert variant["cost"]["stored_bytes"] == sizes[variant["name"]]
        assert variant["recipe"]["reload"].endswith("every score and decision equal to the last bit")
    whole = result["variants"][0]["cost"]["stored_bytes"]
    for gate in result["gates"]:
        if gate["id"] == "lighter" and gate["variant"] in sizes:
            assert gate["measured"] == pytest.approx(sizes[gate["variant"]] / whole)
            assert (gate["verdict"] == "pass") is (sizes[gate["variant"]] / whole <= 0.95)


def test_twins_are_compared_pair_by_pair(run: Path, result: Any) -> None:
    assert {c["variant"] for c in result["counterfactuals"]} == {"original", *MADE}
    score = predictions(run, "original").sort_by("id")
    assert "twin" in score.column_names
    # The model does not see sex, and twins are alike in all that it sees.
    for found in result["counterfactuals"]:
        if found["variant"] == "original":
            assert found["score_gap"]["value"] == pytest.approx(0, abs=1e-6)
            assert found["flips"]["value"] == 0


@pytest.mark.parametrize("command", ["gate", "report"])
def test_a_compressed_run_is_gated_and_rendered_again(
    command: str, home: Path, result: Any, cli: Callable[..., Ended]
) -> None:
    before = (home / "runs" / "t" / "report.html").read_bytes()
    done = cli(command, str(home / "runs" / "t"), "-q")
    assert done.err == ""
    expected = {"pass": 0, "fail": 1, "inconclusive": 3}[result["verdict"]] if command == "gate" else 0
    assert done.code == expected
    assert (home / "runs" / "t" / "report.html").read_bytes() == before


def test_an_artefact_audited_by_itself_decides_as_in_its_run_and_can_be_compared(
    home: Path, run: Path, cli: Callable[..., Ended]
) -> None:
    factory = "factory_of_audit:make"
    model = {"kind": "variant", "path": "runs/t/artefacts/int8-dynamic", "factory": factory}
    config = configured(model=model, data={"selection": None}, audit="again")
    (home / "again.yaml").write_text(json.dumps(config))
    audited_here("again.yaml", "runs/again", home)
    again = predictions(home / "runs" / "again", "original")
    both = pa.concat_tables(
        [predictions(run, "int8-dynamic", f) for f in ("predictions", "predictions/selection")]
    ).sort_by("id")
    assert again["id"].to_pylist() == both["id"].to_pylist()
    # One scale per batch: which rows share a batch differs by the rows of the choice only in their order.
    np.testing.assert_array_equal(again["y_pred"].to_numpy(), both["y_pred"].to_numpy())
    np.testing.assert_array_equal(again["score"].to_numpy(), both["score"].to_numpy())
    third = configured(
        audit="third", model={"factory": factory, "path": "w.safetensors", "features": FEATURES}
    )
    (home / "third.yaml").write_text(json.dumps(third))
    audited_here("third.yaml", "runs/third", home)
    runs = [str(home / "runs" / name) for name in ("third", "again", "both")]
    done = cli("compare", *runs[:2], "-o", runs[2], "-q")
    assert done.code in (0, 1, 3), done.err
    compared = fairweigh.load_result(home / "runs" / "both").comparisons[0]
    before = predictions(home / "runs" / "third", "original")["y_pred"].to_numpy()
    flips = sum(f.flips for f in compared.flips if "sex" in f.slice)
    assert flips == int((before != again["y_pred"].to_numpy()).sum())


def test_a_scikit_learn_model_is_compressed_end_to_end(
    cli: Callable[..., Ended], write: Callable[..., None], here: Path
) -> None:
    write(table(0))
    write(table(1), name="e.parquet")
    model = {
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 10, "max_depth": 6},
        "features": FEATURES,
        "train": {"path": "e.parquet"},
    }
    steps = [
        {"prune": {"amount": 0.5}},
        "onnx",
        {"distill": {"estimator": "sklearn.tree.DecisionTreeClassifier"}},
        "float16",
    ]
    write(config=configured(model=model, compressions=steps))
    assert cli("audit", "a.yaml", "-q").code in (0, 1, 3)
    result = json.loads(Path("runs/t/audit.json").read_text())
    assert [v["name"] for v in result["variants"]][1:3] == ["prune-0.5", "onnx"]
    assert [f["name"] for f in result["failed"]] == ["float16"]
    assert cli("verify", "runs/t").code == 0


# --- an audit that is killed goes on where it was ----------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text model and rows for four shards of it; a model of a table, rows for twelve, and two variants."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("written")
    save_bert(folder / "model", num_hidden_layers=1)
    pq.write_table(texts(14_000, seed=2), folder / "d.parquet")
    model = {"kind": "transformers", "path": "model", "text": "text", "max_length": 24}
    (folder / "a.yaml").write_text(json.dumps(configured(model=model)))
    pq.write_table(numbers(48_000), folder / "numbers.parquet")
    factory = write_mlp(folder, "factory_of_kills")
    save_file(trained_mlp(numbers(500, 1)).state_dict(), folder / "w.safetensors")
    model = {"factory": factory, "path": "w.safetensors", "features": FEATURES}
    data = {"path": "numbers.parquet"}
    (folder / "plain.yaml").write_text(json.dumps(configured(model=model, audit="plain", data=data)))
    steps = ["bf16", "int8-dynamic"]
    ladder = configured(model=model, audit="ladder", data=data, compressions=steps)
    (folder / "ladder.yaml").write_text(json.dumps(ladder))
    return folder


def killed_when(home: Path, config: str, pattern: str, count: int) -> list[str]:
    """Start an audit and kill it once some shards are whole; returns what it left."""

    def whole(pattern: str) -> list[Path]:
        return [p for p in (home / "runs").glob(pattern) if ".part" not in p.name]

    process = started("audit", config, "-q", cwd=home, told=home)
    until = time.monotonic() + 300
    while len(whole(pattern)) < count:
        assert time.monotonic() < until
        assert process.is_alive()
        time.sleep(0.005)
    process.kill()
    process.join()
    assert not (home / "runs" / config.removesuffix(".yaml")).exists()
    return sorted(str(p.relative_to(home)) for p in whole(".*.scored/*/*.npz"))


def test_a_killed_audit_goes_on_from_its_shards_to_the_same_bytes(written: Path, tmp_path: Path) -> None:
    home = shutil.copytree(written, tmp_path / "home")
    kept = killed_when(home, "a.yaml", ".t.scored/*/*.npz", 2)
    assert 2 <= len(kept) < 4
    planted = shutil.copytree(home, tmp_path / "planted")
    audited_here("a.yaml", "whole/t", home)
    done = command("audit", "a.yaml", "-q", cwd=home)
    assert done.returncode == 0, done.stderr
    name = "t/predictions/original.parquet"
    assert (home / "runs" / name).read_bytes() == (home / "whole" / name).read_bytes()
    one, two = (json.loads((home / f / "t" / "audit.json").read_text()) for f in ("runs", "whole"))
    assert one["variants"] == two["variants"]
    assert one["variants"][0]["model"]["truncated"] > 1000
    assert [p.name for p in (home / "runs").iterdir()] == ["t"]
    # That the shards are read rather than scored again shows where one of them says something else.
    first = planted / kept[0]
    with np.load(first) as shard:
        held = dict(shard)
    score = held["score"]
    np.savez(first, **{**held, "score": np.full_like(score, 0.125)})
    assert command("audit", "a.yaml", "-q", cwd=planted).returncode == 0
    found = pq.read_table(planted / "runs" / name)["score"].to_numpy()
    assert (found[: len(score)] == 0.125).all()
    np.testing.assert_array_equal(
        found[len(score) :], pq.read_table(home / "runs" / name)["score"].to_numpy()[len(score) :]
    )


@pytest.fixture(scope="module")
def killed(written: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """What an audit of the table's model left when it was killed."""
    home = shutil.copytree(written, tmp_path_factory.mktemp("killed") / "home")
    return home, killed_when(home, "plain.yaml", ".plain.scored/*/*.npz", 2)


def test_half_a_shard_is_scored_again(killed: Any, tmp_path: Path) -> None:
    home, kept = shutil.copytree(killed[0], tmp_path / "home"), killed[1]
    first = home / kept[0]
    first.write_bytes(first.read_bytes()[:1000])
    assert command("audit", "plain.yaml", "-q", cwd=home).returncode == 0
    audited_here("plain.yaml", "whole/plain", home)
    name = "plain/predictions/original.parquet"
    assert (home / "runs" / name).read_bytes() == (home / "whole" / name).read_bytes()


def test_shards_of_another_model_are_not_taken(killed: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    home = shutil.copytree(killed[0], tmp_path / "home")
    save_file(trained_mlp(numbers(500, 2), seed=3).state_dict(), home / "w.safetensors")
    assert command("audit", "plain.yaml", "-q", cwd=home).returncode == 0
    audited_here("plain.yaml", "whole/plain", home)
    name = "plain/predictions/original.parquet"
    assert (home / "runs" / name).read_bytes() == (home / "whole" / name).read_bytes()


def test_an_audit_killed_in_its_second_variant_goes_on_to_the_same_bytes(
    written: Path, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    home = shutil.copytree(written, tmp_path / "home")
    kept = killed_when(home, "ladder.yaml", ".ladder.scored/int8-dynamic-*/*.npz", 1)
    assert {Path(p).parent.name.rpartition("-")[0] for p in kept} == {"original", "bf16", "int8-dynamic"}
    audited_here("ladder.yaml", "whole/ladder", home)
    done = command("audit", "ladder.yaml", "-q", cwd=home)
    assert done.returncode == 0, done.stderr
    for name in ("original", "bf16", "int8-dynamic"):
        path = f"ladder/predictions/{name}.parquet"
        assert (home / "runs" / path).read_bytes() == (home / "whole" / path).read_bytes()
    assert [p.name for p in (home / "runs").iterdir()] == ["ladder"]
    assert cli("verify", str(home / "runs" / "ladder"), "-q").code == 0
