"""The runtimes of transformers' language models, by kind."""

from __future__ import annotations

from typing import Any

from .causal import Causal
from .torch_language import loaded


def causal_engine(spec: Any, seed: int) -> Causal:
    """A folder with a causal language model and its tokenizer."""
    return loaded(Causal, "causal-lm", spec, seed)
