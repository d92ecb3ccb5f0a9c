"""The figures and gates of the page are those of the audit: at its threshold, and at any other.

The outside answer at another threshold is an audit of the same rows at that one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pytest
from fairweigh.metrics import exact
from fairweigh.metrics.contrast import F1, PLAIN, Contrast

from ..pages import needs_chromium
from .looking import JUDGED, result, same_figures, same_gates, show

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page

    from .conftest import Made

pytestmark = needs_chromium

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("data", [{}, {"weight": "w"}], ids=["rows", "weights"])
def test_figures_at_the_audited_threshold_are_the_audits(
    made: Made, written: Callable[..., Path], page: Page, data: dict[str, Any]
) -> None:
    run = made(data=data)
    show(page, written(run))
    assert same_figures(page, run, weighted=bool(data)) > 100


@pytest.mark.parametrize("data", [{}, {"weight": "w"}], ids=["rows", "weights"])
@pytest.mark.parametrize("threshold", [0.35, 0.5, 0.8])
def test_gates_at_any_threshold_are_those_of_an_audit_at_it(
    made: Made, written: Callable[..., Path], page: Page, data: dict[str, Any], threshold: float
) -> None:
    base = made(data=data)
    show(page, written(base))
    found = page.evaluate(JUDGED, {"name": "original", "threshold": threshold})
    wanted = result(made(data=data, threshold=threshold))["gates"]
    assert {gate["kept"] for gate in found if "kept" in gate} == {"scores"}
    assert len(same_gates(found, wanted)) > 10


def test_a_threshold_is_found_where_decisions_tell_it(
    data_folder: Path, tmp_path: Path, written: Callable[..., Path], page: Page
) -> None:
    """COMPAS: "medium" begins at the fifth of ten scores, which its configuration does not say."""
    del data_folder
    run = tmp_path / "compas"
    fairweigh.run(EXAMPLES / "compas.yaml", run, overrides=["report.charts=false"])
    show(page, written(run))
    assert page.locator("#at").inner_text() == "5"
    assert page.evaluate("explorer.data.scales") == [list(range(1, 11))]
    gates = len(result(run)["gates"])
    assert page.evaluate("explorer.check") == {"n": gates, "all": gates, "wrong": 0}
    page.locator("#slider").press("ArrowRight")
    page.wait_for_timeout(200)
    assert "the audit was at 5" in page.locator("#state").inner_text()


CASES = """cases => cases.map(([x1, n1, x2, n2, bound, level, scale, ratio, upwards]) => {
  const contrast = exact.contrast(exact.SCALES[scale], ratio);
  const p = exact.pairP(x1, n1, x2, n2, bound, contrast, upwards);
  const limit = exact.pairLimit(x1, n1, x2, n2, level, contrast, upwards);
  const own = [exact.lower(x1, n1, level), exact.upper(x1, n1, level)];
  return [p, limit, ...own, exact.pAbove(x1, n1, 0.3), exact.pBelow(x1, n1, 0.3)];
})"""


def test_p_values_and_limits_are_pythons(made: Made, written: Callable[..., Path], page: Page) -> None:
    """Whole counts and effective ones, from few rows to many, at rare rates and at 0 and 1."""
    r = np.random.default_rng(1)
    n = np.ceil(np.exp(r.uniform(np.log(5), np.log(30_000), (2, 600))))
    whole = r.random(600) < 0.7
    n = np.where(whole, n, n * 0.83)
    rate = r.choice([0, 0.002, 0.02, 0.1, 0.3, 0.5, 0.8, 0.99, 1], (2, 600))
    x = np.where(whole, r.binomial(np.ceil(n).astype(int), rate), rate * n)
    ratio, upwards, scale = r.random(600) < 0.4, r.random(600) < 0.5, r.integers(0, 2, 600)
    differences, ratios = r.choice([-0.3, -0.1, 0, 0.02, 0.1], 600), r.choice([0.5, 0.8, 1, 1.25, 2], 600)
    bound = np.where(ratio, ratios, differences)
    level = r.choice([0.05, 0.025, 0.05 / 90], 600)
    show(page, written(made()))
    given = [x[0], n[0], x[1], n[1], bound, level]
    sent = list(zip(*(v.tolist() for v in (*given, scale, ratio, upwards)), strict=True))
    infinite = "Infinity"
    found = page.evaluate(
        f"cases => ({CASES})(cases).map(row => row.map(v => isFinite(v) ? v : '{infinite}'))", sent
    )
    p, limit, low, high, above, below = (
        np.array([np.inf if v == infinite else v for v in column], float)
        for column in zip(*found, strict=True)
    )
    for k in (0, 1):
        for form in (False, True):
            part = (scale == k) & (ratio == form)
            contrast, up = Contrast(form, (PLAIN, F1)[k]), upwards[part]
            x1, n1, x2, n2 = (v[part] for v in given[:4])
            wanted = exact.pair_p(x1, n1, x2, n2, bound[part], contrast, upwards=up)
            assert p[part] == pytest.approx(wanted, abs=5e-6)
            ends = exact.pair_limit(x1, n1, x2, n2, level[part], contrast, upwards=up)
            assert contrast.bounded(limit[part]) == pytest.approx(contrast.bounded(ends), abs=2e-5)
    assert low == pytest.approx(exact.lower(x[0], n[0], level), abs=1e-10)
    assert high == pytest.approx(exact.upper(x[0], n[0], level), abs=1e-10)
    assert above == pytest.approx(exact.p_above(x[0], n[0], 0.3), abs=1e-10)
    assert below == pytest.approx(exact.p_below(x[0], n[0], 0.3), abs=1e-10)
