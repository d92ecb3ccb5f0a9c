"""A predicted number: errors and predictions of slices, without classes and decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa

from ..metrics import regression as measured
from ..metrics.cube import Cube
from ..metrics.distribution import Distributions
from ..metrics.entry import DisparityRow, Metric, table
from ..metrics.estimators import Change, Need, Seen, SeenTwice
from ..metrics.figures import Figure
from ..metrics.gathered import SlicedRows
from ..metrics.intervals import Floats
from ..metrics.paired_scores import PairedScores
from ..metrics.rows import Rows
from ..metrics.scores import ScoreTable
from .cases import Batch, By, Cases, Pairs
from .task import Said, Task
from .values import MeanValue, OfRows, sliced

OUTCOME, PREDICTION = "y_true", "y_pred"
BEFORE, AFTER = "y_pred before", "y_pred after"
ERROR, ABSOLUTE, SQUARED = "error", "absolute error", "squared error"
_OF_ERROR: dict[str, Callable[[Floats], Floats]] = {ERROR: np.asarray, ABSOLUTE: np.abs, SQUARED: np.square}
BOTH: tuple[Need, ...] = ("label", "prediction")
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of a slice's rows at whose quantiles its errors are told."""


def _derived(rows: Rows, value: str, prediction: str) -> str:
    """Derive a value of each row from its outcome and a prediction; its name among the rows' columns."""
    if value not in _OF_ERROR:
        return prediction if value == PREDICTION else value
    name = f"{value} of {prediction}"
    rows.derive(name, lambda of: _OF_ERROR[value](of(prediction) - of(OUTCOME)))
    return name


class NumberCases(Cases):
    """Rows with an outcome and a prediction, both numbers."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self.rows = Rows(by)

    def add(self, batch: Batch) -> Cube:
        """Take a batch; returns its counts."""
        cube = batch.cube(self.by, {})
        self._cubes.add(cube)
        columns = {name: batch.number(name) for name in (OUTCOME, PREDICTION) if name in batch.names}
        self.rows.add(batch.slices, batch.keys, columns, batch.weight, batch.cluster)
        return cube

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What rows with these columns carry: label, prediction, and with both of them errors as scores."""
        names: dict[Need, str] = {"label": OUTCOME, "prediction": PREDICTION}
        found = {need for need, column in names.items() if column in columns}
        return frozenset(found | ({"score"} if len(found) == 2 else set()))

    @cached_property
    def scores(self) -> ScoreTable:
        """The errors, whose distribution is drawn."""
        return self.values(ERROR)

    def values(self, name: str) -> ScoreTable:
        """The error of each row, its size or square, the outcome or the prediction."""
        return self.rows.table(_derived(self.rows, name, PREDICTION))

    def quantiles(self, by: By, keys: Sequence[tuple[str, ...]]) -> dict[float, Figure]:
        """Quantiles of each slice's errors, by their share of the rows."""
        errors = self.rows.values(_derived(self.rows, ERROR, PREDICTION))
        found = Distributions(self.rows.sliced(by, keys), np.asarray(errors, float))
        return {share: found.quantile(share) for share in SHARES}


class NumberPairs(Pairs):
    """Rows with an outcome and two predictions."""

    def __init__(self, by: By, probability: bool = True) -> None:
        super().__init__(by, probability)
        self.rows = Rows(by)

    def add(self, before: Batch, after: Batch) -> None:
        """Take a batch of the same rows in the same order."""
        columns = {BEFORE: before.numbers(PREDICTION), AFTER: after.numbers(PREDICTION)}
        columns |= {OUTCOME: before.numbers(OUTCOME)}
        held = {name: values for name, values in columns.items() if values is not None}
        self.rows.add(before.slices, before.keys, held, before.weight, before.cluster)

    def values(self, name: str) -> PairedScores:
        """The same values as those of `NumberCases`, before and after."""
        return self.rows.pairs(_derived(self.rows, name, BEFORE), _derived(self.rows, name, AFTER))


# ---- figures that are no means ------------------------------------------------------------------------


class RootMean(MeanValue):
    """The root of the mean squared error."""

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return measured.root_mean(super().figure(seen))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        return _root_change(sliced(seen), seen.cases.rows)


