"""Constrained training with fairlearn: reductions, and preprocessing that removes correlation."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from ..compression.recipes import By, Context, Done, Params, plural, recipe
from ..datasets.errors import InputError
from ..models.estimator import noting
from ..models.foreign import one_line
from ..models.frames import frame
from ..models.mixture import Mixture
from ..models.rules import ChanceRule
from ..told import tell
from .fitting import draw_of
from .retraining import classes_of, trainable, unweighted, weighted

Constraint = Literal[
    "demographic_parity", "equalized_odds", "true_positive_rate_parity", "false_positive_rate_parity",
    "bounded_group_loss",
]  # fmt: skip


class Reduction(Params):
    """What fairlearn's reductions have in common."""

    by: By = Field(None, description="Sensitive features, crossed; default all audited ones.")
    constraint: Constraint = "equalized_odds"


class ExponentiatedGradient(Reduction):
    """Parameters of fairlearn.reductions.ExponentiatedGradient."""

    bound: float | None = Field(
        None, gt=0, description="Largest difference, or loss of a slice; default that of fairlearn."
    )

    eps: float = Field(0.01, gt=0, description="Allowed violation on the training rows.")
    max_iter: int = Field(50, ge=1)
    randomised: bool = Field(
        True, description="Draw each decision, as the method's guarantee asks; else chances of 0.5 select."
    )


class GridSearch(Reduction):
    """Parameters of fairlearn.reductions.GridSearch."""

    grid_size: int = Field(10, ge=1)
    grid_limit: float = Field(2.0, gt=0)
    constraint_weight: float = Field(0.5, ge=0, le=1)


class Correlation(Params):
    """Parameters of fairlearn.preprocessing.CorrelationRemover."""

    by: By = Field(None, description="Sensitive features; default all audited ones.")
    alpha: float = Field(1.0, ge=0, le=1, description="1 removes all linear correlation, 0 none.")


def moment(params: Reduction, bound: float | None = None) -> Any:
    """Return fairlearn's constraint; grid search weighs it and knows no bound."""
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


def _fit(reduction: Any, model: Any, params: Reduction, context: Context, name: str) -> Done:
    """Train by a reduction; returns what was done so far: over which slices, and what there is to note."""
    rows = context.rows(name)
    encoder, classifier = trainable(model, name)
    by = list(params.by or context.sensitive)
    codes, keys = rows.slices(by, name)
    labels = rows.known_labels(name)
    features: Any = model.frame(rows.batch)
    features = encoder.transform(features) if encoder is not None else features
    context.progress(f"training by {name}", 0, None)
    noted: dict[str, Any] = {}
    try:
        with noting(noted):
            reduction.fit(features, labels.astype(int), sensitive_features=codes.astype(str))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name}: {type(classifier).__name__} cannot be trained so: {one_line(error)}"
        ) from None
    notes = [*noted.get("warnings", []), *unweighted(rows)]
    changed = tell(
        "{model} trained under {constraint} over {what}",
        model=type(classifier).__name__,
        constraint=params.constraint,
        what=plural(len(keys), "{n} slice", "{n} slices"),
    )
    return Done(changed, notes=notes, trained_on=rows.about)


@recipe("exponentiated-gradient", ExponentiatedGradient, family="sklearn", room="mitigation")
def exponentiated_gradient(model: Any, params: ExponentiatedGradient, context: Context) -> Done:
    """Train a randomised mixture of classifiers under a constraint.

    References
    ----------
    A. Agarwal et al. 2018, ICML 35 (A Reductions Approach to Fair Classification).
    """
    from fairlearn.reductions import ExponentiatedGradient as Fairlearn
    from sklearn.base import clone

    name = "exponentiated-gradient"
    encoder, classifier = trainable(model, name)
    reduction = Fairlearn(
        clone(classifier), moment(params, params.bound), eps=params.eps, max_iter=params.max_iter
    )
    done = _fit(reduction, model, params, context, name)
    weights = reduction.weights_
    held = [i for i in weights.index if weights[i] > 0]
    classes, yes = model.fitted.classes_, model.positive_index
    predictors, chances = [reduction.predictors_[i] for i in held], weights[held].to_numpy()
    model.replace(Mixture(encoder, predictors, chances / chances.sum(), classes, yes))
    model.threshold = 0.5
    done.changed = tell("a mixture of {n} x {what}", n=len(held), what=done.changed)
    if len(held) == 1 or not params.randomised:
        return done
    rule = ChanceRule(draw_of(model, context, name))
    kept = {
        "kind": "randomised", "features": [], "seed": context.seed, "drawn_by": list(rule.draw.columns),
        "fitted_on": done.trained_on, "objective": "accuracy", "constraint": params.constraint,
    }  # fmt: skip
    done.rule, done.told = rule, {"rules": [kept]}
    done.notes.append(
        tell(
            "each decision asks one of {n} classifiers, drawn by lot (seed {seed})",
            n=len(held),
            seed=context.seed,
        )
    )
    return done


