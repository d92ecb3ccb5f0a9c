"""torchao's formats: int8, int4 and float8 weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.foreign import one_line
from ...told import tell
from .. import weights
from ..exchange import called_modules, exchangeable, layers_of, tied_layers, transposed, turn
from ..recount import and_tables
from ..registry import UNTAUGHT, Context, Done, Params, in_float32, listed_layers, plural, recipe
from .int8_dynamic import PER_BATCH

FORMATS = {
    "int8-weight": tell("int8 weights"),
    "int8-torchao": tell("int8 weights and activations"),
    "int4-weight": tell("int4 weights"),
    "fp8": tell("float8 weights and activations"),
}
"""What the recipes of torchao make of a layer, in words."""


class TorchAO(Params):
    """torchao's formats."""

    embeddings: bool = Field(False, description="Embedding tables in int8 weights too.")
    compile: bool = Field(False, description="Serve through torch.compile, without which most gain nothing.")


class Int4(TorchAO):
    """int4 weights."""

    group_size: Literal[32, 64, 128, 256] = Field(128, description="Weights that share a scale.")


def _wide(layer: Any) -> bool:
    """Whether torchao tells a layer's inputs from the scales of its outputs: not where there is one."""
    return bool(layer.in_features > 1)


@recipe("int8-weight", TorchAO, rebuild=turn, language=True, tasks=UNTAUGHT)
def int8_weight(model: Any, params: TorchAO, context: Context) -> Done:
    """int8 weights, float32 activations."""
    return _torchao(model, params, context, "int8-weight", "Int8WeightOnlyConfig", {"version": 2}, _wide)


@recipe("int8-torchao", TorchAO, rebuild=turn, language=True, tasks=UNTAUGHT)
def int8_torchao(model: Any, params: TorchAO, context: Context) -> Done:
    """int8 weights and activations, one scale per row."""
    done = _torchao(
        model, params, context, "int8-torchao", "Int8DynamicActivationInt8WeightConfig", {"version": 2}, _wide
    )
    if not params.compile:
        done.notes.append(tell("Pays only when it is compiled (compile: true); uncompiled it runs slower."))
    return done


@recipe("int4-weight", Int4, rebuild=turn, language=True, tasks=UNTAUGHT)
def int4_weight(model: Any, params: Int4, context: Context) -> Done:
    """int4 weights."""
    _needs_cuda(model, "int4-weight", "in float32 on a CPU they run 28 to 58 times slower")
    # torch's own kernels; torchao's other layouts need a package that no index has.
    arguments = {"group_size": params.group_size, "int4_packing_format": "tile_packed_to_4d"}
    return _torchao(
        model, params, context, "int4-weight", "Int4WeightOnlyConfig", arguments,
        lambda layer: layer.in_features % params.group_size == 0, kept_in="bfloat16",
    )  # fmt: skip


@recipe("fp8", TorchAO, rebuild=turn, language=True, tasks=UNTAUGHT)
def fp8(model: Any, params: TorchAO, context: Context) -> Done:
    """float8 weights and activations."""
    _needs_cuda(model, "fp8", "no CPU has them")
    done = _torchao(
        model, params, context, "fp8", "Float8DynamicActivationFloat8WeightConfig", {},
        lambda layer: layer.in_features % 16 == 0 and layer.out_features % 16 == 0,
    )  # fmt: skip
    for part in model.runtime.module.modules():
        weight = getattr(part, "weight", None)
        if type(weight).__name__ == "Float8Tensor":
            one_block(weight)
    done.notes.append(PER_BATCH)
    return done


def one_block(weight: Any) -> None:
    """Have torchao see that a weight with one scale has one, whatever its shape.

    It tells scales of a tensor from scales of blocks by the size that it notes: a whole weight of 128 x 128
    is taken for a block, and its product fails. -1 is torchao's other word for all of an axis.
    """
    if weight.scale.numel() == 1:
        weight.block_size = [-1] * weight.ndim


def _needs_cuda(model: Any, name: str, why: str) -> None:
    if not model.runtime.device.startswith("cuda"):
        raise InputError(
            f"{name}: its kernels need a CUDA device, this model is on {model.runtime.device}; {why}"
        )


def _torchao(
    model: Any,
    params: TorchAO,
    context: Context,
    name: str,
    config: str,
    arguments: dict[str, Any],
    fits: Callable[[Any], bool] = lambda layer: True,
    kept_in: str | None = None,
) -> Done:
    """Have torchao quantise the Linear layers that ``fits`` takes, cast to ``kept_in`` first."""
    torch = optional("torch", name)
    ao = optional("torchao.quantization", name)
    in_float32(model, name)
    exchangeable(model, name)
    module = model.runtime.module
    record = {"turned": transposed(module)}
    turn(module, record)
    layers = layers_of(model, "Linear")
    listed_layers(layers, "Linear layer", name)
    # torchao passes over shapes that its kernels do not take, without a word.
    chosen = {own: layer for own in layers if fits(layer := module.get_submodule(own))}
    listed_layers(list(chosen), "Linear layer of a shape that the kernels take", name)
    shared = tied_layers(module, [*layers_of(model, "Linear"), *layers_of(model, "Embedding")])
    tables = _looked_up(model, context, shared) if params.embeddings else []
    with quiet():
        try:
            if kept_in is not None:
                for layer in chosen.values():
                    weight = layer.weight.detach().to(getattr(torch, kept_in))
                    layer.weight = torch.nn.Parameter(weight, requires_grad=False)
            way = getattr(ao, config)(**arguments)
            # By name: a layer that stands in two places comes by twice.
            ao.quantize_(module, way, lambda _, own: own in chosen)
            if tables:
                each = ao.IntxWeightOnlyConfig(
                    weight_dtype=torch.int8, granularity=optional("torchao.quantization", name).PerAxis(0)
                )
                ao.quantize_(module, each, lambda _, name: name in tables)
        except (RuntimeError, ImportError, AssertionError, ValueError, TypeError) as error:
            raise InputError(f"{name}: torchao cannot do this here: {one_line(error)}") from None
    for own, first in shared.items():
        module.get_submodule(own).weight = module.get_submodule(first).weight
    model.runtime.compiled |= params.compile
    notes = [] if params.compile else [tell("Uncompiled: bytes fall, time does not.")]
    if len(chosen) < len(layers):
        left = plural(len(layers) - len(chosen), "{n} Linear layer", "{n} Linear layers")
        notes.append(tell("{what} left alone: the kernels do not take their shapes.", what=left))
    return Done(record=record, notes=notes, recount=lambda made: _by_torchao(made, FORMATS[name]))


def _looked_up(model: Any, context: Context, shared: Mapping[str, str]) -> list[str]:
    """Names of the embedding layers whose rows are looked up, and of those that share their tables."""
    called = called_modules(model, context.sample)
    reached = called | {one for name, one in shared.items() if name in called}
    return [name for name in layers_of(model, "Embedding") if shared.get(name, name) in reached]


def _by_torchao(made: Any, words: str) -> str:
    """What of a model torchao holds."""
    module = made.runtime.module
    held, found = weights.formats(module), weights.parameters(module)
    holders = weights.holder_types(module)
    own = [holders[name] for name in found if held[name].startswith("torchao")]
    layers, tables = own.count("Linear"), own.count("Embedding")
    what = plural(layers, "{n} Linear layer", "{n} Linear layers")
    return and_tables(tell("{what} to {how} of torchao", what=what, how=words), tables, made)
