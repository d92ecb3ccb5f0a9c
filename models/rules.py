"""Decision rules that stand behind a model's scores: thresholds by slice, randomised rules, score maps.

A rule is data: numbers per slice that go into an artefact's description, and no code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..datasets.columns import Sensitive, canonical, listed, no_column, word
from ..datasets.errors import InputError
from ..datasets.training import UNKNOWN
from ..told import tell
from .base import Scored, decide
from .written import check_rule

Floats = NDArray[np.float64]
Key = tuple[str, ...]
Unseen = Literal["error", "common"]


@dataclass(frozen=True)
class Groups:
    """The slices that a rule knows, and how rows fall into them.

    Attributes
    ----------
    features : tuple of str
        Sensitive features; none for a rule that all rows share.
    keys : tuple of tuple of str
        Values of each slice that has a rule of its own.
    bins : mapping
        Edges of numeric features.
    unseen : {"error", "common"}
        What rows of other slices get.
    merge : mapping
        By feature: the name of a slice, and the values that are one with it.
    """

    features: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ((),)
    bins: Mapping[str, Sequence[float]] = field(default_factory=dict)
    unseen: Unseen = "error"
    merge: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def codes(self, batch: pa.RecordBatch) -> NDArray[np.intp]:
        """Slice of each row, a position in ``keys``; ``len(keys)`` for the common rule.

        Raises
        ------
        InputError
            The table lacks a feature, or holds a slice without a rule where that is an error.
        """
        if not self.features:
            return np.zeros(batch.num_rows, np.intp)
        whole = np.zeros(batch.num_rows, np.int64)
        names: list[list[str]] = []
        for feature in self.features:
            if feature not in batch.schema.names:
                raise no_column(
                    feature, batch.schema.names, "the table; decisions of this variant need it", "data"
                )
            slicer = Sensitive(feature, tuple(self.bins.get(feature, ())), self.merge.get(feature, {}))
            read = slicer.read(batch.column(feature))
            levels = [*read.dictionary.to_pylist(), UNKNOWN]
            whole = whole * len(levels) + read.indices.fill_null(len(levels) - 1).to_numpy()
            names.append(levels)
        held, inverse = np.unique(whole, return_inverse=True)
        slices = [self._key(int(code), names) for code in held]
        place = {key: i for i, key in enumerate(self.keys)}
        # The same table comes from CSV as text and from elsewhere typed: True is true, 01 is 1.
        alike = [tuple(map(canonical, key)) for key in self.keys]
        if len(set(alike)) == len(alike):
            place = {key: i for i, key in enumerate(alike)}
            slices = [tuple(map(canonical, key)) for key in slices]
        other = [" & ".join(key) for key in slices if key not in place]
        if other and self.unseen == "error":
            raise InputError(
                f"the decision rule has no threshold for {' & '.join(self.features)} = {listed(other)}: "
                "it was fitted on rows without them; fit it with unseen: common to give them the common one"
            )
        codes = np.array([place.get(key, len(self.keys)) for key in slices], np.intp)
        return np.asarray(codes[inverse.reshape(-1)])

    def _key(self, code: int, names: Sequence[Sequence[str]]) -> Key:
        key = []
        for levels in reversed(names):
            code, at = divmod(code, len(levels))
            key.append(levels[at])
        return tuple(reversed(key))

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        merge = {f: {name: list(v) for name, v in groups.items()} for f, groups in self.merge.items()}
        return {
            "features": list(self.features), "keys": [list(k) for k in self.keys],
            "bins": {k: list(v) for k, v in self.bins.items()}, "unseen": self.unseen,
            **({"merge": merge} if merge else {}),
        }  # fmt: skip

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Groups:
        """Make groups of a checked spec; ValueError for keys or edges that do not fit each other."""
        keys = tuple(tuple(key) for key in spec["keys"])
        features, bins = tuple(spec["features"]), dict(spec["bins"])
        if any(len(key) != len(features) for key in keys) or len(set(keys)) < len(keys):
            raise ValueError(f"expected distinct keys of {len(features)} values")
        if any(edges != sorted(set(edges)) for edges in bins.values()):
            raise ValueError("expected ascending edges")
        merge = {
            str(f): {str(name): list(map(str, values)) for name, values in groups.items()}
            for f, groups in spec.get("merge", {}).items()
        }
        return cls(features, keys, bins, spec["unseen"], merge)


@dataclass(frozen=True)
class Draw:
    """Draws of a randomised rule: from what a row is, not from when or beside whom it is decided.

    The same row gets the same draw in any batch, in any process, on any day, so that a decision can be
    repeated. Rows alike in all these columns are drawn together.

    Attributes
    ----------
    seed : int
    columns : tuple of str
        What tells a row: its id, or all that the model sees of it.
    """

    seed: int
    columns: tuple[str, ...]

    def uniform(self, batch: pa.RecordBatch) -> Floats:
        """A number in [0, 1) for each row, float array of shape (rows,)."""
        import pandas as pd

        for name in self.columns:
            if name not in batch.schema.names:
                raise no_column(name, batch.schema.names, "the table; the rule draws by it", "data")
        texts = [_text(batch.column(name)) for name in self.columns]
        joined = pc.binary_join_element_wise(*texts, "\x1f", null_handling="replace", null_replacement="\x00")
        hashed = pd.util.hash_array(
            joined.to_numpy(zero_copy_only=False), hash_key=f"{self.seed & (2**64 - 1):016x}"
        )
        return np.asarray((hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def _text(column: pa.Array) -> pa.Array:
    """A column as text in which a number is written alike whatever its width: 1, 1.0 and '1'."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        return pa.array([None if v is None else word(v) for v in column.to_pylist()], pa.string())
    return column.cast(pa.string())


class Rule(Protocol):
    """What stands between scores and decisions."""

    @property
    def groups(self) -> Groups:
        """The slices that it knows."""
        ...

    def decide(self, batch: pa.RecordBatch, score: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Return decisions and scores of the rows of a batch."""
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
    groups: Groups = Groups()

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

    task = "binary"
    classes = ()

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
            decision, score = rule.decide(batch, score)
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
