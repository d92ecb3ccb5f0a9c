"""A predicted number, against scikit-learn, scipy and a bias that was planted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.verification import verify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as theirs

from .runs import audited, gap, slice_of, values

if TYPE_CHECKING:
    from ..conftest import Ended


DATA = {"label": "y", "sensitive": ["group"], "id": "id"}
MODEL = {"prediction": "p"}


def rows(n: int = 1200, seed: int = 0, planted: float = 0.6) -> pd.DataFrame:
    """Outcomes and predictions with normal errors, too high by ``planted`` for group c."""
    draw = np.random.default_rng(seed)
    group = draw.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    y = draw.normal(10, 2, n)
    p = y + draw.normal(0, 1, n) + planted * (group == "c")
    return pd.DataFrame({"id": range(n), "group": group, "y": y, "p": p, "light": p + draw.normal(0, 0.1, n)})


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any]:
    data = rows()
    return data, audited(
        tmp_path_factory.mktemp("run"), data, data=DATA, model=MODEL,
        variants=[{"name": "same", "prediction": "p"}, {"name": "light", "prediction": "light"}],
        gates=[
            {"metric": "mean_error", "by": "group", "compare": "difference", "limit": "<= 0.2"},
            {"metric": "mean_prediction", "by": "group", "compare": "ratio", "limit": ">= 0.8"},
            {"metric": "mean_absolute_error", "on": "light", "compare": "change", "limit": "<= 0.02"},
        ],
    )  # fmt: skip


def test_the_task_is_told_by_the_column_of_predictions(found: Any) -> None:
    assert found[1]["task"] == "regression"


def test_figures_are_those_of_scikit_learn(found: Any) -> None:
    data, result = found
    for part, own in (
        (data, result["variants"][0]["overall"]),
        *((d, slice_of(result["variants"][0], group=g)["metrics"]) for g, d in data.groupby("group")),
    ):
        expected = {
            "mean_error": (part.p - part.y).mean(),
            "mean_absolute_error": theirs.mean_absolute_error(part.y, part.p),
            "root_mean_squared_error": theirs.root_mean_squared_error(part.y, part.p),
            "r_squared": theirs.r2_score(part.y, part.p),
            "mean_prediction": part.p.mean(),
            "mean_outcome": part.y.mean(),
            "prediction_to_outcome_ratio": part.p.mean() / part.y.mean(),
            "median_prediction": np.quantile(part.p, 0.5, method="inverted_cdf"),
            "distribution_gap": stats.ks_2samp(part.p, data.p).statistic,
        }
        assert values(own) == pytest.approx(expected, abs=1e-12)


NUMBER = st.floats(-1000, 1000, width=32)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), NUMBER, NUMBER), min_size=5, max_size=60))
def test_any_table_has_the_figures_of_numpy(tmp_path: Path, cells: Any) -> None:
    data: Any = pd.DataFrame(cells, columns=["group", "y", "p"])
    result = audited(
        tmp_path, data, task="regression", data={"label": "y", "sensitive": ["group"]}, model=MODEL,
        metrics=["mean_absolute_error", "mean_error", "mean_prediction"],
    )  # fmt: skip
    for part, own in (
        (data, result["variants"][0]["overall"]),
        *((d, slice_of(result["variants"][0], group=g)["metrics"]) for g, d in data.groupby("group")),
    ):
        expected = {
            "mean_absolute_error": theirs.mean_absolute_error(part.y, part.p),
            "mean_error": np.mean(part.p - part.y),
            "mean_prediction": np.mean(part.p),
        }
        assert values(own) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_limits_of_a_mean_are_students_or_a_little_wider(found: Any) -> None:
    data, result = found
    own = result["variants"][0]["overall"]["mean_absolute_error"]
    errors = np.abs(data.p - data.y)
    low, high = stats.t.interval(0.95, len(errors) - 1, errors.mean(), stats.sem(errors))
    assert own["low"] <= low + 1e-12
    assert own["high"] >= high - 1e-12
    assert own["high"] - own["low"] <= 1.2 * (high - low)


def test_a_bias_that_was_planted_is_found_and_has_its_size(found: Any) -> None:
    _, result = found
    one = gap(result["variants"][0], "mean_error", group="c")
    assert one["low"] < 0.6 < one["high"]
    assert one["low"] > 0
    assert [g["verdict"] for g in result["gates"] if g["variant"] == "original"] == ["fail", "pass"]


def test_changes_are_those_of_the_same_rows(found: Any) -> None:
    data, result = found
    whole = {
        c["metric"]: c
        for c in next(c for c in result["comparisons"] if c["after"] == "light")["changes"]
        if not c["slice"]
    }
    step = np.abs(data.light - data.y) - np.abs(data.p - data.y)
    low, high = stats.t.interval(0.95, len(step) - 1, step.mean(), stats.sem(step))
    own = whole["mean_absolute_error"]
    assert own["value"] == pytest.approx(step.mean(), abs=1e-12)
    assert (own["low"], own["high"]) == pytest.approx((low, high), abs=1e-9)
    # Two independent samples would leave more open by a multiple.
    apart = np.hypot(stats.sem(np.abs(data.light - data.y)), stats.sem(np.abs(data.p - data.y)))
    assert own["high"] - own["low"] < apart
    assert next(g for g in result["gates"] if g["compare"] == "change")["verdict"] == "pass"


def test_a_variant_that_is_the_original_shows_no_change_and_nothing_flips(found: Any) -> None:
    _, result = found
    same = next(c for c in result["comparisons"] if c["after"] == "same")
    assert {c["value"] for c in same["changes"]} == {0.0}
    assert (same["overall"], same["flips"], same["agreement"]) == (None, [], None)


def test_a_run_of_numbers_is_verified_and_a_changed_prediction_is_found(tmp_path: Path) -> None:
    audited(tmp_path, rows(200), data=DATA, model=MODEL)
    assert verify(tmp_path / "run").figures == []


def test_weights_are_repeated_rows(tmp_path: Path) -> None:
    data = rows(60)
    data["w"] = np.arange(60) % 3 + 1
    weighted = audited(tmp_path, data, data={**DATA, "weight": "w"}, model=MODEL)
    repeated = data.loc[data.index.repeat(data.w)].assign(id=range(int(data.w.sum())))
    plain = audited(tmp_path, repeated, data=DATA, model=MODEL)
    assert values(weighted["variants"][0]["overall"]) == pytest.approx(
        values(plain["variants"][0]["overall"]), abs=1e-12
    )


SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def quantiles(result: Any, figure: str = "value", **part: str) -> list[Any]:
    """A figure of the quantiles of a slice's errors."""
    own = next(one for one in result["variants"][0]["scores"] if one["slice"] == part)
    assert [q["share"] for q in own["quantiles"]] == list(SHARES)
    return [q[figure] for q in own["quantiles"]]


