"""Forms of dots: each means one thing, and a key explains those that are drawn, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import fairweigh
import pandas as pd
from fairweigh.reports.front.axes import Axis
from fairweigh.reports.front.document import render_report
from fairweigh.reports.front.strips import Dot, forms, mark


def test_a_small_slice_and_the_other_variant_are_drawn_differently() -> None:
    axis = Axis(-1, 1)
    small = Dot("g=a", 0.5, kind="small", before=0.2)
    assert forms(axis, small) == {"small", "before"}
    assert "circle" not in mark(50, 10, "small", 4)
    assert forms(axis, Dot("g=a", 2.0, 0.5, 3.0, kind="fail")) == {"off", "limits"}
    assert forms(axis, Dot("g=a", None, reference=True)) == frozenset()


def test_a_key_explains_what_is_drawn_alone(tmp_path: Path) -> None:
    rows = pd.DataFrame({
        "g": ["a"] * 400 + ["b"] * 400 + ["c"] * 8,
        "y": [k % 2 for k in range(808)],
        "p": [int(k % 10 < 5) for k in range(400)] + [int(k % 10 < 2) for k in range(400)] + [1] * 8,
    })  # fmt: skip
    gate = {"metric": "selection_rate", "by": "g", "compare": "difference", "limit": "<= 0.1"}
    result = fairweigh.run(
        {"audit": "forms", "data": {"label": "y", "sensitive": ["g"]}, "model": {"decision": "p"},
         "gates": [gate]},
        tmp_path / "run", data=rows,
    )  # fmt: skip
    page = render_report(result)
    figure = page.partition('<figure class="lead">')[2].partition("</figure>")[0]
    key = " ".join(re.sub(r"<[^>]+>", " ", figure.partition('<p class="key">')[2]).split())
    assert "fail" in key
    assert "too small" in key
    for absent in ("open", "pass", "beyond the axis"):
        assert absent not in key
    assert "8 of 8" in re.sub(r"<[^>]+>", "", figure)
    assert "100.0" not in figure.partition("<tbody>")[2].partition("</tbody>")[0]
    hint = page.partition('data-hint="')[2].partition('"')[0]
    assert "Cross: too few rows." in hint
    assert "Grey ring" not in hint
