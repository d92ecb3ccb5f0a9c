"""What a column holds that should hold two classes, in words: numbers to predict, tags, look-alikes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

from .errors import number_of

MOST = 8
"""Values named in a message."""
SUPPORTED = "supported are labels of two classes, named in data.positive and data.negative (lists are fine)"
_TAG = re.compile(r"(?:O|[BIESLU]-\w+)(?:\s+(?:O|[BIESLU]-\w+))*")


def counted(seen: Mapping[str, int]) -> str:
    """Name values with their rows, the most frequent first: ``'no' (150 rows), 'yes' (50 rows)``."""
    order = sorted(seen, key=lambda value: (-seen[value], value))
    shown = ", ".join(f"{_cut(value)!r} ({number_of(seen[value], 'row')})" for value in order[:MOST])
    return shown + (f" and {number_of(len(order) - MOST, 'more value')}" if len(order) > MOST else "")


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
    """Say what the values look like where they are no classes at all, and what is supported.

    None where they may be classes.
    """
    if all(map(_TAG.fullmatch, seen)) and any("-" in value for value in seen):
        return f"tags of the words of a text (named entities), which cannot be audited yet; {SUPPORTED}"
    if all(value.startswith("[") and value.endswith("]") for value in seen):
        return f"a list in each row (tags, several labels), which cannot be audited yet; {SUPPORTED}"
    numbers = [number for number in map(_number, seen) if number is not None]
    if len(numbers) < len(seen) or len(numbers) < 3:
        return None
    fractions = any(number != int(number) for number in numbers if abs(number) < 2**53)
    if fractions or len(numbers) > 20:
        return (
            f"{len(numbers)} different numbers from {min(numbers):g} to {max(numbers):g}, as a regression "
            f"predicts them, which cannot be audited yet; {SUPPORTED}: a column that says which numbers are "
            "above a limit will do"
        )
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) != float("inf") and number == number else None
