"""Values that a reader takes for one are told, with what cannot be seen; totals rows too."""

from __future__ import annotations

import numpy as np
import pytest
from fairweigh.datasets.alike import Heaviest, alike, shown, totals, warn_alike


@pytest.mark.parametrize(
    "other",
    [
        "female", "FEMALE", " Female", "Female ", "Fe male", "Female\u00a0", "Fe\u200bmale", "\ufeffFemale",
        "Female\u2009", "Ｆｅｍａｌｅ", "Fe\u00admale", "\u202aFemale\u202c",
    ],
)  # fmt: skip
def test_values_alike_but_for_case_space_and_form_are_named(other: str) -> None:
    (group,) = alike(["Female", "Male", other])
    assert group == sorted(["Female", other])
    (told,) = warn_alike("sex", ["Female", "Male", other])
    assert "Column sex" in told
    assert "'Female'" in told
    assert shown(other) in told
    assert shown(other) != "'Female'"


@pytest.mark.parametrize(
    ("one", "other"), [("Männlich", "Ma\u0308nnlich"), ("ﬁn", "fin"), ("Straße", "STRASSE")]
)
def test_forms_of_unicode_are_one(one: str, other: str) -> None:
    assert alike([one, other]) == [sorted([one, other])]
    assert shown(one) != shown(other)


def test_other_values_are_not_alike() -> None:
    assert warn_alike("x", ["a", "b", "á", "à", "男", "女", "1", "10", "1.0", "I", "İ"]) == []


def test_values_with_two_spaces_are_told_apart() -> None:
    assert shown("a b") != shown("a  b")


@pytest.mark.parametrize(
    "word", ["Total", "TOTAL:", "Gesamt", "Summe", "合计", "总计", "合計", "Итого", "Grand Total"]
)
def test_words_of_totals_are_found(word: str) -> None:
    assert totals(["a", "b", word]) == [word]


def test_subtotals_are_found_by_the_value_they_sum_up() -> None:
    assert totals(["Female", "Male", "Female Total", "Total male", "Totally other"]) == [
        "Female Total",
        "Total male",
    ]


def test_the_row_that_sums_up_the_others_is_found_in_any_place() -> None:
    seen = Heaviest()
    seen.add(np.array([12, 13]), np.array([True, True]))
    seen.add(np.array([50, 25]), np.array([True, True]))
    assert "Row 3 of the table" in seen.warn()[0]


def test_a_row_without_a_name_sums_up_two() -> None:
    for known, told in ((False, 1), (True, 0)):
        seen = Heaviest()
        seen.add(np.array([12, 13, 25]), np.array([True, True, known]))
        assert len(seen.warn()) == told
