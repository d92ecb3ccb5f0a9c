"""Lighter rankers: communities of each state ranked by violent crime (communities_crime), on real rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import lightgbm
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xgboost
from fairweigh.compression.boosted import first_rounds
from fairweigh.datasets.errors import InputError
from sklearn.metrics import ndcg_score

if TYPE_CHECKING:
    from fairweigh import Result


FILE = Path(os.environ.get("FAIRWEIGH_DATA", "")) / "communities_crime" / "communities_crime.csv"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="needs communities_crime in $FAIRWEIGH_DATA")
FEATURES = ["PctKids2Par", "PctPersDenseHous", "medIncome", "PctUnemployed", "population"]
DATA = {
    "query": "state", "item": "place", "relevance": "crime", "last_rank": 10, "sensitive": ["Black"],
    "id": "place",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """States of 20 communities and more, half of them to learn from; crime in tenths."""
    read = pd.read_csv(FILE, usecols=["state", "ViolentCrimesPerPop", "Black", *FEATURES])
    crime = (read.pop("ViolentCrimesPerPop") * 10).round().astype(int)
    places = [f"c{i}" for i in range(len(read))]
    held = read.assign(place=places, crime=crime, state=read.state.astype(str))
    held = held[held.groupby("state").place.transform("size") >= 20].sort_values("state", kind="stable")
    first = held.state.isin(sorted(held.state.unique())[::2])
    return held[first], held[~first]


@pytest.fixture(scope="module")
def found(
    rows: tuple[pd.DataFrame, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("rankers")
    rows[0].to_parquet(folder / "learn.parquet")
    rows[1].to_parquet(folder / "rows.parquet")
    configuration = {
        "audit": "places", "data": {"path": str(folder / "rows.parquet"), **DATA},
        "model": {
            "estimator": "lightgbm.LGBMRanker", "features": FEATURES,
            "train": {"path": str(folder / "learn.parquet")},
            "params": {"n_estimators": 20, "min_child_samples": 5, "verbose": -1, "n_jobs": 1},
        },
        "compressions": [{"prune": {"amount": 0.5}}, "distill"], "report": {"charts": False},
    }  # fmt: skip
    return folder, fairweigh.run(configuration, folder / "run")


def gain(frame: Any) -> Any:
    lists = (one for _, one in frame.groupby("query") if one.y_true.any())
    return np.mean([ndcg_score([one.y_true], [-one["rank"]], k=10) for one in lists])


def test_lighter_rankers_say_what_was_done_and_rank_as_their_scores_do(found: tuple[Path, Result]) -> None:
    folder, result = found
    original, pruned, student = result.variants
    assert pruned.recipe.steps[0].changed == "the first 10 of 20 boosting rounds kept"
    assert "a Ridge trained on the scores of the LGBMRanker" in student.recipe.steps[0].changed
    for variant in (original, pruned, student):
        frame = pq.read_table(folder / "run" / "predictions" / f"{variant.name}.parquet").to_pandas()
        assert variant.overall["ndcg"].value == pytest.approx(gain(frame), abs=1e-12)
    assert pruned.overall["ndcg"].value != original.overall["ndcg"].value
    assert "equal to the last bit" in pruned.recipe.reload


def test_a_lighter_ranker_is_audited_again_by_its_artefact(
    found: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, result = found
    artefact = folder / "run" / "artefacts" / "prune-0.5"
    trusted = json.loads((artefact / "variant.json").read_text())["types"]
    again = fairweigh.run(
        {
            "audit": "again", "data": {"path": str(folder / "rows.parquet"), **DATA},
            "model": {"kind": "variant", "path": str(artefact), "trusted": trusted},
            "report": {"charts": False},
        },
        tmp_path / "again",
    )  # fmt: skip
    assert again.variants[0].overall["ndcg"].value == result.variants[1].overall["ndcg"].value


def test_an_artefact_of_another_task_is_one_line(found: tuple[Path, Result], tmp_path: Path) -> None:
    folder, _ = found
    artefact = folder / "run" / "artefacts" / "distill"
    with pytest.raises(
        InputError, match="is of the task ranking, the task of the audit is regression"
    ) as told:
        fairweigh.run(
            {
                "audit": "other", "task": "regression", "report": {"charts": False},
                "data": {"path": str(folder / "rows.parquet"), "label": "crime", "sensitive": ["Black"]},
                "model": {"kind": "variant", "path": str(artefact)},
            },
            tmp_path / "other",
        )  # fmt: skip
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("made", "of_the_first"),
    [
        (lightgbm.LGBMRanker(n_estimators=12, verbose=-1, n_jobs=1), {"num_iteration": 3}),
        (
            lightgbm.LGBMClassifier(n_estimators=12, verbose=-1, n_jobs=1),
            {"num_iteration": 3, "raw_score": True},
        ),
        (xgboost.XGBRanker(n_estimators=12, n_jobs=1), {"iteration_range": (0, 3)}),
        (xgboost.XGBRegressor(n_estimators=12, n_jobs=1), {"iteration_range": (0, 3)}),
    ],
)
def test_the_first_rounds_are_those_that_the_library_itself_predicts_with(
    rows: tuple[pd.DataFrame, pd.DataFrame], made: Any, of_the_first: dict[str, Any]
) -> None:
    learn, other = rows
    of = {"group": learn.groupby("state").size()} if "Ranker" in type(made).__name__ else {}
    label = (learn.crime > 2).astype(int) if "Classifier" in type(made).__name__ else learn.crime
    made.fit(learn[FEATURES], label, **of)
    wanted = made.predict(other[FEATURES], **of_the_first)
    whole = made.predict(other[FEATURES])
    lighter, left, rounds = first_rounds(made, 0.25)
    assert (left, rounds) == (3, 12)
    raw = {"raw_score": True} if "raw_score" in of_the_first else {}
    np.testing.assert_array_equal(lighter.predict(other[FEATURES], **raw), wanted)
    np.testing.assert_array_equal(made.predict(other[FEATURES]), whole)


def test_recipes_for_other_tasks_are_refused_where_the_configuration_is_read(
    rows: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"reweighing: is made for the task .*the model's is ranking"):
        fairweigh.run(
            {
                "audit": "a", "data": {"path": "in memory", **DATA}, "mitigations": ["reweighing"],
                "model": {"estimator": "sklearn.linear_model.Ridge", "train": {"path": "learn.parquet"}},
            },
            tmp_path / "run", data=rows[1],
        )  # fmt: skip


def test_a_linear_booster_has_no_rounds_to_take(rows: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    made = xgboost.XGBRegressor(n_estimators=4, booster="gblinear", n_jobs=1)
    assert first_rounds(made.fit(rows[0][FEATURES], rows[0].crime), 0.5) is None
