"""Whole units go: of the feed-forward parts of a transformer, channels of a convolutional net."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...told import tell
from ..feed_forward import feed_forwards, narrow
from ..finetune import then_tune
from ..registry import UNTAUGHT, Context, Done, Finetune, Params, listed_layers, plural, recipe
from ..reshape import changes, reshape, sizes
from ..smaller import check_smaller, logits_of, logits_without, shrinkable
from ..stacks import example

NAME = "prune-structured"


class Structured(Params):
    """Whole units (rows of a layer) go; the layers become smaller."""

    amount: float = Field(0.5, gt=0, lt=1, description="Share of the units of each layer that goes.")
    finetune: Finetune | None = None


@recipe(NAME, Structured, rebuild=reshape, language=True, tasks=UNTAUGHT)
def prune_structured(model: Any, params: Structured, context: Context) -> Done:
    """Remove the units of least norm: of feed-forward parts, or channels of convolutions."""
    optional("torch", NAME)
    module = shrinkable(model, NAME)
    # What a module notes of the rows that it has seen is no size: these are seen before and after.
    logits_of(model, example(model, context))
    before = sizes(module)
    parameters = sum(p.numel() for p in module.parameters())
    notes: list[str] = []
    if _attends(model):
        units = _from_feed_forward(model, params.amount, context)
    else:
        units = _with_torch_pruning(model, params.amount, context, notes)
    record = changes(before, sizes(module))
    left = sum(p.numel() for p in module.parameters())
    if left == parameters:
        raise InputError(f"{NAME}: no layer became smaller")
    smaller = {name.rpartition(".")[0] for name in record["shapes"]}
    done = Done(
        tell(
            "{share} of the units of {what} removed, {smaller} layers smaller: "
            "{before} to {after} parameters",
            share=f"{params.amount:.0%}",
            what=plural(units, "{n} layer", "{n} layers"),
            smaller=len(smaller),
            before=f"{parameters:,}",
            after=f"{left:,}",
        ),
        record,
        notes,
    )
    then_tune(model, params.finetune, context, done, [], NAME)
    return done


def _attends(model: Any) -> bool:
    """Whether attention mixes the model's units: what is added up there has no channels that could go."""
    torch = optional("torch", NAME)
    return any(
        isinstance(part, torch.nn.MultiheadAttention)
        or any("head" in key and type(value) is int for key, value in vars(part).items())
        for part in model.runtime.module.modules()
    )


def _from_feed_forward(model: Any, amount: float, context: Context) -> int:
    """Take the units of least norm out of each feed-forward part; returns how many parts there were."""
    found = feed_forwards(model, context)
    listed_layers(found, "layer whose units could go (a layer, or two of a gate, followed by another)", NAME)
    taken = [(part, part.least(amount)) for part in found]
    tensors = example(model, context)
    masked = logits_without(model, {part.down: gone for part, gone in taken}, tensors)
    for part, gone in taken:
        narrow(model.runtime.module, part, gone)
    _check(model, masked, tensors)
    return sum(bool(len(gone)) for _, gone in taken)


def _with_torch_pruning(model: Any, amount: float, context: Context, notes: list[str]) -> int:
    """Let torch-pruning find which channels hang together; returns how many layers it started from."""
    torch = optional("torch", NAME)
    pruning = optional("torch_pruning", NAME)
    module = model.runtime.module
    roots, kept = _roots(module)
    listed_layers(roots, "layer whose units could go (a Linear followed by another, or a convolution)", NAME)
    tensors = example(model, context)
    given = dict(tensors) if model.runtime.by_name else tuple(tensors.values())
    masked = copy.deepcopy(module)
    names = {id(part): name for name, part in module.named_modules()}
    # The tracer follows gradients, which an inference model may have switched off.
    for parameter in module.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    try:
        with quiet():
            pruner = pruning.pruner.MagnitudePruner(
                module, given, importance=pruning.importance.MagnitudeImportance(p=2),
                pruning_ratio=0.0, pruning_ratio_dict=dict.fromkeys(roots, amount),
                ignored_layers=kept, output_transform=_logits,
            )  # fmt: skip
            normalised = False
            for group in pruner.step(interactive=True):
                for dependency, gone in group:
                    part = dependency.target.module
                    normalised |= isinstance(part, (torch.nn.GroupNorm, torch.nn.LayerNorm))
                    if pruner.DG.is_in_channel_pruning_fn(dependency.handler) and id(part) in names:
                        _hide(masked.get_submodule(names[id(part)]), gone)
                group.prune()
    except Exception as error:
        # torch-pruning traces arbitrary modules, and what breaks on the way says nothing to who gave one.
        raise InputError(
            f"{NAME}: which units of this {type(module).__name__} hang together cannot be followed through "
            "its operations; prune-magnitude leaves all shapes as they are"
        ) from error
    finally:
        for parameter in module.parameters():
            parameter.requires_grad_(False)
    if normalised:
        _check(model, None, tensors)
        notes.append(
            tell(
                "What is normalised together has fewer channels now, so its mean and variance are those of "
                "the channels that stay."
            )
        )
    else:
        model.runtime.module = masked
        try:
            expected = logits_of(model, tensors)
        finally:
            model.runtime.module = module
        _check(model, expected, tensors)
    return len(roots)


def _check(model: Any, masked: Any, tensors: Mapping[str, Any]) -> None:
    kind = type(model.runtime.module).__name__
    check_smaller(
        model, masked, tensors,
        broke=f"{NAME}: the smaller {kind} does not run, as sizes in its code do not follow its layers'",
        apart=f"{NAME}: the smaller {kind} does not give what the model gives "
        "without these units",
    )  # fmt: skip


def _hide(layer: Any, gone: Sequence[int]) -> None:
    """Let a layer of a masked module not see some of the channels that come in."""
    torch = optional("torch", NAME)
    with torch.no_grad():
        if (
            getattr(layer, "groups", 1) == 1
            and getattr(layer, "weight", None) is not None
            and layer.weight.ndim > 1
        ):
            layer.weight[:, list(gone)] = 0
        elif getattr(layer, "groups", 1) > 1:
            each = layer.in_channels // layer.groups
            out = layer.out_channels // layer.groups
            for channel in gone:
                own = slice(channel // each * out, (channel // each + 1) * out)
                layer.weight[own, channel % each] = 0


def _logits(out: Any) -> Any:
    return getattr(out, "logits", out)


def _roots(module: Any) -> tuple[list[Any], list[Any]]:
    """Layers whose outputs may shrink, and those that must not: the last Linear gives the outputs."""
    torch = optional("torch", NAME)
    parts = list(module.modules())
    linear = [m for m in parts if isinstance(m, torch.nn.Linear)]
    conv = [m for m in parts if isinstance(m, (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d))]
    return [*conv, *linear[:-1]], linear[-1:]
