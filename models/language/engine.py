"""What a runtime of a language model does: it weighs answers, names the next word, and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...datasets.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prompt:
    """What a model is to go on from.

    Attributes
    ----------
    text : str
        Of a chat model the user's turn. Empty: the start of a text, the model's own mark of it where it has
        one.
    system : str
        Of a chat model the turn before; stands in front of the text, with an empty line, of another one.
    """

    text: str
    system: str = ""


@dataclass(frozen=True)
class Question:
    """A prompt, and the answers whose likelihood after it is asked.

    Attributes
    ----------
    prompt : Prompt
    answers : tuple of str
        As they are to follow the prompt, a space before a word included.
    """

    prompt: Prompt
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Likelihood:
    """How likely the answers of a question are after its prompt.

    Attributes
    ----------
    sums : float array of shape (answers,)
        Log-likelihood of each answer, natural, summed over its tokens.
    tokens : int array of shape (answers,)
        Over how many tokens.
    cut : bool
        Prompt and answer were longer than the context, and the prompt lost its beginning.
    """

    sums: Floats
    tokens: NDArray[np.int64]
    cut: bool = False


@dataclass(frozen=True)
class Sampling:
    """How texts are written.

    Attributes
    ----------
    max_new_tokens : int
    temperature : float
        0: always the likeliest token.
    top_p : float
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0


@dataclass(frozen=True)
class Text:
    """What a model wrote.

    Attributes
    ----------
    text : str
        Without the prompt and without marks of the model's own.
    whole : bool
        It ended by itself, not at ``max_new_tokens``.
    cut : bool
        The prompt was longer than the context, and lost its beginning.
    tokens : int
        How many were written.
    withheld : str
        Of a server that says so: ``refusal`` (the text is what it said instead) or ``filter`` (it held back
        the text, or the rest of it); else empty.
    """

    text: str
    whole: bool = True
    cut: bool = False
    tokens: int = 0
    withheld: str = ""


class Engine(Protocol):
    """What runs a language model. Batches, caches and retries are its own affair; answers keep the order.

    Attributes
    ----------
    scores : bool
        It weighs given answers (`likelihoods`); if not, it can only name next tokens and write.
    chat : bool
        Its prompts go through the model's chat template.
    truncated : int
        Prompts so far that lost their beginning.
    """

    truncated: int

    @property
    def scores(self) -> bool:
        """See above."""
        ...

    @property
    def chat(self) -> bool:
        """See above."""
        ...

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """Weigh the answers of each question.

        Raises
        ------
        InputError
            The model says NaN, an answer alone is longer than its context, or it cannot weigh answers.
        """
        ...

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """Log-probability of each word as the next token, array of shape (prompts, words).

        Of words of several tokens the one counts that tells a word from the others, behind what all begin
        with; two that have the same token there are an error.

        ``-inf`` where the runtime tells only the likeliest tokens, and it is none of them.
        """
        ...

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """Go on from each prompt; the same seed, prompt and model give the same text."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the report says: kind, path, checksum, quantisation, context, hash of the template."""
        ...

    def identity(self) -> dict[str, Any] | None:
        """What its answers depend on; None where that cannot be told."""
        ...


@dataclass(frozen=True)
class Compared:
    """Sentences of a pair (or of three) that differ in few words.

    Attributes
    ----------
    sentences : tuple of str
        That of the stereotype, the other one, and maybe an unrelated one.
    """

    sentences: tuple[str, ...]


class Weighs(Protocol):
    """An engine that weighs sentences in a way of its own, as masked models do."""

    def sentences(self, compared: Sequence[Compared]) -> Floats:
        """Score of each sentence, array of shape (rows, sentences); NaN where there is no such sentence."""
        ...


def pairs_alone() -> InputError:
    """Say that a masked model does nothing but weigh sentences of pairs."""
    return InputError(
        "model.kind: a masked language model weighs sentences of pairs alone; expected a suite of pairs, "
        "or kind: causal-lm or seq2seq"
    )


def no_weights(what: str) -> InputError:
    """Say that a runtime cannot weigh given answers."""
    return InputError(f"model.score: {what} cannot weigh given answers; expected score: choice or generate")
