"""Figures that must come out: configuration -> run folder -> audit.json, against outside answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest


def slice_of(result: Any, **wanted: Any) -> Any:
    found = [s for s in result["variants"][0]["slices"] if s["slice"] == wanted]
    assert len(found) == 1
    return found[0]


def disparity(
    result: Any, name: str, by: list[Any], slice_: dict[str, Any] | None = None, *, scope: str | None = None
) -> Any:
    found = [
        d
        for d in result["variants"][0]["disparities"]
        if d["name"] == name
        and d["by"] == by
        and (slice_ is None or d["slice"] == slice_)
        and (scope is None or d["scope"] == scope)
    ]
    assert found
    return found


COMPAS = {
    "audit": "t",
    "data": {"name": "compas", "split": "two-years"},
    "slices": {"by": ["race"], "intersections": 1, "reference": {"race": "Caucasian"}},
    "model": {
        "kind": "predictions",
        "score": "decile_score",
        "scale": "rank",
        "decision": "score_text",
        "positive": ["Medium", "High"],
    },
    "metrics": ["selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate"],
    "report": {"charts": False},
}


@pytest.fixture
def compas(audited: Callable[..., Any], data_folder: Path) -> Any:
    return audited(COMPAS)


def test_compas_gives_propublicas_error_rates(compas: Any) -> None:
    """J. Larson et al. 2016, How We Analyzed the COMPAS Recidivism Algorithm (all 7,214 rows)."""
    assert compas["data"]["rows"] == 7214
    published = {
        "African-American": ((990, 805, 532, 1369), 44.85, 27.99),
        "Caucasian": ((1139, 349, 461, 505), 23.45, 47.72),
    }
    for race, (cells, false_positive, false_negative) in published.items():
        one = slice_of(compas, race=race)
        assert tuple(one["counts"][k] for k in ("tn", "fp", "fn", "tp")) == cells
        assert round(100 * one["metrics"]["false_positive_rate"]["value"], 2) == false_positive
        assert round(100 * one["metrics"]["false_negative_rate"]["value"], 2) == false_negative


def test_compas_over_all_races_says_that_the_disparity_rests_on_eighteen_people(compas: Any) -> None:
    every, large = disparity(compas, "demographic_parity_difference", ["race"])
    assert every["value"] == pytest.approx(0.4571175950, abs=1e-10)
    assert every["status"] == "small"
    assert "race=Native American (n = 18)" in every["why"]
    assert slice_of(compas, race="Native American")["n"] == 18
    assert slice_of(compas, race="Native American")["status"] == "small"
    assert every["high"] - every["low"] > 0.3
    assert every["low"] < every["value"] < every["high"]
    assert large["status"] == "ok"
    assert large["value"] < every["value"]
    assert {"race": "Native American"} in large["excluded"]


def test_compas_of_two_races_gives_fairlearns_disparities(
    audited: Callable[..., Any], data_folder: Path, here: Path
) -> None:
    """What fairlearn's functions of the same names give for these rows and decisions."""
    from fairweigh.datasets.card import load

    table = load("compas", "two-years")
    two = table.filter(pc.is_in(table["race"].cast(pa.string()), pa.array(["African-American", "Caucasian"])))
    keep = ["id", "race", "score_text", "two_year_recid"]
    from fairweigh.datasets.card import card

    found = card("compas")
    pq.write_table(two.select([k if k != "id" else found.id for k in keep]), "two.parquet")
    config = {
        **COMPAS,
        "data": {
            "path": "two.parquet",
            "label": found.label,
            "positive": found.positive,
            "id": found.id,
            "sensitive": ["race"],
        },
        "model": {"decision": "score_text", "positive": ["Medium", "High"]},
    }
    result = audited(config)
    for name, value in {
        "demographic_parity_difference": 0.2402002032,
        "demographic_parity_ratio": 0.5916375570,
        "equalized_odds_difference": 0.2139249558,
        "equal_opportunity_difference": 0.1973729638,
    }.items():
        (one,) = disparity(result, name, ["race"])
        assert one["value"] == pytest.approx(value, abs=1e-10)
        assert one["status"] == "ok"
        assert one["low"] <= one["value"] <= one["high"]


