"""The planted truth: closed forms agree with draws, and with bias 0 nothing is planted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.synthetic import lending, lending_truth
from sklearn.metrics import roc_auc_score

N = 400_000


@pytest.fixture(scope="module", params=[0.0, 1.0, 2.0])
def drawn(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    table = lending(N, seed=11, bias=request.param)
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    return columns, lending_truth(request.param)


def groups(columns: Any, truth: Any) -> Iterator[tuple[Any, Any]]:
    yield np.ones(N, bool), truth["overall"]
    for feature in ("sex", "ethnicity"):
        for name, rates in truth[feature].items():
            yield columns[feature] == name, rates
    for (sex, ethnicity), rates in truth["sex_ethnicity"].items():
        yield (columns["sex"] == sex) & (columns["ethnicity"] == ethnicity), rates


def test_rates_of_a_large_draw_are_within_four_standard_errors_of_the_truth(drawn: Any) -> None:
    columns, truth = drawn
    repaid, approved = columns["repaid"] == 1, columns["approved"] == "yes"
    for member, rates in groups(columns, truth):
        for name, of, among in [
            ("share", member, np.ones(N, bool)),
            ("base_rate", repaid, member),
            ("selection_rate", approved, member),
            ("true_positive_rate", approved, member & repaid),
            ("false_positive_rate", approved, member & ~repaid),
            ("precision", repaid, member & approved),
        ]:
            p, n = rates[name], among.sum()
            assert abs(of[among].mean() - p) <= 4 * math.sqrt(p * (1 - p) / n) + 1e-12, (name, rates)


def test_auc_of_a_large_draw_is_that_of_the_closed_form(drawn: Any) -> None:
    columns, truth = drawn
    for member, rates in groups(columns, truth):
        y = columns["repaid"][member]
        # sqrt(A (1 - A) / min(m, n)) bounds the standard error of the area (Birnbaum and Klose 1957).
        error = math.sqrt(rates["auc"] * (1 - rates["auc"]) / min(y.sum(), len(y) - y.sum()))
        for score in ("credit_score", "score"):
            assert abs(roc_auc_score(y, columns[score][member]) - rates["auc"]) <= 4 * error


def test_without_bias_every_slice_has_the_same_true_rates() -> None:
    truth = lending_truth(0.0)
    slices = [*truth["sex"].values(), *truth["ethnicity"].values(), *truth["sex_ethnicity"].values()]
    for rates in slices:
        for name, value in truth["overall"].items():
            assert name == "share" or rates[name] == pytest.approx(value, abs=1e-12)


def test_bias_is_planted_at_the_known_size() -> None:
    # Phi(0.75) = 0.7734 for men of Group A and Phi(0.75 - 0.20 - 0.40) = 0.5596 for women of Group B.
    rates = lending_truth(1.0)["sex_ethnicity"]
    assert rates["Male", "Group A"]["true_positive_rate"] == pytest.approx(0.77337, abs=1e-5)
    assert rates["Female", "Group B"]["true_positive_rate"] == pytest.approx(0.55962, abs=1e-5)
    assert rates["Male", "Group A"]["auc"] == pytest.approx(0.85558, abs=1e-5)


def test_score_is_calibrated_without_bias_and_too_high_for_no_one() -> None:
    fair = lending(N, seed=3, bias=0.0)
    score, repaid = fair["score"].to_numpy(), fair["repaid"].to_numpy()
    for low in np.arange(0.0, 1.0, 0.1):
        among = (score >= low) & (score < low + 0.1)
        spread = math.sqrt((score[among] * (1 - score[among])).sum()) / among.sum()
        assert abs(repaid[among].mean() - score[among].mean()) <= 4 * spread


def test_score_is_miscalibrated_where_bias_is_planted() -> None:
    table = lending(N, seed=3, bias=1.0).to_pandas()
    group = table[(table.sex == "Female") & (table.ethnicity == "Group C")]
    assert abs(group.repaid.mean() - group.score.mean()) > 0.02


def test_same_seed_gives_the_same_table_and_another_does_not() -> None:
    assert lending(1000, 5).equals(lending(1000, 5))
    assert not lending(1000, 5).equals(lending(1000, 6))


def test_columns_have_their_ranges_and_ids_are_unique() -> None:
    table = lending().to_pandas()
    assert len(table) == 20_000
    assert table.id.is_unique
    assert table.age.between(18, 80).all()
    assert table.score.between(0, 1, inclusive="neither").all()
    assert table.debt_ratio.between(0, 1).all()
    assert (table.years_employed >= 0).all()
    assert set(table.repaid) == {0, 1}
    assert 0.005 < (table.ethnicity == "Group D").mean() < 0.03
    assert 0.58 < (table.split == "train").mean() < 0.62
    assert ((table.approved == "yes") == (table.credit_score > 600)).all()


def test_postcode_risk_is_a_proxy_of_ethnicity() -> None:
    table = lending().to_pandas()
    assert roc_auc_score(table.ethnicity == "Group B", table.postcode_risk) > 0.8


@pytest.mark.parametrize("bias", [-0.1, 3.5, math.nan])
def test_bias_out_of_range_is_refused(bias: Any) -> None:
    with pytest.raises(InputError, match=r"bias must be in \[0, 3\]"):
        lending(10, bias=bias)


def test_no_rows_are_refused() -> None:
    with pytest.raises(InputError, match="n must be at least 1, got 0"):
        lending(0)
