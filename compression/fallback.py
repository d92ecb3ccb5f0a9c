"""Layers that stay in float32 where the others lose bits: by name, or because they are sensitive to it.

A layer is sensitive where the model's outputs change much, and what it says of rows, when that layer alone is
in int8.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.extras import optional
from ..told import tell
from . import weights
from .layers import EXPORTED, initialisers, owners
from .registry import Context, Params
from .structure import structure_of


class Sensitivity(Params):
    """Which layers are too sensitive to lose bits."""

    keep: int | None = Field(
        None, ge=1, description="So many layers, the most sensitive ones, stay in float32."
    )
    below: float | None = Field(
        None, gt=0, description="Layers stay whose outputs' SQNR is below so many dB."
    )
    rows: int = Field(
        256, ge=8, description="Validation rows, or training rows where there are none, that tell."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Sensitivity:
        if (self.keep is None) == (self.below is None):
            raise ValueError("expected keep (a number of layers) or below (decibels)")
        return self


class Fallback(Params):
    """Base of the parameters of recipes that can leave layers as they are."""

    exclude: list[str] = Field([], description="Patterns of layers' names, such as encoder.layer.0.*.")
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True)
class Sensitive:
    """One weight alone in int8: decibels of the outputs, and in which slice what is said moves most."""

    name: str
    decibels: float
    slice: str
    change: float


def left_alone(model: Any, params: Fallback, context: Context, recipe: str) -> tuple[list[str], list[str]]:
    """Names of the weights that stay in float32, and what is told of them.

    Raises
    ------
    InputError
        A pattern fits no layer, or all of them.
    """
    if not params.exclude and params.sensitivity is None:
        return [], []
    told = {w.name: w.output for w in structure_of(model, context.sample, recipe).values() if w.multiplied}
    names = list(told)
    left = _named(names, params.exclude, recipe)
    notes = [tell("Left in float32 by name: {names}.", names=", ".join(map(_layer, left)))] if left else []
    if params.sensitivity is not None:
        others = {name: axis for name, axis in told.items() if name not in left}
        found = sensitivities(model, others, params.sensitivity.rows, context, recipe)
        if params.sensitivity.keep is not None:
            chosen = found[: params.sensitivity.keep]
        else:
            chosen = [one for one in found if one.decibels < (params.sensitivity.below or 0)]
        left += [one.name for one in chosen]
        for one in chosen:
            parts = {"layer": _layer(one.name), "db": f"{one.decibels:.1f}"}
            notes.append(
                model.head.moved_words(one.change, slice=one.slice, **parts)
                if one.slice
                else tell(
                    "{layer} stays in float32: alone in int8 it brings the outputs to {db} dB.",
                    **parts,
                )
            )
        if not chosen:
            notes.append(tell("No layer is so sensitive that it stays in float32."))
    if set(names) <= set(left):
        raise InputError(f"{recipe}: every layer would stay in float32")
    return left, notes


def _layer(name: str) -> str:
    return name.removesuffix(".weight")


def _named(names: list[str], patterns: list[str], recipe: str) -> list[str]:
    """Weights whose own name, or layer's, fits a pattern."""
    left: list[str] = []
    for pattern in patterns:
        found = [n for n in names if fnmatch(n, pattern) or fnmatch(_layer(n), pattern)]
        if not found:
            close = difflib.get_close_matches(pattern, list(map(_layer, names)), n=1, cutoff=0.3)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"{recipe}.exclude: no layer is called {pattern[:100]!r}{hint}")
        left += [n for n in found if n not in left]
    return left


def sensitivities(
    model: Any, names: Mapping[str, int | None], count: int, context: Context, recipe: str
) -> list[Sensitive]:
    """What each weight does alone in int8, one scale per output, the most sensitive first.

    Parameters
    ----------
    names : mapping of str to int or None
        Axis of the outputs by the name of each weight.
    """
    torch = optional("torch", recipe)
    rows = context.fitting_rows(recipe) if context.validation is not None else context.rows(recipe)
    picked = np.arange(len(rows)) if len(rows) <= count else np.sort(
        np.random.default_rng(context.seed).choice(len(rows), count, replace=False)
    )  # fmt: skip
    batch = rows.batch.take(picked)
    before, said = model.logits(batch), model.score(batch, None)
    module = model.runtime.module
    held = dict(module.named_parameters(remove_duplicate=False))
    found = []
    for number, (name, axis) in enumerate(names.items()):
        context.progress("asking each layer", number, len(names))
        parameter = held[name]
        kept = parameter.detach().clone()
        try:
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(rounded(kept.cpu().numpy(), axis or 0)).to(parameter))
            after, says = model.logits(batch), model.score(batch, None)
        finally:
            with torch.no_grad():
                parameter.copy_(kept)
        where, change = _moved(model.head.moved(said, says), rows, picked, context.min_size)
        found.append(Sensitive(name, _decibels(before, after), where, change))
    return sorted(found, key=lambda one: (one.decibels, -abs(one.change), one.name))


def rounded(values: NDArray[np.float32], axis: int = 0) -> NDArray[np.float32]:
    """Values as symmetric int8 with a scale per output can write them (B. Jacob et al. 2018, CVPR, eq. 1)."""
    others = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
    scale = np.maximum(np.abs(values).max(others, keepdims=True) / 127, np.finfo(np.float32).tiny)
    return np.asarray(np.clip(np.rint(values / scale), -127, 127) * scale, np.float32)


def _decibels(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Signal to quantisation noise ratio of outputs; infinite where nothing changes."""
    noise = float(np.square(before.astype(np.float64) - after).sum())
    signal = float(np.square(before.astype(np.float64)).sum())
    return 10 * math.log10(signal / noise) if noise > 0 and signal > 0 else math.inf


def _moved(
    moved: NDArray[np.float64], rows: TrainingRows, picked: NDArray[np.intp], least: int
) -> tuple[str, float]:
    """The slice whose rows move most on average, and by how much; '' where no slice is large enough."""
    best = ("", 0.0)
    for feature, values in rows.sensitive.items():
        codes = np.asarray(values.indices.fill_null(-1))[picked]
        for code, value in enumerate(values.dictionary.to_pylist()):
            inside = codes == code
            if inside.sum() >= least and (not best[0] or abs(moved[inside].mean()) > abs(best[1])):
                best = (f"{feature}={value}", float(moved[inside].mean()))
    return best


def nodes_of(path: Path, module: Any, names: list[str], recipe: str) -> list[str]:
    """Names of an ONNX file's nodes that use some of a module's weights, known by content or name."""
    if not names:
        return []
    graph = initialisers(path)
    known = owners({n: t.numpy() for n, t in weights.dense(module).items() if t.ndim > 1}, graph)
    held: dict[str, set[str]] = {name: set() for name in names}
    for own in graph:
        # A norm that the exporter folds into a weight changes its numbers and leaves its name.
        for name in {*(name for name, _ in known.get(own, [])), own.removeprefix(EXPORTED)} & set(held):
            held[name].add(own)
    lost = [name for name, found in held.items() if not found]
    if lost:
        raise InputError(
            f"{recipe}: {_layer(lost[0])} is no weight of the exported graph, so it cannot be left alone"
        )
    library = optional("onnx", "an ONNX model", "onnx")
    left = set().union(*held.values())
    nodes = [n.name for n in library.load(str(path)).graph.node if left & set(n.input)]
    # onnxruntime takes a product with a bias apart before it quantises.
    return [*nodes, *(f"{name}_MatMul" for name in nodes)]
