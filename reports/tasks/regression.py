"""A predicted number: how far predictions lie from outcomes, and on which side."""

from __future__ import annotations

from ...audit.result import (
    USABLE,
    AuditResult,
    Change,
    Comparison,
    Definition,
    Estimate,
    ScoreDetail,
    Slice,
    Variant,
)
from ..blocks import Block, Figures, Fold, Heading, Picture, Rows
from ..slices.score_tables import distribution_table, quantile_table
from ..slices.tables import Cell, Notes, Row, Table
from ..words import order
from ..words.formats import Kind, count, figure, interval, usual_decimals
from ..words.language import Given, Sentence, later, say, tr
from ..words.lookup import estimate_of
from ..words.per_hundred import in_sentence
from ..words.spoken import compared_kind, features_name, metric_kind, slice_name, title_of
from .base import Part, Scores, Telling, difference_words

ERROR, DISTANCE, OUTCOME, PREDICTION = "error", "distance", "outcome", "prediction"
"""What a definition says of predictions: their signed error, its size, and the two means."""


def reading(result: AuditResult) -> list[Sentence]:
    """Say what is predicted and how errors are to be read."""
    label = result.data.label
    outcome = say("Outcome: {label}.", label=Given(label)) if label else say("The data have no outcome.")
    return [
        outcome,
        say("An error is prediction − outcome: above 0 the prediction is too high, below 0 too low."),
        difference_words(),
    ]


def lead(told: Definition, model: str, part: Slice, reference: Slice | None, variant: Variant) -> Sentence:
    """Tell a mean of errors or predictions in a sentence."""
    here = estimate_of(variant, part, told.name)
    there = estimate_of(variant, reference, told.name) if reference is not None else None
    if here is None or here.value is None or told.says not in _SAYS:
        return ()
    one, two = _SAYS[told.says]
    parts = {"slice": slice_name(part), "here": _said(here, told), "model": (model,)}
    if there is None or there.value is None:
        return say(one, **parts)
    return say(two, reference=slice_name(reference or {}), there=_said(there, told), **parts)


_SAYS = {
    ERROR: (
        later("For {slice} the predictions of {model} are on average {here}."),
        later("For {slice} the predictions of {model} are on average {here}; for {reference} {there}."),
    ),
    DISTANCE: (
        later("For {slice} the predictions of {model} are off by {here} on average."),
        later(
            "For {slice} the predictions of {model} are off by {here} on average; for {reference} by {there}."
        ),
    ),
    PREDICTION: (
        later("For {slice} {model} predicts {here} on average."),
        later("For {slice} {model} predicts {here} on average; for {reference} {there}."),
    ),
    OUTCOME: (
        later("The outcomes of {slice} are {here} on average."),
        later("The outcomes of {slice} are {here} on average; those of {reference} {there}."),
    ),
}


def _said(estimate: Estimate, told: Definition) -> Sentence:
    """A figure with its interval; an error by its size and side."""
    kind = metric_kind(told.name, {told.name: told})
    signed = compared_kind("difference", told.name, {told.name: told})
    value, low, high = estimate.value, estimate.low, estimate.high
    if told.says != ERROR or value is None:
        return _written(later("{value} ({limits})"), value, low, high, kind)
    if low is not None and high is not None and low <= 0 <= high:
        return _written(later("off by {value} ({limits})"), value, low, high, signed)
    if value >= 0:
        return _written(later("{value} too high ({limits})"), value, low, high, kind)
    low, high = None if high is None else -high, None if low is None else -low
    return _written(later("{value} too low ({limits})"), -value, low, high, kind)


def _written(
    message: str, value: float | None, low: float | None, high: float | None, kind: Kind
) -> Sentence:
    """Write a figure and its interval with as many decimals."""
    places = usual_decimals(kind, value, low, high)
    limits = interval(low, high, kind, decimals=places)
    return say(message, value=figure(value, kind, decimals=places), limits=limits)


def gaps(result: AuditResult) -> list[str]:
    """The metrics whose differences are told: the signed error and its size."""
    return [name for says in (ERROR, DISTANCE) if (name := _saying(says, result)) is not None]


def _saying(says: str, result: AuditResult) -> str | None:
    """The metric that says so of predictions."""
    return next((name for name, one in result.definitions.items() if one.says == says), None)


def paid(item: Comparison, result: AuditResult) -> Sentence:
    """Say in which slice predictions become worse, the one with the smallest p."""
    metric = next((m for m in result.priorities.leading if any(c.metric == m for c in item.changes)), None)
    if metric is None:
        return ()
    title = in_sentence(title_of(metric, result.definitions))
    worse = [c for c in item.changes if c.metric == metric and len(c.slice) == 1 and _is_worse(c, result)]
    if not worse:
        return say("No slice of a feature is shown to have a worse {metric} after the change.", metric=title)
    worst = min(worse, key=lambda c: (c.p_adjusted or 0.0, -abs(c.value or 0.0)))
    kind = compared_kind("change", metric, result.definitions)
    return say(
        "Who pays: for {slice} the {metric} changes by {value} ({limits}).",
        slice=slice_name(worst.slice), metric=title, value=figure(worst.value, kind),
        limits=interval(worst.low, worst.high, kind),
    )  # fmt: skip


