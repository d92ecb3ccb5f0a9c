"""Fewer weights: by magnitude, two of four, and whole units of the layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
from ..models.foreign import one_line
from ..told import tell
from .finetune import then_tune
from .recipes import Context, Done, Finetune, Params, in_float32, listed_layers, plural, recipe


class Magnitude(Params):
    """The smallest weights become zero."""

    amount: float = Field(0.5, gt=0, lt=1, description="Share of the weights that become zero.")
    scope: str = Field(
        "global", pattern="^(global|layer)$", description="The share of all, or of each layer."
    )
    embeddings: bool = Field(False, description="Embedding tables too.")
    finetune: Finetune | None = Field(None, description="Training afterwards; what is zero stays zero.")


def _prunable(model: Any, embeddings: bool) -> list[tuple[Any, str]]:
    torch = optional("torch", "pruning")
    kinds: tuple[type, ...] = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
    if embeddings:
        kinds += (torch.nn.Embedding,)
    module = model.runtime.module
    found = [(m, "weight") for m in module.modules() if isinstance(m, kinds)]
    last = found[-1][0] if found else None
    if len(found) > 1 and getattr(last, "out_features", None) == len(model.head.labels):
        # A head has few weights and small ones: without them nothing is left to decide by, or to tune.
        del found[-1]
    if not found and type(module).__name__ == "GraphModule":
        # An exported program keeps its layers' names and tensors, not their classes.
        holders = dict(module.named_modules())
        for name, parameter in module.named_parameters():
            parent, _, own = name.rpartition(".")
            if own == "weight" and parameter.ndim > 1:
                found.append((holders[parent], own))
    return found


@recipe("prune-magnitude", Magnitude)
def prune_magnitude(model: Any, params: Magnitude, context: Context) -> Done:
    """Set the weights of least magnitude to zero, with torch's pruning, and make that permanent."""
    prune = optional("torch.nn.utils.prune", "prune-magnitude")
    in_float32(model, "prune-magnitude")
    layers = _prunable(model, params.embeddings)
    listed_layers(layers, "Linear or convolution layer", "prune-magnitude")
    with quiet():
        if params.scope == "global":
            prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=params.amount)
        else:
            for module, name in layers:
                prune.l1_unstructured(module, name, amount=params.amount)
        for module, name in layers:
            prune.remove(module, name)
            # The mask leaves minus zeros, which are not stored as zeros are.
            weight = getattr(module, name).data
            weight.masked_fill_(weight == 0, 0.0)
    zero = sum(int((getattr(m, n) == 0).sum()) for m, n in layers)
    total = sum(getattr(m, n).numel() for m, n in layers)
    parts = {
        "share": f"{zero / total:.1%}",
        "what": plural(total, "{n} weight", "{n} weights"),
        "what_in": plural(len(layers), "{n} layer", "{n} layers"),
    }
    done = Done(
        tell("{share} of {what} in {what_in} to zero, the smallest of all; the head is left alone", **parts)
        if params.scope == "global"
        else tell(
            "{share} of {what} in {what_in} to zero, the smallest of each layer; the head is left alone",
            **parts,
        )
    )
    done.notes.append(
        tell("Zeros save storage, as they are stored sparsely; dense kernels multiply them all the same.")
    )
    then_tune(model, params.finetune, context, done, layers, "prune-magnitude")
    return done


class TwoOfFour(Params):
    """Of every four weights in a row, the two smallest become zero."""

    finetune: Finetune | None = None


@recipe("sparse-2-4", TwoOfFour)
def sparse_2_4(model: Any, params: TwoOfFour, context: Context) -> Done:
    """Semi-structured sparsity, the form that sparse CUDA kernels run."""
    torch = optional("torch", "sparse-2-4")
    in_float32(model, "sparse-2-4")
    layers = [
        m
        for m in model.runtime.module.modules()
        if isinstance(m, torch.nn.Linear) and m.weight.shape[1] % 4 == 0
    ]
    listed_layers(layers, "Linear layer with a multiple of four inputs", "sparse-2-4")
    with torch.no_grad():
        for layer in layers:
            fours = layer.weight.view(-1, 4)
            # A stable order makes ties fall alike on every machine.
            order = fours.abs().argsort(dim=1, stable=True)
            fours.scatter_(1, order[:, :2], 0.0)
    done = Done(
        tell(
            "two of every four weights of {what} to zero",
            what=plural(len(layers), "{n} Linear layer", "{n} Linear layers"),
        )
    )
    if model.runtime.device == "cpu":
        done.notes.append(
            tell(
                "No CPU kernel uses the pattern: it saves storage here (values and a mask), and time "
                "on CUDA only."
            )
        )
    then_tune(model, params.finetune, context, done, [(m, "weight") for m in layers], "sparse-2-4")
    return done


class Structured(Params):
    """Whole units (rows of a layer) go; the layers become smaller."""

    amount: float = Field(0.5, gt=0, lt=1, description="Share of the units of each layer that goes.")
    finetune: Finetune | None = None


