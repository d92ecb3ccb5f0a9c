"""Decision rules that stand behind a model's scores: thresholds by slice, randomised rules, score maps.

A rule is data: numbers per slice that go into an artefact's description, and no code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..told import tell
from .base import Scored, decide
from .groups import EVERYBODY, Draw, Groups
from .temperature import TemperatureRule
from .written import check_rule

Floats = NDArray[np.float64]


class Rule(Protocol):
    """What stands between scores and decisions."""

    @property
    def groups(self) -> Groups:
        """The slices that it knows."""
        ...

    def decide(self, batch: pa.RecordBatch, score: Floats) -> tuple[NDArray[Any] | None, Floats]:
        """Return decisions and scores of the rows of a batch; None for decisions that stay as they are."""
        ...

    @property
    def columns(self) -> list[str]:
        """Columns that the rule reads beside the score."""
        ...

    def words(self) -> str:
        """The rule in a few words."""
        ...

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        ...


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
class ChanceRule:
    """The score itself is the chance of selection, as that of a randomised mixture of classifiers."""

    draw: Draw
    groups: Groups = EVERYBODY

    @property
    def columns(self) -> list[str]:
        """Columns that the rule reads beside the score."""
        return list(self.draw.columns)

    def decide(self, batch: pa.RecordBatch, score: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Return drawn decisions of the rows of a batch; scores stay as they are."""
        return self.draw.uniform(batch) < score, score

    def words(self) -> str:
        """The rule in a few words."""
        return tell("selected with the score as its chance (seed {seed})", seed=self.draw.seed)

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        return {"kind": "chance", "draw": {"seed": self.draw.seed, "columns": list(self.draw.columns)}}


