"""Folders of onnxruntime-genai: a small one against the module it was made of, SmolLM2 in int4, bad ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.language import drawn, genai
from fairweigh.models.language.engine import Prompt, Question, Sampling
from fairweigh.models.language.torch_engine import causal_engine
from fairweigh.models.language.vocabulary import vocabulary_of

from ..smollm import PARAMETERS
from ..tiny_language import TEMPLATE, save_llama, spec_of

pytest.importorskip("onnxruntime_genai")

PROMPTS = (Prompt("the nurse was"), Prompt("who was late?", "answer"), Prompt("the boss"))
QUESTIONS = [Question(prompt, (" late", " a little late", "x")) for prompt in PROMPTS]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers, whose tokenizer puts a mark before every text."""
    tokenizer = {"template": TEMPLATE, "begins": True}
    return save_llama(tmp_path_factory.mktemp("source"), hidden_size=64, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def exported(source: Path) -> Path:
    """The same in float32, by the package's own builder."""
    folder, cache = source.with_name("exported"), source.with_name("cache")
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", str(source), "-o", str(folder)]
    options = ["-p", "fp32", "-e", "cpu", "-c", str(cache)]
    subprocess.run([*command, *options], check=True, capture_output=True)
    return folder


@pytest.fixture
def changed(exported: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy whose configuration is changed by a function."""

    def change(how: Callable[[dict[str, Any]], object]) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(exported, folder)
        file = folder / "genai_config.json"
        config = json.loads(file.read_text())
        how(config)
        file.write_text(json.dumps(config))
        return folder

    return change


def opened(folder: Path, **more: Any) -> genai.Genai:
    return genai.genai_engine(spec_of(folder, **more), 0)


# --- what it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("chat", ["on", "off"])
def test_answers_and_texts_are_those_of_the_module_that_was_exported(
    chat: str, source: Path, exported: Path
) -> None:
    torch, made = (
        causal_engine(spec_of(source, chat=chat), 0),
        genai.genai_engine(spec_of(exported, chat=chat), 0),
    )
    assert made.words.questions(QUESTIONS) == torch.words.questions(QUESTIONS)
    for one, other in zip(made.likelihoods(QUESTIONS), torch.likelihoods(QUESTIONS), strict=True):
        assert one.sums == pytest.approx(other.sums, abs=1e-4)
        assert one.tokens.tolist() == other.tokens.tolist()
    told = made.next_tokens(PROMPTS, ["late", "the"])
    assert told == pytest.approx(torch.next_tokens(PROMPTS, ["late", "the"]), abs=1e-4)
    # Drawn with the same noise, so that an export differs only where its logits do.
    for sampling in (Sampling(12), Sampling(12, 1.0), Sampling(12, 0.7, 0.8)):
        assert made.write(PROMPTS, sampling, [1, 2, 3]) == torch.write(PROMPTS, sampling, [1, 2, 3])
    assert (made.chat, made.truncated) == (torch.chat, 0) == (chat == "on", 0)


def test_noise_is_that_of_torch() -> None:
    import torch
    from fairweigh.models.language import writing

    keys = np.array([-(2**63), -1, 0, 7, 2**63 - 1], np.int64)
    for step in (0, 1, 500):
        expected = writing.gumbel(torch.from_numpy(keys), step, 300).numpy()
        found = np.array([drawn.gumbel(int(key), step, 300) for key in keys])
        assert found == pytest.approx(expected, rel=1e-12)


def test_a_text_depends_on_its_seed_and_on_no_other_text(exported: Path) -> None:
    engine = opened(exported)
    sampling = Sampling(10, 1.0)
    together = engine.write([PROMPTS[0]] * 3, sampling, [1, 2, 1])
    assert together[0] == together[2] != together[1]
    assert engine.write(PROMPTS[:1], sampling, [2]) == [together[1]]
    assert (
        engine.likelihoods(QUESTIONS[1:2])[0].sums.tolist() == engine.likelihoods(QUESTIONS)[1].sums.tolist()
    )


def test_models_that_forget_nothing_read_the_prompt_again(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(exported)
    expected = [one.sums.tolist() for one in engine.likelihoods(QUESTIONS)]
    engine._rewinds = False
    assert [one.sums.tolist() for one in engine.likelihoods(QUESTIONS)] == expected


def test_long_prompts_lose_their_beginning_and_are_counted(exported: Path) -> None:
    engine = opened(exported, chat="off", context=24)
    assert engine.write([Prompt("the boss " * 30)], Sampling(4), [1])[0].cut
    assert engine.likelihoods([Question(Prompt("the boss " * 30), ("x",))])[0].cut
    assert engine.truncated == 2
    with pytest.raises(InputError, match=r"^model\.max_new_tokens: 24 leave no room .* context of 24$"):
        engine.write(PROMPTS[:1], Sampling(24), [1])
    with pytest.raises(InputError, match=r"^model: an answer of .* tokens is longer than the model"):
        engine.likelihoods([Question(Prompt("a"), ("the boss " * 30,))])


def test_what_is_told(source: Path, exported: Path) -> None:
    engine = opened(exported)
    told = engine.describe()
    assert (told["kind"], told["architecture"], told["quantisation"]) == ("genai", "llama", "float32")
    torch = causal_engine(spec_of(source), 0)
    assert told["parameters"] == torch.module.num_parameters()
    assert told["context"] == 128
    assert told["template_sha256"] == torch.describe()["template_sha256"]
    mine, theirs = vocabulary_of(torch), vocabulary_of(engine)
    assert mine is not None
    assert theirs is not None
    assert (mine.sha256(), mine.template) == (theirs.sha256(), theirs.template)
    # Two layers of two heads of 16 numbers, for keys and for values, in float32.
    assert engine.kv_bytes_per_token == 2 * 2 * 2 * 16 * 4


def test_int4_of_a_real_model(smollm_int4: Path) -> None:
    engine = genai.genai_engine(SimpleNamespace(path=str(smollm_int4), chat="on"), 0)
    told = engine.describe()
    assert (told["quantisation"], told["matrices"]) == ("int4", "int4 in blocks of 32: 152")
    assert told["parameters"] == PARAMETERS
    assert sum(file.stat().st_size for file in engine.files) == told["stored_bytes"]
    asked = Prompt("What is the capital of France? Answer in one word.")
    france, _ = engine.likelihoods([Question(asked, ("Paris", "zebra")), Question(asked, ("A", "B"))])
    assert france.sums[0] > france.sums[1] + 5
    assert engine.write([asked], Sampling(8), [1])[0].text.startswith("The capital of France is Paris")


# --- bad input -----------------------------------------------------------------------------------


def test_what_is_no_folder_of_it(tmp_path: Path, changed: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"^model\.path: there is no genai_config\.json in .*; expected"):
        opened(tmp_path)
    folder = changed(lambda config: config.pop("model"))
    with pytest.raises(InputError, match=r"genai_config\.json tells of no decoder; expected"):
        opened(folder)
    (folder / "genai_config.json").write_text("{")
    with pytest.raises(InputError, match=r"genai_config\.json is no JSON: "):
        opened(folder)
    (folder / "genai_config.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"genai_config\.json is no JSON: "):
        opened(folder)


def test_no_program_is_run_that_a_folder_brings(changed: Callable[..., Path]) -> None:
    options = {"custom_ops_library": "own.so"}
    folder = changed(lambda config: config["model"]["decoder"]["session_options"].update(options))
    with pytest.raises(InputError, match=r"names a custom_ops_library, a program"):
        opened(folder)


@pytest.mark.parametrize("name", ["../model.onnx", "none.onnx", 3])
def test_a_graph_lies_in_its_folder(name: Any, changed: Callable[..., Path]) -> None:
    folder = changed(lambda config: config["model"]["decoder"].update(filename=name))
    with pytest.raises(InputError, match=r"has no graph .*, which its genai_config\.json names$"):
        opened(folder)


def test_broken_files_are_told_in_one_line(
    changed: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = changed(lambda config: None)
    weights = (folder / "model.onnx.data").read_bytes()
    (folder / "model.onnx.data").write_bytes(weights[:100])
    with pytest.raises(InputError, match=r"^model\.path: onnxruntime-genai cannot load .*: [^\n]+$"):
        opened(folder)
    (folder / "model.onnx").write_bytes(b"hello" * 99)
    with pytest.raises(InputError, match=r"model\.onnx is no ONNX graph that can be read: "):
        opened(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"^model\.path: .* has no tokenizer; expected tokenizer\.json$"):
        opened(folder)
    assert capfd.readouterr().err == ""


def test_asked_for_what_the_folder_has_not(changed: Callable[..., Path]) -> None:
    folder = changed(lambda config: None)
    with pytest.raises(InputError, match=r"^model\.context: expected at most 128 tokens, .* got 200$"):
        opened(folder, context=200)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match=r"^model\.chat: on, but .* has no chat template; expected off$"):
        opened(folder, chat="on")
    assert not opened(folder).chat


def test_logits_that_are_no_numbers_are_told() -> None:
    broken = np.array([0.0, np.nan], np.float32)
    for ask in (lambda: drawn.log_softmax(broken), lambda: drawn.next_token(broken, Sampling(1, 1.0), 1, 0)):
        with pytest.raises(InputError, match=r"^model: expected finite logits, got NaN or infinity$"):
            ask()
