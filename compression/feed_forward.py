"""Feed-forward parts, found by what they do: a layer, or two of a gate, whose units reach one layer alone.

Each unit's way is followed by gradients, on some rows: unit ``j`` that the last layer takes depends, at its
own position alone, on output ``j`` of the layer before (or ``j`` and ``j + m``, or ``2 j`` and ``2 j + 1``,
where the two halves of a gate are one layer). So it is for Linear, GPT-2's transposed layers and gates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..models.extras import optional, quiet
from .registry import Context
from .stacks import example

GATES = 2
"""Most layers that come together before the last one."""
ENOUGH, UNITS = 3, 24
"""Units whose ways are followed, and how many are tried for it."""


@dataclass(frozen=True)
class Up:
    """A layer that gives units: its name, and which of its outputs make each unit."""

    name: str
    outputs: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class FeedForward:
    """Layers that give units, and the one that takes them.

    Attributes
    ----------
    ups : list of Up
    down : str
    norms : torch.Tensor
        Of each unit: the product of the norms of its weights over all of these layers.
    """

    ups: list[Up]
    down: str
    norms: Any

    def least(self, amount: float) -> Any:
        """Units of least norm, a share of all; at least one stays."""
        count = min(round(amount * len(self.norms)), len(self.norms) - 1)
        return self.norms.argsort(stable=True)[:count].sort().values


@dataclass
class _Call:
    name: str
    taken: Any
    given: Any


def out_axis(layer: Any) -> int | None:
    """The axis of a layer's weight that its outputs lie along; None where it is no product with a matrix."""
    torch = optional("torch", "prune-structured")
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, torch.nn.Parameter) or weight.ndim != 2 or list(layer.children()):
        return None
    if isinstance(layer, torch.nn.Linear):
        return 0
    if isinstance(layer, torch.nn.Embedding):
        return None
    # transformers' Conv1D multiplies from the left; what else there is, a probe tells.
    with torch.no_grad(), quiet():
        probe = torch.ones(1, weight.shape[0], dtype=weight.dtype, device=weight.device)
        try:
            out = layer(probe)
        except Exception:
            # It takes something else, and says so as its author liked.
            return None
        if not isinstance(out, torch.Tensor):
            return None
        bias = getattr(layer, "bias", None)
        expected = probe @ weight + (0 if bias is None else bias)
        return 1 if out.shape == expected.shape and torch.allclose(out, expected, atol=1e-4) else None


def feed_forwards(model: Any, context: Context) -> list[FeedForward]:
    """The feed-forward parts of a model, in the order in which they run."""
    torch = optional("torch", "prune-structured")
    module = model.runtime.module
    axes = {name: axis for name, part in module.named_modules() if (axis := out_axis(part)) is not None}
    calls: list[_Call] = []

    def note(name: str) -> Any:
        def keep(part: Any, inputs: Any, out: Any) -> Any:
            calls.append(_Call(name, inputs[0] if inputs else None, out))

        return keep

    hooks = [module.get_submodule(name).register_forward_hook(note(name)) for name in axes]
    floats = [p for p in module.parameters() if p.is_floating_point()]
    for parameter in floats:
        parameter.requires_grad_(True)
    try:
        with torch.enable_grad(), quiet():
            model.runtime.forward(example(model, context))
        found: dict[str, list[Up]] = {}
        for place, call in enumerate(calls):
            ups = _ups(calls[max(0, place - GATES) : place], call) if call.taken is not None else []
            # A layer that runs several times has the same ones before it each time, or is none.
            found[call.name] = ups if found.get(call.name, ups) == ups else []
    finally:
        for hook in hooks:
            hook.remove()
        for parameter in floats:
            parameter.requires_grad_(False)
    if calls:
        # The last one gives the outputs: what it takes is left alone.
        found.pop(calls[-1].name)
    return [_measured(module, axes, ups, down) for down, ups in _apart(found)]


def _apart(found: Mapping[str, list[Up]]) -> Iterator[tuple[str, list[Up]]]:
    """Those whose layers are no part's but theirs."""
    takers: dict[str, set[str]] = {}
    for down, ups in found.items():
        for up in ups:
            takers.setdefault(up.name, set()).add(down)
    for down, ups in found.items():
        if ups and all(takers[up.name] == {down} for up in ups):
            yield down, ups


