"""Recipes on torch models of several classes and of numbers: trained on with weights, and calibrated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from fairweigh.audit.making.fresh import PROGRAM
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.fresh import FreshProcesses
from fairweigh.compression.make import make
from fairweigh.compression.registry import Context
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.training import TrainingRows

from ..compression.test_tasks import CLASSES, labelled, outcomes
from ..tiny import FEATURES, batch, load, numbers, write_mlp

SHORT = {"steps": 12, "lr": 0.02, "batch": 64}


@pytest.fixture(params=["multiclass", "regression"])
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(tmp_path))
    task = request.param
    factory = write_mlp(tmp_path, f"repaired_{task}", outputs=len(CLASSES) if task == "multiclass" else 1)
    roles = {"task": task, **({"classes": list(CLASSES)} if task == "multiclass" else {})}
    found = load(
        "torch", labelled(task, numbers()), factory=factory, features=FEATURES, label="y", roles=roles
    )
    return found, factory


def twice(model: Any) -> TrainingRows:
    """Every row once in group a and once in b, so that group and label are independent of each other."""
    table = numbers(200, seed=5)
    both = pa.concat_tables([table, table]).combine_chunks()
    group = pa.array(["a"] * 200 + ["b"] * 200).dictionary_encode()
    columns = batch(both, model).append_column("group", group)
    classes = CLASSES if model.task == "multiclass" else ()
    return TrainingRows(
        columns, outcomes(both)[model.task], None, "400 rows", {"group": group}, task=model.task,
        classes=classes,
    )  # fmt: skip


def made(model: Any, folder: Any, rows: TrainingRows, *recipe: tuple[str, dict[str, Any]]) -> Any:
    around = Context(0, rows.batch.slice(0, 16), lambda: rows, lambda: rows, model, sensitive=("group",))
    return make(model, list(recipe), around, folder)


def test_weights_that_are_all_one_train_alike_and_others_do_not(model: Any, tmp_path: Path) -> None:
    found, _ = model
    rows = twice(found)
    plain = made(found, tmp_path / "a", rows, ("slice-balancing", SHORT))
    score = plain.model.score(rows.batch, None).score
    assert [cell["weight"] for cell in plain.told["weights"]] == [1.0, 1.0]
    assert not np.allclose(score, found.score(rows.batch, None).score)
    if found.task == "multiclass":
        weighed = made(found, tmp_path / "b", rows, ("reweighing", SHORT))
        assert {cell["weight"] for cell in weighed.told["weights"]} == {1.0}
        assert {cell["label"] for cell in weighed.told["weights"]} == {*CLASSES}
        np.testing.assert_array_equal(weighed.model.score(rows.batch, None).score, score)
    # Three quarters of group b are gone: those that stay weigh four times as much as those of group a.
    fewer = rows.take(np.arange(250))
    told = made(found, tmp_path / "c", fewer, ("slice-balancing", SHORT)).told["weights"]
    assert told[1]["weight"] == pytest.approx(4 * told[0]["weight"])


def test_the_fresh_processes_of_an_audit_know_what_those_of_compression_alone_do_not(
    model: Any, tmp_path: Path
) -> None:
    found, factory = model
    rows = twice(found)
    variant = made(found, tmp_path / "a", rows, ("slice-balancing", SHORT))
    with FreshProcesses("torch", "cpu", PROGRAM) as processes:
        told = processes.collect(processes.start(variant.folder, rows.batch, "cpu", (factory,)))
    np.testing.assert_array_equal(told["score"], variant.model.score(rows.batch, None).score)
    with FreshProcesses("torch") as processes:
        asked = processes.start(variant.folder, rows.batch, "cpu", (factory,))
        with pytest.raises(InputError, match="'slice-balancing' is no known recipe"):
            processes.collect(asked)


def test_a_network_of_classes_is_calibrated_and_loads_again(model: Any, tmp_path: Path) -> None:
    found, factory = model
    if found.task != "multiclass":
        pytest.skip("numbers are not calibrated")
    rows = twice(found)
    with pytest.raises(InputError, match="in a the model's probabilities are no better than equal ones"):
        made(found, tmp_path / "untrained", rows, ("calibration", {}))
    variant = made(found, tmp_path / "a", rows, ("slice-balancing", SHORT), ("calibration", {}))
    before, after = (m.score(rows.batch, None) for m in (variant.model.inner, variant.model))
    np.testing.assert_array_equal(before.decision, after.decision)
    # torch's own cross entropy has its least at the temperature that was found.
    logits = torch.from_numpy(np.log(before.score + 1e-12))
    place = torch.tensor([CLASSES.index(name) for name in rows.labels])
    (rule,) = variant.told["rules"]
    beta = torch.tensor(1 / rule["slices"][0]["temperature"], dtype=torch.float64, requires_grad=True)
    torch.nn.functional.cross_entropy(beta * logits[:200], place[:200]).backward()
    assert abs(float(beta.grad)) < 1e-6
    again = load_artefact(variant.folder, "cpu", (factory,))
    np.testing.assert_array_equal(again.score(rows.batch, None).score, after.score)
