"""Synthetic predictions of several tasks: a large draw shows the closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.synthetic_tasks import (
    ITEMS,
    OPINIONS,
    findings,
    findings_truth,
    lists,
    lists_truth,
    opinions,
    opinions_truth,
)
from scipy import stats
from sklearn.metrics import ndcg_score

N = 40_000


def near(share: Any, p: Any, n: Any) -> Any:
    return abs(share - p) <= 4 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_opinions_are_said_as_in_the_closed_form(bias: float) -> None:
    frame = opinions(N, seed=1, bias=bias).to_pandas()
    p = frame[[f"p_{name}" for name in OPINIONS]]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    frame["said"] = np.array(OPINIONS)[p.to_numpy().argmax(axis=1)]
    for dialect, truth in opinions_truth(bias).items():
        for opinion, chances in zip(OPINIONS, truth, strict=True):
            mine = frame.said[(frame.dialect == dialect) & (frame.opinion == opinion)]
            assert all(near((mine == c).mean(), q, len(mine)) for c, q in zip(OPINIONS, chances, strict=True))


def test_posteriors_of_unshifted_opinions_are_those_of_normal_densities() -> None:
    frame = opinions(500, seed=2, bias=0.0).to_pandas()
    z = stats.norm.ppf(0.3)  # any latent: the posterior there, against Bayes' rule with scipy's densities
    from fairweigh.datasets.synthetic_tasks import MU, SHARES, _posterior

    joint = np.array(SHARES) * stats.norm.pdf(z, MU)
    np.testing.assert_allclose(_posterior(np.array([z]))[0], joint / joint.sum())
    assert set(frame.coarse) <= set(OPINIONS)


@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_findings_are_seen_as_in_the_closed_form(bias: float) -> None:
    frame = findings(N, seed=1, bias=bias).to_pandas()
    for label, rates in findings_truth(bias).items():
        for sex, rate in rates.items():
            mine = frame[(frame.sex == sex) & (frame[label] == 1)]
            assert near((mine[f"p_{label}"] >= 0.5).mean(), rate, len(mine))


@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_lists_have_the_gains_and_exposures_of_the_closed_form(bias: float) -> None:
    frame = lists(4_000, seed=1, bias=bias).to_pandas()
    wide = frame.sort_values("user", kind="stable")
    liked, score = (wide[name].to_numpy().reshape(-1, ITEMS) for name in ("liked", "score"))
    assert (liked.sum(axis=1) == 1).all()
    sex = wide.sex.to_numpy().reshape(-1, ITEMS)[:, 0]
    truth = lists_truth(bias)
    for group, expected in truth["ndcg"].items():
        mine = zip(liked[sex == group], score[sex == group], strict=True)
        of = np.array([ndcg_score([y], [s], k=10) for y, s in mine])
        assert abs(of.mean() - expected) <= 4 * of.std() / math.sqrt(len(of))
    rank = ITEMS - frame.score
    frame["e"] = np.where(rank <= 10, 1 / np.log2(1 + rank), 0)
    for studio, part in frame.groupby("studio"):
        expected = truth["exposure_per_relevance"][studio]
        assert part.e.sum() / part.liked.sum() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("draw", [opinions, findings, lists])
def test_what_cannot_be_drawn_is_refused(draw: Any) -> None:
    assert draw(20, seed=5).equals(draw(20, seed=5))
    with pytest.raises(InputError, match="expected at least 1 row or query, got 0"):
        draw(0)
    with pytest.raises(InputError, match=r"bias must be in \[0, 2\], got 4"):
        draw(5, bias=4.0)
