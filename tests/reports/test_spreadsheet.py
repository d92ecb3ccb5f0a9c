"""Tables for a spreadsheet: RFC 4180, and no text of the data is a formula."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.plain.figures_csv import COLUMNS, render_csv
from fairweigh.reports.plain.spreadsheet import csv_text
from hypothesis import given
from hypothesis import strategies as st

COMMAND = "=cmd|' /C calc'!A0"


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", ",", '"', "\r\r", '"\r'])
def test_a_value_that_breaks_lines_stays_one_cell(compas: AuditResult, end: str) -> None:
    """A lone CR was not quoted: rows of 5 and 10 columns, the second of which began with a formula."""
    value = f"x{end}{COMMAND}"
    row = compas.variants[0].slices[0].model_copy(update={"slice": {"race": value}})
    variant = compas.variants[0].model_copy(update={"slices": [row], "disparities": []})
    text = render_csv(compas.model_copy(update={"variants": [variant]}))
    found = rows_of(text)
    assert {len(line) for line in found} == {len(COLUMNS)}
    assert f"race={value}" in {line[COLUMNS.index("slice")] for line in found}
    assert len(pd.read_csv(io.StringIO(text))) == len(found) - 1


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_text_cell_begins_a_formula_and_numbers_stay_numbers(sign: str) -> None:
    ((text, number, count),) = rows_of(csv_text([[f"{sign}1+1", -0.25, -3]]))
    assert text == f"'{sign}1+1"
    assert (float(number), int(count)) == (-0.25, -3)


def test_the_name_of_a_variant_is_text_too(compas: AuditResult) -> None:
    named = compas.variants[0].model_copy(update={"name": COMMAND})
    found = rows_of(render_csv(compas.model_copy(update={"variants": [named]})))
    assert {line[0] for line in found[1:]} == {f"'{COMMAND}"}


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1, max_size=4))
def test_any_text_comes_back_and_lines_end_as_the_standard_says(rows: list[list[str]]) -> None:
    text = csv_text(rows)
    assert text.endswith("\r\n")
    back = rows_of(text)
    assert [[re.sub(r"^'(?=[=+\-@\t\r\n＝＋－＠])", "", cell) for cell in row] for row in back] == [
        [re.sub(r"^'(?=[=+\-@\t\r\n＝＋－＠])", "", cell) for cell in row] for row in rows
    ]
