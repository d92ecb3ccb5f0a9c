"""What a row of the metric table says: the one place where anything is known of a metric."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .estimators import Estimator, Need, Seen
from .figures import Figure

FAWCETT = "T. Fawcett 2006, Pattern Recognit. Lett. 27:861-874"

Among = Literal["rows", "positives", "negatives", "selected", "not selected"]
"""Whom a rate counts among."""
Says = Literal[
    "selected", "not selected", "right", "wrong", "positive", "negative",
    "error", "distance", "prediction", "outcome",
    "judged positive", "truly positive", "refused", "judge's score",
    "stereotyped where untold", "stereotyped where told", "stereotype preferred", "stereotype over the other",
]  # fmt: skip
"""What it says of them. Means of predicted numbers (error to outcome) are not told per hundred; what is said
of answers and of pairs is told in words of their own."""


@dataclass(frozen=True)
class Metric:
    """One row of the metric table.

    Attributes
    ----------
    name, title, formula, meaning : str
        Identifier, heading, formula in words and one sentence for a reader.
    estimator : Estimator
        How it is measured, what it needs and why it may be undefined.
    mirror : str or None
        The metric that is 1 less this one, where that is the one told of the two.
    better : {"higher", "lower"} or None
    ideal : float or None
    percent : bool
        Whether it is shown as a percentage.
    bounds : tuple of two floats, or None
        The lowest and the highest value that it can have; None: 0 and 1 where it is a percentage.
    amount : bool
        Whether it is in the units of the outcome, which may be thousands.
    ratio : bool
        Whether a ratio of two slices means something (false where it may be negative).
    impact : bool
        Whether its ratio to the most favoured slice is the impact ratio.
    among, says : str or None
        How it is told: of 100 of these rows, so many are that. Without ``among`` what its mean is of; None
        where it is told as a figure.
    shows : str
        What it is sensitive to and what it is blind to: why one would choose it.
    fairlearn, aif360, aequitas : str or None
        Its names there.
    elsewhere : tuple of str
        What people write who mean it: other names that it has, or figures to which it is the nearest here.
    depth : str
        The key of a configuration that says what others write into its name (``NDCG@10``).
    """

    name: str
    title: str
    formula: str
    meaning: str
    estimator: Estimator
    mirror: str | None = None
    better: Literal["higher", "lower"] | None = None
    ideal: float | None = None
    percent: bool = True
    amount: bool = False
    ratio: bool = True
    impact: bool = False
    among: Among | None = None
    says: Says | None = None
    fairlearn: str | None = None
    aif360: str | None = None
    aequitas: str | None = None
    bounds: tuple[float, float] | None = None
    source: str = FAWCETT
    shows: str = ""
    elsewhere: tuple[str, ...] = ()
    depth: str = ""

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.estimator.needs

    @property
    def reach(self) -> tuple[float, float]:
        """The lowest and the highest value that it can have."""
        return self.bounds or ((0.0, 1.0) if self.percent else (-math.inf, math.inf))

    @property
    def of_labels(self) -> bool:
        """Whether it speaks of the labels alone, so that no model changes it."""
        return self.needs == ("label",)


@dataclass(frozen=True)
class DisparityRow:
    """A named disparity: the extremes of one or more metrics over all slices of a feature.

    The difference is highest - lowest and the ratio lowest / highest; over several metrics the worst.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    forms: tuple[Literal["difference", "ratio"], ...] = ("difference", "ratio")
    fairlearn: bool = False
    source: str = ""
    shows: str = ""


@dataclass(frozen=True)
class Index:
    """A single number over all slices of a feature.

    Attributes
    ----------
    name, title, formula, meaning, source, shows : str
        As of a metric.
    needs : tuple
        What the rows must carry.
    of : callable (Seen) -> Figure or None
        The number, as a figure of one slice; None where it says nothing of these features.
    ideal : float or None
    """

    name: str
    title: str
    formula: str
    meaning: str
    needs: tuple[Need, ...]
    of: Callable[[Seen], Figure | None]
    source: str
    shows: str
    ideal: float | None = 0.0


def table(*rows: Metric) -> dict[str, Metric]:
    """Index metrics by name."""
    return {row.name: row for row in rows}
