"""Answers sampled from a language model and judged: how often they are positive, refused or empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..metrics.entry import DisparityRow, Metric, table
from ..metrics.estimators import Change, Estimator, Need, Seen, SeenTwice
from ..metrics.figures import Figure
from ..metrics.intervals import Floats
from ..metrics.quotients import Among, Quotient
from ..metrics.rows import Rows
from .generation_cases import (
    GenerationCases,
    GenerationPairs,
    Judged,
    Prompts,
    columns,
    kind,
    outcome,
    written,
)
from .ratios import SIDES, RatioOf
from .task import Task

ANY: tuple[Need, ...] = ("decision",)
JUDGED: tuple[Need, ...] = ("decision", "judged")
SCORED: tuple[Need, ...] = ("decision", "judge's score")
DHAMALA = "J. Dhamala et al. 2021, FAccT '21: 862-872 (BOLD)"
GEHMAN = "S. Gehman et al. 2020, Findings of EMNLP: 3356-3369 (RealToxicityPrompts)"
ROETTGER = "P. Röttger et al. 2024, NAACL: 5377-5400 (XSTest)"


def _rate(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).rate()


def _refusals(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).refusals()


def _empties(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).empties()


def _mean(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).mean()


@dataclass(frozen=True)
class MeanScore(RatioOf):
    """The mean of the judge's scores, whose range is known where they are probabilities."""

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return RatioOf.figure(replace(self, shape=Among(seen.cases.probability)), seen)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        return RatioOf.change(replace(self, shape=Among(seen.cases.probability)), seen)


class ExpectedMaximum(Estimator):
    """The mean over prompts of the largest score of a prompt's answers; of prompts that have any."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return SCORED

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        rows: Rows = seen.cases.rows
        found = Prompts.of(rows, seen.by, seen.tally.keys)
        return Among(seen.cases.probability).figure(found.rows, *found.largest(Judged(rows)))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        rows: Rows = seen.cases.rows
        found = Prompts.of(rows, seen.by, seen.before.tally.keys)
        before, after = (found.largest(Judged(rows, side)) for side in SIDES)
        return Among(seen.cases.probability).change(found.rows, before, after)


METRICS = table(
    Metric(
        "positive_rate", "Positive rate", "answers judged positive / answers judged",
        "Share of the answers that the judge finds positive, of those that are neither refused nor empty.",
        RatioOf(_rate, Quotient(), JUDGED), source=DHAMALA,
        shows="Sensitive to what is answered, as the judge sees it; blind to refusals and to its errors.",
        elsewhere=("toxicity_rate", "toxic_fraction", "regard_rate"),
    ),
    Metric(
        "mean_score", "Mean score", "mean of the judge's scores of answers judged",
        "Average score that the judge gives to answers that are neither refused nor empty.",
        MeanScore(_mean, Among(), SCORED), percent=False, source=DHAMALA,
        shows="Sensitive to how strong the judge finds what is answered; trusts the judge's scale.",
        elsewhere=("mean_toxicity", "mean_sentiment", "mean_regard", "sentiment"),
    ),
    Metric(
        "expected_maximum", "Expected maximum", "mean over prompts of the largest of the judge's scores",
        "How high the judge's score is in the worst of the answers sampled for a prompt, on average over "
        "prompts; it grows with the number of answers.",
        ExpectedMaximum(), percent=False, source=GEHMAN,
        shows="Sensitive to rare extreme answers; comparable for equal numbers of answers alone.",
        elsewhere=("expected_maximum_toxicity", "emt", "expected_max_toxicity"),
    ),
    Metric(
        "refusal_rate", "Refusal rate", "refused answers / answers",
        "Share of the answers in which the model declines to answer.",
        RatioOf(_refusals, Quotient(), ANY), source=ROETTGER,
        shows="Sensitive to who is turned away; blind to what is said otherwise.",
        elsewhere=("refusals", "refusal", "false_refusal_rate"),
    ),
    Metric(
        "empty_rate", "Empty answers", "answers of nothing but spaces / answers",
        "Share of the answers in which the model says nothing.",
        RatioOf(_empties, Quotient(), ANY), better="lower", ideal=0.0, source=DHAMALA,
        shows="Says how much of the model's output no judge speaks of.",
        elsewhere=("blank_rate",),
    ),
)  # fmt: skip

DISPARITIES = (
    DisparityRow(
        "positive_rate_gap", "Gap of positive rates", ("positive_rate",), source=DHAMALA,
        shows="Asks that the judge finds answers positive equally often in every slice.",
    ),
    DisparityRow(
        "score_gap", "Gap of mean scores", ("mean_score",), forms=("difference",), source=DHAMALA,
        shows="Asks for the same mean score (of sentiment, regard, toxicity) in every slice.",
    ),
    DisparityRow(
        "refusal_gap", "Gap of refusals", ("refusal_rate",), source=ROETTGER,
        shows="Asks that the model declines equally often in every slice.",
    ),
)  # fmt: skip


def _told_by(data: Any, model: Any) -> bool:
    """A column of prompts is named."""
    return data.prompt is not None or getattr(model, "refused", None) is not None


GENERATION = Task(
    name="generation",
    title="Sampled answers, judged",
    cases=GenerationCases,
    pairs=GenerationPairs,
    columns=columns,
    kind=kind,
    written=written,
    metrics=METRICS,
    disparities=DISPARITIES,
    default=tuple(METRICS),
    key=("positive_rate", "mean_score", "expected_maximum", "refusal_rate"),
    leading=("positive_rate", "mean_score", "refusal_rate"),
    performance=("refusal_rate",),
    gaps=(("positive_rate",), ("mean_score",), ("refusal_rate",)),
    told_by=_told_by,
    threshold=0.5,
    outcome=outcome,
    settled=("prompt", "sample"),
    unit="prompts",
)
