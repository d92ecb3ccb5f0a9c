"""The first rounds of boosted trees of LightGBM and XGBoost, which keep them in a booster of their own."""

from __future__ import annotations

from typing import Any


def first_rounds(estimator: Any, keep: float) -> tuple[int, int] | None:
    """Leave the first rounds of a fitted estimator in place; how many of how many, or None for another kind.

    Parameters
    ----------
    estimator : fitted estimator
        Changed in place.
    keep : float
        Share of the rounds.
    """
    family = type(estimator).__module__.partition(".")[0]
    if family == "lightgbm":
        return _of_lightgbm(estimator, keep)
    if family == "xgboost" and hasattr(estimator.get_booster(), "num_boosted_rounds"):
        return _of_xgboost(estimator, keep)
    return None


def _of_lightgbm(estimator: Any, keep: float) -> tuple[int, int]:
    from lightgbm import Booster

    booster = estimator.booster_
    before = int(booster.current_iteration())
    left = max(1, round(before * keep))
    estimator._Booster = Booster(model_str=booster.model_to_string(num_iteration=left))
    return left, before


def _of_xgboost(estimator: Any, keep: float) -> tuple[int, int] | None:
    booster = estimator.get_booster()
    before = int(booster.num_boosted_rounds())
    if not before:  # A linear booster has none.
        return None
    left = max(1, round(before * keep))
    estimator._Booster = booster[:left]
    if int(booster.attr("best_iteration") or 0) >= left:
        # Predictions stop where early stopping found the best round.
        estimator._Booster.set_attr(best_iteration=str(left - 1))
    return left, before
