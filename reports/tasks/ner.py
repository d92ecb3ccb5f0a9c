"""Named entities: what is found, missed and invented, of all types and of each."""

from __future__ import annotations

from collections.abc import Sequence

from ...audit.result import AuditResult, Comparison, Counts, Estimate, Variant
from ..blocks import Block, Figures, Fold, Heading
from ..slices import class_tables
from ..slices.tables import Cell, Notes, Row, Table, metric_cell
from ..variants.slice_map import slice_maps
from ..words import order
from ..words.formats import count
from ..words.language import Given, Sentence, later, say, sentences, tr
from ..words.lookup import told_of
from ..words.per_hundred import Hundred, Said
from ..words.spoken import of_view, slice_name, title_of, view_name
from ..words.translated import titled
from ..words.turned import Moved
from .base import Part, Telling, difference_words
from .multiclass import class_names

_FOUND = Said(
    later("Of {n} {rows} {model} finds {here}."),
    later("Of {n} {rows} {model} finds {here}; of {m} in {others}, {there}."),
)
_RIGHT = Said(
    later("Of {n} {rows}, {here} are right."),
    later("Of {n} {rows}, {here} are right; of {m} in {others}, {there}."),
)
OF_ALL = Hundred(
    among={
        "positives": later("entities in {people}"),
        "selected": later("entities that {model} marks in {people}"),
    },
    says={"right": _FOUND, "positive": _RIGHT},
)
"""How recall and precision of all entities are told."""
OF_TYPE = Hundred(
    among={
        "positives": later("{view} entities in {people}"),
        "selected": later("{view} entities that {model} marks in {people}"),
    },
    says={"right": _FOUND, "positive": _RIGHT},
)
"""How those of a type are."""
COUNTED = {
    "tp": (later("Found"), later("entities that are marked with their tokens and type")),
    "fn": (later("Missed"), later("true entities that are not marked so")),
    "fp": (later("Invented"), later("marked entities that are none of the true ones")),
}
"""Head and explanation of each count."""
_SCHEMES = {
    "iob2": later("B- begins every entity"),
    "iob1": later("B- begins an entity only behind another of its type"),
    "io": later("entities of a type that touch are one"),
}
_MATCHING = {
    "strict": later("a tag that the scheme does not allow where it stands is in no entity"),
    "conll": later("a tag that the scheme does not allow where it stands begins an entity, as in conlleval"),
}


def reading(result: AuditResult) -> list[Sentence]:
    """Say what the types are, how tags are read, and when an entity is right."""
    data = result.configuration.get("data", {})
    scheme, matching = data.get("scheme") or "iob2", data.get("matching") or "strict"
    return [
        say("{n} types of entities: {classes}.", n=count(len(result.classes)), classes=class_names(result)),
        say(
            "Tags are of the scheme {scheme} ({what}); matching is {matching}: {how}.",
            scheme=scheme, what=tr(_SCHEMES[scheme]), matching=matching, how=tr(_MATCHING[matching]),
        ),
        say(
            "An entity is found where its tokens and its type are marked. Marked otherwise it is missed, and "
            "what is marked in its place is invented. What is no entity is not counted, so that there are no "
            "true negatives, and nothing that needs them."
        ),
        difference_words(),
    ]  # fmt: skip


def moved(item: Comparison, result: AuditResult) -> Sentence:
    """Say in how many rows other entities are marked, and what that does to rows that were all right."""
    whole = item.overall
    if whole is None or not whole.n:
        return ()
    told = [
        say(
            "In {n} of {rows} rows other entities are marked.",
            n=count(whole.flips),
            rows=count(whole.n),
        )
    ]
    if whole.spoiled is not None and whole.mended is not None:
        told.append(
            say(
                "All right before and not after: {spoiled}; the other way round: {mended}.",
                spoiled=count(whole.spoiled), mended=count(whole.mended),
            )
        )  # fmt: skip
    sides = [v.counts for v in result.variants if v.name in (item.before, item.after)]
    if len(sides) == 2 and None not in (sides[0].tp, sides[1].tp):
        told.append(
            say(
                "Found before: {before} entities; after: {after}. Invented before: {one}; after: {other}.",
                before=count(sides[0].tp), after=count(sides[1].tp), one=count(sides[0].fp),
                other=count(sides[1].fp),
            )
        )  # fmt: skip
    return sentences(told)


def of_all(part: Part) -> list[Block]:
    """Lay out the types over all rows, as seqeval's report does, with limits."""
    result, variant = part.result, part.variant
    names = list(next(iter(variant.overall_views.values()), {}))
    if not names:
        return []
    notes = Notes()
    rows = [
        _line((view_name(view),), variant.overall_view_counts.get(view), found, names, result, notes)
        for view, found in variant.overall_views.items()
    ]
    micro = say("All types (micro)")
    rows.append(_line(micro, variant.counts, variant.overall, names, result, notes, bold=True))
    macro = _macro(names, variant)
    if macro:
        rows.append(_line(say("Mean over types (macro)"), None, macro, names, result, notes, bold=True))
    caption = tr("Entities of each type over all rows: how many, and the figures with intervals.")
    table = Table(_heads(names, result), rows, notes)
    return [Heading(say("Each type")), Figures(table, caption, tr("Type"))]


def of_items(result: AuditResult, variants: list[Variant], charts: bool, key: str) -> list[Block]:
    """Lay out the types as the variant of the verdict marks them, and what each variant does to them."""
    told = told_of(result) or variants[0]
    blocks = of_all(Part(result, told, (), key, charts))
    if len(variants) > 1 and blocks:
        blocks[0] = Heading(say("Each type, as {variant} marks it", variant=Given(told.name)))
    names = class_tables.key_metrics(result, told)
    maps = slice_maps(result, variants, names[0] if names else None)
    return [*blocks, *([Heading(say("Over the variants")), *maps] if maps else [])]


