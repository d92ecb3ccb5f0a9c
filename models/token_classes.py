"""Models of transformers that classify tokens: sub-words become words, long sentences are read in windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.entities import Entities
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.tags import Matching, Scheme, entities, faulty
from ..spans import Span
from .device import device_for
from .extras import optional, quiet
from .foreign import foreign
from .load_transformers import label_names
from .sources import TOKENS, transformers_module
from .taggers import Sentence, Tagger
from .texts import length_limit, tokenizer_from

OVERLAP = 4
"""Windows of a long sentence share one part in so many of their tokens."""
MOST_AT_ONCE = 256


@dataclass(frozen=True)
class Window:
    """A part of a sentence as the model reads it.

    Attributes
    ----------
    sentence : int
    ids : list of int
    words : list of int or None
        Of each sub-word the token that it is of; None for marks of the tokenizer's own.
    """

    sentence: int
    ids: list[int]
    words: list[int | None]


class TokenClasses:
    """A transformers model that gives each sub-word a tag; a token's tag is that of its first sub-word.

    A sentence that is longer than the model reads is read in windows that overlap, and a token has the tag of
    the window in which most stands around it.
    """

    def __init__(
        self, module: Any, tokenizer: Any, names: Sequence[str], limit: int | None, matching: Matching,
        device: str, batch_tokens: int, about: dict[str, Any],
    ) -> None:  # fmt: skip
        self._module, self._tokenizer, self._names = module.to(device).eval(), tokenizer, list(names)
        self._limit, self._matching, self._device = limit, matching, device
        self._batch_tokens, self._about = batch_tokens, about
        self._scheme = scheme_of(self._names)
        self._windows = 0

    def spans(self, sentences: Sequence[Sentence]) -> Iterator[list[Span]]:
        """The entities of each sentence, by its tokens."""
        for start in range(0, len(sentences), MOST_AT_ONCE):
            part = sentences[start : start + MOST_AT_ONCE]
            for tags in self._tags(part):
                yield entities(tags, self._scheme, self._matching)[0]

    def _tags(self, sentences: Sequence[Sentence]) -> list[list[str]]:
        """A tag for each token; one that no sub-word stands for is outside."""
        windows = self._cut(sentences)
        best = [np.full(len(tokens), -1, np.int64) for tokens in sentences]
        tags = [["O"] * len(tokens) for tokens in sentences]
        for window, classes in self._classified(windows):
            last = len(window.ids) - 1
            seen: int | None = None
            for place, word in enumerate(window.words):
                if word is None or word == seen:
                    continue
                seen = word
                around = min(place, last - place)
                if around > best[window.sentence][word]:
                    best[window.sentence][word] = around
                    tags[window.sentence][word] = self._names[int(classes[place])]
        return tags

    def _cut(self, sentences: Sequence[Sentence]) -> list[Window]:
        """The windows of the sentences: one each, more for long ones."""
        cut: dict[str, Any] = {}
        if self._limit is not None:
            cut = {
                "truncation": True, "max_length": self._limit, "return_overflowing_tokens": True,
                "stride": self._limit // OVERLAP,
            }  # fmt: skip
        with foreign("model.path: its tokenizer cannot read the tokens"), quiet():
            read = self._tokenizer(
                [list(tokens) for tokens in sentences], is_split_into_words=True, padding=False, **cut
            )
        owners = read.get("overflow_to_sample_mapping", range(len(read["input_ids"])))
        found = [
            Window(int(owner), list(ids), list(read.word_ids(i)))
            for i, (owner, ids) in enumerate(zip(owners, read["input_ids"], strict=True))
        ]
        self._windows += len(found) - len(sentences)
        return found

    def _classified(self, windows: Sequence[Window]) -> Iterator[tuple[Window, NDArray[np.int64]]]:
        """Each window with the likeliest class of each of its sub-words, shorter ones first."""
        torch = optional("torch", "a transformers model")
        order = sorted(windows, key=lambda window: len(window.ids))
        start = 0
        while start < len(order):
            size = 1
            while (
                start + size < len(order) and (size + 1) * len(order[start + size].ids) <= self._batch_tokens
            ):
                size += 1
            batch = order[start : start + size]
            with torch.inference_mode(), foreign("model: it failed on a sentence"), quiet():
                logits = self._module(**self._padded(batch)).logits
            classes = logits.argmax(-1).cpu().numpy()
            if not bool(torch.isfinite(logits).all()):
                raise InputError("model: expected finite outputs, got NaN or infinity")
            yield from zip(batch, classes, strict=True)
            start += size

    def _padded(self, batch: Sequence[Window]) -> dict[str, Any]:
        torch = optional("torch", "a transformers model")
        width = max(len(window.ids) for window in batch)
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.full((len(batch), width), pad, dtype=torch.long)
        mask = torch.zeros((len(batch), width), dtype=torch.long)
        for row, window in enumerate(batch):
            ids[row, : len(window.ids)] = torch.tensor(window.ids)
            mask[row, : len(window.ids)] = 1
        return {"input_ids": ids.to(self._device), "attention_mask": mask.to(self._device)}

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the model."""
        return {**self._about, "windows": self._windows} if self._windows else dict(self._about)


def scheme_of(names: Sequence[str]) -> Scheme:
    """The scheme of a model's tags.

    Raises
    ------
    InputError
        Its classes are no tags.
    """
    scheme: Scheme = "iob2" if any(name.startswith("B-") for name in names) else "io"
    for name in names:
        if (told := faulty(name, scheme)) is not None:
            raise InputError(f"model: its classes ({listed(list(names))}) are no tags: {told}")
    return scheme


def token_classifier(spec: Any, data: EvaluationSet, seed: int) -> Tagger:
    """A folder with a model that classifies tokens, and its tokenizer."""
    path = str(spec.path)
    module, _, sha = transformers_module(path, TOKENS, seed, spec.dtype)
    tokenizer = tokenizer_from(path)
    if not tokenizer.is_fast:
        raise InputError(
            f"model.path: {path}: expected a tokenizer.json, which says of which token sub-words are"
        )
    assert isinstance(data.outcome, Entities)
    about = {
        "kind": "transformers", "path": path, "sha256": sha, "architecture": type(module).__name__,
        "task": TOKENS,
    }  # fmt: skip
    limit = length_limit(tokenizer, module.config, spec.max_length)
    tagging = TokenClasses(
        module, tokenizer, label_names(module.config, ()), limit, data.outcome.matching,
        device_for(spec.device), spec.batch_tokens, about,
    )  # fmt: skip
    return Tagger(tagging, data, spec.types or {})
