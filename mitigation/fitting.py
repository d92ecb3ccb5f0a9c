"""What every rule is fitted on: scores, labels and slices of rows that are not audited."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..compression.registry import By, Context, Params
from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.training import Key, TrainingRows
from ..models.base import Family, Scored
from ..models.groups import Draw, Groups, Unseen
from ..models.heads.multiclass import positions
from ..models.rules import Rule, unruled
from ..models.steps import StepRule, together

Floats = NDArray[np.float64]
FAMILIES: tuple[Family, ...] = ("sklearn", "torch", "onnx", "scores")
"""What rules can stand behind: everything that gives scores."""


class ByParams(Params):
    """Parameters that every rule by slices has."""

    by: By = Field(None, description="Sensitive features, crossed; default all audited ones.")
    unseen: Unseen = Field(
        "error",
        description="What slices without a rule of their own get, because too few rows of them were there "
        "to fit it or because they come up later: an error, or the common rule.",
    )


@dataclass(frozen=True)
class Fitting:
    """Scored rows, parted into slices.

    Attributes
    ----------
    rows : TrainingRows
    score : float array of shape (rows,), or (rows, classes) of several classes
    weights : float array of shape (rows,)
    decision : bool array of shape (rows,) or None
        What the model decides without the rule.
    codes : int array of shape (rows,)
        Slice of each row: a position in ``groups.keys``, or their number for a slice without a rule of
        its own.
    favourable : tuple of int
        Of several classes the places of the favourable ones, of which score, labels and decision then speak;
        ``classes`` is how many there are.
    """

    rows: TrainingRows
    score: Floats
    weights: Floats
    decision: NDArray[np.bool_] | None
    codes: NDArray[np.intp]
    groups: Groups
    favourable: tuple[int, ...] = ()
    classes: int = 2

    def masks(self) -> list[NDArray[np.bool_]]:
        """Rows of each slice that has a rule of its own; last, where others get one, all rows."""
        own = [self.codes == code for code in range(len(self.groups.keys))]
        return [*own, np.ones(len(self.rows), bool)] if self.groups.unseen == "common" else own

    def chosen(self, rule: Rule) -> NDArray[np.bool_]:
        """Decisions of a rule on these rows."""
        chosen = rule.decide(self.rows.batch, self.score)[0]
        assert chosen is not None
        return chosen

    def told(self, rule: Rule) -> list[dict[str, Any]]:
        """What the result tells of each slice: rows, positives, thresholds, rates before and after."""
        after = self.chosen(rule)
        told = []
        for code, mask in enumerate(self.masks()):
            common = code == len(self.groups.keys)
            mine = self.codes == code if common and self.groups.features else mask
            key = () if common else self.groups.keys[code]
            labels = self.rows.labels
            entry: dict[str, Any] = {
                "slice": {} if common else dict(zip(self.groups.features, key, strict=True)),
                "n": int(mask.sum()),
                "positives": None if labels is None else int(labels[mask].sum()),
                "before": _rate(self.decision, mine, self.weights),
                "after": _rate(after, mine, self.weights),
            }
            if isinstance(rule, StepRule):
                start, chance = rule.starts[code], rule.chances[code]
                entry["steps"] = list(zip(start.tolist(), chance.tolist(), strict=True))
                entry["threshold"] = _threshold(start, chance)
            told.append(entry)
        return told


def _rate(decision: NDArray[np.bool_] | None, mask: NDArray[np.bool_], weights: Floats) -> float | None:
    mass = weights[mask].sum()
    if decision is None or not mass > 0:
        return None
    return float(weights[mask & decision].sum() / mass)


def _threshold(start: Floats, chance: Floats) -> float | None:
    """The one score from which on rows are selected; None where a step function is none such."""
    if not set(chance.tolist()) <= {0.0, 1.0} or bool((np.diff(chance) < 0).any()):
        return None
    return float(start[np.argmax(chance)]) if chance.any() else math.inf


def fitting(
    model: Any, context: Context, params: ByParams, name: str, *, labelled: bool = True, whole: bool = False
) -> Fitting:
    """Score the rows that rules are fitted on and part them into slices.

    Of several classes the rows are those of a view: whether they are of a favourable class.

    Parameters
    ----------
    labelled : bool
        Whether a rule needs rows of both labels in every slice.
    whole : bool
        Whether scores, labels and decisions of several classes are given as they are.

    Raises
    ------
    InputError
        No such rows, no scores, or slices of too few rows where that is an error.
    """
    rows = context.fitting_rows(name)
    try:
        scored = model.score(rows.batch, rows.ids)
    except InputError as error:
        raise InputError(f"{name}: {rows.about}, on which it is fitted, cannot be scored: {error}") from None
    if scored.score is None:
        raise InputError(f"{name}: needs scores to cut; this model gives decisions only")
    places: tuple[int, ...] = ()
    if getattr(model, "classes", ()) and not whole:
        places = favourable_places(model, context, name)
        rows, scored = of_view(rows, scored, model, places, name)
    assert scored.score is not None
    labels = rows.known_labels(name) if labelled else rows.labels
    by = list(params.by or context.sensitive)
    codes, keys = rows.slices(by, name)
    weights = np.ones(len(rows)) if rows.weights is None else rows.weights
    few = _too_few(codes, keys, labels if labelled else None, context.min_size)
    own = [i for i in range(len(keys)) if i not in few]
    if few and params.unseen == "error":
        told = "; ".join(f"{_named(by, keys[i])} has {why}" for i, why in list(few.items())[:3])
        more = f" (and {len(few) - 3} more)" if len(few) > 3 else ""
        raise InputError(
            f"{name}: expected at least {context.min_size} rows of each slice"
            f"{', with both labels,' if labelled else ''} among {rows.about}; {told}{more}; set "
            "unseen: common to give such slices the common rule"
        )
    if not own:
        raise InputError(f"{name}: no slice of {', '.join(by)} has enough rows among {rows.about}")
    place = np.full(len(keys), len(own), np.intp)
    place[own] = np.arange(len(own))
    bins = {f: tuple(context.bins[f]) for f in by if f in context.bins}
    merge = {f: context.merge[f] for f in by if f in context.merge}
    groups = Groups(tuple(by), tuple(keys[i] for i in own), bins, params.unseen, merge)
    several = len(getattr(model, "classes", ())) or 2
    return Fitting(rows, scored.score, weights, scored.decision, place[codes], groups, places, several)


def favourable_places(model: Any, context: Context, name: str) -> tuple[int, ...]:
    """Places of the favourable classes among a model's; InputError where it has none, or no other."""
    found = tuple(place for place, known in enumerate(model.classes) if known in context.favourable)
    if not 0 < len(found) < len(model.classes):
        raise InputError(
            f"{name}: expected some, not all, of the model's classes {listed(list(model.classes))} to be "
            f"favourable; data.favourable names {listed(list(context.favourable)) or 'none'}"
        )
    return found


