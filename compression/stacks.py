"""Stacks: lists of alike blocks that a module runs one after the other, and what counts them.

They are found by what they do, on some rows: each block is called once, in order, takes what has the same
shape, and not the very thing that the one before took (those run side by side). Which keys of a configuration
count them is found by trying.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
from ..models.sources import TransformersSource, source_of
from .registry import Context

Kept = dict[str, list[int]]
"""By the name of a stack: positions of the blocks that stay."""
Shapes = dict[str, tuple[int, ...]]


def stacks(model: Any, context: Context) -> dict[str, Any]:
    """The stacks of a neural model's module, by name; those inside a block are its own affair."""
    torch = optional("torch", "finding layers")
    found: dict[str, Any] = {}
    for name, part in model.runtime.module.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if not inside and isinstance(part, (torch.nn.ModuleList, torch.nn.Sequential)) and _alike(part):
            found[name] = part
    return {name: part for name, part in found.items() if name in set(_chained(model, context, found))}


def _alike(part: Any) -> bool:
    """Whether blocks are of one class with tensors of the same shapes; the first may have more or fewer."""
    if len(part) < 2 or len({type(block) for block in part}) > 1:
        return False
    first, *others = (shapes_of(block) for block in part)
    same = {name: shape for name, shape in others[0].items() if name in first}
    return (
        bool(same)
        and all(each == others[0] for each in others)
        and all(first[name] == shape for name, shape in same.items())
    )


def shapes_of(module: Any) -> Shapes:
    """Shapes of a module's parameters and persistent buffers."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def example(model: Any, context: Context) -> dict[str, Any]:
    """One or two rows as tensors of a model's device."""
    encoded = model.inputs.encode(context.sample, None)
    tensors: dict[str, Any] = model.runtime.tensors(
        encoded.collate(np.arange(min(2, context.sample.num_rows)))
    )
    return tensors


def _chained(model: Any, context: Context, found: Mapping[str, Any]) -> Iterator[str]:
    """The lists whose blocks run one after the other on one thing."""
    torch = optional("torch", "finding layers")
    calls: list[tuple[str, int, Any]] = []

    def seen(name: str, place: int) -> Any:
        def note(part: Any, inputs: Any, named: Mapping[str, Any]) -> None:
            tensors = [x for x in (*inputs, *named.values()) if isinstance(x, torch.Tensor)]
            calls.append((name, place, tensors[0] if tensors else None))

        return note

    hooks = [
        block.register_forward_pre_hook(seen(name, place), with_kwargs=True)
        for name, part in found.items()
        for place, block in enumerate(part)
    ]
    try:
        with torch.inference_mode(), quiet():
            model.runtime.forward(example(model, context))
    finally:
        for hook in hooks:
            hook.remove()
    for name, part in found.items():
        own = [(place, taken) for of, place, taken in calls if of == name]
        taken = [x for _, x in own if x is not None]
        in_order = [place for place, _ in own] == list(range(len(part))) == list(range(len(taken)))
        if (
            in_order
            and len({tuple(x.shape) for x in taken}) == 1
            and len({x.data_ptr() for x in taken[:2]}) > 1
        ):
            yield name


def evenly(total: int, keep: int) -> list[int]:
    """Positions of ``keep`` of ``total`` layers, the first and the last among them."""
    if keep == 1:
        return [0]
    return [round(i * (total - 1) / (keep - 1)) for i in range(keep)]


def chosen(model: Any, context: Context, keep: int, name: str) -> Kept:
    """Which blocks of each stack stay: ``keep``, evenly from the first to the last.

    Raises
    ------
    InputError
        There is no stack, or none that is longer.
    """
    found = stacks(model, context)
    if not found:
        raise InputError(f"{name}: {without_stack(model)}")
    longest = max(len(part) for part in found.values())
    if keep >= longest:
        raise InputError(f"{name}: expected fewer than the model's {longest} layers, got {keep}")
    return {place: evenly(len(part), keep) for place, part in found.items() if len(part) > keep}


def without_stack(model: Any) -> str:
    """Why there are no layers to choose from."""
    module = model.runtime.module
    if type(module).__name__ == "GraphModule":
        return "the layers of an exported program are fixed; give the module that it was made of"
    count = getattr(getattr(module, "config", None), "num_hidden_layers", None)
    shared = getattr(getattr(module, "config", None), "num_hidden_groups", None)
    if isinstance(shared, int) and isinstance(count, int) and shared < count:
        return (
            f"the model's {count} layers share {shared} set{'s' * (shared > 1)} of weights, so that fewer "
            "would be no smaller (distill.width makes a smaller one)"
        )
    return "the model has no list of alike layers that run one after the other"


