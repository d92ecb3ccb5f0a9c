"""Exclusive classes: what a row's outputs say of which it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...datasets.columns import listed
from ...datasets.errors import InputError, number_of
from ...told import tell
from ..base import Scored
from .base import (
    MULTIPLE,
    NOTHING,
    Floats,
    Found,
    TaskHead,
    Wanted,
    distance_of_classes,
    named,
    of_another,
    renamed,
    softmax,
)


@dataclass(frozen=True)
class ClassesHead:
    """Exclusive classes: a row is of the likeliest, or of the one that the model says.

    Attributes
    ----------
    labels : tuple of str
        Names of the classes, in the order of the outputs.
    kind : str
        What the outputs are.
    own : bool
        As many columns more say which class the model gives a row.
    """

    labels: tuple[str, ...]
    kind: Literal["softmax", "probabilities", "margins", "label"]
    own: bool = False

    task: ClassVar[str] = "multiclass"
    numbers: ClassVar[bool] = False
    chosen: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, found: Found, wanted: Wanted) -> ClassesHead:
        """Name the classes; InputError for outputs that do not exclude each other."""
        if found.problem == "regression":
            raise of_another("its head is a regression", "one that gives classes", cls.task)
        if found.problem == MULTIPLE:
            raise of_another(
                "its outputs are labels each by itself", "classes that exclude each other", cls.task
            )
        if found.outputs < 2:
            raise of_another("it has one output", "an output for each class", cls.task)
        kind: Any = "softmax" if found.means == "logits" else found.means
        return cls(named(found, wanted), kind, found.own)

    @classmethod
    def one_hot(cls, wanted: Wanted) -> int:
        """As many as there are classes: whole numbers are their places."""
        return len(wanted.classes) or 2

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels."""
        return self.labels

    @property
    def width(self) -> int:
        """Columns of the outputs."""
        return len(self.labels) * (2 if self.own else 1)

    @property
    def probability(self) -> bool:
        """Whether scores are probabilities."""
        return self.kind != "margins"

    def cut_at(self, asked: float | None) -> float | None:
        """None: no threshold decides between classes."""
        if asked is not None:
            raise InputError(
                "model.threshold: of several classes none is decided by a threshold; leave it out"
            )
        return None

    def read(self, outputs: NDArray[Any], threshold: float | None) -> Scored:
        """Positions of the classes, and their probabilities where the outputs are some."""
        given = self.own or self.kind == "label"
        said = outputs[:, -len(self.labels) :]
        if given and (strange := int((~said.any(axis=1)).sum())):
            raise InputError(
                f"model: it gives {number_of(strange, 'row')} a label that is none of its classes "
                f"{listed(self.labels)}"
            )
        # Margins are no probabilities, which is what scores of classes are held to.
        score = None if self.kind in ("label", "margins") else self.scores(outputs)
        return Scored(said.argmax(axis=1), score)

    def scores(self, outputs: NDArray[Any]) -> Floats:
        """Probabilities of the classes, or what the model gives in their place."""
        wide = outputs[:, : len(self.labels)].astype(np.float64)
        return softmax(wide) if self.kind == "softmax" else wide

    def logits(self, outputs: Any) -> Any:
        """Outputs, a tensor, as logits of the classes."""
        outputs = outputs[:, : len(self.labels)]
        if self.kind in ("label", "margins"):
            raise InputError(NOTHING)
        return outputs.clamp_min(1e-7).log() if self.kind == "probabilities" else outputs

    def targets(self, labels: NDArray[Any], names: Sequence[str], step: str) -> NDArray[Any]:
        """The output that each row should give: that of its class."""
        return positions(labels, self.labels, step)

    def losses(self, logits: Any, target: Any) -> Any:
        """Cross entropy of each row."""
        import torch.nn.functional as f

        return f.cross_entropy(logits, target, reduction="none")

    def distance(self, logits: Any, wanted: Any, temperature: float) -> Any:
        """Divergence of the classes' probabilities."""
        return distance_of_classes(logits, wanted, temperature)

    def moved(self, before: Scored, after: Scored) -> Floats:
        """Whether a row is given another class."""
        assert before.decision is not None
        assert after.decision is not None
        return np.asarray(before.decision != after.decision, np.float64)

    def moved_words(self, change: float, **parts: str) -> str:
        """In which slice classes change most."""
        return tell(
            "{layer} stays in float32: alone in int8 it brings the outputs to {db} dB, and {change} of the "
            "rows of {slice} are given another class.",
            change=f"{change:.1%}", **parts,
        )  # fmt: skip

    def like(self, other: TaskHead) -> ClassesHead:
        """The same with the names of another head's classes, in whose order its own are."""
        return replace(self, labels=renamed(self.labels, other.labels))

    def spec(self) -> dict[str, Any]:
        """What an artefact writes."""
        return {"task": self.task, **asdict(self)}

    def told(self) -> dict[str, Any]:
        """Names of the classes."""
        return {"classes": list(self.labels)}

    def rule(self, threshold: float | None) -> dict[str, Any]:
        """That the likeliest class decides, or the one that the model says."""
        if self.own or self.kind == "label":
            return {"rule": tell("the class that the model itself predicts")}
        return {"scale": "probability", "rule": tell("the likeliest class")}


def positions(labels: NDArray[Any], classes: Sequence[str], step: str) -> NDArray[np.int64]:
    """Places of rows' labels in a model's classes, int array of shape (rows,).

    Parameters
    ----------
    labels : object array of shape (rows,)
        Names of classes.

    Raises
    ------
    InputError
        A row is of none of the classes.
    """
    place = {name: i for i, name in enumerate(classes)}
    strange = sorted({str(name) for name in labels.tolist() if name not in place})
    if strange:
        raise InputError(
            f"{step}: training rows are of the classes {listed(strange)}, which are none of the model's "
            f"{listed(classes)}"
        )
    return np.array([place[name] for name in labels.tolist()], np.int64)
