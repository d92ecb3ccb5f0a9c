"""How a variant was made and what it costs, in words: the entries and the table of its timings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...audit.result import Cost, Recipe, SelfFlips, Step, Variant
from ..slices.tables import Cell, Row, Table
from ..words.formats import count, figure, interval, magnitude, milliseconds
from ..words.kinds import is_given
from ..words.language import later, listed, say, series, tr
from ..words.spoken import Given, Sentence
from ..words.translated import translated

Entries = list[tuple[str, Sentence]]
"""Names and what stands behind them, as a list of definitions shows them."""


def readable(value: Any) -> Sentence:
    """Write a value of a configuration for reading: ``rows 64, tokens 8192``; what is nested in brackets."""
    if value is None:
        return say("none")
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, Mapping):
        return _joined((Given(str(key)), " ", *_nested(inner)) for key, inner in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return _joined(_nested(inner) for inner in value)
    # One word is a name of the configuration's, several may be a text of ours.
    return translated(value) if isinstance(value, str) and " " in value else (Given(str(value)),)


def _nested(value: Any) -> Sentence:
    words = readable(value)
    deep = isinstance(value, Iterable) and not isinstance(value, str)
    return say("({nested})", nested=words) if deep else words


def _joined(parts: Iterable[Sentence]) -> Sentence:
    return listed(parts) or say("none")


def recipe_entries(variant: Variant) -> Entries:
    """Say step by step how a variant was made, and what was found when it was loaded again."""
    recipe = variant.recipe
    entries: Entries = []
    if is_given(variant):
        entries.append((tr("Made"), say("elsewhere, and given as a variant")))
    elif variant.parent and variant.kind != "original":
        entries.append((tr("Made from"), (Given(variant.parent),)))
    if recipe is None:
        return entries
    for number, step in enumerate(recipe.steps, start=1):
        name = tr("Step") if len(recipe.steps) == 1 else tr("Step {n}", n=str(number))
        entries.append((name, _step_words(step)))
        entries += [("", translated(note)) for note in step.notes]
    return entries + _artefact_entries(recipe)


def _step_words(step: Step) -> Sentence:
    name: Sentence = (Given(step.recipe),)
    if step.params:
        name = say("{recipe} ({params})", recipe=name, params=readable(step.params))
    return say("{recipe}: {changed}", recipe=name, changed=translated(step.changed)) if step.changed else name


def _artefact_entries(recipe: Recipe) -> Entries:
    found = (
        (tr("Trained on"), recipe.trained_on),
        (tr("Artefact"), recipe.artefact),
        ("sha256", recipe.sha256),
        (tr("Loaded again"), recipe.reload),
    )
    return [(name, translated(text)) for name, text in found if text]


def model_entries(variant: Variant, first: Variant) -> Entries:
    """Say how a variant is run, where that differs from the first one and is not told by its recipe."""
    recipe, before = variant.recipe, first.model.told
    told = (recipe.artefact, recipe.sha256) if recipe is not None else ()
    ruled = ("rule", "needs") if recipe is not None and (recipe.rules or recipe.needs) else ()
    return [
        (tr("Model: {key}", key=key), readable(value))
        for key, value in variant.model.told.items()
        if before.get(key) != value and value not in told and key not in ruled
    ]


def self_flip_entries(found: SelfFlips | None) -> Entries:
    """Say how many decisions change by another batching alone."""
    if found is None:
        return []
    words = say(
        "{flips} of {rows} decisions change by themselves, {rate} ({limits}); {batching}",
        flips=count(found.flips), rows=count(found.rows), rate=figure(found.rate, "percent"),
        limits=interval(found.low, found.high, "percent"), batching=translated(found.batching),
    )  # fmt: skip
    entries: Entries = [(tr("Self-flips"), words)]
    if found.largest_score_change is not None:
        largest = figure(found.largest_score_change, "index")
        entries.append(("", say("largest change of a score {change}", change=largest)))
    return entries


def cost_entries(cost: Cost) -> Entries:
    """Say what a variant costs to store, to hold and to run."""
    sparse = magnitude(cost.sparse_bytes, "B")
    theoretical = later("{bytes} (theoretical: the artefact does not store it so)")
    entries: Entries = [
        (
            tr("Stored"),
            say("not measured")
            if cost.stored_bytes is None
            else _bytes_beside(cost.stored_bytes, cost.storage),
        ),
        (
            tr("Parameters"),
            _parameters(cost),
        ),
    ]
    if cost.dense_bytes is not None:
        entries.insert(1, (tr("Dense"), (magnitude(cost.dense_bytes, "B"),)))
    if cost.sparse_bytes is not None:
        words = say(theoretical, bytes=sparse) if cost.sparse_theoretical else (sparse,)
        entries.insert(2, (tr("Sparsely encoded"), words))
    entries += [
        (name, _bytes_beside(value, ratio))
        for name, value, ratio in (
            (tr("Resident weights"), cost.resident_bytes, cost.memory),
            (tr("Process on loading"), cost.process_bytes, None),
            (tr("Peak while scoring"), cost.peak_bytes, None),
            (tr("Peak on the device"), cost.device_bytes, None),
        )
        if value is not None
    ]
    if cost.flops_per_row is not None:
        method = [translated(cost.flops_method)] if cost.flops_method else []
        entries.append((tr("Work per row"), series([magnitude(cost.flops_per_row, "FLOP"), *method])))
    elif cost.flops_method:
        entries.append((tr("Work per row"), translated(cost.flops_method)))
    if cost.rows_per_second is not None:
        speed = count(round(cost.rows_per_second))
        entries.append((tr("Throughput"), say("{n} rows per second", n=speed)))
    entries += _writing(cost)
    return entries + [(tr("Note"), translated(note)) for note in cost.notes]


def _writing(cost: Cost) -> Entries:
    """Say how fast a language model reads and writes, and what it keeps for each token."""
    entries: Entries = []
    if (one := cost.generation) is not None:
        first = milliseconds(one.first_token_ms)
        words = (
            (first,)
            if one.prompt_tokens is None
            else say("{time}, after a prompt of {n} tokens", time=first, n=count(one.prompt_tokens))
        )
        entries.append((tr("First token"), words))
        if one.prefill_tokens_per_second is not None:
            entries.append((tr("Reading (prefill)"), _tokens(one.prefill_tokens_per_second)))
        written = say(
            "{speed}; a token takes {ratio} of the original’s time ({limits}), the original twice {null}",
            speed=_tokens(one.decode_tokens_per_second), ratio=figure(one.ratio, "percent"),
            limits=interval(one.ratio_low, one.ratio_high, "percent"),
            null=interval(one.null_low, one.null_high, "percent"),
        )  # fmt: skip
        entries.append((tr("Writing (decode)"), written))
    if cost.kv_bytes_per_token is not None:
        kept = say("{bytes} per token", bytes=magnitude(cost.kv_bytes_per_token, "B"))
        entries.append((tr("Keys and values"), kept))
    return entries


def _tokens(speed: float) -> Sentence:
    return say("{n} tokens per second", n=count(round(speed)))


def _parameters(cost: Cost) -> Sentence:
    if cost.parameters is None:
        return say("not measured")
    if cost.nonzero is None:
        return (count(cost.parameters),)
    return say("{n}, of them {some} not zero", n=count(cost.parameters), some=count(cost.nonzero))


def _bytes_beside(size: float | None, ratio: float | None) -> Sentence:
    written = magnitude(size, "B")
    if ratio is None:
        return (written,)
    return say("{bytes}, {ratio} of the original’s", bytes=written, ratio=figure(ratio, "percent"))


def timings_table(cost: Cost) -> Table | None:
    """Lay out the timings, each beside the second copy of the original."""
    rows = [
        Row(
            say("batch of {n}", n=count(timing.batch)),
            [
                Cell(milliseconds(timing.p50_ms)),
                Cell(milliseconds(timing.p95_ms)),
                Cell(
                    figure(timing.ratio, "percent"),
                    interval(timing.ratio_low, timing.ratio_high, "percent"),
                ),
                Cell(interval(timing.null_low, timing.null_high, "percent")),
                Cell(tr("yes") if timing.saving else tr("none beyond the noise")),
                Cell(count(timing.rounds)),
            ],
        )
        for timing in cost.timings
    ]
    heads = [
        ("p50", tr("median time of a batch")),
        ("p95", tr("95 % of the batches take no longer")),
        (tr("Time"), tr("ratio to the original’s, with its spread over the rounds")),
        (tr("Original twice"), tr("spread of a second copy of the original: the noise")),
        (tr("Saving"), tr("the ratio lies below the noise")),
        (tr("Rounds"), ""),
    ]
    return Table(heads, rows) if rows else None
