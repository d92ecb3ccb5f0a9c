"""How a variant was made and what it costs, in words: the entries and the table of its timings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..audit.result import Cost, Recipe, SelfFlips, Step, Variant
from .formats import count, figure, interval, magnitude, milliseconds
from .tables import Cell, Row, Table
from .words import Given, Sentence

Entries = list[tuple[str, Sentence]]
"""Names and what stands behind them, as a list of definitions shows them."""


def readable(value: Any) -> Sentence:
    """Write a value of a configuration for reading: ``rows 64, tokens 8192``; what is nested in brackets."""
    if value is None:
        return ("none",)
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if isinstance(value, Mapping):
        return _joined((Given(str(key)), " ", *_nested(inner)) for key, inner in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return _joined(_nested(inner) for inner in value)
    return (Given(str(value)),)


def _nested(value: Any) -> Sentence:
    words = readable(value)
    deep = isinstance(value, Iterable) and not isinstance(value, str)
    return ("(", *words, ")") if deep else words


def _joined(parts: Iterable[Sentence]) -> Sentence:
    pieces: list[str] = []
    for part in parts:
        pieces += [", "] * bool(pieces) + [*part]
    return tuple(pieces) or ("none",)


def recipe_entries(variant: Variant) -> Entries:
    """Say step by step how a variant was made, and what was found when it was loaded again."""
    recipe = variant.recipe
    entries: Entries = []
    if variant.parent and variant.kind != "original":
        entries.append(("Made from", (Given(variant.parent),)))
    if recipe is None:
        return entries
    for number, step in enumerate(recipe.steps, start=1):
        name = "Step" if len(recipe.steps) == 1 else f"Step {number}"
        entries.append((name, _step_words(step)))
        entries += [("", (Given(note),)) for note in step.notes]
    return entries + _artefact_entries(recipe)


def _step_words(step: Step) -> Sentence:
    params: Sentence = (" (", *readable(step.params), ")") if step.params else ()
    changed: Sentence = (": ", Given(step.changed)) if step.changed else ()
    return (Given(step.recipe), *params, *changed)


def _artefact_entries(recipe: Recipe) -> Entries:
    found = (
        ("Trained on", recipe.trained_on),
        ("Artefact", recipe.artefact),
        ("sha256", recipe.sha256),
        ("Loaded again", recipe.reload),
    )
    return [(name, (Given(text),)) for name, text in found if text]


def model_entries(variant: Variant, first: Variant) -> Entries:
    """Say how a variant is run, where that differs from the first one and is not told by its recipe."""
    recipe = variant.recipe
    told = (recipe.artefact, recipe.sha256) if recipe is not None else ()
    ruled = ("rule", "needs") if recipe is not None and (recipe.rules or recipe.needs) else ()
    return [
        (f"Model: {key}", readable(value))
        for key, value in variant.model.items()
        if first.model.get(key) != value and value not in told and key not in ruled
    ]


def self_flip_entries(found: SelfFlips | None) -> Entries:
    """Say how many decisions change by another batching alone."""
    if found is None:
        return []
    rate = f"{figure(found.rate, 'percent')} ({interval(found.low, found.high, 'percent')})"
    words = f"{count(found.flips)} of {count(found.rows)} decisions change by themselves, {rate}; "
    entries: Entries = [("Self-flips", (words, Given(found.batching)))]
    if found.largest_score_change is not None:
        entries.append(("", (f"largest change of a score {figure(found.largest_score_change, 'index')}",)))
    return entries


def cost_entries(cost: Cost) -> Entries:
    """Say what a variant costs to store, to hold and to run."""
    theoretical = " (theoretical: the artefact does not store it so)" if cost.sparse_theoretical else ""
    entries: Entries = [
        (
            "Stored",
            (f"{magnitude(cost.stored_bytes, 'B')}, {figure(cost.storage, 'percent')} of the original’s",),
        ),
        ("Dense", (magnitude(cost.dense_bytes, "B"),)),
        ("Sparsely encoded", (f"{magnitude(cost.sparse_bytes, 'B')}{theoretical}",)),
        ("Parameters", (f"{count(cost.parameters)}, of them {count(cost.nonzero)} not zero",)),
    ]
    ratio = f", {figure(cost.memory, 'percent')} of the original’s" if cost.memory is not None else ""
    entries += [
        (name, (magnitude(value, "B") + more,))
        for name, value, more in (
            ("Resident weights", cost.resident_bytes, ratio),
            ("Process on loading", cost.process_bytes, ""),
            ("Peak while scoring", cost.peak_bytes, ""),
        )
        if value is not None
    ]
    if cost.flops_per_row is not None:
        method: Sentence = ("; ", Given(cost.flops_method)) if cost.flops_method else ()
        entries.append(("Work per row", (magnitude(cost.flops_per_row, "FLOP"), *method)))
    if cost.rows_per_second is not None:
        entries.append(("Throughput", (f"{count(round(cost.rows_per_second))} rows per second",)))
    return entries + [("Note", (Given(note),)) for note in cost.notes]


def timings_table(cost: Cost) -> Table | None:
    """Lay out the timings, each beside the second copy of the original."""
    rows = [
        Row(
            (f"batch of {count(timing.batch)}",),
            [
                Cell(milliseconds(timing.p50_ms)),
                Cell(milliseconds(timing.p95_ms)),
                Cell(
                    figure(timing.ratio, "percent"),
                    interval(timing.ratio_low, timing.ratio_high, "percent"),
                ),
                Cell(interval(timing.null_low, timing.null_high, "percent")),
                Cell("yes" if timing.saving else "none beyond the noise"),
                Cell(count(timing.rounds)),
            ],
        )
        for timing in cost.timings
    ]
    heads = [
        ("p50", "median time of a batch"),
        ("p95", "95 % of the batches take no longer"),
        ("Time", "ratio to the original’s, with its spread over the rounds"),
        ("Original twice", "spread of a second copy of the original: the noise"),
        ("Saving", "the ratio lies below the noise"),
        ("Rounds", ""),
    ]
    return Table(heads, rows) if rows else None
