"""One of several classes: figures of all classes together, and of each against the others."""

from __future__ import annotations

from ...audit.result import AuditResult, Comparison, ScoreDetail, SliceResult
from ..blocks import Block, Figures, Fold, Heading, Note, Picture
from ..slices import class_tables
from ..slices.confusion_tables import MOST_CLASSES, changed, confused, confusion_caption, crossed
from ..slices.tables import Cell, Row, Table
from ..words import order
from ..words.formats import count, figure
from ..words.language import Given, Sentence, later, listed, say, sentences, tr
from ..words.per_hundred import Hundred, Said
from ..words.spoken import features_name, slice_name, view_name
from ..words.turned import turned_words
from .base import Part, Scores, Telling, difference_words

MOST_CHANGES = 20
MOST_GRIDS = 2
"""Figures of a class that are shown at once; the others are folded."""
MOST_NAMED = 10
MOST_SLICES = 7
"""Slices whose matrices are shown."""

OF_CLASS = Hundred(
    among={
        "rows": later("{people}"),
        "positives": later("{people} with the label {view}"),
        "negatives": later("{people} with another label than {view}"),
        "selected": later("{people} that {model} gives the class {view}"),
        "not selected": later("{people} that {model} gives another class than {view}"),
    },
    says={
        "selected": Said(
            later("Of {n} {rows} {model} gives {here} the class {view}."),
            later("Of {n} {rows} {model} gives {here} the class {view}; of {m} {others}, {there}."),
        ),
        "not selected": Said(
            later("Of {n} {rows} {model} gives {here} another class than {view}."),
            later("Of {n} {rows} {model} gives {here} another class than {view}; of {m} {others}, {there}."),
        ),
        "positive": Said(
            later("Of {n} {rows}, {here} carry the label {view}."),
            later("Of {n} {rows}, {here} carry the label {view}; of {m} {others}, {there}."),
        ),
        "negative": Said(
            later("Of {n} {rows}, {here} carry another label than {view}."),
            later("Of {n} {rows}, {here} carry another label than {view}; of {m} {others}, {there}."),
        ),
    },
)
"""How the rates of a class are told."""


def reading(result: AuditResult) -> list[Sentence]:
    """Say what the classes are and how their figures are to be read."""
    label, names = result.data.label, class_names(result)
    n = count(len(result.classes))
    if label:
        classes = say("{n} classes of {label}: {classes}.", n=n, label=Given(label), classes=names)
    else:
        classes = say("{n} classes: {classes}. The data have no label.", n=n, classes=names)
    return [
        classes,
        *_favourable(result),
        say(
            "A figure of a class asks whether a row is that class or another: its selection rate is how "
            "often the model decides for it, its true positive rate how many rows with its label it finds."
        ),
        difference_words(),
    ]


def class_names(result: AuditResult) -> Sentence:
    """List the classes, the first ones of many."""
    names: list[str | Sentence] = [Given(name) for name in result.classes[:MOST_NAMED]]
    more = len(result.classes) - len(names)
    return listed([*names, *([say("{n} more", n=count(more))] if more else [])])


def _favourable(result: AuditResult) -> list[Sentence]:
    named = result.configuration.get("data", {}).get("favourable")
    values = [named] if isinstance(named, str) else named or []
    return [say("Favourable: {classes}.", classes=listed(Given(str(v)) for v in values))] if values else []


def moved(item: Comparison, result: AuditResult) -> Sentence:
    """Say how many decisions change, how many of them become wrong or right, and what is gained."""
    whole = item.overall
    if whole is None or not whole.n:
        return ()
    told = [turned_words(whole)]
    if whole.gained is not None:
        told.append(
            say(
                "A favourable class is lost by {lost} rows and gained by {gained}.",
                lost=count(whole.lost), gained=count(whole.gained),
            )
        )  # fmt: skip
    return sentences(told)


def of_all(part: Part) -> list[Block]:
    """Lay out the classes over all rows: their figures, and what is confused."""
    result, variant = part.result, part.variant
    blocks: list[Block] = [Heading(say("Each class")), *class_tables.overall_of_classes(result, variant)]
    if variant.confusion:
        blocks += [Heading(say("Labels and decisions")), confused(variant.confusion, [], result.classes)]
    return blocks


