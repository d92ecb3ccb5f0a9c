"""Prompts and the answers sampled for each: which rows are answers to one prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..told import tell
from .classes import one_value
from .errors import InputError
from .numbers import CellError, missing_in
from .spelling import as_ids, word

PROMPT = "prompt"
"""A column of predictions: the id of the first row of each row's prompt, less what names its sample."""
SAMPLE = "sample"
"""A column of the number of each answer to its prompt."""
SAMPLE_MARK = "#"
"""Before the number of the sample in an id."""


@dataclass
class Generation:
    """Columns that say which prompt a row answers, and as which sample.

    Predictions hold no prompt's text: a prompt goes by the id of its first row, up to a `SAMPLE_MARK`.

    Parameters
    ----------
    prompt : str
        Column of the prompt: its text, or what names it.
    sample : str, optional
        Column of the sample's number; a prompt has each once.
    id, cluster : str, optional
        Columns of the row's id and of its cluster; without the latter a prompt is one.
    """

    prompt: str
    sample: str | None = None
    id: str | None = None
    cluster: str | None = None
    _names: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _sizes: Counter[str] = field(default_factory=Counter)
    _samples: set[tuple[str, str]] = field(default_factory=set)

    task = "generation"
    ahead = texts = named = names = ()
    reserved = ("y_pred", PROMPT, "judge", "second")

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return [name for name in (self.prompt, self.sample) if name]

    @property
    def ids(self) -> tuple[str, ...]:
        """Both are names, as they came."""
        return tuple(self.columns)

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Nothing is to be known before the first row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column of several values in a row."""
        one_value(column, name, "prompt" if name == self.prompt else "sample")

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome columns of a predictions table: ``prompt``, and ``cluster`` where no column is."""
        texts = _whole(batch.column(self.prompt), self.prompt, "prompt")
        start = sum(self._sizes.values())
        ids = [str(start + k + 1) for k in range(len(texts))]
        if self.id is not None:
            ids = as_ids(batch.column(self.id)).cast(pa.string()).to_pylist()
        named = [self._name(text, i) for text, i in zip(texts, ids, strict=True)]
        self._sizes.update(texts)
        self._check_samples(batch, texts)
        found = pa.array(named, pa.string()).dictionary_encode()
        return {PROMPT: found, **({} if self.cluster else {"cluster": found})}

    def _name(self, text: str, id: str) -> str:
        """What a prompt goes by: its first row's id, up to the mark where no other prompt goes by that."""
        if text not in self._names:
            stem = id.split(SAMPLE_MARK)[0]
            name = stem if stem and stem not in self._taken else id
            while name in self._taken:
                name += SAMPLE_MARK
            self._names[text] = name
            self._taken.add(name)
        return self._names[text]

    def _check_samples(self, batch: pa.RecordBatch, texts: list[str]) -> None:
        """InputError where a prompt has a sample twice."""
        if self.sample is None:
            return
        samples = _whole(batch.column(self.sample), self.sample, "sample")
        for text, sample in zip(texts, samples, strict=True):
            if (text, sample) in self._samples:
                raise CellError(
                    f"sample column '{self.sample}': expected each sample once for a prompt, got two of "
                    f"number {word(sample)!r} for the prompt {shortened(text)!r}", self.sample, sample,
                )  # fmt: skip
            self._samples.add((text, sample))

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[Any]:
        """Nothing is learned from prompts; InputError."""
        raise InputError("data.prompt: prompts are for evaluation, nothing learns from them")

    def check_learnable(self) -> None:
        """Nothing is learned from prompts; InputError."""
        self.learned({})

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """Nothing is to be seen of all rows together."""

    def warnings(self) -> list[str]:
        """That prompts have unequal numbers of answers, by which a maximum over them grows."""
        sizes = set(self._sizes.values())
        if len(sizes) < 2:
            return []
        return [
            tell(
                "Prompts have between {least} and {most} answers each. The expected maximum grows with their "
                "number: slices whose prompts have more answers are not comparable by it.",
                least=min(sizes), most=max(sizes),
            )
        ]  # fmt: skip

    @property
    def never(self) -> dict[str, list[str]]:
        """No values of it are named anywhere."""
        return {}


def _whole(column: pa.Array, name: str, role: str) -> list[str]:
    """The values of a column as words, none of which may be missing."""
    found = as_ids(column).cast(pa.string())
    blank = pc.or_kleene(pc.is_null(found), pc.equal(found, ""))
    if rows := int(pc.sum(blank).as_py() or 0):
        raise missing_in(f"{role} column '{name}'", name, rows)
    return list(found.to_pylist())


def shortened(text: str, most: int = 40) -> str:
    """The beginning of a text, for a message."""
    return text if len(text) <= most else f"{text[:most]}..."


def sampled(table: pa.Table, samples: int, id: str | None) -> pa.Table:
    """The rows of prompts, each as often as it is to be answered.

    Parameters
    ----------
    table : pyarrow.Table
        A row for each prompt.
    samples : int
    id : str, optional
        Its column of ids; default they are the numbers of the rows, from 1.

    Returns
    -------
    pyarrow.Table
        With a column `SAMPLE`, 0 to ``samples`` - 1, and an id for each row: the prompt's, `SAMPLE_MARK` and
        the number.

    Raises
    ------
    InputError
        It has a column of that name already.
    """
    name = id or "id"
    if SAMPLE in table.schema.names or (id is None and name in table.schema.names):
        taken = SAMPLE if SAMPLE in table.schema.names else name
        raise InputError(
            f"model.samples: the rows have a column {taken!r} already; expected one row for each prompt, and "
            "data.id where there are ids"
        )
    place = np.repeat(np.arange(table.num_rows), samples)
    number = np.tile(np.arange(samples), table.num_rows)
    ids = [str(i + 1) for i in range(table.num_rows)] if id is None else as_text(table.column(id))
    named = pa.array(
        [f"{ids[row]}{SAMPLE_MARK}{k}" for row, k in zip(place, number, strict=True)], pa.string()
    )
    found = table.take(pa.array(place))
    if id is not None:
        found = found.drop_columns([id])
    return found.append_column(name, named).append_column(SAMPLE, pa.array(number, pa.int64()))


def as_text(column: pa.ChunkedArray) -> list[str]:
    """Ids as they are written."""
    return [str(name) for name in as_ids(column.combine_chunks()).cast(pa.string()).to_pylist()]
