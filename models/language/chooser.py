"""Questions with several answers, put to a language model."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.choice import ANSWERS, CONTEXT, OPTIONS, QUESTION, ROLES, UNPARSED, folded, options_of
from ...datasets.errors import InputError
from ...told import tell, tell_n
from ..base import Scored
from .asked import AskedModel, checked_form, column_texts
from .engine import Question, Sampling

WEIGH, LETTER, WRITE = "likelihood", "choice", "generate"
"""Ways in which an answer is had."""
LETTERS = "ABCDEFGHIJ"
PARTS = ("context", "question", "options", "letters")
WEIGHED = "{context}\n\nQ: {question}\nA:"
LISTED = "{context}\n\nQuestion: {question}\n{options}\nAnswer with one letter, {letters}.\nAnswer:"
TALKED = "{context}\n\nQuestion: {question}\n{options}\nAnswer with one letter, {letters}, and nothing else."
MOST_SHOWN = 3
LEAST_TOLD, ONE_SIDED = 20, 0.9
"""Answers from which on it is told that one letter has so large a share of them."""
MOST_KEPT = 60
"""Characters of an answer that names none which are kept, to be told."""
_LETTER = re.compile(r"\(?([A-J])(?:[).:]|(?=\s|$))\s*(.*)", re.S)
_LEAD = re.compile(r"^(?:the\s+)?(?:correct\s+|right\s+|best\s+)?answer(?:\s+is)?\s*:?\s*", re.I)


def parsed(text: str, answers: Sequence[str]) -> int | None:
    """Which answer a text names: by its letter, by its own words, or by both where they agree.

    Parameters
    ----------
    text : str
        As a model wrote it; the first line that holds anything counts.
    answers : sequence of str
        Of the question, in the order of their letters.

    Returns
    -------
    int or None
        None where the text names no answer, or two.
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = _LEAD.sub("", line.strip("*_` ")).strip("*_`\"' ")
    known = {folded(answer): place for place, answer in enumerate(answers)}
    if (place := known.get(folded(line))) is not None:
        return place
    found = _LETTER.fullmatch(line)
    if found is None or LETTERS.index(found[1]) >= len(answers):
        return None
    place, rest = LETTERS.index(found[1]), folded(found[2].strip("*_`\"' )"))
    return place if rest in ("", folded(answers[place])) else None


