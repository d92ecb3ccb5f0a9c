"""The chart of predicted numbers: the mean prediction of each slice beside its mean outcome."""

from __future__ import annotations

from ...audit.result import AuditResult, SliceResult
from ..words.formats import count, figure, interval
from ..words.language import Sentence, say, sentences, series, tr
from ..words.spoken import metric_kind, plain, slice_name
from .change_charts import DUMBBELL_HEIGHT, dumbbell_template
from .panels import RowChart, filled, row_labels
from .svg import inline_svg

WIDTH = 420


def mean_chart(
    rows: list[SliceResult], outcome: str, prediction: str, result: AuditResult, key: str
) -> RowChart | None:
    """Draw the mean outcome (hollow, above) and the mean prediction (filled, below) of each slice.

    None where no slice has both.
    """
    pairs = [(row, row.metrics.get(outcome), row.metrics.get(prediction)) for row in rows]
    if not any(
        one and other and one.value is not None and other.value is not None for _, one, other in pairs
    ):
        return None
    values = [
        {
            "panel": 0,
            "row": position,
            "before": one.value if one else None,
            "before_low": one.low if one else None,
            "before_high": one.high if one else None,
            "after": other.value if other else None,
            "after_low": other.low if other else None,
            "after_high": other.high if other else None,
            "small": row.status != "ok",
            "title": tr("Mean outcome and mean prediction") if position == 0 else "",
            "subtitle": tr("hollow: outcome, filled: prediction") if position == 0 else "",
        }
        for position, (row, one, other) in enumerate(pairs)
    ]
    kind = metric_kind(prediction, result.definitions)
    spec = filled(dumbbell_template(kind, WIDTH), values, len(rows), DUMBBELL_HEIGHT)
    told = [_told(row, outcome, prediction, result) for row in rows]
    title = tr("Mean outcome and mean prediction by slice")
    drawing = inline_svg(spec, key, title, plain(sentences([say("{clauses}.", clauses=series(told))])))
    names = [(slice_name(row.slice, short=True), count(row.n)) for row in rows]
    return RowChart(drawing, row_labels(drawing, names, DUMBBELL_HEIGHT), DUMBBELL_HEIGHT)


def _told(row: SliceResult, outcome: str, prediction: str, result: AuditResult) -> Sentence:
    parts = {}
    for name, metric in (("outcome", outcome), ("prediction", prediction)):
        found, kind = row.metrics.get(metric), metric_kind(metric, result.definitions)
        if found is None or found.value is None:
            return say("{slice} undefined", slice=slice_name(row.slice, short=True))
        limits = interval(found.low, found.high, kind)
        parts[name] = tr("{value} ({limits})", value=figure(found.value, kind), limits=limits)
    return say(
        "{slice}: outcome {outcome}, prediction {prediction}",
        slice=slice_name(row.slice, short=True),
        **parts,
    )
