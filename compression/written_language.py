"""Language models as an artefact writes them: how they are asked, and what their engine reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..models.written import Positive, Written

MOST_FORM = 100_000
"""Characters of a prompt's form."""
Form = Annotated[str, Field(max_length=MOST_FORM)]


class AskedOf(Written):
    """How any language model is asked."""

    columns: list[str]
    seed: int
    system: Form


class ChoiceOf(AskedOf):
    """Questions with several answers."""

    task: Literal["choice"]
    way: Literal["likelihood", "choice", "generate"]
    form: Form
    max_new_tokens: Annotated[int, Field(ge=1, le=1 << 20)]
    temperature: float = Field(ge=0, le=10)
    top_p: float = Field(gt=0, le=1)


class PairsOf(AskedOf):
    """Sentences of pairs."""

    task: Literal["pairs"]
    mean: bool


class WritingOf(AskedOf):
    """Prompts that are gone on from."""

    task: Literal["generation"]
    prompts: str
    named: list[str]
    form: Form
    refusals: list[Form] = Field(max_length=1000)
    max_new_tokens: Annotated[int, Field(ge=1, le=1 << 20)]
    temperature: float = Field(ge=0, le=10)
    top_p: float = Field(gt=0, le=1)


OneAsked = Annotated[ChoiceOf | PairsOf | WritingOf, Field(discriminator="task")]


class EngineOf(Written):
    """How an engine reads prompts."""

    kind: Literal["causal-lm", "seq2seq", "masked-lm", "genai"]
    chat: bool
    context: Positive | None
    batch_tokens: Positive
    ends: list[Annotated[int, Field(ge=0)]] = Field([], max_length=1000)


class OnServed(Written):
    """A folder beside the description: of onnxruntime-genai, or of weights that another quantiser packed."""

    kind: Literal["genai", "packed"]
