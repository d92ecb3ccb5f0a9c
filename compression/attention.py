"""Attention heads, found by what they do: which outputs of the layers before belong to which part of it.

The way is followed by gradients, on some rows: what the output projection takes as one head hangs on some
outputs of the layers before it (queries, keys, values, in one layer or in three) that no other head hangs on;
where heads share keys and values, on some that its group alone hangs on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..models.extras import optional, quiet
from .feed_forward import out_axis
from .registry import Context
from .stacks import example

BEFORE = 6
"""Most calls of layers between what a block takes and its output projection."""


@dataclass(frozen=True)
class Attention:
    """One attention layer.

    Attributes
    ----------
    out : str
        The output projection.
    size : int
        Units of a head in what it takes.
    outputs : dict of str to list of set
        By layer before: which of its outputs each group of heads alone hangs on.
    groups : list of list of int
        Heads that share keys and values, and go together.
    """

    out: str
    size: int
    outputs: dict[str, list[set[int]]]
    groups: list[list[int]]

    @property
    def heads(self) -> int:
        """How many heads there are."""
        return sum(map(len, self.groups))

    @property
    def owner(self) -> str:
        """The module that holds all of its layers."""
        names = [name.split(".") for name in (self.out, *self.outputs)]
        same = 0
        while all(len(n) > same + 1 and n[same] == names[0][same] for n in names):
            same += 1
        return ".".join(names[0][:same])


def attentions(model: Any, context: Context) -> list[Attention]:
    """The attention layers whose heads are parts of layers' outputs, in the order in which they run."""
    torch = optional("torch", "prune-heads")
    module = model.runtime.module
    names = [name for name, part in module.named_modules() if out_axis(part) is not None]
    calls: list[tuple[str, Any, Any]] = []

    def note(name: str) -> Any:
        def keep(part: Any, inputs: Any, out: Any) -> None:
            calls.append((name, inputs[0] if inputs else None, out))

        return keep

    hooks = [module.get_submodule(name).register_forward_hook(note(name)) for name in names]
    floats = [p for p in module.parameters() if p.is_floating_point()]
    for parameter in floats:
        parameter.requires_grad_(True)
    found: dict[str, Attention | None] = {}
    try:
        with torch.enable_grad(), quiet():
            model.runtime.forward(example(model, context))
        for place, (name, taken, _) in enumerate(calls):
            if taken is not None and taken.ndim == 3 and taken.requires_grad:
                seen = _attention(name, taken, calls[max(0, place - BEFORE) : place])
                # A layer that runs several times is the same each time, or nothing.
                found[name] = seen if found.get(name, seen) == seen else None
    finally:
        for hook in hooks:
            hook.remove()
        for parameter in floats:
            parameter.requires_grad_(False)
    return [one for one in found.values() if one is not None]


def _attention(name: str, taken: Any, before: Sequence[tuple[str, Any, Any]]) -> Attention | None:
    """What an output projection takes, as heads; None where it is not made of any."""
    width = taken.shape[-1]
    near = [
        (own, given) for own, _, given in before if own != name and given.requires_grad and given.ndim >= 2
    ]
    if not near or width < 2 or not _mixes(taken, near):
        return None
    size = _head_size(taken, near)
    if size is None or width % size or width == size:
        return None
    hangs = [_hangs_on(taken[..., head * size : (head + 1) * size], near) for head in range(width // size)]
    groups = _groups(hangs, [own for own, _ in near])
    if len(groups) < 2:
        return None
    outputs: dict[str, list[set[int]]] = {}
    for own in {own for own, _ in near}:
        each = [set().union(*(hangs[head].get(own, set()) for head in group)) for group in groups]
        apart = sum(map(len, each)) == len(set().union(*each)) and all(each)
        if apart:
            outputs[own] = each
    # Queries, keys and values: at least one layer, and of all that hang on a head none is shared.
    return Attention(name, size, dict(sorted(outputs.items())), groups) if outputs else None


def _grad(value: Any, near: Sequence[tuple[str, Any]]) -> list[Any]:
    torch = optional("torch", "prune-heads")
    weights = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype, device=value.device).view(
        value.shape
    )
    return list(
        torch.autograd.grad(
            (value * weights).sum(), [given for _, given in near], retain_graph=True, allow_unused=True
        )
    )


def _mixes(taken: Any, near: Sequence[tuple[str, Any]]) -> bool:
    """Whether what comes at a position hangs on other positions: attention alone does that here."""
    slopes = _grad(taken[0, -1:], near)
    return any(s is not None and s.ndim == 3 and bool(s[0, :-1].any()) for s in slopes)


def _hangs_on(value: Any, near: Sequence[tuple[str, Any]]) -> dict[str, set[int]]:
    """Outputs of each layer that a value hangs on."""
    found: dict[str, set[int]] = {}
    for (name, _), slope in zip(near, _grad(value, near), strict=True):
        if slope is not None:
            told = slope.reshape(-1, slope.shape[-1]).abs().amax(0).nonzero().flatten().tolist()
            found.setdefault(name, set()).update(told)
    return found


def _head_size(taken: Any, near: Sequence[tuple[str, Any]]) -> int | None:
    """Units that hang on the same queries as the first: those are its head."""
    width = taken.shape[-1]
    first = _hangs_on(taken[..., :1], near)
    for size in range(2, width):
        if width % size:
            continue
        inside, outside = (
            _hangs_on(taken[..., size - 1 : size], near),
            _hangs_on(taken[..., size : size + 1], near),
        )
        alike = [
            own for own in first if len(first[own] & inside.get(own, set())) > 1 and len(first[own]) < width
        ]
        if any(not first[own] & outside.get(own, set()) for own in alike):
            return size
    return None


def _groups(hangs: Sequence[Mapping[str, set[int]]], names: Sequence[str]) -> list[list[int]]:
    """Heads that share outputs of a layer where not all of them do."""
    shared = {
        name
        for name in names
        if set().union(*(h.get(name, set()) for h in hangs))
        and not set.intersection(*(h.get(name, set()) for h in hangs))
    }
    groups: list[list[int]] = []
    for head, own in enumerate(hangs):
        for group in groups:
            if any(
                own.get(name, set()) & hangs[other].get(name, set()) for name in shared for other in group
            ):
                group.append(head)
                break
        else:
            groups.append([head])
    return groups
