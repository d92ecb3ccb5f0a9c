"""Figures told as so many of 100 answers or pairs, in sentences of a task's own."""

from __future__ import annotations

from collections.abc import Mapping

from ...audit.result import Definition, Slice, Variant
from ..words.language import Sentence, say
from ..words.lookup import estimate_of
from ..words.per_hundred import hundredths
from ..words.spoken import slice_name

Leads = Mapping[str, tuple[str, str, str]]
"""By what a definition says: a sentence of all rows, of a slice, and of a slice beside another."""


def lead_of(
    leads: Leads, told: Definition, model: str, part: Slice, reference: Slice | None, variant: Variant
) -> Sentence:
    """Tell a figure as so many of 100; one without such a sentence, or below 0, has no such words."""
    found = [estimate_of(variant, one, told.name) for one in (part, reference) if one is not None]
    values = [one.value for one in found if one is not None and one.value is not None]
    if told.says is None or told.says not in leads or len(values) < len(found) or min(values) < 0:
        return ()
    here, *there = hundredths(values)
    whole, alone, beside = leads[told.says]
    parts: dict[str, str | Sentence] = {"here": here, "model": (model,)}
    if reference is not None:
        return say(beside, slice=slice_name(part), reference=slice_name(reference), there=there[0], **parts)
    return say(alone, slice=slice_name(part), **parts) if part else say(whole, **parts)