def test_quantiles_of_the_errors_are_those_of_numpy(found: Any) -> None:
    data, result = found
    error = (data.p - data.y).to_numpy()
    for part, own in (({}, error), ({"group": "c"}, error[data.group == "c"])):
        known = np.quantile(own, SHARES, method="inverted_cdf")
        assert quantiles(result, **part) == pytest.approx(known, abs=1e-12)
        assert all(low <= value for low, value in zip(quantiles(result, "low", **part), known, strict=True))
        assert all(
            value <= high for high, value in zip(quantiles(result, "high", **part), known, strict=True)
        )
        assert set(quantiles(result, "method", **part)) == {"woodruff"}


def test_quantiles_of_weighted_rows_are_those_of_repeated_ones(tmp_path: Path) -> None:
    data = rows(90)
    data["w"] = np.arange(90) % 3 + 1
    weighted = audited(tmp_path, data, data={**DATA, "weight": "w"}, model=MODEL)
    error = np.repeat((data.p - data.y).to_numpy(), data.w)
    known = np.quantile(error, SHARES, method="inverted_cdf")
    assert quantiles(weighted) == pytest.approx(known, abs=1e-12)
    assert all(n < 90 for n in quantiles(weighted, "effective_n"))
    assert verify(tmp_path / "run").figures == []


