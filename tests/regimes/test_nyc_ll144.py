"""The example tables of New York City's rule (6 RCNY 5-301) come out of the page to the published digits."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.regimes.base import wanted
from fairweigh.metrics.scores import ScoreCollector

from .pages import counted, tables, words, write_cells

if TYPE_CHECKING:
    from ..conftest import Ended


RUN = Path("runs/t")
PAGE = RUN / "regimes/nyc-ll144.html"
GIVEN = {
    "rate": "selection",
    "tool": "Screener",
    "audit_date": "2026-01-31",
    "distribution_date": "2025-06-01",
    "data_source": "Applications of 2025",
    "data_type": "historical",
    "sex": "sex",
    "race": "race",
}

# DCWP, Notice of Adoption of 6 April 2023, 6 RCNY 5-301: the tables for a tool that selects.
# The three tables of the rule do not add up to one another, so each is a run of its own.
SEX = [("Male", 1390, 667, "1.000", "48.0 %"), ("Female", 1181, 555, "0.979", "47.0 %")]
RACE = [
    ("Hispanic or Latino", 408, 204, "0.97"),
    ("White", 797, 412, "1.00"),
    ("Black or African American", 390, 170, "0.84"),
    ("Native Hawaiian or Pacific Islander", 119, 52, "0.85"),
    ("Asian", 616, 302, "0.95"),
    ("Native American or Alaska Native", 41, 18, "0.85"),
    ("Two or More Races", 213, 96, "0.87"),
]
BOTH = [
    ("Hispanic or Latino", "Male", 205, 90, "0.841"),
    ("Hispanic or Latino", "Female", 190, 82, "0.827"),
    ("White", "Male", 412, 215, "1.000"),
    ("Black or African American", "Male", 226, 95, "0.806"),
    ("Native Hawaiian or Pacific Islander", "Male", 87, 37, "0.815"),
    ("Asian", "Male", 321, 167, "0.997"),
    ("Native American or Alaska Native", "Male", 24, 11, "0.878"),
    ("Two or More Races", "Male", 115, 51, "0.850"),
    ("White", "Female", 385, 197, "0.981"),
    ("Black or African American", "Female", 164, 75, "0.876"),
    ("Native Hawaiian or Pacific Islander", "Female", 32, 15, "0.898"),
    ("Asian", "Female", 295, 135, "0.877"),
    ("Native American or Alaska Native", "Female", 17, 7, "0.789"),
    ("Two or More Races", "Female", 98, 44, "0.860"),
]
# The tables for a tool that scores: 168 people, 84 of them above the median.
SCORED_SEX = [("Male", 92, 50, "1.00"), ("Female", 76, 34, "0.82")]
SCORED_RACE = [
    ("Hispanic or Latino", 28, 18, "1.00"),
    ("White", 40, 15, "0.58"),
    ("Black or African American", 32, 16, "0.78"),
    ("Native Hawaiian or Pacific Islander", 8, 5, "0.97"),
    ("Asian", 24, 10, "0.65"),
    ("Native American or Alaska Native", 16, 10, "0.97"),
    ("Two or More Races", 20, 10, "0.78"),
]


def lines(number: int) -> list[list[str]]:
    """The rows of one of the page's tables that hold figures."""
    return [row for row in tables(PAGE)[number][1][1:] if len(row) > 1]


@pytest.fixture
def selected(audited: Callable[..., Any], here: Path) -> Callable[..., Any]:
    """Audit counts of (sex, race, people, selected) under the rule."""

    def do(cells: list[Any], **given: Any) -> Any:
        rows = [({"sex": sex, "race": race}, n, chosen) for sex, race, n, chosen in cells]
        write_cells(here / "cells.csv", rows)
        audited(counted(["sex", "race"], [{"nyc-ll144": {**GIVEN, **given}}]))
        return json.loads((RUN / "regimes/nyc-ll144.json").read_text())["figures"]

    return do


def test_the_rule_compares_with_the_highest_rate_of_a_burden_too(
    audited: Callable[..., Any], here: Path
) -> None:
    rows = [({"sex": sex, "race": "unknown"}, n, s) for sex, n, s, *_ in SEX]
    said = "here the category of the highest rate is the one that is worse off"
    for number, positive_is in enumerate((None, "benefit", "burden")):
        write_cells(here / "cells.csv", rows)
        audited(counted(["sex", "race"], [{"nyc-ll144": GIVEN}], positive_is))
        for row, (_, _, _, ratio, _) in zip(lines(0), SEX, strict=True):
            assert row[4] == ratio
        assert (said in words(PAGE)) == (positive_is == "burden")
        RUN.rename(f"run{number}")