def test_adult_labels_give_aif360s_base_rates(audited: Callable[..., Any], data_folder: Path) -> None:
    """AIF360's AdultDataset: both splits, rows with a missing value dropped, privileged sex Male."""
    result = audited(
        {
            "audit": "t",
            "data": {"name": "adult", "split": "all", "drop_missing": True},
            "slices": {"by": ["sex"], "reference": {"sex": "Male"}},
            "metrics": ["base_rate"],
            "report": {"charts": False},
        }
    )
    assert result["data"]["rows"] == 45222
    assert any("3,620 rows" in w for w in result["data"]["warnings"])
    female = {"sex": "Female"}
    (difference,) = disparity(result, "base_rate_difference", ["sex"], female, scope="reference")
    (ratio,) = disparity(result, "base_rate_ratio", ["sex"], female, scope="reference")
    assert difference["value"] == pytest.approx(-0.198901432678815, abs=1e-12)
    assert ratio["value"] == pytest.approx(0.3634695423643793, abs=1e-12)


def test_adult_race_as_aif360_splits_it(audited: Callable[..., Any], data_folder: Path, here: Path) -> None:
    """AIF360's AdultDataset: privileged race White, all others together."""
    from fairweigh.datasets.card import card, load

    table = load("adult").drop_null()
    white = pc.if_else(pc.equal(table["race"].cast(pa.string()), "White"), "White", "other")
    pq.write_table(pa.table({"race2": white, "y": table[card("adult").label]}), "adult.parquet")
    result = audited(
        {
            "audit": "t",
            "data": {
                "path": "adult.parquet",
                "label": "y",
                "positive": card("adult").positive,
                "sensitive": ["race2"],
            },
            "metrics": ["base_rate"],
            "report": {"charts": False},
        }
    )
    assert result["data"]["rows"] == 45222
    (difference,) = disparity(result, "base_rate_difference", ["race2"], scope="reference")
    (ratio,) = disparity(result, "base_rate_ratio", ["race2"], scope="reference")
    assert difference["slice"] == {"race2": "other"}
    assert difference["value"] == pytest.approx(-0.1039593702683, abs=1e-12)
    assert ratio["value"] == pytest.approx(0.6037688467, abs=1e-10)


