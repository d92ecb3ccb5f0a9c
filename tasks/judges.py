"""How judges of answers decided labelled ones: counts by slice, as predictions carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metrics.prevalence import Errors
from .cases import By
from .ratios import Keys

JUDGE = "judge"
"""The column of predictions that says how the judges did: the same text in every row, or none."""
Counts = tuple[int, int, int, int]
"""Positive rows found, and all; other rows found positive, and all."""


@dataclass(frozen=True)
class Audited:
    """How one judge decided labelled rows.

    Attributes
    ----------
    name : str
    features : tuple of str
        The sensitive features that the labelled rows have.
    cells : mapping of tuple of str to counts
        By their values: found positives, positives, false positives, negatives.
    """

    name: str
    features: tuple[str, ...]
    cells: Mapping[tuple[str, ...], Counts]

    def errors(self, by: By, keys: Keys) -> Errors:
        """The judge's errors in some slices: on labelled rows with the same values of what these have.

        A feature that the labelled rows do not have tells none apart: then those of all values count.
        """
        held = [name for name in by if name in self.features]
        places = [self.features.index(name) for name in held]
        sums: dict[tuple[str, ...], np.ndarray[Any, Any]] = {}
        for values, counts in self.cells.items():
            key = tuple(values[place] for place in places)
            sums[key] = sums.get(key, np.zeros(4, np.int64)) + np.array(counts, np.int64)
        number = {key: place for place, key in enumerate(sums)}
        wanted = [tuple(key[by.index(name)] for name in held) for key in keys]
        nothing = np.zeros(4, np.int64)
        table = np.array([sums.get(key, nothing) for key in wanted], np.int64).reshape(-1, 4)
        of = np.array([number.get(key, -1 - place) for place, key in enumerate(wanted)], np.int64)
        return Errors(table[:, 0], table[:, 1], table[:, 2], table[:, 3], of)

    def keys(self, by: By) -> list[tuple[str, ...]]:
        """The slices of some of its features that have labelled rows."""
        places = [self.features.index(name) for name in by]
        return list(dict.fromkeys(tuple(values[place] for place in places) for values in self.cells))


def written(judges: Sequence[Audited]) -> str:
    """Write what `read` reads."""
    return json.dumps(
        [
            {
                "name": judge.name,
                "features": list(judge.features),
                "cells": [[list(key), *counts] for key, counts in judge.cells.items()],
            }
            for judge in judges
        ],
        ensure_ascii=False,
    )


def read(text: str) -> list[Audited]:
    """Read the counts of judges; ValueError where the text is none that `written` wrote."""
    found = json.loads(text)
    if not isinstance(found, list):
        raise ValueError(f"expected a list of judges, got {type(found).__name__}")
    return [_judge(one) for one in found]


def _judge(one: Any) -> Audited:
    cells: dict[tuple[str, ...], Counts] = {}
    for key, *counts in one["cells"]:
        found, positives, false, negatives = (int(count) for count in counts)
        if not 0 <= found <= positives or not 0 <= false <= negatives or len(key) != len(one["features"]):
            raise ValueError(f"expected counts of labelled answers, got {counts}")
        cells[tuple(map(str, key))] = (found, positives, false, negatives)
    return Audited(str(one["name"]), tuple(map(str, one["features"])), cells)
