"""Decision rules: what they decide, what they refuse, and that they load again as they were."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.base import Scored
from fairweigh.models.groups import Draw, Groups
from fairweigh.models.rules import ChanceRule, MapRule, RuledModel, rule_of, unruled
from fairweigh.models.steps import StepRule
from hypothesis import given
from hypothesis import strategies as st

BATCH = pa.record_batch(
    {
        "sex": ["Female", "Male", None, "Female", "Male"],
        "age": [20, 40, 30, None, 60],
        "id": [1, 2, 3, 4, 5],
    }
)
SCORE = np.array([0.2, 0.5, 0.5, 0.7, 0.9])


class Fixed:
    """Scores that are given."""

    columns, whole, probability, threshold = ["id"], False, True, 0.5

    def score(self, batch: Any, ids: Any) -> Scored:
        return Scored(SCORE >= 0.5, SCORE)

    def describe(self) -> dict[str, Any]:
        return {"kind": "fixed", "threshold": 0.5}


def groups(*keys: Any, features: tuple[Any, ...] = ("sex",), **more: Any) -> Groups:
    return Groups(features, tuple((k,) if isinstance(k, str) else k for k in keys), **more)


def test_thresholds_hold_from_the_threshold_on() -> None:
    rule = StepRule.thresholds(groups("(unknown)", "Female", "Male"), [math.inf, -math.inf, 0.9])
    assert rule.decide(BATCH, SCORE)[0].tolist() == [True, False, False, True, True]
    assert not rule.randomised


def test_bins_and_intersections_find_their_slice() -> None:
    keys = (
        ("Female", "under 30"),
        ("Female", "(unknown)"),
        ("Male", "30 and over"),
        ("(unknown)", "30 and over"),
    )
    rule = StepRule.thresholds(
        groups(*keys, features=("sex", "age"), bins={"age": [30.0]}), [0.1, 0.8, 0.6, 0.5]
    )
    assert rule.decide(BATCH, SCORE)[0].tolist() == [True, False, True, False, True]


def test_a_value_without_a_rule_is_an_error_or_gets_the_common_one() -> None:
    with pytest.raises(InputError, match=r"no threshold for sex = '\(unknown\)'.*unseen: common"):
        StepRule.thresholds(groups("Female", "Male"), [0.5, 0.5]).decide(BATCH, SCORE)
    rule = StepRule.thresholds(groups("Female", "Male", unseen="common"), [0.1, 0.1, 0.6])
    assert rule.decide(BATCH, SCORE)[0].tolist() == [True, True, False, True, True]


def test_a_missing_column_is_named() -> None:
    rule = StepRule.thresholds(groups("Female"), [0.5])
    with pytest.raises(InputError, match="no column 'sex' in the table; decisions of this variant need it"):
        rule.decide(BATCH.select(["id"]), SCORE)


@given(st.permutations(range(5)), st.integers(0, 2**70))
def test_a_draw_is_of_the_row_and_of_nothing_else(order: Any, seed: Any) -> None:
    draw = Draw(seed, ("id", "sex"))
    whole = draw.uniform(BATCH)
    shuffled = draw.uniform(BATCH.take(pa.array(order)))
    np.testing.assert_array_equal(shuffled, whole[list(order)])
    assert (whole >= 0).all()
    assert (whole < 1).all()


def test_draws_do_not_depend_on_how_a_column_is_stored() -> None:
    draw = Draw(3, ("id",))
    stored = [pa.array([1, 2, 3], t) for t in (pa.int64(), pa.int8(), pa.float64())] + [
        pa.array(["1", "2", "3"])
    ]
    first, *others = (draw.uniform(pa.record_batch({"id": column})) for column in stored)
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_draws_are_uniform_and_select_at_their_chance() -> None:
    """Kolmogorov-Smirnov against the uniform distribution, and a binomial share, at p > 0.001."""
    from scipy.stats import binomtest, kstest

    ids = pa.record_batch({"id": np.arange(20_000)})
    assert kstest(Draw(7, ("id",)).uniform(ids), "uniform").pvalue > 0.001
    other = Draw(8, ("id",)).uniform(ids)
    assert abs(np.corrcoef(Draw(7, ("id",)).uniform(ids), other)[0, 1]) < 0.03
    rule = StepRule(Groups(), (np.array([-math.inf]),), (np.array([0.3]),), Draw(7, ("id",)))
    chosen = rule.decide(ids, np.zeros(20_000))[0]
    assert binomtest(int(chosen.sum()), 20_000, 0.3).pvalue > 0.001


def test_maps_are_scikit_learns() -> None:
    from sklearn.isotonic import IsotonicRegression

    r = np.random.default_rng(0)
    score, y = r.random(500), r.random(500) < 0.4
    own = IsotonicRegression(out_of_bounds="clip").fit(score, y)
    made = {"x": own.X_thresholds_.tolist(), "y": own.y_thresholds_.tolist()}
    rule = MapRule(Groups(), (made,), 0.4)
    fresh = r.random(5)
    decision, found = rule.decide(BATCH, fresh)
    np.testing.assert_allclose(found, own.predict(fresh), rtol=1e-12)
    np.testing.assert_array_equal(decision, own.predict(fresh) >= 0.4)


RULES: list[Any] = [
    StepRule.thresholds(groups("Female", "Male", unseen="common"), [0.25, math.inf, -math.inf]),
    StepRule(
        groups("Female"), (np.array([-math.inf, 0.1, 0.7]),), (np.array([0.0, 0.25, 1.0]),), Draw(5, ("id",))
    ),
    ChanceRule(Draw(2, ("id",))),
    MapRule(groups("a", features=("sex",)), ({"a": -1.5, "b": 0.25},), 0.3),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_a_rule_survives_being_written_as_json(rule: Any) -> None:
    again = rule_of(json.loads(json.dumps(rule.spec())))
    assert again.spec() == rule.spec()
    assert again.columns == rule.columns


def broken(**changed: Any) -> Any:
    return RULES[1].spec() | changed


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "melt"},
        broken(starts=[[0.1, 0.7]]),
        broken(starts=[["-inf", 0.7, 0.1]]),
        broken(chances=[[0.0, 1.5, 1.0]]),
        broken(starts=[]),
        {k: v for k, v in broken().items() if k != "draw"},
        broken(groups={**groups("Female").spec(), "unseen": "guess"}),
    ],
)
def test_a_damaged_rule_is_refused(spec: Mapping[Any, Any]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        rule_of(spec)


def test_rules_stand_one_behind_the_other() -> None:
    calibrated = RuledModel(Fixed(), MapRule(Groups(), ({"x": [0.0, 1.0], "y": [0.0, 0.5]},)))
    ruled = RuledModel(calibrated, StepRule.thresholds(Groups(), [0.26]))
    found = ruled.score(BATCH, None)
    np.testing.assert_allclose(found.score, SCORE / 2)
    assert found.decision.tolist() == [False, False, False, True, True]
    assert unruled(ruled) is calibrated.inner
    assert [type(r) for r in ruled.rules] == [MapRule, StepRule]
    told = ruled.describe()
    assert "threshold" not in told
    assert "calibrated" in told["rule"]
    assert ruled.needs == []


MAP = RULES[3].spec()


@pytest.mark.parametrize(
    "spec",
    [
        MAP | {"threshold": math.nan},
        MAP | {"threshold": "abc"},
        MAP | {"threshold": -9},
        MAP | {"threshold": 1.001},
        MAP | {"maps": [None]},
        MAP | {"maps": ["a"]},
        MAP | {"maps": [{"x": [], "y": []}]},
        MAP | {"maps": [{"x": [0.5, 0.1], "y": [0, 1]}]},
        MAP | {"maps": [{"x": [0, 1], "y": [0, math.nan]}]},
        MAP | {"maps": [{"x": [0, 1], "y": [0, 2]}]},
        MAP | {"maps": [{"a": "text", "b": 1}]},
        MAP | {"maps": [{"a": 1}]},
        RULES[2].spec() | {"draw": {"seed": 1, "columns": []}},
        broken(groups=groups("Female").spec() | {"keys": [["Female", "x"]]}),
        broken(groups=groups("Female").spec() | {"bins": {"sex": [3, 1]}}),
    ],
)
def test_a_hostile_rule_is_refused_on_loading(spec: Mapping[Any, Any]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        rule_of(spec)
