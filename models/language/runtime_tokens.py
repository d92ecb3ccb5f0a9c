"""Prompts and answers as the tokens of a runtime that brings its own tokenizer and chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .engine import Prompt
from .tokenised import Tokenised


@dataclass(frozen=True)
class Marks:
    """What a tokenizer calls the beginning and the end of a text; None where it has no such mark."""

    bos_token_id: int | None
    eos_token_id: int | None


class OwnTokens(Protocol):
    """A runtime as it reads and writes tokens."""

    def encoded(self, texts: list[str]) -> list[list[int]]:
        """Tokens of texts, without a mark of the beginning that the tokenizer sets of its own accord."""
        ...

    def decoded(self, ids: Sequence[int]) -> str:
        """What tokens say, without marks."""
        ...

    def templated(self, turns: list[dict[str, str]]) -> str:
        """A chat's turns as its template writes them, with the beginning of the answer."""
        ...


class RuntimeTokens(Tokenised):
    """The tokens of a runtime; see `Tokenised`, whose tokenizer is one of transformers.

    Parameters
    ----------
    runtime : OwnTokens
    chat : bool
    context : int
    before : list of int
        What stands before a prompt.
    marks : Marks
    """

    def __init__(self, runtime: OwnTokens, chat: bool, context: int, before: list[int], marks: Marks) -> None:
        self.tokenizer, self.context, self.chat = marks, context, chat
        self.before, self.behind = before, []
        self._runtime = runtime

    def _text(self, prompt: Prompt) -> str:
        if not self.chat:
            return super()._text(prompt)
        turns = [{"role": "system", "content": prompt.system}] if prompt.system else []
        return self._runtime.templated([*turns, {"role": "user", "content": prompt.text}])

    def _ids(self, texts: list[str]) -> list[list[int]]:
        unique = list(dict.fromkeys(texts))
        by_text = dict(zip(unique, self._runtime.encoded(unique), strict=True))
        return [by_text[text] for text in texts]

    def text(self, ids: Sequence[int]) -> str:
        """What tokens say, without marks."""
        return self._runtime.decoded(ids)

    def describe(self) -> dict[str, Any]:
        """Return the context; checksums are the runtime's to tell."""
        return {"context": self.context}


def is_dated(template: str | None) -> bool:
    """Whether a chat template writes the day, on which answers then depend."""
    return template is not None and "strftime_now" in template
