"""Recipes for torch models: what each does is what its library does, and the artefact loads again to that."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.compression.artefact import how_to_load
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.make import Made
from fairweigh.compression.recipes import names
from fairweigh.compression.stacks import evenly
from fairweigh.datasets.errors import InputError
from fairweigh.models.extras import quiet
from fairweigh.models.neural import NeuralModel
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import Table

from ..tiny import FEATURES, batch, load, mlp, numbers, save_vit, texts
from .conftest import scores

if TYPE_CHECKING:
    from torch import Tensor
    from torch.onnx import ONNXProgram


def module_of(model: Any) -> Any:
    """A copy of a model's module, for the library to change."""
    return copy.deepcopy(model.runtime.module).requires_grad_(False)


def logits(model: NeuralModel, n: int = 100) -> np.ndarray:
    table = texts(n) if "text" in model.columns else numbers(n)
    return model.logits(batch(table, model))


def logits_with(model: NeuralModel, module: Any, n: int = 100) -> np.ndarray:
    """Logits of another module in the place of a model's own, batched alike."""
    other: Any = model.copied()
    other.runtime.module = module.eval()
    other.runtime._call = None
    return logits(other, n)


def linears(module: Any) -> Any:
    import torch

    return {n: m for n, m in module.named_modules() if isinstance(m, torch.nn.Linear)}


def assert_loads_again(found: Made) -> None:
    """Read from its folder alone, to the last bit of every score."""
    again = load_artefact(found.folder, *how_to_load(found.model))
    np.testing.assert_array_equal(scores(again), scores(found.model))
    assert not [p for p in found.folder.rglob("*") if p.suffix in (".pkl", ".bin", ".pt", ".pth")]


# --- quantisation ----------------------------------------


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("embeddings", [False, True])
def test_int8_dynamic_is_torchs_quantize_dynamic(
    per_channel: bool, embeddings: bool, bert: NeuralModel, made: Callable[..., Made]
) -> None:
    import torch

    found = made(bert, ("int8-dynamic", {"per_channel": per_channel, "embeddings": embeddings}))
    ao = torch.ao.quantization
    with quiet():
        expected = ao.quantize_dynamic(
            module_of(bert),
            {
                torch.nn.Linear: ao.per_channel_dynamic_qconfig
                if per_channel
                else ao.default_dynamic_qconfig,
                **({torch.nn.Embedding: ao.float_qparams_weight_only_qconfig} if embeddings else {}),
            },
        )
    np.testing.assert_array_equal(logits(found.model), logits_with(bert, expected))
    assert np.abs(logits(found.model) - logits(bert)).max() > 1e-4
    # 6 of each of four layers, the pooler and the head; words, positions and types.
    assert found.steps[0]["changed"].startswith("26 Linear layers to int8")
    assert ("3 embedding tables" in found.steps[0]["changed"]) is embeddings
    assert_loads_again(found)


SEVERAL_PLACES = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.into = torch.nn.Linear(4, 16)
        self.lone = torch.nn.Linear(16, 16)
        self.cell = torch.nn.GRUCell(16, 16, bias=False)
        self.layers = torch.nn.ModuleList([self.lone, self.cell, self.lone, self.cell])
        self.out = torch.nn.Linear(16, 2)

    def forward(self, x):
        x = self.into(x)
        for layer in self.layers:
            x = torch.tanh(layer(x)) + x
        return self.out(x)


def make():
    torch.manual_seed(0)
    return Net().eval()
"""


ONE_INPUT = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = torch.nn.Linear(1, 16), torch.nn.Linear(2, 16)
        self.out = torch.nn.Linear(16, 2)

    def forward(self, x):
        return self.out(torch.relu(self.one(x[:, :1]) + self.two(x[:, 1:3])))


def make():
    torch.manual_seed(0)
    return Net().eval()
"""


