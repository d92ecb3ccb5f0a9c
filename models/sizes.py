"""Sizes that a model's configuration asks for, beside the weights that are there."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..datasets.errors import InputError

Shape = tuple[int, ...]

MOST_LAYERS = 256
"""Layers that any configuration may ask for; more of them need as many tensors."""
MOST_ANYWHERE = 1 << 24
"""What a number in a configuration may be where no tensor is that large; the longest contexts are 10⁷."""
MOST_ELEMENTS = 1 << 27
MOST_TIMES = 64
"""A module may be so many times its weights' file, or have `MOST_ELEMENTS`: some tensors are not stored."""
_LAYERS = re.compile(r"(^|_)(n_?)?(layers?|depths?|blocks?|stages?)$|^num_.*_(layers|blocks|stages)$")
_WIDTHS = frozenset(
    {
        "hidden_size", "intermediate_size", "vocab_size", "embedding_size", "type_vocab_size", "d_model",
        "d_ff", "n_embd", "n_inner", "dim", "hidden_dim", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim",
        "num_attention_heads", "n_head", "n_heads", "num_labels", "num_experts", "num_local_experts",
        "n_routed_experts",
    }
)  # fmt: skip
"""Numbers that stand in the shape of some tensor."""
_NO_SIZE = re.compile(r"theta|base|freq|(^|_)ids?$|seed|version|_token")


def check_numbers(config: Mapping[str, Any], shapes: Mapping[str, Shape], where: str, *, whole: bool) -> None:
    """Compare the numbers of a configuration with the tensors that are there, before anything is built.

    Parameters
    ----------
    config : mapping
        As its file holds it.
    shapes : mapping of str to tuple of int
        Of the tensors.
    where : str
        Begins the message.
    whole : bool
        Whether the tensors are those of the model itself, and not of what compression left of it.

    Raises
    ------
    InputError
        A number that no module of these weights can have; names its key.
    """
    largest = max((max(shape, default=1) for shape in shapes.values()), default=1)
    for path, key, value in _numbers(config):
        if _NO_SIZE.search(key):
            continue
        if _LAYERS.search(key) and value > max(len(shapes), MOST_LAYERS):
            raise InputError(
                f"{where}: {path}: {value:,} layers, but its weights are {len(shapes):,} tensors"
            )
        most = largest if whole and key in _WIDTHS else max(largest, MOST_ANYWHERE)
        if value > most:
            raise InputError(
                f"{where}: {path}: {value:,}, but no tensor of its weights is larger than {largest:,} in any "
                "dimension"
            )


def check_module(build: Callable[[], Any], shapes: Mapping[str, Shape], config: Any, where: str) -> None:
    """Build a module without memory and compare it with the tensors that are there.

    Parameters
    ----------
    build : callable
        Gives a torch module; called where tensors have shapes and no values.
    config : mapping
        For the key that a wrong size may come from; None where the weights are those of a changed module.

    Raises
    ------
    InputError
        A tensor has another shape, or the module is beyond all proportion to the tensors.
    """
    import torch

    with torch.device("meta"):
        module = build()
    held = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    stored = sum(map(math.prod, shapes.values()))
    total = sum(tensor.numel() for tensor in held.values())
    if total > max(MOST_TIMES * stored, MOST_ELEMENTS):
        name, largest = max(held.items(), key=lambda item: item[1].numel())
        raise InputError(
            f"{where}: asks for {total:,} numbers, {tuple(largest.shape)} of them in {name}, but its weights "
            f"are {stored:,}"
        )
    for name, tensor in held.items() if config is not None else ():
        wanted, found = tuple(tensor.shape), shapes.get(name)
        if found is not None and found != wanted:
            keys = _keys_of(config, wanted, found)
            raise InputError(
                f"{where}: {keys + ': ' if keys else ''}{name} has the shape {found}, expected {wanted}"
            )


def _keys_of(config: Mapping[str, Any], wanted: Shape, found: Shape) -> str:
    """Keys of the numbers in which two shapes differ, such as 'hidden_size: 64'."""
    odd = {a for a, b in zip(wanted, found, strict=False) if a != b} if len(wanted) == len(found) else set()
    keys = [f"{path}: {value}" for path, key, value in _numbers(config) if value in odd and key in _WIDTHS]
    return ", ".join(keys[:3])


def _numbers(config: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Path, key and value of every number."""
    stack: list[tuple[str, str, Any]] = [(str(key)[:60], str(key), value) for key, value in config.items()]
    while stack:
        path, key, value = stack.pop()
        if isinstance(value, dict):
            stack += [(f"{path}.{str(k)[:60]}", str(k), v) for k, v in value.items()]
        elif isinstance(value, list):
            stack += [(path, key, part) for part in value]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield path, key, value
