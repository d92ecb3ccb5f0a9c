"""Training on features without their linear correlation with the sensitive ones, by fairlearn."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pydantic import Field

from ...bands import UNKNOWN
from ...compression.registry import By, Context, Done, Params, recipe
from ...datasets.errors import InputError
from ...models.foreign import one_line
from ...models.frames import frame
from ...models.hushed import hushed
from ...told import tell
from ..retraining import labels_of, same_classes, trainable, weighted

TASKS = ("binary", "multiclass", "multilabel", "regression")
"""It changes the features and reads no label."""


class Correlation(Params):
    """Parameters of fairlearn.preprocessing.CorrelationRemover."""

    by: By = Field(None, description="Sensitive features; default all audited ones.")
    alpha: float = Field(1.0, ge=0, le=1, description="1 removes all linear correlation, 0 none.")


@recipe("correlation-remover", Correlation, family="sklearn", room="mitigation", tasks=TASKS)
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
    known = SimpleImputer(strategy="constant", fill_value=UNKNOWN, missing_values=None)
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
    made = Pipeline([("encode", joined), ("remove", remover), ("model", hushed(clone(classifier)))])
    try:
        made.fit(features, labels_of(model, rows, name), **weighted(classifier, made, rows.weights))
    except (ValueError, TypeError) as error:
        raise InputError(f"{name}: the model cannot be trained again: {one_line(error)}") from None
    same_classes(model, made, name)
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
