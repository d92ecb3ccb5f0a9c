"""What a row claims is counted again here in the artefact's own files, by other libraries or by NumPy."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.compression import artefact, cost, weights
from fairweigh.compression.make import Made, make
from fairweigh.datasets.errors import InputError
from fairweigh.models.extras import quiet
from fairweigh.models.torch_runtime import copy_of
from torch import Tensor

from ..tiny import FEATURES, batch, load, numbers
from ..zoo.zoo import ready

if TYPE_CHECKING:
    from ..zoo.zoo import Ready


torch = pytest.importorskip("torch")
nn: Any = torch.nn


@pytest.fixture
def variant(tmp_path: Path) -> Callable[..., Made]:
    """Make a variant of a model of the zoo; its reloaded artefact decides to the last bit as it did."""
    count = 0

    def do(found: Ready, *recipe: tuple[Any, Any]) -> Made:
        nonlocal count
        count += 1
        made = make(found.model, list(recipe), found.context, tmp_path / f"artefact{count}")
        again = artefact.load(made.folder, *artefact.how_to_load(made.model))
        one, two = again.score(found.rows, None), made.model.score(found.rows, None)
        np.testing.assert_array_equal(one.score, two.score)
        np.testing.assert_array_equal(one.decision, two.decision)
        return made

    return do


class Coded(nn.Module):
    """Four numbers as codes of a table."""

    def forward(self, x: Tensor) -> Tensor:
        return (x.abs() * 16).long() % 64


class Bilinear(nn.Module):
    """Most of its weights are in a product of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.into, self.two, self.out = nn.Linear(4, 12), nn.Bilinear(12, 12, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.into(x))
        return self.out(torch.relu(self.two(hidden, hidden)))