def of_view(
    rows: TrainingRows, scored: Scored, model: Any, places: Sequence[int], name: str
) -> tuple[TrainingRows, Scored]:
    """Rows of several classes as rows of two: of a favourable class, or of another."""
    assert scored.score is not None
    decided = None if scored.decision is None else np.isin(scored.decision, places)
    labels = None
    if rows.labels is not None:
        labels = np.isin(positions(rows.labels, model.classes, name), places)
    return replace(rows, labels=labels), Scored(decided, together(scored.score, places))


def _too_few(
    codes: NDArray[np.intp], keys: Sequence[Key], labels: NDArray[np.bool_] | None, least: int
) -> dict[int, str]:
    """Slices that a rule cannot be fitted to, and what they have."""
    count = np.bincount(codes, minlength=len(keys))
    positives = count if labels is None else np.bincount(codes, labels, len(keys)).astype(int)
    found = {}
    for i, (n, yes) in enumerate(zip(count.tolist(), positives.tolist(), strict=True)):
        if n < least:
            found[i] = f"{n} rows"
        elif labels is not None and yes in (0, n):
            found[i] = f"{n} rows, {yes} of them positive"
    return found


def _named(by: Sequence[str], key: Key) -> str:
    return " & ".join(f"{feature}={value}" for feature, value in zip(by, key, strict=True))


def draw_of(model: Any, context: Context, name: str) -> Draw:
    """How a randomised rule draws: by the row's id where there is one, else by all that the model sees.

    Raises
    ------
    InputError
        Neither: rows of equal scores would all be drawn together, which is no lot.
    """
    base = unruled(model)
    if context.row_id is None and (getattr(base, "bound", False) or getattr(base, "alone", False)):
        raise InputError(
            f"{name}: its rule is randomised and draws by the row's id; set data.id, or use threshold, which "
            "draws nothing"
        )
    columns = (context.row_id,) if context.row_id else tuple(model.columns)
    return Draw(context.seed, columns)


def column_scores() -> Any:
    """A fitted classifier whose scores stand in the one column that it is given, for libraries."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class ColumnScores(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        classes_ = np.array([0, 1])
        n_features_in_ = 1

        def fit(self, x: Any, y: Any = None, sample_weight: Any = None) -> ColumnScores:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def decision_function(self, x: Any) -> Floats:
            return np.asarray(x, float)[:, 0]

        predict = decision_function

    return ColumnScores()
