"""What all adapters of language models share: an engine, the prompts' form, and what is told of them."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...told import tell_n
from ..base import ModelKind, Scored
from .changeable import Changeable
from .engine import Engine, Prompt

SHARD_ROWS = 256
"""Rows whose answers are kept together, so that a killed audit goes on there."""
MOST_AGAIN = 64
"""Rows that are asked a second time for the floor under flips."""
TIMED_ROWS = 4
"""Rows that a model is timed with together: each round asks them of three models."""


def form_fields(form: str) -> list[str]:
    """The names in braces of a prompt's form; InputError for one that cannot be filled in."""
    try:
        parts = list(string.Formatter().parse(form))
    except ValueError as error:
        raise InputError(f"model.prompt: {error}") from None
    names = [name for _, name, _, _ in parts if name is not None]
    if any(spec or change for _, _, spec, change in parts) or any(not n.isidentifier() for n in names):
        raise InputError("model.prompt: expected plain names in braces, such as {question}")
    return names


def checked_form(form: str, known: Sequence[str]) -> str:
    """A prompt's form; InputError where it names what there is none of, or nothing."""
    names = form_fields(form)
    if not names:
        raise InputError(
            "model.prompt: it is the same for every row; expected the names of its parts in braces, such as "
            f"{{{known[0]}}}"
        )
    for name in names:
        if name not in known:
            raise InputError(
                f"model.prompt: no {{{name}}} here; there are {', '.join(f'{{{one}}}' for one in known)}"
            )
    return form


def column_texts(batch: pa.RecordBatch, name: str) -> list[str]:
    """The texts of a column; one that is missing is empty."""
    return [text or "" for text in batch.column(name).cast(pa.string()).to_pylist()]


@dataclass
class AskedModel(Changeable, ModelKind):
    """A language model as an audit asks it; what a row is, and how its answer is read, is a subclass's.

    Parameters
    ----------
    engine : Engine
    data : EvaluationSet
    columns : list of str
    seed : int
    system : str
    about : dict
        What the report says of how it is asked.
    """

    engine: Engine
    data: EvaluationSet
    columns: list[str]
    seed: int = 0
    system: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    cut: int = 0

    task = ""
    classes: tuple[str, ...] = ()
    whole = False
    probability = False
    batched = True
    threshold = None
    shard_rows = SHARD_ROWS
    most_again: int | None = MOST_AGAIN

    @property
    def served(self) -> bool:
        """Whether it runs elsewhere, behind an address."""
        return bool(getattr(self.engine, "served", False))

    def prompt(self, text: str) -> Prompt:
        """A prompt as this model is given it."""
        return Prompt(text, self.system)

    def typical(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """One of some rows, and some more, to time it with."""
        return rows.slice(0, 1), rows.slice(0, TIMED_ROWS)

    def identity(self) -> dict[str, Any] | None:
        """What its answers depend on; None where the engine cannot tell."""
        own = self.engine.identity()
        return None if own is None else {**own, "asked": self.about, "system": self.system, "seed": self.seed}

    def describe(self) -> dict[str, Any]:
        """What the report says of it; the data's notes gain what is to be told of its answers."""
        self.data.notes += [note for note in self.notes() if note not in self.data.notes]
        told = {**self.engine.describe(), **getattr(self.engine, "about", {})}
        system = {"system_sha256": hashlib.sha256(self.system.encode()).hexdigest()} if self.system else {}
        return {**told, **self.about, **system, "chat": self.engine.chat}

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Ask of the rows of a batch, in its order."""
        before = self.engine.truncated
        return replace(self.asked(batch), truncated=self.engine.truncated - before)

    def asked(self, batch: pa.RecordBatch) -> Scored:
        """What it says of the rows of a batch."""
        raise NotImplementedError

    def seen(self, scored: Scored) -> None:
        """Count the prompts that were cut."""
        self.cut += scored.truncated

    def notes(self) -> list[str]:
        """What is to be told of the prompts so far."""
        cut = self.cut
        if not cut:
            return []
        return [
            tell_n(
                "{n} prompt was longer than the model's context and lost its beginning.",
                "{n} prompts were longer than the model's context and lost their beginning.",
                cut, n=f"{cut:,}",
            )
        ]  # fmt: skip
