"""Rules that select by thresholds: of two classes, and of several of which some are favourable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..told import tell
from .groups import Draw, Groups

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StepRule:
    """The chance of selection is a step function of the score, one for each slice.

    With chances of 0 and 1 alone these are thresholds; with others the rule is randomised.

    Attributes
    ----------
    starts, chances : sequence of arrays
        Per slice of ``groups.keys``, then (where other slices get one) the common one: scores from which
        on a chance holds, ascending and beginning at -inf.
    draw : Draw, optional
        Needed where a chance lies between 0 and 1.
    """

    groups: Groups
    starts: tuple[Floats, ...]
    chances: tuple[Floats, ...]
    draw: Draw | None = None

    def __post_init__(self) -> None:
        wanted = len(self.groups.keys) + (self.groups.unseen == "common")
        if not len(self.starts) == len(self.chances) == wanted:
            raise ValueError(f"expected {wanted} step functions, got {len(self.starts)}")
        for start, chance in zip(self.starts, self.chances, strict=True):
            rises = len(start) > 0 and start[0] == -math.inf and bool((np.diff(start) > 0).all())
            if not rises or start.shape != chance.shape or not ((chance >= 0) & (chance <= 1)).all():
                raise ValueError("expected ascending scores from -inf on, each with a chance in [0, 1]")
        if self.randomised and self.draw is None:
            raise ValueError("a randomised rule needs a draw")

    @classmethod
    def thresholds(cls, groups: Groups, values: Sequence[float]) -> StepRule:
        """Select scores at or above a threshold of the row's slice; inf selects nobody, -inf everybody."""
        pairs = [_one_step(value) for value in values]
        return cls(groups, tuple(s for s, _ in pairs), tuple(c for _, c in pairs))

    @property
    def randomised(self) -> bool:
        """Whether some chance lies between 0 and 1."""
        return any(bool(((c > 0) & (c < 1)).any()) for c in self.chances)

    @property
    def columns(self) -> list[str]:
        """Columns that the rule reads beside the score."""
        return list(dict.fromkeys([*self.groups.features, *(self.draw.columns if self.draw else ())]))

    def chance(self, codes: NDArray[np.intp], score: Floats) -> Floats:
        """Chance of selection of rows of some slices, float array of shape (rows,)."""
        out = np.empty(len(score))
        for code, (start, chance) in enumerate(zip(self.starts, self.chances, strict=True)):
            mine = codes == code
            out[mine] = chance[np.searchsorted(start, score[mine], side="right") - 1]
        return out

    def decide(self, batch: pa.RecordBatch, score: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Return decisions of the rows of a batch; scores stay as they are."""
        chance = self.chance(self.groups.codes(batch), score)
        if self.draw is None:
            return chance == 1, score
        return self.draw.uniform(batch) < chance, score

    def words(self) -> str:
        """The rule in a few words."""
        features = ", ".join(self.groups.features)
        if self.draw is None and features:
            return tell(
                "selected if score >= the threshold of the row's slice ({features})", features=features
            )
        if self.draw is None:
            return tell("selected if score >= the threshold")
        if features:
            return tell(
                "selected with the chance that the rule of the row's slice ({features}) gives to its score "
                "(seed {seed})",
                features=features,
                seed=self.draw.seed,
            )
        return tell(
            "selected with the chance that the rule gives to its score (seed {seed})", seed=self.draw.seed
        )

    def spec(self) -> dict[str, Any]:
        """As JSON values; infinite scores are text."""
        told: dict[str, Any] = {
            "kind": "steps", "groups": self.groups.spec(),
            "starts": [[str(v) if math.isinf(v) else v for v in s.tolist()] for s in self.starts],
            "chances": [c.tolist() for c in self.chances],
        }  # fmt: skip
        if self.draw is not None:
            told["draw"] = {"seed": self.draw.seed, "columns": list(self.draw.columns)}
        return told


def _one_step(threshold: float) -> tuple[Floats, Floats]:
    if threshold == -math.inf:
        return np.array([-math.inf]), np.ones(1)
    if threshold == math.inf:
        return np.array([-math.inf]), np.zeros(1)
    return np.array([-math.inf, threshold]), np.array([0.0, 1.0])


@dataclass(frozen=True)
class FavourableRule:
    """A rule on the probability of the favourable classes together, which decides the likeliest of its side.

    With thresholds by slice this shifts the favourable classes against the others in each slice; which of the
    favourable classes it is, and which of the others, stays as the probabilities have it.

    Attributes
    ----------
    steps : StepRule
        On the sum of the favourable classes' probabilities.
    favourable : tuple of int
        Places of these classes.
    classes : int
        How many classes there are.
    """

    steps: StepRule
    favourable: tuple[int, ...]
    classes: int

    def __post_init__(self) -> None:
        inside = all(0 <= place < self.classes for place in self.favourable)
        if not inside or not 0 < len(set(self.favourable)) == len(self.favourable) < self.classes:
            raise ValueError(
                f"favourable: expected places of some of {self.classes} classes, got {list(self.favourable)}"
            )

    @property
    def groups(self) -> Groups:
        """The slices that it knows."""
        return self.steps.groups

    @property
    def columns(self) -> list[str]:
        """Columns that the rule reads beside the probabilities."""
        return self.steps.columns

    def decide(self, batch: pa.RecordBatch, score: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Return places of classes for the rows of a batch; probabilities stay as they are."""
        yes = self.steps.decide(batch, together(score, self.favourable))[0]
        mine = np.isin(np.arange(self.classes), self.favourable)
        sides = np.where(mine == yes[:, None], score, -1.0)
        return sides.argmax(axis=1), score

    def words(self) -> str:
        """The rule in a few words."""
        features = ", ".join(self.groups.features)
        if features:
            return tell(
                "the likeliest favourable class if these together have a probability >= the threshold of the "
                "row's slice ({features}), else the likeliest other one",
                features=features,
            )
        return tell(
            "the likeliest favourable class if these together have a probability >= the threshold, else the "
            "likeliest other one"
        )

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": "favourable", "steps": self.steps.spec(), "favourable": list(self.favourable),
            "classes": self.classes,
        }  # fmt: skip


def together(score: Floats, places: Sequence[int]) -> Floats:
    """The probability of several classes together, float array of shape (rows,)."""
    return np.asarray(score[:, list(places)].sum(axis=1))
