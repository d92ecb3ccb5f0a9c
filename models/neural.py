"""Neural models: rows to inputs, inputs to batches, batches to logits, logits to scores.

The parts are exchangeable: `inputs` say how rows become tensors, `runtimes` how tensors become logits,
`sources` where a module comes from. A compressed variant is the same model with another runtime.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.errors import InputError, number_of
from ..told import tell
from .base import Family, ModelKind, Scored
from .budget import out_of_memory
from .concurrent_batches import Divisible, side_by_side
from .extras import quiet
from .heads import TaskHead

Arrays = dict[str, NDArray[Any]]
SHARD_ROWS = 4096
"""Rows that are sorted by length together; part of what decides which rows share a batch."""


class Encoded(Protocol):
    """Rows ready to be put into batches."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row, int array of shape (rows,); 1 where rows are all alike."""
        ...

    @property
    def truncated(self) -> int:
        """Texts that were cut at the model's limit."""
        ...

    def collate(self, rows: NDArray[np.intp]) -> Arrays:
        """Return the arrays of some rows, padded to the longest of them."""
        ...


class Inputs(Protocol):
    """How rows of a table become arrays."""

    columns: list[str]

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Encoded:
        """Encode rows; InputError for values that the model cannot take."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the inputs."""
        ...

    def identity(self) -> str | None:
        """Return what tells these inputs from others; None where they read files beside the table."""
        ...

    def save(self, folder: Path) -> dict[str, Any]:
        """Write what an artefact needs of them into its folder; returns how to read it again."""
        ...


class Runtime(Divisible, Protocol):
    """What turns a batch of arrays into logits of shape (rows, outputs)."""

    def __call__(self, arrays: Arrays) -> NDArray[Any]:
        """Run the model on one batch; float32, or float64 where it has as many digits."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the runtime: device, dtype, threads."""
        ...