def shorten(module: Any, kept: Kept, changes: Mapping[str, Any]) -> None:
    """Leave only some blocks of each stack, and let the module's configurations count them."""
    torch = optional("torch", "an artefact")
    for name, places in kept.items():
        parent, _, own = name.rpartition(".")
        part = module.get_submodule(name)
        if max(places) >= len(part):
            raise InputError(
                f"the artefact does not fit: {name} has {len(part)} layers, not {max(places) + 1}"
            )
        counters = list(_counters(part))
        blocks = [part[place] for place in places]
        for now, block in enumerate(blocks):
            for within, attribute in counters:
                setattr(block.get_submodule(within), attribute, now)
        made = (
            torch.nn.Sequential(*blocks)
            if isinstance(part, torch.nn.Sequential)
            else torch.nn.ModuleList(blocks)
        )
        setattr(module.get_submodule(parent), own, made)
    configs = {id(c): c for part in module.modules() if (c := getattr(part, "config", None)) is not None}
    for key, value in changes.items():
        *path, last = key.split(".")
        for config in configs.values():
            for step in path:
                config = getattr(config, step, None)
            if type(getattr(config, last, None)) is type(value):
                setattr(config, last, value)


def _counters(part: Any) -> Iterator[tuple[str, str]]:
    """Attributes, by the submodule of a block, that say which block it is: they find its place in a cache."""
    for within, inner in part[0].named_modules():
        for attribute, value in vars(inner).items():
            if value == 0 and type(value) is int and _counts(part, within, attribute):
                yield within, attribute


def _counts(part: Any, within: str, attribute: str) -> bool:
    try:
        values = [vars(block.get_submodule(within)).get(attribute) for block in part]
    except AttributeError:
        return False
    return values == list(range(len(part)))


@dataclass(frozen=True)
class _Trial:
    """What a configuration makes: shapes of all tensors, and what kind each block of a stack is."""

    shapes: Shapes
    kinds: dict[str, list[Any]]


def counting(model: Any, kept: Kept, name: str) -> dict[str, Any]:
    """The keys of a transformers configuration that make a model of the kept layers, and their values.

    Attention of a kind per layer stays with its layer. ``{}`` for a module that is not transformers' own.

    Raises
    ------
    InputError
        No key makes such a model.
    """
    if not kept or not isinstance(model.source, TransformersSource):
        return {}
    source = as_it_is(model)
    # Of the configuration's own module: a step before may have made the layers narrower.
    module = without_memory(source)
    wanted = {place: [kinds_of(module.get_submodule(place)[i]) for i in own] for place, own in kept.items()}
    changes: dict[str, Any] = {}
    for place, own in kept.items():
        total = len(module.get_submodule(place))
        lists: dict[str, Any] = {
            key: [value[i] for i in own]
            for key, value in _settings(source.config)
            if isinstance(value, list) and len(value) == total
        }
        for key in _counts_of(source.config, total):
            tried: list[dict[str, Any]] = (
                [{key: len(own), **lists}, {key: len(own)}] if lists else [{key: len(own)}]
            )
            found = next((t for t in tried if _makes(source, {**changes, **t}, place, wanted[place])), None)
            if found is not None:
                changes |= found
                break
        else:
            raise InputError(
                f"{name}: no key of the model's configuration counts the layers of {place} alone"
            )
    return changes


def as_it_is(model: Any) -> TransformersSource:
    """The source of a transformers model with the settings that steps before have changed."""
    return source_of(model.runtime.module.config, model.source.task)


def with_changes(source: TransformersSource, changes: Mapping[str, Any]) -> TransformersSource:
    """A source with other settings; a dotted key leads into a configuration inside it."""
    config: dict[str, Any] = dict(source.config)
    for key, value in changes.items():
        *path, last = key.split(".")
        inner = config
        for step in path:
            inner[step] = dict(inner[step])
            inner = inner[step]
        inner[last] = value
    return source.with_config(**config)


def without_memory(source: TransformersSource) -> Any:
    """The module of a source, its tensors without values."""
    torch = optional("torch", "finding layers")
    with torch.device("meta"):
        return source.skeleton()


def _makes(source: TransformersSource, changes: Mapping[str, Any], place: str, wanted: Sequence[Any]) -> bool:
    """Whether a changed configuration makes the wanted blocks in a place."""
    try:
        made = without_memory(with_changes(source, changes)).get_submodule(place)
    except Exception:
        # A key that means something else makes a configuration of no model, which fails as it likes.
        return False
    return len(made) == len(wanted) and all(kinds_of(a) == b for a, b in zip(made, wanted, strict=True))


def kinds_of(block: Any) -> list[Any]:
    """What tells a block from others, weights apart: classes, shapes, and settings but its own number."""
    plain = (bool, float, str, type(None), tuple)
    return [
        (
            within,
            type(part).__name__,
            sorted((k, v) for k, v in vars(part).items() if _is_setting(k, v, plain)),
        )
        for within, part in block.named_modules()
    ] + [sorted(shapes_of(block).items())]


def _is_setting(key: str, value: Any, plain: tuple[type, ...]) -> bool:
    # Whole numbers are sizes, which the shapes tell, or the block's own number; training is a state.
    return isinstance(value, plain) and not key.startswith("_") and key != "training"


def _settings(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Keys and values, those of configurations inside by dotted keys."""
    for key, value in config.items():
        if isinstance(value, dict) and key.endswith("_config"):
            yield from _settings(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _counts_of(config: Mapping[str, Any], total: int) -> list[str]:
    """Keys with a value, those first that are called after layers."""
    keys = [key for key, value in _settings(config) if type(value) is int and value == total]
    return sorted(keys, key=lambda key: "layer" not in key)
