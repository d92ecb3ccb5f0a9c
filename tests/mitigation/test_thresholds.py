"""The threshold recipes: limits kept on the rows of the fit, original rates restored, planted bias gone."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fairweigh.audit.making.training import rows_of
from fairweigh.compression.registry import Done
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.synthetic import lending
from fairweigh.datasets.training import TrainingRows
from fairweigh.mitigation.recipes import find
from fairweigh.models.base import Scored
from pydantic import ValidationError

from .conftest import biased, model_of, rates, rows


def of_scores(table: pa.Table, threshold: float = 600.0) -> tuple[SimpleNamespace, TrainingRows]:
    """The credit score of the synthetic table as a model, as its lender cuts it, and the table's rows."""
    learned = rows_of(
        EvaluationSet(table, sensitive=["sex", "ethnicity"], label="repaid", name="rows"), ["credit_score"]
    )

    def read(batch: Any, ids: Any) -> Scored:
        score = batch["credit_score"].to_numpy()
        return Scored(score >= threshold, score)

    model = SimpleNamespace(
        columns=["credit_score"], whole=False, probability=False, threshold=threshold, score=read
    )
    return model, learned


def per_slice(decision: Any, learned: TrainingRows, by: list[Any], of: bool) -> Any:
    """A rate of each slice: share of decisions among the rows of a label, or among all."""
    codes, keys = learned.slices(by, "test")
    chosen = np.ones(len(learned), bool) if of is None else learned.labels == of
    return {key: decision[(codes == i) & chosen].mean() for i, key in enumerate(keys)}


@pytest.mark.parametrize(
    ("constraint", "of", "limit"),
    [
        ("demographic_parity", (None,), 0.02),
        ("equal_opportunity", (True,), 0.01),
        ("equalized_odds", (True, False), 0.05),
    ],
)
def test_the_limit_holds_on_the_rows_of_the_fit(
    constraint: str, of: tuple[Any, ...], limit: float, applied: Callable[..., tuple[Any, Done]]
) -> None:
    learned = rows(biased(4000, 1))
    model = model_of(learned)
    params = {"by": ["group"], "constraint": constraint, "limit": f"<= {limit}"}
    changed, done = applied(model, "threshold", params, learned, learned)
    decision = changed.score(learned.batch, None).decision
    gaps = [np.ptp(list(per_slice(decision, learned, ["group"], label).values())) for label in of]
    (told,) = done.told["rules"]
    assert max(gaps) == pytest.approx(told["disparity"])
    assert max(gaps) <= limit + 1e-12
    assert told["performance"] == pytest.approx((decision == learned.labels).mean())
    chosen = [p for p in told["curve"] if p["chosen"]]
    assert [(p["disparity"], p["performance"]) for p in chosen] == [(told["disparity"], told["performance"])]
    for one in told["slices"]:
        mine = np.asarray(learned.batch["group"]) == one["slice"]["group"]
        assert one["n"] == mine.sum()
        assert one["after"] == pytest.approx(decision[mine].mean())


