"""Fewer weights: by magnitude, two of four, and whole units of the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
from ..models.foreign import one_line
from ..told import tell
from . import weights
from .finetune import then_tune
from .recipes import Context, Done, Finetune, Params, in_float32, listed_layers, plural, recipe, unpacked
from .recount import spared, zeros
from .structure import Weight, structure_of


class Magnitude(Params):
    """The smallest weights become zero."""

    amount: float = Field(0.5, gt=0, lt=1, description="Share of the weights that become zero.")
    scope: str = Field(
        "global", pattern="^(global|layer)$", description="The share of all, or of each layer."
    )
    embeddings: bool = Field(False, description="Embedding tables too.")
    finetune: Finetune | None = Field(None, description="Training afterwards; what is zero stays zero.")


def _prunable(told: Mapping[str, Weight], embeddings: bool) -> list[str]:
    """The weights that magnitude pruning works on: what is multiplied, but for the head.

    A head has few weights and small ones: without them nothing is left to decide by, or to tune. A model that
    is a head and nothing else has no others.
    """
    found = [w for w in told.values() if w.multiplied and (embeddings or w.operation != "embedding")]
    return [w.name for w in found if not w.head] or [w.name for w in found]


def _holders(module: Any, names: Sequence[str]) -> list[tuple[Any, str]]:
    """The modules that hold some weights, each with the weight's own name there."""
    parts = [name.rpartition(".") for name in names]
    return [(module.get_submodule(parent), own) for parent, _, own in parts]


@recipe("prune-magnitude", Magnitude)
def prune_magnitude(model: Any, params: Magnitude, context: Context) -> Done:
    """Set the weights of least magnitude to zero, those that torch's pruning chooses."""
    torch = optional("torch", "prune-magnitude")
    in_float32(model, "prune-magnitude")
    unpacked(model, "prune-magnitude")
    told = structure_of(model, context.sample, "prune-magnitude")
    chosen = _prunable(told, params.embeddings)
    listed_layers(chosen, "weight that an input is multiplied with", "prune-magnitude")
    layers = _holders(model.runtime.module, chosen)
    tensors = [getattr(module, own).data for module, own in layers]
    method = torch.nn.utils.prune.L1Unstructured(amount=params.amount)
    groups = [tensors] if params.scope == "global" else [[tensor] for tensor in tensors]
    with quiet():
        for group in groups:
            flat = torch.cat([tensor.reshape(-1) for tensor in group])
            kept = method.compute_mask(flat, torch.ones_like(flat)).bool()
            for tensor, mask in zip(group, kept.split([t.numel() for t in group]), strict=True):
                # In place: a weight that two layers share stays one.
                tensor.masked_fill_(~mask.view(tensor.shape) | (tensor == 0), 0.0)
    spare = spared(told, chosen)

    def recount(made: Any) -> str:
        zero, total = zeros(made, chosen)
        parts = {
            "share": f"{zero / total:.1%}",
            "what": plural(total, "{n} weight", "{n} weights"),
            "what_in": plural(len(chosen), "{n} tensor", "{n} tensors"),
        }
        text = (
            tell("{share} of {what} in {what_in} to zero, the smallest of all", **parts)
            if params.scope == "global"
            else tell("{share} of {what} in {what_in} to zero, the smallest of each", **parts)
        )
        return f"{text}; {spare}" if spare else text

    done = Done(recount=recount)
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
    unpacked(model, "sparse-2-4")
    module = model.runtime.module
    told = structure_of(model, context.sample, "sparse-2-4")
    chosen = [weight for weight in told.values() if _in_fours(weight, module)]
    listed_layers(chosen, "matrix with a multiple of four inputs", "sparse-2-4")
    layers = _holders(module, [weight.name for weight in chosen])
    with torch.no_grad():
        for weight, (holder, own) in zip(chosen, layers, strict=True):
            tensor = getattr(holder, own).data
            rows = tensor.t() if weight.output == 1 else tensor
            fours = rows.reshape(-1, 4)
            # A stable order makes ties fall alike on every machine.
            order = fours.abs().argsort(dim=1, stable=True)
            rows.copy_(fours.scatter(1, order[:, :2], 0.0).view(rows.shape))
    outputs = {weight.name: weight.output for weight in chosen}

    def recount(made: Any) -> str:
        dense = weights.dense(made.runtime.module)
        rows = [dense[n].t() if axis == 1 else dense[n] for n, axis in outputs.items()]
        kept = sum(bool(((r.reshape(-1, 4) != 0).sum(1) <= 2).all()) for r in rows)
        return tell(
            "two of every four weights of {what} to zero",
            what=plural(kept, "{n} matrix", "{n} matrices"),
        )

    done = Done(recount=recount)
    if model.runtime.device == "cpu":
        done.notes.append(
            tell(
                "No CPU kernel uses the pattern: it saves storage here (values and a mask), and time "
                "on CUDA only."
            )
        )
    then_tune(model, params.finetune, context, done, layers, "sparse-2-4")
    return done


def _in_fours(weight: Weight, module: Any) -> bool:
    """Whether a weight is a matrix whose rows of inputs fall into fours."""
    if weight.operation not in ("linear", "attention") or weight.output is None:
        return False
    shape = module.get_parameter(weight.name).shape
    return len(shape) == 2 and shape[1 - weight.output] % 4 == 0


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
