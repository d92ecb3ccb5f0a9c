"""Fewer bits per weight: torch's dynamic int8, mixed precision, and torchao's formats."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
from ..models.foreign import one_line
from ..told import tell
from .recipes import (
    Context,
    Done,
    Params,
    in_float32,
    is_packed,
    listed_layers,
    plural,
    recipe,
)

SLOW_HALF = tell(
    "Most CPUs run float16 2 to 5 times slower than float32; the measured times tell for this one."
)


class Int8Dynamic(Params):
    """Linear layers in int8, activations quantised batch by batch."""

    per_channel: bool = Field(False, description="One scale per output channel rather than per layer.")
    embeddings: bool = Field(False, description="Embedding tables in int8 too, one scale per row.")


def _quantise_dynamic(module: Any, record: Mapping[str, Any]) -> None:
    torch = optional("torch", "int8-dynamic")
    ao = torch.ao.quantization
    if not hasattr(ao, "quantize_dynamic"):
        raise InputError(
            f"int8-dynamic: torch {torch.__version__} has no quantize_dynamic any more; use onnx-int8"
        )
    linear = ao.per_channel_dynamic_qconfig if record["per_channel"] else ao.default_dynamic_qconfig
    wanted = {torch.nn.Linear: linear}
    if record["embeddings"]:
        wanted[torch.nn.Embedding] = ao.float_qparams_weight_only_qconfig
    with quiet():
        ao.quantize_dynamic(module, wanted, inplace=True)


@recipe("int8-dynamic", Int8Dynamic, rebuild=_quantise_dynamic)
def int8_dynamic(model: Any, params: Int8Dynamic, context: Context) -> Done:
    """Quantise with torch's dynamic int8, in place."""
    if model.runtime.device != "cpu":
        raise InputError(
            f"int8-dynamic: its kernels run on the CPU only, the model is on {model.runtime.device}"
        )
    in_float32(model, "int8-dynamic")
    layers = _layers(model, "Linear")
    tables = _layers(model, "Embedding") if params.embeddings else []
    listed_layers(layers or tables, "Linear layer", "int8-dynamic")
    record = params.model_dump()
    _quantise_dynamic(model.runtime.module, record)
    what = plural(len(layers), "{n} Linear layer", "{n} Linear layers")
    changed = (
        tell("{what} to int8, one scale per channel", what=what)
        if params.per_channel
        else tell("{what} to int8, one scale per layer", what=what)
    )
    changed = _and_tables(changed, len(tables))
    notes = [
        tell(
            "Activations are quantised with one scale per batch, so that a row's score depends on its batch."
        )
    ]
    if params.embeddings and not tables:
        notes.append(tell("The model has no embedding table."))
    return Done(changed, record, notes)


def _and_tables(changed: str, tables: int) -> str:
    if not tables:
        return changed
    return tell(
        "{what}; {what_else} to int8, one scale per row",
        what=changed,
        what_else=plural(tables, "{n} embedding table", "{n} embedding tables"),
    )


def _layers(model: Any, kind: str) -> list[str]:
    """Names of the layers of exactly a class of torch.nn; the quantised ones are called the same."""
    wanted = getattr(optional("torch", "int8-dynamic").nn, kind)
    return [n for n, m in model.runtime.module.named_modules() if type(m) is wanted]


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
    count = sum(p.numel() for p in model.runtime.module.parameters())
    what = plural(count, "{n} weight", "{n} weights")
    return Done(tell("{what} and the activations to {type}", what=what, type=dtype))


@recipe("bf16", rebuild=_to("bfloat16"))
def bf16(model: Any, params: Params, context: Context) -> Done:
    """Cast to bfloat16."""
    done = _cast(model, "bfloat16", "bf16")
    done.notes.append(tell("Scores move with the padding of a batch, since bfloat16 keeps three digits."))
    return done


@recipe("fp16", rebuild=_to("float16"))
def fp16(model: Any, params: Params, context: Context) -> Done:
    """Cast to float16."""
    done = _cast(model, "float16", "fp16")
    if model.runtime.device == "cpu":
        done.notes.append(SLOW_HALF)
    return done


