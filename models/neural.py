"""Neural models: rows to inputs, inputs to batches, batches to logits, logits to scores.

The parts are exchangeable: `inputs` say how rows become tensors, `runtimes` how tensors become logits,
`sources` where a module comes from. A compressed variant is the same model with another runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.errors import InputError, number_of
from ..told import tell
from .base import Scored, decide, rule
from .budget import out_of_memory
from .extras import quiet
from .lanes import Divisible, side_by_side

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


HeadKind = Literal["softmax", "sigmoid", "probabilities", "chances", "margins", "label"]


NEGATIVE = ("0", "-1", "false", "no", "n", "negative")
"""Labels that are coded as 0: of two outputs without names they are the first."""


@dataclass(frozen=True)
class Head:
    """How outputs become scores and decisions.

    Attributes
    ----------
    labels : tuple of str
        Names of the outputs.
    positive : tuple of int
        The outputs that mean the positive decision; the score is the sum of their probabilities.
    kind : HeadKind
        Logits of exclusive classes (softmax), or each a log-odds by itself (sigmoid); probabilities of
        exclusive classes, or each a chance by itself; margins on a scale of their own; labels alone.
    own : bool
        As many columns more say which label the model gives a row: its own decision.
    """

    labels: tuple[str, ...]
    positive: tuple[int, ...]
    kind: HeadKind
    own: bool = False

    @property
    def width(self) -> int:
        """Columns of the outputs."""
        return len(self.labels) * (2 if self.own else 1)

    @property
    def exclusive(self) -> bool:
        """Whether a row has one label."""
        return self.kind not in ("sigmoid", "chances")

    @property
    def probability(self) -> bool:
        """Whether scores are probabilities."""
        return self.kind != "margins"

    @property
    def usual_threshold(self) -> float | None:
        """The threshold that decides as the model itself does; None where none does.

        The likeliest of more than two labels may have less than half of the probability.
        """
        if self.own or self.kind in ("label", "margins") or (self.exclusive and len(self.labels) > 2):
            return None
        return 0.5

    def scores(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of the positive outputs, or their margin, float array of shape (rows,)."""
        wide = outputs[:, : len(self.labels)].astype(np.float64)
        chosen = list(self.positive)
        if self.kind == "sigmoid":
            return np.asarray(1 / (1 + np.exp(-np.clip(wide[:, chosen[0]], -700, 700))))
        if self.kind == "margins":
            # Of two margins that are each other's negative it is the positive one; no column decides alone.
            others = [i for i in range(len(self.labels)) if i not in chosen]
            return np.asarray((wide[:, chosen].max(axis=1) - wide[:, others].max(axis=1)) / 2)
        if self.kind != "softmax":
            return np.asarray(np.clip(wide[:, chosen].sum(axis=1), 0, 1))
        powers = np.exp(wide - wide.max(axis=1, keepdims=True))
        return np.asarray(np.clip(powers[:, chosen].sum(axis=1) / powers.sum(axis=1), 0, 1))

    def own_decisions(self, outputs: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether the model's own label is a positive one, bool array of shape (rows,)."""
        if self.own or self.kind == "label":
            return np.asarray(outputs[:, -len(self.labels) :][:, list(self.positive)].any(axis=1))
        return np.isin(outputs.argmax(axis=1), self.positive)

    def logits(self, outputs: Any) -> Any:
        """Outputs, a tensor, as logits: what training and distillation work on."""
        if self.kind == "probabilities":
            return outputs.clamp_min(1e-7).log()
        if self.kind == "chances":
            return outputs.logit(eps=1e-7)
        if self.kind in ("label", "margins"):
            raise InputError("model: it gives labels and no probabilities, so that nothing can learn from it")
        return outputs

    def words(self) -> str:
        """How the model itself decides."""
        if self.own:
            return tell("selected if the label that the model itself gives is a positive one")
        if self.kind == "label":
            return tell("selected if the model's label is a positive one; it gives no scores")
        return tell("selected if the likeliest of the model's labels is a positive one")


def head(
    labels: Sequence[str],
    outputs: int,
    kind: str | None,
    positive: Sequence[str],
    of_data: Sequence[str] = (),
) -> Head:
    """Find which outputs of a model are the positive ones.

    Parameters
    ----------
    labels : sequence of str
        Names of the outputs as the model has them; may be empty.
    outputs : int
        How many outputs there are.
    kind : str, optional
        ``single_label_classification``, ``multi_label_classification``; None: from the outputs.
    positive : sequence of str
        Names, or positions, of the positive outputs.
    of_data : sequence of str
        Words of the data's positive label, where nothing is said of the model's. The place of an output with
        a name of its own is not meant by them: 1 in the data may be either of *positive* and *negative*.

    Raises
    ------
    InputError
        A regression head, or no output that is called so.
    """
    if kind == "regression":
        raise InputError("model: its head is a regression; expected one that gives classes")
    sigmoid = kind == "multi_label_classification" or outputs == 1
    names = tuple(labels) or tuple(str(i) for i in range(outputs))
    folded = [name.casefold() for name in names]
    said = [p.casefold() for p in positive]
    wanted = said or [p.casefold() for p in of_data]
    # A label's own name goes before its position: of labels '1' and '2' the word '1' means the first.
    found = tuple(i for i, name in enumerate(folded) if name in wanted)
    if len(set(folded)) < len(folded) and len({folded[i] for i in found}) < len(found):
        twice = names[found[0]]
        raise InputError(
            f"model.positive: the model has {len(found)} labels called {twice!r}; say by position which is "
            f"positive (0 to {outputs - 1})"
        )
    numbers = numbers_of(names)
    plain = bool(numbers)
    if not found and (said or plain):
        found = tuple(i for i, number in enumerate(numbers or range(outputs)) if str(number) in wanted)
    turned = [] if said else [p for p in of_data if p.casefold() in NEGATIVE]
    if turned and plain and outputs == 1:
        raise InputError(
            f"model.positive: the model has one output, by convention the score of the label 1, and "
            f"{turned[0]!r} is positive in the data; set model.positive: 0 if it is the score of "
            f"{turned[0]!r}, else give the model an output for each label"
        )
    if turned and plain and not found and outputs == 2:
        found = (numbers.index(0),)
    if not found and ((plain and outputs <= 2) or (outputs == 1 and not wanted)):
        # Classes without names of their own: 1 is the positive one, as everywhere in the field.
        found = (numbers.index(outputs - 1) if plain else outputs - 1,)
    if not found:
        asked = list(positive) or list(of_data)
        raise InputError(
            f"model.positive: the model's labels are {listed(names)}; none of them is "
            f"{' or '.join(map(repr, asked)) or 'named as positive'}; say which is positive"
        )
    if sigmoid and len(found) > 1:
        raise InputError(
            "model.positive: expected one label of a multi-label model, got "
            + ", ".join(repr(names[i]) for i in found)
        )
    if len(found) == outputs > 1:
        raise InputError("model.positive: every label of the model is positive; expected some of them")
    return Head(names, found, "sigmoid" if sigmoid else "softmax")


def numbers_of(names: Sequence[str]) -> list[int]:
    """Numbers of classes that have no names but these, in whatever order; empty where one has another."""
    known = {name: i for i in range(len(names)) for name in (str(i), f"label_{i}")}
    if len(names) == 2:
        known |= {"false": 0, "true": 1}
    found = [known.get(name.casefold(), -1) for name in names]
    return found if sorted(found) == list(range(len(names))) else []


@dataclass
class NeuralModel:
    """A neural model as the audit asks for it.

    Parameters
    ----------
    inputs, runtime, head, batching
        The parts; `source` says where the module comes from, so that a variant can be built again.
    threshold : float, optional
        On the score; None: the label that the model itself gives a row decides.
    about : dict
        What the report says of the model's origin.
    """

    inputs: Inputs
    runtime: Runtime
    head: Head
    batching: Batching = field(default_factory=Batching)
    threshold: float | None = 0.5
    about: dict[str, Any] = field(default_factory=dict)
    source: Any = None
    whole: bool = False
    shard_rows: int = SHARD_ROWS

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
        outputs = self._outputs(encoded, ids)
        if self.head.kind == "label":
            return Scored(self.head.own_decisions(outputs), None, encoded.truncated)
        score = self.head.scores(outputs)
        if self.threshold is None:
            return Scored(self.head.own_decisions(outputs), score, encoded.truncated)
        return Scored(decide(score, self.threshold), score, encoded.truncated)

    def outputs(self, batch: pa.RecordBatch, ids: pa.Array | None = None) -> NDArray[np.float32]:
        """Outputs for the rows of a batch as the model gives them, float array of shape (rows, outputs).

        Rows are sorted by length, the longest first, so that batches hold little padding and a batch
        that does not fit into memory shows at the start.
        """
        return self._outputs(self.inputs.encode(batch, ids), ids)

    def logits(self, batch: pa.RecordBatch, ids: pa.Array | None = None) -> NDArray[np.float32]:
        """Logits of the rows of a batch, float array of shape (rows, outputs), whatever the model gives."""
        outputs = self.outputs(batch, ids)
        if self.head.kind in ("softmax", "sigmoid"):
            return outputs[:, : len(self.head.labels)]
        import torch

        return np.asarray(self.head.logits(torch.from_numpy(outputs[:, : len(self.head.labels)])).numpy())

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
        return np.concatenate(
            [self.run_batch(encoded, half, runtime) for half in (rows[:middle], rows[middle:])]
        )

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
            "head": asdict(self.head),
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
            "labels": list(self.head.labels),
            "positive": [self.head.labels[i] for i in self.head.positive],
            "batching": {
                **asdict(self.batching),
                "sorted_within": self.shard_rows,
                "padding": tell("to the longest of a batch"),
            },
            **self._rule(),
        }

    def _rule(self) -> dict[str, Any]:
        if self.threshold is not None:
            return rule(self.threshold, self.probability)
        scale = {} if self.head.kind == "label" else {"scale": "probability" if self.probability else "rank"}
        return {**scale, "rule": self.head.words()}
