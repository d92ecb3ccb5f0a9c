"""Credit: ratios and differences against other libraries, and limits that are the user's alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import fisher_exact

from ..melded import melded_ratio
from .pages import counted, tables, words, write_cells

if TYPE_CHECKING:
    from ..conftest import Ended


RUN = Path("runs/t")
PAGE = RUN / "regimes/credit.html"


def figures() -> Any:
    return json.loads((RUN / "regimes/credit.json").read_text())["figures"]


@pytest.fixture
def lent(audited: Callable[..., Any], here: Path) -> Callable[..., Any]:
    """Audit counts of (race, applicants, approved) under the regime."""

    def do(counts: list[Any], positive_is: str | None = None, **given: Any) -> Any:
        write_cells(here / "cells.csv", [({"race": value}, n, approved) for value, n, approved in counts])
        inputs = {"reference": {"race": "White"}, "air_limit": 0.8, **given}
        audited(counted(["race"], [{"credit": inputs}], positive_is))
        return {group["value"]: group for group in figures()["features"][0]["groups"]}

    return do


@pytest.fixture
def scored(audited: Callable[..., Any]) -> Callable[..., pd.DataFrame]:
    """Audit scored applicants under the regime; returns the table too."""

    def do(**given: Any) -> pd.DataFrame:
        r = np.random.default_rng(5)
        race = r.choice(["White", "Black", "Asian"], 900, p=[0.6, 0.3, 0.1])
        score = np.clip(r.normal(0.6 - 0.08 * (race == "Black"), 0.15), 0, 1)
        config = {
            "audit": "t",
            "data": {"path": "d.parquet", "id": "id", "sensitive": ["race"]},
            "model": {"score": "score", "threshold": 0.5},
            "report": {
                "charts": False,
                "regimes": [
                    {"credit": {"reference": {"race": "White"}, "air_limit": 0.8, "smd_limit": 0.3, **given}}
                ],
            },
        }
        audited(config, pa.table({"id": range(900), "race": race, "score": score}))
        return pd.DataFrame({"race": race, "score": score})

    return do


def test_ratios_are_those_of_a_table_by_hand_with_melded_limits(lent: Any) -> None:
    groups = lent([("White", 400, 240), ("Black", 150, 66), ("Asian", 50, 27)])
    black = groups["Black"]
    assert black["air"] == pytest.approx((66 / 150) / (240 / 400))
    low, high = melded_ratio((66, 150), (240, 400), 0.025)
    assert (black["air_low"], black["air_high"]) == pytest.approx((low, high), rel=1e-5)
    alone = fisher_exact([[66, 84], [240, 160]], alternative="less").pvalue
    assert black["p"] == pytest.approx(2 * alone, rel=1e-5)
    assert (black["air_beyond"], groups["Asian"]["air_beyond"]) == (True, False)
    assert (groups["White"]["reference"], groups["White"]["air"]) == (True, None)
    assert black["smd"] is None
    text = words(PAGE)
    assert "Black : adverse impact ratio 0.73, below the limit of 0.8 that was set." in text
    assert "Standardised" not in text


def test_a_ratio_at_the_limit_is_not_below_it(lent: Any) -> None:
    assert lent([("White", 100, 60), ("Black", 100, 48)])["Black"]["air_beyond"] is False
    assert "No group is beyond the limits that were set." in words(PAGE)


def test_the_limit_is_the_users(lent: Any) -> None:
    counts = [("White", 100, 60), ("Black", 100, 48)]
    assert lent(counts, air_limit=0.9)["Black"]["air_beyond"] is True
    RUN.rename("first")
    assert lent(counts, air_limit=0.5)["Black"]["air_beyond"] is False


def test_nobody_approved_in_the_control_group_is_said(lent: Any) -> None:
    assert lent([("White", 30, 0), ("Black", 30, 3)])["Black"]["air"] is None
    assert "Nobody in the control group is approved: there is no ratio." in words(PAGE)


def test_differences_are_those_of_pandas_with_their_direction(scored: Callable[..., pd.DataFrame]) -> None:
    frame = scored()
    means, spread = frame.groupby("race").score.mean(), frame.score.std()
    feature = figures()["features"][0]
    assert feature["spread"] == pytest.approx(spread)
    groups = {g["value"]: g for g in feature["groups"]}
    for race in ("Black", "Asian"):
        assert groups[race]["mean"] == pytest.approx(means[race])
        assert groups[race]["smd"] == pytest.approx((means[race] - means["White"]) / spread)
        assert groups[race]["smd_low"] < groups[race]["smd"] < groups[race]["smd_high"]
    # Black applicants were drawn 0.08 / 0.15 or half a standard deviation lower.
    assert (groups["Black"]["smd_beyond"], groups["Asian"]["smd_beyond"]) == (True, False)
    black = next(row for row in tables(PAGE)[1][1] if row[0].startswith("Black"))
    assert black[-1] == "disadvantage"
    assert "to its disadvantage by more than the limit of 0.3 that was set." in words(PAGE)


def test_where_a_high_score_predicts_default_the_direction_turns(scored: Callable[..., pd.DataFrame]) -> None:
    frame = scored(favourable="not selected")
    groups = {g["value"]: g for g in figures()["features"][0]["groups"]}
    granted = (frame.score < 0.5).groupby(frame.race).mean()
    assert groups["Black"]["rate"] == pytest.approx(granted["Black"])
    assert groups["Black"]["air"] == pytest.approx(granted["Black"] / granted["White"])
    assert groups["Black"]["smd"] < -0.3
    assert groups["Black"]["smd_beyond"] is False
    black = next(row for row in tables(PAGE)[1][1] if row[0].startswith("Black"))
    assert black[-1] == "advantage"
    assert "a higher score is to an applicant’s disadvantage" in words(PAGE)


def test_a_burden_is_granted_by_not_being_selected(lent: Any) -> None:
    # 40 of 400 and 45 of 150 are rated to default: 90 and 70 % are granted.
    black = lent([("White", 400, 40), ("Black", 150, 45)], positive_is="burden")["Black"]
    assert (black["approved"], black["rate"]) == (105, 0.7)
    assert black["air"] == pytest.approx((105 / 150) / (360 / 400))
    assert "the decision that this run calls not selected" in words(PAGE)


@pytest.mark.parametrize(
    ("said", "asked", "expected"), [("burden", "selected", "not"), ("benefit", "not selected", "selected")]
)
def test_an_input_against_what_the_data_say_is_one_line(
    said: str, asked: str, expected: str, write: Callable[..., None], refused: Callable[..., str], here: Path
) -> None:
    write_cells(here / "cells.csv", [({"race": "White"}, 20, 10), ({"race": "Black"}, 20, 8)])
    given = {"reference": {"race": "White"}, "air_limit": 0.8, "favourable": asked}
    write(config=counted(["race"], [{"credit": given}], said))
    line = refused()
    assert f"credit: favourable: expected '{expected}" in line
    assert line.endswith(f"as data.positive_is is {said}, got '{asked}'")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"reference": {"race": "White"}}, ["the required input is missing: air_limit"]),
        ({"air_limit": 0.8}, ["the required input is missing: reference"]),
        ({"reference": {}, "air_limit": 0.8}, ["reference", "at least 1"]),
        ({"reference": {"race": "White"}, "air_limit": 80}, ["air_limit", "less than or equal to 1", "'80'"]),
        ({"reference": {"race": "Wite"}, "air_limit": 0.8}, ["reference.race", "'Wite'", "Black, White"]),
        ({"reference": {"sex": "Male"}, "air_limit": 0.8}, ["reference.sex: 'sex' is not an audited"]),
        ({"reference": {"race": "White"}, "air_limit": 0.8, "smd_limit": 0.3}, ["has no scores"]),
    ],
)
def test_a_wrong_input_is_one_line(
    given: dict[str, Any],
    told: list[Any],
    write: Callable[..., None],
    refused: Callable[..., str],
    here: Path,
) -> None:
    write_cells(here / "cells.csv", [({"race": "White"}, 20, 10), ({"race": "Black"}, 20, 8)])
    write(config=counted(["race"], [{"credit": given}]))
    line = refused()
    assert "credit: " in line
    assert all(text in line for text in told), line


def test_a_run_with_scores_asks_for_their_limit(
    cli: Callable[..., Ended], scored: Callable[..., pd.DataFrame]
) -> None:
    scored()
    ended = cli(
        "report",
        str(RUN),
        "--regime",
        "credit",
        "--input",
        "reference.race=White",
        "--input",
        "air_limit=0.8",
    )
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "credit: the required input is missing: smd_limit" in ended.err
