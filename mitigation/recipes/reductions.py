"""Constrained training with fairlearn's reductions: of rates, and of the loss of each slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...compression.registry import By, Context, Done, Params, plural, recipe
from ...datasets.errors import InputError
from ...datasets.training import Key, TrainingRows
from ...metrics.table import of_fairlearn
from ...models.estimator import noting
from ...models.foreign import one_line
from ...models.forms import FORMS, form_of
from ...models.hushed import hushed
from ...models.mixture import MeanMixture, Mixture
from ...models.rules import ChanceRule
from ...told import tell
from ..bounded import Loss, ScaledLoss, bounded, noise, reached, spread
from ..fitting import draw_of
from ..retraining import trainable, unweighted

TASKS = ("binary", "regression")
Constraint = Literal[
    "demographic_parity", "equalized_odds", "true_positive_rate_parity", "false_positive_rate_parity",
    "bounded_group_loss",
]  # fmt: skip


class Reduction(Params):
    """What fairlearn's reductions have in common."""

    by: By = Field(None, description="Sensitive features, crossed; default all audited ones.")
    constraint: Constraint = Field(
        "equalized_odds", description="Of numbers that are predicted bounded_group_loss, and no other."
    )
    loss: Loss | None = Field(
        None, description="Of numbers: which loss of a slice counts, by default that of the square."
    )

    def suits(self, task: str, favourable: bool) -> None:
        """ValueError for a constraint on rates where numbers are predicted, or a loss where none are."""
        rates = "constraint" in self.model_fields_set and self.constraint != "bounded_group_loss"
        number = FORMS[task].number
        if number and rates:
            raise ValueError(
                f"constraint: expected bounded_group_loss where the task is {task}, got "
                f"{self.constraint!r}, which is one on rates of decisions"
            )
        if not number and self.loss is not None:
            raise ValueError(f"loss: is of the task regression, the task is {task}; leave it out")


class ExponentiatedGradient(Reduction):
    """Parameters of fairlearn.reductions.ExponentiatedGradient."""

    bound: float | None = Field(
        None, gt=0,
        description="Largest difference, or mean loss of a slice; default that of fairlearn, but of numbers "
        "it must be said, in the unit of the label (squared for the square).",
    )  # fmt: skip

    eps: float = Field(0.01, gt=0, description="Allowed violation on the training rows.")
    max_iter: int = Field(50, ge=1)
    randomised: bool = Field(
        True, description="Draw each decision, as the method's guarantee asks; else chances of 0.5 select."
    )

    def suits(self, task: str, favourable: bool) -> None:
        """ValueError also where numbers are predicted without a bound, or are to be drawn."""
        super().suits(task, favourable)
        if not FORMS[task].number:
            return
        if self.bound is None:
            raise ValueError(
                "bound: expected the largest mean loss of a slice, in the unit of the label (squared for "
                "loss: square), got none"
            )
        if "randomised" in self.model_fields_set:
            raise ValueError("randomised: numbers are not drawn but averaged; leave it out")


class GridSearch(Reduction):
    """Parameters of fairlearn.reductions.GridSearch."""

    grid_size: int = Field(10, ge=1)
    grid_limit: float = Field(2.0, gt=0)
    constraint_weight: float = Field(0.5, ge=0, le=1)


def moment(params: Reduction, bound: float | None = None) -> Any:
    """Return fairlearn's constraint on decisions; grid search weighs it and knows no bound."""
    from fairlearn import reductions

    if params.constraint == "bounded_group_loss":
        return reductions.BoundedGroupLoss(
            reductions.ZeroOneLoss(), upper_bound=0.1 if bound is None else bound
        )
    kinds = {
        "demographic_parity": reductions.DemographicParity,
        "equalized_odds": reductions.EqualizedOdds,
        "true_positive_rate_parity": reductions.TruePositiveRateParity,
        "false_positive_rate_parity": reductions.FalsePositiveRateParity,
    }
    return kinds[params.constraint](difference_bound=bound)