@dataclass
class Chooser(AskedModel):
    """A language model that chooses among the answers of a question.

    Parameters
    ----------
    way : str
        ``likelihood``: the answer whose tokens are the likeliest on average after the question, which lists
        none. ``choice``: the answer whose letter is the likeliest next token. ``generate``: what is written,
        read by `parsed`.
    form : str
        The prompt's.
    sampling : Sampling
    """

    way: str = WEIGH
    form: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    strange: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)

    task = "choice"
    classes = ROLES

    def __post_init__(self) -> None:
        if self.way == WEIGH and not self.engine.scores:
            # It says itself why, where it knows.
            self.engine.likelihoods([])
            raise InputError("model.score: this runtime cannot weigh answers; expected choice or generate")
        default = WEIGHED if self.way == WEIGH else TALKED if self.engine.chat else LISTED
        self.form = checked_form(self.form or default, PARTS)
        self.about = {"score": self.way, "prompt": self.form, **self._how()}

    def _how(self) -> dict[str, Any]:
        if self.way != WRITE:
            return {}
        return {"max_new_tokens": self.sampling.max_new_tokens, "temperature": self.sampling.temperature}

    def asked(self, batch: pa.RecordBatch) -> Scored:
        """Ask each question; the place of what its answer is in `ROLES`."""
        contexts, questions = (column_texts(batch, name) for name in (CONTEXT, QUESTION))
        answers = [tuple(json.loads(text)) for text in batch.column(ANSWERS).to_pylist()]
        if any(len(listed) > len(LETTERS) for listed in answers):
            raise InputError(f"{ANSWERS}: expected at most {len(LETTERS)} answers of a question")
        prompts = [self._prompt(*row) for row in zip(contexts, questions, answers, strict=True)]
        chosen, texts = self._chosen(prompts, answers)
        options = [options_of(text) for text in batch.column(OPTIONS).cast(pa.string()).to_pylist()]
        roles = (
            UNPARSED if place is None else known[folded(listed[place])]
            for place, listed, known in zip(chosen, answers, options, strict=True)
        )
        decision = np.fromiter(map(ROLES.index, roles), np.int64, len(answers))
        return Scored(decision, None, text=texts)

    def seen(self, scored: Scored) -> None:
        """Count the answers that name none of their question's, and the letters of the others."""
        super().seen(scored)
        if scored.text is None or scored.decision is None:
            return
        named = scored.decision != ROLES.index(UNPARSED)
        self.letters.update(scored.text[named].tolist())
        if self.way == WRITE:
            self.strange.update(scored.text[~named].tolist())

    def _prompt(self, context: str, question: str, answers: Sequence[str]) -> str:
        letters = LETTERS[: len(answers)]
        options = "\n".join(f"{letter}. {answer}" for letter, answer in zip(letters, answers, strict=True))
        listed = f"{', '.join(letters[:-1])} or {letters[-1]}"
        return self.form.format(context=context, question=question, options=options, letters=listed)

    def _chosen(
        self, prompts: Sequence[str], answers: Sequence[tuple[str, ...]]
    ) -> tuple[list[int | None], NDArray[np.str_] | None]:
        """The place of the answer to each prompt, and its letter, or what was written where it names none."""
        asked = [self.prompt(text) for text in prompts]
        before = "" if self.engine.chat else " "
        if self.way == WEIGH:
            weighed = self.engine.likelihoods(
                [
                    Question(prompt, tuple(before + answer for answer in listed))
                    for prompt, listed in zip(asked, answers, strict=True)
                ]
            )
            return [int(np.argmax(one.sums / np.maximum(one.tokens, 1))) for one in weighed], None
        if self.way == LETTER:
            most = max(map(len, answers))
            told = self.engine.next_tokens(asked, [before + letter for letter in LETTERS[:most]])
            chosen = [_likeliest(row[: len(listed)]) for row, listed in zip(told, answers, strict=True)]
            return chosen, np.array(["" if place is None else LETTERS[place] for place in chosen], np.str_)
        texts = [one.text for one in self.engine.write(asked, self.sampling, [self.seed] * len(asked))]
        places = [parsed(text, listed) for text, listed in zip(texts, answers, strict=True)]
        kept = [
            text.strip()[:MOST_KEPT] if place is None else LETTERS[place]
            for text, place in zip(texts, places, strict=True)
        ]
        return places, np.array(kept, np.str_)

    def notes(self) -> list[str]:
        """Prompts that were cut, a letter that nearly all answers have, and answers that name none."""
        found, n = [*super().notes(), *self._one_letter()], self.strange.total()
        if not n:
            return found
        shown = ", ".join(repr(text) for text, _ in self.strange.most_common(MOST_SHOWN))
        return [
            *found,
            tell_n(
                "{n} answer of the model names none of its question's, such as {shown}. It is counted as "
                "unparsed.",
                "{n} answers of the model name none of their question's, such as {shown}. They are counted "
                "as unparsed.",
                n, n=f"{n:,}", shown=shown,
            ),
        ]  # fmt: skip

    def _one_letter(self) -> list[str]:
        """Say that nearly all answers have one letter, where answers are spread over the letters."""
        n = self.letters.total()
        letter, most = next(iter(self.letters.most_common(1)), ("", 0))
        if n < LEAST_TOLD or most < ONE_SIDED * n:
            return []
        return [
            tell(
                "{most} of {n} answers are {letter}: the model chooses a place in the list, whatever stands "
                "there. Biases near 0 and answers that do not change say little of it then.",
                most=f"{most:,}", n=f"{n:,}", letter=letter,
            )
        ]  # fmt: skip


def _likeliest(told: NDArray[np.float64]) -> int | None:
    """The place of the likeliest letter; None where the runtime told none of them."""
    return None if np.isneginf(told).all() else int(np.argmax(told))
