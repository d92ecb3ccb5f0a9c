"""From the configuration's words to a language model as its task asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...datasets.choice import ANSWERS, CONTEXT, OPTIONS, QUESTION
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ..base import Model
from ..device import seeded
from .chooser import Chooser
from .engine import Engine, Sampling
from .preferring import Preferring


def language_model(spec: Any, data: EvaluationSet, seed: int, mean: bool = False) -> Model:
    """Load a language model, to be asked as the task of the data says.

    Parameters
    ----------
    spec
        What ``model:`` says.
    data : EvaluationSet
        Of a task that language models are asked for.
    mean : bool
        Whether sentences of pairs are weighed by the mean of their tokens.

    Raises
    ------
    InputError
        It cannot be read, or the task is none of theirs.
    """
    make = ASKED.get(data.task)
    if make is None:
        raise InputError(
            f"model: a language model is asked the items of a suite ({', '.join(ASKED)}); the task is "
            f"{data.task}"
        )
    return make(engine_of(spec, seed), spec, data, seed, mean)


def engine_of(spec: Any, seed: int) -> Engine:
    """The runtime of a language model."""
    if spec.resolved == "endpoint":
        from .openai_chat import endpoint_engine

        return endpoint_engine(spec, seed)
    if spec.resolved == "gguf":
        from .gguf import gguf_engine

        return gguf_engine(spec, seed)
    if spec.resolved == "genai":
        from .genai import genai_engine

        return genai_engine(spec, seed)
    from . import torch_engine

    seeded(seed)
    make: dict[str, Callable[[Any, int], Engine]] = {
        "causal-lm": torch_engine.causal_engine,
        "seq2seq": torch_engine.seq2seq_engine,
        "masked-lm": torch_engine.masked_engine,
    }
    return make[spec.resolved](spec, seed)


def sampling_of(spec: Any, default: int) -> Sampling:
    """How texts are written."""
    return Sampling(
        max_new_tokens=spec.max_new_tokens or default,
        temperature=spec.temperature or 0.0,
        top_p=1.0 if spec.top_p is None else spec.top_p,
    )


def _chooser(engine: Engine, spec: Any, data: EvaluationSet, seed: int, mean: bool) -> Model:
    columns = [CONTEXT, QUESTION, ANSWERS, OPTIONS]
    for name in columns:
        if name not in data.names:
            raise InputError(
                f"{data.where}: a language model is asked in words, and there is no column {name}"
            )
    way = spec.score or "generate"
    return Chooser(
        engine, data, columns, seed, spec.system or "", way=way, form=spec.prompt or "",
        sampling=sampling_of(spec, MOST_CHOSEN),
    )  # fmt: skip


def _preferring(engine: Engine, spec: Any, data: EvaluationSet, seed: int, mean: bool) -> Model:
    if spec.prompt or spec.system:
        key = "prompt" if spec.prompt else "system"
        raise InputError(f"model.{key}: sentences of pairs are weighed as they are; leave it out")
    return Preferring(engine, data, [], seed, mean=mean)


MOST_CHOSEN = 16
"""Tokens in which a letter, or an answer's own words, can be written."""
ASKED: dict[str, Callable[[Engine, Any, EvaluationSet, int, bool], Model]] = {
    "choice": _chooser,
    "pairs": _preferring,
}
"""By task."""
