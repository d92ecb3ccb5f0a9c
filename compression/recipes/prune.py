"""Fewer weights: by magnitude, and two of four."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...told import tell, told_series
from ..finetune import then_tune
from ..recount import in_fours, spared, zeros
from ..registry import (
    UNTAUGHT,
    Context,
    Done,
    Finetune,
    Params,
    in_float32,
    listed_layers,
    plural,
    recipe,
    unpacked,
)
from ..structure import Weight, structure_of


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
    is a head and nothing else has no others; one that has tables besides has those to prune.
    """
    found = [w for w in told.values() if w.multiplied]
    tables = [w for w in found if w.operation == "embedding" and not w.head]
    chosen = [w.name for w in found if not w.head and (embeddings or w not in tables)]
    if not chosen and tables:
        raise InputError(
            "prune-magnitude: the model's weights are its head and its embedding tables, which are left "
            "alone; set embeddings: true to prune the tables"
        )
    return chosen or [w.name for w in found]


def _holders(module: Any, names: Sequence[str]) -> list[tuple[Any, str]]:
    """The modules that hold some weights, each with the weight's own name there."""
    parts = [name.rpartition(".") for name in names]
    return [(module.get_submodule(parent), own) for parent, _, own in parts]


@recipe("prune-magnitude", Magnitude, language=True, tasks=UNTAUGHT)
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
    heads = all(told[name].head for name in chosen)
    spare = tell("the head is all that the model has") if heads else spared(told, chosen)

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
        return told_series([text, spare])

    done = Done(recount=recount)
    done.notes.append(
        tell("Zeros save storage, as they are stored sparsely; dense kernels multiply them all the same.")
    )
    then_tune(model, params.finetune, context, done, layers, "prune-magnitude")
    return done


class TwoOfFour(Params):
    """Of every four weights in a row, the two smallest become zero."""

    finetune: Finetune | None = None


@recipe("sparse-2-4", TwoOfFour, language=True, tasks=UNTAUGHT)
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
    outputs = {weight.name: int(weight.output or 0) for weight in chosen}

    def recount(made: Any) -> str:
        return tell(
            "two of every four weights of {what} to zero",
            what=plural(in_fours(made, outputs), "{n} matrix", "{n} matrices"),
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
