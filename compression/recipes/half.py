"""Half precision: weights and activations in 16 bits, or the products alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...datasets.errors import InputError
from ...models.extras import optional
from ...told import tell
from .. import weights
from ..registry import UNTAUGHT, Context, Done, Params, in_float32, is_packed, plural, recipe

SLOW_HALF = tell(
    "Most CPUs run float16 2 to 5 times slower than float32; the measured times tell for this one."
)


def _to(dtype: str) -> Any:
    def rebuild(module: Any, record: Mapping[str, Any]) -> Any:
        return module.to(getattr(optional("torch", dtype), dtype))

    return rebuild


def _cast(model: Any, dtype: str, name: str) -> Done:
    torch = optional("torch", name)
    in_float32(model, name)
    if type(model.runtime.module).__name__ == "GraphModule":
        raise InputError(f"{name}: the types of an exported program are fixed; export it in {dtype}")
    if is_packed(model):
        raise InputError(f"{name}: the weights are quantised already")
    model.runtime.module = model.runtime.module.to(getattr(torch, dtype))

    def recount(made: Any) -> str:
        held, found = weights.formats(made.runtime.module), weights.parameters(made.runtime.module)
        count = sum(tensor.numel() for name, tensor in found.items() if held[name] == dtype)
        what = plural(count, "{n} weight", "{n} weights")
        return tell("{what} and the activations to {type}", what=what, type=dtype)

    return Done(recount=recount)


@recipe("bf16", rebuild=_to("bfloat16"), language=True, tasks=UNTAUGHT)
def bf16(model: Any, params: Params, context: Context) -> Done:
    """Cast to bfloat16."""
    done = _cast(model, "bfloat16", "bf16")
    done.notes.append(tell("Scores move with the padding of a batch, since bfloat16 keeps three digits."))
    return done


@recipe("fp16", rebuild=_to("float16"), language=True, tasks=UNTAUGHT)
def fp16(model: Any, params: Params, context: Context) -> Done:
    """Cast to float16."""
    done = _cast(model, "float16", "fp16")
    if model.runtime.device == "cpu":
        done.notes.append(SLOW_HALF)
    return done


@recipe("autocast", tasks=UNTAUGHT)
def autocast(model: Any, params: Params, context: Context) -> Done:
    """Serve in mixed precision: float32 weights, bfloat16 products."""
    in_float32(model, "autocast")
    model.runtime.autocast = True
    return Done(tell("products in bfloat16, weights stay float32"), notes=[tell("Saves time, not storage.")])
