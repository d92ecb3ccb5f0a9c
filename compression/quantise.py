"""Fewer bits per weight: torch's dynamic int8, mixed precision, and torchao's formats."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
from ..models.foreign import one_line
from ..told import tell, told_both, told_series
from . import weights
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
from .recount import is_table, packed, share
from .structure import place

SLOW_HALF = tell(
    "Most CPUs run float16 2 to 5 times slower than float32; the measured times tell for this one."
)
PER_BATCH = tell(
    "Activations are quantised with one scale per batch, so that a row's score depends on its batch."
)


class Int8Dynamic(Params):
    """Linear and recurrent layers in int8, activations quantised batch by batch."""

    per_channel: bool = Field(False, description="One scale per output channel rather than per layer.")
    embeddings: bool = Field(False, description="Embedding tables in int8 too, one scale per row.")


def quantise_dynamic(module: Any, record: Mapping[str, Any]) -> None:
    """Exchange a module's layers for torch's int8 ones, as `plan` has it."""
    torch = optional("torch", "int8-dynamic")
    ao = torch.ao.quantization
    if not hasattr(ao, "quantize_dynamic"):
        raise InputError(
            f"int8-dynamic: torch {torch.__version__} has no quantize_dynamic any more; use onnx-int8"
        )
    turn(module, record)
    places = _places(module)
    for name in record.get("unbiased", ()):
        _replace(module, name, _biased(module.get_submodule(name)))
    linear = ao.per_channel_dynamic_qconfig if record["per_channel"] else ao.default_dynamic_qconfig
    wanted: dict[Any, Any] = {torch.nn.Linear: linear}
    wanted |= dict.fromkeys(record.get("recurrent", ()), linear)
    if record["embeddings"]:
        wanted[torch.nn.Embedding] = ao.float_qparams_weight_only_qconfig
    wanted |= dict.fromkeys(record.get("spared", ()))
    # torch goes through the places: of a module that stands in several, each says what becomes of it.
    wanted |= {other: wanted[name] for name, others in places.items() if name in wanted for other in others}
    with quiet():
        ao.quantize_dynamic(module, wanted, inplace=True)
    for name, others in places.items():
        for parent, _, own in (other.rpartition(".") for other in others):
            setattr(module.get_submodule(parent), own, module.get_submodule(name))
    for name, first in record.get("tied", {}).items():
        _replace(module, name, module.get_submodule(first))
    for part in module.modules():
        # Their fused kernel takes plain weights, and asks packed ones for their device (pytorch#109987).
        if isinstance(part, torch.nn.TransformerEncoder):
            part.use_nested_tensor = False
        if isinstance(part, torch.nn.TransformerEncoderLayer):
            part.activation_relu_or_gelu = 0
        if is_table(part):
            part.register_forward_pre_hook(_in_one_piece)


def _in_one_piece(part: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Indices as the int8 kernel of a table wants them: a column of a table lies scattered in memory."""
    return tuple(one.contiguous() for one in given)


def turn(module: Any, record: Mapping[str, Any]) -> None:
    """Put Linear layers in the place of those that hold the same weights transposed (``turned``)."""
    torch = optional("torch", "int8-dynamic")
    for name in record.get("turned", ()):
        old = module.get_submodule(name)
        into, out = old.weight.shape
        made = torch.nn.Linear(into, out, bias=old.bias is not None, dtype=old.weight.dtype)
        made.weight = torch.nn.Parameter(old.weight.detach().t().contiguous(), requires_grad=False)
        if old.bias is not None:
            made.bias = torch.nn.Parameter(old.bias.detach(), requires_grad=False)
        _replace(module, name, made.train(old.training))


def _places(module: Any) -> dict[str, list[str]]:
    """Names of the modules that stand in several places, and the names that each has in the others."""
    first = {id(part): name for name, part in module.named_modules()}
    found: dict[str, list[str]] = {}
    for name, part in module.named_modules(remove_duplicate=False):
        if first[id(part)] != name:
            found.setdefault(first[id(part)], []).append(name)
    return found


