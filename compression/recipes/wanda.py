"""Fewer weights, by what comes in too: a small weight that much passes through stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...told import tell, told_series
from ..exchange import layers_of, transposed
from ..finetune import then_tune
from ..recount import in_fours, spared, zeros
from ..registry import Context, Done, Finetune, Params, in_float32, listed_layers, plural, recipe, unpacked
from ..stacks import stacks
from ..structure import structure_of

NAME = "prune-wanda"
BATCH = 8
"""Rows that are run together."""


class Wanda(Params):
    """The weights whose products are smallest become zero."""

    amount: float = Field(0.5, gt=0, lt=1, description="Share of each output's weights that become zero.")
    pattern: Literal["rows", "2:4"] = Field(
        "rows",
        description="The least of each output, or the two least of every four (amount does not count).",
    )
    rows: int = Field(128, ge=1, description="Rows of model.train that say how much comes in.")
    finetune: Finetune | None = Field(None, description="Training afterwards; what is zero stays zero.")


@dataclass
class _Seen:
    """Squares of what came into each layer, summed over the tokens seen."""

    sums: dict[str, Any] = field(default_factory=dict)
    mask: Any = None

    def hook(self, name: str) -> Any:
        def note(part: Any, inputs: Any) -> None:
            taken = inputs[0].detach()
            if self.mask is not None and taken.ndim == 3 and self.mask.shape == taken.shape[:2]:
                # What pads a text came from nobody.
                taken = taken[self.mask]
            squares = taken.reshape(-1, taken.shape[-1]).double().pow(2).sum(0)
            self.sums[name] = self.sums.get(name, 0.0) + squares

        return note


@recipe(NAME, Wanda, tasks=(), language=True)
def prune_wanda(model: Any, params: Wanda, context: Context) -> Done:
    """Set to zero the weights of each output with the least |weight| x ||input|| (M. Sun et al. 2024, ICLR).

    Block by block, as the authors do: what comes into a block is what the blocks before give once they are
    pruned. The rows are those of ``model.train``, never any that is audited.
    """
    optional("torch", NAME)
    in_float32(model, NAME)
    unpacked(model, NAME)
    module = model.runtime.module
    told = structure_of(model, context.sample, NAME)
    every = [*layers_of(model, "Linear"), *transposed(module)]
    chosen = {
        f"{name}.weight" if name else "weight": name
        for name in every
        if _known(told, f"{name}.weight" if name else "weight", params, module.get_submodule(name))
    }
    listed_layers(list(chosen), "matrix that inputs are multiplied with, besides its head", NAME)
    rows = context.rows(NAME)
    axes = {weight: int(told[weight].output or 0) for weight in chosen}
    _prune(model, params, context, chosen, axes)

    def recount(made: Any) -> str:
        zero, total = zeros(made, list(chosen))
        parts = {
            "share": f"{zero / total:.1%}",
            "what": plural(total, "{n} weight", "{n} weights"),
            "what_in": plural(len(chosen), "{n} matrix", "{n} matrices"),
        }
        if params.pattern == "2:4":
            parts["fours"] = str(in_fours(made, axes))
            text = tell(
                "{share} of {what} in {what_in} to zero, two of every four in {fours} of them, by weight "
                "times what comes in",
                **parts,
            )
        else:
            text = tell(
                "{share} of {what} in {what_in} to zero, of each output those with the least weight times "
                "what comes in",
                **parts,
            )
        return told_series([text, spared(told, list(chosen))])

    done = Done(recount=recount)
    used = min(params.rows, len(rows))
    done.trained_on = tell("{n} of {what}", n=f"{used:,}", what=rows.about)
    done.notes.append(
        tell("Zeros save storage, as they are stored sparsely; dense kernels multiply them all the same.")
    )
    holders = [(module.get_submodule(name), "weight") for name in chosen.values()]
    then_tune(model, params.finetune, context, done, holders, NAME)
    return done


def _known(told: Mapping[str, Any], name: str, params: Wanda, layer: Any) -> bool:
    """Whether a weight is a matrix in the middle of the model whose inputs can be seen."""
    weight = told.get(name)
    if weight is None or weight.head or weight.operation not in ("linear", "attention"):
        return False
    if weight.output is None:
        return False
    return params.pattern == "rows" or layer.weight.shape[1 - weight.output] % 4 == 0


def _prune(
    model: Any, params: Wanda, context: Context, chosen: Mapping[str, str], axes: Mapping[str, int]
) -> None:
    """Look at what comes into each layer, and prune it; block by block where the module has one stack."""
    torch = optional("torch", NAME)
    module = model.runtime.module
    batches = list(_batches(model, context, params.rows))
    found = stacks(model, context)
    with torch.inference_mode(), quiet():
        if len(found) == 1:
            place, stack = next(iter(found.items()))
            inside = {weight: name for weight, name in chosen.items() if name.startswith(f"{place}.")}
            _in_order(model, params, context, batches, (place, stack), inside, axes)
            chosen = {weight: name for weight, name in chosen.items() if weight not in inside}
        if not chosen:
            return
        seen = _Seen()
        with _watched(module, chosen.values(), seen):
            for tensors in batches:
                seen.mask = _mask(tensors)
                model.runtime.read(dict(tensors))
        for weight, name in chosen.items():
            _zeroed(module.get_submodule(name), seen.sums.get(name), axes[weight], params)


def _in_order(
    model: Any,
    params: Wanda,
    context: Context,
    batches: Sequence[dict[str, Any]],
    stack: tuple[str, Any],
    chosen: Mapping[str, str],
    axes: Mapping[str, int],
) -> None:
    """Prune a stack's blocks one after the other, each by what the pruned ones before it give."""
    place, blocks = stack
    calls = [_calls(model, blocks, tensors) for tensors in batches]
    states = [call[0] for call in calls]
    for number, block in enumerate(blocks):
        context.progress("pruning by inputs", number, len(blocks))
        own = {w: n for w, n in chosen.items() if n.startswith(f"{place}.{number}.")}
        seen = _Seen()
        with _watched(model.runtime.module, own.values(), seen):
            for at, tensors in enumerate(batches):
                seen.mask = _mask(tensors)
                _run(block, states[at], calls[at][1][number])
        for weight, name in own.items():
            _zeroed(model.runtime.module.get_submodule(name), seen.sums.get(name), axes[weight], params)
        states = [_run(block, state, calls[at][1][number]) for at, state in enumerate(states)]