@recipe("autocast")
def autocast(model: Any, params: Params, context: Context) -> Done:
    """Serve in mixed precision: float32 weights, bfloat16 products."""
    in_float32(model, "autocast")
    model.runtime.autocast = True
    return Done(tell("products in bfloat16, weights stay float32"), notes=[tell("Saves time, not storage.")])


class TorchAO(Params):
    """torchao's formats."""

    embeddings: bool = Field(False, description="Embedding tables in int8 weights too.")
    compile: bool = Field(False, description="Serve through torch.compile, without which most gain nothing.")


class Int4(TorchAO):
    """int4 weights."""

    group_size: int = Field(128, ge=32, description="Weights that share a scale.")


@recipe("int8-weight", TorchAO)
def int8_weight(model: Any, params: TorchAO, context: Context) -> Done:
    """int8 weights, float32 activations."""
    return _torchao(model, params, "int8-weight", "Int8WeightOnlyConfig", {"version": 2})


@recipe("int8-torchao", TorchAO)
def int8_torchao(model: Any, params: TorchAO, context: Context) -> Done:
    """int8 weights and activations, one scale per row."""
    done = _torchao(model, params, "int8-torchao", "Int8DynamicActivationInt8WeightConfig", {"version": 2})
    if not params.compile:
        done.notes.append(tell("Pays only when it is compiled (compile: true); uncompiled it runs slower."))
    return done


@recipe("int4-weight", Int4)
def int4_weight(model: Any, params: Int4, context: Context) -> Done:
    """int4 weights."""
    _needs_cuda(model, "int4-weight", "in float32 on a CPU they run 28 to 58 times slower")
    return _torchao(model, params, "int4-weight", "Int4WeightOnlyConfig", {"group_size": params.group_size})


@recipe("fp8", TorchAO)
def fp8(model: Any, params: TorchAO, context: Context) -> Done:
    """float8 weights and activations."""
    _needs_cuda(model, "fp8", "no CPU has them")
    return _torchao(model, params, "fp8", "Float8DynamicActivationFloat8WeightConfig", {})


def _needs_cuda(model: Any, name: str, why: str) -> None:
    if not model.runtime.device.startswith("cuda"):
        raise InputError(
            f"{name}: its kernels need a CUDA device, this model is on {model.runtime.device}; {why}"
        )


def _torchao(model: Any, params: TorchAO, name: str, config: str, arguments: dict[str, Any]) -> Done:
    torch = optional("torch", name)
    ao = optional("torchao.quantization", name)
    in_float32(model, name)
    module = model.runtime.module
    layers = [m for m in module.modules() if type(m) is torch.nn.Linear]
    tables = [m for m in module.modules() if type(m) is torch.nn.Embedding] if params.embeddings else []
    listed_layers(layers, "Linear layer", name)
    wanted = tuple(type(m) for m in (layers[:1] + tables[:1]))
    with quiet():
        try:
            ao.quantize_(module, getattr(ao, config)(**arguments), lambda m, _: type(m) is torch.nn.Linear)
            if torch.nn.Embedding in wanted:
                each = ao.IntxWeightOnlyConfig(
                    weight_dtype=torch.int8, granularity=optional("torchao.quantization", name).PerAxis(0)
                )
                ao.quantize_(module, each, lambda m, _: type(m) is torch.nn.Embedding)
        except (RuntimeError, NotImplementedError, AssertionError, ValueError, TypeError) as error:
            raise InputError(f"{name}: torchao cannot do this here: {one_line(error)}") from None
    model.runtime.compiled |= params.compile
    what = plural(len(layers), "{n} Linear layer", "{n} Linear layers")
    changed = tell("{what} to torchao's {type}", what=what, type=config.removesuffix("Config"))
    changed = _and_tables(changed, len(tables))
    notes = [] if params.compile else [tell("Uncompiled: bytes fall, time does not.")]
    return Done(changed, notes=notes)


def copied(model: Any) -> Any:
    """A copy of a model whose module can be changed freely; inputs are shared."""
    other = copy.copy(model)
    other.about = copy.deepcopy(model.about)
    other.runtime = copy.copy(model.runtime)
    with quiet():
        other.runtime.module = copy.deepcopy(model.runtime.module)
    other.runtime._call = None
    return other
