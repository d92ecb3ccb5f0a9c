"""A model that Python gave: a callable, a fitted estimator, a torch module or a transformers pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Literal

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.memory import PLACE
from .base import Model
from .function import function_model, name_of

EXPECTED = (
    "a callable, a fitted scikit-learn estimator, a torch module, or a transformers pipeline for "
    "text-classification or image-classification"
)
TASKS = ("text-classification", "image-classification")


def kind_of(given: Any) -> Literal["callable", "sklearn", "torch", "transformers"]:
    """Say which kind of model an object is.

    Raises
    ------
    InputError
        None that an audit can score.
    """
    pipeline = hasattr(given, "model") and hasattr(given, "task") and hasattr(given, "tokenizer")
    if pipeline and given.task in TASKS:
        return "transformers"
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.nn.Module):
        if hasattr(given, "config") and hasattr(given, "from_pretrained"):
            raise InputError(
                "model: a transformers model reads texts or images through its tokenizer or processor; "
                f"expected the pipeline of both, got {type(given).__name__} alone"
            )
        return "torch"
    if not isinstance(given, type):
        if hasattr(given, "fit") and hasattr(given, "predict"):
            return "sklearn"
        if callable(given) and not pipeline:
            return "callable"
    what = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
    task = f" for {given.task}" if pipeline else ""
    raise InputError(f"model: expected {EXPECTED}; got {what}{task}")


def spec_of(given: Any) -> dict[str, Any]:
    """Return the keys of ``model:`` that say what a model in memory is."""
    kind = kind_of(given)
    if kind == "callable":
        return {"kind": kind, "function": name_of(given)}
    told = {"kind": kind, "path": PLACE}
    return told | {"task": given.task} if kind == "transformers" else told


def told_variants(given: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return entries of ``variants:`` for variants that Python gave by name, and those that are objects.

    Raises
    ------
    InputError
        One is neither a path, a mapping of keys nor a model.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"variants: expected a mapping of names to models, got {type(given).__name__}")
    entries: list[dict[str, Any]] = []
    objects: dict[str, Any] = {}
    for name, one in given.items():
        if isinstance(one, (str, os.PathLike)):
            entries.append({"name": name, "path": os.fspath(one)})
        elif isinstance(one, Mapping):
            entries.append({"name": name, **one})
        else:
            try:
                entries.append({"name": name, **spec_of(one)})
            except InputError as error:
                raise InputError(f"variants: {name}: {str(error).removeprefix('model: ')}") from None
            objects[name] = one
    return entries, objects


def in_memory(
    given: Any, spec: Any, data: EvaluationSet, seed: int, dtypes: Mapping[str, Any] | None = None
) -> Model:
    """Make the model of an object; a module or pipeline is copied, as an audit sets its mode and place.

    Parameters
    ----------
    spec
        The configuration's ``model``, with the keys of `spec_of`.
    dtypes : mapping of str to pandas type, optional
        Types of the columns of the rows, where these came from Python too.
    """
    kind = kind_of(given)
    if kind == "callable":
        columns = list(spec.features) if spec.features is not None else data.feature_names()
        threshold = 0.5 if spec.threshold is None else spec.threshold
        return function_model(
            given, columns, threshold, spec.scale == "probability", data, dtypes=dtypes or {}
        )
    if kind == "sklearn":
        from .estimator import fitted_model

        return fitted_model(given, data, spec.features, spec.threshold, {"origin": PLACE}, dtypes)
    from .load import neural_in_memory

    return neural_in_memory(kind, given, spec, data, seed)
