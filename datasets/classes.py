"""What a column holds that should hold classes, in words: numbers to predict, tags, look-alikes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from .columns import plain, words
from .errors import InputError, number_of

MOST = 8
"""Values named in a message."""
MOST_CLASSES = 100
"""Classes of a column, or labels of a row, that are audited one by one; more are ids or texts."""
SUPPORTED = (
    "supported are two classes (data.positive, data.negative), and task: multiclass, multilabel, regression, "
    "ranking or ner"
)
TAKEN = ("each", "favourable")
"""Names that results and gates use of several classes or labels together: none may be called so."""
TAGS = "tags of the words of a text (named entities): set task: ner, and data.tags to their column"
_TAG = re.compile(r"(?:O|[BIESLU]-\w+)(?:\s+(?:O|[BIESLU]-\w+))*")


def counted(seen: Mapping[str, int]) -> str:
    """Name values with their rows, the most frequent first: ``'no' (150 rows), 'yes' (50 rows)``."""
    order = sorted(seen, key=lambda value: (-seen[value], value))
    shown = ", ".join(f"{_cut(value)!r} ({number_of(seen[value], 'row')})" for value in order[:MOST])
    return shown + (f" and {number_of(len(order) - MOST, 'more value')}" if len(order) > MOST else "")


def check_free(names: Collection[str], where: str) -> None:
    """InputError for a class or label whose name means several of them in gates and results."""
    if taken := [name for name in names if name in TAKEN]:
        raise InputError(
            f"{where}: no class or label may be called {taken[0]!r}, a name that is taken (a gate's class: "
            "each means all of them, class: favourable those of data.favourable together); rename it in the "
            "data"
        )


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def folded(text: str) -> str:
    """Return a text without case, outer spaces and differences of Unicode form; 1.0 is 1."""
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    try:
        return f"{float(text):g}" if len(text) < 16 else text
    except ValueError:
        return text


def alike(value: str, others: Collection[str]) -> str | None:
    """Return the one of some values that differs from ``value`` in its spelling alone."""
    return next((other for other in others if other != value and folded(other) == folded(value)), None)


def another_task(seen: Collection[str]) -> str | None:
    """Say what the values look like where they are no two classes at all, and which task they are of.

    None where they may be classes.
    """
    if tagged(seen):
        return TAGS
    if all(value.startswith("[") and value.endswith("]") for value in seen):
        return "a list in each row (several labels): set task: multilabel"
    numbers = [number for number in map(_number, seen) if number is not None]
    if len(numbers) < len(seen) or len(numbers) < 3:
        return None
    fractions = any(number != int(number) for number in numbers if abs(number) < 2**53)
    if fractions or len(numbers) > 20:
        return (
            f"{len(numbers)} different numbers from {min(numbers):g} to {max(numbers):g}, as a regression "
            "predicts them: set task: regression, or audit two classes by a column that says which numbers "
            "are above a limit"
        )
    return None


def tagged(seen: Collection[str]) -> bool:
    """Whether all values are tags of the words of a text, one or several in a row."""
    return all(map(_TAG.fullmatch, seen)) and any("-" in value for value in seen)


def too_many(what: str, seen: Collection[str]) -> str:
    """Say that there are more values than are audited one by one, and what they may be instead."""
    numbers = sum(_number(value) is not None for value in seen)
    hint = (
        "a number that is predicted (task: regression), or an id" if numbers == len(seen) else "an id or text"
    )
    return (
        f"{what} holds {len(seen):,} different values, expected at most {MOST_CLASSES} classes; so many look "
        f"like {hint}"
    )


def check_few(names: Collection[str], what: str) -> None:
    """InputError for what tells more classes or labels than are audited one by one."""
    if len(names) > MOST_CLASSES:
        raise InputError(f"{what} tells {len(names):,} classes apart, expected at most {MOST_CLASSES}")


def one_value(column: pa.Array | pa.ChunkedArray, name: str, role: str) -> None:
    """InputError for a column of lists or records, of which a label has a task of its own, or of no UTF-8."""
    if pa.types.is_nested(column.type):
        several = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
        if several and tagged(words(pc.list_flatten(column)).dictionary.to_pylist()):
            raise InputError(f"{role} column '{name}' holds {TAGS}")
        hint = "; of several labels in a row set task: multilabel" if several else ""
        raise InputError(f"{role} column '{name}': expected one value per row, got {column.type}{hint}")
    plain(column, name)


def in_order(values: Collection[str]) -> list[str]:
    """Return classes as they are listed: numbers by their size, others by name."""
    numbers = {value: _number(value) for value in values}
    if all(number is not None for number in numbers.values()):
        return sorted(values, key=lambda value: (numbers[value], value))
    return sorted(values)


def mixed(seen: Collection[str]) -> tuple[list[str], list[str]] | None:
    """Return the numbers and the words among some classes, None where they are of one kind."""
    numbers = [value for value in seen if _number(value) is not None]
    others = [value for value in seen if _number(value) is None]
    return (in_order(numbers), sorted(others)) if numbers and others else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) != float("inf") and number == number else None