def of_classes(part: Part) -> list[Block]:
    """Lay out the classes in the slices of some features; those of crossed features are folded."""
    result, variant, by = part.result, part.variant, part.by
    names = class_tables.key_metrics(result, variant)
    if not names or len([row for row in order.slices_by(variant, by) if row.views]) < 1:
        return []
    grids: list[Block] = [class_tables.grid(name, by, result, variant) for name in names]
    key = class_tables.grid_key(class_tables.reference_of(by, variant))
    crossing = len(by) > 1
    first = [Fold(tr("Classes by slice"), [key, *grids])] if crossing else [key, *grids[:MOST_GRIDS]]
    more = [] if crossing else grids[MOST_GRIDS:]
    blocks: list[Block] = [Heading(say("Classes")), *first]
    blocks += [Fold(tr("Further figures of the classes"), more)] if more else []
    blocks += [] if crossing else _confusions(part)
    if crossing and len(variant.overall_views) * len(order.slices_by(variant, by)) > class_tables.MOST_LINES:
        return [*blocks, class_tables.elsewhere()]
    figures = list(class_tables.figures_of_classes(by, result, variant))
    blocks.append(Fold(tr("Tables of the classes’ figures"), figures))
    against = [
        *class_tables.differences_of_classes(by, result, variant),
        *class_tables.extremes_of_classes(by, result, variant),
    ]
    blocks += [Fold(tr("Classes against the reference"), against)] if against else []
    return blocks


def _confusions(part: Part) -> list[Block]:
    """Labels and decisions in each slice."""
    classes, variant = part.result.classes, part.variant
    rows = [row for row in order.slices_by(variant, part.by) if row.confusion]
    shown = sorted(rows, key=lambda row: -row.n)[:MOST_SLICES]
    if not shown:
        return []
    shown = [row for row in rows if row in shown]
    if len(classes) > MOST_CLASSES:
        named = [(slice_name(row.slice, short=True), row.confusion) for row in shown]
        blocks: list[Block] = [confused(variant.confusion, named, classes)]
    else:
        blocks = [_confusion(row, classes) for row in shown]
    left = len(rows) - len(shown)
    blocks += (
        [Note(say("{n} smaller slices: their matrices are in audit.json.", n=count(left)))] if left else []
    )
    return [Fold(tr("Labels and decisions by slice"), blocks)]


def _confusion(row: SliceResult, classes: list[str]) -> Block:
    return crossed(row.confusion, classes, confusion_caption(slice_name(row.slice)), tr("Label"))


def of_changes(item: Comparison, part: Part) -> list[Block]:
    """Lay out the decisions before and after, and what that does to the classes."""
    classes = part.result.classes
    blocks: list[Block] = []
    if item.overall is not None and item.overall.matrix:
        blocks += [Heading(say("Decisions before and after"), 4), changed(item.overall.matrix, classes)]
    blocks += class_tables.changes_of_classes(item.changes, part.result, classes)
    worst = list(class_tables.worst_of_classes(item.changes, part.result, MOST_CHANGES))
    return [*blocks, Fold(tr("Classes by slice, before and after"), worst)]


def scores(part: Part) -> Scores | None:
    """Lay out the probabilities of the classes: curves over all rows, means and calibration by slice."""
    details = [d for d in part.variant.scores if d.view is not None]
    if not details:
        return None
    whole = [d for d in details if not d.slice]
    blocks: list[Block] = []
    if part.charts and whole:
        from ..drawing.score_charts import class_charts

        charts = class_charts(whole, f"{part.key}-scores")
        blocks += [Picture(chart.drawing, chart.caption) for chart in charts]
    sets = dict.fromkeys(tuple(d.slice) for d in details)
    for by in sets:
        table = _score_table([d for d in details if tuple(d.slice) == by])
        blocks += (
            [Heading(features_name(by)), Fold(tr("Table of the probabilities"), [table])] if by else [table]
        )
    return Scores(
        tr("Probabilities"),
        tr("What the model’s probabilities of each class say before the decision."),
        blocks,
    )  # fmt: skip


def _score_table(details: list[ScoreDetail]) -> Block:
    shown = details[: class_tables.MOST_LINES]
    rows = [
        Row(
            say("{view}: {slices}", view=view_name(d.view or ""), slices=slice_name(d.slice, short=True)),
            [
                Cell(count(d.n)),
                Cell(figure(d.mean, "number")),
                Cell(figure(d.sd, "number")),
                Cell(figure(d.calibration_error_debiased, "percent")),
            ],
        )
        for d in shown
    ]
    heads = [
        ("n", tr("rows")),
        (tr("Mean"), tr("of the probability of the class")),
        (tr("SD"), tr("standard deviation")),
        (tr("Calibration error"), tr("expected calibration error less what chance alone adds to it")),
    ]
    caption = tr(
        "Mean and spread of each class’s probability, and how far it lies from how often rows are of the "
        "class."
    )
    return Figures(Table(heads, rows), caption, tr("Class and slice"))


MULTICLASS = Telling(
    reading=reading,
    of_class=OF_CLASS,
    moved=moved,
    of_all=of_all,
    of_classes=of_classes,
    of_changes=of_changes,
    scores=scores,
    flip=later("A row to which one model gives another class than the other."),
    counts=later(
        "TP, FP, FN, TN of a class: rows with its label and decided for it, with another label and decided "
        "for it, with its label and decided otherwise, with another label and decided otherwise. n: all rows."
    ),
)
