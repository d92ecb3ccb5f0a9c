"""Sampled answers: what became of them, what their judge is worth, and which of them turn."""

from __future__ import annotations

from collections.abc import Sequence

from ...audit.result import AuditResult, Comparison, Estimate, JudgeInfo, Turned, Variant
from ..blocks import Block, Figures, Heading, Note, Picture
from ..slices.tables import Cell, Row, Table
from ..variants.slice_map import slice_maps
from ..words.clusters import units_of
from ..words.formats import count, figure, interval
from ..words.language import Given, Sentence, later, listed, say, say_n, sentences, tr
from ..words.spoken import metric_kind, slice_name
from ..words.turning import judged_positive
from .base import Part, Telling, difference_words
from .choice import gaps, named, what_carries
from .judged import JUDGED, lead

MOST_CHARTED = 2
OF_JUDGES = ("judged positive", "judge's score")
"""What definitions say of figures that are a judge's."""


def reading(result: AuditResult) -> list[Sentence]:
    """Say what an answer is and how it is counted."""
    return [
        say(
            "A row is an answer that was sampled for a prompt. A refusal declines to answer, an empty answer "
            "is nothing but spaces: neither is judged, and both are counted."
        ),
        *_of_judges(result),
        say("Intervals speak of these {units}, or of others like these.", units=units_of(result)),
        difference_words(),
    ]


def _of_judges(result: AuditResult) -> list[Sentence]:
    """Say whether the judge was audited."""
    if result.judge_rates:
        return [corrected()]
    told = result.definitions
    judged = any(told[name].says in OF_JUDGES for name in result.variants[0].overall if name in told)
    return [not_audited()] if judged else []


def not_audited() -> Sentence:
    """Say that nothing is known of the judge's errors."""
    return say(
        "The judge was not audited on labelled answers: how often it errs, and in which slice, is not known, "
        "and positive rates and scores are those that it gives."
    )


def corrected() -> Sentence:
    """Say what is made of the judge's errors."""
    return say(
        "The positive rate is what the judge finds. The corrected one is what its errors on labelled answers "
        "leave of it, from none to all of the answers; its interval counts what is not known of the judge, "
        "too. Scores are the judge's own and are not corrected."
    )


def of_suite(result: AuditResult, variants: list[Variant], charts: bool, key: str) -> list[Block]:
    """Lay out what became of the answers, the prompts behind the rates, and the judges."""
    blocks: list[Block] = []
    names = _charted(result, variants)
    if charts and names:
        from ..drawing.unit_chart import unit_chart

        chart = unit_chart(variants, names, result, units_of(result), f"{key}-units")
        if chart is not None:
            caption = tr(
                "Dots are single {units}; the bar below them is the figure of all answers, with an interval "
                "that speaks of {units} like these.",
                units=units_of(result),
            )
            blocks.append(Picture(chart, caption))
    blocks += slice_maps(result, variants)
    told = [variant for variant in variants if variant.outcomes]
    return [*blocks, *([_answers(told)] if told else []), *judges(result)]


OUTCOMES = {
    "positive": later("Positive"),
    "negative": later("Not positive"),
    "refused": later("Refused"),
    "empty": later("Empty"),
    "answered": later("Not judged"),
}
"""What an answer is, as the head of a column."""


def _answers(variants: list[Variant]) -> Block:
    """Lay out what became of the answers of each variant."""
    counts = [{name: n for found in v.outcomes.values() for name, n in found.items()} for v in variants]
    names = [name for name in OUTCOMES if any(name in found for found in counts)]
    rows = [
        Row((Given(variant.name),), [Cell(count(found.get(name, 0))) for name in names])
        for variant, found in zip(variants, counts, strict=True)
    ]
    heads = [(tr(OUTCOMES[name]), "") for name in names]
    return Figures(Table(heads, rows), tr("Answers by what became of them."), tr("Variant"))


def _charted(result: AuditResult, variants: list[Variant]) -> list[str]:
    """Figures on one scale that single prompts have too."""
    held = [
        name
        for name in result.priorities.leading
        if any(name in unit.metrics for variant in variants for unit in variant.units)
    ]
    kinds = [metric_kind(name, result.definitions) for name in held]
    return [name for name, kind in zip(held, kinds, strict=True) if kind == kinds[0]][:MOST_CHARTED]


def judges(result: AuditResult) -> list[Block]:
    """Lay out what the judges are, and how they decide labelled answers of each slice."""
    told = _of_judges(result)
    if not result.judges and not told:
        return []
    blocks: list[Block] = [Heading(say("The judges") if len(result.judges) > 1 else say("The judge"))]
    blocks += [Note(sentences(_told(judge))) for judge in result.judges]
    blocks += [Note(one) for one in told]
    if result.judge_rates:
        blocks.append(_rates(result))
    return blocks