def test_copies_of_rows_in_clusters_say_no_more_of_a_quantile_than_the_rows(tmp_path: Path) -> None:
    """Ten copies of each row have the row's quantiles; that they are copies must be told by a cluster."""
    data = rows(200)
    once = audited(tmp_path / "once", data, data=DATA, model=MODEL)
    copies = data.loc[data.index.repeat(10)].assign(person=lambda d: d.id).assign(id=range(2000))
    told = audited(tmp_path / "told", copies, data={**DATA, "cluster": "person"}, model=MODEL)
    untold = audited(tmp_path / "untold", copies, data=DATA, model=MODEL)
    assert quantiles(told) == quantiles(untold) == quantiles(once)

    def wide(result: Any) -> Any:
        return np.subtract(quantiles(result, "high")[1:4], quantiles(result, "low")[1:4])

    assert np.all(wide(untold) < 0.6 * wide(once))
    assert wide(told) == pytest.approx(wide(once), rel=0.35)
    assert quantiles(told, "effective_n")[2] == pytest.approx(200, rel=0.1)


def test_a_slice_of_few_rows_has_quantiles_that_are_small_and_ends_without_limits(tmp_path: Path) -> None:
    data = rows(300)
    data.loc[:9, "group"], data.loc[10:, "group"] = "d", "a"
    result = audited(tmp_path, data, data=DATA, model=MODEL)
    assert set(quantiles(result, "status", group="d")) == {"small"}
    assert quantiles(result, "low", group="d")[0] is None
    assert quantiles(result, "high", group="d")[-1] is None
    assert None not in quantiles(result, "value", group="d")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_whose_squares_are_no_floats_have_no_share_of_spread_explained(tmp_path: Path) -> None:
    data = rows(200)
    data[["y", "p"]] *= 1e-300
    own = values(audited(tmp_path, data, data=DATA, model=MODEL)["variants"][0]["overall"])
    assert own["r_squared"] is None
    assert own["mean_error"] == pytest.approx((data.p - data.y).mean())


def test_a_threshold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="belongs to task: binary or multilabel or generation, the task is regr"
    ):
        audited(tmp_path, rows(20), data=DATA, model={**MODEL, "threshold": 0.5})


def test_a_policy_on_classes_is_told_that_numbers_have_none(
    tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    audited(tmp_path, rows(60), data=DATA, model=MODEL)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "policy: p\ngates:\n  - {metric: true_positive_rate, class: each, by: group, "
        'compare: difference, limit: "<= 0.3"}\n',
        encoding="utf-8",
    )
    ended = cli("gate", str(tmp_path / "run"), "--policy", str(policy))
    assert "the task regression has no classes to name, got 'each'" in ended.out
    assert ended.code == 2


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_slice_without_weight_has_no_figure_and_fails_no_gate(tmp_path: Path) -> None:
    """40 rows of weight 1 beside 40 of weight 0, which lie far away: nothing is known of these."""
    prediction = np.r_[np.arange(40.0), np.arange(100.0, 140.0)]
    table = pd.DataFrame({
        "y": prediction, "p": prediction, "g": np.repeat(["A", "B"], 40), "w": np.repeat([1.0, 0.0], 40),
    })  # fmt: skip
    gate = {"metric": "distribution_gap", "by": "g", "limit": "<= 0.1"}
    data = {"label": "y", "sensitive": ["g"], "weight": "w"}
    result = audited(tmp_path, table, task="regression", data=data, model=MODEL, gates=[gate])
    own = slice_of(result["variants"][0], g="B")["metrics"]
    assert {name: figure["status"] for name, figure in own.items()} == dict.fromkeys(own, "undefined")
    assert own["median_prediction"]["value"] is None
    told = "All weights are 0 in g=B (n = 40): no figure speaks of these rows."
    assert result["data"]["warnings"] == [told]
    assert [gate["verdict"] for gate in result["gates"]] == ["error"]


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_weights_at_both_ends_of_what_is_read_are_no_noise(tmp_path: Path) -> None:
    table = pd.DataFrame({"y": np.arange(80.0), "p": np.arange(80.0) % 7, "g": ["A", "B"] * 40})
    table["w"] = np.tile([1e50, 1e-50], 40)
    data = {"label": "y", "sensitive": ["g"], "weight": "w"}
    result = audited(tmp_path, table, task="regression", data=data, model=MODEL)
    assert slice_of(result["variants"][0], g="A")["metrics"]["distribution_gap"]["value"] == 0


