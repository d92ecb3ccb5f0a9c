"""A task: a predicted count, such as claims in a year, measured as a mean of counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from fairweigh.extend import (
    REGRESSION,
    DisparityRow,
    InputError,
    MeanValue,
    Metric,
    NumberCases,
    NumberPairs,
    add_task,
)
from numpy.typing import NDArray

DEVIANCE = "Poisson deviance"
COLUMNS = {"y_true": "amount", "y_pred": "amount"}


def deviance(outcome: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the log-likelihood that each prediction loses to the outcome itself."""
    logs = np.log(np.where(outcome > 0, outcome, 1) / predicted)
    return 2 * (outcome * logs - outcome + predicted)


def _above_zero(predicted: NDArray[np.float64]) -> None:
    if (predicted <= 0).any():
        raise InputError(f"model: expected predicted counts above 0 (task: counts), got {predicted.min():g}")


class CountCases(NumberCases):
    """Rows with a count and a prediction of it."""

    def add(self, batch: Any) -> Any:
        """Take a batch; a prediction of 0 or less is no mean of counts."""
        if "y_pred" in batch.names:
            _above_zero(batch.number("y_pred"))
        return super().add(batch)

    def values(self, name: str) -> Any:
        """The deviance of each row, or what a number has."""
        if name != DEVIANCE:
            return super().values(name)
        self.rows.derive(name, lambda of: deviance(of("y_true"), of("y_pred")))
        return self.rows.table(name)


class CountPairs(NumberPairs):
    """Rows with a count and two predictions of it."""

    def values(self, name: str) -> Any:
        """The same values as those of `CountCases`, before and after."""
        if name != DEVIANCE:
            return super().values(name)
        both = [f"{name} {side}" for side in ("before", "after")]
        for derived, column in zip(both, ("y_pred before", "y_pred after"), strict=True):
            self.rows.derive(derived, lambda of, column=column: deviance(of("y_true"), of(column)))
        return self.rows.pairs(*both)


MEAN_DEVIANCE = Metric(
    "mean_poisson_deviance", "Mean Poisson deviance",
    "mean of 2 (outcome ln(outcome / prediction) - outcome + prediction)",
    "How much likelihood the predictions lose, as means of counts, to the counts themselves.",
    MeanValue(DEVIANCE, ("label", "prediction")), better="lower", ideal=0.0, percent=False,
    source="P. McCullagh, J. A. Nelder 1989, Generalized Linear Models, 2.3",
    shows="Sensitive to errors in proportion to the count that is expected; blind to their direction.",
)  # fmt: skip
OURS = ("mean_error", "mean_absolute_error", "mean_prediction", "mean_outcome")

add_task(
    replace(
        REGRESSION,
        name="counts",
        title="A predicted count",
        like="regression",
        cases=CountCases,
        pairs=CountPairs,
        kind=COLUMNS.get,
        metrics={MEAN_DEVIANCE.name: MEAN_DEVIANCE, **{name: REGRESSION.metrics[name] for name in OURS}},
        disparities=(
            DisparityRow(
                "poisson_deviance_gap", "Poisson deviance gap", (MEAN_DEVIANCE.name,), forms=("difference",),
                source=MEAN_DEVIANCE.source, shows="Asks for counts predicted equally well in every slice.",
            ),
        ),
        default=(MEAN_DEVIANCE.name, *OURS),
        key=(MEAN_DEVIANCE.name, *OURS),
        leading=(MEAN_DEVIANCE.name,),
        performance=(MEAN_DEVIANCE.name,),
        gaps=((MEAN_DEVIANCE.name,),),
    )
)  # fmt: skip