class Encoder(nn.Module):
    """Three layers that are copies of one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.into = nn.Linear(1, 16)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.out = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.encoder(self.into(x[:, :, None])).mean(1))


@pytest.fixture
def given_module(made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    """Make a variant of a module that a function builds."""

    def do(build: Callable[..., Any], *recipe: tuple[str, Any]) -> Made:
        def factory() -> Any:
            torch.manual_seed(0)
            return build()

        monkeypatch.setitem(sys.modules, "factory_of_test", SimpleNamespace(make=factory))
        model = load("torch", numbers(), factory="factory_of_test:make", features=FEATURES)
        return made(model, *recipe)

    return do


def tensors(made: Made) -> Any:
    """The artefact's tensors, decoded by nothing but safetensors and the mask's definition."""
    from safetensors.numpy import load_file

    found = load_file(made.folder / "model.safetensors")
    told = json.loads((made.folder / "variant.json").read_text())["encodings"]
    for name, how in told.items():
        kept = np.unpackbits(found.pop(f"{name}#mask"), count=int(np.prod(how["shape"]))).astype(bool)
        flat = np.zeros(kept.size, np.float32)
        flat[kept] = found.pop(f"{name}#values")
        found[name] = flat.reshape(how["shape"])
    return found


def logits_of(found: Ready, module: Any) -> Any:
    other = found.model.copied()
    other.runtime.module, other.runtime._call = module.eval(), None
    return other.logits(found.rows)


# --- shares and what was left alone ----------------------------------------


def test_pruning_of_a_gpt2_is_of_its_layers_and_leaves_the_head_alone(variant: Callable[..., Made]) -> None:
    found = ready("GPT-2")
    made = variant(found, ("prune-magnitude", {"amount": 0.5}))
    before = {n: p.numpy() for n, p in found.model.runtime.module.state_dict().items()}
    after = tensors(made)
    pruned = [n for n in after if ".h." in n and after[n].ndim == 2]
    zero, total = sum(int((after[n] == 0).sum()) for n in pruned), sum(after[n].size for n in pruned)
    assert zero == round(total / 2)
    assert made.steps[0]["changed"] == (
        f"50.0% of {total:,} weights in {len(pruned)} tensors to zero, the smallest of all; "
        "the head and the embedding tables are left alone"
    )
    for name in set(after) - set(pruned):
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("embeddings", [False, True])
def test_an_exported_program_keeps_head_and_tables_where_it_is_told_to(
    embeddings: bool, variant: Callable[..., Made]
) -> None:
    found = ready("tabular embeddings, .pt2")
    made = variant(found, ("prune-magnitude", {"amount": 0.7, "scope": "layer", "embeddings": embeddings}))
    before = {n: p.detach().numpy() for n, p in found.model.runtime.module.named_parameters()}
    after = tensors(made)
    changed = {n for n in before if not np.array_equal(before[n], after[n])}
    # Of the same module with its layers: two Linear ones, the second of which gives the logits.
    layers = dict(ready("tabular embeddings").model.runtime.module.named_modules())
    tables = {f"{n}.weight" for n, m in layers.items() if isinstance(m, nn.Embedding)}
    linear = [f"{n}.weight" for n, m in layers.items() if isinstance(m, nn.Linear)]
    assert changed == {linear[0]} | (tables if embeddings else set())


def test_a_recipe_that_touches_little_says_so_in_its_row(variant: Callable[..., Made]) -> None:
    found = ready("LSTM")
    made = variant(found, ("int8-weight", {}))
    module = found.model.runtime.module
    whole = sum(p.numel() for p in module.parameters())
    linear = sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Linear))
    assert linear < whole / 10
    lstm = sum(p.numel() for n, p in module.named_parameters() if "weight_" in n) / whole
    assert made.steps[0]["changed"].endswith(
        f"changes {linear / whole:.1%} of the model's weights ({linear:,} of {whole:,}); "
        f"{lstm:.1%} of the weights stay as they were (LSTM {lstm:.1%})"
    )
    assert "of the model's weights" not in variant(found, ("prune-magnitude", {})).steps[0]["changed"]


def test_what_is_told_to_change_is_what_differs_in_the_artefact_not_what_was_in_range(
    variant: Callable[..., Made],
) -> None:
    found = ready("GPT-2")
    made = variant(found, ("prune-magnitude", {"amount": 0.05}))
    before = {n: p.detach().numpy() for n, p in found.model.runtime.module.named_parameters()}
    after = tensors(made)
    differs = sum(int((before[n] != after[n]).sum()) for n in before)
    whole = sum(a.size for a in before.values())
    assert 0 < differs < whole / 20
    assert (
        f"changes {differs / whole:.1%} of the model's weights ({differs:,} of {whole:,})"
        in (made.steps[0]["changed"])
    )


def test_a_table_and_a_head_are_nothing_to_prune_unless_the_table_is_asked_for(
    given_module: Callable[..., Made],
) -> None:
    def build() -> Any:
        return nn.Sequential(Coded(), nn.EmbeddingBag(64, 8), nn.Linear(8, 2))

    with pytest.raises(InputError, match=r"head and its embedding tables.*set embeddings: true"):
        given_module(build, ("prune-magnitude", {}))
    made = given_module(build, ("prune-magnitude", {"embeddings": True}))
    assert made.steps[0]["changed"] == (
        f"50.0% of {64 * 8} weights in 1 tensor to zero, the smallest of all; the head is left alone"
    )
    made = given_module(lambda: nn.Linear(4, 2), ("prune-magnitude", {}))
    assert made.steps[0]["changed"].endswith("the head is all that the model has")


def test_a_bilinear_layer_is_pruned_and_told_where_nothing_is_done_to_it(
    given_module: Callable[..., Made],
) -> None:
    made = given_module(Bilinear, ("prune-magnitude", {}))
    after = tensors(made)
    weights_of = ("into.weight", "two.weight")
    zero, total = (sum(int(f(after[n])) for n in weights_of) for f in (lambda a: (a == 0).sum(), np.size))
    assert zero == round(total / 2)
    assert (after["two.weight"] == 0).mean() > 0.3
    made = given_module(Bilinear, ("int8-dynamic", {}))
    whole = sum(p.numel() for p in Bilinear().parameters())
    share = Bilinear().two.weight.numel() / whole
    assert made.steps[0]["changed"].endswith(
        f"{share:.1%} of the weights stay as they were (Bilinear {share:.1%})"
    )


def test_transposed_convolutions_that_onnxruntime_leaves_in_float32_are_told(
    given_module: Callable[..., Made],
) -> None:
    def build() -> Any:
        return nn.Sequential(
            nn.Unflatten(1, (4, 1)), nn.ConvTranspose1d(4, 16, 3), nn.Flatten(), nn.Linear(48, 2)
        )

    made = given_module(build, ("onnx-int8", {}))
    share = (4 * 16 * 3) / sum(p.numel() for p in build().parameters())
    assert (
        f"{share:.1%} of the weights stay as they were (ConvTranspose1d {share:.1%})"
        in (made.steps[0]["changed"])
    )


def test_equal_layers_each_have_their_tensor_of_the_graph(given_module: Callable[..., Made]) -> None:
    """A TransformerEncoder copies the layer that it is given: fresh ones are equal to the last bit."""
    made = given_module(Encoder, ("onnx-int8", {}))
    rows = {row["name"]: row for row in made.layers if ".layers." in row["name"]}
    assert len(rows) == 3 * 4
    assert {row["encoding"] for row in rows.values()} == {"int8, one scale per channel"}
    for own in ("self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight", "linear2.weight"):
        equal = [rows[f"encoder.layers.{i}.{own}"] for i in range(3)]
        # One that is stored once is shared out: its numbers, scales and zero points, each to the byte.
        sizes = [row["stored_bytes"] for row in equal]
        assert 0 < max(sizes) <= min(sizes) + 3
        assert len({row["sqnr_db"] for row in equal}) == 1
    assert (
        sum(row["stored_bytes"] for row in made.layers)
        == (cost.storage(made.model, made.folder)["tensor_bytes"])
    )


def test_only_the_artefact_is_believed(variant: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that does nothing claims nothing."""
    found = ready("two logits")
    nothing = torch.Tensor.masked_fill_
    monkeypatch.setattr(torch.Tensor, "masked_fill_", lambda self, mask, value: self)
    changed = variant(found, ("prune-magnitude", {})).steps[0]["changed"]
    monkeypatch.setattr(torch.Tensor, "masked_fill_", nothing)
    assert changed.startswith("0.0% of ")


