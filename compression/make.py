"""From a model and a recipe to an artefact that has been loaded again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..datasets.errors import InputError
from ..models.estimator import EstimatorModel
from ..models.neural import NeuralModel
from . import artefact, estimators, quantise
from .artefact import SPEC, Step
from .flops import flops
from .layers import layers
from .recipes import Context, Family, find

COMPILED = 1e-5
Compressible = NeuralModel | EstimatorModel


@dataclass(frozen=True)
class Made:
    """A variant as it was made.

    Attributes
    ----------
    model : NeuralModel or EstimatorModel
        Loaded from the artefact.
    steps : list of dict
        Recipe, params, changed, notes of each step.
    layers : list of dict
    flops : (float, str) or None
        Per row, and how counted.
    trained_on : str or None
    """

    folder: Path
    model: Compressible
    sha256: str
    steps: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    flops: tuple[float, str] | None
    trained_on: str | None


def copied(model: Compressible) -> Compressible:
    """A copy of a model that can be changed freely."""
    return quantise.copied(model) if isinstance(model, NeuralModel) else estimators.copied(model)


def make(
    model: Compressible, recipe: Sequence[tuple[str, dict[str, Any]]], context: Context, folder: Path
) -> Made:
    """Apply the steps of a recipe in order, save the result and load it again.

    Raises
    ------
    InputError
        A step cannot do what it is asked to on this model or machine, the result gives NaN, or the
        loaded artefact scores the sample otherwise than what was saved. Nothing is left of the artefact.
    """
    family: Family = artefact.family_of(model)
    changed = copied(model)
    told: list[dict[str, Any]] = []
    steps: list[Step] = []
    trained_on = None
    operations = counted(changed, context.sample)
    for name, given in recipe:
        step = find(name, family)
        params = step.params.model_validate(given)
        done = step.apply(changed, params, context)
        steps.append((name, done.record))
        told.append({"recipe": name, "params": given, "changed": done.changed, "notes": done.notes})
        trained_on = done.trained_on or trained_on
        # An exported model has no module to count; its operations are those of what was exported.
        operations = counted(changed, context.sample) or operations
    try:
        sha256 = artefact.save(changed, steps, folder)
        loaded = artefact.load(folder, *artefact.how_to_load(changed))
        _same_scores(changed, loaded, context.sample)
        spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
        seen: list[dict[str, Any]] = []
        if isinstance(model, NeuralModel) and isinstance(changed, NeuralModel):
            seen = layers(model.runtime, changed.runtime, steps, spec)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Made(folder, loaded, sha256, told, seen, operations, trained_on)


def counted(model: Compressible, rows: pa.RecordBatch) -> tuple[float, str] | None:
    """Operations per row of a torch model on some rows, and how they were counted; None for others."""
    if not isinstance(model, NeuralModel) or not hasattr(model.runtime, "module"):
        return None
    encoded = model.inputs.encode(rows, None)
    return flops(model.runtime, encoded.collate(np.arange(rows.num_rows)))


def allowed(model: Compressible) -> float:
    """How far the scores of one artefact may lie apart between two processes that load it: not at all.

    Only compiled modules may differ in the last digits, since which kernels they get depends on the shapes
    that they meet first; their decisions may not.
    """
    return COMPILED if getattr(getattr(model, "runtime", None), "compiled", False) else 0.0


def _same_scores(saved: Compressible, loaded: Compressible, rows: pa.RecordBatch) -> None:
    before, after = saved.score(rows, None), loaded.score(rows, None)
    close = allowed(loaded)
    same = np.array_equal(before.decision, after.decision)  # type: ignore[arg-type]
    if before.score is not None and after.score is not None:
        same = same and bool(np.abs(before.score - after.score).max() <= close)
    if not same:
        raise InputError("the artefact, loaded again, scores otherwise than the model that was saved")
