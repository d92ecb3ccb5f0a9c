"""Items ranked for queries: how good the order is, and who is seen."""

from __future__ import annotations

from ...audit.result import AuditResult
from ..blocks import Block, Picture
from ..words import order
from ..words.formats import count
from ..words.language import Given, Sentence, later, say, tr
from .base import Part, Telling, difference_words


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


def of_feature(part: Part) -> list[Block]:
    """Draw what the items of each slice have of the exposure among the first ranks."""
    if not part.charts or len(part.by) != 1:
        return []
    from ..drawing.exposure_chart import exposure_chart
    from ..drawing.score_charts import MOST_SLICES

    rows = [row for row in order.slices_by(part.variant, part.by) if row.exposure is not None]
    drawing = exposure_chart(rows, f"{part.key}-exposure")
    if drawing is None:
        return []
    caption = tr(
        "Share of the exposure of all items down to each rank (ranks to the right). Dashed: the slice’s "
        "share of the relevance; grey: its share of the items. Each panel has its own axis. The curves have "
        "no limits; the exposure share has."
    )
    if len(rows) > MOST_SLICES:
        caption += " " + "".join(say("{n} smaller slices are not drawn.", n=count(len(rows) - MOST_SLICES)))
    return [Picture(drawing, caption)]


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
    of_feature=of_feature,
    flip="",
    outcome=later("Relevance"),
)