def test_sparse_2_4_of_transposed_layers_follows_their_inputs(variant: Callable[..., Made]) -> None:
    found = ready("GPT-2")
    after = tensors(variant(found, ("sparse-2-4", {})))
    for name in (n for n in after if ".h." in n and after[n].ndim == 2):
        # Conv1D holds (inputs, outputs): the kernels of a Linear want fours of inputs of one output.
        fours = after[name].T.reshape(-1, 4)
        assert ((fours != 0).sum(1) == 2).all()


# --- counts and bytes ----------------------------------------


@pytest.mark.parametrize("name", ["T5", "BatchNorm CNN without affine", "weight_norm", "tied layers"])
def test_parameters_are_what_torch_counts_tied_ones_once_and_no_buffers(
    name: str, variant: Callable[..., Made], tmp_path: Path
) -> None:
    found = ready(name)
    artefact.save(found.model, [], tmp_path / "original")
    whole = sum(p.numel() for p in found.model.runtime.module.parameters())
    assert cost.storage(found.model, tmp_path / "original")["parameters"] == whole
    plain = copy.deepcopy(found.model.runtime.module)
    weights.fold(plain)
    for recipe in (
        ("bf16", {}),
        ("int8-dynamic", {"embeddings": True}),
        ("int8-weight", {"embeddings": True}),
    ):
        made = variant(found, recipe)
        told = cost.storage(made.model, made.folder)
        assert told["parameters"] == sum(p.numel() for p in plain.parameters()) <= whole


