"""The four-fifths rule against the examples of the agencies' own Questions and Answers, and scipy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fairweigh.audit.regimes.four_fifths import feature_figures, standard_deviations
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportions_ztest

from .pages import counted, tables, words, write_cells

RUN = Path("runs/t")


def group(figures, value):
    return next(g for g in figures["groups"] if g["value"] == value)


@pytest.fixture
def reported(audited, here):
    """Audit counts of one feature under the rule; returns the figures of that feature."""

    def do(counts, **inputs):
        write_cells(here / "cells.csv", [({"race": value}, n, selected) for value, n, selected in counts])
        audited(counted(["race"], [{"four-fifths": inputs}]))
        return json.loads((RUN / "regimes/four-fifths.json").read_text())["figures"]["features"][0]

    return do


def test_the_example_of_question_12(reported):
    # 44 Fed. Reg. 11996 (1979), no. 12: 80 white applicants, 48 hired; 40 black, 12 hired: 30 / 60 or 50 %.
    figures = reported([("white", 80, 48), ("black", 40, 12)])
    assert figures["highest"] == "white"
    black = group(figures, "black")
    assert (black["rate"], black["ratio"], black["below"]) == (0.3, 0.5, True)
    assert black["p"] == pytest.approx(fisher_exact([[12, 28], [48, 32]]).pvalue, rel=1e-9)
    assert black["standard_deviations"] == pytest.approx(proportions_ztest([12, 48], [40, 80])[0])
    # Together 60 of 120 are hired, so 20 of 40: 8 are missing. Four fifths of 60 % of 40 are 19.2.
    assert black["shortfall"] == pytest.approx(8)
    assert black["to_four_fifths"] == 20 - 12
    assert group(figures, "white")["p"] is None
    page = RUN / "regimes/four-fifths.html"
    rates = {row[0].split(" ")[0]: row[1:] for row in tables(page)[0][1]}
    assert rates["white"] == ["80", "66.7 %", "48", "60.0 %", "1.00"]
    assert rates["black"] == ["40", "33.3 %", "12", "30.0 %", "0.50"]
    assert "black : the selection rate is 0.50 of the highest, below four fifths." in words(page)


def test_one_person_instead_turns_the_example_of_question_21_round(reported):
    # No. 21: 80 white, 16 hired (20 %); 20 black, 3 hired (15 %): 75 %. "If only one more black had been
    # hired instead of a white the selection rate for blacks (20 %) would be higher than" 18.7 %.
    black = group(reported([("white", 80, 16), ("black", 20, 3)]), "black")
    assert (black["ratio"], black["below"]) == (pytest.approx(0.75), True)
    assert black["one_instead"]["rate"] == 0.2
    assert black["one_instead"]["highest"] == 15 / 80
    assert black["one_instead"]["reversed"] is True
    assert black["two_more"]["below"] is False
    cells = next(row for row in tables(RUN / "regimes/four-fifths.html")[2][1] if row[0] == "black")
    assert cells == ["black", "0.75", "1.067, the higher rate", "1.250, the higher rate"]


def test_exactly_four_fifths_is_not_below(reported):
    # The example of the Questions and Answers on several groups: whites 60 %, American Indians 45 %,
    # Hispanics 48 %, Blacks 51 %: 75, 80 and 85 %, adverse impact for American Indians alone.
    figures = reported([("white", 100, 60), ("Indian", 100, 45), ("Hispanic", 100, 48), ("black", 100, 51)])
    told = {g["value"]: (round(g["ratio"], 2), g["below"]) for g in figures["groups"]}
    assert told == {
        "white": (1, False),
        "Indian": (0.75, True),
        "Hispanic": (0.8, False),
        "black": (0.85, False),
    }


def test_small_groups_are_marked_and_left_out_when_asked(reported):
    counts = [("a", 500, 250), ("b", 490, 200), ("c", 10, 10)]
    figures = reported(counts)
    assert figures["highest"] == "c"
    assert [g["under_two_percent"] for g in figures["groups"]] == [False, False, True]
    assert group(figures, "b")["below"] is True
    assert "fewer than 2 % of the people" in words(RUN / "regimes/four-fifths.html")
    figures = feature_figures("race", counts, 0.02)
    assert (figures.highest, [g.left_out for g in figures.groups]) == ("a", [False, False, True])
    assert figures.groups[1].ratio == pytest.approx((200 / 490) / 0.5)
    assert (figures.groups[2].ratio, figures.groups[2].rate) == (None, 1.0)


def test_unknown_groups_are_counted_and_in_no_figure(reported):
    figures = reported([("a", 50, 30), ("b", 50, 20), ("", 7, 7)])
    assert (figures["n"], figures["unknown"], figures["highest"]) == (100, 7, "a")
    assert "7 people of an unknown group are in no figure." in tables(RUN / "regimes/four-fifths.html")[0][0]


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([("a", 50, 0), ("b", 50, 0)], "Nobody is selected in any group: there is no ratio."),
        ([("a", 50, 20)], "Fewer than two groups can be compared."),
    ],
)
def test_what_has_no_ratio_is_said(reported, counts, told):
    figures = reported(counts)
    assert all(g["below"] is None for g in figures["groups"])
    assert told in words(RUN / "regimes/four-fifths.html")


def test_equal_rates_of_all_or_none_have_no_standard_deviations():
    assert standard_deviations(5, 5, 9, 9) is None
