"""What a recipe claims, counted again in the model that was loaded from its artefact.

The row of a variant says what the artefact holds and not what a step meant to do: a share of zeros, layers in
int8 and what shares a scale, distinct values, what was left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..models.extras import optional
from ..told import tell, told_series
from . import weights
from .registry import plural
from .structure import Weight

FEW = 0.1
"""A recipe that changes a smaller share of the weights says so; one that leaves as much says where."""


def zeros(model: Any, names: Collection[str]) -> tuple[int, int]:
    """How many of some tensors' weights are exactly zero, and how many there are."""
    found = weights.dense(model.runtime.module)
    return sum(int((found[n] == 0).sum()) for n in names), sum(found[n].numel() for n in names)


def in_fours(model: Any, outputs: Mapping[str, int]) -> int:
    """How many of some matrices have two zeros at least in every four of an output's weights.

    Parameters
    ----------
    outputs : mapping of str to int
        By name: the axis that the outputs lie along.
    """
    dense = weights.dense(model.runtime.module)
    rows = [dense[name].t() if axis == 1 else dense[name] for name, axis in outputs.items()]
    return sum(bool(((r.reshape(-1, 4) != 0).sum(1) <= 2).all()) for r in rows)


def values(model: Any, names: Collection[str]) -> int:
    """The most distinct values that one of some tensors has."""
    found = weights.dense(model.runtime.module)
    return max(len(found[name].unique()) for name in names)


def packed(model: Any) -> dict[str, list[Any]]:
    """The layers that hold int8 weights, by what they are: Linear, recurrent, embedding."""
    found: dict[str, list[Any]] = {"linear": [], "recurrent": [], "embedding": []}
    for part in model.runtime.module.modules():
        if not weights.is_packed(part):
            continue
        if callable(getattr(part, "get_weight", None)):
            found["recurrent"].append(part)
        elif is_table(part):
            found["embedding"].append(part)
        elif hasattr(part, "in_features"):
            found["linear"].append(part)
    return found


def is_table(part: Any) -> bool:
    """Whether a module is an embedding layer whose table torch holds in int8."""
    return weights.is_packed(part) and hasattr(part, "num_embeddings")


def share(model: Any, kept: Iterable[str] = ("float32",)) -> float:
    """Share of a model's parameters that are not held in one of some types."""
    module = model.runtime.module
    how, sizes = weights.formats(module), {n: t.numel() for n, t in weights.parameters(module).items()}
    changed = sum(size for name, size in sizes.items() if how.get(name, "float32") not in kept)
    return float(changed / max(1, sum(sizes.values())))


def spared(told: Mapping[str, Weight], chosen: Sequence[str]) -> str:
    """What a step that works on some weights has left alone, in words; empty where that is nothing."""
    left = [weight for weight in told.values() if weight.multiplied and weight.name not in set(chosen)]
    head = any(weight.head for weight in left)
    tables = any(weight.operation == "embedding" and not weight.head for weight in left)
    if head and tables:
        return tell("the head and the embedding tables are left alone")
    if head:
        return tell("the head is left alone")
    return tell("the embedding tables are left alone") if tables else ""


class Counted(NamedTuple):
    """What became of one weight of the original, or of all its vectors together.

    Attributes
    ----------
    kind : str
        Class of what holds it; empty for vectors.
    size, changed : int
        How many numbers it had, and how many of them differ now, in value or in bits.
    reshaped : bool
    """

    kind: str
    size: int
    changed: int
    reshaped: bool


def counted(
    kind: str, before: NDArray[np.float32], after: NDArray[np.float32] | None, *, retyped: bool
) -> Counted:
    """Count how many numbers of a weight differ from what they were; one that is gone has none left."""
    size = int(before.size)
    if after is None:
        return Counted(kind, size, size, True)
    same = before.shape == after.shape
    differs = before != after if same else ~np.isin(before, after)
    return Counted(kind, size, size if retyped else int(differs.sum()), not same)


