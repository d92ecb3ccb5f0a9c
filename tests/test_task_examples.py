"""The examples of the tasks run, and what was planted in their data is found."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.card import load
from fairweigh.datasets.synthetic_entities import reports_truth
from fairweigh.datasets.synthetic_images import GRADES
from fairweigh.datasets.synthetic_tasks import OPINIONS, findings_truth, lists_truth, opinions_truth
from fairweigh.verification import verify
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .tasks.runs import gap, slice_of

EXAMPLES = Path(__file__).parents[1] / "examples"


def audited(name: str, drawn: str | None = None) -> Any:
    """Draw an example's data where it says so, then audit it."""
    if drawn:
        spec = importlib.util.spec_from_file_location("draw", EXAMPLES / "tasks" / "draw.py")
        draw = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(draw)
        draw.main([drawn])
    fairweigh.run(EXAMPLES / f"{name}.yaml", "run")
    assert verify(Path("run")).figures == []
    return json.loads(Path("run", "audit.json").read_text(encoding="utf-8"))


def verdicts(result: Any, variant: str = "original") -> Any:
    return [gate["verdict"] for gate in result["gates"] if gate["variant"] == variant]


def within(estimate: Any, truth: Any) -> Any:
    """Within 1.5 times the limits: of a dozen intervals of 95 % one or two may miss what was planted."""
    wide = 0.25 * (estimate["high"] - estimate["low"])
    return estimate["low"] - wide <= truth <= estimate["high"] + wide


def test_persons_of_a_region_are_found_as_seldom_as_was_planted(here: Path) -> None:
    spec: Any = importlib.util.spec_from_file_location("draw", EXAMPLES / "ner" / "draw.py")
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    draw.main()
    result = audited("ner/audit")
    assert (result["task"], result["data"]["cluster"]) == ("ner", "report")
    truth = reports_truth()
    for region in ("north", "south"):
        own = slice_of(result["variants"][0], region=region)["views"]
        for kind in truth:
            assert within(own[kind]["entity_recall"], truth[kind][region])
    apart = gap(result["variants"][0], "entity_recall", "PER", region="south")
    assert within(apart, truth["PER"]["south"] - truth["PER"]["north"])
    assert verdicts(result) == ["pass", "fail"]
    assert result["gates"][1]["view"] == "PER"


def test_opinions_of_a_dialect_are_taken_for_negative_as_often_as_was_planted(here: Path) -> None:
    result = audited("multiclass", "opinions")
    assert (result["task"], result["classes"]) == ("multiclass", list(OPINIONS))
    truth = opinions_truth()
    for dialect, chances in truth.items():
        own = slice_of(result["variants"][0], dialect=dialect)["views"]
        for place, opinion in enumerate(OPINIONS):
            assert within(own[opinion]["true_positive_rate"], chances[place, place])
    apart = gap(result["variants"][0], "true_positive_rate", "positive", dialect="dialect B")
    assert within(apart, truth["dialect B"][2, 2] - truth["dialect A"][2, 2])
    assert verdicts(result) == ["pass", "pass", "fail", "fail"]
    assert result["gates"][3]["view"] == "positive"
    table = pd.read_parquet(Path("examples/tasks/build/opinions.parquet"))  # drawn where the test runs
    liked = table[[f"p_{name}" for name in OPINIONS]].idxmax(axis=1) == "p_positive"
    coarse = table.coarse == "positive"
    changed = result["comparisons"][0]["overall"]
    assert changed["gained"] == (coarse & ~liked).sum() > 0
    assert changed["lost"] == (liked & ~coarse).sum()


def test_a_finding_that_is_missed_in_women_is_told_from_one_that_is_not(here: Path) -> None:
    result = audited("multilabel", "findings")
    for label, rates in findings_truth().items():
        for sex, rate in rates.items():
            own = slice_of(result["variants"][0], sex=sex)["views"][label]
            assert within(own["true_positive_rate"], rate)
    assert verdicts(result) == ["pass", "pass", "fail"]
    assert result["gates"][2]["view"] == "fracture"


def test_lists_that_are_worse_for_women_are_found(here: Path) -> None:
    result = audited("ranking", "lists")
    truth, original = lists_truth(), result["variants"][0]
    for sex, value in truth["ndcg"].items():
        assert within(slice_of(original, sex=sex)["metrics"]["ndcg"], value)
    for studio, value in truth["exposure_per_relevance"].items():
        assert within(slice_of(original, studio=studio)["metrics"]["exposure_per_relevance"], value)
    assert within(gap(original, "ndcg", sex="F"), truth["ndcg"]["F"] - truth["ndcg"]["M"])
    assert verdicts(result) == ["pass", "fail", "pass"]
    assert verdicts(result, "coarse")[-1] == "pass"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pictures_that_show_less_are_graded_lower_by_a_network_and_its_lighter_form(here: Path) -> None:
    result = audited("pictures", "pictures")
    assert result["classes"] == list(GRADES)
    for name in ("original", "int8-dynamic"):
        assert verdicts(result, name)[:2] == ["pass", "fail"]
    apart = gap(result["variants"][0], "true_positive_rate", "severe", device="device B")
    assert apart["high"] < -0.1
    light = result["comparisons"][0]
    assert light["agreement"] > 0.97
    assert verdicts(result, "int8-dynamic")[2] == "pass"


@pytest.mark.skipif("FAIRWEIGH_DATA" not in os.environ, reason="needs communities_crime in FAIRWEIGH_DATA")
def test_a_ridge_regression_of_communities_is_that_of_scikit_learn(here: Path) -> None:
    result = audited("regression")
    train, test = (load("communities_crime", split).to_pandas() for split in ("train", "test"))
    apart = ["id", "split", "communityname", "state", "fold", "Black", "ViolentCrimesPerPop", "class"]
    features = [name for name in test.columns if name not in apart]
    own = make_pipeline(StandardScaler(), Ridge()).fit(train[features], train.ViolentCrimesPerPop)
    said = own.predict(test[features])
    for name in ("racepctblack >= 0.06", "racepctblack < 0.06"):
        mine = (test.Black == name).to_numpy()
        found = slice_of(result["variants"][0], Black=name)["metrics"]
        truth = test.ViolentCrimesPerPop[mine]
        assert found["mean_absolute_error"]["value"] == pytest.approx(mean_absolute_error(truth, said[mine]))
        assert found["mean_prediction"]["value"] == pytest.approx(np.mean(said[mine]))
    assert verdicts(result) == ["fail", "fail"]
    assert [one["after"] for one in result["comparisons"]] == ["float16", "tree"]
