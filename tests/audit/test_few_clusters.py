"""Slices that rest on few clusters: their figures count, and their status and words say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.verification import verify

from ..reports.test_html import Page

EACH = 10
"""Rows of a house."""

FEW = (
    "rests on 29 clusters, fewer than 30: the limits speak of these and of others like them, as far as so "
    "few show"
)
ONE = "rests on 1 cluster: the limits speak of it and of others like it, as far as one shows"


def rows(**houses: int) -> pd.DataFrame:
    """People of as many houses as each group is given."""
    draw = np.random.default_rng(0)
    group = np.repeat(list(houses), [EACH * n for n in houses.values()])
    n = len(group)
    return pd.DataFrame(
        {
            "id": range(n), "group": group, "house": np.arange(n) // EACH, "y": draw.integers(0, 2, n),
            "d": draw.integers(0, 2, n),
        }
    )  # fmt: skip


def audited(folder: Path, frame: pd.DataFrame, **report: Any) -> dict[str, Any]:
    content = {
        "audit": "t",
        "data": {
            "path": "in memory", "id": "id", "label": "y", "sensitive": ["group"], "cluster": "house",
        },
        "model": {"decision": "d"},
        "slices": {"min_size": 1},
        "metrics": ["selection_rate"],
        "gates": [
            {"metric": "selection_rate", "by": "group", "compare": "difference", "limit": "<= 0.9"},
        ],
        "report": {"charts": False, **report},
    }  # fmt: skip
    fairweigh.run(content, folder / "run", data=frame)
    return dict(json.loads((folder / "run" / "audit.json").read_text(encoding="utf-8")))


def read(folder: Path, name: str = "annex.html") -> str:
    page = (folder / "run" / name).read_text(encoding="utf-8")
    return " ".join(Page(page).text.split())


def test_fewer_than_thirty_clusters_are_told_beside_each_figure_and_on_the_page(tmp_path: Path) -> None:
    result = audited(tmp_path, rows(few=29, enough=30))
    variant = result["variants"][0]
    found = {s["slice"]["group"]: s["metrics"]["selection_rate"] for s in variant["slices"]}
    assert {g: (f["status"], f.get("why")) for g, f in found.items()} == {
        "few": ("few clusters", FEW), "enough": ("ok", None),
    }  # fmt: skip
    # A comparison rests on the fewer of its two.
    gap = next(d for d in variant["disparities"] if d["slice"] and d["scope"] == "reference")
    assert (gap["status"], gap["why"]) == ("few clusters", FEW)
    # All rows together have enough, and the figure counts in a gate.
    assert variant["overall"]["selection_rate"]["status"] == "ok"
    assert not [text for text in result["data"]["warnings"] if "clusters" in text]
    assert [gate["verdict"] for gate in result["gates"]] == ["pass"]
    assert FEW in read(tmp_path)
    assert verify(tmp_path / "run").figures == []


def test_thirty_clusters_in_each_slice_are_told_nowhere(tmp_path: Path) -> None:
    result = audited(tmp_path, rows(a=30, b=30))
    assert '"few clusters"' not in json.dumps(result["variants"])
    assert "rests on" not in read(tmp_path)
    assert "clusters" not in read(tmp_path, "report.html")


def test_one_cluster_is_told_in_words_of_its_own(tmp_path: Path) -> None:
    result = audited(tmp_path, rows(one=1, many=40))
    found = {s["slice"]["group"]: s["metrics"]["selection_rate"] for s in result["variants"][0]["slices"]}
    assert (found["one"]["status"], found["one"]["why"]) == ("few clusters", ONE)
    assert ONE in read(tmp_path)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            "There are 29 clusters (house), fewer than 30: limits speak of these and of others like them, as "
            "far as so few show.",
        ),
        (
            "zh",
            "只有 29 个聚类（house），少于 30 个：区间限说的是这些聚类及与之相似者",
        ),
    ],
)
def test_few_clusters_of_all_rows_are_a_warning_in_the_pages_language(
    tmp_path: Path, language: str, told: str
) -> None:
    result = audited(tmp_path, rows(a=14, b=15), language=language)
    assert result["variants"][0]["overall"]["selection_rate"]["status"] == "few clusters"
    assert "There are 29 clusters (house), fewer than 30" in " ".join(result["data"]["warnings"])
    page = read(tmp_path)
    assert told in page
    assert told in read(tmp_path, "report.html")
    assert ("rests on 29 clusters" in page, "只依据 29 个聚类，少于 30 个" in page) == (
        language == "en",
        language == "zh",
    )


def test_one_cluster_is_told_in_the_singular(tmp_path: Path) -> None:
    result = audited(tmp_path, rows(a=1, b=0))
    told = "There is 1 cluster (house), fewer than 30: limits speak of this one and of others like it"
    assert told in " ".join(result["data"]["warnings"])
