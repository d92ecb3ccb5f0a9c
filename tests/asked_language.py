"""A small language model that is asked questions, and texts that it may learn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from fairweigh.compression.make import Made, make
from fairweigh.compression.registry import Context
from fairweigh.datasets.choice import ANSWERS, CONTEXT, OPTIONS, QUESTION
from fairweigh.datasets.training import TrainingRows
from fairweigh.models.language.chooser import Chooser
from fairweigh.models.language.load import engine_of
from fairweigh.models.language.saved import NoRows

from .tiny import WORDS, sentences
from .tiny_language import SMALL, STRONG, save_language, save_llama, spec_of

COLUMNS = [CONTEXT, QUESTION, ANSWERS, OPTIONS]


def save(folder: Path, kind: str = "llama", **more: Any) -> Path:
    """A Llama or a GPT-2 of three layers."""
    given = {"num_hidden_layers": 3, "max_position_embeddings": 256, **more}
    if kind == "llama":
        return save_llama(folder, **given)
    settings = {"n_embd": SMALL["hidden_size"], "n_layer": 3, "n_head": 4, "n_positions": 256}
    return save_language(
        folder, "GPT2Config", "GPT2LMHeadModel", **{**settings, "initializer_range": STRONG, **more}
    )


def chooser(folder: Path, **more: Any) -> Chooser:
    """A model of a folder that chooses among answers."""
    spec = spec_of(folder, kind="causal-lm", resolved="causal-lm", **more)
    data: Any = NoRows(COLUMNS, "t")
    return Chooser(engine_of(spec, 0), data, COLUMNS)


def questions(n: int = 12, seed: int = 0) -> pa.RecordBatch:
    """Questions with three answers, as a suite has them."""
    told, asked = sentences(n, seed, 12), sentences(n, seed + 1, 5)
    rows = []
    for place in range(n):
        answers = [WORDS[(place + k) % len(WORDS)] for k in range(3)]
        options = dict(zip(answers, ("target", "non-target", "unknown"), strict=True))
        written = (told[place], asked[place], json.dumps(answers), json.dumps(options))
        rows.append(dict(zip(COLUMNS, written, strict=True)))
    return pa.Table.from_pylist(rows).combine_chunks().to_batches()[0]


def to_learn(n: int = 24, seed: int = 9) -> TrainingRows:
    """Texts that nobody is asked about."""
    texts = pa.record_batch({"text": sentences(n, seed, 20)})
    return TrainingRows(texts, None, None, f"{n} texts of elsewhere")


def made(model: Any, folder: Path, *recipe: tuple[str, dict[str, Any]], sample: int = 6) -> Made:
    """A variant, made with texts to learn from."""
    context = Context(0, questions(sample), to_learn, original=model)
    return make(model, list(recipe), context, folder)
