"""The runtimes of transformers' language models, by kind."""

from __future__ import annotations

from typing import Any

from .causal import Causal
from .masked import Masked
from .seq2seq import Seq2Seq
from .torch_language import loaded

__all__ = ["Causal", "Masked", "Seq2Seq", "causal_engine", "masked_engine", "seq2seq_engine"]


def causal_engine(spec: Any, seed: int) -> Causal:
    """A folder with a causal language model and its tokenizer."""
    return loaded(Causal, "causal-lm", spec, seed)


def seq2seq_engine(spec: Any, seed: int) -> Seq2Seq:
    """A folder with an encoder-decoder model and its tokenizer."""
    return loaded(Seq2Seq, "seq2seq", spec, seed)


def masked_engine(spec: Any, seed: int) -> Masked:
    """A folder with a masked language model and its tokenizer."""
    return loaded(Masked, "masked-lm", spec, seed)
