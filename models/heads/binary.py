"""Two classes: which outputs are the positive ones, and how they become scores and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...datasets.columns import listed
from ...datasets.errors import InputError
from ...told import tell
from ..base import Scored, decide, rule
from .base import (
    MULTIPLE,
    NOTHING,
    Floats,
    Found,
    TaskHead,
    Wanted,
    distance_of_classes,
    distance_of_labels,
    numbers_of,
    renamed,
    sigmoid,
)

HeadKind = Literal["softmax", "sigmoid", "probabilities", "chances", "margins", "label"]
KINDS: dict[tuple[str, str], HeadKind] = {
    ("probabilities", "softmax"): "probabilities", ("probabilities", "sigmoid"): "chances",
    ("margins", "softmax"): "margins", ("margins", "sigmoid"): "margins",
}  # fmt: skip
"""What scores that are no logits are, by what they mean and by what they would be as logits."""
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

    task: ClassVar[str] = "binary"
    numbers: ClassVar[bool] = False
    classes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, found: Found, wanted: Wanted) -> Head:
        """Find the positive outputs; see `head`."""
        if found.means == "label":
            of_labels = head(found.names, max(2, found.outputs), None, wanted.positive, wanted.of_data)
            return replace(of_labels, kind="label")
        # Of three outputs without names the data's words say nothing.
        of_data = wanted.of_data if found.names or found.outputs <= 2 else ()
        made = head(found.names, found.outputs, found.problem, wanted.positive, of_data)
        return replace(made, kind=KINDS.get((found.means, made.kind), made.kind), own=found.own)

    @classmethod
    def one_hot(cls, wanted: Wanted) -> int:
        """Two: whole numbers are the labels 0 and 1."""
        return 2

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the positive outputs."""
        return tuple(self.labels[i] for i in self.positive)

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

    def cut_at(self, asked: float | None) -> float | None:
        """The threshold asked for, else the usual one; InputError where there are no scores."""
        if self.kind == "label" and asked is not None:
            raise InputError("model.threshold: the model gives labels and no scores; leave threshold out")
        return self.usual_threshold if asked is None else asked

    def read(self, outputs: NDArray[Any], threshold: float | None) -> Scored:
        """Decisions, and scores where there are some; without a threshold the model's own label decides."""
        if self.kind == "label":
            return Scored(self.own_decisions(outputs), None)
        score = self.scores(outputs)
        return Scored(self.own_decisions(outputs) if threshold is None else decide(score, threshold), score)

    def scores(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of the positive outputs, or their margin, float array of shape (rows,)."""
        wide = outputs[:, : len(self.labels)].astype(np.float64)
        chosen = list(self.positive)
        if self.kind == "sigmoid":
            return sigmoid(wide[:, chosen[0]])
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
        outputs = outputs[:, : len(self.labels)]
        if self.kind == "probabilities":
            return outputs.clamp_min(1e-7).log()
        if self.kind == "chances":
            return outputs.logit(eps=1e-7)
        if self.kind in ("label", "margins"):
            raise InputError(NOTHING)
        return outputs

    def targets(self, labels: NDArray[Any], names: Sequence[str], step: str) -> NDArray[Any]:
        """The output that each row should give, of two; of labels by themselves whether it is positive."""
        if not self.exclusive:
            return np.asarray(labels, np.int64)
        if len(self.labels) != 2 or len(self.positive) != 1:
            raise InputError(
                f"{step}: fine-tuning knows two classes, the model has {len(self.labels)} outputs"
            )
        yes = self.positive[0]
        return np.asarray(np.where(labels, yes, 1 - yes), np.int64)

    def losses(self, logits: Any, target: Any) -> Any:
        """Cross entropy of each row."""
        import torch.nn.functional as f

        if self.exclusive:
            return f.cross_entropy(logits, target, reduction="none")
        chosen = logits[:, self.positive[0]]
        return f.binary_cross_entropy_with_logits(chosen, target.to(chosen.dtype), reduction="none")

    def distance(self, logits: Any, wanted: Any, temperature: float) -> Any:
        """Divergence of the classes' probabilities, or cross entropy of each label's."""
        return (distance_of_classes if self.exclusive else distance_of_labels)(logits, wanted, temperature)

    def moved(self, before: Scored, after: Scored) -> Floats:
        """Whether a row is now selected (1), or no longer (-1)."""
        assert before.decision is not None
        assert after.decision is not None
        return np.asarray(after.decision.astype(float) - before.decision)

    def moved_words(self, change: float, **parts: str) -> str:
        """Whose rate of selection moves."""
        return tell(
            "{layer} stays in float32: alone in int8 it brings the outputs to {db} dB, and the selection "
            "rate of {slice} moves by {change} points.",
            change=f"{100 * change:+.1f}", **parts,
        )  # fmt: skip

    def like(self, other: TaskHead) -> Head:
        """The same with the names of another head's outputs, in whose order its own are."""
        assert isinstance(other, Head)
        places = numbers_of(self.labels) or range(len(self.labels))
        positive = tuple(i for i, number in enumerate(places) if number in other.positive)
        return replace(self, labels=renamed(self.labels, other.labels), positive=positive)

    def spec(self) -> dict[str, Any]:
        """What an artefact writes; whether the model says its own label only where it does."""
        return {key: value for key, value in asdict(self).items() if key != "own" or value}

    def told(self) -> dict[str, Any]:
        """Names of the outputs, and of the positive ones."""
        return {"labels": list(self.labels), "positive": list(self.chosen)}

    def rule(self, threshold: float | None) -> dict[str, Any]:
        """The threshold, or that the model's own label decides."""
        if threshold is not None:
            return rule(threshold, self.probability)
        scale = {} if self.kind == "label" else {"scale": "probability" if self.probability else "rank"}
        return {**scale, "rule": self.words()}

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
    each = kind == MULTIPLE or outputs == 1
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
    if each and len(found) > 1:
        raise InputError(
            "model.positive: expected one label of a multi-label model, got "
            + ", ".join(repr(names[i]) for i in found)
        )
    if len(found) == outputs > 1:
        raise InputError("model.positive: every label of the model is positive; expected some of them")
    return Head(names, found, "sigmoid" if each else "softmax")
