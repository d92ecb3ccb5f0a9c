"""Bands of a number, as people and programs write them, in the order of their edges."""

from __future__ import annotations

import math
import random

import pandas as pd
import pytest
from fairweigh.bands import edges, in_order
from fairweigh.datasets.columns import bin_names

SPELLED = [
    ["under 18", "18 to 24", "25 to 34", "35 and over"],
    ["Less than 25", "25 - 45", "Greater than 45"],  # ProPublica's COMPAS table.
    ["<25", "25-34", "35-44", "45-54", "55-64", "65-74", ">74"],  # The Home Mortgage Disclosure Act's.
    ["0–9", "10–19", "20–29", "100+"],
    ["unter 30", "30 bis 59", "ab 60"],
    ["18岁以下", "18至60岁", "60岁以上"],
    ["<=50K", ">50K"],
    ["under 10,000", "10,000 to 50,000", "50,000 or more"],
    ["0", "1", "2", "3 or more"],
    ["under -5", "-5 to under 2.5", "2.5 and over"],
]


@pytest.mark.parametrize("bands", SPELLED)
def test_bands_are_sorted_by_their_edges(bands: list[str]) -> None:
    mixed = random.Random(3).sample([*bands, "not stated"], len(bands) + 1)
    assert in_order(mixed) == [*bands, "not stated"], "words come last"


def test_what_pandas_and_an_audit_call_their_bands_is_sorted_as_they_cut() -> None:
    cut = [str(band) for band in pd.cut(pd.Series([5, 50, 500]), [0, 9, 99, 999]).cat.categories]
    assert in_order(cut[::-1]) == cut
    made = bin_names([9, 18, 100])
    assert in_order(sorted(made)) == made
    assert edges("100 and over") == (100, math.inf)


@pytest.mark.parametrize(
    "values",
    [["Female", "Male"], ["1", "2", "6"], ["2020-05", "2020-06"], ["A-1", "B-2"], ["over", "under"], []],
)
def test_what_are_no_bands_has_no_order(values: list[str]) -> None:
    assert in_order(values) is None
