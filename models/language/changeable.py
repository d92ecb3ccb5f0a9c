"""A language model as recipes change it: the module of its engine, fed with texts.

What an adapter asks of a row is its own affair. A recipe needs less: the module, some texts to run it on,
and a copy that it may change. `Changeable` gives an adapter over a transformers engine these parts under the
names that a neural model has them by.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ..base import Family
from ..neural import Arrays
from ..torch_runtime import TorchRuntime, copy_of
from .engine import Compared, Likelihood, Prompt, Question, Sampling, Text

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

    @property
    def compiled(self) -> bool:
        """Never: an engine calls its module with shapes that change from call to call."""
        return False

    @compiled.setter
    def compiled(self, wanted: bool) -> None:
        if wanted:
            raise InputError("compile: language models are served uncompiled; leave it out")

    def read(self, tensors: dict[str, Any]) -> None:
        """Run the module for what goes on inside: of its outputs no more is computed than must be."""
        self._logits(partial(self.module, **self._said("logits_to_keep", 1)), tensors)

    def _logits(self, call: Any, tensors: dict[str, Any]) -> Any:
        # Keys and values are of no use to whoever asks once.
        return super()._logits(partial(call, **self._said("use_cache", False)), tensors)

    def _said(self, name: str, value: Any) -> dict[str, Any]:
        """An argument, where the module takes it."""
        return {name: value} if name in inspect.signature(self.module.forward).parameters else {}

    def _matrix(self, out: Any, tensors: dict[str, Any]) -> Any:
        return getattr(out, "logits", out)


class Elsewhere:
    """Stands for the module of an engine that holds none."""

    device = "cpu"


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
    """The texts of rows as tokens: those of `TEXT`, or what an adapter asks of the rows.

    Parameters
    ----------
    model : Changeable
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.columns = [TEXT]

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> TextTokens:
        """Tokenise the texts of some rows; InputError where there are none, or one has no token."""
        engine = self._model.engine
        if set(self._model.columns) <= set(batch.schema.names):
            found = engine.words.questions(heard(self._model, batch))
            rows = [[*one.prompt, *(one.answers[0] if one.answers else ())] for one in found]
        elif TEXT in batch.schema.names:
            texts = [str(text or "") for text in batch.column(TEXT).to_pylist()]
            rows = engine.tokenizer(texts)["input_ids"]
        else:
            raise InputError(
                f"model: expected a column '{TEXT}' of texts, got {', '.join(batch.schema.names)}"
            )
        empty = next((place for place, row in enumerate(rows) if not row), None)
        if empty is not None:
            raise InputError(f"model: the text of row {empty + 1} has no token")
        config, tokenizer = engine.module.config, engine.tokenizer
        most = min(MOST_TOKENS, int(getattr(config, "max_position_embeddings", None) or MOST_TOKENS))
        pads = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
        return TextTokens(
            [np.array(row[:most], np.int64) for row in rows],
            int(next(token for token in pads if token is not None)),
            config.decoder_start_token_id if getattr(config, "is_encoder_decoder", False) else None,
            sum(len(row) > most for row in rows),
        )


def heard(model: Any, batch: pa.RecordBatch) -> list[Question]:
    """What an adapter asks its engine of some rows: one question for each row."""
    other = copy.copy(model)
    other.engine = _Listener(model.engine)
    other.asked(batch)
    found = other.engine.heard
    if not found:
        raise InputError("model: nothing is asked of these rows")
    return [found[place % len(found)] for place in range(batch.num_rows)]


class _Listener:
    """Stands in the place of an engine, notes what it is asked, and answers nothing."""

    scores = True
    truncated = 0

    def __init__(self, engine: Any) -> None:
        self.chat = engine.chat
        self.heard: list[Question] = []

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        self.heard += questions
        return [
            Likelihood(np.zeros(len(one.answers)), np.ones(len(one.answers), np.int64)) for one in questions
        ]

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> NDArray[np.float64]:
        self.heard += [Question(prompt, ()) for prompt in prompts]
        return np.zeros((len(prompts), len(words)))

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        self.heard += [Question(prompt, ()) for prompt in prompts]
        return [Text("") for _ in prompts]

    def sentences(self, compared: Sequence[Compared]) -> NDArray[np.float64]:
        self.heard += [Question(Prompt(""), one.sentences[:1]) for one in compared]
        return np.zeros((len(compared), len(compared[0].sentences) if compared else 0))


class WordsHead:
    """How the logits of words are compared: at each place with the word that comes next."""

    numbers = False
    labels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

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

    What an adapter asks of rows is heard from what it asks its engine: ``asked(batch)`` is to leave
    it as it is.
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
    def runtime(self) -> LanguageRuntime | Elsewhere:
        """The engine's module, if it holds one; made where it is asked for first."""
        held: dict[str, Any] = self.__dict__
        if "_runtime" not in held or held["_runtime"].engine is not self.engine:
            if not hasattr(self.engine, "module"):
                return Elsewhere()
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
        """A copy whose module can be changed freely; its engine knows nothing yet of how that runs."""
        other = copy.copy(self)
        other.engine = self.engine.around(copy_of(self.engine.module))
        return other


def is_language(model: Any) -> bool:
    """Whether a model writes or weighs texts through an engine."""
    return hasattr(model, "engine")
