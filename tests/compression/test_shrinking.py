"""Layers, heads and units that go: the smaller model is the original that does not see them, by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.compression.artefact import how_to_load
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.make import Made, make
from fairweigh.compression.stacks import stacks
from fairweigh.datasets.errors import InputError
from fairweigh.models.extras import quiet

from ..zoo.zoo import ready

if TYPE_CHECKING:
    from ..zoo.zoo import Ready


COUNTS = {
    "GPT-2": "n_layer",
    "DistilBERT": "n_layers",
    "ModernBERT": "num_hidden_layers",
    "Gemma": "num_hidden_layers",
}


def made_of(name: str, tmp_path: Path, *recipe: tuple[str, Any]) -> tuple[Ready, Made]:
    found = ready(name)
    variant = make(found.model, list(recipe), found.context, tmp_path / "artefact")
    again = load_artefact(variant.folder, *how_to_load(variant.model))
    np.testing.assert_array_equal(again.logits(found.rows), variant.model.logits(found.rows))
    return found, variant


def with_module(model: Any, module: Any) -> Any:
    """A model's own inputs and batches around another module."""
    other = copy.copy(model)
    other.runtime = copy.copy(model.runtime)
    other.runtime.module, other.runtime._call = module.eval(), None
    return other


def by_hand(model: Any, place: list[Any], kept: list[Any], **settings: Any) -> Any:
    """A fresh transformers model of a narrower configuration with the weights of the kept layers."""
    import transformers

    config = copy.deepcopy(model.runtime.module.config)
    for key, value in settings.items():
        setattr(config, key, value)
    with quiet():
        fresh = transformers.AutoModelForSequenceClassification.from_config(config)
    state = {}
    for key, tensor in model.runtime.module.state_dict().items():
        for prefix, layers in zip(place, kept, strict=True):
            if key.startswith(f"{prefix}."):
                number, _, rest = key.removeprefix(f"{prefix}.").partition(".")
                if int(number) in layers:
                    state[f"{prefix}.{layers.index(int(number))}.{rest}"] = tensor
                break
        else:
            state[key] = tensor
    fresh.load_state_dict(state)
    return with_module(model, fresh)


@pytest.mark.parametrize("name", ["GPT-2", "DistilBERT", "Gemma", "ModernBERT"])
def test_dropped_layers_leave_the_model_of_a_shorter_configuration(name: str, tmp_path: Path) -> None:
    found, variant = made_of(name, tmp_path, ("drop-layers", {"keep": 1}))
    (place,) = stacks(found.model, found.context)
    config = found.model.runtime.module.config
    kinds = {"layer_types": config.layer_types[:1]} if getattr(config, "layer_types", None) else {}
    expected = by_hand(found.model, [place], [[0]], **{COUNTS[name]: 1}, **kinds)
    np.testing.assert_allclose(variant.model.logits(found.rows), expected.logits(found.rows), atol=1e-5)


def test_an_encoder_and_a_decoder_are_shortened_both(tmp_path: Path) -> None:
    found, variant = made_of("T5", tmp_path, ("drop-layers", {"keep": 1}))
    places = ["transformer.encoder.block", "transformer.decoder.block"]
    expected = by_hand(found.model, places, [[0], [0]], num_layers=1, num_decoder_layers=1)
    np.testing.assert_allclose(variant.model.logits(found.rows), expected.logits(found.rows), atol=1e-4)
    assert "transformer.decoder.block kept" in variant.steps[0]["changed"]


def test_attention_of_a_kind_per_layer_stays_with_its_layer(tmp_path: Path) -> None:
    """Of layers that look at all tokens (first, fourth) and at a window the kept ones stay so."""
    found = ready("ModernBERT")
    kinds = found.model.runtime.module.config.layer_types
    assert kinds[0] != kinds[1]
    context = found.context
    variant = make(found.model, [("drop-layers", {"keep": 3})], context, tmp_path / "artefact")
    again = load_artefact(variant.folder, *how_to_load(variant.model)).runtime.module
    (place,) = stacks(found.model, context)
    kept = [0, 2, 3]
    assert again.config.layer_types == [kinds[i] for i in kept]
    assert [block.attention_type for block in again.get_submodule(place)] == [kinds[i] for i in kept]
    expected = by_hand(
        found.model, [place], [kept], num_hidden_layers=3, layer_types=[kinds[i] for i in kept]
    )
    np.testing.assert_allclose(variant.model.logits(found.rows), expected.logits(found.rows), atol=1e-5)


