"""Model folders of strangers: links, indexes, code that a configuration names, sizes, tokenizers, heads."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import sha256_file
from fairweigh.models import texts as module
from fairweigh.models.folder import model_folder, plain_config
from fairweigh.models.sources import transformers_module
from fairweigh.models.texts import tokenizer_from

from ..tiny import WORDS, batch, edit_json, load, save_bert, save_tokenizer, texts

TASK = "text-classification"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"), num_hidden_layers=2)


@pytest.fixture
def folder(original: Path, here: Path) -> Path:
    """A model's folder that a test may damage."""
    return shutil.copytree(original, here / "m")


def refusal(folder: Path) -> str:
    """What is told of a folder that must be refused, at once and in one line."""
    start = time.perf_counter()
    with pytest.raises(InputError) as error:
        transformers_module(str(folder), TASK, 0)
    assert time.perf_counter() - start < 20
    told = str(error.value)
    assert "\n" not in told
    assert len(told) < 600
    return told


# --- which weights are loaded ----------------------------------------


def index(folder: Path, *names: object) -> None:
    """Put an index of weights in the place of the one file, which is called other.safetensors then."""
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    content = {"metadata": {}, "weight_map": {f"w{i}": name for i, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "name", ["../out.safetensors", "/etc/passwd", "sub/../../out.safetensors", 3, "link.safetensors", "x.bin"]
)
def test_an_index_that_leaves_the_folder_is_refused(
    name: str | int, folder: Path, original: Path, here: Path
) -> None:
    shutil.copy(original / "model.safetensors", here / "out.safetensors")
    index(folder, name)
    if name == "link.safetensors":
        (folder / name).symlink_to("../out.safetensors")
        assert "link.safetensors is a link that leads out of the folder" in refusal(folder)
    else:
        assert "expected a .safetensors file in the folder" in refusal(folder)


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "{}", '{"weight_map": {}}', '{"weight_map": 3}'])
def test_an_index_of_nothing_is_refused(content: Any, folder: Path) -> None:
    index(folder)
    (folder / "model.safetensors.index.json").write_text(content)
    assert "model.safetensors.index.json" in refusal(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_link_out_of_the_folder_is_refused(name: str, folder: Path, here: Path) -> None:
    (folder / name).rename(here / name)
    (folder / name).symlink_to(here / name)
    assert f"{name} is a link that leads out of the folder" in refusal(folder)


def test_the_hubs_own_cache_of_links_is_read(folder: Path, here: Path) -> None:
    blobs, snapshot = here / "models--a--b" / "blobs", here / "models--a--b" / "snapshots" / "123"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for file in folder.iterdir():
        file.rename(blobs / file.name)
        (snapshot / file.name).symlink_to(Path("../../blobs", file.name))
    _, _, sha = transformers_module(str(snapshot), TASK, 0)
    assert sha == sha256_file(blobs / "model.safetensors")


def test_a_pipe_in_the_folder_is_refused_and_not_waited_for(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    assert "config.json is no regular file" in refusal(folder)


def test_the_checksum_is_that_of_what_is_loaded(folder: Path, original: Path) -> None:
    shutil.copy(original / "model.safetensors", folder / "another.safetensors")
    (folder / "another.safetensors").write_bytes(b"not even one")
    _, _, sha = transformers_module(str(folder), TASK, 0)
    assert sha == sha256_file(folder / "model.safetensors")
    index(folder, "other.safetensors")
    before = transformers_module(str(folder), TASK, 0)[2]
    assert before == model_folder(str(folder)).sha256
    assert before != sha
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "other.safetensors"))
    tensors["classifier.bias"] += 1
    save_file(tensors, str(folder / "other.safetensors"), metadata={"format": "pt"})
    assert transformers_module(str(folder), TASK, 0)[2] != before


# --- code and kernels that a configuration names ----------------------------------------


