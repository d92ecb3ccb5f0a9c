"""What gates and figures of a history are called on its page: a database holds names, not definitions."""

from __future__ import annotations

from typing import cast

from ..audit.result import RunVerdict
from ..metrics.table import DISPARITIES, METRICS
from ..reports.words.compared import limit_compared
from ..reports.words.formats import NBSP, Kind, read_limit
from ..reports.words.language import Sentence, say
from ..reports.words.per_hundred import in_sentence
from ..reports.words.spoken import features_name, title_of, verdict_word
from ..reports.words.translated import titled
from .history import Recorded


def figure_called(found: Recorded) -> Sentence:
    """Name a figure by its metric and features, such as ``Selection rate by sex``."""
    name = found.metric if found.part == "gate" else found.name
    called = titled(METRICS[name].title if name in METRICS else str(title_of(name, {})))
    title: Sentence = (called,)
    if found.part == "gate" and found.compare == "change":
        metric = in_sentence(called)
        title = (
            say("The growth of the gap in {metric}", metric=metric)
            if found.by
            else say("The change of {metric}", metric=metric)
        )
    if not found.by:
        return title
    return say("{title} by {features}", title=title, features=features_name(found.by))


def limit_called(found: Recorded) -> Sentence:
    """Write what a gate allows, such as ``ratio ≥ 0.8``."""
    limit = read_limit(found.limit)
    if limit is None:
        return (found.limit,)
    return limit_compared(found.compare, (f"{limit.operator}{NBSP}{limit.words(kind_of(found))}",))


def kind_of(found: Recorded) -> Kind:
    """How a figure is shown on a page: rates as percentages, their differences as points, as in a report.

    What is no rate, and a metric that is not known here, is a plain number.
    """
    base, _, form = found.metric.rpartition("_")
    named = next((row.metrics for row in DISPARITIES if row.name == base), None)
    figures = (found.metric,) if found.metric in METRICS else named or ()
    rates = bool(figures) and all(name in METRICS and METRICS[name].percent for name in figures)
    if found.part == "cost" or not rates:
        return "number"
    form = form if named else found.name.rpartition("_")[2] if found.part == "disparity" else found.compare
    if form in ("difference", "change"):
        return "points"
    return "percent" if form in ("", "value") else "number"


def word_of(verdict: str) -> str:
    """Write the word of a verdict that a database holds."""
    return verdict_word(cast(RunVerdict, verdict))
