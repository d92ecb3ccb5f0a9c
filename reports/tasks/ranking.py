"""Items ranked for queries: how good the order is, and who is seen."""

from __future__ import annotations

from ...audit.result import AuditResult
from ..language import Given, Sentence, later, say
from .base import Telling, difference_words


def reading(result: AuditResult) -> list[Sentence]:
    """Say what is ranked and how the figures are to be read."""
    data = result.configuration.get("data", {})
    named = [data.get(key) for key in ("item", "query", "relevance")]
    told = []
    if all(isinstance(name, str) for name in named):
        item, query, relevance = (Given(str(name)) for name in named)
        told.append(
            say(
                "A row is an item ({item}) in the order for a query ({query}); its relevance is {relevance}.",
                item=item, query=query, relevance=relevance,
            )
        )  # fmt: skip
    else:
        told.append(say("A row is an item in the order for a query."))
    return [*told, say("Exposure is 1 / log2(1 + rank): 1 for the first place."), difference_words()]


def gaps(result: AuditResult) -> list[str]:
    """The metrics whose differences are told."""
    return result.priorities.leading


RANKING = Telling(
    reading=reading,
    nothing=later(
        "No difference in the leading figures is shown by limits that hold for all slices of a feature "
        "together, or a gate limits it. That is not proof that there is none."
    ),
    gaps=gaps,
    flip="",
    outcome=later("Relevance"),
)
