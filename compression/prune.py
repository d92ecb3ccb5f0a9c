"""Fewer weights: by magnitude, and two of four."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..datasets.errors import InputError
from ..models.extras import optional, quiet
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
