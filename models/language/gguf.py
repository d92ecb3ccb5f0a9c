"""GGUF models, run by llama.cpp through xllamacpp.

llama.cpp tells no log-probabilities of a prompt, so that it names the next token and writes, and weighs no
given answers. It runs the quantised weights as they are served: what is scored is what is served, not a
dequantised copy.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import math
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.errors import InputError
from ..extras import optional
from .engine import Floats, Likelihood, Prompt, Question, Sampling, Text, no_weights
from .gguf_file import GgufFile, read_gguf
from .llama_server import LlamaServer

RUNTIME = "llama.cpp through xllamacpp"
SLOTS = 4
"""Texts under way at a time; they share a batch, and their bytes do not depend on it on a processor."""
FIRST_CONTEXT = 2048
"""Tokens that there is room for at first: memory is taken for all of them, and few prompts are long."""
MOST_TOLD = 1000
"""Likeliest tokens that are asked for at first: the whole vocabulary takes ten times as long."""
SEEDS = 2**32 - 1
"""llama.cpp takes the last one for a random one."""
TODAY = "26 Jul 2024"
"""What templates are told that ask for the date."""


class Gguf:
    """A GGUF model.

    Parameters
    ----------
    path : str
    chat : str
        ``on``, ``off``, or ``auto``: on where the file has a chat template.
    system : str
        The turn before, where a prompt has none of its own.
    context : int, optional
        Most tokens of a prompt and what is written; None: the model's own.

    Attributes
    ----------
    scores, chat : bool
    truncated : int
        Prompts so far that lost their beginning.
    """

    scores = False

    def __init__(self, path: str, chat: str = "auto", system: str = "", context: int | None = None) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            # Says how to get it.
            optional("xllamacpp", "a GGUF model", "gguf")
        self.path, self.file = path, read_gguf(path)
        self.context = _context(self.file, context)
        if chat == "on" and self.file.template is None:
            raise InputError(f"model.chat: on, but {path} has no chat template; expected off")
        self.chat = chat != "off" and self.file.template is not None
        self.truncated, self._system = 0, system
        self._sha256 = self.file.sha256()
        self._server = self._served(min(FIRST_CONTEXT, self.context))

    def close(self) -> None:
        """End llama.cpp; it ends with this object, too."""
        self._server.close()

    def _served(self, context: int) -> LlamaServer:
        return LlamaServer(self.file.files[0], context, SLOTS)

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """Raise: llama.cpp tells nothing of a prompt's own tokens."""
        raise no_weights(RUNTIME)

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """Log-probability of each word's first token as the next one, of the softmax over all tokens."""
        asked = self._server.each(lambda prompt: self._asked(prompt, words), prompts)
        read = self._fitting([tokens for tokens, _ in asked], 1)
        known = [(tokens, wanted) for (tokens, _), (_, wanted) in zip(read, asked, strict=True)]
        found = self._server.each(lambda one: self._told(*one), known)
        return np.array(found, np.float64).reshape(len(prompts), len(words))

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """Go on from each prompt; logits are divided by the temperature first, then cut at ``top_p``."""
        every = self._server.each(lambda prompt: self._tokens(self._text(prompt)), prompts)
        read = self._fitting(every, sampling.max_new_tokens)
        # What llama.cpp would add of its own (top-k, min-p, penalties) is off.
        how = {
            "n_predict": sampling.max_new_tokens, "temperature": sampling.temperature, "top_k": 0,
            "top_p": sampling.top_p, "min_p": 0.0, "samplers": ["temperature", "top_p"],
        }  # fmt: skip
        if not sampling.temperature:
            how |= {"top_k": 1, "samplers": ["top_k"]}
        asked = [
            {**how, "prompt": tokens, "seed": s % SEEDS} for (tokens, _), s in zip(read, seeds, strict=True)
        ]
        answers = self._server.each(self._completed, asked)
        return [
            Text(str(a["content"]), a.get("stop_type") != "limit", cut, int(a.get("tokens_predicted", 0)))
            for a, (_, cut) in zip(answers, read, strict=True)
        ]

    def _completed(self, body: dict[str, Any]) -> dict[str, Any]:
        # What was read before is not used again: its values depend on the batch that it was read in.
        told = self._server.ask("/completion", {**body, "cache_prompt": False})
        if "content" not in told:
            raise InputError("model: llama.cpp's answer has no text")
        return told

    def _told(self, tokens: list[int], words: Sequence[int]) -> list[float]:
        """Log-probability of some tokens as the next one."""
        for most in (MOST_TOLD, self.vocabulary):
            body = {"prompt": tokens, "n_predict": 1, "n_probs": most, "temperature": 0.0}
            told = self._completed(body).get("completion_probabilities") or [{}]
            known = {one["id"]: one["logprob"] for one in told[0].get("top_logprobs", ())}
            if all(word in known for word in words):
                break
        values = [known.get(word) for word in words]
        if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
            raise InputError("model: expected finite logits, got NaN or infinity")
        return [float(value) for value in values if value is not None]

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        told = str(self.file.values.get("tokenizer.ggml.tokens", "")).split(" ")
        return int(told[2]) if len(told) == 4 else MOST_TOLD

    def _asked(self, prompt: Prompt, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """A prompt in tokens, and the token that each word begins with where it is written behind it.

        Where a tokenizer makes one token of the prompt's end and a word's beginning, the prompt ends before.
        """
        text = self._text(prompt)
        alone = self._tokens(text)
        if not text:
            return alone, [self._begin(self._tokens(word), 0, word) for word in words]
        wholes = [self._tokens(text + word) for word in words]
        shared = min((_common(alone, whole) for whole in wholes), default=len(alone))
        firsts = [self._begin(whole, shared, word) for whole, word in zip(wholes, words, strict=True)]
        return alone[:shared] or self._tokens(""), firsts

    def _begin(self, tokens: list[int], at: int, word: str) -> int:
        if at >= len(tokens) or not word:
            raise InputError(f"model: the answer {word[:60]!r} has no token of its own; expected a text")
        return tokens[at]

    def _fitting(self, every: Sequence[list[int]], room: int) -> list[tuple[list[int], bool]]:
        """Prompts and whether each lost its beginning, so that there is room for more behind it."""
        if room >= self.context:
            raise InputError(
                f"model.max_new_tokens: {room:,} leave no room for a prompt in a context of {self.context:,}"
            )
        read = [self._cut(tokens, self.context - room) for tokens in every]
        self.truncated += sum(cut for _, cut in read)
        needed = max((len(tokens) for tokens, _ in read), default=0) + room
        if needed > self._server.context:
            # The next power of two, so that this happens seldom.
            self._server.close()
            self._server = self._served(min(1 << (needed - 1).bit_length(), self.context))
        return read

    def _text(self, prompt: Prompt) -> str:
        """What llama.cpp reads: the template's text, which is its own doing, or the bare one."""
        system = prompt.system or self._system
        if not self.chat:
            return f"{system}\n\n{prompt.text}" if system else prompt.text
        turns = [{"role": "system", "content": system}] if system else []
        turns.append({"role": "user", "content": prompt.text})
        options = {"enable_thinking": False, "date_string": TODAY}
        body = {"messages": turns, "add_generation_prompt": True, "chat_template_kwargs": options}
        return str(self._server.ask("/apply-template", body).get("prompt", ""))

    def _tokens(self, text: str) -> list[int]:
        """Tokens of a text with the mark that the model sets before it; of none at least such a mark."""
        body = {"content": text, "add_special": True, "parse_special": True}
        tokens = [int(token) for token in self._server.ask("/tokenize", body)["tokens"]]
        if tokens:
            return tokens
        marks = [self.file.number(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos")]
        found = [mark for mark in marks if mark is not None]
        if not found:
            raise InputError("model: its tokenizer has no mark of a text's beginning; expected a prompt")
        return found[:1]

    def _cut(self, tokens: list[int], most: int) -> tuple[list[int], bool]:
        """What there is room for, without the beginning; the mark of a beginning stays."""
        if len(tokens) <= most:
            return tokens, False
        begun = most > 1 and tokens[0] == self.file.number("tokenizer.ggml.bos_token_id")
        marks = tokens[:1] if begun else []
        return [*marks, *tokens[len(tokens) - most + len(marks) :]], True

    def describe(self) -> dict[str, Any]:
        """What the report says of the model."""
        template = {"template_sha256": self.file.template_sha256()} if self.chat else {}
        return {
            "kind": "gguf", "path": self.path, "sha256": self._sha256, **self.file.told(),
            "context": self.context, **template, "runtime": self._runtime(),
        }  # fmt: skip

    def _runtime(self) -> str:
        return f"{RUNTIME} {importlib.metadata.version('xllamacpp')}"

    def identity(self) -> dict[str, Any] | None:
        """What its answers depend on: some templates write the day."""
        dated = self.chat and "strftime_now" in (self.file.template or "")
        return {
            "kind": "gguf", "sha256": self._sha256, "context": self.context, "chat": self.chat,
            "system": self._system, "runtime": self._runtime(),
            "day": datetime.date.today().isoformat() if dated else None,
        }  # fmt: skip


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts have in common from the beginning on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _context(file: GgufFile, asked: int | None) -> int:
    """How many tokens a prompt and what is written may have."""
    own = file.context
    if asked is None:
        return own or FIRST_CONTEXT
    if own is not None and asked > own:
        raise InputError(f"model.context: expected at most {own:,} tokens, as the model has, got {asked:,}")
    return asked


def gguf_engine(spec: Any, seed: int) -> Gguf:
    """A GGUF file, or the first of its parts.

    Parameters
    ----------
    spec
        What ``model:`` says: ``path``, ``chat``, ``system``, ``context``.
    seed : int
        Each text that is written has its own.

    Raises
    ------
    InputError
        A package is missing, or the file cannot be read or run.
    """
    asked = {name: getattr(spec, name, None) for name in ("chat", "system", "context")}
    return Gguf(str(Path(spec.path)), asked["chat"] or "auto", asked["system"] or "", asked["context"])
