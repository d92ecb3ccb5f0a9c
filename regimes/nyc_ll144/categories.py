"""The categories of New York City's rule, and the values of a run's columns that mean them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...audit.unknown import unknown as no_such
from ...bands import UNKNOWN
from ...datasets.columns import meant, word

SEXES = ("Male", "Female")
HISPANIC = "Hispanic or Latino"
RACES = (
    HISPANIC,
    "White",
    "Black or African American",
    "Native Hawaiian or Pacific Islander",
    "Asian",
    "Native American or Alaska Native",
    "Two or More Races",
)
"""In the rule's order and words; all but the first are 'Not Hispanic or Latino'."""
ALSO = {
    "native hawaiian or other pacific islander": "Native Hawaiian or Pacific Islander",
    "american indian or alaska native": "Native American or Alaska Native",
}
"""Names that the EEO-1 form itself gives to two of them."""
NOT_KNOWN = "unknown"


def category(name: str, categories: Sequence[str]) -> str | None:
    """Return the category of a name, whatever its case, or 'unknown'; None where it names none."""
    known = {c.lower(): c for c in categories} | {NOT_KNOWN: NOT_KNOWN}
    known |= {other: c for other, c in ALSO.items() if c in categories}
    return known.get(name.strip().lower())


def read_categories(given: Any, categories: Sequence[str]) -> Any:
    """Bring a mapping of values to categories to text and the rule's names.

    Raises
    ------
    ValueError
        A category that the rule does not know, with the nearest.
    """
    if not isinstance(given, Mapping):
        return given
    out = {}
    for value, name in given.items():
        found = category(word(name), categories)
        if found is None:
            raise ValueError(no_such(word(name), [*categories, NOT_KNOWN], "category of the rule"))
        out[word(value)] = found
    return out


def categories_of(
    values: Sequence[str], given: Mapping[str, str], categories: Sequence[str], column: str, key: str
) -> dict[str, str]:
    """Return the category of each value of a column.

    Parameters
    ----------
    given : mapping
        Value to category; a value that is a category's own name needs none.
    key : str
        The input that ``given`` came with, for the error.

    Raises
    ------
    ValueError
        A value without a category.
    """
    out = {UNKNOWN: NOT_KNOWN}
    given = {meant(value, values): found for value, found in given.items()}
    for value in values:
        found = given.get(value) or out.get(value) or category(value, categories)
        if found is None:
            raise ValueError(
                f"{key}: the value {value!r} of the column {column!r} has no category; expected one of "
                + ", ".join([*categories, NOT_KNOWN])
            )
        out[value] = found
    return out
