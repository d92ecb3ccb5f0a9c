"""Variants of a model of entities: made by recipes and given as folders, with flips and costs."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.extras import quiet
from fairweigh.verification import verify

from .. import tiny
from .test_taggers import NAMES, loaded, one_by_one, opened, rows, said, save_tagger

RECIPES = ["int8-dynamic", "bf16", "prune-magnitude"]


def content(**more: Any) -> dict[str, Any]:
    return {
        "audit": "tags", "task": "ner", "report": {"charts": False},
        "data": {"path": "in memory", "tags": "tags", "tokens": "tokens", "sensitive": ["sex"], "id": "id"},
        "model": {"kind": "transformers", "task": "token-classification", "path": "m"}, **more,
    }  # fmt: skip


def save_adapter(folder: Path, base: Path) -> None:
    import peft
    import torch
    import transformers

    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = transformers.AutoModelForTokenClassification.from_pretrained(base)
        asked = peft.LoraConfig(r=4, target_modules=["query", "value"], task_type="TOKEN_CLS")
        wrapped = peft.get_peft_model(module, asked)
        torch.manual_seed(1)
        for name, tensor in wrapped.named_parameters():
            if "lora_B" in name:
                tensor.data.normal_(0, 0.2)
        wrapped.save_pretrained(str(folder))
    tiny.edit_json(folder / "adapter_config.json", base_model_name_or_path=str(base))


def save_packed(folder: Path, base: Path) -> None:
    import transformers
    from torchao.quantization import Int8WeightOnlyConfig

    asked = transformers.TorchAoConfig(Int8WeightOnlyConfig(version=2))
    with quiet():
        module = transformers.AutoModelForTokenClassification.from_pretrained(
            base, quantization_config=asked, device_map="cpu"
        )
        module.save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(base).save_pretrained(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    place = tmp_path_factory.mktemp("variants")
    save_tagger(place / "m")
    save_tagger(place / "light", seed=1)
    save_tagger(place / "others", ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"])
    given = ["light", "others"]
    try:
        save_adapter(place / "lora", place / "m")
        save_packed(place / "packed", place / "m")
        given += ["lora", "packed"]
    except ImportError:
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        result = fairweigh.run(
            content(compressions=RECIPES, variants=[{"name": name, "path": name} for name in given]),
            "run", data=rows(60, seed=3),
        )  # fmt: skip
    return place, result


def test_recipes_that_learn_nothing_change_a_tagger_and_what_they_save_is_told(made: Any) -> None:
    place, result = made
    variants = {v.name: v for v in result.variants}
    whole = variants["original"].cost
    for name in RECIPES:
        cost = variants[name].cost
        assert "every score and decision equal to the last bit" in variants[name].recipe.reload
        assert cost.stored_bytes < whole.stored_bytes
        assert [t.batch for t in cost.timings] == [t.batch for t in whole.timings]
        assert len(cost.timings) == 2
        assert cost.flops_per_row == whole.flops_per_row > 0
        assert variants[name].self_flips.rows > 0
    assert "13 Linear layers to int8" in variants["int8-dynamic"].recipe.steps[0].changed
    assert variants["bf16"].cost.memory == 0.5
    # Half of the weights of the layers are gone: many sentences have other entities, which are counted.
    flips = {c.after: c.overall.flips for c in result.comparisons}
    assert flips["bf16"] < flips["prune-magnitude"]
    assert verify(place / "run").figures == []


def test_folders_made_elsewhere_are_scored_as_they_are_served(made: Any) -> None:
    place, result = made
    variants = {v.name: v for v in result.variants}
    weights = place / "light" / "model.safetensors"
    assert variants["light"].cost.stored_bytes == weights.stat().st_size
    table = rows(60, seed=3)
    flips = {c.after: c.overall.flips for c in result.comparisons}
    both = (one_by_one(place / name, table) for name in ("m", "light"))
    assert flips["light"] == sum(a != b for a, b in zip(*both, strict=True))
    (failed,) = result.failed
    assert (failed.name, failed.why) == (
        "others",
        "another model: expected the original's labels 'O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC', got 'O', "
        "'B-PER', 'I-PER', 'B-ORG', 'I-ORG'",
    )


def test_adapters_and_packed_weights_are_given_variants_too(made: Any) -> None:
    pytest.importorskip("peft")
    pytest.importorskip("torchao")
    place, result = made
    variants = {v.name: v for v in result.variants}
    assert variants["lora"].model.told["quantisation"] == "LoRA, rank 4, merged"
    assert variants["packed"].model.told["quantisation"].startswith("torchao")
    original = variants["original"].cost
    assert variants["packed"].cost.stored_bytes < original.stored_bytes < variants["lora"].cost.stored_bytes
    import torch
    import transformers

    tokens = rows(60, seed=3)["tokens"].to_pylist()[0]
    with quiet(), torch.inference_mode():
        served = transformers.AutoModelForTokenClassification.from_pretrained(place / "packed").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(place / "packed")
        read = tokenizer(tokens, is_split_into_words=True, return_tensors="pt")
        best = served(**read).logits[0].argmax(-1).tolist()
    first: dict[int, str] = {}
    for word, tag in zip(read.word_ids(0), best, strict=True):
        if word is not None:
            first.setdefault(word, NAMES[tag])
    from fairweigh.datasets.tags import entities
    from fairweigh.spans import written
    from pyarrow import parquet

    here = parquet.read_table(place / "run" / "predictions" / "packed.parquet")["y_pred"][0].as_py()
    assert here == written(entities([first[i] for i in range(len(tokens))], "iob2", "strict")[0])


def test_an_artefact_is_audited_again_to_the_same_entities(made: Any, monkeypatch: Any) -> None:
    place, result = made
    monkeypatch.chdir(place)
    again = fairweigh.run(
        content(model={"kind": "variant", "path": "run/artefacts/prune-magnitude"}), "again",
        data=rows(60, seed=3),
    )  # fmt: skip
    before = next(v for v in result.variants if v.name == "prune-magnitude")
    assert again.variants[0].overall_view_counts == before.overall_view_counts
    told = json.loads((place / "run/artefacts/prune-magnitude/variant.json").read_text())
    assert told["head"]["labels"] == NAMES
    assert told["inputs"] == {"kind": "tokens", "tokens": "tokens", "limit": 64}


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"distill": {"keep": 1}}, "distill: is made for the task binary or multiclass"),
        ("onnx", "onnx: is made for the task binary or multiclass"),
        ({"prune-magnitude": {"finetune": {}}}, "prune-magnitude.finetune: learns from rows"),
        ("float16", "'float16' is a recipe for sklearn models"),
    ],
)
def test_recipes_that_learn_or_are_of_others_are_told(here: Path, recipe: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        fairweigh.run(content(compressions=[recipe]), "run", data=rows(40))


def test_a_batch_that_does_not_fit_into_memory_is_halved(tmp_path: Path, monkeypatch: Any) -> None:
    table, folder = rows(), save_tagger(tmp_path / "m")
    model = loaded(folder, opened(table))
    whole, call = said(model, table), type(model.runtime).__call__

    def small(runtime: Any, arrays: Any) -> Any:
        if len(arrays["input_ids"]) > 3:
            raise MemoryError
        return call(runtime, arrays)

    monkeypatch.setattr(type(model.runtime), "__call__", small)
    assert said(model, table) == whole
    assert any("was halved" in note for note in model.describe()["notes"])


def test_outputs_that_are_no_numbers_are_told_with_their_row(tmp_path: Path) -> None:
    table = rows(40)
    model = loaded(save_tagger(tmp_path / "m"), opened(table))
    module = model.runtime.module
    module.classifier.bias.data[0] = np.nan
    with pytest.raises(InputError, match="expected finite outputs, got NaN or infinity for id"):
        model.score(table.to_batches()[0], pa.array(range(40)))
