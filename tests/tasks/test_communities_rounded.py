"""A Ridge regression of communities and crime whose weights are rounded to 4 bits, on real rows.

Half widths of the limits of the change of the mean absolute error, paired as scipy has them; unpaired beside
Welch's, which take means of errors to be normal. These are skewed: ours are wider.

===================  ======  =================  =====  ==============
rows                 change  paired, Student's  Welch  unpaired, ours
===================  ======  =================  =====  ==============
all 1,994            .0052   .0014              .0060  .0068
956 of Black = 0     .0072   .0019              .0065  .0083
1,038 of Black = 1   .0034   .0021              .0094  .0108
===================  ======  =================  =====  ==============
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.figures.unpaired import Unpaired
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.tasks.regression import REGRESSION
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .runs import audited

FILE = Path(os.environ.get("FAIRWEIGH_DATA", "")) / "communities_crime" / "communities_crime.csv"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="needs communities_crime in $FAIRWEIGH_DATA")
BITS = 4
GROUPS = {"all": (0.0014, 0.0060, 0.0068), "0": (0.0019, 0.0065, 0.0083), "1": (0.0021, 0.0094, 0.0108)}
"""Half widths of the table above, to be rounded to its digits."""


def rounded(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights on the grid of 4 bits that spans them and holds 0."""
    step = (max(weights.max(), 0) - min(weights.min(), 0)) / (2**BITS - 1)
    return np.asarray(np.rint(weights / step) * step)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any]:
    """Predictions of five folds of seed 0, as they are and with rounded weights; the audit of both."""
    table = pd.read_csv(FILE)
    apart = ["ViolentCrimesPerPop", "class", "Black", "state", "fold"]
    features, label = table.select_dtypes("number").drop(columns=apart), table[apart[0]]
    frame = pd.DataFrame({"id": range(len(table)), "y": label, "Black": table.Black.astype(str)})
    for train, test in KFold(5, shuffle=True, random_state=0).split(features):
        model: Any = make_pipeline(StandardScaler(), Ridge()).fit(features.iloc[train], label[train])
        frame.loc[test, "ridge"] = model.predict(features.iloc[test])
        model[-1].coef_ = rounded(model[-1].coef_)
        frame.loc[test, "four_bits"] = model.predict(features.iloc[test])
    result = audited(
        tmp_path_factory.mktemp("run"), frame, task="regression",
        data={"label": "y", "sensitive": ["Black"], "id": "id"}, model={"prediction": "ridge"},
        variants=[{"name": "four_bits", "prediction": "four_bits"}],
        metrics=["mean_absolute_error", "root_mean_squared_error"],
    )  # fmt: skip
    return frame, result


def sizes(frame: Any, group: str) -> tuple[Any, Any]:
    """Absolute errors before and after, of all rows or of those of a group."""
    part = frame if group == "all" else frame[frame.Black == group]
    before, after = ((part[name] - part.y).abs().to_numpy() for name in ("ridge", "four_bits"))
    return before, after


def paired(result: Any) -> dict[str, Any]:
    """The changes of the mean absolute error: of all rows and of either group."""
    (comparison,) = result["comparisons"]
    changes = [one for one in comparison["changes"] if one["metric"] == "mean_absolute_error"]
    return {one["slice"].get("Black", "all"): one for one in changes}


def measured(frame: Any, name: str, group: str) -> Measurement:
    """The predictions of a model, of all rows or of those of a group, as an audit counts them."""
    part = frame if group == "all" else frame[frame.Black == group]
    found = Measurement(("Black",), task=REGRESSION)
    found.add(pa.record_batch({"y_true": part.y, "y_pred": part[name], "Black": part.Black}))
    return found


def limits(figure: Figure) -> tuple[float, float, float]:
    """A figure of all rows and its limits."""
    low, high = figure.limits(normal_quantile(0.95), 1.0)
    return float(figure.value[0]), float(low[0]), float(high[0])


def level(frame: Any, name: str, group: str) -> tuple[float, float, float]:
    """The mean absolute error of a model."""
    return limits(measured(frame, name, group).figure("mean_absolute_error", ()))


def unpaired(frame: Any, group: str) -> tuple[float, float, float]:
    """The change, were the two models asked about different communities."""
    both = (measured(frame, name, group) for name in ("ridge", "four_bits"))
    return limits(Unpaired(*both).figure("mean_absolute_error", ()))


@pytest.mark.parametrize("group", GROUPS)
def test_paired_limits_are_students_of_the_differences_row_by_row(found: Any, group: str) -> None:
    frame, result = found
    before, after = sizes(frame, group)
    own, step = paired(result)[group], after - before
    assert own["value"] == pytest.approx(step.mean(), abs=1e-12)
    low, high = stats.t.interval(0.95, len(step) - 1, step.mean(), stats.sem(step))
    assert (own["low"], own["high"]) == pytest.approx((low, high), abs=1e-9)
    assert own["p"] == pytest.approx(stats.ttest_rel(after, before).pvalue, abs=1e-9)


@pytest.mark.parametrize("group", GROUPS)
def test_unpaired_limits_are_those_of_both_runs_put_together_and_hold_welchs(found: Any, group: str) -> None:
    frame, _ = found
    before, after = sizes(frame, group)
    value, low, high = unpaired(frame, group)
    (a, a_low, a_high), (b, b_low, b_high) = (level(frame, name, group) for name in ("ridge", "four_bits"))
    assert value == pytest.approx(b - a, abs=1e-12)
    assert low == pytest.approx(value - np.hypot(b - b_low, a_high - a), abs=1e-12)
    assert high == pytest.approx(value + np.hypot(b_high - b, a - a_low), abs=1e-12)
    welch = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    assert low < welch.low
    assert high > welch.high
    # Either run's limits allow for one more row, larger than any: of skewed errors that counts.
    assert high - low < 1.3 * (welch.high - welch.low)


def test_the_same_rows_know_a_change_several_times_as_well(found: Any) -> None:
    """Paired limits show that rounding harms both groups; of other rows the change could be none."""
    frame, result = found
    for group, known in GROUPS.items():
        own, (_, low, high) = paired(result)[group], unpaired(frame, group)
        before, after = sizes(frame, group)
        welch = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
        halves = [(end - start) / 2 for start, end in ((own["low"], own["high"]), welch, (low, high))]
        assert halves == pytest.approx(known, abs=6e-5)
        assert own["low"] > 0 > low