def reshape(module: Any, record: Mapping[str, Any]) -> None:
    """Bring a fresh module to recorded shapes: layers, lengths of lists of layers, attributes."""
    torch = optional("torch", "an artefact")
    for name, length in record.get("lists", {}).items():
        parent = module.get_submodule(name)
        del parent[length:]
    for name, (out, into) in record.get("linear", {}).items():
        layer = module.get_submodule(name)
        bias = layer.bias is not None
        _put(module, name, torch.nn.Linear(into, out, bias=bias, dtype=layer.weight.dtype))
    for name, values in record.get("conv", {}).items():
        layer = module.get_submodule(name)
        made = type(layer)(
            values["in_channels"], values["out_channels"], layer.kernel_size, stride=layer.stride,
            padding=layer.padding, dilation=layer.dilation, groups=values["groups"],
            bias=layer.bias is not None, padding_mode=layer.padding_mode, dtype=layer.weight.dtype,
        )  # fmt: skip
        _put(module, name, made)
    for name, size in record.get("norm", {}).items():
        layer = module.get_submodule(name)
        made = type(layer)(size, eps=layer.eps)
        _put(module, name, made)
    for name, values in record.get("attributes", {}).items():
        part = module.get_submodule(name)
        for key, value in values.items():
            setattr(part, key, value)


def _put(module: Any, name: str, made: Any) -> None:
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, made.eval())


def shapes(module: Any) -> dict[str, Any]:
    """Sizes of the layers that `reshape` can bring back."""
    torch = optional("torch", "pruning")
    norms = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d, torch.nn.LayerNorm)
    found: dict[str, Any] = {"linear": {}, "conv": {}, "norm": {}}
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.Linear):
            found["linear"][name] = [part.out_features, part.in_features]
        elif isinstance(part, (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)):
            keys = ("in_channels", "out_channels", "groups")
            found["conv"][name] = {key: getattr(part, key) for key in keys}
        elif isinstance(part, norms):
            size = getattr(part, "num_features", None)
            found["norm"][name] = list(part.normalized_shape) if size is None else size
    return found


def shape_changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What of `shapes` differs."""
    return {
        kind: {name: size for name, size in sizes.items() if before[kind].get(name) != size}
        for kind, sizes in after.items()
    }


@recipe("prune-structured", Structured, rebuild=reshape)
def prune_structured(model: Any, params: Structured, context: Context) -> Done:
    """Remove the units of least norm with torch-pruning: of feed-forward parts, channels of convolutions."""
    torch = optional("torch", "prune-structured")
    pruning = optional("torch_pruning", "prune-structured")
    in_float32(model, "prune-structured")
    module = model.runtime.module
    before = shapes(module)
    parameters = sum(p.numel() for p in module.parameters())
    roots, kept = _roots(module)
    listed_layers(
        roots,
        "layer whose units could go (a Linear followed by another, or a convolution)",
        "prune-structured",
    )
    example = {
        name: torch.from_numpy(values).to(model.runtime.device)
        for name, values in model.inputs.encode(context.sample, None).collate(_first(context)).items()
    }
    given = example if model.runtime.by_name else tuple(example.values())
    # The tracer follows gradients, which an inference model may have switched off.
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    try:
        with quiet():
            pruner = pruning.pruner.MagnitudePruner(
                module, given, importance=pruning.importance.MagnitudeImportance(p=2),
                pruning_ratio=0.0, pruning_ratio_dict=dict.fromkeys(roots, params.amount),
                ignored_layers=kept, output_transform=_logits,
            )  # fmt: skip
            pruner.step()
    except Exception as error:
        # torch-pruning traces arbitrary modules and raises whatever breaks on the way.
        raise InputError(
            f"prune-structured: torch-pruning cannot trace this model: {one_line(error)}"
        ) from None
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    record = shape_changes(before, shapes(module))
    smaller = sum(len(sizes) for sizes in record.values())
    if not smaller:
        raise InputError("prune-structured: no layer became smaller; torch-pruning found none it may change")
    left = sum(p.numel() for p in module.parameters())
    done = Done(
        tell(
            "{share} of the units of {what} removed, {smaller} layers smaller: "
            "{before} to {after} parameters",
            share=f"{params.amount:.0%}",
            what=plural(len(roots), "{n} layer", "{n} layers"),
            smaller=smaller,
            before=f"{parameters:,}",
            after=f"{left:,}",
        ),
        record,
    )
    then_tune(model, params.finetune, context, done, [], "prune-structured")
    return done


def _first(context: Context) -> Any:
    import numpy as np

    return np.arange(min(2, context.sample.num_rows))


def _logits(out: Any) -> Any:
    return getattr(out, "logits", out)


def _roots(module: Any) -> tuple[list[Any], list[Any]]:
    """Layers whose outputs may shrink, and those that must not.

    In a transformer those are the first layers of the feed-forward parts, which alone write to a space
    of their own: attention is left to prune-heads and the width of the residual stream to distill.
    Elsewhere they are all but the last Linear and every convolution.
    """
    torch = optional("torch", "pruning")
    parts = list(module.modules())
    linear = [m for m in parts if isinstance(m, torch.nn.Linear)]
    conv = [m for m in parts if isinstance(m, (torch.nn.Conv1d, torch.nn.Conv2d))]
    if not any(hasattr(m, "num_attention_heads") or hasattr(m, "num_heads") for m in parts):
        return [*conv, *linear[:-1]], linear[-1:]
    norms = [m for m in parts if isinstance(m, torch.nn.LayerNorm)]
    width = max((m.normalized_shape[-1] for m in norms), default=0)
    roots = [m for m in linear if m.out_features > m.in_features == width]
    chosen = set(map(id, roots))
    kept = [m for m in [*linear, *conv] if id(m) not in chosen]
    return roots, [*kept, *norms, *(m for m in parts if isinstance(m, torch.nn.Embedding))]
