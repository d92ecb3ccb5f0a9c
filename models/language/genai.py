"""Folders of onnxruntime-genai, such as those whose weights are in four bits.

The runtime hands over the logits of every position, so that it weighs answers, names the next token and
writes. Texts go through it one by one: what it says of one depends on no other.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ..extras import optional
from ..foreign import foreign
from .cores import threads
from .drawn import log_softmax, next_token
from .engine import Floats, Likelihood, Prompt, Question, Sampling, Text
from .genai_folder import GenaiFolder, read_genai
from .runtime_tokens import Marks, RuntimeTokens, is_dated
from .tokenised import TODAY, Asked, telling
from .writing import keyed

RUNTIME = "onnxruntime-genai"
FAILED = "model: onnxruntime-genai failed on a prompt"


class Genai:
    """A model of onnxruntime-genai.

    Parameters
    ----------
    path : str
    chat : str
        ``on``, ``off``, or ``auto``: on where the folder has a chat template.
    context : int, optional
        Most tokens of a prompt and its answer; None: the model's own.

    Attributes
    ----------
    scores, chat : bool
    truncated : int
        Prompts so far that lost their beginning.
    words : RuntimeTokens
    files : list of Path
    """

    kind = "genai"
    scores = True

    def __init__(self, path: str, chat: str = "auto", context: int | None = None) -> None:
        self._library = optional("onnxruntime_genai", "a model of onnxruntime-genai", "genai")
        self.path, self.folder = path, read_genai(path)
        self.context = _context(self.folder, context)
        if chat == "on" and self.folder.template is None:
            raise InputError(f"model.chat: on, but {path} has no chat template; expected off")
        self.chat = chat != "off" and self.folder.template is not None
        self.files, self.truncated, self._about = self.folder.files, 0, self.folder.told()
        self._sha256 = self.folder.sha256()
        with foreign(f"model.path: onnxruntime-genai cannot load {path}", loud=True):
            config = self._library.Config(path)
            config.overlay(json.dumps(_threaded()))
            self._model = self._library.Model(config)
            self._tokenizer = self._library.Tokenizer(self._model)
            marks = Marks(_one(self._tokenizer.bos_token_id), _first(self._tokenizer.eos_token_ids))
            self._tokenizer.update_options(add_special_tokens="true")
            marked = [int(token) for token in self._tokenizer.encode("a")]
            options = json.dumps({"enable_thinking": False, "date_string": TODAY})
            self._tokenizer.update_options(add_special_tokens="false", chat_template_kwargs=options)
            plain = self._read("a")
        # What the tokenizer sets before a text; a chat template writes its own.
        before = [] if self.chat else marked[: _place(plain, marked)]
        self.words = RuntimeTokens(weakref.proxy(self), self.chat, self.context, before, marks)
        self._ends = self.folder.ends | {int(one) for one in self._tokenizer.eos_token_ids}
        self._rewinds = True
        # Asked for where variants are compared; a folder may have a tokenizer that does not list its tokens.
        tokens, self._bytes = self.folder.tokens(), self.folder.byte_tokens()
        self.vocabulary_told = None if tokens is None else lambda: (tokens, self.folder.template)

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """Weigh the answers of each question; its prompt is read once."""
        asked = self.words.questions(questions)
        self.truncated += sum(one.cut for one in asked)
        return [
            Likelihood(self._weighed(one), np.array([len(a) for a in one.answers], np.int64), one.cut)
            for one in asked
        ]

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """Log-probability of the token that tells each word from the others as the next one."""
        asked = self.words.questions([Question(prompt, tuple(words)) for prompt in prompts])
        self.truncated += sum(one.cut for one in asked)
        rows = [self._weighed(telling(one)) for one in asked]
        return np.array(rows, np.float64).reshape(len(prompts), len(words))

    def _weighed(self, asked: Asked) -> Floats:
        """Log-likelihood of each answer behind the prompt."""
        longest = max(map(len, asked.answers), default=1)
        sums = []
        with self._reading(asked.prompt, longest) as (text, first):
            told = log_softmax(first)
            for answer in asked.answers:
                value = told[answer[0]]
                if len(answer) > 1:
                    value += self._behind(text, asked.prompt, answer)
                sums.append(value)
        return np.array(sums, np.float64)

    def _behind(self, text: Any, prompt: list[int], answer: list[int]) -> float:
        """Log-likelihood of an answer's tokens behind its first one; the text is then as it was."""
        text.append_tokens(np.array(answer[:-1], np.int32))
        told = log_softmax(np.asarray(text.get_output("logits")[0]))
        self._back(text, prompt)
        return float(told[np.arange(len(answer) - 1), answer[1:]].sum())

    def _back(self, text: Any, prompt: list[int]) -> None:
        """Forget what was read behind the prompt; some models can only forget all of it."""
        if self._rewinds:
            try:
                text.rewind_to(len(prompt))
                return
            except RuntimeError:
                self._rewinds = False
        text.rewind_to(0)
        text.append_tokens(np.array(prompt, np.int32))

    @contextmanager
    def _reading(self, prompt: list[int], room: int) -> Iterator[tuple[Any, NDArray[np.float32]]]:
        """A text that begins with a prompt, and the logits behind it."""
        with foreign(FAILED, loud=True):
            params = self._library.GeneratorParams(self._model)
            # Keys and values take memory for as many tokens as there is room for.
            params.set_search_options(max_length=len(prompt) + room, batch_size=1)
            text = self._library.Generator(self._model, params)
            text.append_tokens(np.array(prompt, np.int32))
            yield text, self._last(text)

    def _last(self, text: Any) -> NDArray[np.float32]:
        return np.array(text.get_logits()[0, -1], np.float32)

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """Go on from each prompt."""
        read = self.words.prompts(prompts, sampling.max_new_tokens)
        self.truncated += sum(cut for _, cut in read)
        keys = [int(key) for key in keyed(prompts, seeds)]
        return [
            self._written(tokens, sampling, key, cut) for (tokens, cut), key in zip(read, keys, strict=True)
        ]

    def _written(self, prompt: list[int], sampling: Sampling, key: int, cut: bool) -> Text:
        found: list[int] = []
        with self._reading(prompt, sampling.max_new_tokens) as (text, logits):
            while True:
                token = next_token(logits, sampling, key, len(found))
                if token in self._ends:
                    return Text(self.decoded(found), True, cut, len(found))
                found.append(token)
                if len(found) == sampling.max_new_tokens:
                    return Text(self.decoded(found), False, cut, len(found))
                text.append_tokens(np.array([token], np.int32))
                logits = self._last(text)

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Bytes of keys and values that one more token takes."""
        return self.folder.kv_bytes_per_token

    def templated(self, turns: list[dict[str, str]]) -> str:
        """A chat's turns as onnxruntime-genai writes them."""
        with foreign("model.chat: the model's chat template cannot take a prompt"):
            return str(
                self._tokenizer.apply_chat_template(
                    json.dumps(turns), template_str=self.folder.template, add_generation_prompt=True
                )
            )

    def encoded(self, texts: list[str]) -> list[list[int]]:
        """Tokens of texts, without the mark before them."""
        with foreign("model.path: its tokenizer cannot read a prompt"):
            return [self._read(text) for text in texts]

    def _read(self, text: str) -> list[int]:
        return [int(token) for token in self._tokenizer.encode(text)]

    def decoded(self, ids: Sequence[int]) -> str:
        """What tokens say, without marks."""
        if self._bytes is not None:
            return self._bytes.text(ids)
        with foreign("model.path: its tokenizer cannot read what the model wrote"):
            return str(self._tokenizer.decode(np.array(ids, np.int32)))

    def describe(self) -> dict[str, Any]:
        """What the report says of the model."""
        template = (
            {"template_sha256": hashlib.sha256((self.folder.template or "").encode()).hexdigest()}
            if self.chat
            else {}
        )
        return {
            "kind": self.kind, "path": self.path, "sha256": self._sha256, **self._about,
            **self.words.describe(), **template, "runtime": self._runtime(),
        }  # fmt: skip

    def _runtime(self) -> str:
        return f"{RUNTIME} {importlib.metadata.version(RUNTIME)}"

    def identity(self) -> dict[str, Any] | None:
        """What its answers depend on: some templates write the day."""
        dated = self.chat and is_dated(self.folder.template)
        return {
            "kind": self.kind, "sha256": self._sha256, "context": self.context, "chat": self.chat,
            "runtime": self._runtime(), "day": datetime.date.today().isoformat() if dated else None,
        }  # fmt: skip


