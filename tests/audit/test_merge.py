"""Values of a sensitive feature that are one slice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import fairweigh
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError

# Two spellings of each sex, ten rows each: 8, 4, 6 and 2 of ten selected.
ROWS = pd.DataFrame(
    {
        "sex": ["Female"] * 10 + ["F "] * 10 + ["Male"] * 10 + ["M"] * 10,
        "yes": [i < most for most in (8, 4, 6, 2) for i in range(10)],
        "y": [i % 2 for i in range(40)],
        "p": [((i * 37) % 40) / 40 for i in range(40)],
    }
)
MERGE: dict[str, Any] = {"sex": {"Female": ["F "], "Male": ["M"]}}


def audited(folder: Path, merge: dict[str, Any], **more: Any) -> fairweigh.Result:
    data = {"sensitive": ["sex"], "merge": merge, **more.pop("data", {})}
    config = {"audit": "m", "data": data, "model": {"kind": "predictions", "decision": "yes"}, **more}
    return fairweigh.run(config, folder / "run", data=ROWS)


def test_merged_values_are_one_slice_and_the_result_and_the_report_say_so(tmp_path: Path) -> None:
    result = audited(tmp_path, MERGE)
    rates = {s.slice["sex"]: s.metrics["selection_rate"].value for s in result.variants[0].slices if s.slice}
    assert rates == {"Female": 0.6, "Male": 0.4}
    assert json.loads((tmp_path / "run" / "audit.json").read_text())["data"]["merge"] == MERGE
    assert "count as" in (tmp_path / "run" / "annex.html").read_text()


def test_the_rule_of_a_mitigation_knows_merged_values(tmp_path: Path) -> None:
    config = {
        "audit": "m",
        "data": {"label": "y", "sensitive": ["sex"], "merge": MERGE, "validation": {"share": 0.5}},
        "slices": {"min_size": 2},
        "model": {"kind": "predictions", "score": "p"},
        "mitigations": [{"threshold": {"by": ["sex"], "constraint": "demographic_parity"}}],
    }
    result = fairweigh.run(config, tmp_path / "run", data=ROWS)
    (artefact,) = (result.folder / "artefacts").iterdir()
    deployed = fairweigh.load_variant(artefact).predict(ROWS)
    assert len(deployed) == 40, "rows of 'F ' and 'M' have the rule of Female and of Male"


@pytest.mark.parametrize(
    ("merge", "told"),
    [
        ({"race": {"Other": ["x"]}}, "data.merge.race: 'race' is not a sensitive feature"),
        ({"sex": {"A": ["F "], "B": ["F "]}}, "data.merge.sex: 'F ' is merged into more than one slice"),
        ({"sex": {"A": ["B"], "B": ["F "]}}, "data.merge.sex: 'B' names a slice and is merged into another"),
        ({"sex": {"(unknown)": ["F "]}}, "data.merge.sex: '(unknown)' is what a missing value is called"),
        ({"sex": {"A": []}}, "data.merge.sex.A: list should have at least 1 item"),
        ({"sex": {"A": [{"x": 1}]}}, "data.merge.sex.A"),
    ],
)
def test_a_merge_that_cannot_be_is_one_line(tmp_path: Path, merge: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)) as error:
        audited(tmp_path, merge)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_feature_that_bins_cut_has_nothing_to_merge(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.merge\.p: a number that data\.bins cuts"):
        audited(tmp_path, {"p": {"low": ["0"]}}, data={"sensitive": ["p"], "bins": {"p": [0.5]}})


def test_merging_a_feature_that_is_not_sliced_by_now_is_no_fault(tmp_path: Path) -> None:
    rows = {"sensitive": ["sex", "y"], "merge": {**MERGE, "y": {"none": [0]}}}
    result = audited(tmp_path, {}, data=rows, slices={"by": ["y"]})
    assert {s.slice["y"] for s in result.variants[0].slices if s.slice} == {"none", "1"}


def test_a_value_spelled_like_a_missing_one_is_no_missing_one(tmp_path: Path) -> None:
    """Its slice would be left out of the gates, and of the limits that hold for all slices."""
    rows = ROWS.assign(sex=["(unknown)"] * 20 + ["Male"] * 20)
    base: dict[str, Any] = {"audit": "m", "model": {"decision": "yes"}}

    def found(**more: Any) -> dict[str, bool]:
        data = {"sensitive": ["sex"], **more}
        result = fairweigh.run({**base, "data": data}, tmp_path / "run", data=rows, overwrite=True)
        return {s.slice["sex"]: s.unknown for s in result.variants[0].slices}

    with pytest.raises(InputError, match=r"column 'sex' holds '\(unknown\)', which is what a missing"):
        found()
    assert found(missing=["(unknown)"]) == {"(unknown)": True, "Male": False}
    assert found(merge={"sex": {"not said": ["(unknown)"]}}) == {"not said": False, "Male": False}


def test_a_cluster_spelled_like_a_missing_one_is_refused(tmp_path: Path) -> None:
    rows = ROWS.assign(sex=["Female"] * 20 + ["Male"] * 20, home=["a", "(unknown)", None, "b"] * 10)
    data = {"sensitive": ["sex"], "cluster": "home"}
    with pytest.raises(InputError, match=r"cluster column 'home' holds '\(unknown\)'"):
        fairweigh.run({"audit": "m", "model": {"decision": "yes"}, "data": data}, tmp_path / "run", data=rows)