def _calls(model: Any, blocks: Any, tensors: dict[str, Any]) -> tuple[Any, list[Any]]:
    """What goes into the first block of a stack, and what every block is given beside it."""
    given: list[Any] = [None] * len(blocks)
    first: list[Any] = []

    def noting(number: int) -> Any:
        def note(part: Any, inputs: Any, named: Any) -> None:
            if number == 0:
                first.append(inputs[0] if inputs else named["hidden_states"])
            rest = {key: value for key, value in named.items() if key != "hidden_states"}
            kept = {key: _without_cache(value) for key, value in rest.items()}
            given[number] = (tuple(map(_without_cache, inputs[1:])), kept)

        return note

    hooks = [block.register_forward_pre_hook(noting(n), with_kwargs=True) for n, block in enumerate(blocks)]
    try:
        model.runtime.read(dict(tensors))
    finally:
        for hook in hooks:
            hook.remove()
    return first[0], given


def _without_cache(value: Any) -> Any:
    """What a block was given; but no keys and values, to which it would add at every call."""
    return None if type(value).__name__.endswith("Cache") else value


def _run(block: Any, state: Any, given: Any) -> Any:
    inputs, named = given
    found = block(state, *inputs, **named)
    return found[0] if isinstance(found, (tuple, list)) else found


def _batches(model: Any, context: Context, most: int) -> Iterator[dict[str, Any]]:
    """The first of the training rows, as tensors."""
    rows = context.rows(NAME).batch.slice(0, most)
    encoded = model.inputs.encode(rows, None)
    for start in range(0, rows.num_rows, BATCH):
        picked = np.arange(start, min(start + BATCH, rows.num_rows))
        yield model.runtime.tensors(encoded.collate(picked))


def _mask(tensors: Mapping[str, Any]) -> Any:
    mask = tensors.get("attention_mask")
    return None if mask is None else mask.bool()


@contextmanager
def _watched(module: Any, names: Iterable[str], seen: _Seen) -> Iterator[None]:
    """While it lasts, what comes into some layers is added up."""
    hooks = [module.get_submodule(name).register_forward_pre_hook(seen.hook(name)) for name in names]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _zeroed(layer: Any, squares: Any, axis: int, params: Wanda) -> None:
    """Set the weights of a layer to zero whose products with what comes in are the least."""
    torch = optional("torch", NAME)
    if squares is None:
        raise InputError(f"{NAME}: no input of a layer was seen: its weight is read without calling it")
    weight = layer.weight.data
    # In rows of inputs, one for each output.
    rows = weight if axis == 0 else weight.t()
    metric = rows.abs() * squares.sqrt().to(rows)
    if params.pattern == "2:4":
        fours = metric.reshape(-1, 4)
        least = fours.argsort(dim=1, stable=True)[:, :2]
        kept = torch.ones_like(fours, dtype=torch.bool).scatter(1, least, False).view(rows.shape)
    else:
        least = metric.argsort(dim=1, stable=True)[:, : int(metric.shape[1] * params.amount)]
        kept = torch.ones_like(metric, dtype=torch.bool).scatter(1, least, False)
    # In place: a weight that two layers share stays one.
    rows.masked_fill_(~kept | (rows == 0), 0.0)