@dataclass(frozen=True)
class Batching:
    """How rows are put into batches; scores of quantised models can depend on it.

    Attributes
    ----------
    rows, tokens : int
        Most rows, and most tokens with padding, of a batch.
    """

    rows: int = 64
    tokens: int = 2048

    def cut(self, lengths: NDArray[np.int64]) -> Iterator[slice]:
        """Cut rows that stand in descending order of length into batches."""
        start = 0
        while start < len(lengths):
            fits = max(1, min(self.rows, self.tokens // max(1, int(lengths[start]))))
            yield slice(start, min(start + fits, len(lengths)))
            start += fits


@dataclass
class NeuralModel(ModelKind):
    """A neural model as the audit asks for it.

    Parameters
    ----------
    inputs, runtime, head, batching
        The parts; `source` says where the module comes from, so that a variant can be built again.
    threshold : float, optional
        On the score; None: the label that the model itself gives a row decides, or nothing is decided.
    about : dict
        What the report says of the model's origin.
    """

    inputs: Inputs
    runtime: Runtime
    head: TaskHead
    batching: Batching = field(default_factory=Batching)
    threshold: float | None = 0.5
    about: dict[str, Any] = field(default_factory=dict)
    source: Any = None
    whole: bool = False
    shard_rows: int = SHARD_ROWS

    batched = learned = True

    @property
    def family(self) -> Family:
        """One that can be built again is torch's; a graph is what it came as."""
        return "onnx" if self.source is None else "torch"

    @property
    def unchangeable(self) -> str:
        """See `ModelKind`."""
        if self.served:
            return "a model that is served elsewhere cannot be changed here"
        if self.source is None and self.about.get("kind") == "torch":
            return (
                "a torch module in memory cannot be built again in a fresh process; name the function that "
                "builds it (model.factory) and save its weights as safetensors (model.path)"
            )
        return ""

    def copied(self) -> NeuralModel:
        """A copy whose module can be changed freely; inputs are shared, and a graph is none to change."""
        if self.source is None:
            return self
        other = copy.copy(self)
        other.about = copy.deepcopy(self.about)
        other.runtime = self.runtime.copied()  # type: ignore[attr-defined]
        return other

    @property
    def labels(self) -> list[str]:
        """Names of its labels, in the order of its outputs."""
        return list(self.head.labels)

    @property
    def task(self) -> str:
        """The task that its outputs are read for."""
        return self.head.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or labels of the task; empty where these are two, or a number."""
        return self.head.classes

    @property
    def probability(self) -> bool:
        """Whether scores are probabilities."""
        return self.head.probability

    @property
    def columns(self) -> list[str]:
        """Columns of the evaluation set that the model reads."""
        return self.inputs.columns

    @property
    def served(self) -> bool:
        """Whether it runs elsewhere, behind an address."""
        return self.about.get("kind") == "endpoint"

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Score the rows of a batch, in its order."""
        encoded = self.inputs.encode(batch, ids)
        scored = self.head.read(self._outputs(encoded, ids), self.threshold)
        return replace(scored, truncated=encoded.truncated)

    def outputs(self, batch: pa.RecordBatch, ids: pa.Array | None = None) -> NDArray[np.float32]:
        """Outputs for the rows of a batch as the model gives them, float array of shape (rows, outputs).

        Rows are sorted by length, the longest first, so that batches hold little padding and a batch
        that does not fit into memory shows at the start.
        """
        return self._outputs(self.inputs.encode(batch, ids), ids)

    def logits(self, batch: pa.RecordBatch, ids: pa.Array | None = None) -> NDArray[np.float32]:
        """Logits of the rows of a batch, float array of shape (rows, outputs), whatever the model gives."""
        import torch

        return np.asarray(self.head.logits(torch.from_numpy(self.outputs(batch, ids))).numpy())

    def _outputs(self, encoded: Encoded, ids: pa.Array | None = None) -> NDArray[np.float32]:
        order = np.argsort(-encoded.lengths, kind="stable")
        batches = [order[cut] for cut in self.batching.cut(encoded.lengths[order])]
        out: NDArray[np.float32] | None = None
        with quiet():
            every = side_by_side(self.runtime, batches, lambda own, rows: self.run_batch(encoded, rows, own))
            for rows, found in zip(batches, every, strict=True):
                if out is None:
                    out = np.empty((len(order), found.shape[1]), found.dtype)
                out[rows] = found
        assert out is not None
        if out.shape[1] != self.head.width:
            raise InputError(f"model: expected {self.head.width} outputs per row, got {out.shape[1]}")
        bad = np.flatnonzero(~np.isfinite(out).all(axis=1))
        if len(bad):
            row = f"id {ids[int(bad[0])].as_py()!r}" if ids is not None else f"row {bad[0] + 1} of a batch"
            raise InputError(
                f"model: the outputs of {number_of(len(bad), 'row')} are NaN or infinite, "
                f"the first of them {row}"
            )
        return out

    def typical(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """A row of middle length, and a batch of the audit's size, of some rows."""
        lengths = self.inputs.encode(rows, None).lengths
        order = np.argsort(lengths, kind="stable")
        size = min(self.batching.rows, rows.num_rows)
        size = min(size, max(1, self.batching.tokens // int(lengths[order[(len(order) + size - 1) // 2]])))
        one, start = len(order) // 2, (len(order) - size) // 2
        return rows.take(pa.array(order[one : one + 1])), rows.take(pa.array(order[start : start + size]))

    def ready(self, rows: pa.RecordBatch) -> Callable[[], Any]:
        """The call that runs a batch, whose inputs are encoded before."""
        encoded, every = self.inputs.encode(rows, None), np.arange(rows.num_rows)
        return lambda: self.run_batch(encoded, every)

    def run_batch(
        self, encoded: Encoded, rows: NDArray[np.intp], runtime: Runtime | None = None
    ) -> NDArray[np.float32]:
        """Run a batch; one that does not fit into memory is halved, and that is told."""
        try:
            found = (runtime or self.runtime)(encoded.collate(rows))
        except Exception as error:
            if not out_of_memory(error):
                raise
            if len(rows) == 1:
                raise InputError("model: one row alone does not fit into memory") from None
            self._note(tell("a batch of {n} rows did not fit into memory and was halved", n=len(rows)))
        else:
            if len(found) != len(rows):
                raise InputError(f"model: expected {len(rows)} rows of outputs, got {len(found)}")
            return found
        middle = len(rows) // 2
        halves = (rows[:middle], rows[middle:])
        return self.together([self.run_batch(encoded, half, runtime) for half in halves])

    def together(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The outputs of two halves of a batch."""
        return np.concatenate(parts)

    def identity(self) -> dict[str, Any] | None:
        """Return what the scores of given rows depend on; None where that cannot be told.

        Of the weights it is the checksum that `about` holds.
        """
        inputs = self.inputs.identity()
        if inputs is None or self.about.get("sha256") is None:
            return None
        return {
            "sha256": self.about["sha256"],
            "inputs": inputs,
            "head": self.head.spec(),
            "batching": asdict(self.batching),
            "shard_rows": self.shard_rows,
            # A graph holds all that it does; the program that it was exported from need not lie beside it.
            "source": self.source.identity() if self.source and hasattr(self.runtime, "module") else None,
            "runtime": self.runtime.describe(),
        }

    def _note(self, text: str) -> None:
        notes = self.about.setdefault("notes", [])
        if text not in notes:
            notes.append(text)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the model."""
        return {
            **self.about,
            **self.inputs.describe(),
            **self.runtime.describe(),
            **self.head.told(),
            "batching": {
                **asdict(self.batching),
                "sorted_within": self.shard_rows,
                "padding": tell("to the longest of a batch"),
            },
            **self.head.rule(self.threshold),
        }
