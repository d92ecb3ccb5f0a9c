"""Where the labels lie as far apart as the decisions, or further: they may explain a gap in selections."""

from __future__ import annotations

from ...audit.result import AuditResult, Slice, Variant
from .formats import Kind, figure
from .language import Sentence, say
from .lookup import figure_of
from .per_hundred import hundredths


def labels_apart(
    metric: str, part: Slice, reference: Slice | None, variant: Variant | None, result: AuditResult, *,
    ratio: bool = False,
) -> list[Sentence]:  # fmt: skip
    """Say how far the labels of two slices lie apart, where that is as far as their selections do.

    Parameters
    ----------
    metric
        The figure that the slices were compared in; nothing is said unless it is a rate of selections.
    ratio
        They were compared by a ratio, and so the labels are.
    """
    definition = result.definitions.get(metric)
    if definition is None or (definition.among, definition.says) != ("rows", "selected"):
        return []
    base = next(
        (d.name for d in result.definitions.values() if (d.among, d.says) == ("rows", "positive")), None
    )
    if base is None:
        return []
    rates = [figure_of(variant, one, name) for name in (metric, base) for one in (part, reference)]
    known = [rate for rate in rates if rate is not None]
    if len(known) < 4:
        return []
    decided, labelled = (known[0], known[1]), (known[2], known[3])
    if (decided[0] - decided[1]) * (labelled[0] - labelled[1]) <= 0:
        return []
    kind: Kind = "ratio" if ratio else "gap"
    here, there = _distance(decided, ratio=ratio), _distance(labelled, ratio=ratio)
    texts = figure(here, kind), figure(there, kind)
    one, other = hundredths(list(labelled))
    if str(texts[0]) == str(texts[1]):
        return [
            say("The labels lie as far apart: {one} of 100 and {other} are positive.", one=one, other=other)
        ]
    if (there > here) if ratio else (there < here):
        return []
    return [say("The labels lie further apart: {one} of 100 and {other} are positive.", one=one, other=other)]


def _distance(rates: tuple[float, float], *, ratio: bool) -> float:
    return min(rates) / max(rates) if ratio else abs(rates[0] - rates[1])