@pytest.mark.parametrize(
    "named",
    [
        {"attn_implementation": "org/repo"},
        {"_attn_implementation": "org/repo:kernel", "experts_implementation": "org/repo"},
        {"_attn_implementation_internal": {"": "org/repo"}},
        {"auto_map": {"AutoModelForSequenceClassification": "org/repo--m.M", "AutoConfig": "x.Y"}},
        {"custom_pipelines": {"text-classification": {"impl": "x.Y"}}, "use_kernels": True},
        {
            "transformers_weights": "../out.safetensors",
            "_commit_hash": "x",
            "kernel_config": {"a": "org/repo"},
        },
    ],
)
def test_a_model_is_what_it_is_without_the_code_that_it_names(
    named: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a network, and with the hub's word that there is one, nothing is looked for there."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    reached = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: reached.append(address))
    edit_json(folder / "config.json", **named)
    edit_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["org/repo--t.T", None]})
    module, source, _ = transformers_module(str(folder), TASK, 0)
    tokenizer_from(str(folder))
    assert module.config._attn_implementation in ("sdpa", "eager")
    assert not set(named) & set(source.config)
    assert not reached


def test_a_nested_configuration_is_stripped_too() -> None:
    config = {
        "model_type": "x",
        "text_config": {"attn_implementation": "org/repo", "layers": [{"auto_map": {}}]},
    }
    assert plain_config(config, "m") == {"model_type": "x", "text_config": {"layers": [{}]}}


@pytest.mark.parametrize("key", ["quantization_config", "compression_config"])
def test_quantised_weights_are_refused_by_the_name_of_what_reads_them(key: str, folder: Path) -> None:
    edit_json(folder / "config.json", **{key: {"quant_method": "awq"}})
    assert f"is quantised ({key}: awq)" in refusal(folder)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_adapter_weights_are_refused_and_not_audited_as_their_base(name: str, folder: Path) -> None:
    (folder / name).write_text("{}")
    assert f"holds adapter weights ({name}), which belong to another model; merge them" in refusal(folder)


