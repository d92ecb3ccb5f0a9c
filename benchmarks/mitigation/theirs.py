"""What the others do: AIF360, fairlearn and OxonFair."""

from __future__ import annotations

from typing import Any

import numpy as np
from fairlearn import reductions
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.preprocessing import CorrelationRemover
from numpy.typing import NDArray
from settings import DP, EO, ITERATIONS, LIMIT, Decider, Floats, Part, Setting
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder

MOST_SLICES = 5
"""Of OxonFair's grid: 31 ** 5 choices take 8.5 GiB, and 6 ** 10 for ten slices more than twice as much."""


def aif360_reweighing(setting: Setting) -> Decider:
    """The same classifier with AIF360's weights."""
    import pandas as pd
    from aif360.sklearn.preprocessing import Reweighing

    part = setting.training
    index = pd.Index(part.groups, name="slice")
    rows = pd.DataFrame({"x": np.zeros(len(index))}, index=index)
    _, weights = Reweighing("slice").fit_transform(rows, pd.Series(part.label, index=index))
    fitted = clone(setting.classifier).fit(part.x, part.label, sample_weight=np.asarray(weights))
    return Decider(lambda part: np.asarray(fitted.predict(part.x) == 1))


def fairlearn_remover(setting: Setting) -> Decider:
    """The classifier on features from which fairlearn has removed the slice's linear correlation."""
    part = setting.training
    known = OneHotEncoder(sparse_output=False, drop="first").fit(_sensitive(part, setting.by))

    def joined(part: Part) -> Floats:
        return np.hstack([known.transform(_sensitive(part, setting.by)), part.x])

    width = joined(part).shape[1] - part.x.shape[1]
    remover = CorrelationRemover(sensitive_feature_ids=list(range(width))).fit(joined(part))
    fitted = clone(setting.classifier).fit(remover.transform(joined(part)), part.label)
    return Decider(lambda part: np.asarray(fitted.predict(remover.transform(joined(part))) == 1))


def _sensitive(part: Part, by: list[str]) -> NDArray[Any]:
    return np.stack([part.rows.batch.column(f).to_numpy(zero_copy_only=False) for f in by], axis=1)


def fairlearn_reduction(setting: Setting, kind: str) -> Decider:
    """Training under equalized odds by fairlearn alone."""
    base, moment, part = clone(setting.classifier), reductions.EqualizedOdds(), setting.training
    made: Any = reductions.GridSearch(base, moment)
    if kind == "gradient":
        made = reductions.ExponentiatedGradient(base, moment, max_iter=ITERATIONS)
    made.fit(part.x, part.label, sensitive_features=part.groups)
    if kind != "gradient":
        return Decider(lambda part: np.asarray(made.predict(part.x) == 1))
    return Decider(
        lambda part: np.asarray(made.predict(part.x, random_state=0) == 1),
        lambda part: np.asarray(made._pmf_predict(part.x)[:, 1]),
    )


def fairlearn_optimizer(setting: Setting, constraint: str) -> Decider:
    """The ThresholdOptimizer of fairlearn, of the fitted classifier by itself."""
    made = ThresholdOptimizer(
        estimator=setting.classifier, prefit=True, predict_method="predict_proba", constraints=constraint
    )
    part = setting.validation
    made.fit(part.x, part.label, sensitive_features=part.groups)
    return Decider(
        lambda part: np.asarray(made.predict(part.x, sensitive_features=part.groups, random_state=0) == 1),
        lambda part: np.asarray(made._pmf_predict(part.x, sensitive_features=part.groups)[:, 1]),
    )


def oxonfair_thresholds(setting: Setting, constraint: str) -> Decider:
    """OxonFair's search of the fitted classifier's thresholds, with the gap that fairweigh limits."""
    from oxonfair import FairPredictor, group_metrics

    gap = {EO: group_metrics.equalized_odds_max, DP: group_metrics.pos_pred_rate.max_diff}[constraint]

    def given(part: Part) -> dict[str, Any]:
        return {"data": part.x, "target": part.label, "groups": part.groups}

    made = FairPredictor(setting.classifier, given(setting.validation))
    made.fit(group_metrics.accuracy, gap, LIMIT)
    return Decider(lambda part: np.asarray(made.predict(given(part)) == 1))
