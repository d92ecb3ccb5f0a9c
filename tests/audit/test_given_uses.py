"""Given variants after their audit: compared, judged, recorded, verified; and what is odd about one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pytest
import skops.io
from fairweigh.models.extras import quiet
from sklearn.linear_model import LogisticRegression

from .. import tiny

if TYPE_CHECKING:
    from ..conftest import Ended


REPORT = {"charts": False}


@pytest.fixture
def runs(here: Path, cli: Callable[..., Ended]) -> Any:
    """Two runs that give a variant of the same name, the second of fewer features."""
    table = tiny.numbers(600).to_pandas()
    table.to_parquet("d.parquet")
    for name, columns in {"full": tiny.FEATURES, "two": ["a", "b"], "one": ["a"]}.items():
        skops.io.dump(LogisticRegression().fit(table[columns], table.y), f"{name}.skops")
    for name, file in {"first": "two", "second": "one"}.items():
        config = {
            "audit": name, "data": {"path": "d.parquet", "label": "y", "sensitive": ["sex"], "id": "id"},
            "model": {"path": "full.skops"}, "variants": [{"name": "small", "path": f"{file}.skops"}],
            "gates": [{"metric": "accuracy", "compare": "change", "limit": ">= -0.5", "on": "small"}],
            "report": REPORT,
        }  # fmt: skip
        Path(f"{name}.yaml").write_text(json.dumps(config))
        assert cli("audit", f"{name}.yaml", "-q").code in (0, 1, 3)
    return table


def accuracy(table: Any, columns: list[Any]) -> Any:
    model = LogisticRegression().fit(table[columns], table.y)
    return (model.predict(table[columns]) == table.y).mean()


def test_a_policy_names_a_given_variant(runs: Any, cli: Callable[..., Ended], here: Path) -> None:
    full, two = accuracy(runs, tiny.FEATURES), accuracy(runs, ["a", "b"])
    gates = [
        {"id": "kept", "metric": "accuracy", "compare": "change", "limit": ">= -0.2", "on": "small"},
        {"id": "right", "metric": "accuracy", "limit": ">= 0.99", "on": "small"},
    ]
    Path("p.yaml").write_text(json.dumps({"policy": "house", "gates": gates}))
    judged = cli("gate", "runs/first", "--policy", "p.yaml", "--junit", "j.xml")
    assert judged.code == 1
    assert f"measured {100 * (two - full):+.1f} points".replace("-", "−") in judged.out.replace("\xa0", " ")
    assert "fail" in judged.out.splitlines()[0]
    gates[1]["on"] = "gone"
    Path("p.yaml").write_text(json.dumps({"policy": "house", "gates": gates}))
    judged = cli("gate", "runs/first", "--policy", "p.yaml")
    assert judged.code == 2
    assert "The run has no variant 'gone'" in judged.out


def test_a_baseline_and_a_comparison_are_of_what_each_run_releases(
    runs: Any, cli: Callable[..., Ended]
) -> None:
    gates = [{"id": "since", "metric": "accuracy", "compare": "change", "limit": ">= -0.9"}]
    Path("p.yaml").write_text(json.dumps({"policy": "since", "gates": gates}))
    judged = cli("gate", "runs/second", "--policy", "p.yaml", "--baseline", "runs/first")
    assert judged.code == 0, judged
    assert "paired: all 600 rows matched by id" in judged.out
    compared = cli("compare", "runs/first", "runs/second", "-o", "both", "-q")
    assert compared.code in (0, 1, 3), compared
    told = json.loads(Path("both", "audit.json").read_text())
    # A comparison of two runs is of their originals, which are one file here.
    assert told["comparisons"][0]["overall"]["flips"] == 0
    assert cli("verify", "both").code == 0


def test_a_history_shows_a_given_variant(runs: Any, cli: Callable[..., Ended]) -> None:
    for name in ("first", "second"):
        assert cli("record", f"runs/{name}", "--db", "sqlite:///h.db").code == 0
    shown = cli("history", "second", "--db", "sqlite:///h.db", "--variant", "small")
    assert shown.code == 0
    line = next(line for line in shown.out.splitlines() if line.strip().startswith("accuracy "))
    assert f"{accuracy(runs, ['a']):.3f}" in line


def test_a_run_is_verified_wherever_its_variants_files_are(runs: Any, cli: Callable[..., Ended]) -> None:
    Path("two.skops").unlink()
    shutil.copyfile("one.skops", "full.skops")
    ended = cli("verify", "runs/first")
    assert ended.code == 0
    assert "not proven by anything here" in ended.err + ended.out
    told = json.loads(Path("runs", "first", "MANIFEST.json").read_text())
    assert told["given"]["small"]["sha256"]
    # Changed in the run itself, it is found.
    result = Path("runs", "first", "audit.json")
    result.write_text(result.read_text().replace("two.skops", "six.skops"))
    assert cli("verify", "runs/first").code != 0


def data_of(table: Any, **more: Any) -> Any:
    return {"label": "y", "sensitive": ["sex"], "id": "id"} | more


def test_the_class_and_the_keywords_take_variants(here: Path) -> None:
    table = tiny.numbers(300).to_pandas()
    full = LogisticRegression().fit(table[tiny.FEATURES], table.y)
    two = LogisticRegression().fit(table[["a", "b"]], table.y)
    by_keywords = fairweigh.Audit(
        "k", table, label="y", sensitive=["sex"], id="id", model=full, variants={"two": two}, report=REPORT
    ).run("runs/k")
    config = {"audit": "c", "data": data_of(table), "model": {"features": tiny.FEATURES}, "report": REPORT}
    by_config = fairweigh.run(config, "runs/c", data=table, model=full, variants={"two": two})
    apart = float((full.predict(table[tiny.FEATURES]) != two.predict(table[["a", "b"]])).mean())
    assert by_keywords.comparisons[0].overall.rate == by_config.comparisons[0].overall.rate == apart


def test_outputs_in_another_order_are_asked_about(here: Path) -> None:
    import torch

    table = tiny.numbers(300).to_pandas()
    module, swapped = tiny.trained_mlp(tiny.numbers(300)), tiny.trained_mlp(tiny.numbers(300))
    last = swapped[4]
    last.weight.data, last.bias.data = last.weight.data.flip(0), last.bias.data.flip(0)
    config = {"audit": "s", "data": data_of(table), "model": {"features": tiny.FEATURES}, "report": REPORT}
    result = fairweigh.run(
        config, "runs/s", data=table, model=module, variants={"swapped": swapped, "same": module}
    )
    assert [c.overall.rate for c in result.comparisons] == [1, 0]
    asked = [w for w in result.data.warnings if "Nearly every decision" in w]
    assert asked == [
        "Nearly every decision of swapped is the other one (100.0%): are its outputs in another order, or is "
        "its other label the positive one?"
    ]
    assert torch.equal(module[4].weight.flip(0), swapped[4].weight)


@pytest.mark.parametrize(
    ("given", "flipped"),
    [(("NO", "YES"), 0), (("No", "Yes"), 0), ((0, 1), 0), ((False, True), 0), (("nay", "yea"), None)],
)
def test_classes_of_a_variant_are_the_originals_in_other_letters(
    here: Path, given: tuple[str | int, str | int], flipped: int | None
) -> None:
    table = tiny.numbers(300).to_pandas()
    features, side = table[tiny.FEATURES], table.y.to_numpy()
    table["y"] = np.asarray(["no", "yes"])[side]
    original = LogisticRegression().fit(features, table.y)
    variant = LogisticRegression().fit(
        features, np.asarray(given, object if isinstance(given[0], str) else None)[side]
    )
    config = {"audit": "y", "data": data_of(table, positive="yes"), "model": {}, "report": REPORT}
    result = fairweigh.run(config, "runs/y", data=table, model=original, variants={"other": variant})
    if flipped is None:
        assert "it has 'nay', 'yea'" in result.failed[0].why
    else:
        assert result.comparisons[0].overall.rate == flipped


def test_numbers_of_classes_beside_a_positive_no_are_read_by_what_they_mean(here: Path) -> None:
    """Of classes 0 and 1 the first is the no, also where that is what the audit calls positive."""
    table = tiny.numbers(300).to_pandas()
    features, side = table[tiny.FEATURES], table.y.to_numpy()
    variant = LogisticRegression().fit(features, side)
    table["y"] = np.asarray(["no", "yes"])[side]
    original = LogisticRegression().fit(features, table.y)
    config = {"audit": "n", "data": data_of(table, positive="no"), "model": {}, "report": REPORT}
    result = fairweigh.run(config, "runs/n", data=table, model=original, variants={"other": variant})
    assert result.comparisons[0].overall.rate == 0


def test_catboosts_own_export_decides_as_catboost(here: Path) -> None:
    """Labels and a ZipMap of probabilities, as a model and as a variant."""
    catboost = pytest.importorskip("catboost")
    import pyarrow.parquet as pq

    labels: dict[str, list[Any]] = {"whole": [0, 1], "text": ["no", "yes"]}
    for name, words in labels.items():
        table = tiny.numbers(300).to_pandas()
        features = table[tiny.FEATURES].to_numpy()
        table["y"] = np.asarray(words)[table.y]
        with quiet():
            model = catboost.CatBoostClassifier(
                iterations=20, depth=3, verbose=0, random_seed=0, allow_writing_files=False
            ).fit(features, table.y)
        model.save_model(f"{name}.onnx", format="onnx")
        config = {
            "audit": name, "data": data_of(table, positive=words[1]), "report": REPORT,
            "model": {"features": tiny.FEATURES},
        }  # fmt: skip
        beside = fairweigh.run(
            config, f"runs/{name}1", data=table, model=model, variants={"o": f"{name}.onnx"}
        )
        assert beside.comparisons[0].overall.rate == 0
        # What CatBoost holds is out of Python's sight; what is in the graph can be counted.
        original, graph = (v.cost for v in beside.variants)
        assert original.parameters is None
        assert "not measured" in original.notes[0]
        assert graph.parameters > 0
        config["model"]["path"] = f"{name}.onnx"
        fairweigh.run(config, f"runs/{name}2", data=table)
        found = pq.read_table(f"runs/{name}2/predictions/original.parquet")
        np.testing.assert_allclose(found["score"], model.predict_proba(features)[:, 1], atol=1e-6)
        np.testing.assert_array_equal(found["y_pred"], model.predict(features).ravel() == words[1])
