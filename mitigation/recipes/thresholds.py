"""Decision thresholds by slice: the exact search, the original's rates restored, and the reject option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from ...compression.registry import Context, Done, plural, recipe
from ...datasets.columns import meant
from ...datasets.errors import InputError
from ...metrics.constraint import Constraint
from ...metrics.cuts import Candidates, candidates
from ...metrics.limit import Limit
from ...metrics.objective import value_of
from ...metrics.table import DISPARITIES, METRICS, PERFORMANCE
from ...metrics.thresholds import (
    Found,
    Infeasible,
    curve,
    least_disparity,
    nearest_rates,
    search,
    search_common,
    search_paths,
)
from ...models.forms import FORMS
from ...models.groups import Groups
from ...models.steps import FavourableRule, StepRule
from ...told import tell
from ..fitting import FAMILIES, ByParams, Fitting, favourable_places, fitting

Floats = NDArray[np.float64]
NAMED = {row.name: row.metrics for row in DISPARITIES}
DEFAULT_LIMIT = {"difference": "<= 0.05", "ratio": ">= 0.8"}


class Constrained(ByParams):
    """What a search makes best, and what limits it."""

    objective: str = Field(
        PERFORMANCE[0], description="Metric to make best: a ratio of counts, such as accuracy."
    )
    constraint: str = Field(
        "equalized_odds", description="A named disparity such as demographic_parity, or a metric."
    )
    compare: Literal["difference", "ratio", "value"] = Field(
        "difference",
        description="difference: highest - lowest over slices; ratio: lowest / highest; value: each one's.",
    )
    limit: str | None = Field(None, description="Such as '<= 0.05' (default of a difference) or '>= 0.8'.")
    reference: dict[str, bool | int | float | str] | None = Field(
        None, description="Slice that each other is compared with; default every slice with every other."
    )

    @field_validator("objective")
    @classmethod
    def _objective(cls, name: str) -> str:
        if not _counted(name) or METRICS[name].better is None:
            known = ", ".join(m for m, row in METRICS.items() if row.better and _counted(m))
            raise ValueError(f"expected a metric that has a better direction, such as {known}, got {name!r}")
        return name

    @field_validator("constraint")
    @classmethod
    def _constraint(cls, name: str) -> str:
        if not all(_counted(m) for m in NAMED.get(name, (name,))):
            known = [n for n, metrics in NAMED.items() if all(map(_counted, metrics))]
            rates = [m for m in METRICS if _counted(m)]
            raise ValueError(
                f"expected a disparity ({', '.join(known)}) or a metric of counts ({', '.join(rates)}), "
                f"got {name!r}"
            )
        return name

    @model_validator(mode="after")
    def _limit(self) -> Constrained:
        if self.limit is None and self.compare == "value":
            raise ValueError("limit: expected the limit of each slice's value, such as '>= 0.7'")
        limit = Limit.parse(self.stated)
        if self.compare == "difference" and not (limit.upper and limit.value >= 0):
            raise ValueError(
                f"limit: a difference is limited from above, such as '<= 0.05', got {self.limit!r}"
            )
        if self.compare == "ratio" and (limit.upper or not 0 < limit.value <= 1):
            raise ValueError(
                "limit: a ratio is limited from below by a number in (0, 1], such as '>= 0.8', "
                f"got {self.limit!r}"
            )
        return self

    @property
    def stated(self) -> str:
        """The limit, with the default filled in."""
        return self.limit if self.limit is not None else DEFAULT_LIMIT.get(self.compare, "")

    def over(self, groups: Groups) -> Constraint:
        """The constraint over the slices of a rule."""
        limit, reference = Limit.parse(self.stated), None
        if self.reference is not None:
            values = zip(*groups.keys, strict=True)
            known = dict(zip(groups.features, map(set, values), strict=True))
            wanted = {k: meant(v, known.get(k, ())) for k, v in self.reference.items()}
            named = [dict(zip(groups.features, key, strict=True)) for key in groups.keys]
            if wanted not in named:
                raise InputError(f"reference: no slice {wanted} among {len(named)}, such as {named[0]}")
            reference = named.index(wanted)
        metrics = NAMED.get(self.constraint, (self.constraint,))
        return Constraint(metrics, self.compare, limit.value, limit.upper, reference)


class Threshold(Constrained):
    """The exact search of thresholds by slice."""

    floor: str | None = Field(
        None, description="Least performance, such as '>= 0.84': the disparity is then made least instead."
    )
    common: bool = Field(
        False, description="One threshold for all slices: no decision needs a sensitive feature."
    )
    restore: str | None = Field(
        None, description="Metric whose rates per slice are brought back to those of the original model."
    )

    def suits(self, task: str, favourable: bool) -> None:
        """ValueError where no class is favourable, so that there is nothing to select."""
        if FORMS[task].classes and not favourable:
            raise ValueError(
                "by: thresholds of several classes are those of the favourable ones together; name them in "
                "data.favourable"
            )

    @model_validator(mode="after")
    def _one_aim(self) -> Threshold:
        if self.floor is not None:
            limit = Limit.parse(self.floor)
            if limit.upper == (METRICS[self.objective].better == "higher"):
                raise ValueError(
                    f"floor: {self.objective} is bounded from its worse side, got {self.floor!r}"
                )
        if self.floor is not None and (self.limit is not None or self.common):
            raise ValueError("floor: the disparity is made least then; leave limit and common out")
        if self.restore is not None:
            if not _counted(self.restore):
                raise ValueError(
                    f"restore: expected a metric of counts, such as selection_rate, got {self.restore!r}"
                )
            given = self.model_fields_set - {"restore", "by", "unseen"}
            if given:
                raise ValueError(
                    f"restore: nothing else is searched for then; leave out {', '.join(sorted(given))}"
                )
        return self


class RejectOption(Constrained):
    """A band around the threshold in which the disadvantaged slices are selected and the others are not."""

    constraint: str = "demographic_parity"


def _counted(name: str) -> bool:
    metric = METRICS.get(name)
    return metric is not None and bool(metric.estimator.ratios) and not metric.of_labels


@recipe("threshold", Threshold, family="scores", room="mitigation", rule=True)
@recipe(
    "threshold", Threshold, family=("sklearn", "torch", "onnx"), room="mitigation", rule=True,
    tasks=("binary", "multiclass"),
)  # fmt: skip
def threshold(model: Any, params: Threshold, context: Context) -> Done:
    """Search thresholds by slice, or one for all, on rows that are not audited."""
    needs_labels = params.restore is None or "label" in METRICS[params.restore].needs
    found = fitting(model, context, params, "threshold", labelled=needs_labels)
    slices = _slices(found)
    if params.restore is not None:
        return _restored(model, params, context, found, slices)
    objective = METRICS[params.objective]
    try:
        constraint = params.over(found.groups)
        if params.floor is not None:
            best = least_disparity(slices, objective, constraint, Limit.parse(params.floor).value)
        elif params.common:
            best = search_common(slices, objective, constraint)
        else:
            best = search(slices, objective, constraint)
        points = [] if params.common else curve(slices, objective, constraint)
    except Infeasible as error:
        raise InputError(f"threshold: {error}; on {found.rows.about}") from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"threshold: {error}") from None
    told = {
        "performance": best.performance, "disparity": best.disparity, "curve": _points(points, best),
        "limit": f"{params.objective} {params.floor}" if params.floor else params.stated,
        **_searched(params),
    }  # fmt: skip
    if params.common:
        found = replace(found, codes=np.zeros(len(found.rows), np.intp), groups=Groups())
        return _done(found, best.thresholds[:1], told, tell("one threshold for all slices"))
    return _done(found, _with_common(best.thresholds, found, params.objective), told, _by_slice(found))


def _searched(params: Constrained) -> dict[str, Any]:
    what = params.constraint
    constraint = {
        "difference": tell("{what} difference", what=what),
        "ratio": tell("{what} ratio", what=what),
        "value": f"{what} value",
    }[params.compare]
    return {"objective": params.objective, "constraint": constraint}


def _by_slice(found: Fitting) -> str:
    return tell(
        "thresholds for {what} of {features}",
        what=plural(len(found.groups.keys), "{n} slice", "{n} slices"),
        features=" & ".join(found.groups.features),
    )


def _slices(found: Fitting) -> list[Candidates]:
    """Every cut of each slice that gets a threshold of its own."""
    labels = found.rows.labels
    if labels is None:
        # Selection rates need none: what would be right or wrong is not read.
        labels = np.zeros(len(found.rows), bool)
    return [
        candidates(found.score[rows], labels[rows], found.weights[rows])
        for rows in (np.flatnonzero(found.codes == code) for code in range(len(found.groups.keys)))
    ]


def _with_common(thresholds: Floats, found: Fitting, objective: str) -> Floats:
    """Add the threshold of slices without one of their own: the best of all rows together."""
    if found.groups.unseen != "common":
        return thresholds
    everyone = candidates(found.score, found.rows.known_labels("threshold"), found.weights)
    return np.append(thresholds, search([everyone], METRICS[objective], None).thresholds)


def _points(points: Sequence[Found], best: Found) -> list[dict[str, Any]]:
    """The trade-off as the result tells it, with the chosen point in it."""
    every = {(p.disparity, p.performance): False for p in points}
    every[best.disparity, best.performance] = True
    return [{"disparity": d, "performance": p, "chosen": c} for (d, p), c in sorted(every.items())]


def _done(found: Fitting, thresholds: Floats, told: dict[str, Any], changed: str) -> Done:
    rule = StepRule.thresholds(found.groups, thresholds.tolist())
    behind = FavourableRule(rule, found.favourable, found.classes) if found.favourable else rule
    kept = {
        "kind": "thresholds", "features": list(found.groups.features), "unseen": found.groups.unseen,
        "fitted_on": found.rows.about, "slices": found.told(rule), **told,
    }  # fmt: skip
    common = int((found.codes == len(found.groups.keys)).sum())
    notes = []
    if common:
        notes.append(
            tell("{n} of these rows take the common threshold, which the limit does not bind", n=common)
        )
    return Done(
        changed, notes=notes, rule=behind, told={"rules": [kept], "needs": list(found.groups.features)}
    )


def _restored(
    model: Any, params: Threshold, context: Context, found: Fitting, slices: Sequence[Candidates]
) -> Done:
    """Thresholds that bring the rates of each slice back to the original's."""
    metric = METRICS[str(params.restore)]
    before = context.original.score(found.rows.batch, found.rows.ids).decision
    if before is None:
        raise InputError("threshold.restore: the original gives no decisions whose rates could be restored")
    if found.favourable:
        before = np.isin(before, favourable_places(context.original, context, "threshold.restore"))
    labels = found.rows.labels if found.rows.labels is not None else np.zeros(len(found.rows), bool)
    masks = found.masks()
    everyone = [
        *slices,
        *([candidates(found.score, labels, found.weights)] if len(masks) > len(slices) else []),
    ]
    # Decisions are scores too: the cut between 0 and 1 has the counts of the decisions themselves.
    own = [
        _at_half(candidates(np.append(before[m], [0.0, 1.0]), np.append(labels[m], [False, False]),
                            np.append(found.weights[m], [0.0, 0.0])), metric)
        for m in masks
    ]  # fmt: skip
    try:
        best = nearest_rates(everyone, metric, np.array(own))
    except ValueError as error:
        raise InputError(f"threshold.restore: {error}") from None
    told = {
        "objective": tell("{what} of the original in every slice", what=metric.name),
        "constraint": tell("largest distance from the original's {what}", what=metric.name),
        "disparity": best.disparity,
    }
    changed = tell(
        "{what}, which restore the original's {what_metric}",
        what=_by_slice(found),
        what_metric=metric.name,
    )
    return _done(found, best.thresholds, told, changed)


