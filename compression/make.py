"""From a model and a recipe to an artefact that has been loaded again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..datasets.errors import InputError
from ..models.base import Scored, copied
from ..models.language.changeable import is_language
from ..models.rules import RuledModel, behind, unruled
from ..models.torch_runtime import TorchRuntime
from ..told import told_series
from . import artefact, weights
from .artefact import Step
from .description import read_description
from .flops import flops
from .layers import layers
from .recipes import find
from .recount import Counted, touched
from .registry import Context, Done, for_task

COMPILED = 1e-5
SUMMED = 1e-12
COUNTED_TEXTS = 4
"""Texts that the operations of a language model are counted over."""
KEPT = ("distill", "drop-layers", "prune-heads", "prune-structured")
"""Steps of compression whose result stays what it is when the model is trained on."""


@dataclass(frozen=True)
class Made:
    """A variant as it was made.

    Attributes
    ----------
    model : Model
        Loaded from the artefact.
    steps : list of dict
        Recipe, params, changed, notes of each step.
    layers : list of dict
    flops : (float or None, str) or None
        Per row, and how counted, or why not.
    trained_on : str or None
    told : dict
        More fields of the result's ``Recipe``.
    """

    folder: Path
    model: Any
    sha256: str
    steps: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    flops: tuple[float | None, str] | None
    trained_on: str | None
    told: dict[str, Any]


def make(
    model: Any,
    recipe: Sequence[tuple[str, dict[str, Any]]],
    context: Context,
    folder: Path,
    before: Sequence[Step] = (),
) -> Made:
    """Apply the steps of a recipe in order, save the result and load it again.

    Parameters
    ----------
    before : sequence of (recipe, record)
        The steps that made the model itself, where it is a variant.

    Raises
    ------
    InputError
        A step cannot do what it is asked to on this model or machine, the result gives NaN, or the
        loaded artefact scores the sample otherwise than what was saved. Nothing is left of the artefact.
    """
    family = artefact.family_of(model)
    changed = copied(model)
    told: list[dict[str, Any]] = []
    steps: list[Step] = list(before)
    more: dict[str, Any] = {"weights": [], "rules": [], "needs": []}
    trained_on = None
    last: tuple[dict[str, Any], Done] | None = None
    operations: tuple[float | None, str] | None = None
    untouched = model is context.original and not before
    for name, given in recipe:
        step = find(name, family)
        for_task(step, getattr(model, "task", "binary"), language=is_language(unruled(model)))
        if changed.rules and not step.rule:
            raise InputError(f"{name}: changes the model, so it comes before the steps that fit a rule to it")
        worn = [n for n, _ in steps if find(n, family).room == "compression" and n not in KEPT]
        if worn and step.room == "mitigation" and not step.rule:
            raise InputError(f"{name}: trains the model again, which would undo {worn[-1]}; put it before")
        params = step.params.model_validate(given)
        params.suits(getattr(model, "task", "binary"), bool(context.favourable))
        folded = _folded(changed) if family == "torch" and not step.rule else False
        done = step.apply(changed, params, replace(context, untouched=untouched))
        untouched = False
        if folded:
            done.record["folded"] = True
        if done.rule is not None:
            changed = RuledModel(changed, done.rule)
        steps.append((name, done.record))
        words = done.words(changed)
        told.append({"recipe": name, "params": given, "changed": words, "notes": done.notes})
        if not step.rule:
            # What later steps change again cannot be counted in the artefact.
            last = (told[-1], done)
        trained_on = done.trained_on or trained_on
        for key, values in done.told.items():
            more[key] += [v for v in values if v not in more[key]]
        # An exported model has no module to count; its operations are those of what was exported.
        operations = counted(changed, context.sample) or operations
    try:
        rows = context.validation if changed.rules else None
        sha256 = artefact.save(changed, steps, folder, rows().origin if rows else None)
        loaded = _loaded(folder, changed)
        _same_scores(changed, loaded, context.sample)
        spec = read_description(folder)
        seen: list[dict[str, Any]] = []
        weighed: list[Counted] = []
        one, other = unruled(context.original or model), unruled(changed)
        if family == "torch" and not (is_language(other) and other.family is None):
            # An exported graph knows what it was made of only here; all else is told of the artefact.
            end = other if hasattr(other.runtime, "exported") else unruled(loaded)
            seen, weighed = layers(one.runtime, end.runtime, steps, spec, folder)
        if last is not None:
            row, done = last
            few = touched(weighed, done.recount is not None)
            row["changed"] = told_series([done.words(unruled(loaded)), *few])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # Of an exported model they are those of what was exported: here the model that it was made from.
    operations = operations or counted(model, context.sample)
    return Made(folder, loaded, sha256, told, seen, operations, trained_on, more)


def _folded(model: Any) -> bool:
    """Put plain weights in the place of computed ones in a torch module; whether there were any."""
    module = getattr(unruled(model).runtime, "module", None)
    return module is not None and bool(weights.fold(module))


def _loaded(folder: Path, made: Any) -> Any:
    """An artefact as it decides in this audit: where it is a rule alone, behind the scores of this model."""
    base = unruled(made)
    function = base.function if base.called else None
    loaded = artefact.load(
        folder, *artefact.how_to_load(made), function=function, trusted=artefact.trusted_by(made)
    )
    return behind(base, loaded.rules) if base.bound and base.path is not None else loaded


def counted(model: Any, rows: pa.RecordBatch) -> tuple[float | None, str] | None:
    """Operations per row of a torch model on some rows, and how they were counted; None for others."""
    model = unruled(model)
    if not hasattr(getattr(model, "runtime", None), "module"):
        return None
    if is_language(model):
        # Logits of a whole vocabulary at every place take more memory than all else.
        rows = rows.slice(0, COUNTED_TEXTS)
    encoded = model.inputs.encode(rows, None)
    return flops(model.runtime, encoded.collate(np.arange(rows.num_rows)))


def apart(here: Scored, score: Any) -> float:
    """How far scores lie from others of the same rows; of what decides nothing, as a share of the largest.

    Numbers that are predicted have the scale of the data, probabilities one of their own.
    """
    assert here.score is not None
    most = float(np.abs(here.score - score).max(initial=0.0))
    return most / float(np.abs(here.score).max()) if most and here.decision is None else most


def allowed(model: Any) -> float:
    """How far, by `apart`, the scores of one artefact may lie from each other in two processes: not at all.

    Only compiled modules may differ in the last digits, since which kernels they get depends on the shapes
    that they meet first, and classifiers that sum in several threads (``n_jobs``) in the last bits; their
    decisions may not.
    """
    base = unruled(model)
    if base.family == "sklearn":
        # A mixture has no arguments but those of its parts; a graph has none.
        parts = [p for p in getattr(base.fitted, "predictors", [base.fitted]) if hasattr(p, "get_params")]
        named = [item for part in parts for item in part.get_params().items()]
        jobs = [v for k, v in named if k.rpartition("__")[2] == "n_jobs"]
        return SUMMED if any(v not in (None, 1) for v in jobs) else 0.0
    return COMPILED if getattr(getattr(base, "runtime", None), "compiled", False) else 0.0


def _same_scores(saved: Any, loaded: Any, rows: pa.RecordBatch) -> None:
    before = saved.score(rows, None)
    runtime = getattr(unruled(saved), "runtime", None)
    if isinstance(runtime, TorchRuntime):
        # It has done its work: what follows is the loaded one alone.
        runtime.release()
    after = loaded.score(rows, None)
    close = allowed(loaded)
    same = np.array_equal(before.decision, after.decision)
    if before.score is not None and after.score is not None:
        same = same and apart(before, after.score) <= close
    if not same:
        raise InputError("the artefact, loaded again, scores otherwise than the model that was saved")