def _replace(module: Any, name: str, part: Any) -> None:
    """Put a module in the place of another one, by its name."""
    exchange(module, [module.get_submodule(name)], [part])


def exchange(module: Any, old: Sequence[Any], new: Sequence[Any]) -> None:
    """Put layers in the place of others, wherever these stand."""
    places = {id(one): other for one, other in zip(old, new, strict=True)}
    for part in list(module.modules()):
        for key, child in part._modules.items():
            if id(child) in places:
                part._modules[key] = places[id(child)]


def _biased(old: Any) -> Any:
    """A recurrent layer with biases of zero, which compute what it does without: torch packs none without."""
    torch = optional("torch", "int8-dynamic")
    settings = {"input_size": old.input_size, "hidden_size": old.hidden_size}
    if isinstance(old, torch.nn.RNNBase):
        kept: tuple[str, ...] = ("num_layers", "batch_first", "dropout", "bidirectional")
    else:
        kept = ("nonlinearity",) if isinstance(old, torch.nn.RNNCell) else ()
    made = type(old)(**settings, **{name: getattr(old, name) for name in kept}, bias=True)
    held = dict(old.named_parameters())
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            parameter.copy_(held[name] if name in held else torch.zeros_like(parameter))
    return made.train(old.training)


def transposed(module: Any) -> list[str]:
    """Names of transformers' Conv1D layers: Linear layers but for the order of their weights' axes."""
    return [
        name
        for name, part in module.named_modules()
        if type(part).__name__ == "Conv1D" and type(part).__module__ == "transformers.pytorch_utils"
    ]


def _called(model: Any, rows: Any) -> set[str]:
    """Names of the modules that are called as the model scores some rows.

    Of the others, such as a table that is a factor of a product, only the weight is read, as a tensor, which
    a quantised layer has not.
    """
    torch = optional("torch", "int8-dynamic")
    runtime = model.runtime
    found: set[str] = set()
    hooks = [
        part.register_forward_pre_hook(lambda *_, name=name: found.add(name))
        for name, part in runtime.module.named_modules()
    ]
    arrays = model.inputs.encode(rows, None).collate(np.arange(min(2, rows.num_rows)))
    try:
        with torch.inference_mode():
            runtime.forward(runtime.tensors(arrays))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def exchangeable(model: Any, name: str) -> None:
    """InputError for an exported program, which has operations and no layers."""
    if type(model.runtime.module).__name__ == "GraphModule":
        raise InputError(
            f"{name}: the layers of an exported program cannot be exchanged; give the module that it was "
            "made of, or take onnx-int8"
        )


def _recurrent(module: Any) -> list[str]:
    """Names of the recurrent layers that torch has int8 kernels for: no RNN, and none with projections."""
    torch = optional("torch", "int8-dynamic")
    cells = (torch.nn.LSTMCell, torch.nn.GRUCell, torch.nn.RNNCell)
    return [
        name
        for name, part in module.named_modules()
        if (type(part) in (torch.nn.LSTM, torch.nn.GRU) and not part.proj_size) or type(part) in cells
    ]


def _tied(module: Any, names: Sequence[str]) -> dict[str, str]:
    """Layers that share another's weight, and whose it is."""
    first: dict[Any, str] = {}
    found = {name: first.setdefault(place(module.get_submodule(name).weight), name) for name in names}
    return {name: one for name, one in found.items() if name != one}


def _whole(module: Any, tied: Mapping[str, str]) -> dict[str, str]:
    """Of layers that share a weight, those that share everything and can be one quantised layer."""

    def bias(name: str) -> Any:
        found = getattr(module.get_submodule(name), "bias", None)
        return None if found is None else place(found)

    return {name: one for name, one in tied.items() if bias(name) == bias(one)}


