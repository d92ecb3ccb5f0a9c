"""Answers chosen among several: what they name by context, the templates behind a figure, items that turn."""

from __future__ import annotations

from ...audit.result import AuditResult, Comparison, Turned, UnitChange, Variant
from ..blocks import Block, Figures, Heading, Note, Picture
from ..slices.tables import Cell, Row, Table
from ..variants.slice_map import slice_maps
from ..words.clusters import unit_of, units_of
from ..words.formats import Kind, count, figure
from ..words.language import Given, Sentence, later, listed, say, sentences, tr
from ..words.per_hundred import in_sentence
from ..words.spoken import compared_kind, metric_kind, title_of
from ..words.turning import stereotyped
from .answered import ANSWERED, answered_otherwise, lead
from .base import Part, Telling, difference_words

ANSWERS = {
    "target": later("Target"),
    "non-target": later("Non-target"),
    "unknown": later("“Unknown”"),
    "unparsed": later("Unparsed"),
    "win": later("Stereotype"),
    "tie": later("Tie"),
    "loss": later("Against it"),
}
"""What an answer names, or a pair shows, as the head of a column."""
ASKED = {
    "ambiguous": later("Ambiguous context"),
    "disambiguated": later("Disambiguated context"),
    "pairs": later("Pairs"),
}
MOST_CHARTED = 2


def reading(result: AuditResult) -> list[Sentence]:
    """Say what a question is and how scores are to be read."""
    return [
        say(
            "A row is a question with three answers: the target is of the group that a stereotype speaks "
            "of, the non-target is not, unknown says that the context does not tell."
        ),
        say(
            "A bias of 0 prefers nobody, above 0 the answers follow the stereotype, below 0 they go against "
            "it. An answer that names none of the three is unparsed: it enters no score."
        ),
        say(
            "What varies is the template, from which many questions are made: intervals speak of these "
            "templates, or of templates like these."
        ),
        difference_words(),
    ]


def of_suite(result: AuditResult, variants: list[Variant], charts: bool, key: str) -> list[Block]:
    """Lay out what the answers are, and the templates behind the scores."""
    blocks: list[Block] = []
    names = [name for name in result.priorities.leading if name in variants[0].overall][:MOST_CHARTED]
    if charts and names:
        from ..drawing.unit_chart import unit_chart

        chart = unit_chart(variants, names, result, units_of(result), f"{key}-units")
        if chart is not None:
            caption = tr(
                "Dots are single {units}; the bar below them is the figure of all items, with an interval "
                "that speaks of {units} like these.",
                units=units_of(result),
            )
            blocks.append(Picture(chart, caption))
    blocks += slice_maps(result, variants)
    told = [variant for variant in variants if variant.outcomes]
    return [*blocks, *([answers(told)] if told else [])]


def answers(variants: list[Variant]) -> Block:
    """Lay out the answers of each variant by what the context tells and what they name."""
    names = list(next(iter(variants[0].outcomes.values())))
    rows = [
        Row(_asked(variant, asked), [Cell(count(found[name])) for name in names])
        for variant in variants
        for asked, found in variant.outcomes.items()
    ]
    heads = [(tr(ANSWERS.get(name, name)), "") for name in names]
    return Figures(
        Table(heads, rows),
        tr("Items by what was asked and what was answered.")
        if len(variants[0].outcomes) > 1
        else tr("Pairs by which sentence is preferred."),
        tr("Variant and what was asked") if len(variants[0].outcomes) > 1 else tr("Variant"),
    )


def _asked(variant: Variant, asked: str) -> Sentence:
    """Name a variant, and what was asked where that is of several kinds."""
    if len(variant.outcomes) < 2:
        return (Given(variant.name),)
    return say("{variant}: {asked}", variant=Given(variant.name), asked=tr(ASKED.get(asked, asked)))


def moved(item: Comparison, result: AuditResult) -> Sentence:
    """Say how many answers change, and how many turn into a stereotype and out of it."""
    whole = item.overall
    if whole is None or not whole.n:
        return ()
    told = [answered_otherwise(whole)]
    if item.turned is not None:
        told += [say("{what}.", what=part) for part in stereotyped(item.turned)]
    return sentences(told)


def of_changes(item: Comparison, part: Part) -> list[Block]:
    """Lay out the items that turn, and the templates that carry the change."""
    blocks: list[Block] = []
    if item.turned is not None:
        blocks += [Heading(say("Items that turn"), 4), *_turned(item.turned)]
    return [*blocks, *what_carries(item, part)]


TURNED = (later("items that turn into the stereotype"), later("items that turn out of it"))


def what_carries(item: Comparison, part: Part, turned: tuple[str, str] = TURNED) -> list[Block]:
    """Lay out the clusters that carry most of the change of the leading figure, and how many items turn."""
    if not item.units:
        return []
    metric = item.units[0].metric
    kind = metric_kind(metric, part.result.definitions)
    change = compared_kind("change", metric, part.result.definitions)
    rows = [Row((Given(unit.name),), _carries(unit, kind, change)) for unit in item.units]
    caption = "".join(
        say(
            "The {units} that carry most of the change of {metric}; one by itself has few items.",
            units=units_of(part.result),
            metric=in_sentence(title_of(metric, part.result.definitions)),
        )
    )
    heads = [
        (tr("Items"), ""),
        (tr("Before"), ""),
        (tr("After"), ""),
        (tr("Carries"), tr("how far the figure of all would go, were this one alone as it is after")),
        (tr("Into it"), tr(turned[0])),
        (tr("Out of it"), tr(turned[1])),
    ]
    return [
        Heading(say("What carries the change"), 4),
        Figures(Table(heads, rows), caption, unit_of(part.result)),
    ]


def _carries(unit: UnitChange, kind: Kind, change: Kind) -> list[Cell]:
    """What a cluster was and is, and what of the change is its own."""
    return [
        Cell(count(unit.n)),
        Cell(figure(unit.before, kind)),
        Cell(figure(unit.after, kind)),
        Cell(figure(unit.carried, change)),
        Cell(count(unit.into)),
        Cell(count(unit.out_of)),
    ]


def _turned(turned: Turned) -> list[Block]:
    """The ids of the items that turn; what they say is not repeated."""
    into, out = stereotyped(turned)
    return [
        Note(named(into, turned.into, turned.ids_into)),
        Note(named(out, turned.out_of, turned.ids_out_of)),
    ]


def named(told: Sentence, n: int, ids: list[str]) -> Sentence:
    """Say how many items turn, and the ids of the first of them."""
    if not ids:
        return say("{what}.", what=told)
    shown = listed(Given(one) for one in ids)
    if n > len(ids):
        return say("{what}; the first ids: {ids}.", what=told, ids=shown)
    return say("{what}; ids: {ids}.", what=told, ids=shown)


def of_all(part: Part) -> list[Block]:
    """Lay out the answers and templates of a variant."""
    return of_suite(part.result, [part.variant], part.charts, part.key)


def gaps(result: AuditResult) -> list[str]:
    """The metrics whose differences are told."""
    return result.priorities.leading


CHOICE = Telling(
    reading=reading,
    nothing=later(
        "No difference in the leading figures is shown by limits that hold for all slices of a feature "
        "together, or a gate limits it. That is not proof that there is none."
    ),
    gaps=gaps,
    lead=lead,
    moved=moved,
    of_all=of_all,
    of_changes=of_changes,
    of_suite=of_suite,
    change=ANSWERED,
    flip=later("A question that one model answers otherwise than the other."),
    among={None: later("n: items that it counts")},
    outcome=later("Right answer"),
)