@pytest.mark.parametrize("recipe", ["int8-weight", "int8-torchao"])
def test_a_layer_of_one_input_stays_as_it_is_beside_others(
    recipe: str, made: Callable[..., Made], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (here / "one_input.py").write_text(ONE_INPUT)
    model = load("torch", numbers(), factory="one_input:make", features=FEATURES)
    found = made(model, (recipe, {}))
    weight = found.model.runtime.module.one.weight
    assert type(weight).__module__.startswith("torch.nn")
    assert (weight == module_of(model).one.weight).all()
    assert "1 Linear layer left alone" in " ".join(map(str, found.steps[0]["notes"]))
    assert_loads_again(found)


@pytest.mark.parametrize("recipe", ["int8-dynamic", "int8-weight", "int8-torchao", "qat"])
def test_a_layer_in_several_places_is_quantised_once(
    recipe: str, made: Callable[..., Made], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    import torchao.quantization as torchao

    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (here / "several_places.py").write_text(SEVERAL_PLACES)
    model = load("torch", numbers(), factory="several_places:make", features=FEATURES)
    found = made(model, (recipe, {}), train=numbers(100, seed=3))
    # Each place with a layer of its own: a state has a name for each, whether or not they share.
    apart = module_of(model if recipe != "qat" else found.model)
    module = found.model.runtime.module
    assert module.layers[0] is module.layers[2] is module.lone
    assert module.layers[1] is module.layers[3] is module.cell
    assert_loads_again(found)
    if recipe == "qat":
        return
    apart.layers = torch.nn.ModuleList(copy.deepcopy(layer) for layer in apart.layers)
    del apart.lone, apart.cell
    with quiet():
        if recipe == "int8-dynamic":
            for cell in apart.layers[1::2]:
                cell.bias_ih = cell.bias_hh = torch.nn.Parameter(torch.zeros(48))
                cell.bias = True
            kinds = {torch.nn.Linear, torch.nn.GRUCell}
            expected = torch.ao.quantization.quantize_dynamic(apart, kinds)
        else:
            way = {
                "int8-weight": torchao.Int8WeightOnlyConfig,
                "int8-torchao": torchao.Int8DynamicActivationInt8WeightConfig,
            }[recipe](version=2)
            torchao.quantize_(apart, way)
            expected = apart
    np.testing.assert_array_equal(logits(found.model), logits_with(model, expected))


@pytest.mark.parametrize(("recipe", "dtype"), [("bf16", "bfloat16"), ("fp16", "float16")])
def test_half_precision_is_torchs_cast(
    recipe: str, dtype: str, bert: NeuralModel, made: Callable[..., Made]
) -> None:
    import torch

    found = made(bert, (recipe, {}))
    expected = module_of(bert).to(getattr(torch, dtype))
    np.testing.assert_array_equal(logits(found.model), logits_with(bert, expected))
    assert found.model.describe()["dtype"] == dtype
    assert_loads_again(found)


def test_autocast_is_torchs_autocast(bert: NeuralModel, made: Callable[..., Made]) -> None:
    import torch

    found = made(bert, ("autocast", {}))
    tokens = bert.inputs.encode(batch(texts(20), bert), None).collate(np.arange(20))
    tensors = {name: torch.from_numpy(values) for name, values in tokens.items()}
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        expected = module_of(bert).eval()(**tensors).logits.float().numpy()
    np.testing.assert_array_equal(found.model.runtime(tokens), expected)
    assert found.model.describe()["autocast"] == "bfloat16"
    assert_loads_again(found)


@pytest.mark.parametrize(
    ("recipe", "config"),
    [("int8-weight", "Int8WeightOnlyConfig"), ("int8-torchao", "Int8DynamicActivationInt8WeightConfig")],
)
def test_torchaos_formats_are_quantize_called_directly(
    recipe: str, config: str, bert: NeuralModel, made: Callable[..., Made]
) -> None:
    import torch

    found = made(bert, (recipe, {}))
    with quiet():
        import torchao.quantization as ao

        expected = module_of(bert)
        ao.quantize_(expected, getattr(ao, config)(version=2), lambda m, _: type(m) is torch.nn.Linear)
    np.testing.assert_array_equal(logits(found.model), logits_with(bert, expected))
    assert_loads_again(found)


def test_torchaos_embedding_tables_are_one_scale_per_row(bert: Any, made: Callable[..., Made]) -> None:
    found = made(bert, ("int8-weight", {"embeddings": True}))
    layer = next(x for x in found.layers if x["name"].endswith("word_embeddings.weight"))
    before = bert.runtime.module.state_dict()[layer["name"]].numpy()
    # Symmetric int8 by row: at most half of max |w| / 127 from each weight (B. Jacob et al. 2018, eq. 1).
    step = np.abs(before).max(1, keepdims=True) / 127
    from fairweigh.compression.weights import dense

    after = dense(found.model.runtime.module)[layer["name"]].numpy()
    assert (np.abs(after - before) <= 0.51 * step + 1e-7).all()
    assert np.abs(after - before).max() > 0
    assert_loads_again(found)


@pytest.mark.parametrize(("per_channel", "embeddings"), [(False, True), (True, False)])
def test_onnx_int8_is_onnxruntimes_quantiser(
    per_channel: bool, embeddings: bool, shallow: NeuralModel, made: Callable[..., Made], tmp_path: Path
) -> None:
    bert = shallow
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = made(bert, ("onnx", {}))
    np.testing.assert_allclose(logits(plain.model), logits(bert), atol=1e-4)
    found = made(bert, ("onnx-int8", {"per_channel": per_channel, "embeddings": embeddings}))
    kinds = ["MatMul", "Gemm", "Conv", "Attention", *(["Gather"] if embeddings else [])]
    with quiet():
        quantize_dynamic(
            str(plain.folder / "model.onnx"), str(tmp_path / "own.onnx"), weight_type=QuantType.QInt8,
            per_channel=per_channel, op_types_to_quantize=kinds, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
    tokens = bert.inputs.encode(batch(texts(20), bert), None).collate(np.arange(20))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = found.model.runtime.threads
    session = onnxruntime.InferenceSession(
        str(tmp_path / "own.onnx"), options, providers=["CPUExecutionProvider"]
    )
    (expected,) = session.run(None, {i.name: tokens[i.name] for i in session.get_inputs()})
    np.testing.assert_array_equal(found.model.runtime(tokens), expected)
    assert_loads_again(found)
    assert str(tmp_path) not in (found.folder / "model.onnx").read_bytes().decode("latin1")


# --- pruning ----------------------------------------


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("amount", [0.3, 0.9])
def test_magnitude_pruning_is_torchs(
    scope: str, amount: float, bert: NeuralModel, made: Callable[..., Made]
) -> None:
    from torch.nn.utils import prune

    found = made(bert, ("prune-magnitude", {"amount": amount, "scope": scope}))
    expected = module_of(bert)
    # The head that gives the logits is left alone.
    layers = [(m, "weight") for m in linears(expected).values()][:-1]
    if scope == "global":
        prune.global_unstructured(layers, prune.L1Unstructured, amount=amount)
    else:
        for layer, name in layers:
            prune.l1_unstructured(layer, name, amount=amount)
    np.testing.assert_array_equal(logits(found.model), logits_with(bert, expected))
    zeros = [layer["sparsity"] for layer in found.layers if layer["type"] == "Linear"]
    assert zeros[-1] == 0
    if scope == "layer":
        assert zeros[:-1] == pytest.approx([amount] * (len(zeros) - 1), abs=0.006)
    pruned = list(linears(found.model.runtime.module).values())[:-1]
    total = sum(m.weight.numel() for m in pruned)
    zero = sum(int((m.weight == 0).sum()) for m in pruned)
    assert (
        zero == round(amount * total)
        if scope == "global"
        else zero == pytest.approx(amount * total, rel=0.01)
    )
    assert_loads_again(found)


def test_pruned_weights_are_stored_as_a_mask_and_the_rest(
    table_model: NeuralModel, made: Callable[..., Made]
) -> None:
    found = made(table_model, ("prune-magnitude", {"amount": 0.75, "scope": "layer"}))
    told = json.loads((found.folder / "variant.json").read_text())["encodings"]
    # The last layer is the head, which is not pruned.
    assert set(told) == {"2.weight"}
    assert found.layers[1]["encoding"] == "float32, bit mask and values"


def test_sparse_2_4_keeps_the_two_largest_of_every_four(bert: NeuralModel, made: Callable[..., Made]) -> None:
    found = made(bert, ("sparse-2-4", {}))
    before = linears(module_of(bert))
    for name, layer in linears(found.model.runtime.module).items():
        fours = before[name].weight.numpy().reshape(-1, 4)
        after = layer.weight.numpy().reshape(-1, 4)
        assert ((after != 0).sum(1) == 2).all()
        np.testing.assert_array_equal(np.sort(np.abs(after), 1)[:, 2:], np.sort(np.abs(fours), 1)[:, 2:])
        np.testing.assert_array_equal(after[after != 0], fours[after != 0])
    assert_loads_again(found)


def test_structured_pruning_makes_the_feed_forward_parts_smaller(
    bert: NeuralModel, made: Callable[..., Made]
) -> None:
    found = made(bert, ("prune-structured", {"amount": 0.5}))
    after = linears(found.model.runtime.module)
    for i in range(4):
        assert tuple(after[f"bert.encoder.layer.{i}.intermediate.dense"].weight.shape) == (48, 48)
        assert tuple(after[f"bert.encoder.layer.{i}.output.dense"].weight.shape) == (48, 48)
        assert tuple(after[f"bert.encoder.layer.{i}.attention.self.query"].weight.shape) == (48, 48)
    # The units that stay are those whose weights have the largest norm, as torch-pruning measures a group:
    # the rows of the first layer and the columns of the second, both squared, summed.
    kept = after["bert.encoder.layer.0.intermediate.dense"].weight.numpy()
    first = linears(module_of(bert))["bert.encoder.layer.0.intermediate.dense"].weight.numpy()
    assert all((first == row).all(1).any() for row in kept)
    assert_loads_again(found)


def test_structured_pruning_of_an_mlp_removes_hidden_units(
    table_model: NeuralModel, made: Callable[..., Made]
) -> None:
    found = made(table_model, ("prune-structured", {"amount": 0.25}))
    assert [tuple(m.weight.shape) for m in linears(found.model.runtime.module).values()] == [
        (24, 4),
        (24, 24),
        (2, 24),
    ]
    assert_loads_again(found)


def test_structured_pruning_of_a_vision_transformer_leaves_attention_alone(
    tmp_path: Path, made: Callable[..., Made]
) -> None:
    import pyarrow as pa
    from fairweigh.compression.make import make
    from fairweigh.compression.registry import Context

    r = np.random.default_rng(0)
    import io

    from PIL import Image

    pictures = []
    for _ in range(6):
        buffer = io.BytesIO()
        Image.fromarray(r.integers(0, 256, (32, 32, 3), np.uint8)).save(buffer, "PNG")
        pictures.append(buffer.getvalue())
    table = texts(6, image=pa.array(pictures))
    model = load(
        "transformers",
        table,
        task="image-classification",
        image="image",
        path=str(save_vit(tmp_path / "vit")),
    )
    rows = batch(table, model)
    for recipe in ("prune-structured", "int8-dynamic", "bf16"):
        found = make(model, [(recipe, {})], Context(0, rows), tmp_path / recipe)
        again = load_artefact(found.folder)
        np.testing.assert_array_equal(again.logits(rows), found.model.logits(rows))
        if recipe == "prune-structured":
            shapes = {n: tuple(m.weight.shape) for n, m in linears(found.model.runtime.module).items()}
            assert shapes["vit.layers.0.mlp.fc1"] == (32, 32)
            assert shapes["vit.layers.0.attention.q_proj"] == (32, 32)


CONVOLUTIONS = """
import torch


def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 3),
        torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 12),
        torch.nn.LayerNorm(12), torch.nn.Linear(12, 2),
    )
"""


def test_convolutions_lose_channels_and_load_again(
    tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fairweigh.compression.make import make
    from fairweigh.compression.registry import Context

    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (here / "convolutions.py").write_text(CONVOLUTIONS)
    pictures = np.random.default_rng(0).normal(size=(20, 81)).astype(np.float32)
    table = numbers(20, image=list(pictures))
    model = load("torch", table, factory="convolutions:make", features=["image"], shape=[1, 9, 9])
    rows = batch(table, model)
    found = make(model, [("prune-structured", {"amount": 0.5})], Context(0, rows), tmp_path / "a")
    shapes = [
        tuple(p.shape) for n, p in found.model.runtime.module.named_parameters() if n.endswith("weight")
    ]
    assert shapes == [(4, 1, 3, 3), (4,), (8, 4, 3, 3), (6, 8), (6,), (2, 6)]
    again = load_artefact(found.folder, *how_to_load(found.model))
    np.testing.assert_array_equal(again.logits(rows), found.model.logits(rows))


def test_dropped_layers_are_a_transformers_model_of_fewer_layers(
    bert: Any, made: Callable[..., Made]
) -> None:
    import transformers

    found = made(bert, ("drop-layers", {"keep": 2}))
    config = copy.deepcopy(bert.runtime.module.config)
    config.num_hidden_layers = 2
    expected = transformers.BertForSequenceClassification(config)
    state = {}
    for key, value in bert.runtime.module.state_dict().items():
        if ".layer.0." in key or ".layer." not in key:
            state[key] = value
        if ".layer.3." in key:
            state[key.replace(".layer.3.", ".layer.1.")] = value
    expected.load_state_dict(state)
    np.testing.assert_array_equal(logits(found.model), logits_with(bert, expected))
    removed = [layer["name"] for layer in found.layers if layer["encoding"] == "removed"]
    assert {name.split(".")[3] for name in removed} == {"1", "2"}
    same = [layer for layer in found.layers if ".layer.1.attention.self.query" in layer["name"]]
    # What is now the second layer was the fourth, unchanged.
    assert [layer["sqnr_db"] for layer in same if layer["encoding"] != "removed"] == [None]
    assert_loads_again(found)


@given(st.integers(1, 60), st.integers(1, 60))
def test_layers_that_stay_are_spread_evenly(total: Any, keep: Any) -> None:
    keep = min(total, keep)
    found = evenly(total, keep)
    assert len(set(found)) == keep
    assert found == sorted(found)
    assert found[0] == 0
    assert keep == 1 or found[-1] == total - 1
    assert max(np.diff([*found]), default=0) <= -(-(total - 1) // max(1, keep - 1))


def test_heads_that_go_are_those_of_least_norm_and_count_for_nothing(
    bert: NeuralModel, made: Callable[..., Made]
) -> None:
    found = made(bert, ("prune-heads", {"keep": 3}))
    # The same model whose weakest head of each layer writes nothing gives the same logits.
    expected = module_of(bert)
    for i in range(4):
        out = expected.get_submodule(f"bert.encoder.layer.{i}.attention.output.dense")
        norms = out.weight.reshape(48, 4, 12).pow(2).sum((0, 2))
        weakest = int(norms.argmin())
        out.weight.data[:, weakest * 12 : (weakest + 1) * 12] = 0
    np.testing.assert_allclose(logits(found.model), logits_with(bert, expected), atol=1e-5)
    query = found.model.runtime.module.get_submodule("bert.encoder.layer.0.attention.self.query")
    assert tuple(query.weight.shape) == (36, 48)
    assert_loads_again(found)


# --- shared weights ----------------------------------------


def test_shared_weights_have_as_many_values_as_asked_for_each_the_nearest(
    bert: Any, made: Callable[..., Made]
) -> None:
    found = made(bert, ("share-weights", {"clusters": 16}))
    before = bert.runtime.module.state_dict()
    encodings = json.loads((found.folder / "variant.json").read_text())["encodings"]
    shared = [n for n, p in found.model.runtime.module.named_parameters() if n in encodings]
    assert "bert.embeddings.word_embeddings.weight" in shared
    for name in shared:
        after = dict(found.model.runtime.module.named_parameters())[name].numpy().ravel()
        values = np.unique(after)
        assert len(values) <= 16
        assert encodings[name]["bits"] == 4
        was = before[name].numpy().ravel()
        nearest = np.abs(was[:, None] - values[None, :]).min(1)
        np.testing.assert_allclose(np.abs(after - was), nearest, atol=1e-6)
    assert_loads_again(found)


def test_a_codebook_is_nearly_as_good_as_the_best_of_many_k_means(
    bert: Any, made: Callable[..., Made]
) -> None:
    from sklearn.cluster import KMeans

    found = made(bert, ("share-weights", {"clusters": 4}))
    name = "bert.encoder.layer.0.output.dense.weight"
    was = bert.runtime.module.state_dict()[name].numpy().reshape(-1, 1)
    best = KMeans(4, n_init=20, random_state=1).fit(was.astype(float)).inertia_
    after = dict(found.model.runtime.module.named_parameters())[name].numpy().reshape(-1, 1)
    assert float(np.square(after - was).sum()) <= 1.02 * best


# --- training ----------------------------------------


def weights_of(model: Any) -> Any:
    return {n: p.numpy().copy() for n, p in model.runtime.module.state_dict().items()}


def label_loss(model: Any, table: Table) -> float:
    from sklearn.metrics import log_loss

    return log_loss(table["y"].to_numpy(), model.score(batch(table, model), None).score)


LEARN = {"steps": 60, "lr": 0.003, "batch": 32}


@pytest.mark.parametrize(
    ("recipe", "params"),
    [
        ("prune-magnitude", {"amount": 0.8}),
        ("sparse-2-4", {}),
        ("prune-structured", {"amount": 0.6}),
    ],
)
def test_fine_tuning_repeats_itself_and_learns_the_training_rows(
    recipe: str, params: dict[str, Any], table_model: NeuralModel, made: Callable[..., Made]
) -> None:
    train = numbers(400, seed=9)
    plain = made(table_model, (recipe, params))
    one = made(table_model, (recipe, {**params, "finetune": LEARN}), train=train)
    two = made(table_model, (recipe, {**params, "finetune": LEARN}), train=train)
    for name, value in weights_of(one.model).items():
        np.testing.assert_array_equal(value, weights_of(two.model)[name])
    assert label_loss(one.model, train) < label_loss(plain.model, train) - 0.01
    assert one.trained_on == "400 rows of elsewhere"
    assert plain.trained_on is None
    if recipe != "prune-structured":
        # What was zero stays zero.
        for before, after in zip(plain.layers[:-1], one.layers[:-1], strict=True):
            assert after["sparsity"] >= before["sparsity"]
    assert_loads_again(one)


def test_fine_tuning_by_weight_ignores_rows_without_any(
    table_model: NeuralModel, made: Callable[..., Made], tmp_path: Path
) -> None:
    from fairweigh.compression.make import make
    from fairweigh.compression.registry import Context

    from .conftest import training_rows

    good = numbers(300, seed=9)
    wrong = numbers(300, seed=9, y=1 - good["y"].to_numpy())
    import pyarrow as pa

    both = pa.concat_tables([good, wrong])
    weights = np.repeat([1.0, 0.0], 300)
    recipe = [("prune-magnitude", {"amount": 0.5, "finetune": LEARN})]
    rows = batch(good, table_model).slice(0, 32)
    context = Context(0, rows, lambda: training_rows(table_model, both, weights))
    found = make(table_model, recipe, context, tmp_path / "a")
    # Rows of both labels alike teach nothing: the loss would stay at ln 2.
    assert label_loss(found.model, good) < np.log(2) / 2


def test_a_student_repeats_itself_and_comes_near_its_teacher(
    bert: NeuralModel, made: Callable[..., Made]
) -> None:
    train = texts(300, seed=50)
    params = {"layers": 2, "steps": 60, "lr": 0.001, "batch": 32}
    one = made(bert, ("distill", params), train=train)
    two = made(bert, ("distill", params), train=train)
    for name, value in weights_of(one.model).items():
        np.testing.assert_array_equal(value, weights_of(two.model)[name])
    plain = made(bert, ("drop-layers", {"keep": 2}))
    apart = [np.abs(scores(m) - scores(bert)).mean() for m in (one.model, plain.model)]
    # The student starts as the teacher without two layers: training brings it nearer, on rows it never saw.
    assert apart[0] < 0.8 * apart[1]
    assert one.model.source.config["num_hidden_layers"] == 2
    assert one.trained_on == "300 rows of elsewhere"
    assert_loads_again(one)


def test_a_narrower_student_has_the_width_asked_for(bert: NeuralModel, made: Callable[..., Made]) -> None:
    found = made(bert, ("distill", {"width": 24, "layers": 1, "steps": 3}), train=texts(60, seed=51))
    module = found.model.runtime.module
    assert module.config.hidden_size == 24
    assert module.config.intermediate_size == 48
    assert module.config.num_attention_heads == 2
    assert [layer["shape_before"] for layer in found.layers] == [[]] * len(found.layers)
    assert_loads_again(found)


def test_a_torch_student_comes_from_a_factory(
    table_model: NeuralModel, made: Callable[..., Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ..tiny import MLP

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (tmp_path / "student_of_test.py").write_text(MLP.format(seed=3, outputs=2).replace("32", "8"))
    params = {"factory": "student_of_test:make", "steps": 200, "lr": 0.01}
    found = made(table_model, ("distill", params), train=numbers(500, seed=9))
    apart = np.abs(scores(found.model) - scores(table_model)).mean()
    assert apart < 0.1
    assert sum(p.numel() for p in found.model.runtime.module.parameters()) == 4 * 8 + 8 + 64 + 8 + 16 + 2
    assert_loads_again(found)


# --- chains ----------------------------------------


@pytest.mark.parametrize(
    "chain",
    [
        [("drop-layers", {"keep": 2}), ("prune-structured", {}), ("int8-dynamic", {})],
        [("drop-layers", {"keep": 1}), ("prune-heads", {"keep": 2}), ("onnx-int8", {})],
        [("distill", {"layers": 2, "steps": 5}), ("bf16", {})],
        [("share-weights", {}), ("drop-layers", {"keep": 3})],
        [("prune-magnitude", {}), ("share-weights", {"clusters": 32})],
        [("share-weights", {}), ("prune-magnitude", {"finetune": {"steps": 3}})],
        [("prune-structured", {}), ("drop-layers", {"keep": 2}), ("prune-heads", {"keep": 2})],
        [("bf16", {}), ("autocast", {})],
        [
            ("drop-layers", {"keep": 2}),
            ("distill", {"layers": 1, "steps": 3}),
            ("int8-dynamic", {"embeddings": True}),
        ],
        [("prune-structured", {}), ("int8-weight", {})],
    ],
    ids=lambda chain: "+".join(name for name, _ in chain),
)
def test_chains_load_again(chain: list[Any], bert: NeuralModel, made: Callable[..., Made]) -> None:
    if chain[0][0] == "bf16":
        with pytest.raises(InputError, match="autocast: expected a model in float32, got bfloat16"):
            made(bert, *chain)
        return
    found = made(bert, *chain, train=texts(80, seed=52))
    assert [step["recipe"] for step in found.steps] == [name for name, _ in chain]
    assert_loads_again(found)


def test_the_original_is_left_as_it_was(bert: NeuralModel, made: Callable[..., Made]) -> None:
    before = weights_of(bert)
    made(bert, ("prune-magnitude", {}), ("int8-dynamic", {}))
    made(bert, ("drop-layers", {"keep": 1}))
    for name, value in weights_of(bert).items():
        np.testing.assert_array_equal(value, before[name])


# --- refusals ----------------------------------------


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ([("int4-weight", {})], "its kernels need a CUDA device, this model is on cpu"),
        ([("fp8", {})], "its kernels need a CUDA device, this model is on cpu; no CPU has them"),
        ([("prune-heads", {"keep": 1})], "no attention layer whose heads are parts of Linear layers"),
        ([("drop-layers", {"keep": 1})], "no list of alike layers that run one after the other"),
        ([("distill", {})], "needs rows to learn from; set model.train"),
        ([("prune-magnitude", {"finetune": {}})], "needs rows to learn from; set model.train"),
        ([("onnx", {}), ("int8-dynamic", {})], "exported by the step before; put that step last"),
        ([("onnx-int8", {}), ("prune-magnitude", {})], "exported by the step before; put that step last"),
        ([("bf16", {}), ("onnx", {})], "onnx: expected a model in float32, got bfloat16"),
        ([("int8-dynamic", {}), ("onnx-int8", {})], "torch's quantised layers cannot be exported"),
        ([("share-weights", {"clusters": 4096})], "no layer with enough weights to share"),
        ([("int8-dynamic", {}), ("int8-dynamic", {})], "no Linear layer or recurrent layer that"),
        ([("int8-dynamic", {}), ("prune-magnitude", {})], "quantised already; put it before that step"),
        ([("int8-dynamic", {}), ("prune-structured", {})], "quantised already; put it before"),
        ([("int8-dynamic", {}), ("bf16", {})], "the weights are quantised already"),
    ],
)  # fmt: skip
def test_what_cannot_work_on_an_mlp_is_refused_in_one_line(
    recipe: list[Any], told: str, table_model: NeuralModel, made: Callable[..., Made], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told) as error:
        made(table_model, *recipe)
    assert str(error.value).startswith(recipe[-1][0])
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("artefact*"))


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ([("drop-layers", {"keep": 4})], "drop-layers.keep: expected fewer than the model's 4 layers, got 4"),
        ([("prune-heads", {"keep": 5})], "prune-heads.keep: expected fewer than the model's 4 heads, got 5"),
        ([("distill", {"layers": 9})], "distill.layers: expected at most the teacher's 4, got 9"),
        ([("distill", {"width": 25})], "distill.width: expected a multiple of 12 up to 48, got 25"),
        ([("distill", {})], "distill: expected layers, width or factory"),
    ],
)
def test_sizes_that_a_model_has_not_are_refused(
    recipe: list[Any], told: str, bert: NeuralModel, made: Callable[..., Made]
) -> None:
    with pytest.raises(InputError, match=told):
        made(bert, *recipe, train=texts(50, seed=53))


LARGE = """
import torch


def make():
    torch.manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
    made[0].weight.data *= 1e5
    made[1].weight.data *= 1e5
    return made
"""


def test_a_result_that_is_not_a_number_is_refused_and_leaves_nothing(
    here: Path, made: Callable[..., Made], tmp_path: Path
) -> None:
    import torch

    (here / "large_weights.py").write_text(LARGE)
    model = load("torch", numbers(), factory="large_weights:make", features=FEATURES)
    assert torch.isfinite(torch.from_numpy(logits(model))).all()
    with pytest.raises(InputError, match=r"outputs of .* rows are NaN or infinite"):
        made(model, ("fp16", {}))
    assert not list(tmp_path.glob("artefact*"))


def test_training_that_diverges_is_refused(table_model: NeuralModel, made: Callable[..., Made]) -> None:
    params = {"amount": 0.5, "finetune": {"steps": 50, "lr": 1e30}}
    with pytest.raises(InputError, match=r"prune-magnitude: the training diverged at step \d+ .*; lower lr"):
        made(table_model, ("prune-magnitude", params), train=numbers(100, seed=9))


def test_an_exported_program_takes_what_needs_no_layers(here: Path, made: Callable[..., Made]) -> None:
    import torch

    free = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(torch.export.export(mlp(), (torch.zeros(3, 4),), dynamic_shapes=free), "m.pt2")
    model = load("torch", numbers(), path="m.pt2", features=FEATURES)
    found = made(model, ("prune-magnitude", {"amount": 0.5}))
    (here / "m.pt2").unlink()
    assert_loads_again(found)
    for recipe, told in (
        ("int8-dynamic", "the layers of an exported program cannot be exchanged"),
        ("bf16", "the types of an exported program are fixed"),
        ("drop-layers", "the layers of an exported program are fixed"),
    ):
        with pytest.raises(InputError, match=told):
            made(model, (recipe, {"keep": 1} if recipe == "drop-layers" else {}))
    with pytest.raises(InputError, match="an exported program cannot be trained"):
        made(model, ("prune-magnitude", {"finetune": {}}), train=numbers(50, seed=9))


def test_every_recipe_of_the_registry_is_tested_here_or_with_calibrated_ones() -> None:
    from pathlib import Path

    here = Path(__file__)
    files = (
        here,
        *(here.with_name(f"test_{name}.py") for name in ("calibrated", "aware", "language_models")),
    )
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    assert [name for name in names("torch", "compression") if f'"{name}"' not in source] == []


def test_an_untouched_original_is_exported_once_and_what_a_step_has_changed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    import torch
    from fairweigh.compression.make import make

    from ..zoo.zoo import ready

    found = ready("two logits")
    original = found.model.copied()
    context = replace(found.context, original=original)
    calls = []
    export = torch.onnx.export

    def counted(*given: Any, **named: Any) -> ONNXProgram | None:
        calls.append(given)
        return export(*given, **named)

    monkeypatch.setattr(torch.onnx, "export", counted)
    steps: dict[str, Any] = {
        "plain": [("onnx", {})], "light": [("onnx-int8", {})], "again": [("onnx", {})],
        "pruned": [("prune-magnitude", {"amount": 0.5}), ("onnx", {})],
    }  # fmt: skip
    made = {name: make(original, recipe, context, tmp_path / name).model for name, recipe in steps.items()}
    assert len(calls) == 2
    expected = original.logits(found.rows)
    for name in ("plain", "again"):
        np.testing.assert_allclose(made[name].logits(found.rows), expected, atol=1e-5)
    pruned = make(original, steps["pruned"][:1], context, tmp_path / "module").model.logits(found.rows)
    np.testing.assert_allclose(made["pruned"].logits(found.rows), pruned, atol=1e-5)
    assert np.abs(pruned - expected).max() > 1e-3


@pytest.mark.parametrize("shape", [(128, 128), (256, 128), (16, 128)])
def test_fp8_of_one_scale_is_that_whatever_its_shape(shape: tuple[int, int]) -> None:
    """torchao takes a weight of 128 x 128 for a block of one that has many scales (0.18)."""
    import torch
    from fairweigh.compression.recipes.torchao_formats import one_block
    from torchao.float8.inference import Float8MMConfig
    from torchao.quantization import Float8Tensor, PerTensor
    from torchao.quantization.quantize_.workflows import QuantizeTensorToFloat8Kwargs

    def rounded(values: Tensor) -> Tensor:
        scale = values.abs().amax() / 448
        return (values / scale).to(torch.float8_e4m3fn).double() * scale.double()

    torch.manual_seed(0)
    weight, bias, x = torch.randn(shape), torch.randn(shape[0]), torch.randn(2, 3, shape[1])
    held = Float8Tensor.from_hp(
        weight, granularity=PerTensor(), mm_config=Float8MMConfig(),
        act_quant_kwargs=QuantizeTensorToFloat8Kwargs(granularity=PerTensor()),
    )  # fmt: skip
    one_block(held)
    found = torch.nn.functional.linear(x, torch.nn.Parameter(held, requires_grad=False), bias)
    torch.testing.assert_close(found.double(), rounded(x) @ rounded(weight).T + bias, atol=1e-4, rtol=0)
