"""Quantisation-aware fine-tuning: against torch's own int8 kernels, and against int8 without training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.config import read
from fairweigh.audit.making.inputs import load_model
from fairweigh.audit.making.opening import evaluation_set
from fairweigh.audit.making.training import learning
from fairweigh.compression import weights
from fairweigh.compression.artefact import how_to_load
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.make import Made, make
from fairweigh.compression.recipes.aware import rounded
from fairweigh.compression.registry import Context
from fairweigh.datasets.errors import InputError
from fairweigh.models.neural import NeuralModel

from ..tiny import FEATURES, batch, load, numbers, trained_mlp, write_mlp
from ..zoo.attempt import attempt
from ..zoo.zoo import configuration, ready

BRIEF = {"steps": 60, "lr": 3e-3}


@pytest.fixture
def uneven(here: Path) -> Any:
    """An MLP that has learned its task, some units of which are large and weigh little in what follows.

    A positive factor of a ReLU unit goes through it (M. Nagel et al., "Data-Free Quantization Through Weight
    Equalization and Bias Correction", 2019, section 4.1): the function is the same, the ranges are not, and
    one scale per layer has no steps left for the other units.
    """
    import torch
    from safetensors.torch import save_file

    module = trained_mlp(numbers(2000, 1))
    with torch.no_grad():
        for before, after in ((module[0], module[2]), (module[2], module[4])):
            before.weight[0] *= 80
            before.bias[0] *= 80
            after.weight[:, 0] /= 80
    save_file(module.state_dict(), "uneven.safetensors")
    factory = write_mlp(here, "factory_of_uneven")
    return load("torch", numbers(), factory=factory, path="uneven.safetensors", features=FEATURES)


def accuracy(model: Any) -> Any:
    table = numbers(2000, 3)
    decided = model.score(batch(table, model), None).decision
    return float((np.asarray(decided) == table["y"].to_numpy().astype(bool)).mean())


def test_it_mends_what_int8_alone_breaks(uneven: Any, made: Callable[..., Made]) -> None:
    plain = made(uneven, ("int8-dynamic", {}))
    aware = made(uneven, ("qat", {"steps": 200, "lr": 1e-2}), train=numbers(2000, 9))
    assert aware.steps[0]["changed"] == (
        "3 Linear layers to int8, one scale per layer; 95% of the weights; "
        "fine-tuned for 200 steps of 32 rows"
    )
    lost, left = (accuracy(uneven) - accuracy(one.model) for one in (plain, aware))
    assert lost > 0.05
    assert left < lost / 2
    assert aware.trained_on == "2000 rows of elsewhere"


@pytest.mark.parametrize("per_channel", [False, True])
def test_what_is_trained_is_what_is_stored(
    per_channel: bool, table_model: Any, made: Callable[..., Made]
) -> None:
    """Rounded in float32 the model gives what torch's int8 kernels make of the artefact.

    A rate so small leaves the weights as they are, so that the artefact holds these.
    """
    import torch

    params = {"steps": 1, "lr": 1e-20, "per_channel": per_channel}
    found = made(table_model, ("qat", params), train=numbers(60, seed=4))
    again = load_artefact(found.folder, *how_to_load(found.model))
    plain = made(table_model, ("int8-dynamic", {"per_channel": per_channel}))
    arrays = table_model.inputs.encode(batch(numbers(200), table_model), None).collate(np.arange(200))
    stored = found.model.runtime(arrays)
    np.testing.assert_array_equal(again.runtime(arrays), stored)
    np.testing.assert_array_equal(plain.model.runtime(arrays), stored)
    module = copy.deepcopy(table_model.runtime.module)
    layers = [m for m in module.modules() if type(m) is torch.nn.Linear]
    tensors = [torch.from_numpy(values) for values in arrays.values()]
    with torch.no_grad():
        unrounded = module(*tensors).numpy()
        with rounded(module, layers, per_channel):
            simulated = module(*tensors).numpy()
        np.testing.assert_array_equal(module(*tensors).numpy(), unrounded)
    assert np.abs(stored - unrounded).max() > 1e-2
    np.testing.assert_allclose(simulated, stored, atol=1e-4)
    assert [m for m in module.modules() if type(m) is torch.nn.Linear] == layers


def test_evaluation_labels_have_no_influence(tmp_path: Path) -> None:
    """An audit of rows with every label turned gives the recipe the same: its artefact does not change."""
    config = configuration("two logits")
    table = pq.read_table(config["data"]["path"])
    turned = table.set_column(table.column_names.index("y"), "y", pa.array(1 - table["y"].to_numpy()))
    pq.write_table(turned, tmp_path / "turned.parquet")
    kept, labels = [], []
    for name, path in (("one", config["data"]["path"]), ("other", str(tmp_path / "turned.parquet"))):
        read_in = read({**config, "data": {**config["data"], "path": path}})
        data = evaluation_set(read_in)
        model = load_model(read_in, data, None, lambda *_: None)
        rows = next(data.batches(model.columns)).select(model.columns)
        learned, fitted = learning(read_in, model)
        context = Context(
            0, rows.slice(0, 32), learned, fitted, model, sensitive=("sex", "race"), row_id="id"
        )
        found = make(model, [("qat", {"steps": 5, "batch": 16})], context, tmp_path / name)
        files = sorted(p for p in found.folder.rglob("*") if p.is_file())
        kept.append({p.name: p.read_bytes() for p in files})
        labels.append(pq.read_table(path)["y"].to_numpy())
    assert (labels[0] == 1 - labels[1]).all()
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2


@pytest.mark.parametrize(("name", "layers"), [("GPT-2", 17), ("tied layers", 3), ("weight_norm", 3)])
def test_layers_that_are_linear_by_another_name_or_shared(name: str, layers: int) -> None:
    found = attempt(name, "qat", {"steps": 4, "batch": 16})
    assert (found.broke, found.faults, found.why) == ("", (), "")
    assert found.changed.startswith(f"{layers} Linear layers to int8")


def test_what_was_pruned_stays_zero(table_model: NeuralModel, made: Callable[..., Made]) -> None:
    found = made(
        table_model, ("prune-magnitude", {"amount": 0.6}), ("qat", BRIEF), train=numbers(200, seed=9)
    )
    inner = weights.dense(found.model.runtime.module)["2.weight"]
    pruned = made(table_model, ("prune-magnitude", {"amount": 0.6}))
    gone = weights.dense(pruned.model.runtime.module)["2.weight"] == 0
    assert gone.float().mean() > 0.5
    assert (inner[gone] == 0).all()


def test_what_it_cannot_do_is_one_line(
    table_model: NeuralModel, made: Callable[..., Made], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"qat: needs rows to learn from; set model\.train"):
        made(table_model, ("qat", {}))
    with pytest.raises(InputError, match="qat: the weights are quantised already; put it before that step"):
        made(table_model, ("int8-dynamic", {}), ("qat", {}), train=numbers(50, seed=9))
    for name, words in (
        ("two logits, .pt2", "qat: the layers of an exported program cannot be exchanged"),
        ("three classes", "qat: fine-tuning knows two classes, the model has 3 outputs"),
    ):
        found = ready(name)
        with pytest.raises(InputError, match=words):
            make(found.model, [("qat", {})], found.context, tmp_path / "none")
    found = ready("LogisticRegression")
    with pytest.raises(ValueError, match="'qat' is a recipe for torch models"):
        make(found.model, [("qat", {})], found.context, tmp_path / "none")
    assert not (tmp_path / "none").exists()