def _at_half(cuts: Candidates, metric: Any) -> float:
    """A metric at the cut between 0 and 1."""
    return float(value_of(metric, cuts.counts)[np.flatnonzero(cuts.threshold == 0.5)[0]])


@recipe("reject-option", RejectOption, family=FAMILIES, room="mitigation", rule=True)
def reject_option(model: Any, params: RejectOption, context: Context) -> Done:
    """Search the width of a band around the threshold in which slices selected seldom are selected.

    Slices whose selection rate lies below that of all rows are selected within the band, the others are not:
    the disadvantaged and the privileged ones of the paper, where a decision is a benefit.

    References
    ----------
    F. Kamiran, A. Karim, X. Zhang 2012, ICDM (reject option based classification).
    """
    found = fitting(model, context, params, "reject-option")
    middle = model.threshold
    if middle is None:
        raise InputError(
            "reject-option: the model has no threshold around which a band could lie; set model.threshold"
        )
    masks = found.masks()[: len(found.groups.keys)]
    chosen = found.score >= middle
    rates = np.array([np.average(chosen[m], weights=found.weights[m]) for m in masks])
    side = np.where(rates < np.average(chosen, weights=found.weights), -1.0, 1.0)
    widths = np.unique(np.append(np.abs(found.score - middle), 0.0))
    widths = np.append(widths[:1], widths[:-1] / 2 + widths[1:] / 2) if len(widths) > 1 else widths
    try:
        best = search_paths(
            _slices(found),
            METRICS[params.objective],
            params.over(found.groups),
            middle + side[:, None] * widths,
        )
    except Infeasible as error:
        raise InputError(f"reject-option: {error}; on {found.rows.about}") from None
    thresholds = best.thresholds
    if found.groups.unseen == "common":
        thresholds = np.append(thresholds, middle)
    width = float(np.abs(best.thresholds - middle).max())
    told = {
        "performance": best.performance, "disparity": best.disparity, "limit": params.stated,
        **_searched(params),
    }  # fmt: skip
    return _done(
        found,
        thresholds,
        told,
        tell(
            "a band of {width} around {middle} decided by {features}",
            width=f"{width:.4g}",
            middle=f"{middle:g}",
            features=" & ".join(found.groups.features),
        ),
    )
