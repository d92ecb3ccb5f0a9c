"""Which columns say what a row is: its id, what it depends on, how many it stands for, its split."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from ...datasets.columns import MAX_VALUES
from . import names
from .column import Look
from .found import MOST_CLASSES, NOT_USED, Roles, free
from .values import plain

MOST_UNITS = 30
"""Ids of fewer distinct values that repeat are codes of something else."""
FULL = 4
"""A table of cells holds at least one in so many of the possible combinations of its values."""
TRAIN = {"train", "training", "learn", "dev", "fit"}
TEST = ("test", "evaluation", "eval", "holdout", "hold out", "heldout", "validation", "valid", "val")
COUNT_WORDS = {
    "n", "count", "counts", "freq", "frequency", "rows", "row", "cnt", "anzahl", "nombre", "numero", "total",
    "number", "of", "num", "people", "persons", "applicants", "cases", "数量", "人数", "件数", "빈도", "cell",
}  # fmt: skip


def find_keys(looks: Mapping[str, Look], found: Roles, kinds: Mapping[str, str]) -> None:
    """Give the roles of split, count, id, cluster and weight.

    Parameters
    ----------
    kinds : mapping of str to str
        Columns that may be sensitive features, which none of these is.
    """
    _split(looks, found)
    _count(looks, found)
    if found.count:
        return
    for name, look in free(looks, found).items():
        if name not in kinds and (look.kind == "text" or (look.kind == "number" and look.whole)):
            _id_or_cluster(name, look, found)
    body = any(names.has(re.compile("height|bmi"), name) for name in looks)
    for name, look in free(looks, found).items():
        if name not in kinds and look.kind == "number" and look.low >= 0:
            _weight(name, look, found, body)


def _split(looks: Mapping[str, Look], found: Roles) -> None:
    for name, look in free(looks, found).items():
        values = {plain(v): v for v in look.known}
        test = next((values[v] for v in TEST if v in values), None)
        train = next((values[v] for v in values if v in TRAIN), None)
        if names.has(names.SPLIT, name) and look.kind == "text" and test and train:
            found.split_column, found.split, found.train = name, test, train
            found.give(name, "split_column", f"rows of {test!r} are audited")
            return


def _count(looks: Mapping[str, Look], found: Roles) -> None:
    """A column of counts, where rows are cells: few values elsewhere, and most combinations of them."""
    columns = free(looks, found)
    counts = [n for n, look in columns.items() if _counts(look)]
    others = [look for n, look in columns.items() if n not in counts]
    if len(counts) != 1 or not others or not all(0 < len(look.values) <= MAX_VALUES for look in others):
        return
    cells = math.prod(len(look.values) + bool(look.nulls) for look in others)
    if cells / FULL <= others[0].rows <= cells:
        found.count = counts[0]
        found.give(counts[0], "count", "whole numbers: rows of each cell")


def _counts(look: Look) -> bool:
    whole = look.kind == "number" and look.whole and look.low >= 0 and look.high > 1 and not look.nulls
    return whole and names.has(names.COUNT, look.name) and set(names.split_name(look.name)) <= COUNT_WORDS


def _id_or_cluster(name: str, look: Look, found: Roles) -> None:
    named, unit = names.has(names.ID, name), names.has(names.UNIT, name)
    if look.unique and (named or (unit and look.rising)) and not found.id and not look.prose:
        found.id = name
        found.give(name, "id", "every row has its own")
        return
    grouped = named and unit and not look.unique and look.distinct > MOST_UNITS
    called = names.joined(name) in ("cluster", "cluster id") and look.distinct > 1
    if (grouped or called) and not look.nulls and not found.cluster:
        found.cluster = name
        found.give(name, "cluster", f"{look.distinct:,} values repeat: rows of one seem to belong together")
    elif named:
        why = "an id that repeats" if look.distinct > MOST_CLASSES else "a code"
        missing = ", missing in some rows" if look.nulls else ""
        found.give(name, NOT_USED, f"{'an id' if look.unique else why}, by its name{missing}")


def _weight(name: str, look: Look, found: Roles, body: bool) -> None:
    """A column of row weights; ``body``: the table speaks of bodies, whose weight it may be."""
    whole = names.joined(name)
    if not (names.has(names.WEIGHT, name) or whole in ("w", "fnlwgt")) or names.has(names.BODY, name):
        return
    sure = names.has(names.WEIGHT_OF_ROWS, name) or whole.startswith(("pwgtp", "wgt"))
    if found.weight is None and not look.nulls and (sure or (not body and whole != "fnlwgt")):
        found.weight = name
        found.give(name, "weight", "numbers of at least 0, by its name how many each row stands for")
    else:
        found.give(name, NOT_USED, "CHECK: row weights? If so set data.weight; usual figures go without")