@dataclass(frozen=True)
class MapRule:
    """Scores are mapped to probabilities by a monotone function of the row's slice; a threshold judges them.

    Attributes
    ----------
    maps : sequence of dict
        Per slice of ``groups.keys``, then (where other slices get one) the common one: ``x`` and ``y``
        between which lines are drawn (isotonic), or ``a`` and ``b`` of 1 / (1 + exp(a score + b))
        (sigmoid).
    threshold : float
        On the mapped score.
    """

    groups: Groups
    maps: tuple[Mapping[str, Any], ...]
    threshold: float = 0.5

    def __post_init__(self) -> None:
        wanted = len(self.groups.keys) + (self.groups.unseen == "common")
        if len(self.maps) != wanted:
            raise ValueError(f"expected {wanted} maps, got {len(self.maps)}")
        if not math.isfinite(self.threshold):
            raise ValueError(f"threshold: {self.threshold}")
        for made in self.maps:
            x, y = (np.asarray(made[k], float) for k in (("a", "b") if "a" in made else ("x", "y")))
            if x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
                raise ValueError("expected finite numbers, as many y as x")
            if "a" in made and x > 0:
                raise ValueError("expected a at most 0, as others turn the scores over")
            steps = "a" not in made
            if steps and not (len(x) and (np.diff(x) > 0).all() and ((y >= 0) & (y <= 1)).all()):
                raise ValueError("expected ascending x, and y in [0, 1]")
            if steps and (np.diff(y) < 0).any():
                raise ValueError("expected y that never falls")

    @property
    def columns(self) -> list[str]:
        """Columns that the rule reads beside the score."""
        return list(self.groups.features)

    def decide(self, batch: pa.RecordBatch, score: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Return decisions and mapped scores of the rows of a batch."""
        codes, out = self.groups.codes(batch), np.empty(len(score))
        for code, made in enumerate(self.maps):
            mine = codes == code
            out[mine] = mapped(made, score[mine])
        return decide(out, self.threshold), out

    def words(self) -> str:
        """The rule in a few words."""
        threshold = f"{self.threshold:g}"
        if self.groups.features:
            return tell(
                "scores calibrated by the map of the row's slice ({features}), then selected if score >= "
                "{threshold}",
                features=", ".join(self.groups.features),
                threshold=threshold,
            )
        return tell(
            "scores calibrated by the map, then selected if score >= {threshold}", threshold=threshold
        )

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        maps = [dict(m) for m in self.maps]
        return {"kind": "map", "groups": self.groups.spec(), "maps": maps, "threshold": self.threshold}


def mapped(made: Mapping[str, Any], score: Floats) -> Floats:
    """Map scores by one function of a `MapRule`."""
    if "a" in made:
        power = np.clip(float(made["a"]) * score + float(made["b"]), -700, 700)
        return np.asarray(1 / (1 + np.exp(power)))
    return np.asarray(np.interp(score, made["x"], made["y"]), float)


def _draw(spec: Mapping[str, Any]) -> Draw:
    return Draw(spec["seed"], tuple(spec["columns"]))


def _steps(spec: Mapping[str, Any]) -> Rule:
    starts = tuple(np.array([float(v) for v in s]) for s in spec["starts"])
    chances = tuple(np.array(c, float) for c in spec["chances"])
    draw = _draw(spec["draw"]) if spec.get("draw") else None
    return StepRule(Groups.of(spec["groups"]), starts, chances, draw)


_KINDS: dict[str, Callable[[Mapping[str, Any]], Rule]] = {
    "steps": _steps,
    "chance": lambda spec: ChanceRule(_draw(spec["draw"])),
    "temperature": lambda spec: TemperatureRule(Groups.of(spec["groups"]), tuple(spec["inverse"])),
    "map": lambda spec: MapRule(Groups.of(spec["groups"]), tuple(spec["maps"]), spec["threshold"]),
}


def rule_of(spec: Mapping[str, Any]) -> Rule:
    """Read a rule from what its ``spec`` wrote; ValueError for anything else."""
    check_rule(spec)
    return _KINDS[spec["kind"]](spec)


@dataclass
class RuledModel:
    """A model whose scores become decisions by a rule.

    Parameters
    ----------
    inner : Model
        Gives scores; it may have a rule of its own, whose scores this one reads.
    """

    inner: Any
    rule: Rule

    @property
    def task(self) -> str:
        """What the model predicts."""
        return str(getattr(self.inner, "task", "binary"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes, in its order; none of two."""
        return tuple(getattr(self.inner, "classes", ()))

    @property
    def base(self) -> Any:
        """The model without any rule."""
        return unruled(self.inner)

    @property
    def rules(self) -> list[Rule]:
        """All rules, in the order in which they are applied."""
        return [*(self.inner.rules if isinstance(self.inner, RuledModel) else []), self.rule]

    @property
    def columns(self) -> list[str]:
        """Columns of the evaluation set that the model and its rule read."""
        return list(dict.fromkeys([*self.inner.columns, *self.rule.columns]))

    @property
    def needs(self) -> list[str]:
        """Sensitive features without which it cannot decide."""
        return list(dict.fromkeys(f for rule in self.rules for f in rule.groups.features))

    @property
    def threshold(self) -> float | None:
        """Threshold on its scores, where a rule behind it would start from one."""
        rule, inner = self.rule, self.inner.threshold
        return rule.threshold if isinstance(rule, MapRule) else None if inner is None else float(inner)

    @property
    def whole(self) -> bool:
        """Whether `score` wants all rows in one batch."""
        return bool(self.inner.whole)

    @property
    def probability(self) -> bool:
        """Whether scores are probabilities."""
        return bool(self.inner.probability) or isinstance(self.rule, MapRule)

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Score the rows of a batch and decide them by the rules."""
        return self.ruled(batch, self.base.score(batch, ids))

    def ruled(self, batch: pa.RecordBatch, scored: Scored) -> Scored:
        """Decide rows by the rules from what the model without them has said."""
        score = scored.score
        if score is None:
            raise InputError("a decision rule needs scores; this model gives decisions only")
        decision = scored.decision
        for rule in self.rules:
            decided, score = rule.decide(batch, score)
            decision = decision if decided is None else decided
        return Scored(decision, score, scored.truncated)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the model."""
        told: dict[str, Any] = self.base.describe()
        told.pop("threshold", None)
        scale = "probability" if self.probability else "rank"
        return told | {"scale": scale, "rule": "; ".join(r.words() for r in self.rules), "needs": self.needs}


def behind(model: Any, rules: Sequence[Rule]) -> Any:
    """Return a model with some rules behind it, in the order in which they are applied."""
    for rule in rules:
        model = RuledModel(model, rule)
    return model


def unruled(model: Any) -> Any:
    """Return the model behind any rules."""
    return model.base if isinstance(model, RuledModel) else model
