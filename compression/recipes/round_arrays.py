"""A scikit-learn model's learned arrays on grids of 8 or 4 bits: what recommenders rank by, coefficients."""

from __future__ import annotations

import copy
from typing import Any, Literal

from pydantic import Field, field_validator

from ...datasets.columns import listed
from ...datasets.errors import InputError
from ...models.estimator import EstimatorModel
from ...told import tell, told_series
from ..estimators import members, parts, with_last
from ..registry import Context, Done, Params, plural, recipe
from ..rounded import Grid, Rounded, fitted_arrays, still
from .estimators import TASKS

NAME = "round-arrays"


class Arrays(Params):
    """Numbers in few bits."""

    bits: Literal[8, 4] = Field(8, description="Bits of each number as it is stored.")
    grid: Grid = Field("row", description="Whether each row has a grid of its own, or an array one for all.")
    arrays: list[str] | None = Field(
        None,
        description="Fitted attributes; default coef_ and all arrays of floats of two or more dimensions.",
    )

    @field_validator("arrays")
    @classmethod
    def _some(cls, names: list[str] | None) -> list[str] | None:
        if names is not None and (not names or len({*names}) < len(names)):
            raise ValueError(f"expected one or more different names, got {names}")
        return names


@recipe(NAME, Arrays, family="sklearn", tasks=TASKS)
def round_arrays(model: EstimatorModel, params: Arrays, context: Context) -> Done:
    """Round what a model has learned, as similarities and factors, and store it in as few bits."""
    _, estimator = parts(model.fitted)
    kind = type(estimator).__name__
    if members(estimator)[0] is not estimator:
        raise InputError(f"{NAME}: expected one estimator, got a {kind} of several")
    there = fitted_arrays(estimator) if hasattr(estimator, "__dict__") else {}
    # Arrays of one dimension are counts and curves of the training as often as they decide anything.
    usual = [name for name, array in there.items() if array.ndim > 1 or name == "coef_"]
    asked = usual if params.arrays is None else params.arrays
    if not asked:
        raise InputError(f"{NAME}: a {kind} has no table of floats among its attributes that end in _")
    if strange := [name for name in asked if name not in there]:
        raise InputError(f"{NAME}.arrays: expected some of {listed(list(there))}, got {strange[0]!r}")
    made, found = copy.copy(estimator), {}
    for name in asked:
        try:
            found[name] = Rounded.of(there[name], params.bits, params.grid)
        except ValueError as error:
            raise InputError(f"{NAME}: {name} {error}") from None
        setattr(made, name, found[name].array)
    model.replace(with_last(model.fitted, made))
    model.rounded = {**still(made, model.rounded), **found}
    return Done(
        notes=[tell("The numbers are stored in few bits, and held and computed with as floats.")],
        recount=_recounted,
    )


def _recounted(model: Any) -> str:
    """The arrays that a model holds in few bits."""
    return told_series([
        tell(
            "{what} of {array} to {bits} bits, {grids}",
            what=plural(one.size, "{n} number", "{n} numbers"), array=name, bits=one.bits,
            grids=plural(len(one.step), "on {n} grid", "on {n} grids"),
        )
        for name, one in model.rounded.items()
    ])  # fmt: skip
