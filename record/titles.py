"""What gates and figures of a history are called on its page: a database holds names, not definitions."""

from __future__ import annotations

from typing import cast

from ..audit.result import RunVerdict
from ..metrics.table import METRICS
from ..reports.words.compared import limit_compared
from ..reports.words.formats import NBSP, read_limit
from ..reports.words.language import Sentence, say
from ..reports.words.spoken import features_name, title_of, verdict_word
from ..reports.words.translated import titled
from .history import Recorded


def figure_called(found: Recorded) -> Sentence:
    """Name a figure by its metric and features, such as ``Selection rate by sex``."""
    name = found.metric if found.part == "gate" else found.name
    title = titled(METRICS[name].title if name in METRICS else str(title_of(name, {})))
    if not found.by:
        return (title,)
    return say("{title} by {features}", title=title, features=features_name(found.by))


def limit_called(found: Recorded) -> Sentence:
    """Write what a gate allows, such as ``ratio ≥ 0.8``."""
    limit = read_limit(found.limit)
    if limit is None:
        return (found.limit,)
    return limit_compared(found.compare, (f"{limit.operator}{NBSP}{limit.words('number')}",))


def word_of(verdict: str) -> str:
    """Write the word of a verdict that a database holds."""
    return verdict_word(cast(RunVerdict, verdict))
