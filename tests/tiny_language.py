"""Small language models built on the spot, seeded: Llama and GPT-2 with a byte-level tokenizer of a few words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from fairweigh.datasets.choice import ANSWERS, CONTEXT, OPTIONS, QUESTION
from fairweigh.models.extras import quiet

from .tiny import WORDS, sentences

TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}<|assistant|>"
SIZES: dict[str, Any] = {
    "llama": {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.2,
    },
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 256, "initializer_range": 0.2},
}  # fmt: skip


def save_words(folder: Path, template: str | None = None, words: Sequence[str] = WORDS) -> int:
    """A byte-level BPE tokenizer, trained on a few words; returns how many tokens it has."""
    import transformers
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    made.train_from_iterator(
        [*sentences(80), " ".join(words)], vocab_size=320, min_frequency=1, show_progress=False,
        special_tokens=["<|end|>", "<|user|>", "<|assistant|>", "<|system|>"],
    )  # fmt: skip
    with quiet():
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=made._tokenizer, eos_token="<|end|>", pad_token="<|end|>"
        )
        tokenizer.chat_template = template
        tokenizer.save_pretrained(folder)
    return len(tokenizer)


def save_language(
    folder: Path, kind: str = "llama", seed: int = 0, template: str | None = None, **settings: Any
) -> Path:
    """A causal language model with its tokenizer in a folder."""
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    size = save_words(folder, template)
    common = {"vocab_size": size, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    of: dict[str, Any] = {"llama": transformers.LlamaConfig, "gpt2": transformers.GPT2Config}
    torch.manual_seed(seed)
    with quiet():
        transformers.AutoModelForCausalLM.from_config(
            of[kind](**{**SIZES[kind], **common, **settings})
        ).save_pretrained(folder)
    return folder


def questions(n: int = 12, seed: int = 0) -> pa.Table:
    """Questions with three answers, as the suites write them."""
    told, asked = sentences(n, seed, 12), sentences(n, seed + 1, 5)
    rows = []
    for place in range(n):
        answers = [WORDS[(place + k) % len(WORDS)] for k in range(3)]
        options = dict(zip(answers, ("target", "non-target", "unknown"), strict=True))
        rows.append(
            {
                CONTEXT: told[place], QUESTION: asked[place], ANSWERS: json.dumps(answers),
                OPTIONS: json.dumps(options),
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows)


def texts_to_learn(n: int = 24, seed: int = 9) -> pa.RecordBatch:
    """Texts that nobody is asked."""
    return pa.record_batch({"text": sentences(n, seed, 20)})
