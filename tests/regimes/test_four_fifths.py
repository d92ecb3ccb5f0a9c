"""The four-fifths rule against the examples of the agencies' own Questions and Answers, and scipy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.regimes.four_fifths.figures import feature_figures, standard_deviations
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportions_ztest

from .pages import counted, tables, words, write_cells

if TYPE_CHECKING:
    from ..conftest import Ended


RUN = Path("runs/t")


def group(figures: Any, value: str) -> Any:
    return next(g for g in figures["groups"] if g["value"] == value)


@pytest.fixture
def reported(audited: Callable[..., Any], here: Path) -> Callable[..., Any]:
    """Audit counts of one feature under the rule; returns the figures of that feature."""

    def do(counts: list[Any], positive_is: str | None = None, language: str = "en", **inputs: Any) -> Any:
        write_cells(here / "cells.csv", [({"race": value}, n, selected) for value, n, selected in counts])
        config = counted(["race"], [{"four-fifths": inputs}], positive_is)
        config["report"]["language"] = language
        audited(config)
        return json.loads((RUN / "regimes/four-fifths.json").read_text())["figures"]["features"][0]

    return do


def test_the_example_of_question_12(reported: Any) -> None:
    # 44 Fed. Reg. 11996 (1979), no. 12: 80 white applicants, 48 hired; 40 black, 12 hired: 30 / 60 or 50 %.
    figures = reported([("white", 80, 48), ("black", 40, 12)])
    assert figures["highest"] == "white"
    black = group(figures, "black")
    assert (black["rate"], black["ratio"], black["below"]) == (0.3, 0.5, True)
    # Two groups are two ordered pairs.
    alone = fisher_exact([[12, 28], [48, 32]], alternative="less").pvalue
    assert black["p_adjusted"] == pytest.approx(2 * alone, rel=1e-5)
    assert black["standard_deviations"] == pytest.approx(proportions_ztest([12, 48], [40, 80])[0])
    # Together 60 of 120 are hired, so 20 of 40: 8 are missing. Four fifths of 60 % of 40 are 19.2.
    assert black["shortfall"] == pytest.approx(8)
    assert black["to_four_fifths"] == 20 - 12
    assert group(figures, "white")["p_adjusted"] is None
    assert (figures["compared"], figures["rate"]) == (2, 60 / 120)
    assert figures["deviations"] == pytest.approx(1.959964, abs=1e-6)
    page = RUN / "regimes/four-fifths.html"
    rates = {row[0].split(" ")[0]: row[1:] for row in tables(page)[0][1]}
    assert rates["white"] == ["80", "66.7 %", "48", "60.0 %", "1.00"]
    assert rates["black"] == ["40", "33.3 %", "12", "30.0 %", "0.50"]
    assert "black : the selection rate is 0.50 of the highest, below four fifths." in words(page)


def test_one_person_instead_turns_the_example_of_question_21_round(reported: Any) -> None:
    # No. 21: 80 white, 16 hired (20 %); 20 black, 3 hired (15 %): 75 %. "If only one more black had been
    # hired instead of a white the selection rate for blacks (20 %) would be higher than" 18.7 %.
    black = group(reported([("white", 80, 16), ("black", 20, 3)]), "black")
    assert (black["ratio"], black["below"]) == (pytest.approx(0.75), True)
    assert black["one_instead"]["rate"] == 0.2
    assert black["one_instead"]["highest"] == 15 / 80
    assert black["one_instead"]["reversed"] is True
    assert black["two_more"]["below"] is False
    cells = next(row for row in tables(RUN / "regimes/four-fifths.html")[2][1] if row[0].startswith("black"))
    assert cells[1:] == ["0.75", "1.067, the higher rate", "1.250, the higher rate"]


def test_exactly_four_fifths_is_not_below(reported: Any) -> None:
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


def test_a_small_group_is_no_benchmark_of_larger_ones(reported: Any) -> None:
    # Four people, three of them selected: 75 %, against 40 and 30 % of thousands.
    figures = reported([("a", 3000, 1200), ("b", 2000, 600), ("c", 4, 3)])
    assert (figures["benchmark"], figures["small_left_out"], figures["compared"]) == ("a", True, 2)
    assert group(figures, "b")["ratio"] == pytest.approx(0.75)
    assert [g["small"] for g in figures["groups"]] == [False, False, True]
    assert (group(figures, "c")["left_out"], group(figures, "c")["ratio"]) == (True, None)
    both = figures["with_small"]
    assert (both["benchmark"], both["compared"]) == ("c", 3)
    assert group(both, "b")["ratio"] == pytest.approx(0.4)
    # No. of ordered pairs: 2 without the four people, 6 with them.
    alone = fisher_exact([[600, 1400], [3, 1]], alternative="less").pvalue
    assert group(both, "b")["p_adjusted"] == pytest.approx(min(1, 6 * alone), rel=1e-5)
    text = words(RUN / "regimes/four-fifths.html")
    assert "a has the highest selection rate, 40.0 %." in text
    assert "Small groups, of fewer than 2 % of the people or than 30: c ." in text
    assert "What is said above leaves them out; the figures below have them." in text
    assert "With them the benchmark is c : 4 people, 75.0 %." in text
    assert "c has the highest selection rate, 75.0 %." in text


def test_small_groups_are_marked_and_left_out_of_both_when_asked(reported: Any) -> None:
    counts = [("a", 500, 250), ("b", 490, 200), ("c", 10, 10)]
    figures = reported(counts)
    assert (figures["highest"], figures["with_small"]["highest"]) == ("a", "c")
    assert [g["under_two_percent"] for g in figures["groups"]] == [False, False, True]
    assert group(figures, "b")["below"] is False
    assert group(figures["with_small"], "b")["below"] is True
    assert "under 2 %" in words(RUN / "regimes/four-fifths.html")
    figures = feature_figures("race", counts, 0.02, min_size=30)
    assert (figures.highest, [g.left_out for g in figures.groups]) == ("a", [False, False, True])
    assert figures.with_small is None
    assert figures.groups[1].ratio == pytest.approx((200 / 490) / 0.5)
    assert (figures.groups[2].ratio, figures.groups[2].rate) == (None, 1.0)


def test_groups_that_are_all_small_are_compared_all_the_same(reported: Any) -> None:
    figures = reported([("a", 20, 10), ("b", 25, 5)])
    assert (figures["benchmark"], figures["small_left_out"], figures["with_small"]) == ("a", False, None)
    assert group(figures, "b")["ratio"] == pytest.approx(0.4)
    assert "without them fewer than two groups are left to compare" in words(RUN / "regimes/four-fifths.html")


# People rated a risk by COMPAS (score Medium or High), Broward County, of those with a known race:
# ProPublica's compas-scores-two-years.csv, 7,214 rows.
COMPAS = [
    ("African-American", 3696, 2174),
    ("Asian", 32, 8),
    ("Caucasian", 2454, 854),
    ("Hispanic", 637, 190),
    ("Native American", 18, 12),
    ("Other", 377, 79),
]


def test_the_lowest_rate_is_the_benchmark_of_a_burden(reported: Any) -> None:
    figures = reported(COMPAS, positive_is="burden")
    # Asian and Native American people are fewer than 2 % of all; the lowest of the others is Other, 21 %.
    assert (figures["benchmark"], figures["highest"], figures["compared"]) == ("Other", "African-American", 4)
    black = group(figures, "African-American")
    assert black["ratio"] == pytest.approx((79 / 377) / (2174 / 3696))
    assert black["below"] is True
    alone = fisher_exact([[2174, 3696 - 2174], [79, 377 - 79]], alternative="greater").pvalue
    assert black["p_adjusted"] == pytest.approx(12 * alone, rel=1e-5)
    assert black["standard_deviations"] == pytest.approx(proportions_ztest([2174, 79], [3696, 377])[0])
    # At most 5/4 of 79 / 377 of 3,696, which are 968.1, would be four fifths.
    assert black["to_four_fifths"] == 2174 - 968
    assert black["shortfall"] == pytest.approx(3696 * (2174 + 79) / (3696 + 377) - 2174)
    assert black["one_instead"]["rate"] == 2173 / 3696
    assert black["one_instead"]["highest"] == 80 / 377
    assert (black["one_instead"]["reversed"], black["two_more"]["rate"]) == (False, 2172 / 3696)
    assert group(figures, "Other")["ratio"] == 1
    page = RUN / "regimes/four-fifths.html"
    text = words(page)
    assert "To be selected is a burden: the benchmark is the lowest selection rate, 21.0 % of Other ." in text
    assert "African-American : the lowest selection rate is 0.36 of this group’s, below four fifths." in text
    assert "Two fewer selected" in text
    assert not any(word in text for word in ("favourable", "highest selection rate", "Shortfall"))
    cells = next(row for row in tables(page)[1][1] if row[0].startswith("African-American"))
    assert cells[3] == f"{2174 - 3696 * 2253 / 4073:.1f}"


def test_one_person_instead_turns_a_burden_round(reported: Any) -> None:
    # 30 and 31 of 100 are rated: one person instead, and it is 31 and 30.
    other = group(reported([("a", 100, 30), ("b", 100, 31)], positive_is="burden"), "b")
    assert (other["one_instead"]["rate"], other["one_instead"]["reversed"]) == (0.3, True)
    assert other["to_four_fifths"] == 0
    assert "the lower rate" in words(RUN / "regimes/four-fifths.html")


def test_a_burden_that_one_group_does_not_bear_at_all(reported: Any) -> None:
    figures = reported([("a", 100, 0), ("b", 100, 20)], positive_is="burden")
    assert figures["benchmark"] == "a"
    assert (group(figures, "b")["ratio"], group(figures, "b")["below"]) == (0, True)
    assert group(figures, "b")["to_four_fifths"] == 20


@pytest.mark.parametrize(("said", "told"), [(None, False), ("benefit", False), ("burden", True)])
def test_only_a_burden_is_called_one(reported: Any, said: str | None, told: bool) -> None:
    reported(COMPAS, positive_is=said)
    text = words(RUN / "regimes/four-fifths.html")
    assert ("burden" in text, "favourable" in text) == (told, False)


def test_a_page_in_chinese_says_both_benchmarks(reported: Any) -> None:
    reported([("a", 3000, 1200), ("b", 2000, 600), ("c", 4, 3)], positive_is="burden", language="zh")
    text = words(RUN / "regimes/four-fifths.html")
    assert "被选中是一种负担，以最低的选择率为基准：" in text
    assert "偶然" in text


def test_the_figures_are_computed_again_from_the_predictions(
    reported: Any, cli: Callable[..., Ended]
) -> None:
    reported(COMPAS, positive_is="burden")
    assert cli("verify", "runs/t").code == 0
    file = RUN / "regimes/four-fifths.json"
    assert '"small_left_out": true' in file.read_text()


def test_the_page_says_how_often_chance_alone_is_below(reported: Any) -> None:
    figures = reported([(f"g{i}", 500, 150 + (i % 3)) for i in range(20)])
    assert (figures["compared"], figures["rate"]) == (20, sum(150 + (i % 3) for i in range(20)) / 10_000)
    # 20 groups of 500 selected at 30 %: drawn anew, independently of the code.
    drawn = np.random.default_rng(7).binomial(500, figures["rate"], (100_000, 20))
    share = (5 * drawn.min(1) < 4 * drawn.max(1)).mean()
    assert figures["chance_below"] == pytest.approx(share, abs=0.006)
    assert 0.65 < figures["chance_below"] < 0.75
    told = "Were all 20 groups selected at the same rate of 30.2 %, some ratio would be below 0.8 in "
    assert told + f"{figures['chance_below']:.1%}".replace("%", " %") in words(
        RUN / "regimes/four-fifths.html"
    )


def test_of_twenty_equal_groups_an_adjusted_p_is_seldom_low() -> None:
    # A raw two-sided p against the picked benchmark is below .05 in about 85 % of such draws.
    drawn = np.random.default_rng(20).binomial(500, 0.3, (200, 20))
    low, raw = 0, 0
    for row in drawn.tolist():
        found = feature_figures("g", [(str(i), 500, x) for i, x in enumerate(row)], None, min_size=30)
        low += any(g.p_adjusted is not None and g.p_adjusted < 0.05 for g in found.groups)
        lowest, highest = min(row), max(row)
        raw += fisher_exact([[lowest, 500 - lowest], [highest, 500 - highest]]).pvalue < 0.05
    assert low <= 0.05 * len(drawn)
    assert raw > 0.7 * len(drawn)


def test_unknown_groups_are_counted_and_in_no_figure(reported: Any) -> None:
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
def test_what_has_no_ratio_is_said(reported: Any, counts: list[Any], told: str) -> None:
    figures = reported(counts)
    assert all(g["below"] is None for g in figures["groups"])
    assert told in words(RUN / "regimes/four-fifths.html")


def test_equal_rates_of_all_or_none_have_no_standard_deviations() -> None:
    assert standard_deviations(5, 5, 9, 9) is None