DRAWN = np.random.default_rng(0).random(200)
APART = {
    "off by a constant": (DRAWN, DRAWN + 0.1),
    "off by a large constant": (DRAWN, DRAWN + 1e40),
    "equal predictions": (DRAWN, np.full(200, 1e17)),
    "predictions at the end of what is read": (DRAWN, np.full(200, 1e50)),
    "both at the ends": (np.full(200, -1e50), np.full(200, 1e50)),
    "one outcome": (np.full(200, 3.0), DRAWN),
    "numbers whose squares are none": (DRAWN * 1e-310, DRAWN * 1e-310 + 1e-312),
}
"""Outcomes and predictions whose errors hardly differ, or are of a size at which little of them is known."""


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("weights", [None, 2.0])
@pytest.mark.parametrize("kind", APART)
def test_errors_that_hardly_differ_are_audited_without_warnings(
    kind: Any, weights: float | None, tmp_path: Path
) -> None:
    outcome, prediction = APART[kind]
    table = pd.DataFrame({"y": outcome, "p": prediction, "g": np.tile(["A", "B"], 100)})
    data = {"label": "y", "sensitive": ["g"]}
    if weights:
        table["w"], data["weight"] = weights, "w"
    result = audited(tmp_path, table, task="regression", data=data, model=MODEL, report={"charts": True})
    figures = values(result["variants"][0]["overall"])
    assert figures["mean_error"] == pytest.approx(np.mean(prediction - outcome), rel=1e-9)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_slices_of_one_row_are_audited_without_warnings(tmp_path: Path) -> None:
    table = pd.DataFrame({"y": DRAWN[:90], "p": DRAWN[:90] + 0.1, "g": [f"g{k}" for k in range(90)]})
    result = audited(tmp_path, table, task="regression", data={"label": "y", "sensitive": ["g"]}, model=MODEL)
    assert values(result["variants"][0]["overall"])["mean_error"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("task", "scale", "most", "told"),
    [
        ("regression", "probability", -1e60, r"numbers up to 1e\+50 as outputs \(y_pred\), got -1e\+60"),
        ("binary", "rank", 1e200, r"expected numbers up to 1e\+50 as outputs \(score\), got 1e\+200"),
    ],
)  # fmt: skip
def test_outputs_whose_squares_are_no_float_are_refused_as_labels_are(
    task: str, scale: str, most: Any, told: str, tmp_path: Path
) -> None:
    table = pd.DataFrame({"y": [0, 1] * 20, "x": [1.5, most, 0.5, 2.5] * 10, "g": ["A", "A", "B", "B"] * 10})
    content = {
        "audit": "t", "task": task, "model": {"kind": "callable", "scale": scale},
        "data": {"path": "in memory", "label": "y", "sensitive": ["g"]},
    }  # fmt: skip
    with pytest.raises(InputError, match=told):
        fairweigh.run(content, tmp_path / "run", data=table, model=lambda rows: rows["x"])