def _ups(before: Sequence[_Call], down: _Call) -> list[Up]:
    """The layers just before that give the units of one."""
    width = down.taken.shape[-1]
    near = [c for c in before if c.given.requires_grad and c.given.shape[-1] in (width, 2 * width)]
    if not near or not down.taken.requires_grad or width < 2:
        return []
    given = [c.given for c in near]
    seen: dict[int, set[tuple[int, ...]]] = {}
    alive = 0
    for unit in sorted({*range(min(width, UNITS)), width - 1}, reverse=True):
        told = _slopes(down.taken[..., unit], given)
        # A unit that is off on all rows has no slope and tells nothing.
        for place, slope in told.items():
            seen.setdefault(place, set()).add(_way(slope, unit, width))
        alive += bool(told)
        # Of the last row and position: attention makes it hang on those before it.
        at = (-1,) * (down.taken.ndim - 1)
        for place, slope in _slopes(down.taken[at][unit], given).items():
            if slope.ndim > 1 and bool(slope.reshape(-1, slope.shape[-1])[:-1].any()):
                seen.setdefault(place, set()).add(())
        if alive == ENOUGH:
            break
    ups = []
    for place, ways in seen.items():
        if len(ways) == 1 and (way := next(iter(ways))):
            ups.append(Up(near[place].name, tuple(_outputs(way, width))))
    return ups


def _slopes(value: Any, given: Sequence[Any]) -> dict[int, Any]:
    """Slopes of a value's weighted sum, by the place of what it hangs on."""
    torch = optional("torch", "prune-structured")
    weights = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype, device=value.device).view(
        value.shape
    )
    slopes = torch.autograd.grad((value * weights).sum(), given, retain_graph=True, allow_unused=True)
    return {place: s for place, s in enumerate(slopes) if s is not None and bool(s.any())}


def _way(slope: Any, unit: int, width: int) -> tuple[int, ...]:
    """How a unit hangs on a layer's outputs: (1, 0), both halves (1, 0, width), pairs (2, 0, 1); else ()."""
    told = set(slope.reshape(-1, slope.shape[-1]).abs().amax(0).nonzero().flatten().tolist())
    if slope.shape[-1] == width:
        return (1, 0) if told == {unit} else ()
    if told == {unit, unit + width}:
        return (1, 0, width)
    return (2, 0, 1) if told == {2 * unit, 2 * unit + 1} else ()


def _outputs(way: tuple[int, ...], width: int) -> Iterator[tuple[int, ...]]:
    step, *offsets = way
    for unit in range(width):
        yield tuple(step * unit + offset for offset in offsets)


def _measured(module: Any, axes: Mapping[str, int], ups: list[Up], down: str) -> FeedForward:
    torch = optional("torch", "prune-structured")
    norms = _rows(module, down, 1 - axes[down]).pow(2).sum(1).sqrt()
    for up in ups:
        each = _rows(module, up.name, axes[up.name]).pow(2).sum(1)
        norms = norms * torch.stack([each[list(outputs)].sum() for outputs in up.outputs]).sqrt()
    return FeedForward(ups, down, norms)


def _rows(module: Any, name: str, axis: int) -> Any:
    weight = module.get_submodule(name).weight.detach()
    return weight if axis == 0 else weight.T


def narrow(module: Any, part: FeedForward, gone: Any) -> None:
    """Take units out of a feed-forward part's layers, in place."""
    away = set(gone.tolist())
    stay = [unit for unit in range(len(part.norms)) if unit not in away]
    for up in part.ups:
        layer = module.get_submodule(up.name)
        count = len(up.outputs[0])
        columns = list(zip(*(up.outputs[unit] for unit in stay), strict=True))
        in_order = [output for column in columns for output in column]
        if count > 1 and up.outputs[0] == (0, 1):
            in_order = [output for unit in stay for output in up.outputs[unit]]
        take(layer, in_order, out_axis(layer) or 0)
        if getattr(layer, "bias", None) is not None:
            take(layer, in_order, 0, "bias")
    layer = module.get_submodule(part.down)
    take(layer, stay, 1 - (out_axis(layer) or 0))


def take(layer: Any, kept: Sequence[int], axis: int, name: str = "weight") -> None:
    """Keep some rows or columns of a layer's tensor, and let the layer's own numbers say so."""
    torch = optional("torch", "pruning")
    tensor = getattr(layer, name).detach()
    index = torch.as_tensor(list(kept), device=tensor.device)
    made = tensor.index_select(axis, index).clone()
    layer._parameters[name] = torch.nn.Parameter(made, requires_grad=False)
    if name == "weight":
        own = {0: ("out_features", "nx"), 1: ("in_features", "nf")}[axis]
        for key in own:
            if key in vars(layer):
                setattr(layer, key, len(kept))