@recipe("grid-search", GridSearch, family="sklearn", room="mitigation")
def grid_search(model: Any, params: GridSearch, context: Context) -> Done:
    """Train one classifier per point of a grid of Lagrange multipliers and keep the best.

    References
    ----------
    A. Agarwal et al. 2018, ICML 35 (A Reductions Approach to Fair Classification), section 3.
    """
    from fairlearn.reductions import GridSearch as Fairlearn
    from sklearn.base import clone

    encoder, classifier = trainable(model, "grid-search")
    reduction = Fairlearn(
        clone(classifier), moment(params), grid_size=params.grid_size, grid_limit=params.grid_limit,
        constraint_weight=params.constraint_weight,
    )  # fmt: skip
    done = _fit(reduction, model, params, context, "grid-search")
    best = reduction.predictors_[reduction.best_idx_]
    model.replace(_renamed(encoder, best, model))
    done.changed = tell("the best of {n} x {what}", n=len(reduction.predictors_), what=done.changed)
    return done


def _renamed(encoder: Any, classifier: Any, model: Any) -> Any:
    """The pipeline with a classifier that was trained on 0 and 1, under the classes of the model."""
    from sklearn.pipeline import Pipeline

    classes = np.asarray(model.fitted.classes_)
    if not np.array_equal(np.asarray(classifier.classes_), classes):
        return Mixture(encoder, [classifier], [1.0], classes, model.positive_index)
    return classifier if encoder is None else Pipeline([*encoder.steps, ("model", classifier)])


@recipe("correlation-remover", Correlation, family="sklearn", room="mitigation")
def correlation_remover(model: Any, params: Correlation, context: Context) -> Done:
    """Train the classifier again on features that are not linearly correlated with the sensitive ones."""
    from fairlearn.preprocessing import CorrelationRemover
    from sklearn.base import clone
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    name = "correlation-remover"
    rows = context.rows(name)
    by = list(params.by or context.sensitive)
    rows.slices(by, name)
    encoder, classifier = trainable(model, name)
    columns = list(dict.fromkeys([*model.columns, *by]))
    numbers = [f for f in by if f in context.bins]
    texts = [f for f in by if f not in numbers]
    # A feature that the model sees itself keeps the type it was trained on.
    as_words = [f for f in texts if f not in model.columns]
    features = frame(pa.table(rows.batch), columns, as_words, model.kinds)
    known = SimpleImputer(strategy="constant", fill_value="(unknown)", missing_values=None)
    text = make_pipeline(known, OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="first"))
    before = clone(encoder) if encoder is not None else "passthrough"
    joined = ColumnTransformer(
        [
            ("text", text, texts),
            ("number", SimpleImputer(strategy="median"), numbers),
            ("features", before, model.columns),
        ]
    )
    joined.fit(features)
    places = joined.output_indices_
    own, rest = places["number"].stop or places["text"].stop, places["features"]
    remover = CorrelationRemover(sensitive_feature_ids=list(range(own)), alpha=params.alpha)
    made = Pipeline([("encode", joined), ("remove", remover), ("model", clone(classifier))])
    try:
        made.fit(features, classes_of(model, rows, name), **weighted(classifier, made, rows.weights))
    except (ValueError, TypeError) as error:
        raise InputError(f"{name}: the model cannot be trained again: {one_line(error)}") from None
    model.columns, model.as_words = columns, as_words
    model.replace(made)
    return Done(
        tell(
            "trained again on {n} features without their linear correlation with {features}",
            n=rest.stop - rest.start,
            features=", ".join(by),
        ),
        trained_on=rows.about,
        told={"needs": by},
    )
