"""Artefacts: what is in one, that it is enough, and what is refused of one that is damaged or hostile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairweigh.compression import artefact
from fairweigh.compression.make import Made
from fairweigh.compression.recipes import find
from fairweigh.datasets.errors import InputError
from fairweigh.models.function import FunctionModel
from fairweigh.models.neural import NeuralModel
from safetensors.torch import load_file, save_file

from ..tiny import FEATURES, batch, edit_json, load, mlp, numbers, texts
from .conftest import scores


@pytest.fixture
def saved(bert: NeuralModel, tmp_path: Path) -> Path:
    """The original as an artefact."""
    artefact.save(bert, [], tmp_path / "a")
    return tmp_path / "a"


def test_the_original_loads_again_without_the_folder_it_came_from(saved: Path, bert: NeuralModel) -> None:
    again = artefact.load(saved)
    np.testing.assert_array_equal(scores(again), scores(bert))
    names = sorted(p.relative_to(saved).as_posix() for p in saved.rglob("*") if p.is_file())
    assert names == [
        "model.safetensors", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json", "variant.json",
    ]  # fmt: skip


def test_threshold_labels_limit_and_batches_are_kept(bert: NeuralModel, tmp_path: Path) -> None:
    import dataclasses

    from fairweigh.models.neural import Batching

    model = dataclasses.replace(bert, threshold=0.61, batching=Batching(7, 99))
    artefact.save(model, [], tmp_path / "a")
    again = artefact.load(tmp_path / "a")
    kept = ("threshold", "labels", "positive", "batching", "max_length", "text")
    assert {k: again.describe()[k] for k in kept} == {k: model.describe()[k] for k in kept}


COMPUTED = """
import torch


def make():
    torch.manual_seed(1)
    normed = torch.nn.utils.spectral_norm(torch.nn.Linear(4, 8))
    mapped = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(8, 8))
    return torch.nn.Sequential(normed, torch.nn.ReLU(), mapped, torch.nn.ReLU(), torch.nn.Linear(8, 2))
"""


def test_weights_lie_in_memory_as_torch_lays_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A norm that is computed of them has else another last bit than in the module that was saved."""
    (tmp_path / "computed_weights.py").write_text(COMPUTED)
    monkeypatch.syspath_prepend(str(tmp_path))
    table = numbers(300)
    model = load("torch", table, factory="computed_weights:make", features=FEATURES, output="logits")
    artefact.save(model, [], tmp_path / "a")
    again = artefact.load(tmp_path / "a", factories=("computed_weights:make",))
    assert all(p.data_ptr() % 64 == 0 for p in again.runtime.module.parameters())
    np.testing.assert_array_equal(again.logits(batch(table, again)), model.logits(batch(table, model)))


def test_tied_tensors_are_stored_once_and_are_one_again(tmp_path: Path) -> None:
    import torch
    from fairweigh.compression import weights

    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)
            self.two.weight = self.one.weight

    module, other = Tied(), Tied()
    tensors, told = weights.stored(module)
    assert set(tensors) == {"one.weight", "one.bias", "two.bias"}
    assert weights.resident_bytes(module) == (64 + 8 + 8) * 4
    weights.restore(other, tensors, told)
    torch.testing.assert_close(other.two.weight, module.one.weight, rtol=0, atol=0)


def changed(spec: dict[str, Any]) -> Callable[..., None]:
    def do(folder: Any) -> None:
        edit_json(folder / "variant.json", **spec)

    return do


def without(name: str) -> Callable[..., None]:
    def do(folder: Any) -> None:
        tensors = load_file(str(folder / "model.safetensors"))
        tensors.pop(name)
        save_file(tensors, str(folder / "model.safetensors"))

    return do


def added(folder: Any) -> None:
    tensors = load_file(str(folder / "model.safetensors"))
    tensors["stranger"] = tensors["classifier.bias"].clone()
    save_file(tensors, str(folder / "model.safetensors"))


def reshaped(folder: Any) -> None:
    tensors = load_file(str(folder / "model.safetensors"))
    tensors["classifier.weight"] = tensors["classifier.weight"][:, :5].clone()
    save_file(tensors, str(folder / "model.safetensors"))


def cut(name: str, length: int) -> Callable[..., None]:
    def do(folder: Any) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:length])

    return do