def _cells(path: Path, groups: Any) -> None:
    """Aggregated counts: each group is (columns, n, selected)."""
    rows = [
        {**columns, "selected": decision, "n": number}
        for columns, n, selected in groups
        for decision, number in ((1, selected), (0, n - selected))
    ]
    names = list(rows[0])
    lines = [",".join(names), *(",".join(str(row[k]) for k in names) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _counted(sensitive: list[Any], intersections: int = 1) -> dict[str, Any]:
    return {
        "audit": "t",
        "data": {"path": "cells.csv", "count": "n", "sensitive": sensitive},
        "slices": {"intersections": intersections},
        "model": {"decision": "selected"},
        "report": {"charts": False},
    }


# New York City DCWP, Local Law 144 rules (6 RCNY 5-300), the examples of the impact ratio tables.
SEX = [("Male", 1390, 667, 1.000), ("Female", 1181, 555, 0.979)]
RACE = [
    ("Hispanic or Latino", 408, 204, 0.97),
    ("White", 797, 412, 1.00),
    ("Black or African American", 390, 170, 0.84),
    ("Native Hawaiian or Pacific Islander", 119, 52, 0.85),
    ("Asian", 616, 302, 0.95),
    ("Native American or Alaska Native", 41, 18, 0.85),
    ("Two or More Races", 213, 96, 0.87),
]


@pytest.mark.parametrize(("feature", "groups"), [("sex", SEX), ("race", RACE)])
def test_local_law_144_impact_ratios_of_aggregated_counts(
    feature: str, groups: Any, audited: Callable[..., Any], here: Path
) -> None:
    _cells(here / "cells.csv", [({feature: name}, n, selected) for name, n, selected, _ in groups])
    result = audited(_counted([feature]))
    assert result["data"]["kind"] == "counts"
    assert result["data"]["rows"] == sum(n for _, n, _, _ in groups)
    for name, n, selected, published in groups:
        one = slice_of(result, **{feature: name})
        assert (one["n"], one["counts"]["selected"]) == (n, selected)
        if published == 1:
            continue
        (ratio,) = disparity(result, "impact_ratio", [feature], {feature: name})
        assert round(ratio["value"], 3 if feature == "sex" else 2) == published
        assert ratio["reference"] == {feature: {"sex": "Male", "race": "White"}[feature]}


def test_local_law_144_impact_ratios_of_intersections(audited: Callable[..., Any], here: Path) -> None:
    published = [
        ({"sex": "Male", "race": "White"}, 412, 215, 1.0),
        ({"sex": "Male", "race": "Black"}, 226, 95, 0.806),
        ({"sex": "Female", "race": "Native American"}, 17, 7, 0.789),
    ]
    _cells(here / "cells.csv", [(who, n, selected) for who, n, selected, _ in published])
    result = audited(_counted(["sex", "race"], 2))
    by = ["sex", "race"]
    for who, n, selected, value in published:
        one = slice_of(result, **who)
        assert (one["n"], one["counts"]["selected"]) == (n, selected)
        if value < 1:
            (ratio,) = disparity(result, "impact_ratio", by, who)
            assert round(ratio["value"], 3) == value
            assert ratio["reference"] == published[0][0]
            assert ratio["status"] == ("small" if n < 30 else "ok")


def test_a_four_fifths_gate_on_aggregated_counts_names_the_slice(
    audited: Callable[..., Any], here: Path
) -> None:
    _cells(here / "cells.csv", [({"race": name}, n, selected) for name, n, selected, _ in RACE])
    four_fifths = {"metric": "selection_rate", "by": "race", "compare": "ratio", "decide": "point"}
    config = {**_counted(["race"]), "gates": [{**four_fifths, "limit": ">= 0.8"}]}
    assert audited(config, None, "-o", "runs/t")["gates"][0]["verdict"] == "pass"
    (here / "runs" / "t").rename(here / "first")
    config["gates"] = [{**four_fifths, "limit": ">= 0.85"}]
    gate = audited(config)["gates"][0]
    assert gate["verdict"] == "fail"
    assert gate["slice"] == {"race": "Black or African American"}
    assert gate["reference"] == {"race": "White"}


def test_intervals_of_the_lenders_decisions_hold_the_planted_truth(
    audited: Callable[..., Any], here: Path
) -> None:
    """At least 93 % of the nominal 95 % intervals, over three draws of 40,000 applications."""
    from fairweigh.datasets.synthetic import lending, lending_truth

    truth = lending_truth()
    metrics = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "precision", "auc")
    held = []
    for seed in (1, 2, 3):
        config = {
            "audit": "t",
            "data": {"path": "d.parquet", "label": "repaid", "id": "id", "sensitive": ["sex", "ethnicity"]},
            "model": {"decision": "approved", "positive": "yes", "score": "score"},
            "metrics": list(metrics),
            "report": {"charts": False},
        }
        result = audited(config, lending(40_000, seed))
        (here / "runs").rename(here / f"runs{seed}")
        for sex, ethnicity in itertools.product(*(truth[k] for k in ("sex", "ethnicity"))):
            found = slice_of(result, sex=sex, ethnicity=ethnicity)["metrics"]
            held += [
                found[m]["low"] <= truth["sex_ethnicity"][sex, ethnicity][m] <= found[m]["high"]
                for m in metrics
            ]
        for feature in ("sex", "ethnicity"):
            for group, rates in truth[feature].items():
                found = slice_of(result, **{feature: group})["metrics"]
                held += [found[m]["low"] <= rates[m] <= found[m]["high"] for m in metrics]
    assert len(held) == 3 * 14 * len(metrics)
    assert sum(held) / len(held) >= 0.93