def test_adapters_alone_are_refused_as_such(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    assert "holds adapter weights" in refusal(folder)


# --- sizes ----------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("num_hidden_layers", 1_000_000, "num_hidden_layers: 1,000,000 layers, but its weights are 41"),
        ("hidden_size", 10**8, "hidden_size: 100,000,000, but no tensor of its weights is larger than 96"),
        ("vocab_size", 10**9, "vocab_size: 1,000,000,000, but no tensor"),
        ("intermediate_size", 10**12, "intermediate_size: 1,000,000,000,000, but no tensor"),
        ("max_position_embeddings", 10**9, "max_position_embeddings: 1,000,000,000, but no tensor"),
        ("num_attention_heads", 10**6, "num_attention_heads: 1,000,000, but no tensor"),
        ("num_labels", 10**9, "num_labels: 1,000,000,000, but no tensor"),
        ("num_experts", 10**6, "num_experts: 1,000,000, but no tensor"),
        ("type_vocab_size", 1e9, "type_vocab_size: 1,000,000,000.0, but no tensor"),
        ("text_config", {"num_hidden_layers": 10**7}, "text_config.num_hidden_layers: 10,000,000 layers"),
        ("hidden_size", 96, "hidden_size: 96: bert.embeddings.word_embeddings.weight has the shape (37, 48)"),
        ("vocab_size", 38, "vocab_size: 38: bert.embeddings.word_embeddings.weight has the shape"),
        ("max_position_embeddings", 100_000, "position_embeddings.weight has the shape (64, 48), expected"),
        ("num_hidden_layers", 1, "fewer layers than its weights have, such as 'bert.encoder.layer.1."),
        ("num_hidden_layers", 0, "asks for fewer layers than its weights have"),
        ("num_hidden_layers", -5, "asks for fewer layers than its weights have"),
        ("num_hidden_layers", 3, "lacks 16 of the weights"),
        ("hidden_size", "48", "expected int, got str"),
        ("hidden_size", 0, "cannot be read as a transformers model"),
    ],
)  # fmt: skip
def test_sizes_that_the_weights_do_not_have_are_refused_by_key_and_value(
    key: str, value: Any, told: str, folder: Path
) -> None:
    edit_json(folder / "config.json", **{key: value})
    assert told in refusal(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"a":' * 100_000, "config.json: recursion limit exceeded"),
        ('{"model_type": "bert", "model_type": "gpt2"}', "config.json: the key 'model_type' stands twice"),
        ('{"model_type": "bert", "hidden_size": NaN}', "config.json: expected value"),
        ('{"model_type": "nothing"}', "expected a model_type that this transformers knows, got 'nothing'"),
        ("[1]", "config.json: expected a mapping"),
    ],
)
def test_a_configuration_that_no_reader_agrees_on_is_refused(content: Any, told: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    assert told in refusal(folder)


def header(content: dict[str, Any], size: int | None = None) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + b"1234"


F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    "content",
    [
        header({}, 2**62),
        header({"a": {**F32, "shape": [10**12]}}),
        header({"a": F32, "b": F32}),
        header({"a": {**F32, "data_offsets": [0, 10**15]}}),
        struct.pack("<Q", 90_000_000) + b"{" * 1000,
    ],
)  # fmt: skip
def test_a_safetensors_header_that_lies_is_refused(content: Any, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert "cannot be read as a transformers model: model.safetensors: " in refusal(folder)


# --- tokenizers ----------------------------------------


def split(expression: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


def replace(folder: Path, **changes: Any) -> None:
    """Change tokenizer.json, and have it read as it is."""
    content = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**content, **changes}))
    edit_json(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")


def test_an_expression_without_end_is_one_line_and_no_failed_gate(
    folder: Path,
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    refused: Callable[..., str],
) -> None:
    """tokenizers panics there: no Exception, exit code 1, and pages of its own on standard error."""
    replace(folder, normalizer=None, pre_tokenizer=split("([a-z ]+)+$"))
    table = texts(12, text=["bala bala bala bala bala demi demi!", *["bala"] * 11])
    write(table, make_config(model={"kind": "transformers", "path": "m", "text": "text"}))
    assert "text column 'text': the model's tokenizer cannot read it: Onig: Regex search error" in refused()
    with pytest.raises(InputError, match="the model's tokenizer cannot read it"):
        load("transformers", table, text="text", path=str(folder))


def test_a_slow_expression_is_refused_early(
    folder: Path,
    refused: Callable[..., str],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No match is long enough for the library's own limit."""
    replace(folder, normalizer=None, pre_tokenizer=split("(?:[a-z ]*[a-z ]*[a-z ]*)*#"))
    table = texts(12, text=["bala demi " * 40] * 12)
    write(table, make_config(model={"kind": "transformers", "path": "m", "text": "text"}))
    monkeypatch.setattr(module, "TOKENISING_SECONDS", 0.0)
    monkeypatch.setattr(module, "CHARACTERS_PER_SECOND", 1e9)
    assert "the model's tokenizer cannot read it: it took " in (told := refused())
    assert " s for 1 texts of 400 characters together, expected at most " in told


def test_texts_in_pieces_give_the_tokens_of_all_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = texts(700)
    whole = load("transformers", table, text="text", path=str(folder))
    small = load("transformers", table, text="text", path=str(folder))
    one = whole.inputs._tokenised([table["text"].to_pylist()])
    monkeypatch.setattr(module, "MOST_AT_ONCE", 3)
    other = small.inputs._tokenised([table["text"].to_pylist()])
    assert (one.starts == other.starts).all()
    assert all((one.flat[name] == other.flat[name]).all() for name in one.flat)
    assert one.truncated == other.truncated


def test_normalizers_that_double_a_text_again_and_again_are_refused(folder: Path) -> None:
    twice = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    deep = {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [twice] * 20}] * 2}
    replace(folder, normalizer=deep)
    with pytest.raises(InputError, match="its normalizers can make a text more than 1,000 times as long"):
        tokenizer_from(str(folder))
    replace(folder, normalizer={"type": "Sequence", "normalizers": [twice] * 3})
    assert len(tokenizer_from(str(folder))("ba la")["input_ids"]) > 2