def test_selection_example_sex(selected: Any) -> None:
    selected([(sex, "unknown", n, s) for sex, n, s, *_ in SEX])
    for row, (sex, n, s, ratio, rate) in zip(lines(0), SEX, strict=True):
        assert row[:4] == [sex, f"{n:,}", str(s), rate]
        assert row[4] == ratio
    assert "2,571 individuals are not included" in tables(PAGE)[1][0]


def test_selection_example_race(selected: Any) -> None:
    selected([("unknown", race, n, s) for race, n, s, _ in RACE], decimals=2)
    for row, (race, n, s, ratio) in zip(lines(1), RACE, strict=True):
        suffix = "" if race == "Hispanic or Latino" else " (Not Hispanic or Latino)"
        assert row[:3] == [race + suffix, str(n), str(s)]
        assert row[4] == ratio


def test_selection_example_intersections(selected: Any) -> None:
    selected([(sex, race, n, s) for race, sex, n, s, _ in BOTH])
    found = tables(PAGE)[2][1][1:]
    heads = [row[0] for row in found if len(row) == 1]
    assert heads == [
        "Hispanic or Latino", "Not Hispanic or Latino: Male", "Not Hispanic or Latino: Female"
    ]  # fmt: skip
    for row, (race, sex, n, s, ratio) in zip(lines(2), BOTH, strict=True):
        assert row[:3] == [sex if race == "Hispanic or Latino" else race, str(n), str(s)]
        assert row[4] == ratio
    # The rule's sums by sex: 1,390 and 1,181 people.
    assert [row[1] for row in lines(0)] == ["1,390", "1,181"]


def margins(rows: Any, columns: Any) -> Any:
    """Counts of pairs with the given sums of rows and columns (north-west corner rule)."""
    rows, columns, out = list(rows), list(columns), []
    i = j = 0
    while i < len(rows) and j < len(columns):
        n = min(rows[i], columns[j])
        out.append((i, j, n))
        rows[i] -= n
        columns[j] -= n
        i, j = (i + 1, j) if not rows[i] else (i, j + 1)
    return out


def test_scoring_example(audited: Callable[..., Any]) -> None:
    sexes, races, scores = [], [], []
    for high in (True, False):
        by_sex = [above if high else n - above for _, n, above, _ in SCORED_SEX]
        by_race = [above if high else n - above for _, n, above, _ in SCORED_RACE]
        for i, j, n in margins(by_sex, by_race):
            sexes += [SCORED_SEX[i][0]] * n
            races += [SCORED_RACE[j][0]] * n
    scores = list(chain(0.6 + np.arange(84) / 1000, 0.1 + np.arange(84) / 1000))
    order = np.random.default_rng(0).permutation(168)
    table = pa.table(
        {
            "id": range(168),
            "sex": np.array(sexes)[order],
            "race": np.array(races)[order],
            "score": np.array(scores)[order],
        }
    )
    config = {
        "audit": "t",
        "data": {"path": "d.parquet", "id": "id", "sensitive": ["sex", "race"]},
        "model": {"score": "score"},
        "report": {"charts": False, "regimes": [{"nyc-ll144": {**GIVEN, "rate": "scoring", "decimals": 2}}]},
    }
    audited(config, table)
    figures = json.loads((RUN / "regimes/nyc-ll144.json").read_text())["figures"]
    assert (figures["n"], figures["exact"]) == (168, True)
    assert figures["median"] == pytest.approx((0.183 + 0.6) / 2)
    for number, example in enumerate((SCORED_SEX, SCORED_RACE)):
        for row, (name, n, above, ratio) in zip(lines(number), example, strict=True):
            assert row[0].removesuffix(" (Not Hispanic or Latino)") == name
            assert row[1:3] == [str(n), str(above)]
            assert row[4] == ratio


def test_a_score_at_the_median_is_not_above_it() -> None:
    gathered = ScoreCollector(("s",), True)
    keys = [("a",), ("b",)]
    score = np.array([0.1, 0.5, 0.5, 0.5, 0.9])
    gathered.add(np.array([0, 0, 1, 1, 1]), keys, score, None, None)
    table = gathered.table()
    assert table.median() == np.median(score)
    assert table.above(table.median()).tolist() == [0, 1]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1001])