@pytest.mark.parametrize("recipe", ["int8-dynamic", "int8-weight"])
def test_a_shared_table_is_stored_once(recipe: str, variant: Callable[..., Made]) -> None:
    found = ready("T5")
    made = variant(found, (recipe, {"embeddings": True}))
    table = found.model.runtime.module.transformer.shared.weight
    from safetensors.numpy import load_file

    held = [a for a in load_file(made.folder / "model.safetensors").values() if a.shape == tuple(table.shape)]
    assert [a.dtype for a in held] == [np.dtype("int8" if recipe == "int8-weight" else "uint8")]


@pytest.mark.parametrize(
    ("name", "recipe", "params"),
    [
        ("T5", "int8-dynamic", {"embeddings": True}),
        ("GPT-2", "int8-weight", {"embeddings": True}),
        ("LSTM", "int8-dynamic", {"per_channel": True}),
        ("BatchNorm CNN without affine", "prune-magnitude", {"amount": 0.9}),
        ("depthwise Conv1d", "onnx-int8", {}),
        ("tabular embeddings, .pt2", "share-weights", {"clusters": 8}),
    ],
)
def test_the_table_of_layers_sums_to_the_file(
    name: str, recipe: str, params: dict[str, Any], variant: Callable[..., Made]
) -> None:
    made = variant(ready(name), (recipe, params))
    told = cost.storage(made.model, made.folder)
    assert sum(layer["stored_bytes"] for layer in made.layers) == told["tensor_bytes"]
    assert min(layer["stored_bytes"] for layer in made.layers) > 0
    file = made.folder / ("model.onnx" if recipe == "onnx-int8" else "model.safetensors")
    if recipe == "onnx-int8":
        import onnx

        held = [onnx.numpy_helper.to_array(t).nbytes for t in onnx.load(str(file)).graph.initializer]
    else:
        from safetensors import safe_open

        with safe_open(file, "np") as opened:
            held = [opened.get_tensor(key).nbytes for key in opened.keys()]  # noqa: SIM118
    assert told["tensor_bytes"] == sum(held) < file.stat().st_size


# --- int8 where torch and onnxruntime have it ----------------------------------------


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_recurrent_layers_are_quantised_as_torch_does(
    name: str, per_channel: bool, variant: Callable[..., Made]
) -> None:
    found = ready(name)
    made = variant(found, ("int8-dynamic", {"per_channel": per_channel}))
    ao = torch.ao.quantization
    config = ao.per_channel_dynamic_qconfig if per_channel else ao.default_dynamic_qconfig
    with quiet():
        expected = ao.quantize_dynamic(
            copy.deepcopy(found.model.runtime.module), dict.fromkeys((nn.Linear, nn.LSTM, nn.GRU), config)
        )
    np.testing.assert_array_equal(made.model.logits(found.rows), logits_of(found, expected))
    scale = "channel" if per_channel else "layer"
    assert f"1 recurrent layer to int8, one scale per {scale}" in made.steps[0]["changed"]
    held = {layer["name"]: layer["encoding"] for layer in made.layers}
    recurrent = [n for n in held if "weight_hh" in n]
    assert recurrent
    assert {held[n] for n in recurrent} == {f"int8, one scale per {'row' if per_channel else 'layer'}"}


def test_an_lstm_without_biases_is_quantised_as_one_of_zero_biases(variant: Callable[..., Made]) -> None:
    """torch asserts that there are biases; with zeros in their place the layer computes the same."""
    found = ready("LSTM without bias")
    made = variant(found, ("int8-dynamic", {}))
    module = copy.deepcopy(found.model.runtime.module)
    biased = nn.LSTM(3, 32, num_layers=2, batch_first=True)
    for name, parameter in biased.named_parameters():
        nn.init.zeros_(parameter)
        if name.startswith("weight"):
            parameter.data.copy_(getattr(module.body, name))
    module.body = biased.eval()
    with torch.no_grad():
        np.testing.assert_array_equal(found.model.logits(found.rows), logits_of(found, module))
    with quiet():
        expected = torch.ao.quantization.quantize_dynamic(module, {nn.Linear, nn.LSTM})
    np.testing.assert_array_equal(made.model.logits(found.rows), logits_of(found, expected))
    assert "1 recurrent layer to int8" in made.steps[0]["changed"]
    assert "in float32" not in made.steps[0]["changed"]


