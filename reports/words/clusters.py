"""What clusters of rows are called: those of a suite have names of their own."""

from __future__ import annotations

from ...audit.result import AuditResult, Status
from .language import Sentence, later, say, tr

UNITS = {
    "template": later("templates"),
    "target": later("targets"),
    "occupation": later("occupations"),
    "pair": later("pairs"),
    "person": later("persons"),
    "frame": later("frames"),
    "page": later("pages"),
    "descriptor": later("descriptors"),
    "prompt": later("prompts"),
}
"""What the clusters of a suite are called, by the column that names them."""
ONE = {
    "template": later("Template"),
    "target": later("Target word"),
    "occupation": later("Occupation"),
    "pair": later("Pair"),
    "person": later("Person"),
    "frame": later("Frame"),
    "page": later("Page"),
    "descriptor": later("Descriptor"),
    "prompt": later("Prompt"),
}
"""What one is, as the head of a column."""

_ANY = later("clusters")


def units_of(result: AuditResult) -> str:
    """What the clusters of a result are called."""
    return tr(UNITS.get(result.data.cluster or "", _ANY))


def unit_of(result: AuditResult) -> str:
    """What one of them is called, as the head of a column."""
    return tr(ONE.get(result.data.cluster or "", _ANY))


def few_words(status: Status, result: AuditResult) -> Sentence:
    """Say that a figure rests on few clusters; nothing where it does not."""
    return say("few {units}", units=units_of(result)) if status == "few clusters" else ()
