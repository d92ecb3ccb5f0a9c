"""Folders of packed weights: a line for every method of transformers, and those that can be made here."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.models.extras import quiet
from fairweigh.models.given import given_transformers
from fairweigh.models.neural import NeuralModel
from fairweigh.models.quantised import PACKAGES, _method
from numpy.typing import NDArray
from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING
from transformers.tokenization_utils_sentencepiece import SentencePieceBackend
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from .. import tiny

METHODS = sorted({name.removesuffix("_4bit").removesuffix("_8bit") for name in AUTO_QUANTIZER_MAPPING})


def test_every_method_of_transformers_is_known() -> None:
    assert sorted(PACKAGES) == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_a_package_that_is_not_here_is_named_with_its_command(
    method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("fairweigh.models.quantised.find_spec", lambda name: None)
    with pytest.raises(InputError) as told:
        _method({"quant_method": method}, "model.path: m")
    package = PACKAGES[method][1]
    assert str(told.value) == (
        f"model.path: m: its weights are quantised by {method}, which needs the package "
        f"{package.split()[0]}: pip install {package}"
    )


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_bert(tmp_path_factory.mktemp("bert"), num_hidden_layers=1)


def loaded(path: Path) -> NeuralModel:
    data = EvaluationSet(tiny.texts(40), sensitive=["sex"], label="y", id="id")
    from fairweigh.audit.config import model_spec

    spec = model_spec({"kind": "transformers", "path": str(path), "text": "text", "device": "cpu"})
    return given_transformers(spec, data, None, 0)[0]


def scored(module: Any, tokenizer: TokenizersBackend | SentencePieceBackend) -> NDArray[Any]:
    """Scores of a loop by hand, one row at a time."""
    told = tiny.texts(40)["text"].to_pylist()
    logits = torch.cat([module(**tokenizer(text, return_tensors="pt")).logits for text in told])
    return logits.softmax(-1)[:, 1].numpy()


@pytest.mark.parametrize("method", METHODS)
def test_a_folder_of_any_method_is_scored_or_refused_in_one_line(
    method: Any, bert: Path, tmp_path: Path
) -> None:
    """Weights that are not packed at all, under the name of each method."""
    shutil.copytree(bert, tmp_path / "m")
    tiny.edit_json(tmp_path / "m" / "config.json", quantization_config={"quant_method": method})
    try:
        model = loaded(tmp_path / "m")
    except InputError as error:
        refused = str(error)
    else:
        refused = ""
        score = model.score(tiny.batch(tiny.texts(8), model), None).score
        assert np.isfinite(score).all()
    assert "\n" not in refused
    assert refused.startswith("model.path: " if refused else "")


def test_quanto_is_served_as_transformers_serves_it(bert: Path, tmp_path: Path) -> None:
    """transformers saves none of its weights: the folder's own are rounded when they are loaded."""
    pytest.importorskip("optimum.quanto", reason="optimum-quanto is not installed")
    shutil.copytree(bert, tmp_path / "m")
    how = {"quant_method": "quanto", "weights": "int8", "activations": None}
    tiny.edit_json(tmp_path / "m" / "config.json", quantization_config=how)
    model = loaded(tmp_path / "m")
    score = model.score(tiny.batch(tiny.texts(40), model), None).score
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    with quiet(), torch.inference_mode():
        served = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "m").eval()
        plain = transformers.AutoModelForSequenceClassification.from_pretrained(bert).eval()
        own, float32 = scored(served, tokenizer), scored(plain, tokenizer)
    assert np.abs(score - own).max() < 1e-5
    assert np.abs(score - float32).max() > 1e-4
    assert "packed on loading" in model.runtime.describe()["notes"][0]
    assert json.loads((tmp_path / "m" / "config.json").read_text())["quantization_config"] == how


def test_eight_bits_of_floating_point_in_blocks_are_unpacked_on_a_cpu(bert: Path, tmp_path: Path) -> None:
    """The format of fine-grained fp8, written by hand: a scale for each block of a weight."""
    from safetensors.torch import load_file, save_file

    if torch.cuda.is_available():
        pytest.skip("a GPU serves it by other kernels")
    block = 16
    shutil.copytree(bert, tmp_path / "m")
    tensors, expected = load_file(bert / "model.safetensors"), {}
    packed = {}
    for name, tensor in tensors.items():
        if (
            not name.endswith(("query.weight", "key.weight", "value.weight", "dense.weight"))
            or "pooler" in name
        ):
            packed[name] = expected[name] = tensor
            continue
        tiles = tensor.reshape(tensor.shape[0] // block, block, tensor.shape[1] // block, block)
        scale = tiles.abs().amax((1, 3), keepdim=True) / torch.finfo(torch.float8_e4m3fn).max
        small = (tiles / scale).to(torch.float8_e4m3fn)
        packed[name] = small.reshape(tensor.shape)
        packed[f"{name}_scale_inv"] = scale[:, 0, :, 0].contiguous()
        expected[name] = (small.float() * scale).reshape(tensor.shape)
    save_file(packed, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    how = {
        "quant_method": "fp8", "weight_block_size": [block, block], "activation_scheme": "dynamic",
        "modules_to_not_convert": ["classifier", "pooler"],
    }  # fmt: skip
    tiny.edit_json(tmp_path / "m" / "config.json", quantization_config=how)
    model = loaded(tmp_path / "m")
    score = model.score(tiny.batch(tiny.texts(40), model), None).score
    with quiet(), torch.inference_mode():
        module = transformers.AutoModelForSequenceClassification.from_pretrained(bert).eval()
        module.load_state_dict(expected)
        tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
        rows = [
            module(**tokenizer(t, return_tensors="pt")).logits for t in tiny.texts(40)["text"].to_pylist()
        ]
    # It is unpacked to bfloat16.
    assert np.abs(score - torch.cat(rows).softmax(-1)[:, 1].numpy()).max() < 0.03
    assert "unpacked on loading: scored in" in model.runtime.describe()["notes"][0]
