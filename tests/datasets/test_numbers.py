"""A column's type is what its values are: numbers, categories, or words among numbers, which are told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.numbers import NotANumberError, kind_of, numbers

PLENTY = [str(i / 7) for i in range(50)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([Decimal("1.5"), None], pa.decimal32(5, 2)),
        pa.array([Decimal("1.5"), None], pa.decimal64(12, 2)),
        pa.array([Decimal("1.5"), None]),
        pa.array([Decimal("1.5"), None], pa.decimal256(50, 3)),
        pa.array([1.5, None], pa.float16()),
        pa.array([1.5, None]).dictionary_encode(),
        pa.array([Decimal("1.5"), None]).dictionary_encode(),
        pa.array(["1.5", None], pa.large_string()),
        pa.array([" 1.5 ", ""], pa.string_view()),
        pa.array(["+1.5e0", "nan"]).dictionary_encode(),
    ],
)
def test_numbers_are_numbers_however_they_are_stored(column: Any) -> None:
    np.testing.assert_array_equal(numbers(column, "x: expected numbers", "x"), [1.5, np.nan])
    assert kind_of(column, "x") == "number"


@pytest.mark.parametrize(
    "word", ["NA", "N/A", "n/a", "?", "-", ".", "<NA>", "#N/A", "#REF!", "None", "missing"]
)
def test_a_word_for_not_known_among_numbers_is_told_however_many_there_are(word: str) -> None:
    for text in (*PLENTY, word), (word,) * 40 + ("1", "2"):
        with pytest.raises(NotANumberError, match=r"expected numbers, got string .*data\.missing") as raised:
            kind_of(pa.array(text), "x")
        assert raised.value.value == word


@pytest.mark.parametrize("value", ["1,234.5", "1.234,5", "12,5", "1 234", "1'234"])
def test_a_number_in_another_notation_is_told(value: str) -> None:
    with pytest.raises(NotANumberError, match="without separators of thousands and with a decimal point"):
        kind_of(pa.array([*PLENTY, value]), "x")
    with pytest.raises(NotANumberError, match="without separators"):
        numbers(pa.array([value]), "score column 'p': expected numbers", "p")


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["a", "b", None, ""], "category"),
        (["a", "b", "c", "1"], "category"),
        (["02139", "10001"], "category"),
        (["1", "2", ""], "number"),
        (["", " ", None], "empty"),
    ],
)
def test_text_is_what_its_values_are(texts: list[Any], kind: str) -> None:
    assert kind_of(pa.array(texts), "x") == kind


@pytest.mark.parametrize("form", ["{}%", "${}", "{} €", "{}-", "({})", "\u2212{}"])
def test_numbers_that_are_dressed_up_are_told_and_few_of_them_may_be_classes(form: str) -> None:
    with pytest.raises(NotANumberError, match=r"write numbers without a currency or percent sign"):
        kind_of(pa.array([form.format(i / 8) for i in range(60)]), "x")
    assert kind_of(pa.array([form.format(i) for i in (10, 20, 30)] * 20), "x") == "category"


def test_codes_of_numbers_and_words_must_be_declared() -> None:
    with pytest.raises(NotANumberError, match=r"list it in data\.categorical"):
        kind_of(pa.array(["1", "2", "A"] * 5), "x")


@pytest.mark.parametrize("column", [pa.array([[1]]), pa.array([{"a": 1}])])
def test_lists_and_records_are_no_features(column: pa.Array) -> None:
    with pytest.raises(InputError, match="feature column 'x': expected one value per row, got"):
        kind_of(column, "x")


def test_flags_dates_and_empty_columns() -> None:
    assert kind_of(pa.array([True, None]), "x") == "number"
    assert kind_of(pa.array([1, 2], pa.date32()), "x") == "category"
    assert kind_of(pa.nulls(3), "x") == kind_of(pa.array([np.nan, np.nan]), "x") == "empty"


def test_a_long_word_is_cut() -> None:
    with pytest.raises(NotANumberError) as raised:
        numbers(pa.array(["x" * 100_000]), "score column 'p': expected numbers", "p")
    assert len(str(raised.value)) < 200