def plan(model: Any, context: Context, name: str, *, per_channel: bool, embeddings: bool) -> dict[str, Any]:
    """Which layers torch's dynamic int8 takes, as `quantise_dynamic` reads it; InputError where it cannot."""
    if model.runtime.device != "cpu":
        raise InputError(f"{name}: its kernels run on the CPU only, the model is on {model.runtime.device}")
    in_float32(model, name)
    exchangeable(model, name)
    module = model.runtime.module
    called = _called(model, context.sample)
    linear, every = _layers(model, "Linear"), _layers(model, "Embedding") if embeddings else []
    tied = _tied(module, [*linear, *every])
    whole = _whole(module, tied)
    # A weight that two layers share is packed once, or not at all. A layer that is the whole module has no
    # place that another could take.
    parted = {name for pair in tied.items() if pair[0] not in whole for name in pair}
    reached = {one for name, one in tied.items() if name in called} | called
    spared = [n for n in (*linear, *every) if not n or tied.get(n, n) not in reached or n in parted]
    recurrent = [name for name in _recurrent(module) if name in called]
    return {
        "per_channel": per_channel, "embeddings": embeddings, "turned": transposed(module),
        "recurrent": recurrent, "unbiased": [n for n in recurrent if not module.get_submodule(n).bias],
        "tied": {name: one for name, one in whole.items() if name not in spared}, "spared": spared,
    }  # fmt: skip


@recipe("int8-dynamic", Int8Dynamic, rebuild=quantise_dynamic)
def int8_dynamic(model: Any, params: Int8Dynamic, context: Context) -> Done:
    """Quantise with torch's dynamic int8, in place."""
    record = plan(
        model, context, "int8-dynamic", per_channel=params.per_channel, embeddings=params.embeddings
    )
    module, spared = model.runtime.module, record["spared"]
    linear, every = _layers(model, "Linear"), _layers(model, "Embedding") if params.embeddings else []
    tables = [name for name in every if name not in spared]
    layers = [*(n for n in linear if n not in spared), *record["turned"], *record["recurrent"]]
    listed_layers(layers or tables, "Linear layer or recurrent layer", "int8-dynamic")
    try:
        quantise_dynamic(module, record)
    except (RuntimeError, NotImplementedError, AssertionError, ValueError, TypeError) as error:
        raise InputError(f"int8-dynamic: torch cannot do this here: {one_line(error)}") from None
    notes = [PER_BATCH]
    if params.embeddings and not tables:
        notes.append(tell("The model has no embedding table that torch could quantise."))
    return Done(record=record, notes=notes, recount=in_int8)


def in_int8(made: Any) -> str:
    """What torch's int8 layers of a model are, and what shares a scale there."""
    found = packed(made)
    kinds = [
        plural(len(found["linear"]), "{n} Linear layer", "{n} Linear layers"),
        plural(len(found["recurrent"]), "{n} recurrent layer", "{n} recurrent layers"),
    ]
    what = told_both(kind for kind, key in zip(kinds, found, strict=False) if found[key]) or kinds[0]
    held = weights.formats(made.runtime.module)
    tables = tuple(f"{n}." for n, part in made.runtime.module.named_modules() if is_table(part))
    ways = {how for name, how in held.items() if how.startswith("int8") and not name.startswith(tables)}
    text = (
        tell("{what} to int8, one scale per layer", what=what)
        if ways == {tell("int8, one scale per layer")}
        else tell("{what} to int8, one scale per channel", what=what)
    )
    return _and_tables(text if ways else "", len(found["embedding"]), made)


def _and_tables(changed: str, tables: int, made: Any) -> str:
    """What became int8, the tables too, and what share of the weights that is."""
    what = plural(tables, "{n} embedding table", "{n} embedding tables")
    parts = [
        changed,
        tell("{what} to int8, one scale per row", what=what) if tables else "",
        tell("{share} of the weights", share=f"{share(made):.0%}"),
        *_left(made.runtime.module),
    ]
    return told_series(parts)


