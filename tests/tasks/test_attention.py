"""Attention against relevance over all queries (Biega et al. 2018) and NDKL (Geyik et al. 2019), by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from math import log, log2
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.verification import Verification, verify

from .runs import audited, gap, slice_of
from .test_ranking import DATA, MODEL, ranks, rows

LAST = DATA["last_rank"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any, Verification]:
    data = rows(users=120, seed=4)
    data["light"] = data.s.round(0)
    folder = tmp_path_factory.mktemp("attention")
    result = audited(
        folder, data, data=DATA, model=MODEL, variants=[{"name": "light", "score": "light"}],
        gates=[{"metric": "equity_of_attention_difference", "by": "studio", "limit": "<= 0.1"}],
    )  # fmt: skip
    return data.assign(rank=ranks(data)), result, verify(folder / "run")


def accumulated(data: Any, of: Callable[..., Any]) -> Any:
    """Attention and relevance by what ``of`` says of a row, summed over users as shares of theirs; users."""
    got: defaultdict[Any, float] = defaultdict(float)
    due: defaultdict[Any, float] = defaultdict(float)
    users = 0
    for _, own in data.groupby("user"):
        exposure = [1 / log2(1 + r) if r <= LAST else 0 for r in own["rank"]]
        if not own.liked.sum():
            continue
        users += 1
        for row, seen in zip(own.itertuples(), exposure, strict=True):
            got[of(row)] += seen / sum(exposure)
            due[of(row)] += row.liked / own.liked.sum()
    return got, due, users


def divergence(own: Any, last: Any) -> Any:
    """NDKL of one list, as definition 2.3 has it."""
    want = own.studio.value_counts(normalize=True)
    ordered, total, weights = own.sort_values("rank").studio.tolist(), 0.0, 0.0
    for i in range(1, last + 1):
        shares = {s: ordered[:i].count(s) / i for s in want.index}
        total += sum(p * log(p / want[s]) for s, p in shares.items() if p) / log2(i + 1)
        weights += 1 / log2(i + 1)
    return total / weights


def test_the_attention_that_a_group_gets_too_much_is_summed_over_users(found: Any) -> None:
    data, result, checked = found
    got, due, users = accumulated(data, lambda row: row.studio)
    variant = result["variants"][0]
    for studio in ("small", "large"):
        own = slice_of(variant, studio=studio)["metrics"]["excess_attention"]
        assert own["value"] == pytest.approx((got[studio] - due[studio]) / users, abs=1e-12)
        assert own["low"] < own["value"] < own["high"]
    # What one group of two lacks the other has too much: |A - R| of both is the largest difference.
    of = {d["name"]: d for d in variant["disparities"] if d["by"] == ["studio"]}
    both, total = of["equity_of_attention_difference"], of["amortised_inequity_between_slices"]
    assert both["value"] == pytest.approx(sum(abs(got[s] - due[s]) for s in got) / users, abs=1e-12)
    assert total["value"] == pytest.approx(both["value"], abs=1e-12)
    assert (total["low"], total["method"]) == (None, "none")
    assert result["gates"][0]["verdict"] == "fail"
    assert checked.figures == []


def test_limits_of_the_excess_are_those_of_a_mean_over_users(found: Any) -> None:
    data, result, _ = found
    of = np.array([
        (lambda got, due, _: got["small"] - due["small"])(*accumulated(own, lambda row: row.studio))
        for _, own in data.groupby("user") if own.liked.any()
    ])  # fmt: skip
    half = 1.98 * of.std(ddof=1) / np.sqrt(len(of))
    own = slice_of(result["variants"][0], studio="small")["metrics"]["excess_attention"]
    # One more user could have seen none but films of one group.
    assert half < (own["high"] - own["low"]) / 2 < 1.3 * half
    # The groups are not independent: the difference of both varies twice as much as each.
    apart = gap(result["variants"][0], "excess_attention", studio="small")
    assert apart["value"] == pytest.approx(2 * of.mean(), abs=1e-12)
    assert apart["high"] - apart["low"] == pytest.approx(2 * (own["high"] - own["low"]), rel=0.02)


def test_features_of_who_asks_have_no_excess(found: Any) -> None:
    _, result, _ = found
    variant = result["variants"][0]
    own = slice_of(variant, sex="F")["metrics"]["excess_attention"]
    assert (own["value"], own["status"]) == (None, "undefined")
    assert "no query with a relevant item has items of several slices" in own["why"]
    assert {tuple(d["by"]) for d in variant["disparities"] if d["name"] == "ndkl"} == {
        ("studio",), ("sex", "studio")
    }  # fmt: skip


def test_the_inequity_of_single_items_is_summed_over_users_and_has_no_limits(found: Any) -> None:
    data, result, _ = found
    variant = result["variants"][0]
    got, due, users = accumulated(data, lambda row: row.film)
    whole = variant["overall"]["amortised_inequity"]
    assert whole["value"] == pytest.approx(sum(abs(got[f] - due[f]) for f in got) / users, abs=1e-12)
    assert (whole["low"], whole["high"], whole["method"]) == (None, None, "none")
    got, due, users = accumulated(data[data.sex == "F"], lambda row: row.film)
    own = slice_of(variant, sex="F")["metrics"]["amortised_inequity"]
    assert own["value"] == pytest.approx(sum(abs(got[f] - due[f]) for f in got) / users, abs=1e-12)
    got, due, _ = accumulated(data, lambda row: (row.studio, row.film))
    small = [key for key in got if key[0] == "small"]
    apart, sums = sum(abs(got[k] - due[k]) for k in small), sum(got[k] + due[k] for k in small)
    own = slice_of(variant, studio="small")["metrics"]["amortised_inequity"]
    assert own["value"] == pytest.approx(apart / (sums / 2), abs=1e-12)


def test_ndkl_is_the_mean_over_users_with_its_limits(found: Any) -> None:
    data, result, _ = found
    of = np.array([divergence(own, LAST) for _, own in data.groupby("user")])
    own = next(
        d for d in result["variants"][0]["disparities"] if d["name"] == "ndkl" and d["by"] == ["studio"]
    )
    assert own["value"] == pytest.approx(of.mean(), abs=1e-12)
    half = 1.98 * of.std(ddof=1) / np.sqrt(len(of))
    assert half < (own["high"] - own["low"]) / 2 < 1.5 * half
    assert own["low"] < of.mean() < own["high"]


def test_a_change_of_the_excess_is_that_of_the_same_lists(found: Any) -> None:
    data, result, _ = found
    light = accumulated(data.assign(rank=ranks(data.assign(s=data.light))), lambda row: row.studio)
    whole = accumulated(data, lambda row: row.studio)
    change = next(
        c for c in result["comparisons"][0]["changes"]
        if c["metric"] == "excess_attention" and c["slice"] == {"studio": "small"}
    )  # fmt: skip
    assert change["value"] == pytest.approx((light[0]["small"] - whole[0]["small"]) / whole[2], abs=1e-12)
    assert change["low"] < change["value"] < change["high"]


def test_a_figure_without_limits_is_gated_by_its_value_and_proves_nothing(tmp_path: Path) -> None:
    gates = [
        {"metric": "amortised_inequity", "limit": "<= 2"},
        {"metric": "amortised_inequity", "by": "studio", "compare": "difference", "limit": "<= 1",
         "decide": "point"},
    ]  # fmt: skip
    data = rows(users=60, seed=4)
    result = audited(tmp_path, data, data=DATA, model=MODEL, gates=gates)
    assert [gate["verdict"] for gate in result["gates"]] == ["pass", "pass"]
    for asked in (
        {"by": "studio", "compare": "difference"},
        {"slice": {"studio": "small"}},
        {"decide": "proven"},
    ):
        proven = [{"metric": "amortised_inequity", "limit": "<= 1", **asked}]
        with pytest.raises(InputError, match=r"gates\[0\].*has no limits.*expected decide: point"):
            audited(tmp_path, data, data=DATA, model=MODEL, gates=proven)


def test_curves_end_at_the_share_of_the_exposure(found: Any) -> None:
    data, result, _ = found
    seen = np.where(data["rank"] <= LAST, 1 / np.log2(1 + data["rank"]), 0)
    for variant in result["variants"][:1]:
        for studio in ("small", "large"):
            own = slice_of(variant, studio=studio)
            curve, mine = own["exposure"], data.studio == studio
            assert curve["ranks"] == list(range(1, LAST + 1))
            assert curve["share"][0] == pytest.approx(mine[data["rank"] == 1].mean(), abs=1e-12)
            third = data["rank"] <= 3
            assert curve["share"][2] == pytest.approx(seen[mine & third].sum() / seen[third].sum(), abs=1e-12)
            assert curve["share"][-1] == pytest.approx(own["metrics"]["exposure_share"]["value"], abs=1e-12)
            assert curve["items"] == pytest.approx(mine.mean(), abs=1e-12)
            assert curve["relevance"] == pytest.approx(data.liked[mine].sum() / data.liked.sum(), abs=1e-12)
        assert "exposure" not in slice_of(variant, sex="F")
