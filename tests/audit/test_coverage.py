"""What slices leave unjudged, and why metrics and limits were chosen, through whole audits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.metrics.table import DISPARITIES, METRICS

if TYPE_CHECKING:
    from ..conftest import Ended


@pytest.fixture
def result(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    here: Path,
) -> Callable[..., Any]:
    """Audit a table whose rows per slice are known: a 120, b 60, c 7, missing 13."""
    race = pa.array(["a"] * 120 + ["b"] * 60 + ["c"] * 7 + [None] * 13)
    people = pa.table(
        {
            "id": np.arange(200),
            "sex": ["Female", "Male"] * 100,
            "race": race,
            "y": [0, 1, 1, 0] * 50,
            "score": np.linspace(0, 1, 200),
        }
    )

    def audited(**parts: Any) -> Any:
        write(people, make_config(slices={"intersections": 2}, **parts))
        assert cli("audit", "a.yaml", "-q").code in (0, 1, 3)
        return json.loads((here / "runs" / "t" / "audit.json").read_text(encoding="utf-8"))

    return audited


def test_rows_of_small_and_unknown_slices_are_counted_once_each(result: Any) -> None:
    """Against the counts that the table was made with."""
    found = {tuple(item["by"]): item for item in result()["coverage"]}
    assert found[("sex",)]["small"] == found[("sex",)]["unknown_rows"] == 0
    race = found[("race",)]
    assert (race["slices"], race["small"], race["small_rows"]) == (4, 1, 7)
    assert (race["unknown"], race["unknown_rows"]) == (1, 13)
    crossed = next(item for by, item in found.items() if len(by) == 2)
    assert (crossed["small"], crossed["small_rows"]) == (2, 7)
    assert (crossed["unknown"], crossed["unknown_rows"]) == (2, 13)


def test_figures_without_a_value_are_counted(result: Any) -> None:
    told = result(metrics=["accuracy", "precision"])
    race = next(item for item in told["coverage"] if item["by"] == ["race"])
    undefined = sum(
        figure["status"] == "undefined"
        for row in told["variants"][0]["slices"]
        if list(row["slice"]) == ["race"]
        for figure in row["metrics"].values()
    )
    assert race["undefined"] == undefined


def test_reasons_and_who_set_a_limit_stand_in_the_result(result: Any) -> None:
    gate = {"metric": "accuracy", "limit": ">= 0", "set_by": "Policy 4.2", "reason": "<b>harm</b>"}
    told = result(
        gates=[gate, {"metric": "accuracy", "limit": ">= 0"}],
        report={"charts": False, "reasons": {"accuracy": "Asked for by the board."}},
    )
    assert [(g["set_by"], g["reason"]) for g in told["gates"]] == [
        ("Policy 4.2", "<b>harm</b>"),
        (None, None),
    ]
    assert told["definitions"]["accuracy"]["reason"] == "Asked for by the board."
    assert told["definitions"]["selection_rate"]["reason"] is None
    assert told["definitions"]["selection_rate"]["shows"] == METRICS["selection_rate"].shows


@pytest.mark.parametrize("row", [*METRICS.values(), *DISPARITIES], ids=lambda row: row.name)
def test_every_metric_says_what_it_shows(row: Any) -> None:
    assert row.shows.endswith(".")
    assert row.shows.startswith(("Sensitive to ", "Speaks of ", "Asks for ", "Asks that "))


def test_verify_names_rows_that_were_rewritten(cli: Callable[..., Ended], result: Any, here: Path) -> None:
    import hashlib

    result()
    run = here / "runs" / "t"
    content = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    content["coverage"][1]["small_rows"] = 0
    (run / "audit.json").write_text(json.dumps(content), encoding="utf-8")
    manifest = json.loads((run / "MANIFEST.json").read_text(encoding="utf-8"))
    manifest["files"]["audit.json"] = hashlib.sha256((run / "audit.json").read_bytes()).hexdigest()
    (run / "MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert "coverage[1].small_rows: 0 in the file, 7 from the predictions" in ended.out