def _context(folder: GenaiFolder, asked: int | None) -> int:
    """How many tokens a prompt and its answer may have."""
    own = folder.context
    if asked is not None and asked > own:
        raise InputError(f"model.context: expected at most {own:,} tokens, as the model has, got {asked:,}")
    return own if asked is None else asked


def _threaded() -> dict[str, Any]:
    """What is said besides a folder's own configuration."""
    return {"model": {"decoder": {"session_options": {"intra_op_num_threads": threads()}}}}


def _place(part: list[int], whole: list[int]) -> int:
    """Where a list stands in another one; 0 where it does not."""
    places = range(len(whole) - len(part) + 1)
    return next((at for at in places if whole[at : at + len(part)] == part), 0)


def _one(token: Any) -> int | None:
    """A token's number; None of a tokenizer without such a token."""
    return None if token is None or int(token) < 0 else int(token)


def _first(tokens: Any) -> int | None:
    found = [int(token) for token in tokens]
    return found[0] if found else None


def genai_engine(spec: Any, seed: int) -> Genai:
    """A folder of onnxruntime-genai.

    Parameters
    ----------
    spec
        What ``model:`` says: ``path``, ``chat``, ``context``.
    seed : int
        Each text that is written has its own.

    Raises
    ------
    InputError
        A package is missing, or the folder cannot be read or run.
    """
    chat, context = getattr(spec, "chat", None), getattr(spec, "context", None)
    return Genai(str(spec.path), chat or "auto", context)