def test_the_median_is_numpys_for_scores_kept_and_counted(n: int) -> None:
    score = np.random.default_rng(n).random(n)
    for rows in (10_000, 0):
        gathered = ScoreCollector(("s",), True, exact_rows=rows)
        for part in np.array_split(score, 2):
            gathered.add(np.zeros(len(part), np.int64), [("a",)], part, None, None)
        table = gathered.table()
        assert table.median() == pytest.approx(np.median(score), abs=0 if rows else 1 / 65536)
        assert table.above(table.median()).sum() == pytest.approx(n // 2, abs=0 if rows else 1)


def test_small_categories_are_excluded_with_justification_count_and_rate(selected: Any) -> None:
    cells = [
        ("Male", "White", 500, 250),
        ("Female", "White", 480, 200),
        ("Male", "Asian", 12, 12),
        ("Female", "unknown", 40, 10),
    ]
    figures = selected(cells)
    assert lines(1)[4][4] == "1.000"
    RUN.rename("first")
    figures = selected(cells, exclude_below=0.02, justification="Too few to tell.")
    race = {c["race"]: c for c in figures["tables"][1]["categories"]}
    assert race["Asian"]["excluded"]
    assert race["Asian"]["impact_ratio"] is None
    # The share is of the 992 with a known category, and the highest rate is that of the others.
    assert race["Asian"]["share"] == 12 / 992
    assert race["White"]["impact_ratio"] == 1
    assert figures["tables"][2]["unknown"] == 40
    text = words(PAGE)
    assert "Asian: 12 applicants (1.2 % of the data), selection rate 100.0 %." in text
    assert "Justification: Too few to tell." in text


def test_the_auditor_excludes_a_category_by_name_and_no_other(selected: Any) -> None:
    cells = [
        ("Male", "White", 500, 250),
        ("Female", "White", 480, 200),
        ("Male", "Asian", 6, 6),
        ("Female", "Asian", 6, 6),
        ("Female", "Two or More Races", 10, 2),
    ]
    figures = selected(cells, exclude=["asian"], justification="Too few to tell.")
    race = {c["race"]: c for c in figures["tables"][1]["categories"]}
    assert (race["Asian"]["excluded"], race["Asian"]["named"], race["Asian"]["impact_ratio"]) == (
        True,
        True,
        None,
    )
    assert race["White"]["impact_ratio"] == 1
    assert race["Two or More Races"]["impact_ratio"] == pytest.approx(0.2 / (450 / 980))
    both = [(c["sex"], c["race"]) for c in figures["tables"][2]["categories"] if c["excluded"]]
    assert both == [("Male", "Asian"), ("Female", "Asian")]
    text = words(PAGE)
    assert "Asian: 12 applicants (1.2 % of the data), selection rate 100.0 %. Named by the auditor." in text
    assert "Justification: Too few to tell." in text


def test_an_intersection_is_excluded_alone_and_beside_a_share(selected: Any) -> None:
    cells = [
        ("Male", "White", 500, 250),
        ("Male", "Asian", 9, 9),
        ("Female", "Asian", 8, 8),
        ("Female", "White", 3, 3),
    ]
    figures = selected(cells, exclude=["Asian, Female"], exclude_below=0.01, justification="x")
    assert not any(c["excluded"] for c in figures["tables"][1]["categories"])
    found = {(c["sex"], c["race"]): c["named"] for c in figures["tables"][2]["categories"] if c["excluded"]}
    assert found == {("Female", "Asian"): True, ("Female", "White"): False}
    assert (
        "Female, White: 3 applicants (0.6 % of the data), selection rate 100.0 %. Excluded by its share."
        in words(PAGE)
    )


def test_values_get_categories_by_name_or_by_the_inputs(selected: Any) -> None:
    cells = [("m", "white", 10, 5), ("1", "American Indian or Alaska Native", 10, 4), ("", "x", 3, 1)]
    figures = selected(
        cells, sex_categories={"m": "male", 1: "Female"}, race_categories={"x": "two or more races"}
    )
    assert [c["n"] for c in figures["tables"][0]["categories"]] == [10, 10]
    assert {c["race"]: c["n"] for c in figures["tables"][1]["categories"] if c["n"]} == {
        "White": 10, "Native American or Alaska Native": 10, "Two or More Races": 3
    }  # fmt: skip
    assert [t["unknown"] for t in figures["tables"]] == [3, 0, 3]
    assert "m → Male" in words(PAGE)


def test_the_page_says_what_the_rule_asks_to_be_published(selected: Any) -> None:
    selected([(sex, race, n, s) for race, sex, n, s, _ in BOTH])
    text = words(PAGE)
    for told in (
        "Date of the bias audit 2026-01-31",
        "Distribution date of the tool 2025-06-01",
        "Source and explanation of the data Applications of 2025",
        "Kind of data historical data",
        "Individuals assessed 2,571",
        "no limit for an impact ratio",
    ):
        assert told in text


def test_what_was_given_is_escaped(selected: Any) -> None:
    hostile = "<script>alert(1)</script>{{ 7 * 7 }}"
    given = dict.fromkeys(("tool", "data_source", "test_data", "justification"), hostile)
    selected([("Male", "White", 10, 5)], data_type="test", exclude_below=0.02, **given)
    assert "<script" not in PAGE.read_text()
    assert f"Tool {hostile.replace('<', '&lt;').replace('>', '&gt;')}" in words(PAGE)


def test_every_missing_input_is_asked_for_by_name(
    write: Callable[..., None], refused: Callable[..., str], here: Path
) -> None:
    write_cells(here / "cells.csv", [({"sex": "Male", "race": "White"}, 10, 5)])
    write(config=counted(["sex", "race"], [{"nyc-ll144": {"rate": "selection", "sex": "sex"}}]))
    line = refused()
    for name in (
        "tool (",
        "audit_date (Date of the bias audit",
        "distribution_date (",
        "data_source (",
        "race (",
    ):
        assert name in line
    assert "sex (" not in line


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"audit_date": "last May"}, ["audit_date", "date", "'last May'"]),
        ({"rate": "select"}, ["rate", "'selection' or 'scoring'", "'select'"]),
        ({"rate": "scoring"}, ["scoring rates need scores"]),
        ({"sex": "race"}, ["sex and race", "'race' for both"]),
        ({"race": "rase"}, ["race: 'rase' is not an audited", "sex, race"]),
        ({"data_type": "test"}, ["test_data"]),
        ({"exclude_below": 0.01}, ["exclude_below and justification"]),
        ({"exclude_below": 0.05, "justification": "x"}, ["exclude_below", "0.02", "'0.05'"]),
        ({"race_categories": {"White": "Whit"}}, ["race_categories", "'Whit'", "did you mean 'White'?"]),
        ({"tool": ""}, ["tool", "at least 1"]),
        ({"audit_date": "9999-12-31"}, ["audit_date", "a day that has come", "9999-12-31"]),
        ({"distribution_date": "9999-12-31"}, ["distribution", "9999-12-31"]),
        ({"distribution_date": "0001-01-01"}, ["distribution_date", "from 1990 on", "0001-01-01"]),
        ({"distribution_date": "2026-02-01"}, ["audit_date", "before the tool's distribution on 2026-02-01"]),
        (
            {"distribution_date": "2027-03-01", "data_type": "test", "test_data": "x"},
            ["distribution_date: 2027-03-01 is more than a year after the audit of 2026-01-31"],
        ),
        (
            {"exclude": ["White"], "justification": "x"},
            ["exclude: 'White' is 100.0% of the data", "less than 2 %"],
        ),
        ({"exclude": ["White"]}, ["exclude and justification"]),
        ({"exclude": ["Asien"], "justification": "x"}, ["exclude", "'Asien'", "did you mean 'Asian'?"]),
        ({"exclude": ["Asian, White"], "justification": "x"}, ["exclude", "'Asian, White'"]),
        ({"exclude": "Asian", "justification": "x"}, ["exclude", "list"]),
    ],
)
def test_a_wrong_input_is_one_line(
    given: dict[str, Any],
    told: list[Any],
    write: Callable[..., None],
    refused: Callable[..., str],
    here: Path,
) -> None:
    write_cells(here / "cells.csv", [({"sex": "Male", "race": "White"}, 10, 5)])
    write(config=counted(["sex", "race"], [{"nyc-ll144": {**GIVEN, **given}}]))
    line = refused()
    assert "nyc-ll144: " in line
    assert all(text in line for text in told), line