def test_a_token_with_a_number_beyond_all_vocabularies_is_refused(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["bala"] = 2**32 - 1
    replace(folder, model=content["model"])
    with pytest.raises(InputError, match="a token of it has the number 4,294,967,295"):
        tokenizer_from(str(folder))


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_tokenizer_nested_beyond_reason_is_refused(name: str, folder: Path) -> None:
    (folder / name).write_text('{"a":' * 100_000)
    with pytest.raises(InputError, match="has no tokenizer that can be read") as error:
        tokenizer_from(str(folder))
    assert "\n" not in str(error.value)


# --- heads and padding ----------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("BertForTokenClassification", "tags the words of a text"),
        ("BertForQuestionAnswering", "finds the place of an answer"),
        ("GPT2LMHeadModel", "writes texts"),
        ("T5ForConditionalGeneration", "writes texts"),
        ("BertForMaskedLM", "fills gaps in a text"),
    ],
)
def test_other_heads_are_refused_in_words_that_say_what_is_supported(
    name: str, told: str, folder: Path
) -> None:
    edit_json(folder / "config.json", architectures=[name])
    line = refusal(folder)
    assert f"is a {name}, which {told}; supported are models for text-classification and image-class" in line


@pytest.fixture
def gpt2(here: Path) -> Callable[..., str]:
    """A GPT-2 classifier; it finds the end of a text by the token that pads."""
    import torch
    import transformers
    from fairweigh.models.extras import quiet

    def do(tokenizer: bool, pad_token_id: int | None) -> str:
        save_tokenizer(here / "gpt2")
        if not tokenizer:
            path = here / "gpt2" / "tokenizer_config.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token": None}))
        torch.manual_seed(0)
        config = transformers.GPT2Config(
            vocab_size=5 + len(WORDS), n_embd=32, n_layer=2, n_head=2, n_positions=64, initializer_range=0.3,
            bos_token_id=2, eos_token_id=3, pad_token_id=pad_token_id,
        )  # fmt: skip
        with quiet():
            transformers.GPT2ForSequenceClassification(config).save_pretrained(here / "gpt2")
        return str(here / "gpt2")

    return do


@pytest.mark.parametrize(("tokenizer", "pad"), [(True, None), (True, 0), (False, 0), (True, 4)])
def test_a_score_does_not_depend_on_what_it_was_padded_with(
    tokenizer: bool, pad: int | None, gpt2: Callable[..., str]
) -> None:
    table, path = texts(30), gpt2(tokenizer, pad)
    together = load("transformers", table, text="text", path=path)
    alone = load("transformers", table, text="text", path=path, batch_rows=1)
    found = [model.score(batch(table, model), None).score for model in (together, alone)]
    np.testing.assert_allclose(*found, atol=1e-5)  # type: ignore[call-overload]


def test_texts_that_nothing_can_pad_are_refused_unless_scored_one_by_one(gpt2: Callable[..., str]) -> None:
    table, path = texts(10), gpt2(False, None)
    with pytest.raises(InputError, match=r"names a padding token; .* or set model.batch_rows: 1"):
        load("transformers", table, text="text", path=path)
    model = load("transformers", table, text="text", path=path, batch_rows=1)
    assert model.score(batch(table, model), None).score.shape == (10,)


def test_padding_that_the_tokenizer_does_not_know_is_refused(gpt2: Callable[..., str]) -> None:
    path = gpt2(True, None)
    edit_json(Path(path) / "config.json", pad_token_id=36)
    content = json.loads((Path(path) / "tokenizer.json").read_text())
    content["model"]["vocab"] = {k: v for k, v in content["model"]["vocab"].items() if v < 36}
    (Path(path) / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="pads with the token 36, which its tokenizer does not know"):
        load("transformers", texts(10), text="text", path=path)
