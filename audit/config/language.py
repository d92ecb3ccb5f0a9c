"""Language models in a configuration: what runs them, and how a task asks them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from .keys import Trainable
from .model_base import Kind, ModelSpec, ends, schema_of
from .section import Section, absent

Way = Literal["likelihood", "choice", "generate"]
Chat = Literal["auto", "on", "off"]
_WAY = (
    "How an answer is had: likelihood (each answer is weighed after the prompt), choice (the likeliest "
    "letter of a list) or generate (what is written is read)."
)
Count = Annotated[int, Field(ge=1)]
Heat = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]


class Asked(Section):
    """How a language model is asked; each key is None where nobody says."""

    chat: Chat | None = Field(
        None, exclude_if=absent,
        description="Whether prompts go through the model's chat template; auto: where it has one.",
    )  # fmt: skip
    system: str | None = Field(
        None, exclude_if=absent, description="The turn of the system before each prompt."
    )
    prompt: str | None = Field(
        None, exclude_if=absent,
        description="The prompt's form, with the names of its parts in braces, such as {context}, {question} "
        "and {options}.",
    )  # fmt: skip
    context: Count | None = Field(
        None, exclude_if=absent, description="Most tokens of a prompt and its answer; default the model's."
    )
    max_new_tokens: Count | None = Field(
        None, exclude_if=absent, description="Most tokens that are written; default 64."
    )
    temperature: Heat | None = Field(
        None, exclude_if=absent, description="0 writes the likeliest token each time, which is the default."
    )
    top_p: Share | None = Field(
        None, exclude_if=absent,
        description="Tokens are drawn from the likeliest that have this share together; default 1.",
    )  # fmt: skip
    samples: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, exclude_if=absent, description="Texts that are written to each prompt; default 1."
    )


class Called(Section):
    """How a language model behind an address is called."""

    served_model: str | None = Field(
        None,
        exclude_if=absent,
        description="Name of the model that the address serves; default its only one.",
    )
    concurrency: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, exclude_if=absent, description="Requests at a time; default 8."
    )
    requests_per_minute: Annotated[float, Field(gt=0)] | None = Field(
        None, exclude_if=absent, description="Most requests in a minute."
    )
    timeout: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        None, exclude_if=absent, description="Seconds that one request may take; default 120."
    )
    cache: str | None = Field(
        None, exclude_if=absent, description="Folder of answers that were had; default in the user's cache."
    )


class LanguageSpec(Asked, ModelSpec):
    """What every kind of language model has."""

    score: Way = Field("likelihood", description=_WAY)
    path: str = Field(description="Folder of the model.")


class FolderSpec(Trainable, LanguageSpec):
    """A transformers folder of a language model, which recipes can change."""

    path: str = Field(description="Folder of the model, or its name on the hub.")
    device: str = Field("auto", description="cpu, cuda or cuda:N; auto takes CUDA when it is there.")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="Type that the weights are cast to; default the one that config.json names."
    )
    batch_tokens: int = Field(4096, ge=1, description="Most tokens in a batch, padding included.")


class CausalSpec(FolderSpec):
    """A language model that goes on from a text."""

    resolved: ClassVar[Kind] = "causal-lm"
    kind: Literal["causal-lm"]


class Seq2SeqSpec(FolderSpec):
    """A language model that reads a text and writes another."""

    resolved: ClassVar[Kind] = "seq2seq"
    kind: Literal["seq2seq"]


class MaskedSpec(FolderSpec):
    """A language model that fills gaps; it weighs pairs of sentences."""

    resolved: ClassVar[Kind] = "masked-lm"
    kind: Literal["masked-lm"]


class GgufSpec(LanguageSpec):
    """A GGUF file, run by llama.cpp."""

    model_config = schema_of(ends(".gguf"))
    resolved: ClassVar[Kind] = "gguf"
    kind: Literal["gguf"] | None = None
    score: Way = Field("choice", description=f"{_WAY} llama.cpp does not weigh given answers.")
    path: str = Field(description="The .gguf file, or the first of its parts.")


class GenaiSpec(LanguageSpec):
    """A folder of onnxruntime-genai, such as one in 4 bits."""

    resolved: ClassVar[Kind] = "genai"
    kind: Literal["genai"]


LANGUAGE: tuple[Kind, ...] = ("causal-lm", "seq2seq", "masked-lm", "gguf", "genai")
"""Kinds of language models that are run here."""
TASKS = ("choice", "pairs", "generation")
"""Forms of tasks in which they are asked."""
FOLDERS: tuple[Kind, ...] = ("causal-lm", "seq2seq", "masked-lm")
"""Those of them whose module recipes can change."""


def is_language(spec: Any) -> bool:
    """Whether a model is a language model."""
    return spec.resolved in LANGUAGE or getattr(spec, "protocol", None) == "openai"


def check_language(spec: Any, form: str, task: str) -> None:
    """ValueError where a model is a language model that cannot be asked in a task, or not in its way.

    Parameters
    ----------
    spec
        What ``model:`` says, if it is there.
    form : str
        The task's.
    task : str
        Its name.
    """
    if spec is None or not is_language(spec):
        return
    if form not in TASKS:
        raise ValueError(
            f"model: a language model is asked in the tasks {', '.join(TASKS)}, of a suite or of prompts; "
            f"the task is {task}"
        )
    # What a run keeps of a configuration says defaults, too.
    said = None if spec.score == type(spec).model_fields["score"].default else spec.score
    if form == "generation" and said not in (None, "generate"):
        raise ValueError(f"model.score: texts are written; expected generate, got {said}")
    if form == "pairs" and said not in (None, "likelihood"):
        raise ValueError(
            f"model.score: sentences of pairs are weighed whole; expected likelihood, got {said}"
        )
    if spec.resolved == "masked-lm" and form != "pairs":
        raise ValueError(
            "model.kind: a masked language model weighs sentences of pairs alone; expected a suite of pairs, "
            "or kind: causal-lm or seq2seq"
        )
    if spec.resolved == "gguf" and (form == "pairs" or said == "likelihood"):
        raise ValueError(
            "model: llama.cpp cannot weigh given texts, as pairs and score: likelihood want; expected "
            "another kind, or a suite of questions with score: choice or generate"
        )
