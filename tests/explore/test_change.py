"""Gates on a change move with the threshold: they are those of an audit of the variant's decisions at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.metrics.intervals import quantile_of_tail, tail_area, tango

from ..pages import needs_chromium
from .conftest import people
from .looking import JUDGED, result, same_figures, same_gates, show

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page

    from .conftest import Made

pytestmark = needs_chromium

ON: dict[str, Any] = {"on": "lighter", "compare": "change"}
CHANGES: list[dict[str, Any]] = [
    {"metric": "accuracy", "limit": ">= -0.02", **ON},
    {"metric": "selection_rate", "limit": "<= 0.1", **ON},
    {"metric": "true_positive_rate", "slice": {"race": "b"}, "limit": ">= -0.3", **ON},
    {"metric": "accuracy", "limit": ">= -0.005", "decide": "point", **ON},
    {"metric": "precision", "limit": ">= -0.05", "decide": "point", **ON},
    {"metric": "precision", "limit": ">= -0.05", **ON},
    {"metric": "true_positive_rate", "by": "sex", "limit": "<= 0.03", **ON},
    {"metric": "selection_rate", "by": "race", "limit": "<= 0.1", **ON},
    {"metric": "false_positive_rate", "by": "race", "limit": "<= 0.06", "reference": "b", **ON},
    {"metric": "accuracy", "by": "race", "limit": "<= 0.2", "reference": "highest", **ON},
    {"metric": "accuracy", "by": ["sex", "race"], "limit": "<= 0.05", "include_small": True, **ON},
    {"metric": "f1", "by": "sex", "limit": "<= 0.02", "decide": "point", **ON},
    {"metric": "auc", "limit": ">= -0.1", **ON},
    {"cost": "storage", "limit": "<= 0.9", "on": "compressed"},
]


def lighter(threshold: float) -> pa.Table:
    """The people, with a blunter score and what it decides at a threshold."""
    table = people()
    draw = np.random.default_rng(3)
    score = np.clip(table["score"].to_numpy() + draw.normal(0, 0.08, table.num_rows), 0, 1).round(4)
    table = table.append_column("blunt", pa.array(score))
    return table.append_column("blunt_d", pa.array((score >= threshold).astype(int)))


TABLES = {threshold: lighter(threshold) for threshold in (0.35, 0.5, 0.7)}
VARIANTS = [{"name": "lighter", "score": "blunt", "decision": "blunt_d"}]


def run_at(made: Made, threshold: float, data: dict[str, Any]) -> Path:
    return made(TABLES[threshold], data=data, variants=VARIANTS, gates=CHANGES)


@pytest.mark.parametrize("data", [{}, {"weight": "w"}], ids=["rows", "weights"])
def test_change_gates_at_any_threshold_are_those_of_an_audit_at_it(
    made: Made, written: Callable[..., Path], page: Page, data: dict[str, Any]
) -> None:
    base = run_at(made, 0.5, data)
    show(page, written(base))
    assert page.evaluate("explorer.check").get("wrong") == 0
    assert same_figures(page, base, weighted=bool(data)) > 100
    for threshold in TABLES:
        wanted = [g for g in result(run_at(made, threshold, data))["gates"] if g["variant"] == "lighter"]
        found = page.evaluate(JUDGED, {"name": "lighter", "threshold": threshold})
        kept = {gate["id"]: gate["kept"] for gate in found if "kept" in gate}
        assert kept == {"gate-6": "drawn", "gate-13": "scores", "gate-14": "cost"}
        assert len(same_gates(found, wanted)) >= 8
        assert {gate["verdict"] for gate in wanted} >= {"pass", "fail"}


def test_the_page_says_of_each_gate_that_stays_why(
    made: Made, written: Callable[..., Path], page: Page
) -> None:
    show(page, written(run_at(made, 0.5, {})), "#variant=lighter&threshold=0.7")
    said = page.locator("#gates li.kept .under").all_inner_texts()
    assert [text.partition(" as audited: ")[2] for text in said] == [
        "its limits are drawn at random, which this page does not do",
        "it is on the scores, which no threshold changes",
        "what a model costs does not depend on the threshold",
    ]
    assert re.search(r"(?<!as )audited: \w+", page.locator("#gates").inner_text())


def test_normal_quantiles_and_tangos_limits_are_pythons(
    made: Made, written: Callable[..., Path], page: Page
) -> None:
    draw = np.random.default_rng(2)
    n = np.ceil(np.exp(draw.uniform(0, np.log(20_000), 400)))
    b = draw.binomial(n.astype(int), draw.choice([0, 0.01, 0.2, 1], 400)).astype(float)
    c = np.minimum(draw.binomial(n.astype(int), draw.choice([0, 0.01, 0.3], 400)), n - b)
    level = draw.choice([0.05, 0.025, 0.05 / 90, 0.3], 400)
    show(page, written(made()))
    ask = """cases => cases.map(([b, c, n, p]) => {
      const z = normal.quantile(p);
      return [...normal.tango(b, c, n, z), z];
    })"""
    found = np.array(page.evaluate(ask, np.stack([b, c, n, level], 1).tolist()))
    z = np.array([quantile_of_tail(float(p)) for p in level])
    assert found[:, 2] == pytest.approx(z, abs=1e-10)
    for k in range(400):
        assert found[k, :2] == pytest.approx(tango(b[k], c[k], n[k], z[k]), abs=1e-9)
    far = [0.0, 0.5, 2.9, 3.1, 8.0, -1.0]
    tails = page.evaluate("zs => zs.map(normal.tail)", far)
    assert tails == pytest.approx([tail_area(one) for one in far], rel=1e-10)