def test_students_have_the_layers_asked_for(tmp_path: Path) -> None:
    for number, (name, keys) in enumerate(
        {
            "GPT-2": ["n_layer"],
            "T5": ["num_layers", "num_decoder_layers"],
            "ModernBERT": ["num_hidden_layers"],
        }.items()
    ):
        found = ready(name)
        recipe = [("distill", {"layers": 1, "steps": 1, "batch": 4})]
        variant = make(found.model, recipe, found.context, tmp_path / str(number))
        config = variant.model.source.config
        assert [config[key] for key in keys] == [1] * len(keys)
        assert all(len(part) < 2 for part in stacks(variant.model, found.context).values())


def test_layers_that_share_their_weights_are_refused_and_a_narrower_one_is_made(tmp_path: Path) -> None:
    found = ready("ALBERT")
    for recipe in (("drop-layers", {"keep": 1}), ("distill", {"layers": 1})):
        with pytest.raises(InputError, match="layers share 1 set of weights"):
            make(found.model, [recipe], found.context, tmp_path / "none")
    variant = make(
        found.model, [("distill", {"width": 16, "steps": 1, "batch": 4})], found.context, tmp_path / "a"
    )
    assert variant.model.runtime.module.config.hidden_size == 16


def hidden_units(model: Any, keep: dict[str, Any]) -> Any:
    """Hooks that zero, before a layer, what `keep` says goes; the module itself stays as it is."""
    return [
        model.runtime.module.get_submodule(name).register_forward_pre_hook(
            lambda part, inputs, gone=gone: (inputs[0].index_fill(-1, gone, 0.0), *inputs[1:])
        )
        for name, gone in keep.items()
    ]


DOWN = {
    # The last layer of each feed-forward part, and the axis of its inputs: GPT-2's lie transposed.
    "GPT-2": ("mlp.c_proj", 0), "T5": ("DenseReluDense.wo", 1), "ModernBERT": ("mlp.Wo", 1),
    "Gemma": ("mlp.down_proj", 1), "DeBERTa-v2": ("0.output.dense", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DOWN))
def test_pruned_units_are_those_that_the_masked_original_does_not_see(name: str, tmp_path: Path) -> None:
    import torch

    found, variant = made_of(name, tmp_path, ("prune-structured", {"amount": 0.5}))
    ending, axis = DOWN[name]
    before = dict(found.model.runtime.module.named_modules())
    gone = {}
    for place, part in variant.model.runtime.module.named_modules():
        old = before[place]
        if getattr(part, "weight", None) is None or part.weight.shape == old.weight.shape:
            continue
        if part.weight.shape[axis] < old.weight.shape[axis]:
            # Columns that stay are equal to the last bit, so they are found by their values.
            columns, kept = old.weight.movedim(axis, 0), part.weight.movedim(axis, 0)
            stay = [i for i in range(len(columns)) if any(torch.equal(columns[i], k) for k in kept)]
            assert len(stay) == len(kept) == len(columns) // 2
            gone[place] = torch.tensor([i for i in range(len(columns)) if i not in stay])
    assert gone
    assert any(place.endswith(ending) for place in gone)
    masked = with_module(found.model, copy.deepcopy(found.model.runtime.module))
    hidden_units(masked, gone)
    np.testing.assert_allclose(variant.model.logits(found.rows), masked.logits(found.rows), atol=2e-3)


@pytest.mark.parametrize(
    ("name", "out", "axis"),
    [
        ("GPT-2", "attn.c_proj", 0), ("T5", "Attention.o", 1), ("ModernBERT", "attn.Wo", 1),
        ("Gemma", "o_proj", 1), ("DeBERTa-v2", "attention.output.dense", 1),
    ],
)  # fmt: skip
def test_pruned_heads_are_those_that_the_masked_original_does_not_see(
    name: str, out: str, axis: int, tmp_path: Path
) -> None:
    import torch

    found, variant = made_of(name, tmp_path, ("prune-heads", {"keep": 2}))
    smaller = dict(variant.model.runtime.module.named_modules())
    gone = {}
    for place, part in found.model.runtime.module.named_modules():
        if place.endswith(out):
            columns, kept = part.weight.movedim(axis, 0), smaller[place].weight.movedim(axis, 0)
            stay = [i for i in range(len(columns)) if any(torch.equal(columns[i], k) for k in kept)]
            assert len(stay) == len(columns) // 2
            gone[place] = torch.tensor([i for i in range(len(columns)) if i not in stay])
    assert gone
    masked = with_module(found.model, copy.deepcopy(found.model.runtime.module))
    hidden_units(masked, gone)
    np.testing.assert_allclose(variant.model.logits(found.rows), masked.logits(found.rows), atol=2e-3)