@dataclass(frozen=True)
class _Learning:
    """What a reduction learns from.

    Attributes
    ----------
    keys : list
        Slices, and ``codes`` the position of each row's.
    labels : int array, 0 and 1, or float array of shape (rows,)
    """

    rows: TrainingRows
    codes: NDArray[np.intp]
    keys: list[Key]
    labels: NDArray[Any]


def _learning(model: Any, params: Reduction, context: Context, name: str) -> _Learning:
    rows = context.rows(name)
    codes, keys = rows.slices(list(params.by or context.sensitive), name)
    labels = rows.known_labels(name)
    found = spread(labels, name) if form_of(model).number else labels.astype(int)
    return _Learning(rows, codes, keys, found)


def _fit(
    reduction: Any, model: Any, learned: _Learning, constraint: str, context: Context, name: str
) -> Done:
    """Train by a reduction; returns what was done so far: over which slices, and what there is to note."""
    encoder, estimator = trainable(model, name)
    features: Any = model.frame(learned.rows.batch)
    features = encoder.transform(features) if encoder is not None else features
    context.progress(f"training by {name}", 0, None)
    noted: dict[str, Any] = {}
    try:
        with noting(noted):
            reduction.fit(features, learned.labels, sensitive_features=learned.codes.astype(str))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name}: {type(estimator).__name__} cannot be trained so: {one_line(error)}"
        ) from None
    notes = [*noted.get("warnings", []), *unweighted(learned.rows)]
    changed = tell(
        "{model} trained under {constraint} over {what}",
        model=type(estimator).__name__,
        constraint=constraint,
        what=plural(len(learned.keys), "{n} slice", "{n} slices"),
    )
    return Done(changed, notes=notes, trained_on=learned.rows.about)


@recipe("exponentiated-gradient", ExponentiatedGradient, family="sklearn", room="mitigation", tasks=TASKS)
def exponentiated_gradient(model: Any, params: ExponentiatedGradient, context: Context) -> Done:
    """Train a mixture under a constraint: of classifiers one is drawn, of regressors the mean is taken.

    References
    ----------
    A. Agarwal et al. 2018, ICML 35 (A Reductions Approach to Fair Classification).
    A. Agarwal, M. Dudik, Z. S. Wu 2019, ICML 36 (Fair Regression), for bounded group loss.
    """
    name = "exponentiated-gradient"
    learned = _learning(model, params, context, name)
    if form_of(model).number:
        return _mean(model, params, context, learned, name)
    encoder, _ = trainable(model, name)
    reduction = _gradient(model, params, moment(params, params.bound), name)
    done = _fit(reduction, model, learned, params.constraint, context, name)
    predictors, chances = _held(reduction)
    classes, yes = model.fitted.classes_, model.positive_index
    model.replace(Mixture(encoder, predictors, chances, classes, yes))
    model.threshold = 0.5
    done.changed = tell("a mixture of {n} x {what}", n=len(predictors), what=done.changed)
    if len(predictors) == 1 or not params.randomised:
        return done
    rule = ChanceRule(draw_of(model, context, name))
    kept = {
        "kind": "randomised", "features": [], "seed": context.seed, "drawn_by": list(rule.draw.columns),
        "fitted_on": done.trained_on, "objective": of_fairlearn("accuracy_score").name,
        "constraint": params.constraint,
    }  # fmt: skip
    done.rule, done.told = rule, {"rules": [kept]}
    done.notes.append(
        tell(
            "each decision asks one of {n} classifiers, drawn by lot (seed {seed})",
            n=len(predictors),
            seed=context.seed,
        )
    )
    return done


def _gradient(
    model: Any, params: ExponentiatedGradient, constraint: Any, name: str, nu: float | None = None
) -> Any:
    """Exponentiated gradient over a model's own kind of estimator; ``nu`` is the gap that ends it."""
    from fairlearn.reductions import ExponentiatedGradient as Fairlearn
    from sklearn.base import clone

    estimator = hushed(clone(trainable(model, name)[1]))
    return Fairlearn(estimator, constraint, eps=params.eps, max_iter=params.max_iter, nu=nu)


