"""A recipe: the coefficients of a linear scikit-learn model, written with fewer digits."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from fairweigh.extend import Context, Done, InputError, Params, add_recipe
from pydantic import Field


class Rounding(Params):
    """How much is left of a coefficient."""

    digits: int = Field(2, ge=0, le=15, description="Digits behind the decimal point.")


@add_recipe("round-coefficients", Rounding, family="sklearn")
def round_coefficients(model: Any, params: Rounding, context: Context) -> Done:
    """Round the coefficients and the intercept."""
    fitted = copy.deepcopy(model.fitted)
    last = fitted.steps[-1][1] if hasattr(fitted, "steps") else fitted
    if not hasattr(last, "coef_"):
        raise InputError(f"round-coefficients: a {type(last).__name__} has no coefficients")
    before = np.asarray(last.coef_)
    last.coef_ = np.round(before, params.digits)
    last.intercept_ = np.round(last.intercept_, params.digits)
    model.replace(fitted)
    changed = int((last.coef_ != before).sum())
    return Done(f"{changed} of {before.size} coefficients rounded to {params.digits} digits")