def test_a_value_without_a_category_is_named(
    write: Callable[..., None], refused: Callable[..., str], here: Path
) -> None:
    write_cells(here / "cells.csv", [({"sex": "Male", "race": "green"}, 10, 5)])
    write(config=counted(["sex", "race"], [{"nyc-ll144": GIVEN}]))
    assert "race_categories: the value 'green' of the column 'race' has no category" in refused()


def test_inputs_of_the_command_line_may_be_dates_and_mappings(
    selected: Any, cli: Callable[..., Ended]
) -> None:
    selected([("Male", "a", 60, 20), ("Female", "b", 50, 25)], race_categories={"a": "Asian", "b": "White"})
    configured = (RUN / "regimes/nyc-ll144.json").read_text()
    given = chain.from_iterable(zip(repeat("--input"), (f"{k}={v}" for k, v in GIVEN.items()), strict=False))
    ended = cli(
        "report", str(RUN), "--regime", "nyc-ll144", *given, "--input", "race_categories.a=Asian",
        "--input", "race_categories={a: Asian, b: White}",
    )  # fmt: skip
    assert ended.code == 0, ended
    assert (RUN / "regimes/nyc-ll144.json").read_text() == configured
    several = ["--regime", "four-fifths", "--regime", "nyc-ll144", "--input", "rate=selection"]
    ended = cli("report", str(RUN), *several)
    assert ended.code == 2
    assert "expected REGIME.key=value with one of four-fifths, nyc-ll144" in ended.err


def test_the_wanted_regime_keeps_its_inputs_over_json() -> None:
    inputs = wanted("nyc-ll144", GIVEN).inputs.model_dump(mode="json")
    assert wanted("nyc-ll144", inputs).inputs.model_dump(mode="json") == inputs