def test_heads_that_share_keys_go_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="multiple of 2, since so many heads share keys and values, got 1"):
        made_of("Gemma", tmp_path, ("prune-heads", {"keep": 1}))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("GroupNorm CNN", "GroupNorm"), ("BatchNorm CNN without affine", "BatchNorm2d"),
        ("grouped CNN", "Conv2d"), ("depthwise CNN", "Conv2d"), ("ResNet", "BatchNorm2d"),
    ],
)  # fmt: skip
def test_channels_go_from_norms_and_grouped_convolutions_too(name: str, parts: str, tmp_path: Path) -> None:
    found, variant = made_of(name, tmp_path, ("prune-structured", {"amount": 0.5}))
    old, new = found.model.runtime.module, variant.model.runtime.module
    smaller = [
        part
        for (_, part), (_, before) in zip(new.named_modules(), old.named_modules(), strict=True)
        if type(part).__name__ == parts and repr(part) != repr(before)
    ]
    assert smaller
    assert sum(p.numel() for p in new.parameters()) < 0.5 * sum(p.numel() for p in old.parameters())
    noted = any("normalised together" in note for note in variant.steps[0]["notes"])
    assert noted == (name == "GroupNorm CNN")


SPP = """
import torch


class Pooled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.narrow, self.wide = torch.nn.Conv1d(1, 8, 1), torch.nn.Conv1d(32, 16, 1)
        self.pool, self.norm = torch.nn.MaxPool1d(3, 1, 1), torch.nn.GroupNorm(4, 16)
        self.head = torch.nn.Linear(16, 2)

    def forward(self, x):
        x = self.narrow(x[:, None])
        a = self.pool(x)
        b = self.pool(a)
        x = self.wide(torch.cat([x, a, b, self.pool(b)], 1))
        return self.head(torch.relu(self.norm(x)).mean(2))


def make():
    torch.manual_seed(0)
    return Pooled()
"""


NOTING = """
import torch


class Noting(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = (torch.nn.Linear(*s) for s in ((4, 16), (16, 16), (16, 2)))
        self.rows = None

    def forward(self, x):
        self.rows = len(x)
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))))


def make():
    torch.manual_seed(0)
    return Noting()
"""


def test_what_a_module_notes_as_it_runs_is_no_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[..., Made]
) -> None:
    """So does the attention of Funnel with the length of its texts."""
    from fairweigh.models.heads.binary import head
    from fairweigh.models.inputs import TableInputs
    from fairweigh.models.neural import NeuralModel
    from fairweigh.models.sources import FactorySource
    from fairweigh.models.torch_runtime import TorchRuntime

    from ..tiny import FEATURES

    (tmp_path / "noting_for_pruning.py").write_text(NOTING)
    monkeypatch.syspath_prepend(str(tmp_path))
    source = FactorySource("noting_for_pruning:make")
    runtime = TorchRuntime(source.skeleton(), "cpu", by_name=False)
    model = NeuralModel(TableInputs(FEATURES), runtime, head([], 2, None, []), source=source)
    found = made(model, ("prune-structured", {"amount": 0.5}))
    assert found.model.runtime.module.first.out_features == 8


def test_channels_that_are_concatenated_four_times_go_four_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[..., Made]
) -> None:
    """VainF/Torch-Pruning#268: 512 channels concatenated to 2,048 before a norm did not fit each other."""
    from fairweigh.models.heads.binary import head
    from fairweigh.models.inputs import TableInputs
    from fairweigh.models.neural import NeuralModel
    from fairweigh.models.sources import FactorySource
    from fairweigh.models.torch_runtime import TorchRuntime

    from ..tiny import FEATURES, batch, numbers

    (tmp_path / "pooled_for_pruning.py").write_text(SPP)
    monkeypatch.syspath_prepend(str(tmp_path))
    source = FactorySource("pooled_for_pruning:make")
    runtime = TorchRuntime(source.skeleton(), "cpu", by_name=False)
    model = NeuralModel(TableInputs(FEATURES), runtime, head([], 2, None, []), source=source)
    found = made(model, ("prune-structured", {"amount": 0.5}))
    module = found.model.runtime.module
    assert (module.narrow.out_channels, module.wide.in_channels, module.norm.num_channels) == (4, 16, 8)
    rows = batch(numbers(40), model)
    assert np.isfinite(found.model.logits(rows)).all()


def test_what_cannot_go_is_refused_in_words(tmp_path: Path) -> None:
    for name, recipe, words in (
        ("LSTM", ("prune-structured", {}), "no layer whose units could go"),
        ("LSTM", ("prune-heads", {"keep": 1}), "no attention layer"),
        ("LSTM", ("drop-layers", {"keep": 1}), "no list of alike layers"),
        ("ResNet", ("drop-layers", {"keep": 1}), "no key of the model's configuration"),
        ("two logits, .pt2", ("prune-structured", {}), "shapes of an exported program are fixed"),
        ("two logits, .pt2", ("drop-layers", {"keep": 1}), "layers of an exported program are fixed"),
    ):
        with pytest.raises(InputError, match=words):
            make(ready(name).model, [recipe], ready(name).context, tmp_path / "none")
