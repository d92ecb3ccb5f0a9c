"""Floating point operations of a batch, counted layer by layer.

torch's own counter sees no quantised kernel and leaves out some fused attention; so layers are counted by
their shapes while a batch runs through them, and the counter only checks that, where it can see.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..models.extras import optional, quiet
from ..told import tell


def flops(runtime: Any, arrays: Mapping[str, Any]) -> tuple[float, str]:
    """Floating point operations per row of a batch, and how they were counted.

    A multiplication and an addition count as two. Pruned weights that are stored densely are multiplied
    all the same, and count.

    Parameters
    ----------
    runtime : TorchRuntime
    arrays : mapping of str to array
        One collated batch.
    """
    torch = optional("torch", "counting operations")
    module = runtime.module
    counts: list[float] = []
    hooks = [
        part.register_forward_hook(_counter(counts, kind))
        for part in module.modules()
        if (kind := _kind(part)) is not None
    ]
    attended: list[float] = []
    hooks += [
        part.register_forward_hook(_attention(attended, width), with_kwargs=True)
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
    seen = _counted_by_torch(runtime, arrays)
    total = layers + attention
    if seen and not any(type(p).__module__.startswith("torch.ao.nn.quantized") for p in module.modules()):
        share = f"{seen / total:.0%}" if total else ""
        method = (
            tell("{what}; torch's counter sees {share} of it", what=method, share=share) if total else method
        )
    return float(max(total, seen)) / rows, method


def _kind(part: Any) -> str | None:
    name = type(part).__name__
    if hasattr(part, "in_features") and hasattr(part, "out_features"):
        return "linear"
    if name.startswith("Conv") and hasattr(part, "kernel_size"):
        return "conv"
    return None


def _counter(counts: list[float], kind: str) -> Any:
    def count(part: Any, inputs: Any, output: Any) -> None:
        if kind == "linear":
            counts.append(2.0 * output.numel() * part.in_features)
        else:
            each = math.prod(part.kernel_size) * part.in_channels / part.groups
            counts.append(2.0 * output.numel() * each)

    return count


def _width(part: Any) -> int:
    """Width of an attention layer's heads together; 0 for any other module."""
    heads = getattr(part, "num_attention_heads", None) or getattr(part, "n_heads", None)
    size = getattr(part, "attention_head_size", None) or getattr(part, "head_dim", None)
    return heads * size if isinstance(heads, int) and isinstance(size, int) else 0


def _attention(counts: list[float], width: int) -> Any:
    """Products of queries with keys and of weights with values: 4 x tokens^2 x width per row and layer."""

    def count(part: Any, inputs: Any, named: Mapping[str, Any], output: Any) -> None:
        states = inputs[0] if inputs else named["hidden_states"]
        rows, tokens = states.shape[:2]
        counts.append(4.0 * rows * tokens**2 * width)

    return count


def _counted_by_torch(runtime: Any, arrays: Mapping[str, Any]) -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    try:
        with torch.inference_mode(), quiet(), FlopCounterMode(display=False) as counter:
            runtime.forward(runtime.tensors(arrays))
    except (RuntimeError, NotImplementedError, TypeError):
        # Packed weights and tensor subclasses do not always run under its dispatch mode.
        return 0.0
    return float(counter.get_total_flops())