def _is_worse(change: Change, result: AuditResult) -> bool:
    definition = result.definitions.get(change.metric)
    if (
        change.status not in USABLE
        or change.value is None
        or change.p_adjusted is None
        or change.p_adjusted >= 0.05
    ):
        return False
    sign = {"higher": -1, "lower": 1}.get((definition.better if definition is not None else None) or "", 0)
    return sign * change.value > 0


def charted(names: list[str], result: AuditResult) -> list[str]:
    """The two means have a chart of their own."""
    apart = {_saying(OUTCOME, result), _saying(PREDICTION, result)}
    return [name for name in names if name not in apart] if None not in apart else names


def of_feature(part: Part) -> list[Block]:
    """Draw the mean prediction of each slice beside its mean outcome."""
    outcome, prediction = _saying(OUTCOME, part.result), _saying(PREDICTION, part.result)
    if not part.charts or outcome is None or prediction is None:
        return []
    from ..drawing.mean_chart import mean_chart

    rows = order.slices_by(part.variant, part.by)[: order.CHART_ROWS]
    chart = mean_chart(rows, outcome, prediction, part.result, f"{part.key}-means")
    if chart is None:
        return []
    caption = tr(
        "Hollow, above: mean outcome. Filled, below: mean prediction. Each with its interval; whether the "
        "two differ is told by the mean error, since they are of the same rows."
    )
    return [Rows(chart, caption)]


def scores(part: Part) -> Scores | None:
    """Lay out how the errors of each slice are spread."""
    details = part.variant.scores
    sets = list(dict.fromkeys(tuple(d.slice) for d in details if d.slice))
    everyone = [d for d in details if not d.slice]
    blocks: list[Block] = []
    for number, by in enumerate(sets, start=1):
        mine = sorted((d for d in details if tuple(d.slice) == by), key=lambda d: -d.n)
        blocks.append(Heading(features_name(by)))
        if part.charts:
            from ..drawing.score_charts import error_chart

            chart = error_chart(mine, f"errors-{number}")
            if chart is not None:
                left = say("{n} smaller slices are not drawn.", n=count(chart.left_out))
                caption = [chart.caption, *(["".join(left)] if chart.left_out else [])]
                blocks.append(Picture(chart.drawing, " ".join(caption)))
        blocks += _quantiles(mine, everyone, part, number)
        blocks.append(_error_table([*mine, *everyone]))
        blocks.append(Fold(tr("Table of the errors’ distribution"), [distribution_table(mine)]))
    if not blocks:
        return None
    return Scores(tr("Errors"), tr("How far the predictions lie from the outcomes, row by row."), blocks)


def _quantiles(mine: list[ScoreDetail], everyone: list[ScoreDetail], part: Part, number: int) -> list[Block]:
    """Draw the quantiles of the errors and lay them out; nothing where a result does not have them."""
    shown = [*order.by_edges([d for d in mine if d.quantiles][: order.CHART_ROWS]), *everyone]
    shown = [detail for detail in shown if detail.quantiles]
    if not shown:
        return []
    blocks: list[Block] = []
    if part.charts:
        from ..drawing.quantile_chart import quantile_caption, quantile_chart

        chart = quantile_chart(shown, f"quantiles-{number}")
        blocks += [] if chart is None else [Rows(chart, quantile_caption(shown[0].quantiles))]
    return [*blocks, Fold(tr("Table of the errors’ quantiles"), [quantile_table(shown)])]


def _error_table(details: list[ScoreDetail]) -> Block:
    notes = Notes()
    rows = []
    for detail in details:
        smd = Cell("")
        if detail.smd is not None and detail.smd.value is not None:
            limits = interval(detail.smd.low, detail.smd.high, "signed")
            smd = Cell(figure(detail.smd.value, "signed"), "" if limits == "—" else limits)
        elif detail.smd is not None:
            smd = Cell("—", note=notes.letter(detail.smd.why))
        cells = [
            Cell(count(detail.n)),
            Cell(figure(detail.mean, "moved")),
            Cell(figure(detail.sd, "amount")),
            smd,
        ]
        rows.append(Row(slice_name(detail.slice, short=True), cells, emphasis=not detail.slice))
    heads = [
        ("n", tr("rows")),
        (tr("Mean"), tr("of the error")),
        (tr("SD"), tr("standard deviation")),
        (tr("SMD"), tr("standardised difference of means to the reference")),
    ]
    caption = tr("Mean and spread of the error, and standardised mean difference (SMD) to the reference.")
    return Figures(Table(heads, rows, notes), caption, tr("Slice"))


REGRESSION = Telling(
    reading=reading,
    nothing=later(
        "No difference in mean errors of the slices of a feature is shown by limits that hold for all of "
        "them together, or a gate limits it. That is not proof that there is none."
    ),
    lead=lead,
    gaps=gaps,
    paid=paid,
    charted=charted,
    of_feature=of_feature,
    scores=scores,
    flip="",
    outcome=later("Outcome"),
)