def _columns(of: Rows, *names: str) -> tuple[Floats, ...]:
    return tuple(np.asarray(of.values(name), float) for name in names)


def _root_change(rows: SlicedRows, of: Rows) -> Change:
    return measured.root_mean_change(rows, *_columns(of, OUTCOME, BEFORE, AFTER))


def _explained(rows: SlicedRows, of: Rows) -> Figure:
    return measured.r_squared(rows, *_columns(of, OUTCOME, PREDICTION))


def _explained_change(rows: SlicedRows, of: Rows) -> Change:
    return measured.r_squared_change(rows, *_columns(of, OUTCOME, BEFORE, AFTER))


def _ratio(rows: SlicedRows, of: Rows) -> Figure:
    return measured.ratio_of_means(rows, *_columns(of, PREDICTION, OUTCOME))


def _ratio_change(rows: SlicedRows, of: Rows) -> Change:
    return measured.ratio_of_means_change(rows, *_columns(of, BEFORE, AFTER, OUTCOME))


def _median(rows: SlicedRows, of: Rows) -> Figure:
    return Distributions(rows, *_columns(of, PREDICTION)).quantile(0.5)


def _apart(rows: SlicedRows, of: Rows) -> Figure:
    return Distributions(rows, *_columns(of, PREDICTION)).gap_to_all()


METRICS = table(
    Metric(
        "mean_error", "Mean error", "mean of (prediction - outcome)",
        "How much the predictions are too high (positive) or too low (negative) on average.",
        MeanValue(ERROR, BOTH), ideal=0.0, says="error", amount=True, percent=False, ratio=False,
        source="A. Agarwal, M. Dudik, Z. S. Wu 2019, ICML 36 (fair regression)",
        shows="Sensitive to predictions that promise too much or too little to a slice; blind to errors that "
        "cancel out.",
    ),
    Metric(
        "mean_absolute_error", "Mean absolute error", "mean of |prediction - outcome|",
        "How far the predictions lie from the outcomes on average.",
        MeanValue(ABSOLUTE, BOTH, signed=False), better="lower", says="distance", amount=True, ideal=0.0,
        percent=False, bounds=(0, inf),
        fairlearn="mean_absolute_error", source="C. J. Willmott, K. Matsuura 2005, Clim. Res. 30:79-82",
        shows="Sensitive to the size of all errors alike; blind to their direction.",
        elsewhere=("mae", "mape", "median_absolute_error", "mean_absolute_percentage_error"),
    ),
    Metric(
        "root_mean_squared_error", "Root mean squared error", "sqrt(mean of (prediction - outcome)^2)",
        "The root of the mean squared distance of the predictions from the outcomes.",
        RootMean(SQUARED, BOTH), better="lower", amount=True, ideal=0.0, percent=False, bounds=(0, inf),
        fairlearn="root_mean_squared_error", source="T. Chai, R. R. Draxler 2014, Geosci. Model Dev. 7:1247",
        shows="Sensitive to large errors above all; blind to their direction.",
        elsewhere=("rmse", "mse", "mean_squared_error", "rmsle", "msle"),
    ),
    Metric(
        "r_squared", "R squared", "1 - sum of (prediction - outcome)^2 / sum of (outcome - mean outcome)^2",
        "Share of the outcomes' variance within the slice that the predictions explain; below 0 where the "
        "slice's mean would predict better.",
        OfRows(_explained, _explained_change, BOTH, "all outcomes are the same, in {formula}"),
        better="higher", ideal=1.0, percent=False, ratio=False, bounds=(-inf, 1), fairlearn="r2_score",
        source="N. J. D. Nagelkerke 1991, Biometrika 78:691-692",
        shows="Sensitive to how well the predictions tell the rows of a slice apart; moves with how much its "
        "outcomes vary.",
        elsewhere=("r2", "r2_score", "explained_variance"),
    ),
    Metric(
        "mean_prediction", "Mean prediction", "mean of the predictions", "Average prediction of the rows.",
        MeanValue(PREDICTION, ("prediction",)), says="prediction", amount=True, percent=False,
        fairlearn="mean_prediction",
        source="T. Calders et al. 2013, ICDM 13:71-80 (controlling attribute effect)",
        shows="Sensitive to the level of the predictions; blind to whether they are right.",
    ),
    Metric(
        "mean_outcome", "Mean outcome", "mean of the outcomes", "Average outcome of the rows.",
        MeanValue(OUTCOME, ("label",)), says="outcome", amount=True, percent=False,
        source="T. Calders et al. 2013, ICDM 13:71-80 (controlling attribute effect)",
        shows="Speaks of the outcomes, not of the model: where it differs, mean predictions differ for a "
        "perfect model too.",
    ),
    Metric(
        "prediction_to_outcome_ratio", "Ratio of mean prediction to mean outcome",
        "mean of the predictions / mean of the outcomes",
        "How many times the outcomes the predictions are on average; of positive means alone.",
        OfRows(_ratio, _ratio_change, BOTH, "the means in {formula} are not both positive"),
        ideal=1.0, percent=False,
        source="A. Agarwal, M. Dudik, Z. S. Wu 2019, ICML 36 (fair regression)",
        shows="Sensitive to predictions that promise too much or too little in proportion; blind to errors "
        "that cancel out.",
    ),
    Metric(
        "median_prediction", "Median prediction", "the value below which half of the predictions lie",
        "Prediction of the middle row.",
        OfRows(_median, None, ("prediction",)), percent=False, amount=True,
        source="R. S. Woodruff 1952, J. Am. Stat. Assoc. 47:635-646",
        shows="Sensitive to the level of most predictions; blind to a few that are far out.",
    ),
    Metric(
        "distribution_gap", "Gap of distributions",
        "largest |share of the slice's predictions up to z - share of all predictions up to z|",
        "How far the predictions of a slice are distributed from those of all rows, 0 to 1 (Kolmogorov and "
        "Smirnov); 0 is statistical parity of predicted numbers.",
        OfRows(_apart, None, ("prediction",)), better="lower", ideal=0.0, ratio=False,
        source="A. Agarwal, M. Dudik, Z. S. Wu 2019, ICML 36 (fair regression)",
        shows="Sensitive to any difference between the predictions of a slice and of all rows; blind to "
        "whether they are right.",
    ),
)  # fmt: skip