def _macro(names: Sequence[str], variant: Variant) -> dict[str, Estimate]:
    """The means over types that go by the name of a figure of a type."""
    ends = {name: [m for m in variant.overall if m != name and m.endswith(name)] for name in names}
    return {name: variant.overall[found[0]] for name, found in ends.items() if found}


def _heads(names: Sequence[str], result: AuditResult) -> list[tuple[str, str]]:
    counts = [(tr("Entities"), tr("true ones")), *((tr(head), tr(what)) for head, what in COUNTED.values())]
    return [
        *counts,
        *(
            (
                str(title_of(name, result.definitions)),
                str(titled(result.definitions[name].formula)),
            )
            for name in names
            if name in result.definitions
        ),
    ]


def _line(
    name: Sentence, counts: Counts | None, found: dict[str, Estimate], names: Sequence[str],
    result: AuditResult, notes: Notes, *, bold: bool = False, small: bool = False,
) -> Row:  # fmt: skip
    numbers = [None] * 4 if counts is None else [counts.positives, *(getattr(counts, key) for key in COUNTED)]
    cells = [Cell("" if n is None else count(n)) for n in numbers]
    return Row(
        name, [*cells, *(metric_cell(m, found, result, notes) for m in names)], small=small, emphasis=bold
    )


def of_classes(part: Part) -> list[Block]:
    """Lay out the types in the slices of some features."""
    result, variant, by = part.result, part.variant, part.by
    names = class_tables.key_metrics(result, variant)
    rows = [row for row in order.slices_by(variant, by) if row.views]
    if not names or not rows:
        return []
    key = class_tables.grid_key(class_tables.reference_of(by, variant))
    grids: list[Block] = [key, *(class_tables.grid(name, by, result, variant) for name in names)]
    blocks: list[Block] = [Heading(say("Types of entities"))]
    blocks += [Fold(tr("Types by slice"), grids)] if len(by) > 1 else grids
    lines = len(variant.overall_views) * len(rows)
    if len(by) > 1 and lines > class_tables.MOST_LINES:
        return [*blocks, class_tables.elsewhere()]
    blocks.append(Fold(tr("Table of the types by slice"), [_of_slices(part, names)]))
    against = [
        *class_tables.differences_of_classes(by, result, variant),
        *class_tables.extremes_of_classes(by, result, variant),
    ]
    return [*blocks, *([Fold(tr("Types against the reference"), against)] if against else [])]


def _of_slices(part: Part, names: Sequence[str]) -> Block:
    """Every type in every slice, with its counts and intervals."""
    result, notes = part.result, Notes()
    rows = order.slices_by(part.variant, part.by)
    lines = [
        _line(
            of_view(slice_name(row.slice, short=True), view), row.view_counts.get(view),
            row.views.get(view, {}), names, result, notes, small=row.status == "small",
        )
        for view in part.variant.overall_views
        for row in rows
    ]  # fmt: skip
    table = Table(_heads(names, result), lines[: class_tables.MOST_LINES], notes)
    caption = tr("Entities of each type by slice: how many, and the figures with intervals.")
    return Figures(table, caption, tr("Type and slice"))


def of_changes(item: Comparison, part: Part) -> list[Block]:
    """Lay out what a change does to the types."""
    blocks = list(class_tables.changes_of_classes(item.changes, part.result, part.result.classes))
    worst = list(class_tables.worst_of_classes(item.changes, part.result, MOST_CHANGES))
    return [*blocks, *([Fold(tr("Types by slice, before and after"), worst)] if worst else [])]


MOST_CHANGES = 20
MARKED = Moved(
    head=later("Rows marked otherwise"),
    share=later("In {rate} of the rows other entities are marked."),
    within=later("In {rate} of the rows other entities are marked ({limits})."),
    nobody=later("In no slice are rows marked otherwise provably more often than in all other rows."),
    most=later("Most often marked otherwise: {who}."),
    who=later(
        "{slice} {rate}, {ratio} times the rate of the others ({spoiled} rows are no longer all right, "
        "{mended} newly are)"
    ),
    of_slice=later("{rate} of its rows, {ratio} times the others’"),
    whose=later("Where other entities are marked"),
    table=later("Rows marked otherwise by slice, and the flip rate against that of all other rows."),
    sides=later("Rows marked otherwise by slice and direction"),
    counted=later("rows"),
    flip=later("Row marked otherwise, flip"),
    itself=later(
        "Rows that one and the same variant marks otherwise when they are batched otherwise: the floor under "
        "every flip rate."
    ),
)
"""What a change makes a model mark otherwise."""

NER = Telling(
    reading=reading,
    of_rows=OF_ALL,
    of_class=OF_TYPE,
    moved=moved,
    of_all=of_all,
    of_classes=of_classes,
    of_changes=of_changes,
    of_suite=of_items,
    page=later("Entities"),
    counted=COUNTED,
    positives=(later("Entities"), later("true ones")),
    meanings={
        ("positives", "right"): later("found, of the true ones"),
        ("selected", "positive"): later("right, of the marked ones"),
    },
    among={
        "positives": later("n: true entities"),
        "selected": later("n: marked entities"),
        None: later("n: entities or rows that it counts"),
    },
    change=MARKED,
    flip=later("A row in which one model marks other entities than the other."),
    counts=later(
        "TP, FP, FN: entities that are found, that are invented, and that are missed; an entity of other "
        "tokens or of another type is both invented and missed. n: rows, which are sentences or documents."
    ),
    outcome=later("Entities"),
)
"""The words of the task: an entity is found, missed or invented."""