def removed(name: str) -> Callable[..., None]:
    def do(folder: Any) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return do


STEP = {"recipe": "drop-layers", "record": {}}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (changed({"format": 3}), "written in format 3, this version reads up to 2"),
        (changed({"format": 1}), "written in format 1 by an earlier version, this one reads 2"),
        (changed({"format": "two"}), "not the description of an artefact"),
        (changed({"source": None}), "not the description of an artefact: source: this key is required"),
        (
            changed({"head": {"labels": ["a"]}}),
            "not the description of an artefact: head.positive: this key is required",
        ),
        (changed({"batching": {"rows": 3, "columns": 4}}), "not the description of an artefact"),
        (changed({"steps": [{**STEP, "recipe": "melt"}]}), "'melt' is no known recipe"),
        (changed({"steps": [{**STEP, "record": {"kept": {"nowhere": [0]}}}]}), "no attribute `nowhere`"),
        (
            changed({"tensors": {"tied": {"classifier.bias": "nothing"}}}),
            r"classifier.bias: expected \(2,\), got None",
        ),
        (changed({"family": "sklearn"}), "not the description of an artefact"),
        (without("classifier.bias"), r"does not fit: classifier.bias: expected \(2,\), got None"),
        (added, "the module has no place for stranger"),
        (reshaped, r"does not fit: classifier.weight: expected \(2, 48\), got \(2, 5\)"),
        (cut("model.safetensors", 1000), "no safetensors file that can be read"),
        (cut("variant.json", 100), "not the description of an artefact"),
        (removed("variant.json"), "variant.json: cannot be read: No such file"),
        (removed("model.safetensors"), "not an artefact: expected one of model.onnx"),
        (removed("tokenizer"), "tokenizer"),
    ],
)
def test_a_damaged_artefact_is_refused_in_one_line(
    damage: Callable[..., Any], told: str, saved: Path
) -> None:
    damage(saved)
    with pytest.raises(InputError, match=told) as error:
        artefact.load(saved)
    assert "\n" not in str(error.value)


def replaced(old: str, new: str) -> Callable[..., None]:
    def do(folder: Any) -> None:
        path = folder / "variant.json"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return do


def rules(*specs: Any) -> Callable[..., Any]:
    return changed({"rules": list(specs), "fitted_on": {}})


GROUPS = {"features": ["sex"], "keys": [["Female"], ["Male"]], "bins": {}, "unseen": "error"}
ISOTONIC = {"x": [0.2, 0.8], "y": [0.1, 0.9]}
DRAW = {"seed": 1, "columns": ["id"]}


def steps_rule(
    starts: list[Any], chances: list[Any], groups: dict[Any, Any] | None = None, **more: Any
) -> dict[Any, Any]:
    one = {"features": [], "keys": [[]], "bins": {}, "unseen": "error"}
    return {"kind": "steps", "groups": groups or one, "starts": starts, "chances": chances, **more}