def _left(module: Any) -> list[str]:
    """What stays in float32 though a product is taken of its weights, as torch has no int8 layer for it."""
    nn = optional("torch", "int8-dynamic").nn

    def found(*kinds: Any) -> int:
        return sum(isinstance(part, kinds) for part in module.modules())

    recurrent, attending = found(nn.RNNBase, nn.RNNCellBase), found(nn.MultiheadAttention)
    convolutions = found(nn.Conv1d, nn.Conv2d, nn.Conv3d)
    told = [
        (recurrent, plural(recurrent, "{n} recurrent layer in float32", "{n} recurrent layers in float32")),
        (attending, plural(attending, "{n} attention layer in float32", "{n} attention layers in float32")),
        (convolutions, plural(convolutions, "{n} convolution in float32", "{n} convolutions in float32")),
    ]
    return [what for count, what in told if count]


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

    def recount(made: Any) -> str:
        held, found = weights.formats(made.runtime.module), weights.parameters(made.runtime.module)
        count = sum(tensor.numel() for name, tensor in found.items() if held[name] == dtype)
        what = plural(count, "{n} weight", "{n} weights")
        return tell("{what} and the activations to {type}", what=what, type=dtype)

    return Done(recount=recount)


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


@recipe("int8-weight", TorchAO, rebuild=turn)
def int8_weight(model: Any, params: TorchAO, context: Context) -> Done:
    """int8 weights, float32 activations."""
    return _torchao(model, params, context, "int8-weight", "Int8WeightOnlyConfig", {"version": 2}, _wide)


@recipe("int8-torchao", TorchAO, rebuild=turn)
def int8_torchao(model: Any, params: TorchAO, context: Context) -> Done:
    """int8 weights and activations, one scale per row."""
    done = _torchao(
        model, params, context, "int8-torchao", "Int8DynamicActivationInt8WeightConfig", {"version": 2}, _wide
    )
    if not params.compile:
        done.notes.append(tell("Pays only when it is compiled (compile: true); uncompiled it runs slower."))
    return done


@recipe("int4-weight", Int4, rebuild=turn)
def int4_weight(model: Any, params: Int4, context: Context) -> Done:
    """int4 weights."""
    _needs_cuda(model, "int4-weight", "in float32 on a CPU they run 28 to 58 times slower")
    # torch's own kernels; torchao's other layouts need a package that no index has.
    arguments = {"group_size": params.group_size, "int4_packing_format": "tile_packed_to_4d"}
    return _torchao(
        model, params, context, "int4-weight", "Int4WeightOnlyConfig", arguments,
        lambda layer: layer.in_features % params.group_size == 0, kept_in="bfloat16",
    )  # fmt: skip


@recipe("fp8", TorchAO, rebuild=turn)
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
    layers = _layers(model, "Linear")
    listed_layers(layers, "Linear layer", name)
    # torchao passes over shapes that its kernels do not take, without a word.
    chosen = {own: layer for own in layers if fits(layer := module.get_submodule(own))}
    listed_layers(list(chosen), "Linear layer of a shape that the kernels take", name)
    shared = _tied(module, [*_layers(model, "Linear"), *_layers(model, "Embedding")])
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
    called = _called(model, context.sample)
    reached = called | {one for name, one in shared.items() if name in called}
    return [name for name in _layers(model, "Embedding") if shared.get(name, name) in reached]


def _by_torchao(made: Any, words: str) -> str:
    """What of a model torchao holds."""
    module = made.runtime.module
    held, found = weights.formats(module), weights.parameters(module)
    holders = weights.holder_types(module)
    own = [holders[name] for name in found if held[name].startswith("torchao")]
    layers, tables = own.count("Linear"), own.count("Embedding")
    what = plural(layers, "{n} Linear layer", "{n} Linear layers")
    return _and_tables(tell("{what} to {how} of torchao", what=what, how=words), tables, made)


def copied(model: Any) -> Any:
    """A copy of a model whose module can be changed freely; inputs are shared."""
    other = copy.copy(model)
    other.about = copy.deepcopy(model.about)
    other.runtime = copy.copy(model.runtime)
    with quiet():
        weights.settle(model.runtime.module)
        other.runtime.module = copy.deepcopy(model.runtime.module)
    other.runtime._call = None
    return other
