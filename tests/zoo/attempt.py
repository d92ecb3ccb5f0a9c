"""One recipe on one architecture: made, and what it claims counted again from its artefact; or refused."""

from __future__ import annotations

import functools
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fairweigh.compression import artefact, cost, weights
from fairweigh.compression.layers import OTHERS, _plain
from fairweigh.compression.make import make
from fairweigh.compression.recipes import find, names
from fairweigh.datasets.errors import InputError
from fairweigh.models.neural import NeuralModel

from .kind import Kind
from .zoo import ZOO, Ready, ready

BRIEF = {"steps": 8, "batch": 16}
SAME_WEIGHTS = ("autocast", "onnx")
"""Recipes that leave the weights as they are."""
ZEROS = re.compile(r"([\d.]+) ?% of ([\d,]+) weights .* to zero")


def params_of(recipe: str, kind: Kind) -> dict[str, Any]:
    """What a recipe is asked for: half of what there is, and few steps of training."""
    half = max(1, (kind.layers or 2) // 2)
    if kind.family == "sklearn":
        return {}
    asked: dict[str, dict[str, Any]] = {
        "drop-layers": {"keep": half},
        "prune-heads": {"keep": max(1, (kind.heads or 2) // 2)},
        "distill": {"layers": half, **BRIEF},
        "qat": BRIEF,
    }
    return asked.get(recipe, {})


def recipes(kind: Kind) -> list[str]:
    """The recipes of compression that are for a kind's family, and not for language models alone."""
    return [name for name in names(kind.family, "compression") if find(name, kind.family).tasks]


@dataclass(frozen=True)
class Attempt:
    """How it went.

    Attributes
    ----------
    why : str
        Why it was refused, in one line; empty where it was made.
    broke : str
        The exception that it was not refused by; no recipe may end so.
    faults : tuple of str
        What the artefact does not bear out.
    changed : str
        The recipe's own words.
    bytes, weights, time : float or None
        Bytes stored over the original's; share of the original's weights that are not what they were; time
        over the original's at the audit's batch.
    seconds : float
        That it took to make.
    """

    name: str
    recipe: str
    why: str = ""
    broke: str = ""
    faults: tuple[str, ...] = ()
    changed: str = ""
    bytes: float | None = None
    weights: float | None = None
    time: float | None = None
    seconds: float = 0.0


def attempt(
    name: str, recipe: str, params: Mapping[str, Any] | None = None, *, timed: bool = False
) -> Attempt:
    """Make a variant of a model of the zoo, save it, load it, and look at what it holds."""
    found = ready(name)
    asked = params_of(recipe, found.kind) if params is None else dict(params)
    place = Path(tempfile.mkdtemp(prefix="fairweigh-zoo-"))
    start = time.perf_counter()
    try:
        made = make(found.model, [(recipe, asked)], found.context, place / "variant")
    except InputError as error:
        return Attempt(name, recipe, why=str(error))
    except Exception as error:
        return Attempt(name, recipe, broke=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    else:
        seconds = time.perf_counter() - start
        size = cost.storage(made.model, made.folder)["stored_bytes"]
        return Attempt(
            name, recipe, faults=tuple(_faults(found, made)), changed=made.steps[0]["changed"],
            bytes=size / _original(name)[1], weights=_touched(found.model, made),
            time=_time(name, made.model) if timed else None, seconds=seconds,
        )  # fmt: skip
    finally:
        shutil.rmtree(place, ignore_errors=True)


@functools.cache
def _original(name: str) -> tuple[Any, int]:
    """A second copy of an original, and the bytes that it stores."""
    model = ready(name).model
    place = Path(tempfile.mkdtemp(prefix="fairweigh-zoo-"))
    try:
        artefact.save(model, [], place / "original")
        size = cost.storage(model, place / "original")["stored_bytes"]
        copy = artefact.load(
            place / "original", *artefact.how_to_load(model), trusted=artefact.trusted_by(model)
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return copy, size


def _time(name: str, variant: Any) -> float:
    found = ready(name)
    batches = cost.Batches.of(found.model, found.rows)
    return cost.timings(found.model, _original(name)[0], variant, batches, 0)[-1]["ratio"]


def _faults(found: Ready, made: Any) -> list[str]:
    """What is not as it was said to be."""
    told = []
    again = artefact.load(
        made.folder, *artefact.how_to_load(made.model), trusted=artefact.trusted_by(made.model)
    )
    one, other = made.model.score(found.rows, None), again.score(found.rows, None)
    if not np.array_equal(one.decision, other.decision) or not np.array_equal(one.score, other.score):
        told.append("loaded again, it decides otherwise")
    if one.score is not None and not np.isfinite(one.score).all():
        told.append("scores are not finite")
    if "\n" in made.steps[0]["changed"] or not made.steps[0]["changed"]:
        told.append("what it did is not one line of words")
    recipe = made.steps[0]["recipe"]
    if recipe not in SAME_WEIGHTS and _touched(found.model, made) == 0:
        told.append("no weight is another than it was")
    module = getattr(getattr(made.model, "runtime", None), "module", None)
    if module is not None and (said := ZEROS.match(made.steps[0]["changed"])):
        zeros = sum(int((t == 0).sum()) for t in weights.dense(module).values() if t.ndim > 1)
        least = float(said[1]) / 100 * int(said[2].replace(",", ""))
        if zeros < 0.99 * least:
            told.append(f"{zeros} weights are zero, and it says {least:.0f}")
    if module is not None and made.layers:
        # A layer's table lists every weight of two or more dimensions, tied ones once.
        held = sum(t.numel() for t in weights.parameters(module).values() if t.ndim > 1)
        listed = sum(
            int(np.prod(layer["shape_after"]))
            for layer in made.layers
            if layer["shape_after"] and layer["name"] != OTHERS
        )
        if held != listed:
            told.append(f"its layers have {listed} weights, and its file {held}")
    if made.layers:
        stored = cost.storage(made.model, made.folder)["tensor_bytes"]
        # Where an exporter has made one tensor of several, its bytes are among those of the other tensors.
        summed = sum(layer["stored_bytes"] or 0 for layer in made.layers)
        if summed != stored:
            told.append(f"its layers take {summed} bytes, and its file holds {stored}")
    return told


def _touched(before: Any, made: Any) -> float | None:
    """Share of the original's weights of two or more dimensions that are not what they were.

    Weights are found by their names, and those of another shape have changed wholly. An exported graph has
    names of its own: there it is those that are not held in float32 that are counted.
    """
    if not isinstance(before, NeuralModel):
        return None
    module = getattr(made.model.runtime, "module", None)
    if module is None:
        told = [x for x in made.layers if x["shape_before"] and x["name"] != OTHERS]
        sizes = [int(np.prod(x["shape_before"])) for x in told]
        light = [size for x, size in zip(told, sizes, strict=True) if x["encoding"] != "float32"]
        return sum(light) / max(1, sum(sizes))
    # Computed weights are held as the plain ones that they come to.
    old = {n: t for n, t in weights.dense(_plain(before.runtime.module)).items() if t.ndim > 1}  # type: ignore[attr-defined]
    new = weights.dense(module)
    total = sum(t.numel() for t in old.values())
    same = sum(
        int((t == new[n].to(t.dtype)).sum()) for n, t in old.items() if n in new and new[n].shape == t.shape
    )
    return 1 - same / total if total else None


__all__ = ["ZOO", "Attempt", "attempt", "params_of", "recipes"]