def map_rule(*maps: Any, threshold: str | float = 0.5) -> dict[str, Any]:
    return {"kind": "map", "groups": GROUPS, "maps": list(maps), "threshold": threshold}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (replaced('"threshold": 0.5', '"threshold": NaN'), "expected value"),
        (replaced('"threshold": 0.5', '"threshold": -Infinity'), "invalid number"),
        (replaced('"threshold": 0.5', '"threshold": 1e999'), "'1e999' is beyond what a float holds"),
        (
            replaced('"threshold": 0.5', '"threshold": 0.5, "threshold": 2'),
            "the key 'threshold' stands twice",
        ),
        (replaced('"threshold": 0.5', f'"deep": {"[" * 100_000}'), "recursion limit exceeded"),
        (replaced('"threshold": 0.5', f'"deep": {"[" * 500}{"]" * 500}'), "recursion limit exceeded"),
        (replaced('"threshold": 0.5', f'"threshold": {"9" * 5000}'), "number out of range"),
        (replaced('"format": 2', '"format": NaN'), "expected value"),
        (changed({"threshold": True}), "threshold: input should be a valid number, got True"),
        (changed({"threshold": "0.1"}), "threshold: input should be a valid number, got '0.1'"),
        (changed({"threshold": [0.1]}), "threshold: input should be a valid number"),
        (changed({"format": -9}), "format: input should be greater than or equal to 2, got -9"),
        (changed({"format": True}), "format: input should be a valid integer, got True"),
        (changed({"format": 1.0}), "format: input should be a valid integer, got 1.0"),
        (changed({"format": 10**30}), "written in format 1000000000000000000000000000000, this version"),
        (changed({"surprise": 1}), "surprise: extra inputs are not permitted"),
        (changed({"family": "pickle"}), "input tag 'pickle' found using 'family'"),
        (changed({"batching": {"rows": 0, "tokens": 9}}), "batching.rows: input should be greater than"),
        (
            changed({"batching": {"rows": True, "tokens": 9}}),
            "batching.rows: input should be a valid integer",
        ),
        (changed({"head": {"labels": ["a", "b"], "positive": [7], "kind": "softmax"}}), "no outputs"),
        (
            changed({"head": {"labels": ["a", "b"], "positive": [1, 1], "kind": "softmax"}}),
            "different outputs",
        ),
        (
            changed({"head": {"labels": ["a", "b"], "positive": [1], "kind": "exec"}}),
            "head.kind: input should",
        ),
        (
            changed({"inputs": {"kind": "text", "text": "t", "pair": None, "max_length": -1}}),
            "inputs.max_length",
        ),
        (
            changed({"source": {"kind": "exported", "path": "../../other.pt2"}}),
            "source.path: input should be",
        ),
        (changed({"encodings": {"classifier.bias": {"as": "mask", "shape": [-1]}}}), "shape"),
        (
            changed(
                {
                    "steps": [
                        {
                            **STEP,
                            "record": {"attributes": {"bert": {"training": 1}}},
                        }
                    ]
                }
            ),
            "training",
        ),
        (changed({"steps": [{**STEP, "record": {"kept": {"bert.encoder.layer": [-1]}}}]}), "greater than"),
        (changed({"steps": [STEP] * 101}), "steps: list should have at most 100 items"),
        (rules(*[map_rule(ISOTONIC, ISOTONIC)] * 17), "rules: list should have at most 16 items"),
        (rules(map_rule(ISOTONIC, {"x": [0.2, 0.8], "y": [0.9, 0.1]})), "expected y that never falls"),
        (rules(map_rule(ISOTONIC, {"a": 1.5, "b": 0.0})), r"rules\[0\].maps\[1\].a: input should be less"),
        (rules(map_rule(ISOTONIC, {"x": ["0.2", 0.8], "y": [0.1, 0.9]})), "valid number, got '0.2'"),
        (rules(map_rule(ISOTONIC, {**ISOTONIC, "a": -1, "b": 0})), "extra inputs are not permitted"),
        (rules(map_rule(ISOTONIC)), "expected 2 maps, got 1"),
        (rules(map_rule(ISOTONIC, ISOTONIC, threshold="0.5")), r"rules\[0\].threshold: input should be"),
        (rules(map_rule(ISOTONIC, ISOTONIC, threshold=-9.0)), r"threshold: input should be greater"),
        (rules(map_rule(ISOTONIC, ISOTONIC, threshold=1e308)), r"rules\[0\].threshold: input should be less"),
        *(
            (rules(map_rule(odd, ISOTONIC)), r"rules\[0\].maps\[0\]: expected keys with their values")
            for odd in (None, True, -9, 1e308, "a", ["a"])
        ),
        (rules(steps_rule([["-inf", "0.5"]], [[0.0, 1.0]])), r"rules\[0\].starts\[0\]\[1\]: input should"),
        (rules(steps_rule([["-inf", 0.5]], [[0.0, True]])), r"chances\[0\]\[1\]: input should be a valid"),
        (rules(steps_rule([["-inf", 0.5]], [[0.0, 0.5]])), "a randomised rule needs a draw"),
        (rules(steps_rule([["-inf"]], [[1]], draw={"seed": "1", "columns": ["id"]})), "draw.seed: input"),
        (rules(steps_rule([["-inf"]], [[1]], draw={"seed": 1, "columns": []})), "draw.columns: list should"),
        (rules(steps_rule([["-inf"]], [[1]], groups={**GROUPS, "keys": [["a"], ["a"]]})), "distinct keys"),
        (rules({"kind": "chance", "draw": DRAW, "exec": "x"}), "exec: extra inputs are not permitted"),
    ],
)
def test_no_value_of_a_description_is_taken_that_it_cannot_have(damage: Any, told: Any, saved: Path) -> None:
    """Some of these once loaded and failed, or decided wrongly, only where somebody was decided."""
    damage(saved)
    with pytest.raises(InputError, match=told) as error:
        artefact.load(saved)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_codes_that_claim_more_elements_than_their_bytes_hold_are_refused(saved: Path) -> None:
    import torch

    tensors = load_file(str(saved / "model.safetensors"))
    bias = tensors.pop("classifier.bias")
    tensors |= {
        "classifier.bias#mask": torch.tensor([255], dtype=torch.uint8),
        "classifier.bias#values": bias,
    }
    save_file(tensors, str(saved / "model.safetensors"))
    edit_json(
        saved / "variant.json", encodings={"classifier.bias": {"as": "mask", "shape": [1 << 20, 1 << 20]}}
    )
    with pytest.raises(
        InputError, match=r"classifier.bias: 1 bytes do not hold 1099511627776 codes of 1 bits"
    ):
        artefact.load(saved)