def touched(weights: Sequence[Counted], claims: bool) -> list[str]:
    """What is told of a recipe that changes few of the weights, and of those that it leaves as they were.

    Parameters
    ----------
    weights : sequence of Counted
    claims : bool
        Whether the step says that it changes weights: where it has changed none, that is told.
    """
    some, total = sum(w.changed for w in weights), sum(w.size for w in weights)
    told = []
    if total and (some or claims) and some < FEW * total:
        parts = {"share": f"{some / total:.1%}", "some": f"{some:,}", "total": f"{total:,}"}
        told.append(tell("changes {share} of the model's weights ({some} of {total})", **parts))
    stays: dict[str, int] = {}
    for weight in weights:
        if weight.kind and not weight.changed:
            stays[weight.kind] = stays.get(weight.kind, 0) + weight.size
    # Of fewer layers or units what is left is meant to be as it was.
    whole = not any(weight.reshaped for weight in weights)
    if some and whole and sum(stays.values()) >= FEW * total:
        kinds = sorted(stays.items(), key=lambda item: -item[1])
        where = ", ".join(f"{kind} {size / total:.1%}" for kind, size in kinds)
        share = f"{sum(stays.values()) / total:.1%}"
        told.append(tell("{share} of the weights stay as they were ({where})", share=share, where=where))
    return told


def scales(path: Path) -> dict[str, int]:
    """How many scales each weight has that an ONNX file holds in eight bits or fewer, by its name there."""
    library = optional("onnx", "onnx-int8")
    sizes = {t.name: int(np.prod(t.dims)) for t in library.load(str(path)).graph.initializer}
    bases = [name.removesuffix("_quantized") for name in sorted(sizes) if name.endswith("_quantized")]
    # Biases are in 32 bits, on scales of their own that are called otherwise.
    return {base: sizes[f"{base}_scale"] for base in bases if f"{base}_scale" in sizes}


def in_int8(path: Path) -> str:
    """The weights of an ONNX file that are in int8, in words, with what shares a scale there."""
    found = list(scales(path).values())
    what = plural(len(found), "{n} weight tensor", "{n} weight tensors")
    rows = sum(count > 1 for count in found)
    if rows == len(found):
        return tell("{what} to int8, one scale per channel", what=what)
    if not rows:
        return tell("{what} to int8, one scale per tensor", what=what)
    return tell(
        "{what} to int8, {rows} of them with one scale per channel and {others} with one scale per tensor",
        what=what,
        rows=rows,
        others=len(found) - rows,
    )


def and_tables(changed: str, tables: int, made: Any) -> str:
    """What became int8, the tables too, and what share of the weights that is."""
    what = plural(tables, "{n} embedding table", "{n} embedding tables")
    parts = [
        changed,
        tell("{what} to int8, one scale per row", what=what) if tables else "",
        tell("{share} of the weights", share=f"{share(made):.0%}"),
        *_left(made.runtime.module),
    ]
    return told_series(parts)


def _left(module: Any) -> list[str]:
    """What stays in float32 though a product is taken of its weights, as torch has no int8 layer for it."""
    nn = optional("torch", "int8-dynamic").nn

    def found(*kinds: Any) -> int:
        return sum(isinstance(part, kinds) for part in module.modules())

    recurrent, attending = found(nn.RNNBase, nn.RNNCellBase), found(nn.MultiheadAttention)
    convolutions = found(nn.Conv1d, nn.Conv2d, nn.Conv3d)
    told = [
        (recurrent, plural(recurrent, "{n} recurrent layer in float32", "{n} recurrent layers in float32")),
        (attending, plural(attending, "{n} attention layer in float32", "{n} attention layers in float32")),
        (convolutions, plural(convolutions, "{n} convolution in float32", "{n} convolutions in float32")),
    ]
    return [what for count, what in told if count]
