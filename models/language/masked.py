"""Masked language models of transformers: sentences weighed by what they say of masked tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NoReturn

import numpy as np

from ...datasets.errors import InputError
from ..extras import quiet
from ..foreign import foreign
from ..texts import length_limit
from .engine import Compared, Floats, Likelihood, Prompt, Question, Sampling, Text, pairs_alone
from .packed import MOST_LOGITS
from .tokenised import READ
from .torch_language import TorchLanguage, told_by

WORDS = re.compile(r"\w+|\W")


@dataclass(frozen=True)
class Gap:
    """A sentence with a token masked.

    Attributes
    ----------
    ids : list of int
    place : int
        Of the mask.
    token : int
        That stood there.
    owner : tuple of int
        Row and sentence.
    """

    ids: list[int]
    place: int
    token: int
    owner: tuple[int, int]


class Masked(TorchLanguage):
    """A masked language model; it weighs sentences of pairs, and neither answers nor writes."""

    kind = "masked-lm"
    scores = False

    def __init__(self, module: Any, tokenizer: Any, source: Any, sha256: str, spec: Any) -> None:
        if tokenizer.mask_token_id is None:
            raise InputError("model.path: its tokenizer has no mask, which a masked language model needs")
        if not tokenizer.is_fast:
            raise InputError(
                "model.path: expected a tokenizer.json, which says of which part of a text tokens are"
            )
        super().__init__(module, tokenizer, source, sha256, spec)

    def context_of(self, given: int | None) -> int | None:
        """Tokens that a sentence may have."""
        return length_limit(self.tokenizer, self.module.config, given)

    def sentences(self, compared: Sequence[Compared]) -> Floats:
        """Score of each sentence, array of shape (rows, sentences); NaN where there is no such sentence.

        Two sentences: the pseudo-log-likelihood of the tokens that they share, each of them masked alone
        (Nangia et al. 2020, CrowS-Pairs). Three: the mean probability of the tokens of the words in which
        they differ, filled in from left to right (Nadeem et al. 2021, StereoSet), as its logarithm.
        """
        widest = max((len(one.sentences) for one in compared), default=0)
        gaps = [gap for row, one in enumerate(compared) for gap in self._gaps(row, one)]
        values = self._filled(gaps)
        scores = np.full((len(compared), widest), np.nan)
        several = {row for row, one in enumerate(compared) if len(_held(one)) > 2}
        found: dict[tuple[int, int], list[float]] = {
            (row, place): [] for row, one in enumerate(compared) for place in _held(one)
        }
        for gap, value in zip(gaps, values.tolist(), strict=True):
            found[gap.owner].append(value)
        for (row, place), each in found.items():
            # Sentences that share no token are as likely as each other.
            mean = np.log(np.mean(np.exp(each))) if each and row in several else sum(each)
            scores[row, place] = mean
        return scores

    def _gaps(self, row: int, one: Compared) -> Iterator[Gap]:
        held = _held(one)
        read = {place: self._read(one.sentences[place]) for place in held}
        if len(held) == 2:
            yield from self._shared(row, held, [read[place][0] for place in held])
            return
        texts = [one.sentences[place] for place in held]
        for place, (start, end) in zip(held, differing(texts), strict=True):
            ids, spans = read[place]
            own = [i for i, (a, b) in enumerate(spans) if a < end and b > start]
            for known, at in enumerate(own):
                # The words' later tokens are not there, as the authors fill them in one by one.
                masked = [*ids[: own[0] + known], self.mask, *ids[own[-1] + 1 :]]
                yield Gap(masked, own[0] + known, ids[at], (row, place))

    def _shared(self, row: int, held: Sequence[int], ids: Sequence[list[int]]) -> Iterator[Gap]:
        """A gap for each token that two sentences share, marks of the tokenizer's own left out."""
        marks = set(self.tokenizer.all_special_ids) - {self.tokenizer.unk_token_id}
        blocks = SequenceMatcher(None, ids[0], ids[1]).get_matching_blocks()
        for side, place in enumerate(held):
            own = ids[side]
            for block in blocks:
                for at in range(block[side], block[side] + block.size):
                    if own[at] not in marks:
                        yield Gap([*own[:at], self.mask, *own[at + 1 :]], at, own[at], (row, place))

    @property
    def mask(self) -> int:
        """The token that stands for one that is not told."""
        return int(self.tokenizer.mask_token_id)

    def _read(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """A sentence's tokens, and where each stands in it; marks stand nowhere."""
        with foreign(READ, loud=True), quiet():
            read = self.tokenizer(text, return_offsets_mapping=True, verbose=False)
        ids, spans = list(read["input_ids"]), list(read["offset_mapping"])
        if self.words.context is not None and len(ids) > self.words.context:
            raise InputError(
                f"model: a sentence of {len(ids):,} tokens is longer than the model's context of "
                f"{self.words.context:,}"
            )
        return ids, spans

    def _filled(self, gaps: Sequence[Gap]) -> Floats:
        """Log-probability of what was masked."""
        values = np.zeros(len(gaps))
        order = sorted(range(len(gaps)), key=lambda i: -len(gaps[i].ids))
        start = 0
        with self.running():
            while start < len(order):
                width = len(gaps[order[start]].ids)
                most = min(self.batch_tokens // width, MOST_LOGITS // (width * self.vocabulary))
                batch = order[start : start + max(1, most)]
                ids = np.full((len(batch), width), self.pad, np.int64)
                seen = np.zeros((len(batch), width), np.int64)
                for row, i in enumerate(batch):
                    ids[row, : len(gaps[i].ids)], seen[row, : len(gaps[i].ids)] = gaps[i].ids, 1
                logits = self.forward(input_ids=ids, attention_mask=seen).logits
                rows, places = np.arange(len(batch)), np.array([gaps[i].place for i in batch])
                found = logits[self.tensor(rows), self.tensor(places)][:, None]
                tokens = np.array([gaps[i].token for i in batch])
                values[batch] = told_by(found, (rows, np.zeros_like(rows), tokens))
                start += len(batch)
        return values

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """It weighs no answers."""
        self._refuse()

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """It names no next token."""
        self._refuse()

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """It writes nothing."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise pairs_alone()


def _held(one: Compared) -> list[int]:
    """Places of the sentences that there are."""
    return [place for place, text in enumerate(one.sentences) if text]


def differing(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Where each of some sentences differs from the others: without the words that all begin and end with."""
    words = [WORDS.findall(text) for text in texts]
    most = min(map(len, words))
    before = 0
    while before < most and len({w[before] for w in words}) == 1:
        before += 1
    behind = 0
    while behind < most - before and len({w[-1 - behind] for w in words}) == 1:
        behind += 1
    return [
        (len("".join(w[:before])), len(text) - len("".join(w[len(w) - behind :])))
        for w, text in zip(words, texts, strict=True)
    ]
