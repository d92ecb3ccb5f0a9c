"""Prompts and answers as the tokens of a model's own tokenizer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from ...datasets.errors import InputError
from ..extras import quiet
from ..foreign import foreign
from ..texts import check_time, pieces
from .engine import Prompt, Question

READ = "model.path: its tokenizer cannot read a prompt"
TODAY = "26 Jul 2024"
"""What templates are told that ask for the date: what a model says shall not follow the calendar."""


@dataclass(frozen=True)
class Asked:
    """A question in tokens.

    Attributes
    ----------
    prompt : list of int
        What all answers go on from.
    answers : tuple of list of int
        None is empty.
    cut : bool
        The prompt lost its beginning.
    """

    prompt: list[int]
    answers: tuple[list[int], ...]
    cut: bool = False


class Tokenised:
    """A tokenizer as language models are asked through it.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    chat : str
        ``on``, ``off``, or ``auto``: on where the tokenizer has a chat template.
    context : int, optional
        Tokens that the model reads at most, all that it writes among them; None: any number.
    whole : bool
        Prompts are texts of their own, as an encoder reads them: the mark of an end stands behind them.

    Attributes
    ----------
    chat : bool
    before, behind : list of int
        The marks around a prompt.
    """

    def __init__(self, tokenizer: Any, chat: str, context: int | None, *, whole: bool = False) -> None:
        self.tokenizer, self.context = tokenizer, context
        self._template = _template(tokenizer)
        self._undated = _undated(self._template)
        if chat == "on" and self._template is None:
            raise InputError("model.chat: on, but the model's tokenizer has no chat template; expected off")
        self.chat = chat != "off" and self._template is not None
        self.before, behind = ([], []) if self.chat else _marks(tokenizer)
        # What is to be gone on with has no end.
        self.behind = behind if whole else []

    def prompts(self, prompts: Sequence[Prompt], room: int) -> list[tuple[list[int], bool]]:
        """Each prompt in tokens, and whether it lost its beginning, which leaves ``room`` tokens behind it.

        Raises
        ------
        InputError
            There is no room for a prompt.
        """
        if self.context is not None and room >= self.context:
            raise InputError(
                f"model.max_new_tokens: {room:,} leave no room for a prompt in a context of {self.context:,}"
            )
        most = None if self.context is None else self.context - room
        return [self._cut(self._marked(ids), most) for ids in self._ids([self._text(p) for p in prompts])]

    def questions(self, questions: Sequence[Question]) -> list[Asked]:
        """Questions in tokens: an answer is what prompt and answer have beyond the tokens that they share.

        Where a tokenizer makes one token of a prompt's end and an answer's beginning, that counts to the
        answer: the prompt ends before it for all answers of the question, so that they go on from the same.

        Raises
        ------
        InputError
            An answer is empty, or alone longer than the context.
        """
        texts = [self._text(question.prompt) for question in questions]
        told: list[str] = []
        for text, question in zip(texts, questions, strict=True):
            told += [text, *(text + answer for answer in question.answers)]
        read = iter(self._ids(told))
        return [self._asked(next(read), [next(read) for _ in q.answers], q) for q in questions]

    def apart(self, questions: Sequence[Question]) -> list[Asked]:
        """Questions in tokens, prompts for an encoder and answers for a decoder.

        Raises
        ------
        InputError
            An answer is empty, or longer than the context.
        """
        prompts = self.prompts([question.prompt for question in questions], 0)
        read = iter(self._ids([answer for question in questions for answer in question.answers]))
        found = []
        for (prompt, cut), question in zip(prompts, questions, strict=True):
            answers = tuple(next(read) for _ in question.answers)
            self._check(answers, question)
            found.append(Asked(prompt, answers, cut))
        return found

    def _check(self, answers: Sequence[list[int]], question: Question) -> None:
        for answer, text in zip(answers, question.answers, strict=True):
            if not answer or not text:
                raise InputError(f"model: the answer {text[:60]!r} has no token of its own; expected a text")
            if self.context is not None and len(answer) > self.context:
                raise InputError(
                    f"model: an answer of {len(answer):,} tokens is longer than the model's context of "
                    f"{self.context:,}"
                )

    def _asked(self, prompt: list[int], wholes: list[list[int]], question: Question) -> Asked:
        shared = min((_common(prompt, whole) for whole in wholes), default=len(prompt))
        answers = tuple(whole[shared:] for whole in wholes)
        self._check(answers, question)
        longest = max(map(len, answers), default=1)
        # The last token of an answer is only told, not read.
        most = None if self.context is None else self.context - longest + 1
        kept, cut = self._cut(self._marked(prompt[:shared]), most)
        return Asked(kept, answers, cut)

    def _text(self, prompt: Prompt) -> str:
        if not self.chat:
            return f"{prompt.system}\n\n{prompt.text}" if prompt.system else prompt.text
        turns = [{"role": "system", "content": prompt.system}] if prompt.system else []
        turns.append({"role": "user", "content": prompt.text})
        with foreign("model.chat: the model's chat template cannot take a prompt"), quiet():
            made = self.tokenizer.apply_chat_template(
                turns, chat_template=self._undated, tokenize=False, add_generation_prompt=True,
                enable_thinking=False, date_string=TODAY,
            )  # fmt: skip
        return str(made)

    def _ids(self, texts: list[str]) -> list[list[int]]:
        """Tokens of texts without marks; each text is read once."""
        unique = list(dict.fromkeys(texts))
        found: list[list[int]] = []
        # The tokenizer is a stranger's: what it throws is told in one line, and so is that it does not end.
        with foreign(READ, loud=True):
            for piece in pieces([unique]) if unique else ():
                began = time.monotonic()
                with quiet():
                    read = self.tokenizer(
                        piece[0], add_special_tokens=False, padding=False, return_attention_mask=False,
                        verbose=False,
                    )  # fmt: skip
                check_time(time.monotonic() - began, piece)
                found += read["input_ids"]
        by_text = dict(zip(unique, found, strict=True))
        return [by_text[text] for text in texts]

    def _marked(self, ids: list[int]) -> list[int]:
        """A prompt with the model's mark of a beginning, which an empty one is to have."""
        marked = [*self.before, *ids, *self.behind]
        if marked:
            return marked
        first = [t for t in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id) if t is not None]
        if not first:
            raise InputError("model: its tokenizer has no mark of a text's beginning; expected a prompt")
        return first[:1]

    def _cut(self, ids: list[int], most: int | None) -> tuple[list[int], bool]:
        """What a context has room for, without the beginning; marks stay."""
        if most is None or len(ids) <= most:
            return ids, False
        marks = self.before if len(self.before) < most else []
        return [*marks, *ids[len(ids) - most + len(marks) :]], True

    def text(self, ids: Sequence[int]) -> str:
        """What tokens say, without marks."""
        with foreign("model.path: its tokenizer cannot read what the model wrote"), quiet():
            return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def describe(self) -> dict[str, Any]:
        """Return context, and checksums of the chat template and of the tokenizer."""
        told: dict[str, Any] = {"context": self.context, "tokenizer_sha256": self.sha256()}
        if self.chat and self._template is not None:
            told["template_sha256"] = hashlib.sha256(self._template.encode()).hexdigest()
        return told

    def sha256(self) -> str:
        """Checksum of what tells a tokenizer from others."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:
            written = repr(sorted(self.tokenizer.get_vocab().items()))
        else:
            written = str(backend.to_str())
        return hashlib.sha256(written.encode()).hexdigest()


def telling(asked: Asked) -> Asked:
    """Words as the one token of each that tells it from the others, behind what all of them begin with.

    Many tokenizers make one token of a space and a letter, others two: then the odds lie in the second.
    """
    begun = alike(asked.answers)
    prompt = [*asked.prompt, *asked.answers[0][:begun]] if begun else asked.prompt
    return Asked(prompt, tuple([answer[begun]] for answer in asked.answers), asked.cut)


def alike(words: Sequence[list[int]]) -> int:
    """How many tokens all words begin with before the one that tells them apart.

    Raises
    ------
    InputError
        Two words have the same token there.
    """
    if len(words) < 2:
        return 0
    begun = min(common_beginning(words), min(map(len, words)) - 1)
    if len({word[begun] for word in words}) < len(words):
        raise InputError(
            "model.score: choice, but the model's tokenizer has one token for several letters; expected "
            "likelihood or generate"
        )
    return begun


def check_vocabulary(tokenizer: Any, rows: int) -> None:
    """InputError where a tokenizer has tokens that a model of ``rows`` tokens does not know."""
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= rows:
        raise InputError(
            f"model: its tokenizer has tokens up to {largest:,}, but the model knows {rows:,}; expected the "
            "tokenizer that it was trained with"
        )


def _template(tokenizer: Any) -> str | None:
    """The chat template; None where there is none."""
    if not getattr(tokenizer, "chat_template", None):
        return None
    with foreign("model.chat: the model's chat template cannot be read"):
        return str(tokenizer.get_chat_template())


def _undated(template: str | None) -> str | None:
    """A template that is told always the same date."""
    if template is None or "strftime_now" not in template:
        return template
    # The renderer takes no function; a macro hides the one that it has. A line's end behind one is dropped.
    first = "\n" if template.startswith("\n") else ""
    return f"{{% macro strftime_now(format) %}}{TODAY}{{% endmacro %}}{first}{template}"


def _marks(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and behind a text of its own accord, such as the mark of a beginning."""
    with foreign(READ), quiet():
        plain = tokenizer("a", add_special_tokens=False)["input_ids"]
        marked = tokenizer("a")["input_ids"]
    for start in range(len(marked) - len(plain) + 1):
        if marked[start : start + len(plain)] == plain:
            return list(marked[:start]), list(marked[start + len(plain) :])
    return [], []


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts have in common from the beginning on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def common_beginning(texts: Sequence[list[int]]) -> int:
    """How many tokens all texts have in common from the beginning on."""
    if not texts:
        return 0
    first, last = min(texts), max(texts)
    return _common(first, last)
