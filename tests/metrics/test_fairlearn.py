"""Every figure that fairlearn or scikit-learn defines, held to theirs on generated tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial, update_wrapper
from itertools import product
from typing import TYPE_CHECKING, Any

import fairlearn.metrics as fl
import numpy as np
import pytest
import sklearn.metrics as sk
from fairweigh.metrics import extremes
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.lockstep import run
from fairweigh.metrics.table import DISPARITIES, METRICS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .conftest import Scored


def between(
    figures: Mapping[Any, Figure], slices: NDArray[Any], form: Any, confidence: float
) -> extremes.Between | None:
    return run(extremes.between(figures, slices, form, confidence))


def with_options(metric: Any, **options: Any) -> Any:
    """The metric with some options set; unlike a partial it has a name, for which fairlearn asks."""
    return update_wrapper(partial(metric, **options), metric)


THEIRS = {
    "selection_rate": fl.selection_rate,
    "accuracy": sk.accuracy_score,
    "error_rate": sk.zero_one_loss,
    "true_positive_rate": fl.true_positive_rate,
    "true_negative_rate": fl.true_negative_rate,
    "false_positive_rate": fl.false_positive_rate,
    "false_negative_rate": fl.false_negative_rate,
    "precision": with_options(sk.precision_score, zero_division=0),
    "f1": with_options(sk.f1_score, zero_division=0),
    "balanced_accuracy": sk.balanced_accuracy_score,
    "matthews_correlation": sk.matthews_corrcoef,
    "auc": sk.roc_auc_score,
    "mean_score": fl.mean_prediction,
    "brier_score": sk.brier_score_loss,
    "log_loss": with_options(sk.log_loss, labels=[0, 1]),
}
COUNTED = [
    name for name in THEIRS if "score" not in METRICS[name].needs and name not in ("brier_score", "log_loss")
]
tables = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.integers(0, 1)), min_size=4, max_size=60
)
# Every outcome in every slice: where fairlearn's 0 for 0 / 0 plays no part, the figures must be equal.
complete = tables.map(
    lambda rows: rows + list(product({*"ab", *(slice_ for slice_, _, _ in rows)}, (0, 1), (0, 1)))
)


def by_group(name: str, slices: NDArray[Any], label: Any, given_: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fl.MetricFrame(
            metrics=THEIRS[name], y_true=label, y_pred=given_, sensitive_features=slices
        ).by_group.sort_index()


def test_every_name_of_theirs_in_the_table_is_tested() -> None:
    assert {m.name for m in METRICS.values() if m.fairlearn} == set(THEIRS)


@settings(deadline=None, max_examples=30)
@given(tables)
@pytest.mark.parametrize("name", COUNTED)
def test_slices_equal_metric_frame(counted_figure: Any, name: str, rows: Any) -> None:
    slices, label, decision = map(np.array, zip(*rows, strict=True))
    ours, theirs = (
        counted_figure(name, slices, label, decision).value,
        by_group(name, slices, label, decision),
    )
    defined = ~np.isnan(ours)
    np.testing.assert_allclose(ours[defined], theirs[defined])


@pytest.mark.parametrize("name", ["true_positive_rate", "precision", "f1", "matthews_correlation"])
def test_undefined_rate_is_null_not_zero(counted_figure: Any, name: str) -> None:
    # Slice b has neither a positive label nor a positive decision: 0 / 0, which fairlearn takes as 0.
    rows = (np.array(list("aaabb")), np.array([1, 1, 0, 0, 0]), np.array([1, 0, 0, 0, 0]))
    assert by_group(name, *rows)["b"] == 0
    assert np.isnan(counted_figure(name, *rows).value[1])


def test_undefined_rate_makes_no_disparity_out_of_nothing(counted_figure: Any) -> None:
    rows = (np.array(list("aabb")), np.array([1, 0, 0, 0]), np.array([1, 0, 0, 0]))
    theirs = fl.equalized_odds_difference(rows[1], rows[2], sensitive_features=rows[0])
    figures = {m: counted_figure(m, *rows) for m in ("true_positive_rate", "false_positive_rate")}
    assert theirs == 1
    assert between(figures, np.arange(2), "difference", 0.95).value == 0


@settings(deadline=None, max_examples=25)
@given(complete)
@pytest.mark.parametrize("form", ["difference", "ratio"])
@pytest.mark.parametrize("row", [r for r in DISPARITIES if r.fairlearn], ids=lambda r: r.name)
def test_disparities_equal_theirs(counted_figure: Any, row: Any, form: str, rows: Any) -> None:
    slices, label, decision = map(np.array, zip(*rows, strict=True))
    figures = {m: counted_figure(m, slices, label, decision) for m in row.metrics}
    ours = between(figures, np.arange(len(set(slices))), form, 0.95)
    theirs = getattr(fl, f"{row.name}_{form}")(label, decision, sensitive_features=slices)
    assert ours.value == pytest.approx(theirs)
    assert ours.low - 1e-12 <= theirs <= ours.high + 1e-12


@settings(deadline=None, max_examples=25)
@given(complete)
@pytest.mark.parametrize("form", ["difference", "ratio"])
@pytest.mark.parametrize("name", ["accuracy", "precision", "error_rate", "f1"])
def test_extremes_equal_metric_frame(counted_figure: Any, name: str, form: str, rows: Any) -> None:
    slices, label, decision = map(np.array, zip(*rows, strict=True))
    figure = counted_figure(name, slices, label, decision)
    frame = fl.MetricFrame(metrics=THEIRS[name], y_true=label, y_pred=decision, sensitive_features=slices)
    ours = between({name: figure}, np.arange(len(figure.value)), form, 0.95)
    assert ours.value == pytest.approx(getattr(frame, form)(method="between_groups"))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 0.77, 1.0])),
        min_size=6,
        max_size=60,
    )
)
@pytest.mark.parametrize("name", ["auc", "mean_score", "brier_score", "log_loss"])
def test_score_figures_equal_metric_frame(scored: Callable[..., Scored], name: str, rows: Any) -> None:
    slices, label, given_ = map(np.array, zip(*rows, strict=True))
    ours = scored(given_, label, slices).figure(name).value
    kept = [label[slices == s].min() != label[slices == s].max() for s in sorted(set(slices))]
    if name == "auc":
        np.testing.assert_array_equal(np.isnan(ours), ~np.array(kept))
    if name in ("auc", "brier_score"):
        assume(all(kept))  # scikit-learn wants both labels
    if name == "log_loss":
        given_ = np.clip(given_, 1e-15, 1 - 1e-15)
    theirs = by_group(name, slices, label.astype(int), given_)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
