"""torch's dynamic int8: weights once, activations batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.foreign import one_line
from ...told import tell, told_both
from .. import weights
from ..exchange import (
    called_modules,
    exchangeable,
    layers_of,
    other_places,
    put_at,
    tied_layers,
    transposed,
    turn,
)
from ..recount import and_tables, is_table, packed
from ..registry import UNTAUGHT, Context, Done, Params, in_float32, listed_layers, plural, recipe
from ..structure import place

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
    places = other_places(module)
    for name in record.get("unbiased", ()):
        put_at(module, name, _biased(module.get_submodule(name)))
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
        put_at(module, name, module.get_submodule(first))
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


def _recurrent(module: Any) -> list[str]:
    """Names of the recurrent layers that torch has int8 kernels for: no RNN, and none with projections."""
    torch = optional("torch", "int8-dynamic")
    cells = (torch.nn.LSTMCell, torch.nn.GRUCell, torch.nn.RNNCell)
    return [
        name
        for name, part in module.named_modules()
        if (type(part) in (torch.nn.LSTM, torch.nn.GRU) and not part.proj_size) or type(part) in cells
    ]


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
    called = called_modules(model, context.sample)
    linear, every = layers_of(model, "Linear"), layers_of(model, "Embedding") if embeddings else []
    tied = tied_layers(module, [*linear, *every])
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


@recipe("int8-dynamic", Int8Dynamic, rebuild=quantise_dynamic, language=True, tasks=UNTAUGHT)
def int8_dynamic(model: Any, params: Int8Dynamic, context: Context) -> Done:
    """Quantise with torch's dynamic int8, in place."""
    record = plan(
        model, context, "int8-dynamic", per_channel=params.per_channel, embeddings=params.embeddings
    )
    module, spared = model.runtime.module, record["spared"]
    linear, every = layers_of(model, "Linear"), layers_of(model, "Embedding") if params.embeddings else []
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
    return and_tables(text if ways else "", len(found["embedding"]), made)
