"""Encoder-decoder language models of transformers: the encoder reads the prompt, the decoder the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ..extras import optional
from ..texts import UNLIMITED
from .engine import Floats, Likelihood, Prompt, Question, Sampling, Text
from .packed import MOST_LOGITS
from .tokenised import Asked, Tokenised, alike
from .torch_language import TorchLanguage, positions_of, summed, told_by
from .writing import keyed, write

Numbered = list[tuple[int, Asked]]


class Seq2Seq(TorchLanguage):
    """An encoder-decoder model: a prompt is encoded once for all its answers."""

    kind = "seq2seq"

    def __init__(self, module: Any, tokenizer: Any, source: Any, sha256: str, spec: Any) -> None:
        super().__init__(module, tokenizer, source, sha256, spec)
        self.words = Tokenised(tokenizer, spec.chat or "auto", self.words.context, whole=True)
        self.start = _start(module, tokenizer)

    def context_of(self, given: int | None) -> int | None:
        """Tokens that the encoder reads at most; with relative positions as many as its tokenizer says."""
        if given is None and positions_of(self.module.config) is None:
            told = self.tokenizer.model_max_length
            return int(told) if told and 0 < told < UNLIMITED else None
        return super().context_of(given)

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """Weigh the answers of each question."""
        asked = self.words.apart(questions)
        self.truncated += sum(one.cut for one in asked)
        sums = self._weighed(asked)
        return [
            Likelihood(found, np.array([len(a) for a in one.answers], np.int64), one.cut)
            for one, found in zip(asked, sums, strict=True)
        ]

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """Log-probability of each word up to the token that tells it from the others."""
        asked = self.words.apart([Question(prompt, tuple(words)) for prompt in prompts])
        self.truncated += sum(one.cut for one in asked)
        begun = alike(asked[0].answers) if asked else 0
        first = [Asked(one.prompt, tuple(a[: begun + 1] for a in one.answers)) for one in asked]
        return np.array(self._weighed(first)).reshape(len(prompts), len(words))

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """Answer each prompt."""
        most = positions_of(self.module.config)
        if most is not None and sampling.max_new_tokens > most:
            raise InputError(
                f"model.max_new_tokens: expected at most {most:,}, as the decoder has places, got "
                f"{sampling.max_new_tokens:,}"
            )
        read = self.words.prompts(prompts, 0)
        self.truncated += sum(cut for _, cut in read)
        keys = keyed(prompts, seeds)
        asked = [Asked(ids, ([0] * sampling.max_new_tokens,)) for ids, _ in read]
        texts: dict[int, Text] = {}
        with self.running():
            for batch in self._batches(asked, told=1):
                places = [place for place, _ in batch]
                going = _Going(self, *self._encoded(batch))
                written = write(going, sampling, keys[places], self.ends)
                for place, (ids, whole) in zip(places, written, strict=True):
                    texts[place] = Text(self.words.text(ids), whole, read[place][1], len(ids))
        return [texts[i] for i in range(len(prompts))]

    def _weighed(self, asked: Sequence[Asked]) -> list[Floats]:
        """Log-likelihood of the answers of each question."""
        sums: list[Floats] = [np.zeros(0) for _ in asked]
        with self.running():
            for batch in self._batches(asked):
                states, mask = self._encoded(batch)
                answers = [answer for _, one in batch for answer in one.answers]
                if not answers:
                    continue
                owners = np.repeat(np.arange(len(batch)), [len(one.answers) for _, one in batch])
                width = max(map(len, answers))
                ids = np.full((len(answers), width), self.pad, np.int64)
                ids[:, 0] = self.start
                for row, answer in enumerate(answers):
                    ids[row, 1 : len(answer)] = answer[:-1]
                # What stands behind an answer is not seen by it: the decoder looks back alone.
                out = self.decoded(states[owners], mask[owners], ids)
                lengths = [len(answer) for answer in answers]
                rows = np.repeat(np.arange(len(answers)), lengths)
                places = np.concatenate([np.arange(n) for n in lengths])
                told = told_by(out.logits, (rows, places, np.concatenate(answers)))
                found = summed(told, rows, len(answers))
                for number, (place, _) in enumerate(batch):
                    sums[place] = found[owners == number]
        return sums

    def decoded(self, states: Any, mask: Any, ids: Any, **more: Any) -> Any:
        """Call the decoder on encoded prompts."""
        outputs = optional("transformers.modeling_outputs", "a language model")
        encoded = outputs.BaseModelOutput(last_hidden_state=states)
        return self.forward(encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=ids, **more)

    def _encoded(self, batch: Numbered) -> tuple[Any, Any]:
        """States of the encoder and what is no padding, a row for each prompt."""
        width = max(len(one.prompt) for _, one in batch)
        ids = np.full((len(batch), width), self.pad, np.int64)
        mask = np.zeros((len(batch), width), np.int64)
        for row, (_, one) in enumerate(batch):
            ids[row, : len(one.prompt)], mask[row, : len(one.prompt)] = one.prompt, 1
        seen = self.tensor(mask)
        encoder = self.module.get_encoder()
        states = encoder(input_ids=self.tensor(ids), attention_mask=seen).last_hidden_state
        return states, seen

    def _batches(self, asked: Sequence[Asked], told: int = 0) -> Iterator[Numbered]:
        """Questions of much the same length together, longest first.

        Parameters
        ----------
        told : int
            Positions of each answer whose logits are held at once; 0: all.
        """
        order = sorted(enumerate(asked), key=lambda one: -len(one[1].prompt))
        start = 0
        while start < len(order):
            width, size, answers, longest = len(order[start][1].prompt), 0, 0, 1
            for _, one in order[start:]:
                answers += len(one.answers)
                longest = max([longest, *map(len, one.answers)])
                # Prompts are encoded once, and stand beside each of their answers.
                tokens = (size + 1) * width + answers * longest
                if size and (
                    tokens > self.batch_tokens or answers * (told or longest) * self.vocabulary > MOST_LOGITS
                ):
                    break
                size += 1
            yield order[start : start + size]
            start += size


class _Going:
    """A batch of texts under way."""

    def __init__(self, model: Seq2Seq, states: Any, mask: Any) -> None:
        self._model, self._states, self._mask = model, states, mask
        self._cache: Any = None
        ids: NDArray[np.int64] = np.full((len(mask), 1), model.start, np.int64)
        self._read(ids)

    def _read(self, ids: Any) -> None:
        out = self._model.decoded(self._states, self._mask, ids, cache=self._cache, keeping=True)
        self._cache, self.logits = self._model.kept(out), out.logits[:, -1]

    def go(self, tokens: Any) -> None:
        self._read(tokens[:, None])

    def keep(self, rows: Any) -> None:
        self._cache.reorder_cache(rows)
        self._states, self._mask, self.logits = self._states[rows], self._mask[rows], self.logits[rows]


def _start(module: Any, tokenizer: Any) -> int:
    """The token that a decoder begins with."""
    generation = getattr(module, "generation_config", None)
    told = [
        getattr(module.config, "decoder_start_token_id", None),
        getattr(generation, "decoder_start_token_id", None),
        tokenizer.bos_token_id,
    ]
    found = [token for token in told if token is not None]
    if not found:
        raise InputError("model.path: its config.json names no token that the decoder begins with")
    return int(found[0])
