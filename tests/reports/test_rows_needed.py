"""How many rows would decide, in words: never nothing where something is open."""

from __future__ import annotations

from typing import Any

import pytest
from fairweigh.audit.result import AuditResult, Decided
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.page.undecided import undecided
from fairweigh.reports.plain.assertion import render_assertion
from fairweigh.reports.plain.junit import render_junit
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.rows_needed import rounded_up, rows_needed
from fairweigh.reports.words.spoken import plain

OPEN = {"verdict": "inconclusive", "measured": 0.1, "low": 0.05, "high": 0.15}

WORDS: dict[str, Any] = {
    "both": (
        {"rows_needed": 5287, "rows_needed_halfway": 20_931},
        "about 5,290 rows (80 % chance, were the truth as measured); 21,000 were it half-way to the limit",
        "约 5,290 个（假如真实值与测得值相同，判定成功的概率为 80%）；"
        "假如真实值位于测得值与限值的中点，则为 21,000 个",
    ),
    "never half-way": (
        {"rows_needed": 5287},
        "about 5,290 rows (80 % chance, were the truth as measured); were it half-way to the limit, at no "
        "realistic number",
        "约 5,290 个（假如真实值与测得值相同，判定成功的概率为 80%）；"
        "假如真实值位于测得值与限值的中点，则现实的样本数都不够",
    ),
    "on the limit": (
        {"at_no_size": True},
        "at no realistic number: the measured value lies on the limit or too near it",
        "现实的样本数都不够，因为测得值就在限值上或离它太近",
    ),
    "not known": ({}, "not known", "未知"),
}


@pytest.mark.parametrize("case", WORDS)
def test_rows_needed_are_told_with_their_chance(case: str) -> None:
    fields, english, chinese = WORDS[case]
    part = Decided(**{**OPEN, **fields})
    assert plain(rows_needed(part).words).replace("\u00a0", " ") == english
    assert rows_needed(part).cell not in ("", "—")
    with writing("zh"):
        assert plain(rows_needed(part).words) == chinese


@pytest.mark.parametrize("verdict", ["pass", "fail", "error"])
def test_what_is_decided_needs_no_rows(verdict: str) -> None:
    told = rows_needed(Decided(verdict=verdict, rows_needed=5))
    assert (told.cell, told.under, told.words) == ("—", "", ())


@pytest.mark.parametrize(
    ("rows", "shown"), [(7, "7"), (999, "999"), (1000, "1,000"), (1001, "1,010"), (61_210, "61,300")]
)
def test_rows_are_rounded_up_to_three_figures(rows: int, shown: str) -> None:
    assert rounded_up(rows) == shown


def test_an_open_gate_on_its_limit_is_told_everywhere(compas: AuditResult) -> None:
    gate = compas.gates[1].model_copy(
        update={"rows_needed": None, "rows_needed_halfway": None, "at_no_size": True, "slices": []}
    )
    result = compas.model_copy(update={"gates": [gate], "verdict": "inconclusive"})
    told = "at no realistic number: the measured value lies on the limit or too near it"
    assert told in plain(undecided(result)[0])
    for text in (render_text(result), render_junit(result)):
        assert f"rows needed: {told}" in text
    assert ">at no realistic number<" in render_annex(result, charts=False)


def test_each_open_slice_of_an_assertion_says_what_would_decide_it(compas: AuditResult) -> None:
    text = render_assertion(compas, [compas.gates[1]])
    lines = [line for line in text.splitlines() if line.startswith("  ? inconclusive")]
    assert len(lines) == 2
    assert "rows needed: about 61,300 rows" in lines[0]
    assert "rows needed: at no realistic number" in lines[1]
