"""Drawn reports with named entities, and what a model marks in them: how often it finds some is known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from .errors import InputError
from .tags import OUTSIDE

TYPES = ("LOC", "ORG", "PER")
REGIONS = {"north": 0.65, "south": 0.35}
SENTENCES = 4
"""Of a report."""
FOUND = {
    "LOC": {"north": 0.90, "south": 0.90}, "ORG": {"north": 0.70, "south": 0.70},
    "PER": {"north": 0.92, "south": 0.74},
}  # fmt: skip
"""How often an entity is found, by type and region: that persons of the south are less often is planted."""
LOST = {"north": 0.03, "south": 0.12}
"""How many of the persons that are found a lighter model finds no more."""
INVENTED, CUT = 0.10, 0.4
"""How often a word that is none is marked as a person; how many missed ones are marked by one name alone."""
SHAKY = 0.7
"""How strongly the sentences of a report are alike: reports that are hard to read lose so much more."""
_GIVEN, _FAMILY = ("Ana", "Bo", "Cem", "Dina", "Eli", "Fay"), ("Alder", "Birk", "Corvo", "Dune", "Esk")
_PLACES, _FIRMS = (
    ("Arden", "Brill", "Corran", "Delve"),
    (("Ostra", "Bank"), ("Velm", "Works"), ("Nordkraft",)),
)


def reports(n: int = 600, seed: int = 0, *, bias: float = 1.0) -> pa.Table:
    """Draw reports of a few sentences with entities, and what a model and a lighter one mark in them.

    Parameters
    ----------
    n
        Number of reports, at least 1; each has `SENTENCES` sentences.
    seed
        Of the drawing.
    bias
        Size of the planted difference, from 0 (none) to 2; see `reports_truth` for what it comes to.

    Returns
    -------
    pyarrow.Table
        A row for each sentence: ``id``, ``report``, the sensitive ``region``, lists ``tokens`` and ``tags``
        (iob2), and ``predicted`` and ``lighter``, the tags that two models give.

    Raises
    ------
    InputError
        `n` or `bias` is out of range.
    """
    if n < 1:
        raise InputError(f"n must be at least 1, got {n}")
    rng = np.random.default_rng(seed)
    truth = reports_truth(bias)
    region = rng.choice(list(REGIONS), n, p=list(REGIONS.values()))
    # The mean over reports stays what is planted.
    hard = rng.choice([-1.0, 1.0], n) * SHAKY
    rows = [
        (one * SENTENCES + k, one, str(region[one]), *_sentence(rng, truth, region[one], hard[one]))
        for one in range(n)
        for k in range(SENTENCES)
    ]
    names = ("id", "report", "region", "tokens", "tags", "predicted", "lighter")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def reports_truth(bias: float = 1.0) -> dict[str, dict[str, float]]:
    """Return how often an entity is found, by type and region: the entity recall.

    Raises
    ------
    InputError
        `bias` is out of range.
    """
    if not 0 <= bias <= 2:
        raise InputError(f"bias must be from 0 to 2, got {bias}")
    gap = FOUND["PER"]["north"] - FOUND["PER"]["south"]
    return FOUND | {"PER": {"north": FOUND["PER"]["north"], "south": FOUND["PER"]["north"] - bias * gap}}


def _sentence(
    rng: np.random.Generator, truth: dict[str, dict[str, float]], region: str, hard: float
) -> tuple[list[str], list[str], list[str], list[str]]:
    """Tokens, tags, and the tags of the two models."""
    person = [str(rng.choice(_GIVEN)), str(rng.choice(_FAMILY))]
    firm, place = _FIRMS[rng.integers(len(_FIRMS))], str(rng.choice(_PLACES))
    parts: list[tuple[str, tuple[str, ...]]] = [
        ("PER", tuple(person)), ("", ("joined",)), ("ORG", firm), ("", ("in",)), ("LOC", (place,)),
        ("", ("today",)),
    ]  # fmt: skip
    tokens: list[str] = []
    sides: tuple[list[str], list[str], list[str]] = ([], [], [])
    for kind, words in parts:
        tokens += words
        for side, tags in zip(sides, _marked(rng, truth, region, hard, kind, len(words)), strict=True):
            side.extend(tags)
    return (tokens, *sides)


def _marked(
    rng: np.random.Generator, truth: dict[str, dict[str, float]], region: str, hard: float, kind: str,
    size: int,
) -> tuple[list[str], list[str], list[str]]:  # fmt: skip
    """The tags of a part of a sentence, true and of the two models."""
    none = [OUTSIDE] * size
    if not kind:
        said = ["B-PER"] if rng.random() < INVENTED else none
        return none, said, said
    true = [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
    share = truth[kind][region]
    found = rng.random() < share + hard * (1 - share)
    cut = [OUTSIDE] * (size - 1) + [f"B-{kind}"] if kind == "PER" and rng.random() < CUT else none
    said = true if found else cut
    lost = kind == "PER" and rng.random() < LOST[region]
    return true, said, cut if lost else said