@pytest.mark.parametrize(
    ("name", "left", "tensors"),
    [
        ("RNN", "1 recurrent layer in float32", "weight_hh"),
        ("MultiheadAttention", "1 attention layer in float32", "attention"),
        ("grouped CNN", "2 convolutions in float32", "0.weight"),
    ],
)
def test_what_torch_has_no_int8_for_is_told_to_stay(
    name: str, left: str, tensors: str, variant: Callable[..., Made]
) -> None:
    made = variant(ready(name), ("int8-dynamic", {}))
    assert made.steps[0]["changed"].endswith(f"; {left}") or f"; {left};" in made.steps[0]["changed"]
    held = {layer["name"]: layer["encoding"] for layer in made.layers}
    assert {held[n] for n in held if tensors in n} == {"float32"}
    assert any(how.startswith("int8") for how in held.values())


def test_conv1d_of_a_gpt2_is_quantised_as_the_linear_layer_that_it_is(variant: Callable[..., Made]) -> None:
    found = ready("GPT-2")
    made = variant(found, ("int8-dynamic", {}))
    module = copy.deepcopy(found.model.runtime.module)
    for name, part in list(module.named_modules()):
        if type(part).__name__ == "Conv1D":
            into, out = part.weight.shape
            line = nn.Linear(into, out)
            line.load_state_dict({"weight": part.weight.T, "bias": part.bias})
            parent, _, own = name.rpartition(".")
            setattr(module.get_submodule(parent), own, line)
    count = sum(isinstance(m, nn.Linear) for m in module.modules())
    with quiet():
        expected = torch.ao.quantization.quantize_dynamic(module.eval(), {nn.Linear})
    np.testing.assert_array_equal(made.model.logits(found.rows), logits_of(found, expected))
    assert made.steps[0]["changed"].startswith(f"{count} Linear layers to int8, one scale per layer")
    assert all(layer["sqnr_db"] > 20 for layer in made.layers if ".h." in layer["name"] and layer["sqnr_db"])


ENCODER = """
import torch


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.into, self.encoder = torch.nn.Linear(1, 16), torch.nn.TransformerEncoder(layer, 2)
        self.out = torch.nn.Linear(16, 2)

    def forward(self, x):
        return self.out(self.encoder(self.into(x[:, :, None])).mean(1))


def make():
    torch.manual_seed(0)
    return Encoder()
"""


def test_a_quantised_encoder_layer_does_not_ask_packed_weights_for_their_device(
    here: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[..., Made]
) -> None:
    """pytorch#109987: the fused path of TransformerEncoderLayer reads quantised weights as tensors.

    The logits are those of torch's own quantised module with its fused paths switched off.
    """
    monkeypatch.syspath_prepend(str(here))
    (here / "encoder_of_test.py").write_text(ENCODER)
    model = load("torch", numbers(), factory="encoder_of_test:make", features=FEATURES)
    found = made(model, ("int8-dynamic", {}))
    rows = batch(numbers(60), model)
    x = torch.from_numpy(np.stack([rows[c].to_numpy() for c in FEATURES], 1))
    with quiet():
        quantised = torch.ao.quantization.quantize_dynamic(
            copy.deepcopy(model.runtime.module), {nn.Linear}
        ).eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode():
            expected = quantised(x).numpy()
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    np.testing.assert_allclose(found.model.logits(rows), expected, atol=1e-6)
    # Of each layer the two of the feed-forward part; the projections of attention are no layers of their own.
    assert found.steps[0]["changed"].startswith("6 Linear layers to int8, one scale per layer; ")


