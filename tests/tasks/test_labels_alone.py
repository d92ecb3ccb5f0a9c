"""Audits of labels without any model's output, of every task but the binary one, against pandas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.api import load_result

from ..test_chinese_report import left_in_english
from .runs import slice_of, values

if TYPE_CHECKING:
    from ..conftest import Ended

N = 300
FINDINGS = ["edema", "fracture"]


def rows() -> pd.DataFrame:
    """Labels of four kinds, one that groups differ in among them; queries of ten items each."""
    draw = np.random.default_rng(4)
    group = draw.choice(["a", "b"], N)
    frame = pd.DataFrame({"id": range(N), "query": np.arange(N) // 10, "item": range(N), "group": group})
    frame["grade"] = draw.choice(["bad", "good", "meh"], N, p=[0.5, 0.3, 0.2])
    for name, share in zip(FINDINGS, (0.2, 0.5), strict=True):
        frame[name] = (draw.random(N) < share + 0.2 * (group == "b")).astype(int)
    frame["paid"] = draw.normal(10, 2, N) + (group == "b")
    return frame


def of_classes(part: pd.DataFrame) -> dict[str, Any]:
    return {c: {"base_rate": (part.grade == c).mean()} for c in ("bad", "good", "meh")}


def of_findings(part: pd.DataFrame) -> dict[str, Any]:
    return {name: {"base_rate": part[name].mean()} for name in FINDINGS}


LABELS = [
    ("multiclass", {"id": "id", "label": "grade"}, None, of_classes),
    ("multilabel", {"id": "id", "labels": FINDINGS}, None, of_findings),
    ("regression", {"id": "id", "label": "paid"}, lambda part: {"mean_outcome": part.paid.mean()}, None),
    (
        "ranking", {"query": "query", "item": "item", "relevance": "edema"},
        lambda part: {"mean_relevance": part.edema.mean()}, None,
    ),
]  # fmt: skip
"""Task, its roles of columns, and what pandas says of the rows together and of each class."""

Figures = Callable[[pd.DataFrame], dict[str, Any]] | None


@pytest.mark.parametrize(("task", "roles", "whole", "views"), LABELS, ids=[row[0] for row in LABELS])
def test_labels_alone_are_audited_verified_and_reported(
    task: str,
    roles: dict[str, Any],
    whole: Figures,
    views: Figures,
    cli: Callable[..., Ended],
    write: Callable[..., None],
) -> None:
    frame = rows()
    data = {"path": "d.parquet", "sensitive": ["group"], **roles}
    write(
        pa.Table.from_pandas(frame),
        {"audit": "t", "task": task, "data": data, "report": {"charts": False, "language": "zh"}},
    )
    ended = cli("audit", "a.yaml", "-q", "-o", "run")
    assert (ended.code, ended.err) == (0, "")
    assert cli("verify", "run").code == 0
    content = json.loads(Path("run/audit.json").read_text(encoding="utf-8"))
    assert content["task"] == task
    [variant] = content["variants"]
    parts = [(frame, variant["overall"], variant.get("overall_views", {}))]
    for group, part in frame.groupby("group"):
        own = slice_of(variant, group=str(group))
        assert own["n"] == len(part)
        parts.append((part, own["metrics"], own.get("views", {})))
    for part, figures, of_views in parts:
        assert values(figures) == pytest.approx(whole(part) if whole else {}, abs=1e-12)
        expected = views(part) if views else {}
        assert set(of_views) == set(expected)
        for name, found in expected.items():
            assert values(of_views[name]) == pytest.approx(found, abs=1e-12), name
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert '<html lang="zh' in page
    assert left_in_english(load_result(Path("run")), page) == []
