"""Answers sampled from a language model and judged: how often they are positive, refused or empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..metrics.agreement import KAPPA
from ..metrics.entry import DisparityRow, Metric, table
from ..metrics.estimators import EMPTY, Change, Estimator, Need, Seen, SeenTwice, without_limits
from ..metrics.figures import Figure
from ..metrics.intervals import Floats
from ..metrics.prevalence import corrected, corrected_change
from ..metrics.quotients import Among, Quotient
from ..metrics.rows import Rows
from ..metrics.smooth import smooth_figure
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
from .judges import Audited
from .ratios import SIDES, RatioOf
from .task import Task

ANY: tuple[Need, ...] = ("decision",)
JUDGED: tuple[Need, ...] = ("decision", "judge's decision")
AUDITED: tuple[Need, ...] = ("decision", "judge's decision", "judge audited on labelled answers")
TWICE: tuple[Need, ...] = ("decision", "judge's decision", "second judge")
SCORED: tuple[Need, ...] = ("decision", "judge's score")
DHAMALA = "J. Dhamala et al. 2021, FAccT '21: 862-872 (BOLD)"
GEHMAN = "S. Gehman et al. 2020, Findings of EMNLP: 3356-3369 (RealToxicityPrompts)"
COHEN = "J. Cohen 1960, Educ. Psychol. Meas. 20:37-46"
ROETTGER = "P. Röttger et al. 2024, NAACL: 5377-5400 (XSTest)"


def _rate(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).rate()


def _refusals(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).refusals()


def _empties(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).empties()


def _unjudged(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).unjudged()


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


class Corrected(Estimator):
    """The share of answers that are truly positive, from that which an audited judge finds."""

    rate = RatioOf(_rate, Quotient(), JUDGED)

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return AUDITED

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        if not rows:
            return EMPTY
        return (
            "the judge tells no positive answers from others on labelled ones like these, or errs otherwise "
            "on these: {formula} has no value from 0 to 1"
        )

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        errors = _audited(seen).errors(seen.by, seen.tally.keys)
        return corrected(self.rate.figure(seen), errors)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        change, p = self.rate.change(seen)
        before, after = self.figure(seen.before), self.figure(seen.after)
        errors = _audited(seen.before).errors(seen.by, seen.before.tally.keys)
        return corrected_change(change, before, after, errors), p


def _audited(seen: Seen) -> Audited:
    """How the first judge decided labelled answers."""
    judges: list[Audited] = seen.cases.judges
    return judges[0]


def _disagreement(rows: Rows, side: str) -> list[Floats]:
    return Judged(rows, side).disagreement()


class JudgesKappa(Estimator):
    """Cohen's kappa of two judges, of the answers that are judged."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return TWICE

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return "all answers are judged alike, of which {formula} tells nothing" if rows else EMPTY

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        rows: Rows = seen.cases.rows
        judged = Judged(rows)
        among = judged.judged
        positive = judged.positive[among], judged.second[among]
        values = [judged.agree[among], *(part for one in positive for part in (one, ~one))]
        found = rows.sliced(seen.by, seen.tally.keys, among)
        return smooth_figure(KAPPA, found, [value.astype(float) for value in values], np.ones(5))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice; it has no limits and no p."""
        return without_limits(self, seen)


METRICS = table(
    Metric(
        "positive_rate", "Positive rate", "answers judged positive / answers judged",
        "Share of the answers that the judge finds positive, of those that are neither refused nor empty.",
        RatioOf(_rate, Quotient(), JUDGED), source=DHAMALA, says="judged positive",
        shows="Sensitive to what is answered, as the judge sees it; blind to refusals and to its errors.",
        elsewhere=("toxicity_rate", "toxic_fraction", "regard_rate"),
    ),
    Metric(
        "corrected_positive_rate", "Corrected positive rate",
        "(rate judged positive - false positive rate) / (sensitivity - false positive rate)",
        "Share of the answers that are truly positive, as far as the judge's errors on labelled ones tell: "
        "the rate judged positive less its false positives, for what it misses; from 0 to 1.",
        Corrected(), says="truly positive",
        source="W. J. Rogan, B. Gladen 1978, Am. J. Epidemiol. 107:71-76",
        shows="Sensitive to what is answered, and to how well the judge was audited; trusts that it errs on "
        "these answers as on the labelled ones.",
        elsewhere=("rogan_gladen", "adjusted_positive_rate", "true_prevalence"),
    ),
    Metric(
        "mean_score", "Mean score", "mean of the judge's scores of answers judged",
        "Average score that the judge gives to answers that are neither refused nor empty.",
        MeanScore(_mean, Among(), SCORED), percent=False, source=DHAMALA, says="judge's score",
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
        RatioOf(_refusals, Quotient(), ANY), source=ROETTGER, says="refused",
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
    Metric(
        "unjudged_rate", "Answers without verdict",
        "answers that the judge gives no verdict on / answers that are neither refused nor empty",
        "Share of the answers of which the judge, a language model, says neither of its two words.",
        RatioOf(_unjudged, Quotient(), JUDGED), better="lower", ideal=0.0, source=COHEN,
        shows="Says how much of what is answered the positive rate does not speak of.",
        elsewhere=("unparsed_verdicts",),
    ),
    Metric(
        "judge_disagreement", "Disagreement of the judges",
        "answers that two judges decide otherwise / answers judged",
        "Share of the judged answers that the second judge decides otherwise than the first.",
        RatioOf(_disagreement, Quotient(), TWICE), better="lower", ideal=0.0, source=COHEN,
        shows="Sensitive to answers that are hard to judge, and to judges that err; blind to which one does.",
        elsewhere=("disagreement_rate", "inter_judge_disagreement"),
    ),
    Metric(
        "judge_kappa", "Kappa of the judges", "(agreement - agreement by chance) / (1 - agreement by chance)",
        "Agreement of the two judges beyond what their rates alone would give: 1 is always, 0 as by chance.",
        JudgesKappa(), better="higher", ideal=1.0, percent=False, ratio=False, bounds=(-1, 1), source=COHEN,
        shows="Sensitive to agreement beyond chance; low where nearly all answers are alike.",
        elsewhere=("inter_judge_agreement", "kappa"),
    ),
)  # fmt: skip

DISPARITIES = (
    DisparityRow(
        "corrected_positive_rate_gap", "Gap of corrected positive rates", ("corrected_positive_rate",),
        source=DHAMALA,
        shows="Asks for the same share of truly positive answers in every slice, as the judge's errors tell.",
    ),
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
    # Of a classifier every answer has a verdict.
    default=tuple(name for name in METRICS if name != "unjudged_rate"),
    key=("corrected_positive_rate", "positive_rate", "mean_score", "expected_maximum", "refusal_rate"),
    leading=("corrected_positive_rate", "positive_rate", "mean_score", "refusal_rate"),
    performance=("refusal_rate",),
    gaps=(("corrected_positive_rate",), ("positive_rate",), ("mean_score",), ("refusal_rate",)),
    told_by=_told_by,
    threshold=0.5,
    outcome=outcome,
    settled=("prompt", "sample"),
    unit="prompts",
)
