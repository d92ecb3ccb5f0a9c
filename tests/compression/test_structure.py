"""What each weight does, against models whose layers are known: by their authors, or as they were drawn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.compression.structure import structure, structure_of
from fairweigh.datasets.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ..zoo.zoo import ready

if TYPE_CHECKING:
    from ..zoo.zoo import Ready


torch = pytest.importorskip("torch")
nn: Any = torch.nn


def told(module: Drawn | Free | Experts, x: Any) -> Any:
    return structure(module.eval(), lambda given: module(given["x"]), {"x": x}, "a recipe")


def names(found: Any, wanted: Callable[..., Any]) -> Any:
    return {w.name for w in found.values() if wanted(w)}


def with_gradient(found: Ready) -> Any:
    """Names of the parameters that the logits depend on at all, by torch's own backward pass."""
    module = copy.deepcopy(found.model.runtime.module).requires_grad_(True)
    runtime = copy.copy(found.model.runtime)
    runtime.module = module
    arrays = found.model.inputs.encode(found.context.sample, None).collate(np.arange(2))
    runtime.forward(runtime.tensors(arrays)).sum().backward()
    return {n for n, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("name", "head"),
    [
        # The layers that give the logits, as transformers calls them.
        ("BERT", {"classifier.weight"}),
        ("DistilBERT", {"classifier.weight"}),
        ("DeBERTa-v2", {"classifier.weight"}),
        ("ALBERT", {"classifier.weight"}),
        ("ModernBERT", {"classifier.weight"}),
        ("ELECTRA", {"classifier.out_proj.weight"}),
        ("GPT-2", {"score.weight"}),
        ("Gemma", {"score.weight"}),
        ("T5", {"classification_head.out_proj.weight"}),
        ("ViT", {"classifier.weight"}),
        ("ResNet", {"classifier.1.weight"}),
    ],
)
def test_the_head_is_what_gives_the_logits(name: str, head: Any) -> None:
    found = ready(name)
    told = structure_of(found.model, found.context.sample, "a recipe")
    assert names(told, lambda w: w.head) == head
    module = found.model.runtime.module
    assert set(told) == {n for n, _ in module.named_parameters()}
    used = with_gradient(found)
    tables = {f"{n}.weight" for n, m in module.named_modules() if isinstance(m, nn.Embedding)}
    assert names(told, lambda w: w.operation == "embedding") == tables & used
    # All matrices and filters that these architectures use are multiplied; no bias and no scale of a norm is.
    loose = {"vit.embeddings.position_embeddings", "vit.embeddings.cls_token"}
    matrices = {n for n, p in module.named_parameters() if p.ndim > 1} - loose
    assert names(told, lambda w: w.multiplied) == matrices & used


def test_the_axes_of_transformers_conv1d_are_turned() -> None:
    found = ready("GPT-2")
    told = structure_of(found.model, found.context.sample, "a recipe")
    modules = dict(found.model.runtime.module.named_modules())
    for weight in told.values():
        holder = type(modules[weight.name.rpartition(".")[0]]).__name__
        if holder in ("Conv1D", "Linear") and weight.multiplied:
            assert weight.output == {"Conv1D": 1, "Linear": 0}[holder]
    assert names(told, lambda w: w.operation == "attention") == {
        f"transformer.h.{i}.attn.c_attn.weight" for i in range(found.model.runtime.module.config.n_layer)
    }


def test_a_shared_table_is_one_weight_of_several_names() -> None:
    found = ready("T5")
    told = structure_of(found.model, found.context.sample, "a recipe")
    assert told["transformer.shared.weight"].aliases == (
        "transformer.encoder.embed_tokens.weight",
        "transformer.decoder.embed_tokens.weight",
    )
    # torch itself counts a shared parameter once.
    module = found.model.runtime.module
    assert sum(w.size for w in told.values()) == sum(p.numel() for p in module.parameters())


class Drawn(nn.Module):
    """Layers that are registered in one order and applied in another."""

    def __init__(self, order: Any, kinds: Any, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        made = {}
        for place, kind in enumerate(kinds):
            made[place] = {
                "linear": lambda: nn.Linear(6, 6),
                "norm": lambda: nn.LayerNorm(6),
                "weight": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)),
                "conv": lambda: nn.Sequential(nn.Unflatten(1, (6, 1)), nn.Conv1d(6, 6, 1), nn.Flatten()),
                "recurrent": lambda: nn.GRUCell(6, 6),
                "activation": lambda: nn.GELU(),
            }[kind]()
        for place in order:
            self.add_module(f"layer{place}", made[place])
        self.count = len(kinds)

    def forward(self, x: Tensor) -> Tensor:
        for place in range(self.count):
            y = getattr(self, f"layer{place}")(x)
            x = x + y if place % 2 and place < self.count - 2 else y
        return x


KINDS = ["linear", "norm", "weight", "conv", "recurrent", "activation"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), st.randoms(use_true_random=False), st.data())
def test_the_head_is_the_layer_applied_last_whatever_order_they_were_defined_in(
    kinds: Any, random: Random, data: st.DataObject
) -> None:
    kinds = [*kinds, data.draw(st.sampled_from(["linear", "weight", "conv", "recurrent"])), "activation"]
    order = list(range(len(kinds)))
    random.shuffle(order)
    found = told(Drawn(order, kinds, 0), torch.ones(3, 6))
    last = len(kinds) - 2
    head = names(found, lambda w: w.head)
    assert {name.split(".")[0] for name in head} == {f"layer{last}"}
    weighty = {f"layer{i}" for i, kind in enumerate(kinds) if kind not in ("norm", "activation")}
    assert {n.split(".")[0] for n in names(found, lambda w: w.multiplied)} == weighty
    assert {n.split(".")[0] for n in names(found, lambda w: w.operation == "norm")} == {
        f"layer{i}" for i, kind in enumerate(kinds) if kind == "norm"
    }