@pytest.mark.parametrize("key", ["#scale", "#zero", "#int"])
def test_a_quantised_artefact_that_lacks_a_tensor_is_refused(
    key: str, table_model: NeuralModel, made: Callable[..., Made]
) -> None:
    found = made(table_model, ("int8-dynamic", {}))
    without(f"0.weight{key}")(found.folder)
    with pytest.raises(InputError, match=f"it lacks 0.weight{key}"):
        artefact.load(found.folder, *artefact.how_to_load(found.model))


def test_an_artefact_cannot_name_code_that_is_run_for_it(
    table_model: NeuralModel, made: Callable[..., Made], here: Path
) -> None:
    found = made(table_model, ("bf16", {}))
    with pytest.raises(InputError, match=r"its module is built by factory_of_recipes:make, code that is run"):
        artefact.load(found.folder)
    edit_json(found.folder / "variant.json", source={"kind": "factory", "factory": "os:getcwd"})
    with pytest.raises(InputError, match=r"set model.factory: os:getcwd if you trust it"):
        artefact.load(found.folder, "cpu", ("factory_of_recipes:make",))


def test_what_cannot_be_compressed_says_why(here: Path) -> None:
    import torch
    from fairweigh.models.extras import quiet

    with quiet():
        torch.onnx.export(
            mlp(), (torch.zeros(2, 4),), "m.onnx", dynamo=True, external_data=False, verbose=False,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        )  # fmt: skip
    model = load("onnx", numbers(), path="m.onnx", features=FEATURES)
    for other, told in (
        (model, "an ONNX model is compiled already: give the torch model"),
        (FunctionModel(len, [], 0.5), "which a table of predictions or a callable is not"),
    ):
        with pytest.raises(ValueError, match=told):
            find("int8-dynamic", artefact.family_of(other))
    with pytest.raises(InputError, match=r"expected a model that can be changed .* got NoneType"):
        artefact.family_of(None)


def test_an_artefact_that_scores_otherwise_than_what_was_saved_is_refused(
    bert: NeuralModel, made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A fault planted in the reader: one weight read wrongly."""
    from fairweigh.compression import codec

    read = codec.decode

    def wrong(encoded: Any, told: Any) -> Any:
        tensors = read(encoded, told)
        tensors["classifier.bias"] = tensors["classifier.bias"] + 1e-3
        return tensors

    monkeypatch.setattr(codec, "decode", wrong)
    with pytest.raises(InputError, match="loaded again, scores otherwise than the model that was saved"):
        made(bert, ("prune-magnitude", {}))
    assert not list(tmp_path.glob("artefact*"))


def test_variant_json_is_readable_and_names_the_steps(bert: NeuralModel, made: Callable[..., Made]) -> None:
    found = made(bert, ("drop-layers", {"keep": 2}), ("int8-dynamic", {}))
    spec = json.loads((found.folder / "variant.json").read_text())
    assert [step["recipe"] for step in spec["steps"]] == ["drop-layers", "int8-dynamic"]
    assert spec["steps"][0]["record"]["kept"] == {"bert.encoder.layer": [0, 3]}
    rows = batch(texts(5), found.model)
    assert artefact.load(found.folder).score(rows, None).score.shape == (5,)
