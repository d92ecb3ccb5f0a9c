"""Small language models built on the spot, seeded, with tokenizers that know a few words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fairweigh.models.extras import quiet

from .tiny import sentences

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
MARKS = ["<pad>", "<s>", "<|end|>", "<unk>", "<mask>", "<|user|>", "<|system|>", "<|assistant|>"]
SMALL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
STRONG = 0.3
"""Weights large enough that tokens matter."""


def spec_of(folder: Path, **more: Any) -> Any:
    """What ``model:`` says of a language model."""
    given = {
        "path": folder, "chat": "auto", "context": None, "batch_tokens": 2048, "device": "cpu", "dtype": None,
    }  # fmt: skip
    return SimpleNamespace(**{**given, **more})


def save_bpe(folder: Path, *, template: str | None = None, begins: bool = False, pad: bool = True) -> int:
    """A byte-level BPE tokenizer of few merges; returns how many tokens it has.

    Parameters
    ----------
    begins : bool
        It puts the mark of a beginning before every text.
    """
    import tokenizers
    import transformers
    from tokenizers import decoders, models, pre_tokenizers, processors, trainers

    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=MARKS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(sentences(300), trainer)
    if begins:
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    with quiet():
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=made, bos_token="<s>", eos_token="<|end|>", unk_token="<unk>",
            mask_token="<mask>", **({"pad_token": "<pad>"} if pad else {}),
        )  # fmt: skip
        if template is not None:
            fast.chat_template = template
        fast.save_pretrained(folder)
    return len(fast)


def save_language(
    folder: Path, config: str, model: str, *, seed: int = 0, tokenizer: Any = None, **more: Any
) -> Path:
    """A model of transformers' own class with random weights, and its tokenizer."""
    import torch
    import transformers

    size = save_bpe(folder, **(tokenizer or {}))
    settings = {"vocab_size": size, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, **more}
    torch.manual_seed(seed)
    with quiet():
        made = getattr(transformers, model)(getattr(transformers, config)(**settings))
        made.save_pretrained(folder)
    return folder


def save_llama(folder: Path, **more: Any) -> Path:
    """A Llama of two layers."""
    given = {
        **SMALL, "intermediate_size": 48, "num_key_value_heads": 2, "max_position_embeddings": 128,
        "initializer_range": STRONG,
    }  # fmt: skip
    return save_language(folder, "LlamaConfig", "LlamaForCausalLM", **{**given, **more})
