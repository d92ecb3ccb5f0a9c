"""Fewer attention heads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional
from ...told import tell
from ..attention import Attention, attentions
from ..feed_forward import out_axis, take
from ..finetune import then_tune
from ..registry import UNTAUGHT, Context, Done, Finetune, Params, plural, recipe
from ..reshape import changes, reshape, sizes
from ..smaller import check_smaller, logits_without, shrinkable
from ..stacks import example

NAME = "prune-heads"
WIDTHS = ("all_head_size", "inner_dim", "split_size")
"""What the width of all heads together is called in attention modules that look it up as they run."""


class PruneHeads(Params):
    """Attention heads of least weight go, the same number in each layer."""

    keep: int = Field(ge=1, description="Heads that stay in each layer.")
    finetune: Finetune | None = None


@recipe(NAME, PruneHeads, rebuild=reshape, language=True, tasks=UNTAUGHT)
def prune_heads(model: Any, params: PruneHeads, context: Context) -> Done:
    """Keep the heads whose output weights have the largest norm (P. Michel et al. 2019, NeurIPS 32)."""
    module = shrinkable(model, NAME)
    found = attentions(model, context)
    if not found:
        raise InputError(f"{NAME}: the model has no attention layer whose heads are parts of Linear layers")
    heads = found[0].heads
    if params.keep >= heads:
        raise InputError(f"{NAME}.keep: expected fewer than the model's {heads} heads, got {params.keep}")
    for one in found:
        each = len(one.groups[0])
        if params.keep % each:
            raise InputError(
                f"{NAME}.keep: expected a multiple of {each}, since so many heads share keys and values, got "
                f"{params.keep}"
            )
    before = sizes(module)
    kept = _largest(module, found, params.keep)
    tensors = example(model, context)
    masked = logits_without(model, {one.out: _hidden(one, kept[one.out]) for one in found}, tensors)
    for one in found:
        if len(kept[one.out]) < len(one.groups):
            _narrow(module, one, kept[one.out])
    kind = type(module).__name__
    check_smaller(
        model, masked, tensors,
        # Numbers of heads that a module's own code holds do not follow its layers'.
        broke=f"{NAME}: the heads of a {kind} are fixed in its code",
        apart=f"{NAME}: a {kind} without these heads does not give what it gives where they are not seen",
    )  # fmt: skip
    what = plural(len(found), "{n} attention layer", "{n} attention layers")
    done = Done(
        tell("{n} of {total} heads kept in {what}", n=params.keep, total=heads, what=what),
        changes(before, sizes(module)),
    )
    then_tune(model, params.finetune, context, done, [], NAME)
    return done


def _largest(module: Any, found: Sequence[Attention], keep: int) -> dict[str, list[int]]:
    """Groups of heads that write most, by output projection; together where they share a bias."""
    torch = optional("torch", NAME)
    together: dict[str, list[Attention]] = defaultdict(list)
    for one in found:
        together[_biased(module, one) or one.out].append(one)
    kept: dict[str, list[int]] = {}
    for alike in together.values():
        norms = sum(_norms(module, one) for one in alike)
        count = keep // len(alike[0].groups[0])
        chosen = norms.argsort(descending=True, stable=True)[:count].sort().values
        kept |= {one.out: chosen.tolist() for one in alike}
    assert torch is not None
    return kept


def _norms(module: Any, one: Attention) -> Any:
    """Of each group of heads, the squared norm of the weights that it is written out with."""
    torch = optional("torch", NAME)
    layer = module.get_submodule(one.out)
    weight = layer.weight.detach()
    columns = (weight if out_axis(layer) == 0 else weight.T).pow(2).sum(0).view(one.heads, one.size).sum(1)
    return torch.stack([columns[group].sum() for group in one.groups])


def _biased(module: Any, one: Attention) -> str | None:
    """The list of layers that share a table of biases by head, as T5's do; None where there is none."""
    torch = optional("torch", NAME)
    parts = one.owner.split(".")
    for count in range(1, len(parts)):
        name = ".".join(parts[:count])
        part = module.get_submodule(name)
        if isinstance(part, torch.nn.ModuleList) and any(True for _ in _tables(part, one.heads)):
            return name
    return None


def _tables(part: Any, heads: int) -> Any:
    """Tables of biases by head inside a part."""
    torch = optional("torch", NAME)
    for name, inner in part.named_modules():
        if isinstance(inner, torch.nn.Embedding) and inner.embedding_dim == heads:
            yield name, inner


def _hidden(one: Attention, kept: Sequence[int]) -> list[int]:
    """Places of the heads that go, where the output projection reads them."""
    return [
        head * one.size + unit
        for place, group in enumerate(one.groups)
        if place not in kept
        for head in group
        for unit in range(one.size)
    ]


def _narrow(module: Any, one: Attention, kept: Sequence[int]) -> None:
    """Take groups of heads out of an attention layer, in place."""
    stay = [head for place in kept for head in one.groups[place]]
    width = one.heads * one.size
    for name, outputs in one.outputs.items():
        layer = module.get_submodule(name)
        gone = set().union(*(outputs[p] for p in range(len(one.groups)) if p not in kept))
        axis = out_axis(layer) or 0
        left = [i for i in range(layer.weight.shape[axis]) if i not in gone]
        take(layer, left, axis)
        if getattr(layer, "bias", None) is not None:
            take(layer, left, 0, "bias")
    out = module.get_submodule(one.out)
    take(out, [h * one.size + u for h in stay for u in range(one.size)], 1 - (out_axis(out) or 0))
    shared = len(one.groups[0])
    for part in module.get_submodule(one.owner).modules():
        for key, value in list(vars(part).items()):
            if type(value) is not int:
                continue
            if "head" in key and "size" not in key and "dim" not in key:
                if value == one.heads:
                    setattr(part, key, len(stay))
                elif value == len(one.groups) and shared > 1 and "groups" not in key:
                    setattr(part, key, len(kept))
            elif key in WIDTHS and value == width:
                setattr(part, key, len(stay) * one.size)
    for _, table in _tables(module.get_submodule(one.owner), one.heads):
        take(table, stay, 1)
        table.embedding_dim = len(stay)
