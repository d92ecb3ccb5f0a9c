"""Labels each by itself: which of them a row has."""

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
    NOTHING,
    SINGLE,
    Floats,
    Found,
    TaskHead,
    Wanted,
    distance_of_labels,
    named,
    of_another,
    renamed,
    sigmoid,
)


@dataclass(frozen=True)
class LabelsHead:
    """Labels each by itself: a row has those whose probability reaches the threshold.

    Attributes
    ----------
    labels : tuple of str
        Their names, in the order of the outputs.
    kind : str
        Log-odds (sigmoid), probabilities (chances), or 0 and 1 (label).
    """

    labels: tuple[str, ...]
    kind: Literal["sigmoid", "chances", "label"]

    task: ClassVar[str] = "multilabel"
    numbers: ClassVar[bool] = False
    chosen: ClassVar[tuple[str, ...]] = ()
    probability: ClassVar[bool] = True

    @classmethod
    def of(cls, found: Found, wanted: Wanted) -> LabelsHead:
        """Name the labels; InputError for outputs that exclude each other."""
        if found.problem == "regression":
            raise of_another("its head is a regression", "one that gives labels", cls.task)
        if found.problem == SINGLE or found.means == "margins":
            raise of_another(
                "its outputs are classes that exclude each other", "labels each by itself", cls.task
            )
        kind: Any = {"logits": "sigmoid", "probabilities": "chances", "label": "label"}[found.means]
        return cls(named(found, wanted), kind)

    @classmethod
    def one_hot(cls, wanted: Wanted) -> int:
        """None: whole numbers are 0 and 1, one for each label."""
        return 0

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels."""
        return self.labels

    @property
    def width(self) -> int:
        """Columns of the outputs."""
        return len(self.labels)

    def cut_at(self, asked: float | None) -> float | None:
        """The threshold of every label: the one asked for, else a half."""
        if self.kind == "label":
            if asked is not None:
                raise InputError("model.threshold: the model gives labels and no scores; leave threshold out")
            return None
        return 0.5 if asked is None else asked

    def read(self, outputs: NDArray[Any], threshold: float | None) -> Scored:
        """Whether a row has each label, and its probability."""
        if self.kind == "label":
            wrong = outputs[(outputs != 0) & (outputs != 1)]
            if len(wrong):
                raise InputError(f"model: expected 0 or 1 of each label, it gives {wrong[0]:g}")
            return Scored(outputs == 1, None)
        score = self.scores(outputs)
        return Scored(decide(score, 0.5 if threshold is None else threshold), score)

    def scores(self, outputs: NDArray[Any]) -> Floats:
        """Probabilities of the labels, float array of shape (rows, labels)."""
        wide = outputs.astype(np.float64)
        return sigmoid(wide) if self.kind == "sigmoid" else wide

    def logits(self, outputs: Any) -> Any:
        """Outputs, a tensor, as log-odds of the labels."""
        if self.kind == "label":
            raise InputError(NOTHING)
        return outputs.logit(eps=1e-7) if self.kind == "chances" else outputs

    def targets(self, labels: NDArray[Any], names: Sequence[str], step: str) -> NDArray[Any]:
        """Whether each row has each label, float array of shape (rows, labels)."""
        return np.asarray(in_order(labels, names, self.labels, step), np.float32)

    def losses(self, logits: Any, target: Any) -> Any:
        """Cross entropy of each row, the mean over its labels."""
        import torch.nn.functional as f

        return f.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), reduction="none").mean(
            dim=1
        )

    def distance(self, logits: Any, wanted: Any, temperature: float) -> Any:
        """Cross entropy of each label's probability."""
        return distance_of_labels(logits, wanted, temperature)

    def moved(self, before: Scored, after: Scored) -> Floats:
        """Share of a row's labels that have come or gone."""
        assert before.decision is not None
        assert after.decision is not None
        return np.asarray((before.decision != after.decision).mean(axis=1))

    def moved_words(self, change: float, **parts: str) -> str:
        """In which slice labels change most."""
        return tell(
            "{layer} stays in float32: alone in int8 it brings the outputs to {db} dB, and {change} of the "
            "labels in {slice} change.",
            change=f"{change:.1%}", **parts,
        )  # fmt: skip

    def like(self, other: TaskHead) -> LabelsHead:
        """The same with the names of another head's labels, in whose order its own are."""
        return replace(self, labels=renamed(self.labels, other.labels))

    def spec(self) -> dict[str, Any]:
        """What an artefact writes."""
        return {"task": self.task, **asdict(self)}

    def told(self) -> dict[str, Any]:
        """Names of the labels."""
        return {"classes": list(self.labels)}

    def rule(self, threshold: float | None) -> dict[str, Any]:
        """The threshold of the labels, or that the model itself says which a row has."""
        if threshold is None:
            return {"rule": tell("the labels that the model itself gives")}
        return rule(threshold, self.probability)


def in_order(labels: NDArray[Any], names: Sequence[str], wanted: Sequence[str], step: str) -> NDArray[Any]:
    """Whether training rows have each of a model's labels, array of shape (rows, labels) in its order.

    Parameters
    ----------
    labels : array of shape (rows, labels)
        Columns called ``names``.

    Raises
    ------
    InputError
        They are other labels than those ``wanted``.
    """
    if set(names) != set(wanted):
        raise InputError(
            f"{step}: expected training rows with the model's labels {listed(wanted)}, got {listed(names)}"
        )
    place = {name: i for i, name in enumerate(names)}
    return np.asarray(labels[:, [place[name] for name in wanted]])