DISPARITIES = (
    DisparityRow(
        "mean_prediction_gap", "Mean prediction gap", ("mean_prediction",), forms=("difference",),
        source="T. Calders et al. 2013, ICDM 13:71-80",
        shows="Asks for equal predictions on average, whatever the outcomes.",
    ),
    DisparityRow(
        "mean_error_gap", "Mean error gap", ("mean_error",), forms=("difference",),
        source="A. Agarwal, M. Dudik, Z. S. Wu 2019, ICML 36",
        shows="Asks that predictions are too high or too low by the same in every slice.",
    ),
    DisparityRow(
        "bounded_group_loss", "Mean absolute error gap", ("mean_absolute_error",), forms=("difference",),
        source="A. Agarwal, M. Dudik, Z. S. Wu 2019, ICML 36 (bounded group loss)",
        shows="Asks for equally large errors in every slice.",
    ),
)  # fmt: skip


def outcome(name: str) -> str | None:
    """What the column of outcomes is called."""
    return "outcome" if name == OUTCOME else None


def _told_by(data: Any, model: Any) -> bool:
    """A column of predicted numbers is named."""
    return getattr(model, "prediction", None) is not None


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """A column of predicted numbers."""
    return {} if said.score is None else {PREDICTION: pa.array(said.score, pa.float64())}


REGRESSION = Task(
    name="regression",
    title="A predicted number",
    cases=NumberCases,
    pairs=NumberPairs,
    columns=columns,
    kind={OUTCOME: "number", PREDICTION: "number"}.get,  # type: ignore[arg-type]
    metrics=METRICS,
    disparities=DISPARITIES,
    default=tuple(METRICS),
    key=("mean_absolute_error", "mean_error", "mean_prediction", "mean_outcome"),
    leading=("mean_absolute_error", "mean_prediction"),
    performance=("root_mean_squared_error", "mean_absolute_error"),
    gaps=(("mean_absolute_error", "mean_error"), ("mean_prediction",)),
    standardised="mean_error",
    outcome=outcome,
    told_by=_told_by,
    decides=False,
)