class Free(nn.Module):
    """Weights without any layer: a table that is indexed, a product by einsum, a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Parameter(torch.randn(8))
        self.middle = nn.Parameter(torch.randn(5, 8))
        self.table = nn.Parameter(torch.randn(30, 5))
        self.shift = nn.Parameter(torch.zeros(8))

    def forward(self, x: Tensor) -> Tensor:
        rows = self.table[x.abs().mul(9).long().clamp(0, 29)].mean(1)
        return (torch.einsum("ni,ij->nj", rows, self.middle) + self.shift).tanh() @ self.last


def test_weights_without_layers_are_told_by_their_operations() -> None:
    found = told(Free(), torch.randn(4, 3))
    assert {n: w.operation for n, w in found.items()} == {
        "last": "linear", "middle": "linear", "table": "embedding", "shift": "other",
    }  # fmt: skip
    assert names(found, lambda w: w.head) == {"last"}


def test_two_towers_have_two_heads() -> None:
    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.deep = nn.Linear(4, 1), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))

        def forward(self, x: Tensor) -> Tensor:
            return self.wide(x) + self.deep(x)

    assert names(told(Towers(), torch.randn(2, 4)), lambda w: w.head) == {"wide.weight", "deep.2.weight"}


@pytest.mark.parametrize("name", ["tabular embeddings", "MultiheadAttention", "two logits"])
def test_an_exported_programs_weights_do_what_those_of_its_module_do(name: str) -> None:
    graph, module = ready(f"{name}, .pt2"), ready(name)
    one = structure_of(graph.model, graph.context.sample, "a recipe")
    other = structure_of(module.model, module.context.sample, "a recipe")
    assert {n: (w.operation, w.head, w.output) for n, w in one.items()} == {
        n: (w.operation, w.head, w.output) for n, w in other.items()
    }


def test_a_module_keeps_its_gradients_as_they_were() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    net[0].weight.requires_grad_(False)
    told(net, torch.randn(2, 4))
    assert [p.requires_grad for p in net.parameters()] == [False, True, True, True]


def test_a_module_that_leaves_no_graph_is_refused_in_one_line() -> None:
    class Silent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(4, 2)

        @torch.no_grad()  # type: ignore[untyped-decorator]
        def forward(self, x: Tensor) -> Tensor:
            return self.one(x)

    with pytest.raises(InputError, match=r"^a recipe: what the weights do cannot be told: .* no gradient"):
        told(Silent(), torch.randn(2, 4))
    with pytest.raises(InputError, match=r"^a recipe: the model cannot be followed: "):
        told(nn.Linear(4, 2), torch.randn(2, 5))


def test_a_weight_is_multiplied_by_what_it_is_said_to_be() -> None:
    """By numbers alone: to double a linear head's weights is to double the logits beyond their bias."""
    found = ready("LSTM")
    told = structure_of(found.model, found.context.sample, "a recipe")
    (head,) = names(told, lambda w: w.head)
    module = found.model.runtime.module
    rows = found.rows.slice(0, 20)
    before = found.model.logits(rows)
    weight = module.get_parameter(head)
    bias = module.get_parameter(head.replace("weight", "bias")).detach().numpy()
    kept = weight.detach().clone()
    try:
        weight.data *= 2
        after = found.model.logits(rows)
    finally:
        weight.data.copy_(kept)
    np.testing.assert_allclose(after - bias, 2 * (before - bias), rtol=1e-4, atol=1e-5)


class Experts(nn.Module):
    """Each row is multiplied with one of three matrices in one tensor, in one of the ways there are."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.stack = way, nn.Parameter(torch.randn(3, 16, 8))
        self.into, self.out = nn.Linear(4, 8), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden, picked = self.into(x), torch.arange(len(x)) % 3
        if self.way == "looked up":
            hidden = torch.bmm(self.stack[picked], hidden.unsqueeze(-1)).squeeze(-1)
        elif self.way == "one by one":
            parts = [nn.functional.linear(row, self.stack[i]) for row, i in zip(hidden, picked, strict=True)]
            hidden = torch.stack(parts)
        else:
            order = picked.argsort()
            ends = torch.bincount(picked).cumsum(0).to(torch.int32)
            hidden = torch._grouped_mm(hidden[order], self.stack.transpose(1, 2), offs=ends)
        return self.out(torch.relu(hidden))


@pytest.mark.parametrize("way", ["looked up", "one by one", "grouped"])
def test_stacked_experts_are_weights_and_no_tables(way: str) -> None:
    found = told(Experts(way), torch.randn(6, 4))
    assert found["stack"].multiplied
    assert found["stack"].operation != "embedding"
    assert names(found, lambda w: w.head) == {"out.weight"}


def test_a_table_of_matrices_that_are_added_stays_a_table() -> None:
    class Added(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.out = nn.Parameter(torch.randn(5, 3, 4)), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out((x[:, None] + self.table[torch.arange(len(x)) % 5]).mean(1))

    assert told(Added(), torch.randn(6, 4))["table"].operation == "embedding"


def test_the_outputs_of_a_bilinear_layer_are_its_first_axis() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.two, self.out = nn.Bilinear(4, 4, 6), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.two(x, x))

    weight = told(Two(), torch.randn(5, 4))["two.weight"]
    assert (weight.operation, weight.output, weight.multiplied, weight.head) == ("bilinear", 0, True, False)
