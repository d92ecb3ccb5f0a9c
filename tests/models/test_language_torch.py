"""Language models of transformers beside plain calls of the library, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairweigh.datasets.errors import InputError
from fairweigh.models.language.causal import WAYS, Causal
from fairweigh.models.language.engine import Prompt, Question, Sampling
from fairweigh.models.language.torch_engine import causal_engine
from fairweigh.models.language.writing import gumbel, next_of

from ..tiny import edit_json, sentences
from ..tiny_language import SMALL, STRONG, TEMPLATE, save_language, save_llama, spec_of

ARCHITECTURES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "llama": (
        "LlamaConfig", "LlamaForCausalLM", {**SMALL, "intermediate_size": 48, "num_key_value_heads": 2},
        "packed",
    ),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", {"n_embd": 32, "n_layer": 2, "n_head": 4}, "packed"),
    "neox": ("GPTNeoXConfig", "GPTNeoXForCausalLM", {**SMALL, "intermediate_size": 48}, "packed"),
    "opt": (
        "OPTConfig", "OPTForCausalLM", {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32}, "packed",
    ),
    # A window of 12 tokens: longer rows are read without masks of our own.
    "mistral": (
        "MistralConfig", "MistralForCausalLM",
        {**SMALL, "intermediate_size": 48, "num_key_value_heads": 2, "sliding_window": 12}, "packed",
    ),
    "gemma2": (
        "Gemma2Config", "Gemma2ForCausalLM",
        {**SMALL, "intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 12},
        "packed",
    ),
    # Distances between tokens are counted along the row: answers cannot stand side by side.
    "bloom": ("BloomConfig", "BloomForCausalLM", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, "padded"),
    # A state that is carried along takes no mask.
    "mamba": (
        "MambaConfig", "MambaForCausalLM", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
        "padded",
    ),
}  # fmt: skip


def asked(n: int = 12, seed: int = 0, beginning: str = "") -> list[Question]:
    """Questions of several lengths with two to four answers each."""
    draw = np.random.default_rng(seed)
    prompts, answers = sentences(n, seed, 20), sentences(4 * n, seed + 1, 4)
    return [
        Question(
            Prompt(beginning + prompts[i]),
            tuple(f" {answer}" for answer in answers[4 * i : 4 * i + int(draw.integers(2, 5))]),
        )
        for i in range(n)
    ]


def plainly(model: Any, question: Question) -> list[float]:
    """Log-likelihood of each answer: a call of the module for each, without batch, mask and cache."""
    tokenizer, found = model.tokenizer, []
    before = tokenizer(question.prompt.text)["input_ids"] or [tokenizer.bos_token_id]
    for answer in question.answers:
        behind = tokenizer(answer, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model.module(torch.tensor([before + behind])).logits[0].float().log_softmax(-1)
        found.append(sum(float(logits[len(before) + i - 1, t]) for i, t in enumerate(behind)))
    return found


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_answers_and_texts_are_those_of_plain_calls(name: str, tmp_path: Path) -> None:
    config, model, settings, way = ARCHITECTURES[name]
    more = {} if name in ("bloom", "mamba") else {"max_position_embeddings": 128}
    save_language(tmp_path, config, model, **{"initializer_range": STRONG, **more, **settings})
    engine = causal_engine(spec_of(tmp_path, batch_tokens=256), 0)
    assert engine.way == way
    # All begin alike, so that this is read once, or not.
    for beginning in ("", "balami goso lala " * 6):
        questions = asked(beginning=beginning)
        found = engine.likelihoods(questions)
        for one, question in zip(found, questions, strict=True):
            np.testing.assert_allclose(one.sums, plainly(engine, question), rtol=1e-4, atol=1e-4)
            counts = [len(engine.tokenizer(a)["input_ids"]) for a in question.answers]
            assert one.tokens.tolist() == counts
            assert not one.cut
        texts = engine.write([q.prompt for q in questions[:6]], Sampling(12), [0] * 6)
        for text, question in zip(texts, questions, strict=False):
            ids = torch.tensor([engine.tokenizer(question.prompt.text)["input_ids"]])
            made = engine.module.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=0
            )
            assert text.text == engine.tokenizer.decode(made[0][ids.shape[1] :], skip_special_tokens=True)
