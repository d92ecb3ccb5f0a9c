"""The recipes: a small registry, and what a recipe is given and gives back.

A recipe changes a copy of a model in place and says what it did. What it needs to be undone to its
shape again, when the artefact is loaded, it puts into its record; weights are stored apart from that.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..datasets.errors import InputError

Family = Literal["torch", "sklearn"]
MODULES = ("quantise", "prune", "shrink", "share", "distil", "onnx_export", "estimators")


class Params(BaseModel):
    """Base of the recipes' parameters: strict about unknown keys and types."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Finetune(Params):
    """A short training after a step that hurts, on training rows only."""

    steps: int = Field(200, ge=1, description="Most optimiser steps.")
    lr: float = Field(3e-5, gt=0)
    batch: int = Field(32, ge=1)


@dataclass(frozen=True)
class TrainingRows:
    """Rows that a step may learn from; never evaluation rows.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
        The columns that the model reads, under the names it reads them by.
    labels : bool array of shape (rows,) or None
    weights : float array of shape (rows,) or None
    about : str
        What they are, for the report.
    """

    batch: pa.RecordBatch
    labels: NDArray[np.bool_] | None
    weights: NDArray[np.float64] | None
    about: str


@dataclass(frozen=True)
class Context:
    """What a step may use besides the model.

    Attributes
    ----------
    seed : int
    training : callable or None
        Gives the training rows; None where the configuration names none.
    sample : pyarrow.RecordBatch
        Some rows to trace or export a model with; nothing is fitted on them.
    progress : callable
        Called with a stage, the steps done and their total.
    """

    seed: int
    sample: pa.RecordBatch
    training: Callable[[], TrainingRows] | None = None
    progress: Callable[[str, int, int | None], None] = lambda stage, done, total: None

    def rows(self, recipe: str) -> TrainingRows:
        """Training rows; InputError where there are none."""
        if self.training is None:
            raise InputError(
                f"{recipe}: needs rows to learn from; set model.train (never the evaluation rows)"
            )
        return self.training()


@dataclass
class Done:
    """What a step did.

    Attributes
    ----------
    changed : str
        In words, such as '24 Linear layers to int8'.
    record : dict
        What `Recipe.rebuild` needs; JSON values only.
    notes : list of str
        What a reader must know, such as that a type is slow on this machine.
    trained_on : str, optional
        The rows that the step learned from.
    """

    changed: str
    record: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    trained_on: str | None = None


@dataclass(frozen=True)
class Recipe:
    """One row of the registry.

    Attributes
    ----------
    apply : callable (model, params, context) -> Done
        Changes the model in place; InputError where it cannot.
    rebuild : callable (module, record) -> None, or None
        Brings a fresh module to the shape and classes that the stored weights fit.
    """

    name: str
    family: Family
    params: type[Params]
    apply: Callable[[Any, Any, Context], Done]
    rebuild: Callable[[Any, Mapping[str, Any]], None] | None = None


_RECIPES: dict[tuple[Family, str], Recipe] = {}


def recipe(
    name: str,
    params: type[Params] = Params,
    *,
    family: Family = "torch",
    rebuild: Callable[[Any, Mapping[str, Any]], None] | None = None,
) -> Callable[[Callable[[Any, Any, Context], Done]], Callable[[Any, Any, Context], Done]]:
    """Enter a step into the registry."""

    def enter(apply: Callable[[Any, Any, Context], Done]) -> Callable[[Any, Any, Context], Done]:
        _RECIPES[family, name] = Recipe(name, family, params, apply, rebuild)
        return apply

    return enter


def registry() -> dict[tuple[Family, str], Recipe]:
    """Return all recipes by family and name; none of their libraries is imported for that."""
    for module in MODULES:
        importlib.import_module(f"{__package__}.{module}")
    return _RECIPES


def names(family: Family) -> list[str]:
    """Return the names of a family's recipes."""
    return sorted(name for f, name in registry() if f == family)


def find(name: str, family: Family) -> Recipe:
    """Return a recipe; ValueError with the nearest name where there is none."""
    found = registry().get((family, name))
    if found is None:
        known = names(family)
        other = [f for f, n in registry() if n == name]
        if other:
            raise ValueError(
                f"{name!r} is a recipe for {other[0]} models; for this one there are {', '.join(known)}"
            )
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise ValueError(f"{name!r} is no known recipe; {hint}")
    return found


def plural(count: int, what: str) -> str:
    """Write a number of things, such as '1 layer', '3 layers'."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def listed_layers(found: Sequence[Any], what: str, recipe_name: str) -> None:
    """InputError where a model has none of the layers that a step works on."""
    if not found:
        raise InputError(f"{recipe_name}: the model has no {what} that it could change")


def in_float32(model: Any, recipe_name: str) -> None:
    """InputError for a model that an earlier step has exported, or that is not in float32."""
    if getattr(model.runtime, "module", None) is None:
        raise InputError(f"{recipe_name}: the model was exported by the step before; put that step last")
    if model.runtime.dtype != "float32":
        raise InputError(f"{recipe_name}: expected a model in float32, got {model.runtime.dtype}")


def is_packed(model: Any) -> bool:
    """Whether a step before has put torch's quantised layers, which hold packed weights, into a model."""
    parts = model.runtime.module.modules()
    return any(type(part).__module__.startswith("torch.ao.nn.quantized") for part in parts)
