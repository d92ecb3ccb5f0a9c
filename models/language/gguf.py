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
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.errors import InputError
from ..extras import optional
from .engine import Floats, Likelihood, Prompt, Question, Sampling, Text, no_weights
from .gguf_file import GgufFile, read_gguf
from .llama_server import LlamaServer
from .runtime_tokens import Marks, RuntimeTokens, is_dated
from .tokenised import TODAY, telling

RUNTIME = "llama.cpp through xllamacpp"
SLOTS = 4
"""Texts under way at a time; they share a batch, and on a processor their values do not depend on it."""
FIRST_CONTEXT = 2048
"""Tokens that there is room for at first: memory is taken for all of them, and few prompts are long."""
MOST_TOLD = 1000
"""Likeliest tokens that are asked for at first: the whole vocabulary takes ten times as long."""
SEEDS = 2**32 - 1
"""llama.cpp takes the last one for a random one."""
CACHED_BYTES = 2
"""Of a key or value: llama.cpp keeps them in float16."""


class Gguf:
    """A GGUF model.

    Parameters
    ----------
    path : str
    chat : str
        ``on``, ``off``, or ``auto``: on where the file has a chat template.
    context : int, optional
        Most tokens of a prompt and what is written; None: the model's own.

    Attributes
    ----------
    scores, chat : bool
    truncated : int
        Prompts so far that lost their beginning.
    words : RuntimeTokens
    files : tuple of Path
    """

    kind = "gguf"
    scores = False

    def __init__(self, path: str, chat: str = "auto", context: int | None = None) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            # Says how to get it.
            optional("xllamacpp", "a GGUF model", "gguf")
        self.path, self.file = path, read_gguf(path)
        self.files, self.truncated = self.file.files, 0
        self.context = _context(self.file, context)
        if chat == "on" and self.file.template is None:
            raise InputError(f"model.chat: on, but {path} has no chat template; expected off")
        self.chat = chat != "off" and self.file.template is not None
        self._sha256 = self.file.sha256()
        self._server = self._served(min(FIRST_CONTEXT, self.context))
        marks = [self.file.number(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos")]
        before = self._read("", marked=True)
        # A proxy, so that llama.cpp ends as soon as nobody has this any more.
        self.words = RuntimeTokens(weakref.proxy(self), self.chat, self.context, before, Marks(*marks))

    def close(self) -> None:
        """End llama.cpp; it ends with this object, too."""
        self._server.close()

    def _served(self, context: int) -> LlamaServer:
        return LlamaServer(self.file.files[0], context, SLOTS)

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """Raise: llama.cpp tells nothing of a prompt's own tokens."""
        raise no_weights(RUNTIME)

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """Log-probability of the token that tells each word from the others, of the softmax over all."""
        read = self.words.questions([Question(prompt, tuple(words)) for prompt in prompts])
        asked = [telling(one) for one in read]
        self._make_room([one.prompt for one in asked], 1, sum(one.cut for one in asked))
        found = self._server.each(lambda one: self._told(one.prompt, [a[0] for a in one.answers]), asked)
        return np.array(found, np.float64).reshape(len(prompts), len(words))

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """Go on from each prompt; logits are divided by the temperature first, then cut at ``top_p``."""
        read = self.words.prompts(prompts, sampling.max_new_tokens)
        self._make_room([tokens for tokens, _ in read], sampling.max_new_tokens, sum(cut for _, cut in read))
        # What llama.cpp would add of its own (top-k, min-p, penalties) is off.
        how = {
            "n_predict": sampling.max_new_tokens, "temperature": sampling.temperature, "top_k": 0,
            "top_p": sampling.top_p, "min_p": 0.0, "samplers": ["temperature", "top_p"],
        }  # fmt: skip
        if not sampling.temperature:
            how |= {"top_k": 1, "samplers": ["top_k"]}
        rows = zip(read, seeds, strict=True)
        asked = [{**how, "prompt": tokens, "seed": seed % SEEDS} for (tokens, _), seed in rows]
        answers = self._server.each(self._completed, asked)
        return [_text(answer, cut) for answer, (_, cut) in zip(answers, read, strict=True)]

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

    def _make_room(self, every: Sequence[list[int]], room: int, cut: int) -> None:
        """Serve the model with more context where a prompt, and what follows it, needs it."""
        self.truncated += cut
        needed = max(map(len, every), default=0) + room
        if needed > self._server.context:
            # The next power of two, so that this happens seldom.
            self._server.close()
            self._server = self._served(min(1 << (needed - 1).bit_length(), self.context))

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self.file.vocabulary

    def vocabulary_told(self) -> tuple[list[str], str | None]:
        """All tokens by their numbers, and the chat template."""
        return self.file.tokens(), self.file.template

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Bytes of keys and values that one more token takes; None where the file does not tell its heads."""
        values = self.file.values_in_a_cache()
        return None if values is None else values * CACHED_BYTES

    def templated(self, turns: list[dict[str, str]]) -> str:
        """A chat's turns as llama.cpp writes them."""
        options = {"enable_thinking": False, "date_string": TODAY}
        body = {"messages": turns, "add_generation_prompt": True, "chat_template_kwargs": options}
        return str(self._server.ask("/apply-template", body).get("prompt", ""))

    def encoded(self, texts: list[str]) -> list[list[int]]:
        """Tokens of texts, without marks before them."""
        return self._server.each(self._read, texts)

    def _read(self, text: str, *, marked: bool = False) -> list[int]:
        body = {"content": text, "add_special": marked, "parse_special": True}
        return [int(token) for token in self._server.ask("/tokenize", body)["tokens"]]

    def decoded(self, ids: Sequence[int]) -> str:
        """What tokens say."""
        return str(self._server.ask("/detokenize", {"tokens": list(ids)})["content"])

    def describe(self) -> dict[str, Any]:
        """What the report says of the model."""
        template = {"template_sha256": self.file.template_sha256()} if self.chat else {}
        return {
            "kind": self.kind, "path": self.path, "sha256": self._sha256, **self.file.told(),
            **self.words.describe(), **template, "runtime": self._runtime(),
        }  # fmt: skip

    def _runtime(self) -> str:
        return f"{RUNTIME} {importlib.metadata.version('xllamacpp')}"

    def identity(self) -> dict[str, Any] | None:
        """What its answers depend on: some templates write the day."""
        dated = self.chat and is_dated(self.file.template)
        return {
            "kind": self.kind, "sha256": self._sha256, "context": self.context, "chat": self.chat,
            "runtime": self._runtime(), "day": datetime.date.today().isoformat() if dated else None,
        }  # fmt: skip


def _text(answer: dict[str, Any], cut: bool) -> Text:
    """What llama.cpp wrote; the mark of an end counts as none of its tokens."""
    ended = answer.get("stop_type") != "limit"
    tokens = int(answer.get("tokens_predicted", 0)) - (answer.get("stop_type") == "eos")
    return Text(str(answer["content"]), ended, cut, tokens)


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
        What ``model:`` says: ``path``, ``chat``, ``context``.
    seed : int
        Each text that is written has its own.

    Raises
    ------
    InputError
        A package is missing, or the file cannot be read or run.
    """
    chat, context = getattr(spec, "chat", None), getattr(spec, "context", None)
    return Gguf(str(Path(spec.path)), chat or "auto", context)
