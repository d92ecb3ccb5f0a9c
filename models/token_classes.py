"""Models of transformers that classify tokens: sub-words become words, long sentences are read in windows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..spans import written
from .base import Scored
from .concurrent_batches import side_by_side
from .extras import quiet
from .foreign import foreign
from .heads.tags import TagsHead
from .neural import Arrays, NeuralModel
from .taggers import named, sentences_of, types_left
from .texts import identity_of
from .torch_runtime import TorchRuntime

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


@dataclass(frozen=True)
class Windows:
    """Sentences as the model reads them: one window each, more for long ones.

    Attributes
    ----------
    every : list of Window
    sizes : list of int
        Tokens of each sentence.
    pad : int
        What fills a window beyond its end.
    """

    every: list[Window]
    sizes: list[int]
    pad: int

    truncated = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Sub-words of each window."""
        return np.array([len(window.ids) for window in self.every], np.int64)

    def collate(self, rows: NDArray[np.intp]) -> Arrays:
        """Pad some windows to the longest of them."""
        chosen = [self.every[row] for row in rows.tolist()]
        width = max(len(window.ids) for window in chosen)
        ids = np.full((len(chosen), width), self.pad, np.int64)
        mask = np.zeros((len(chosen), width), np.int64)
        for row, window in enumerate(chosen):
            ids[row, : len(window.ids)] = window.ids
            mask[row, : len(window.ids)] = 1
        return {"input_ids": ids, "attention_mask": mask}


class TokenInputs:
    """The tokens of sentences, which a tokenizer cuts into sub-words.

    Parameters
    ----------
    tokenizer : transformers tokenizer
        A fast one, which says of which token a sub-word is.
    tokens : str
        Column.
    limit : int, optional
        Sub-words of a window; a longer sentence is read in several, which overlap.
    """

    def __init__(self, tokenizer: Any, tokens: str, limit: int | None = None) -> None:
        if not tokenizer.is_fast:
            raise InputError("model.path: expected a tokenizer.json, which says of which token sub-words are")
        self.tokenizer, self.tokens, self.limit = tokenizer, tokens, limit
        self.columns = [tokens]

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Windows:
        """Cut the sentences of a batch into windows of sub-words."""
        sentences = sentences_of(batch, self.tokens, ids)
        cut: dict[str, Any] = {}
        if self.limit is not None:
            cut = {
                "truncation": True, "max_length": self.limit, "return_overflowing_tokens": True,
                "stride": self.limit // OVERLAP,
            }  # fmt: skip
        every: list[Window] = []
        for start in range(0, len(sentences), MOST_AT_ONCE):
            with foreign("model.path: its tokenizer cannot read the tokens"), quiet():
                read = self.tokenizer(
                    sentences[start : start + MOST_AT_ONCE], is_split_into_words=True, padding=False, **cut
                )
            owners = read.get("overflow_to_sample_mapping", range(len(read["input_ids"])))
            every += [
                Window(start + int(owner), list(found), list(read.word_ids(i)))
                for i, (owner, found) in enumerate(zip(owners, read["input_ids"], strict=True))
            ]
        return Windows(every, [len(tokens) for tokens in sentences], self.tokenizer.pad_token_id or 0)

    def describe(self) -> dict[str, Any]:
        """Return column and limit."""
        return {"tokens": self.tokens, "window": self.limit}

    def identity(self) -> str:
        """Return a checksum of the tokenizer and its limit, and the column."""
        told = f"{identity_of(self.tokenizer, self.limit)} {self.tokens}"
        return hashlib.sha256(told.encode()).hexdigest()

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the tokenizer; returns what `load_inputs` needs to read it again."""
        with quiet():
            self.tokenizer.save_pretrained(folder / "tokenizer")
        return {"kind": "tokens", "tokens": self.tokens, "limit": self.limit}


@dataclass
class TokenModel(NeuralModel):
    """A transformers model that gives each sub-word a tag; a token's tag is that of its first sub-word.

    Of a sentence that is read in several windows a token has the tag of the window in which most stands
    around it.

    Parameters
    ----------
    notes : list of str
        What is told of the data; that types are left out comes to it.
    """

    notes: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    windows: int = 0

    def __post_init__(self) -> None:
        assert isinstance(self.runtime, TorchRuntime)
        self.runtime.by_token = True

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Mark the entities of some rows."""
        assert isinstance(self.head, TagsHead)
        encoded = self.inputs.encode(batch, ids)
        assert isinstance(encoded, Windows)
        left: Counter[str] = Counter()
        said = [
            written(named(self.head.marked(tags), self.head.types, left)) for tags in self._tags(encoded, ids)
        ]
        if ids is not None:
            # Rows that are scored to time a model, or to ask it twice, come without ids.
            self.left.update(left)
            self.windows += len(encoded.every) - len(encoded.sizes)
        return Scored(np.array(said, object), None)

    def _tags(self, encoded: Windows, ids: pa.Array | None) -> list[list[int]]:
        """The place of each token's likeliest tag; -1 for one that no sub-word stands for."""
        best = [np.full(size, -1, np.int64) for size in encoded.sizes]
        tags = [[-1] * size for size in encoded.sizes]
        for window, outputs in self._classified(encoded):
            if not np.isfinite(outputs).all():
                row = f"id {ids[window.sentence].as_py()!r}" if ids is not None else "a row"
                raise InputError(f"model: expected finite outputs, got NaN or infinity for {row}")
            classes = outputs.argmax(-1)
            last = len(window.ids) - 1
            seen: int | None = None
            for place, word in enumerate(window.words):
                if word is None or word == seen:
                    continue
                seen = word
                around = min(place, last - place)
                if around > best[window.sentence][word]:
                    best[window.sentence][word] = around
                    tags[window.sentence][word] = int(classes[place])
        return tags

    def _classified(self, encoded: Windows) -> list[tuple[Window, NDArray[Any]]]:
        """Each window with the outputs of its sub-words, float array of shape (sub-words, tags)."""
        found: list[tuple[Window, NDArray[Any]]] = []
        order = np.argsort(-encoded.lengths, kind="stable")
        batches = [order[cut] for cut in self.batching.cut(encoded.lengths[order])]
        with quiet():
            every = side_by_side(self.runtime, batches, lambda own, rows: self.run_batch(encoded, rows, own))
            for rows, outputs in zip(batches, every, strict=True):
                if outputs.shape[1] % self.head.width:
                    raise InputError(f"model: expected {self.head.width} outputs for each token")
                each = outputs.reshape(len(rows), -1, self.head.width)
                for place, row in enumerate(rows.tolist()):
                    window = encoded.every[row]
                    found.append((window, each[place, : len(window.ids)]))
        return found

    def together(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The outputs of two halves of a batch, the shorter sentences filled up to the longer ones."""
        width = max(part.shape[1] for part in parts)
        return np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])

    def describe(self) -> dict[str, Any]:
        """Return what the report says of it, and tell the types that were left out."""
        types_left(self.left, self.notes)
        told = super().describe()
        return {**told, "windows": self.windows} if self.windows else told
