"""A number: what a regression predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ...told import tell
from ..base import Scored
from .base import (
    MULTIPLE,
    SINGLE,
    Floats,
    Found,
    TaskHead,
    Wanted,
    of_another,
)


@dataclass(frozen=True)
class NumberHead:
    """A number as it stands: what a regression predicts."""

    task: ClassVar[str] = "regression"
    numbers: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ()
    classes: ClassVar[tuple[str, ...]] = ()
    chosen: ClassVar[tuple[str, ...]] = ()
    width: ClassVar[int] = 1
    probability: ClassVar[bool] = False

    @classmethod
    def of(cls, found: Found, wanted: Wanted) -> NumberHead:
        """Take the one output; InputError for classes, or for several numbers."""
        if found.problem in (SINGLE, MULTIPLE):
            raise of_another("its head gives classes", "a number (problem_type: regression)", cls.task)
        if found.outputs != 1:
            raise of_another(f"it has {found.outputs} outputs", "one, the number that it predicts", cls.task)
        if wanted.positive:
            raise InputError("model.positive: a number is not positive; leave positive out")
        return cls()

    @classmethod
    def one_hot(cls, wanted: Wanted) -> int:
        """None: whole numbers are numbers."""
        return 0

    def cut_at(self, asked: float | None) -> float | None:
        """None: nothing is decided."""
        if asked is not None:
            raise InputError("model.threshold: a regression decides nothing; leave threshold out")
        return None

    def read(self, outputs: NDArray[Any], threshold: float | None) -> Scored:
        """The predictions, in the place of scores."""
        return Scored(None, self.scores(outputs))

    def scores(self, outputs: NDArray[Any]) -> Floats:
        """The predictions, float array of shape (rows,)."""
        return outputs[:, 0].astype(np.float64)

    def logits(self, outputs: Any) -> Any:
        """The outputs: what training works on."""
        return outputs

    def targets(self, labels: NDArray[Any], names: Sequence[str], step: str) -> NDArray[Any]:
        """The numbers, float array of shape (rows,)."""
        return np.asarray(labels, np.float32)

    def losses(self, logits: Any, target: Any) -> Any:
        """Squared error of each row."""
        return (logits[:, 0] - target.to(logits.dtype)) ** 2

    def distance(self, logits: Any, wanted: Any, temperature: float) -> Any:
        """Mean squared error; temperatures are for probabilities."""
        return ((logits - wanted) ** 2).mean()

    def moved(self, before: Scored, after: Scored) -> Floats:
        """By how much the prediction of each row moves."""
        assert before.score is not None
        assert after.score is not None
        return after.score - before.score

    def moved_words(self, change: float, **parts: str) -> str:
        """Whose mean prediction moves."""
        return tell(
            "{layer} stays in float32: alone in int8 it brings the outputs to {db} dB, and the mean "
            "prediction of {slice} moves by {change}.",
            change=f"{change:+.3g}", **parts,
        )  # fmt: skip

    def like(self, other: TaskHead) -> NumberHead:
        """Itself: a number has no name."""
        return self

    def spec(self) -> dict[str, Any]:
        """What an artefact writes."""
        return {"task": self.task}

    def told(self) -> dict[str, Any]:
        """Nothing: a number has no name."""
        return {}

    def rule(self, threshold: float | None) -> dict[str, Any]:
        """Nothing: a number decides nothing."""
        return {}
