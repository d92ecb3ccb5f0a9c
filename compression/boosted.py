"""The first rounds of boosted trees of LightGBM and XGBoost, which keep them in a booster of their own."""

from __future__ import annotations

import copy
from typing import Any


def first_rounds(estimator: Any, keep: float) -> tuple[Any, int, int] | None:
    """Return a fitted estimator of the first rounds alone, how many they are, and of how many.

    None for one of another kind, or of a booster that has no trees.

    Parameters
    ----------
    estimator : fitted estimator
    keep : float
        Share of the rounds; at least one stays.
    """
    family = type(estimator).__module__.partition(".")[0]
    if family not in _BOOSTERS:
        return None
    booster, rounds, first = _BOOSTERS[family](estimator)
    if not rounds:
        return None
    left = max(1, round(rounds * keep))
    made = copy.copy(estimator)
    made._Booster = first(booster, left)
    return made, left, rounds


def _first_of_lightgbm(booster: Any, left: int) -> Any:
    made = type(booster)(model_str=booster.model_to_string(num_iteration=left))
    # The text names every parameter there is, which would take more room than the trees that went.
    made.params = dict(booster.params)
    return made


def _first_of_xgboost(booster: Any, left: int) -> Any:
    made = booster[:left]
    if int(booster.attr("best_iteration") or 0) >= left:
        # Predictions stop where early stopping found the best round.
        made.set_attr(best_iteration=str(left - 1))
    return made


def _lightgbm(estimator: Any) -> tuple[Any, int, Any]:
    booster = estimator.booster_
    return booster, int(booster.current_iteration()), _first_of_lightgbm


def _xgboost(estimator: Any) -> tuple[Any, int, Any]:
    booster = estimator.get_booster()
    # One of linear functions counts rounds too, and holds their sum alone.
    linear = estimator.get_params().get("booster") == "gblinear"
    return booster, 0 if linear else int(booster.num_boosted_rounds()), _first_of_xgboost


_BOOSTERS = {"lightgbm": _lightgbm, "xgboost": _xgboost}
