"""A language model as recipes change it: the module of its engine, fed with texts.

What an adapter asks of a row is its own affair. A recipe needs less: the module, some texts to run it on, and a
copy that it may change. `Changeable` gives an adapter over a transformers engine these parts under the names
that a neural model has them by.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ..base import Family
from ..neural import Arrays
from ..torch_runtime import TorchRuntime, copy_of

TEXT = "text"
"""Column of texts to learn from, which are no questions."""
MOST_TOKENS = 512
"""Of a text that recipes run, learn from or calibrate with; a longer one is cut at its end."""
NO_LABEL = -100
"""What torch's loss leaves out."""


class LanguageRuntime(TorchRuntime):
    """The module of an engine; gives a logit for each word of the vocabulary, at every place of a text.

    Whatever is put in the module's place is the engine's from then on.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        super().__init__(engine.module, str(engine.device), by_name=True)

    @property
    def module(self) -> Any:
        """The engine's."""
        return self.engine.module

    @module.setter
    def module(self, module: Any) -> None:
        self.engine.module = module

    @property
    def shared_threads(self) -> int:
        """One: an engine cuts its batches itself."""
        return 1

    def _matrix(self, out: Any, tensors: dict[str, Any]) -> Any:
        return getattr(out, "logits", out)


@dataclass(frozen=True)
class TextTokens:
    """Tokens of some texts.

    Attributes
    ----------
    rows : sequence of int arrays
    pad : int
    decoder : int or None
        The token that a decoder's texts begin with, where the module has an encoder beside it.
    truncated : int
        Texts that were cut.
    """

    rows: Sequence[NDArray[np.int64]]
    pad: int
    decoder: int | None = None
    truncated: int = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text."""
        return np.array([len(row) for row in self.rows], np.int64)

    def collate(self, rows: NDArray[np.intp]) -> Arrays:
        """Pad some texts on the right to the longest of them."""
        some = [self.rows[int(row)] for row in rows]
        width = max(len(row) for row in some)
        ids = np.full((len(some), width), self.pad, np.int64)
        mask = np.zeros((len(some), width), np.int64)
        for place, row in enumerate(some):
            ids[place, : len(row)], mask[place, : len(row)] = row, 1
        arrays: Arrays = {"input_ids": ids, "attention_mask": mask}
        if self.decoder is not None:
            start = np.full((len(some), 1), self.decoder, np.int64)
            arrays["decoder_input_ids"] = np.concatenate([start, ids[:, :-1]], axis=1)
        return arrays


class TextsOf:
    """The texts of rows as tokens: those of `TEXT`, or what an adapter asks, with the answer where it has one.

    Parameters
    ----------
    model : Changeable
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.columns = [TEXT]

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> TextTokens:
        """Tokenise the texts of some rows; InputError where there is none."""
        model, engine = self._model, self._model.engine
        asked = set(model.columns) <= set(batch.schema.names)
        if not asked and TEXT not in batch.schema.names:
            raise InputError(f"model: expected a column '{TEXT}' of texts, got {', '.join(batch.schema.names)}")
        # A prompt has its marks of beginning and turns by the template; a text gets the tokenizer's own.
        texts = model.texts(batch) if asked else [str(text) for text in batch.column(TEXT).to_pylist()]
        tokenizer = engine.tokenizer
        found = tokenizer(texts, add_special_tokens=not (asked and engine.chat))["input_ids"]
        config = engine.module.config
        most = min(MOST_TOKENS, int(getattr(config, "max_position_embeddings", None) or MOST_TOKENS))
        empty = next((i for i, row in enumerate(found) if len(row) < 1), None)
        if empty is not None:
            raise InputError(f"model: the text of row {empty + 1} has no token")
        return TextTokens(
            [np.array(row[:most], np.int64) for row in found],
            int(next((t for t in (tokenizer.pad_token_id, tokenizer.eos_token_id) if t is not None), 0)),
            config.decoder_start_token_id if getattr(config, "is_encoder_decoder", False) else None,
            sum(len(row) > most for row in found),
        )


class WordsHead:
    """How the logits of words are compared: at each place with the word that comes next."""

    numbers = False

    def logits(self, outputs: Any) -> Any:
        """They are."""
        return outputs


def next_words(arrays: Arrays) -> NDArray[np.int64]:
    """The word that comes next at each place of some texts, `NO_LABEL` at their ends and beyond.

    Parameters
    ----------
    arrays : mapping of str to array
        As `TextTokens.collate` gives them.

    Returns
    -------
    int array of shape (texts, places)
    """
    ids, mask = arrays["input_ids"], arrays["attention_mask"]
    wanted = np.where(mask == 1, ids, NO_LABEL)
    if "decoder_input_ids" in arrays:
        # The decoder's text stands one place later already.
        return wanted
    end = np.full((len(ids), 1), NO_LABEL, np.int64)
    return np.concatenate([wanted[:, 1:], end], axis=1)


class Changeable:
    """What an adapter over an engine has for recipes, where the engine holds a transformers module.

    An adapter says itself, besides what the audit asks of it: ``texts(batch)``, what it asks of some rows, as
    one text each through the chat template where there is one, and ``settings()`` with its counterpart, what an
    artefact is to hold of it.
    """

    engine: Any

    @property
    def family(self) -> Family | None:
        """torch's, where its module can be built again."""
        source = getattr(self.engine, "source", None)
        return "torch" if source is not None and hasattr(self.engine, "module") else None

    @property
    def source(self) -> Any:
        """How a module of the same shape is built."""
        return self.engine.source

    @source.setter
    def source(self, source: Any) -> None:
        self.engine.source = source

    @property
    def runtime(self) -> LanguageRuntime:
        """The engine's module; made where it is asked for first."""
        held: dict[str, Any] = self.__dict__
        if "_runtime" not in held:
            held["_runtime"] = LanguageRuntime(self.engine)
        found: LanguageRuntime = held["_runtime"]
        return found

    @property
    def inputs(self) -> TextsOf:
        """Texts of rows."""
        return TextsOf(self)

    @property
    def head(self) -> WordsHead:
        """How its outputs are compared."""
        return WordsHead()

    def copied(self) -> Any:
        """A copy whose module can be changed freely."""
        other = copy.copy(self)
        vars(other).pop("_runtime", None)
        other.engine = copy.copy(self.engine)
        other.engine.module = copy_of(self.engine.module)
        return other


def is_language(model: Any) -> bool:
    """Whether a model writes or weighs texts through an engine."""
    return hasattr(model, "engine")
