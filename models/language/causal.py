"""Causal language models of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import optional
from .engine import Floats, Likelihood, Prompt, Question, Sampling, Text
from .packed import Packed, Row, batches, packed, seen
from .tokenised import Asked, common_beginning, telling
from .torch_language import TorchLanguage, summed, told_by
from .ways import weighing, writing
from .writing import keyed, write

SHARED = 16
"""Tokens that prompts have in common from which on these are read once."""
MOST_CACHED = 1 << 31
"""Bytes that copies of these in a batch may take."""


class Causal(TorchLanguage):
    """A causal language model: answers are weighed behind the prompt that they share."""

    kind = "causal-lm"

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._ways: tuple[str, str] = ("", "")

    @property
    def way(self) -> str:
        """How questions share a batch: the first of `WAYS` that changes no value."""
        if not self._ways[0]:
            self._ways = (weighing(self), self._ways[1])
        return self._ways[0]

    @property
    def writing_way(self) -> str:
        """How texts that are written share a batch."""
        if not self._ways[1]:
            self._ways = (self.way, writing(self, self.way))
        return self._ways[1]

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """Weigh the answers of each question."""
        asked = self._asked(questions)
        starts = np.cumsum([0, *(len(one.answers) for one in asked)])
        sums = self.weighed(_rows(asked), int(starts[-1]), self.way)
        return [
            Likelihood(sums[start:end], np.array([len(a) for a in one.answers], np.int64), one.cut)
            for one, start, end in zip(asked, starts[:-1], starts[1:], strict=True)
        ]

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """Log-probability of the token that tells each word from the others as the next one."""
        asked = self._asked([Question(prompt, tuple(words)) for prompt in prompts])
        sums = self.weighed(_rows([telling(one) for one in asked]), len(prompts) * len(words), self.way)
        return sums.reshape(len(prompts), len(words))

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """Go on from each prompt."""
        read = self.words.prompts(prompts, sampling.max_new_tokens)
        self.truncated += sum(cut for _, cut in read)
        keys = keyed(prompts, seeds)
        rows = [Row(ids, ([0],), (i,)) for i, (ids, _) in enumerate(read)]
        texts: dict[int, Text] = {}
        way = self.writing_way
        with self.running():
            before, rows, cache = self.shared(rows) if way == "packed" else (0, rows, None)
            for batch in batches(
                rows, self.batch_tokens, self.vocabulary, more=sampling.max_new_tokens,
                most=_most(cache), alike=way == "alike",
            ):  # fmt: skip
                places = [row.places[0] for row in batch]
                going = self.continued(packed(batch, before, self.pad), before, cache, way)
                written = write(going, sampling, keys[places], self.ends)
                for place, (ids, whole) in zip(places, written, strict=True):
                    texts[place] = Text(self.words.text(ids), whole, read[place][1], len(ids))
        return [texts[i] for i in range(len(prompts))]

    def continued(self, laid: Packed, before: int, cache: Any, way: str) -> Continued:
        """Texts under way, their prompts read."""
        return Continued(self, laid, before, cache, way)

    def _asked(self, questions: Sequence[Question]) -> list[Asked]:
        asked = self.words.questions(questions)
        self.truncated += sum(one.cut for one in asked)
        return asked

    def weighed(self, rows: Sequence[Row], size: int, way: str) -> Floats:
        """Log-likelihood of each answer, by its place among ``size``."""
        values: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        places: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        with self.running():
            for some, before, cache in self._parted(rows, way):
                for batch in batches(
                    some, self.batch_tokens, self.vocabulary, most=_most(cache), alike=way == "alike"
                ):
                    laid = packed(batch, before, self.pad)
                    out = self.read(laid, before, expanded(cache, len(batch)), keep=laid.keep)
                    values.append(told_by(out.logits, laid.picked))
                    places.append(laid.places)
        return summed(np.concatenate(values), np.concatenate(places), size)

    def _parted(self, rows: Sequence[Row], way: str) -> list[tuple[list[Row], int, Any]]:
        """Rows with how many tokens stand before them in which cache."""
        if way != "packed":
            return [([one for row in rows for one in row.alone()], 0, None)]
        # Masks of our own say nothing of a window.
        window = self._window
        near = [row for row in rows if window is None or row.depth <= window]
        far = [one for row in rows if window is not None and row.depth > window for one in row.alone()]
        before, near, cache = self.shared(near)
        return [(near, before, cache), (far, 0, None)]

    @property
    def _window(self) -> int | None:
        """Tokens that some layer sees, where that is fewer than all."""
        config = self.module.config.get_text_config()
        told = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
        found = [int(one) for one in told if one]
        return min(found) if found else None

    def shared(self, rows: Sequence[Row]) -> tuple[int, list[Row], Any]:
        """What all prompts begin with as a cache, and the rows without it."""
        shared = common_beginning([row.prompt for row in rows]) if len(rows) > 1 else 0
        # What is looked at is read with the answers: the last token of a prompt, which foretells them.
        shared = min([shared, *(len(row.prompt) - 1 - row.begun for row in rows)])
        if shared < SHARED or (self._window is not None and shared >= self._window):
            return 0, list(rows), None
        # Not kept from call to call: a recipe may change the weights in between.
        ids = np.array([rows[0].prompt[:shared]], np.int64)
        out = self.forward(input_ids=ids, attention_mask=np.ones_like(ids), keeping=True, keep=1)
        return shared, [replace(row, prompt=row.prompt[shared:]) for row in rows], self.kept(out)

    def read(self, laid: Packed, before: int, cache: Any, *, keep: int, keeping: bool = False) -> Any:
        """Call the module on a batch."""
        torch = optional("torch", "a language model")
        mask: Any
        if laid.forked:
            mask = seen(torch.from_numpy(laid.branch).to(self.device), before)
            if self.module.config._attn_implementation == "eager":
                # This one adds the mask to what it has.
                low = torch.finfo(self.module.dtype).min
                mask = torch.zeros(mask.shape, dtype=self.module.dtype, device=mask.device).masked_fill(
                    ~mask, low
                )
        else:
            mask = np.concatenate([np.ones((len(laid.ids), before), np.int64), laid.branch >= 0], 1)
        positions = laid.positions if "position_ids" in self.takes else None
        return self.forward(
            input_ids=laid.ids, position_ids=positions, attention_mask=mask, cache=cache, keep=keep,
            keeping=keeping,
        )  # fmt: skip


class Continued:
    """A batch of texts under way."""

    def __init__(self, model: Causal, laid: Packed, before: int, cache: Any, way: str) -> None:
        torch = optional("torch", "a language model")
        self._model = model
        out = model.read(laid, before, expanded(cache, len(laid.ids)), keep=1, keeping=True)
        self._cache, self.logits = model.kept(out), out.logits[:, -1]
        seen_ones = np.concatenate([np.ones((len(laid.ids), before), np.int64), laid.branch >= 0], 1)
        # Without padding there is nothing to mask, and some models take no mask for what they have read.
        self._mask = None if way == "alike" else torch.from_numpy(seen_ones).to(model.device)
        self._positions = torch.from_numpy(laid.positions[:, -1:]).to(model.device)

    def go(self, tokens: Any) -> None:
        """Read a token for each row."""
        torch = optional("torch", "a language model")
        if self._mask is not None:
            self._mask = torch.cat([self._mask, torch.ones_like(self._mask[:, :1])], 1)
        self._positions = self._positions + 1
        positions = self._positions if "position_ids" in self._model.takes else None
        out = self._model.forward(
            input_ids=tokens[:, None], position_ids=positions, attention_mask=self._mask, cache=self._cache,
            keep=1,
        )  # fmt: skip
        self._cache, self.logits = self._model.kept(out), out.logits[:, -1]

    def keep(self, rows: Any) -> None:
        """Go on with some of the rows alone."""
        self._cache.reorder_cache(rows)
        self._positions, self.logits = self._positions[rows], self.logits[rows]
        if self._mask is not None:
            self._mask = self._mask[rows]


def expanded(cache: Any, rows: int) -> Any:
    """A cache of one row for as many as are asked for, which may be extended; None of none."""
    if cache is None:
        return None
    made = optional("transformers", "a language model").DynamicCache()
    for place, layer in enumerate(cache.layers):
        made.update(layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1), place)
    return made


def _most(cache: Any) -> int | None:
    """Rows of a batch whose copies of a cache have room."""
    if cache is None:
        return None
    size: int = sum(part.nbytes for layer in cache.layers for part in (layer.keys, layer.values))
    return max(1, MOST_CACHED // max(1, size))


def _rows(asked: Sequence[Asked]) -> list[Row]:
    """Questions as rows, whose answers have the places of all answers in order."""
    rows, place = [], 0
    for one in asked:
        if one.answers:
            # What all answers begin with, as sentences of a pair do, is read once too.
            most = min(map(len, one.answers)) - 1
            begun = min(common_beginning(one.answers), most)
            own = tuple(answer[begun:] for answer in one.answers)
            places = tuple(range(place, place + len(own)))
            rows.append(Row([*one.prompt, *one.answers[0][:begun]], own, places, begun))
        place += len(one.answers)
    return rows