def _held(reduction: Any) -> tuple[list[Any], NDArray[np.float64]]:
    """The predictors that take part in a mixture, and their weights, which add to 1."""
    weights = reduction.weights_
    held = [i for i in weights.index if weights[i] > 0]
    chances = weights[held].to_numpy()
    return [reduction.predictors_[i] for i in held], chances / chances.sum()


def _mean(model: Any, params: ExponentiatedGradient, context: Context, learned: _Learning, name: str) -> Done:
    """Train a mixture of regressors of which no slice's loss is above a bound, and take their mean."""
    encoder, _ = trainable(model, name)
    loss = ScaledLoss(params.loss or "square", learned.labels)
    before = model.score(learned.rows.batch, None).score
    nu = noise(loss, learned.labels, before)
    reduction = _gradient(model, params, bounded(loss, params.bound), name, nu)
    done = _fit(reduction, model, learned, "bounded_group_loss", context, name)
    predictors, weights = _held(reduction)
    model.replace(MeanMixture(encoder, predictors, weights))
    done.changed = tell("the mean of {n} x {what}", n=len(predictors), what=done.changed)
    after = model.score(learned.rows.batch, None).score
    worst = {
        "before": reached(loss, learned.labels, before, learned.codes),
        "after": reached(loss, learned.labels, after, learned.codes),
    }
    told = {key: f"{value:.4g}" for key, value in worst.items()} | {"bound": f"{params.bound:g}"}
    done.notes.append(
        tell(
            "the largest mean loss of a slice on these rows: {after}, before {before}; bound {bound}", **told
        )
        if worst["after"] <= float(params.bound or 0)
        else tell(
            "the bound of {bound} is not kept: the largest mean loss of a slice on these rows is {after}, "
            "before {before}",
            **told,
        )
    )
    return done


@recipe("grid-search", GridSearch, family="sklearn", room="mitigation", tasks=TASKS)
def grid_search(model: Any, params: GridSearch, context: Context) -> Done:
    """Train one estimator per point of a grid of Lagrange multipliers and keep the best.

    References
    ----------
    A. Agarwal et al. 2018, ICML 35 (A Reductions Approach to Fair Classification), section 3.
    """
    from fairlearn.reductions import GridSearch as Fairlearn
    from sklearn.base import clone

    name = "grid-search"
    learned = _learning(model, params, context, name)
    encoder, estimator = trainable(model, name)
    number = form_of(model).number
    constraint = params.constraint
    if number:
        constraint = "bounded_group_loss"
        limit = bounded(ScaledLoss(params.loss or "square", learned.labels), None)
    else:
        limit = moment(params)
    reduction = Fairlearn(
        hushed(clone(estimator)), limit, grid_size=params.grid_size, grid_limit=params.grid_limit,
        constraint_weight=params.constraint_weight,
    )  # fmt: skip
    done = _fit(reduction, model, learned, constraint, context, name)
    best = reduction.predictors_[reduction.best_idx_]
    model.replace(_renamed(encoder, best, model))
    done.changed = tell("the best of {n} x {what}", n=len(reduction.predictors_), what=done.changed)
    return done


def _renamed(encoder: Any, classifier: Any, model: Any) -> Any:
    """The pipeline with a classifier that was trained on 0 and 1, under the classes of the model."""
    from sklearn.pipeline import Pipeline

    if form_of(model).number:
        return classifier if encoder is None else Pipeline([*encoder.steps, ("model", classifier)])
    classes = np.asarray(model.fitted.classes_)
    if not np.array_equal(np.asarray(classifier.classes_), classes):
        return Mixture(encoder, [classifier], [1.0], classes, model.positive_index)
    return classifier if encoder is None else Pipeline([*encoder.steps, ("model", classifier)])
