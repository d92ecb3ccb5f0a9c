"""Decision rules that stand behind a model's scores: thresholds by slice, randomised rules, score maps.

A rule is data: numbers per slice that go into an artefact's description, and no code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..told import tell, told_series
from .base import ModelKind, Scored, copied, decide
from .groups import EVERYBODY, Draw, Groups
from .steps import FavourableRule, StepRule
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
        On the mapped score, a probability.
    """

    groups: Groups
    maps: tuple[Mapping[str, Any], ...]
    threshold: float = 0.5

    def __post_init__(self) -> None:
        wanted = len(self.groups.keys) + (self.groups.unseen == "common")
        if len(self.maps) != wanted:
            raise ValueError(f"expected {wanted} maps, got {len(self.maps)}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: expected a probability in [0, 1], got {self.threshold}")
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


def _favourable(spec: Mapping[str, Any]) -> Rule:
    return FavourableRule(_steps(spec["steps"]), tuple(spec["favourable"]), spec["classes"])


def _steps(spec: Mapping[str, Any]) -> StepRule:
    starts = tuple(np.array([float(v) for v in s]) for s in spec["starts"])
    chances = tuple(np.array(c, float) for c in spec["chances"])
    draw = _draw(spec["draw"]) if spec.get("draw") else None
    return StepRule(Groups.of(spec["groups"]), starts, chances, draw)


_KINDS: dict[str, Callable[[Mapping[str, Any]], Rule]] = {
    "steps": _steps,
    "favourable": _favourable,
    "chance": lambda spec: ChanceRule(_draw(spec["draw"])),
    "temperature": lambda spec: TemperatureRule(Groups.of(spec["groups"]), tuple(spec["inverse"])),
    "map": lambda spec: MapRule(Groups.of(spec["groups"]), tuple(spec["maps"]), spec["threshold"]),
}


def rule_of(spec: Mapping[str, Any]) -> Rule:
    """Read a rule from what its ``spec`` wrote; ValueError for anything else."""
    check_rule(spec)
    return _KINDS[spec["kind"]](spec)


@dataclass
class RuledModel(ModelKind):
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
        return [*getattr(self.inner, "rules", ()), self.rule]

    def copied(self) -> RuledModel:
        """The same rule behind a copy of the model."""
        return replace(self, inner=copied(self.inner))

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
        return told | {
            "scale": scale,
            "rule": told_series(r.words() for r in self.rules),
            "needs": self.needs,
        }


def behind(model: Any, rules: Sequence[Rule]) -> Any:
    """Return a model with some rules behind it, in the order in which they are applied."""
    for rule in rules:
        model = RuledModel(model, rule)
    return model


def unruled(model: Any) -> Any:
    """Return the model behind any rules."""
    return model.base if isinstance(model, RuledModel) else model
