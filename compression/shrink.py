"""Fewer parts: encoder layers and attention heads of a transformers model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from ..datasets.errors import InputError
from ..models.extras import optional
from ..models.sources import TransformersSource
from ..told import tell
from .finetune import then_tune
from .prune import reshape
from .recipes import Context, Done, Finetune, Params, in_float32, plural, recipe


class DropLayers(Params):
    """Whole encoder layers go."""

    keep: int = Field(ge=1, description="Layers that stay, spread evenly from the first to the last.")
    finetune: Finetune | None = None


def layer_list(module: Any) -> tuple[str, Any] | None:
    """The list of a model's encoder layers: the longest list of modules of one class."""
    torch = optional("torch", "drop-layers")
    lists = [
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, torch.nn.ModuleList) and len({type(m) for m in part}) == 1
    ]
    return max(lists, key=lambda found: len(found[1]), default=None)


def evenly(total: int, keep: int) -> list[int]:
    """Positions of ``keep`` of ``total`` layers, the first and the last among them."""
    if keep == 1:
        return [0]
    return [round(i * (total - 1) / (keep - 1)) for i in range(keep)]


@recipe("drop-layers", DropLayers, rebuild=reshape)
def drop_layers(model: Any, params: DropLayers, context: Context) -> Done:
    """Keep some of the encoder layers."""
    torch = optional("torch", "drop-layers")
    in_float32(model, "drop-layers")
    found = layer_list(model.runtime.module)
    if found is None or len(found[1]) < 2:
        raise InputError("drop-layers: the model has no list of alike layers to choose from")
    name, layers = found
    if params.keep >= len(layers):
        raise InputError(
            f"drop-layers.keep: expected fewer than the model's {len(layers)} layers, got {params.keep}"
        )
    kept = evenly(len(layers), params.keep)
    parent, _, own = name.rpartition(".")
    setattr(model.runtime.module.get_submodule(parent), own, torch.nn.ModuleList([layers[i] for i in kept]))
    if isinstance(model.source, TransformersSource):
        model.runtime.module.config.num_hidden_layers = params.keep
    done = Done(
        tell(
            "layers {layers} of {total} kept", layers=", ".join(str(i + 1) for i in kept), total=len(layers)
        ),
        {"lists": {name: params.keep}, "kept": {name: kept}},
    )
    then_tune(model, params.finetune, context, done, [], "drop-layers")
    return done


class PruneHeads(Params):
    """Attention heads of least weight go, the same number in each layer."""

    keep: int = Field(ge=1, description="Heads that stay in each layer.")
    finetune: Finetune | None = None


@recipe("prune-heads", PruneHeads, rebuild=reshape)
def prune_heads(model: Any, params: PruneHeads, context: Context) -> Done:
    """Keep the heads whose output weights have the largest norm (P. Michel et al. 2019, NeurIPS 32)."""
    in_float32(model, "prune-heads")
    module = model.runtime.module
    parts = list(_attentions(module))
    if not parts:
        raise InputError(
            "prune-heads: the model has no attention layer with query, key, value and output projections"
        )
    heads = parts[0][1].num_attention_heads
    if params.keep >= heads:
        raise InputError(
            f"prune-heads.keep: expected fewer than the model's {heads} heads, got {params.keep}"
        )
    record: dict[str, Any] = {"linear": {}, "attributes": {}}
    for name, attention, out_name in parts:
        size = attention.attention_head_size
        kept = _largest(module.get_submodule(out_name), heads, size, params.keep)
        for own in ("query", "key", "value"):
            _take(module, f"{name}.{own}", kept, 0, record)
        _take(module, out_name, kept, 1, record)
        values = {"num_attention_heads": params.keep, "all_head_size": params.keep * size}
        for key, value in values.items():
            setattr(attention, key, value)
        record["attributes"][name] = values
    what = plural(len(parts), "{n} attention layer", "{n} attention layers")
    done = Done(tell("{n} of {total} heads kept in {what}", n=params.keep, total=heads, what=what), record)
    then_tune(model, params.finetune, context, done, [], "prune-heads")
    return done


def _attentions(module: Any) -> Iterator[tuple[str, Any, str]]:
    """Attention parts of the BERT family: name, module, name of the output projection."""
    names = dict(module.named_modules())
    for name, part in names.items():
        has = all(
            hasattr(part, key)
            for key in ("query", "key", "value", "num_attention_heads", "attention_head_size")
        )
        out = f"{name.rpartition('.')[0]}.output.dense"
        if has and out in names:
            yield name, part, out


def _largest(out: Any, heads: int, size: int, keep: int) -> Any:
    """Positions, within the concatenated heads, of those that write most to the output."""
    import torch

    norms = out.weight.detach().reshape(out.weight.shape[0], heads, size).pow(2).sum(dim=(0, 2))
    chosen = norms.argsort(descending=True, stable=True)[:keep].sort().values
    return (chosen[:, None] * size + torch.arange(size)[None, :]).flatten()


def _take(module: Any, name: str, kept: Any, axis: int, record: dict[str, Any]) -> None:
    import torch

    layer = module.get_submodule(name)
    weight = layer.weight.detach().index_select(axis, kept).clone()
    made = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=layer.bias is not None)
    made.weight = torch.nn.Parameter(weight, requires_grad=False)
    if layer.bias is not None:
        bias = layer.bias.detach()
        made.bias = torch.nn.Parameter((bias[kept] if axis == 0 else bias).clone(), requires_grad=False)
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, made.eval())
    record["linear"][name] = [made.out_features, made.in_features]
