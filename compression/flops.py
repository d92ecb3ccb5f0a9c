"""Floating point operations of a batch, counted layer by layer.

torch's own counter sees no quantised kernel and leaves out some fused attention; so layers are counted by
their shapes while a batch runs through them, and the counter only checks that, where it can see.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
from ..models.foreign import one_line
from ..told import tell


def flops(runtime: Any, arrays: Mapping[str, Any]) -> tuple[float | None, str]:
    """Floating point operations per row of a batch, and how they were counted; None with why they were not.

    A multiplication and an addition count as two. Pruned weights that are stored densely are multiplied
    all the same, and count.

    Parameters
    ----------
    runtime : TorchRuntime
    arrays : mapping of str to array
        One collated batch.
    """
    try:
        return _counted(runtime, arrays)
    except InputError:
        # The model itself cannot run, which is more than a count that is not there.
        raise
    except Exception as error:
        # Modules are anybody's: what a layer takes and gives may be nothing that is known here.
        return None, tell("not measured: {why}", why=f"{type(error).__name__}: {one_line(error)}")


def _counted(runtime: Any, arrays: Mapping[str, Any]) -> tuple[float, str]:
    torch = optional("torch", "counting operations")
    module = runtime.module
    counts: list[float] = []
    hooks = [
        part.register_forward_hook(_counter(counts, kind))
        for part in module.modules()
        if (kind := _kind(part)) is not None
    ]
    attended: list[float] = []
    # What lies outside windows: torch's kernels multiply it all the same, and its counter counts it.
    outside: list[float] = []
    hooks += [
        part.register_forward_hook(_attention(attended, outside, width), with_kwargs=True)
        for part in module.modules()
        if (width := _width(part))
    ]
    rows: int = len(next(iter(arrays.values())))
    try:
        with torch.inference_mode(), quiet():
            runtime.forward(runtime.tensors(arrays))
    finally:
        for hook in hooks:
            hook.remove()
    layers, attention = sum(counts), sum(attended)
    method = tell("layers by their shapes, {n} rows", n=rows)
    if "input_ids" in arrays:
        tokens = arrays["input_ids"].shape[1]
        method = tell("layers by their shapes, {n} rows of {tokens} tokens", n=rows, tokens=tokens)
    if attention:
        method = tell("{what}, attention products by its formula", what=method)
    if outside:
        method = tell("{what}, in {n} layers within their windows alone", what=method, n=len(outside))
    seen = _counted_by_torch(runtime, arrays)
    total = layers + attention
    if seen > total + sum(outside):
        return seen / rows, tell("by torch's counter, which sees more than the layers' shapes tell")
    packed = any(type(p).__module__.startswith("torch.ao.nn") for p in module.modules())
    if seen and not outside and not packed:
        share = f"{seen / total:.0%}"
        method = tell("{what}; torch's counter sees {share} of it", what=method, share=share)
    return float(total) / rows, method


GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
"""Products of a step's input, and as many of its state, by kind of recurrent layer."""


def _kind(part: Any) -> str | None:
    # A layer whose weight is computed from others is of a class of its own, named after the plain one.
    name = type(part).__name__.removeprefix("Parametrized")
    if name in GATES and hasattr(part, "hidden_size") and hasattr(part, "num_layers"):
        return name
    if hasattr(part, "in_features") and hasattr(part, "out_features"):
        return "linear"
    if name == "Conv1D" and hasattr(part, "nx"):
        return "transposed"
    if name == "MultiheadAttention" and hasattr(part, "in_proj_weight"):
        return "attention"
    if name.startswith("Conv") and hasattr(part, "kernel_size"):
        return "conv"
    return None


def _counter(counts: list[float], kind: str) -> Any:
    def count(part: Any, inputs: Any, output: Any) -> None:
        if kind == "linear":
            counts.append(2.0 * output.numel() * part.in_features)
        elif kind == "transposed":
            counts.append(2.0 * output.numel() * part.nx)
        elif kind == "attention":
            # Queries and the output; keys and values. Its own Linear layer is never called.
            width = part.embed_dim
            query, key, value = (t.numel() for t in inputs[:3])
            counts.append(2.0 * width * (2 * query + key + value))
        elif kind in GATES:
            counts.append(_recurrent(part, inputs[0].shape, GATES[kind]))
        else:
            each = math.prod(part.kernel_size) * part.in_channels / part.groups
            counts.append(2.0 * output.numel() * each)

    return count


def _recurrent(part: Any, shape: Any, gates: int) -> float:
    """Products of a recurrent layer, over its layers, directions and steps."""
    steps = math.prod(shape[:-1])
    directions = 2 if part.bidirectional else 1
    hidden, given = part.hidden_size, getattr(part, "proj_size", 0) or part.hidden_size
    total = 0.0
    for layer in range(part.num_layers):
        width = part.input_size if layer == 0 else given * directions
        each = gates * hidden * (width + given)
        if getattr(part, "proj_size", 0):
            each += part.proj_size * hidden
        total += 2.0 * steps * directions * each
    return total


def _width(part: Any) -> int:
    """Width of an attention layer's heads together; 0 for any other module."""
    size = _first(part, "attention_head_size", "head_dim", "key_value_proj_dim")
    heads = _first(part, "num_attention_heads", "n_heads", "num_heads")
    if heads is None and size is not None:
        heads = _first(getattr(part, "config", None), "num_attention_heads")
    return heads * size if heads is not None and size is not None else 0


def _first(part: Any, *names: str) -> int | None:
    """The first of some attributes that is a whole number."""
    found = (getattr(part, name, None) for name in names)
    return next((value for value in found if isinstance(value, int) and value), None)


def _attention(counts: list[float], outside: list[float], width: int) -> Any:
    """Products of queries with keys and of weights with values: 4 x pairs x width per row and layer."""

    def count(part: Any, inputs: Any, named: Mapping[str, Any], output: Any) -> None:
        states = inputs[0] if inputs else named["hidden_states"]
        rows, tokens = states.shape[:2]
        pairs = _pairs(part, tokens)
        counts.append(4.0 * rows * pairs * width)
        if pairs < tokens**2:
            outside.append(4.0 * rows * (tokens**2 - pairs) * width)

    return count


def _pairs(part: Any, tokens: int) -> int:
    """Pairs of tokens that an attention layer brings together: all, or those of its window.

    As transformers has it, a window is of the tokens that lie less than ``sliding_window`` apart; a decoder's
    is of so many tokens up to its own.
    """
    held = part if hasattr(part, "sliding_window") else getattr(part, "config", None)
    window = getattr(held, "sliding_window", None)
    if not isinstance(window, int) or window >= tokens:
        return tokens**2
    if getattr(part, "is_causal", False):
        return tokens * window
    return tokens * (2 * window - 1) - window * (window - 1)


def _counted_by_torch(runtime: Any, arrays: Mapping[str, Any]) -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    try:
        with torch.inference_mode(), quiet(), FlopCounterMode(display=False) as counter:
            runtime.forward(runtime.tensors(arrays))
    except Exception:
        # It only checks, and does not run with all modules: packed weights, tensor subclasses, computed ones.
        return 0.0
    return float(counter.get_total_flops())
