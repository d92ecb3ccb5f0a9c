"""From the configuration's words to a language model as its task asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ...datasets.choice import ANSWERS, CONTEXT, OPTIONS, QUESTION
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ..base import Model
from ..device import seeded
from .chooser import Chooser
from .engine import Engine, Sampling, pairs_alone
from .given import packed_or_adapted
from .preferring import Preferring
from .writer import Writer


def language_model(
    spec: Any, data: EvaluationSet, seed: int, mean: bool = False, base: str | None = None
) -> Model:
    """Load a language model, to be asked as the task of the data says.

    Parameters
    ----------
    spec
        What ``model:`` says.
    data : EvaluationSet
        Of a task that language models are asked for.
    mean : bool
        Whether sentences of pairs are weighed by the mean of their tokens.
    base : str, optional
        Of a variant: path of the original, which an adapter may belong to.

    Raises
    ------
    InputError
        It cannot be read, or the task is none of theirs.
    """
    make = ASKED.get(data.task)
    if make is None:
        raise InputError(
            f"model: a language model is asked in the tasks {', '.join(ASKED)}, of a suite or of prompts; "
            f"the task is {data.task}"
        )
    if make is _preferring:
        spec = _as_they_are(spec)
    elif spec.resolved == "masked-lm":
        raise pairs_alone()
    return make(engine_of(spec, seed, base), spec, data, seed, mean)


def _as_they_are(spec: Any) -> Any:
    """What ``model:`` says of a model that weighs sentences of pairs: they are no turns of a chat.

    Raises
    ------
    InputError
        It asks for something else.
    """
    for key in ("prompt", "system"):
        if getattr(spec, key):
            raise InputError(f"model.{key}: sentences of pairs are weighed as they are; leave it out")
    if spec.chat == "on":
        raise InputError("model.chat: sentences of pairs are weighed as they are; expected off")
    if spec.resolved != "gguf" and spec.score not in (None, "likelihood"):
        raise InputError(
            f"model.score: sentences of pairs are weighed whole; expected likelihood, got {spec.score}"
        )
    return spec.model_copy(update={"chat": "off"})


def engine_of(spec: Any, seed: int, base: str | None = None) -> Engine:
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
    if (found := packed_or_adapted(spec, base, seed)) is not None:
        served, tokenizer = found
        made: Any = of_module(served.module, tokenizer, None, served.sha256, spec)
        made.about, made.files, made.parameters = served.about, served.files, served.parameters
        return cast(Engine, made)
    if spec.resolved == "masked-lm":
        return torch_engine.masked_engine(spec, seed)
    if spec.resolved == "seq2seq":
        return torch_engine.seq2seq_engine(spec, seed)
    return torch_engine.causal_engine(spec, seed)


def of_module(module: Any, tokenizer: Any, source: Any, sha256: str, spec: Any) -> Engine:
    """The engine of a transformers module that is here already.

    Parameters
    ----------
    source : TransformersSource or None
        How one of its shape is built; None where recipes cannot change it.
    sha256 : str
        Of its weights.
    spec
        What ``model:`` would say of it.
    """
    from .causal import Causal
    from .masked import Masked
    from .seq2seq import Seq2Seq

    parts = (module, tokenizer, source, sha256, spec)
    if spec.kind == "masked-lm":
        return Masked(*parts)
    return Seq2Seq(*parts) if spec.kind == "seq2seq" else Causal(*parts)


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


def _writer(engine: Engine, spec: Any, data: EvaluationSet, seed: int, mean: bool) -> Model:
    named = [name for name in (data.id, data.sample) if name]
    return Writer(
        engine, data, [], seed, spec.system or "", prompts=str(data.prompt), named=named,
        form=spec.prompt or "", sampling=sampling_of(spec, MOST_WRITTEN),
    )  # fmt: skip


def _preferring(engine: Engine, spec: Any, data: EvaluationSet, seed: int, mean: bool) -> Model:
    return Preferring(engine, data, [], seed, mean=mean)


MOST_CHOSEN = 16
"""Tokens in which a letter, or an answer's own words, can be written."""
MOST_WRITTEN = 64
"""Tokens of a text where nobody says."""
ASKED: dict[str, Callable[[Engine, Any, EvaluationSet, int, bool], Model]] = {
    "choice": _chooser,
    "pairs": _preferring,
    "generation": _writer,
}
"""By task."""