def _told(judge: JudgeInfo) -> list[Sentence]:
    """Say what a judge is, and on what it was audited."""
    where = judge.model.path or judge.model.function or judge.model.endpoint or judge.model.estimator
    if judge.model.kind is None:
        first = say("{judge}: its decisions stand in the table of predictions.", judge=Given(judge.name))
    else:
        kind = Given(judge.model.kind)
        first = (
            say(
                "{judge}: a model of kind {kind}, {where}.",
                judge=Given(judge.name),
                kind=kind,
                where=Given(where),
            )
            if where
            else say("{judge}: a model of kind {kind}.", judge=Given(judge.name), kind=kind)
        )
    rows = judge.audited_on
    if rows is None:
        return [first, say("It was not audited.")]
    return [
        first,
        say_n(
            "Audited on {n} labelled row of {path} ({label}: {positive}).",
            "Audited on {n} labelled rows of {path} ({label}: {positive}).",
            rows.rows, n=count(rows.rows), path=Given(rows.path), label=Given(rows.label),
            positive=listed(Given(one) for one in rows.positive),
        ),
    ]  # fmt: skip


def _rates(result: AuditResult) -> Block:
    """Sensitivity and specificity of each judge by slice."""
    several = len({rate.judge for rate in result.judge_rates}) > 1
    rows = [
        Row(
            say("{variant}: {asked}", variant=Given(rate.judge), asked=slice_name(rate.slice, short=True))
            if several
            else slice_name(rate.slice, short=bool(rate.slice)),
            [*_cells(rate.sensitivity), *_cells(rate.specificity)],
            small="small" in (rate.sensitivity.status, rate.specificity.status),
            emphasis=not rate.slice,
        )
        for rate in result.judge_rates
    ]
    heads = [
        (tr("Positive"), tr("labelled rows")),
        (tr("Sensitivity"), tr("found positive, of the positive ones")),
        (tr("Others"), tr("labelled rows")),
        (tr("Specificity"), tr("not found positive, of the others")),
    ]
    caption = tr("How the judge decides labelled answers, with exact intervals.")
    return Figures(Table(heads, rows), caption, tr("Slice"))


def _cells(found: Estimate) -> list[Cell]:
    limits = "" if found.value is None else interval(found.low, found.high, "percent")
    return [Cell(count(found.n)), Cell(figure(found.value, "percent"), limits)]


def moved(item: Comparison, result: AuditResult) -> Sentence:
    """Say how many answers are judged otherwise, and how many turn positive and no longer are."""
    whole = item.overall
    if whole is None or not whole.n:
        return ()
    told = [
        say_n(
            "{n} of {rows} answers is judged otherwise, or refused on one side alone.",
            "{n} of {rows} answers are judged otherwise, or refused on one side alone.",
            whole.flips, n=count(whole.flips), rows=count(whole.n),
        )
    ]  # fmt: skip
    if item.turned is not None:
        told += [
            say_n(
                "{n} answer turns positive.", "{n} answers turn positive.", item.turned.into,
                n=count(item.turned.into),
            ),
            say_n(
                "{n} answer is no longer positive.", "{n} answers are no longer positive.",
                item.turned.out_of, n=count(item.turned.out_of),
            ),
        ]  # fmt: skip
    return sentences(told)


def of_changes(item: Comparison, part: Part) -> list[Block]:
    """Lay out the answers that turn, and the prompts that carry the change."""
    blocks: list[Block] = []
    if item.turned is not None and (item.turned.into or item.turned.out_of):
        blocks += [Heading(say("Answers that turn"), 4), *_turned(item.turned)]
    return [*blocks, *what_carries(item, part, TURNED)]


TURNED = (later("answers that turn positive"), later("answers that are no longer positive"))


def _turned(turned: Turned) -> list[Block]:
    """The ids of the answers that turn; what they say is not repeated."""
    into = say_n("{n} turns positive", "{n} turn positive", turned.into, n=count(turned.into))
    out_of = say_n(
        "{n} is no longer positive", "{n} are no longer positive", turned.out_of, n=count(turned.out_of)
    )
    sides: Sequence[tuple[Sentence, int, list[str]]] = (
        (into, turned.into, turned.ids_into),
        (out_of, turned.out_of, turned.ids_out_of),
    )
    return [Note(named(told, n, ids)) for told, n, ids in sides if n]


def of_all(part: Part) -> list[Block]:
    """Lay out the answers, prompts and judges of a variant."""
    return of_suite(part.result, [part.variant], part.charts, part.key)


GENERATION = Telling(
    reading=reading,
    turns=judged_positive,
    nothing=later(
        "No difference in the leading figures is shown by limits that hold for all slices of a feature "
        "together, or a gate limits it. That is not proof that there is none."
    ),
    gaps=gaps,
    moved=moved,
    of_all=of_all,
    of_changes=of_changes,
    of_suite=of_suite,
    lead=lead,
    change=JUDGED,
    among={None: later("n: answers or prompts that it counts")},
    page=later("Answers and their judge"),
    flip=later("An answer that is judged otherwise than that of the other model to the same prompt."),
    outcome="",
)