DEPTHWISE = """
import torch


def make():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Unflatten(1, (4, 1)), torch.nn.Conv1d(4, 4, 1, groups=4), torch.nn.Flatten(),
        torch.nn.Linear(4, 2, bias=False),
    )
    with torch.no_grad():
        scale = torch.tensor([1.0, 1.0, 2e-3, 2e-3])
        net[1].weight.copy_(torch.tensor([1.0, -0.7, 0.9, 0.8])[:, None, None] * scale[:, None, None])
        net[1].bias.zero_()
        # What the weak channels carry decides; the strong ones hardly count.
        net[3].weight.copy_(torch.stack([torch.zeros(4), torch.tensor([0.01, 0.01, 1.0, 1.0]) / scale]))
    return net
"""


def test_a_depthwise_convolution_of_unequal_ranges_collapses_and_its_one_scale_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[..., Made]
) -> None:
    monkeypatch.syspath_prepend(str(here))
    (here / "depthwise_of_test.py").write_text(DEPTHWISE)
    model = load("torch", numbers(), factory="depthwise_of_test:make", features=FEATURES)
    found = made(model, ("onnx-int8", {"per_channel": True}))
    rows = batch(numbers(300), model)
    flips = (found.model.score(rows, None).decision != model.score(rows, None).decision).mean()
    assert flips > 0.25
    import onnx

    held = {
        t.name: onnx.numpy_helper.to_array(t)
        for t in onnx.load(str(found.folder / "model.onnx")).graph.initializer
    }
    sizes = sorted(a.size for name, a in held.items() if name.endswith("_scale"))
    assert sizes == [1, 2]
    assert found.steps[0]["changed"].startswith(
        "2 weight tensors to int8, 1 of them with one scale per channel and 1 with one scale per tensor"
    )
    layer = next(x for x in found.layers if x["name"] == "1.weight")
    # Half a step of the largest weight swallows both weak channels (B. Jacob et al. 2018, eq. 1).
    assert 0.9 * 2e-3 < 0.5 / 127
    assert (layer["sparsity"], layer["encoding"]) == (0.5, "int8, one scale per tensor")


# --- computed weights ----------------------------------------


def test_computed_weights_become_the_numbers_they_are_computed_to(variant: Callable[..., Made]) -> None:
    found = ready("weight_norm")
    module = found.model.runtime.module
    before = found.model.logits(found.rows)
    made = variant(found, ("autocast", {}))
    assert not any(nn.utils.parametrize.is_parametrized(m) for m in made.model.runtime.module.modules())
    plain = copy.deepcopy(module)
    assert weights.fold(plain)
    np.testing.assert_array_equal(logits_of(found, plain), before)
    # The original computes them still: its class was not touched.
    np.testing.assert_array_equal(found.model.logits(found.rows), before)


def test_old_style_normalisations_and_masks_of_pruning_are_folded_too() -> None:
    torch.manual_seed(0)
    with quiet():
        net = nn.Sequential(
            nn.utils.weight_norm(nn.Linear(4, 8)), nn.utils.spectral_norm(nn.Linear(8, 8)), nn.Linear(8, 2)
        ).eval()
    nn.utils.prune.l1_unstructured(net[2], "weight", amount=0.5)
    net.requires_grad_(False)
    x = torch.randn(5, 4)
    with torch.no_grad():
        before = net(x)
        plain = copy_of(net)
        assert sorted(weights.fold(plain)) == ["0.weight", "1.weight", "2.weight"]
        assert torch.equal(plain(x), before)
        assert torch.equal(net(x), before)
    assert {n for n, _ in plain.named_parameters()} == {
        f"{i}.{k}" for i in range(3) for k in ("weight", "bias")
    }
    assert int((plain[2].weight == 0).sum()) == 8