def test_planted_bias_goes_and_an_unbiased_table_stays_as_it_is(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    """TPR of every slice is known in closed form (datasets.synthetic): equal at bias 0, apart at bias 2."""
    for bias, apart in ((2.0, True), (0.0, False)):
        table = lending(30_000, 1, bias=bias)
        # Cut where repayment is as likely as not: the most accurate cut there is, and one for all slices.
        likely = table.filter(pc.greater_equal(table["score"], 0.5))
        model, fitted = of_scores(table, float(pc.min(likely["credit_score"]).as_py()))
        _, held_out = of_scores(lending(30_000, 2, bias=bias))
        params = {"by": ["ethnicity"], "constraint": "equal_opportunity", "limit": "<= 0.01"}
        changed, _ = applied(model, "threshold", params, fitted, fitted, sensitive=("ethnicity",))
        before, after = (m.score(held_out.batch, None).decision for m in (model, changed))
        codes, keys = held_out.slices(["ethnicity"], "test")
        size = np.array([((codes == i) & held_out.labels).sum() for i in range(len(keys))])
        gaps = [np.ptp(list(per_slice(d, held_out, ["ethnicity"], True).values())) for d in (before, after)]
        # Both the fit and the held-out rows err: four standard errors of the two smallest slices together.
        noise = 4 * np.sqrt(2 * (0.25 / np.sort(size)[:2]).sum())
        assert (gaps[0] > noise) == apart
        assert gaps[1] < noise + 0.01
        if not apart:
            right = [(d == held_out.labels).mean() for d in (before, after)]
            assert abs(right[1] - right[0]) < 0.02


def test_one_threshold_for_all_needs_no_sensitive_feature(applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(3000, 2))
    model = model_of(learned)
    params = {"by": ["group"], "constraint": "demographic_parity", "common": True, "limit": "<= 0.1"}
    changed, done = applied(model, "threshold", params, learned, learned)
    assert done.told["needs"] == []
    assert "group" not in changed.rule.columns
    score = model.score(learned.batch, None).score
    (cut,) = done.told["rules"][0]["slices"]
    decision = changed.score(learned.batch, None).decision
    np.testing.assert_array_equal(decision, score >= cut["threshold"])
    # Brute force over every cut: no other one within the limit decides more rows rightly.
    group = np.asarray(learned.batch["group"]) == "b"
    best = max(
        (d == learned.labels).mean()
        for d in (score >= t for t in np.unique(score))
        if abs(d[group].mean() - d[~group].mean()) <= 0.1
    )
    assert (decision == learned.labels).mean() == pytest.approx(best)


@pytest.mark.parametrize("metric", ["selection_rate", "true_positive_rate", "false_positive_rate"])
def test_the_originals_rates_come_back(metric: str, applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(4000, 3))
    original, worn = model_of(learned), model_of(learned, C=0.001)
    worn.threshold = 0.42
    of = {"selection_rate": None, "true_positive_rate": True, "false_positive_rate": False}[metric]
    params = {"by": ["group", "sex"], "restore": metric}
    changed, done = applied(worn, "threshold", params, learned, learned, original=original)
    wanted, before, after = (
        per_slice(m.score(learned.batch, None).decision, learned, ["group", "sex"], of)
        for m in (original, worn, changed)
    )
    assert max(abs(before[k] - wanted[k]) for k in wanted) > 0.03
    # Scores are distinct, so that one row more or less is the nearest that a rate can come.
    assert max(abs(after[k] - wanted[k]) for k in wanted) < 1 / 300
    assert metric in done.changed


def test_reject_option_moves_the_two_sides_apart(applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(4000, 4))
    model = model_of(learned)
    params = {"by": ["group"], "limit": "<= 0.05"}
    changed, done = applied(model, "reject-option", params, learned, learned)
    decision = changed.score(learned.batch, None).decision
    found = rates(decision, pa.table(learned.batch))
    assert abs(found["a"] - found["b"]) <= 0.05
    cuts = {one["slice"]["group"]: one["threshold"] for one in done.told["rules"][0]["slices"]}
    assert cuts["a"] - 0.5 == pytest.approx(0.5 - cuts["b"])
    assert cuts["a"] > cuts["b"]


def test_a_floor_makes_the_disparity_least(applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(2000, 5))
    model = model_of(learned)
    limited = {"by": ["group"], "constraint": "demographic_parity", "limit": "<= 0.03"}
    _, by_limit = applied(model, "threshold", limited, learned, learned)
    best = by_limit.told["rules"][0]
    floored = {"by": ["group"], "constraint": "demographic_parity", "floor": f">= {best['performance']:.12f}"}
    _, by_floor = applied(model, "threshold", floored, learned, learned)
    found = by_floor.told["rules"][0]
    # Two ways to one point: no choice performs as well with a smaller disparity.
    assert found["performance"] >= best["performance"] - 1e-9
    assert found["disparity"] <= best["disparity"] + 1e-12


def few(table: pa.Table) -> pa.Table:
    """The same rows, two of which are of a third group."""
    group = np.array(table["group"].to_pylist(), object)
    group[[3, 8]] = "c"
    return table.set_column(table.column_names.index("group"), "group", pa.array(group.tolist()))


def test_slices_of_too_few_rows_are_an_error_or_take_the_common_rule(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    learned = rows(few(biased(1000, 6)))
    model = model_of(learned)
    with pytest.raises(
        InputError,
        match=r"at least 30 rows of each slice, with both labels.*group=c has 2 rows.*unseen: common",
    ):
        applied(model, "threshold", {"by": ["group"]}, learned, learned)
    changed, done = applied(model, "threshold", {"by": ["group"], "unseen": "common"}, learned, learned)
    assert done.notes == ["2 of these rows take the common threshold, which the limit does not bind"]
    told = done.told["rules"][0]["slices"]
    assert [one["slice"] for one in told] == [{"group": "a"}, {"group": "b"}, {}]
    common = told[-1]["threshold"]
    mine = np.asarray(learned.batch["group"]) == "c"
    score = model.score(learned.batch, None).score
    np.testing.assert_array_equal(changed.score(learned.batch, None).decision[mine], score[mine] >= common)


def test_a_slice_of_one_label_is_named(applied: Callable[..., tuple[Any, Done]]) -> None:
    table = biased(400, 7)
    y = np.where(np.asarray(table["group"]) == "b", 0, np.asarray(table["y"]))
    learned = rows(table.set_column(table.column_names.index("y"), "y", pa.array(y)))
    with pytest.raises(InputError, match=r"group=b has \d+ rows, 0 of them positive"):
        applied(model_of(learned), "threshold", {"by": ["group"]}, learned, learned)


def test_an_infeasible_limit_names_the_nearest_value(applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(500, 8))
    params = {"by": ["group"], "constraint": "accuracy", "compare": "value", "limit": ">= 0.999"}
    with pytest.raises(InputError, match=r"threshold: .*nearest.*0\.\d+.*; on 500 rows of the rows"):
        applied(model_of(learned), "threshold", params, learned, learned)


def test_decisions_alone_cannot_be_cut(applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(300, 9))
    model = SimpleNamespace(
        columns=[],
        whole=False,
        probability=True,
        threshold=0.5,
        score=lambda b, i: Scored(np.ones(300, bool), None),
    )
    with pytest.raises(InputError, match="threshold: needs scores to cut; this model gives decisions only"):
        applied(model, "threshold", {"by": ["group"]}, learned, learned)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"objective": "auc"}, "metric of counts|ratio of counts|expected"),
        ({"objective": "selection_rate"}, "has a better direction"),
        ({"constraint": "melting"}, "expected a disparity"),
        ({"limit": ">= 0.1"}, "limited from above"),
        ({"compare": "ratio", "limit": "<= 0.8"}, "limited from below"),
        ({"compare": "value"}, "limit of each slice's value"),
        ({"floor": "<= 0.9"}, "worse side"),
        ({"floor": ">= 0.9", "limit": "<= 0.1"}, "leave limit and common out"),
        ({"restore": "selection_rate", "limit": "<= 0.1"}, "leave out limit"),
        ({"restore": "auc"}, "metric of counts"),
        ({"limit": "small"}, "expected a limit"),
        ({"unseen": "guess"}, "error"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        find("threshold", "sklearn").params.model_validate(params)
