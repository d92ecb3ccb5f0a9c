"""What needs a CUDA device: its recipes, its clock, its memory, and a whole audit there.

Every figure is held against one that is made here by hand: a plain loop over a module of transformers,
weights that are rounded here in plain torch, timings and memory that torch's own counters give. All of it is
skipped where there is no such device; ``pytest tests/gpu --junitxml=FILE`` also writes the figures.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from fairweigh.audit.making.self_flips import self_flips
from fairweigh.compression import cost, weights
from fairweigh.compression.artefact import how_to_load
from fairweigh.compression.fresh import FreshProcesses
from fairweigh.compression.make import Made, make
from fairweigh.compression.registry import Context
from fairweigh.datasets.errors import InputError
from fairweigh.metrics.exact import clopper_pearson
from fairweigh.models.device import device_for
from fairweigh.models.extras import quiet
from safetensors import safe_open

from ..conftest import configured
from ..tiny import FEATURES, WORDS, batch, load, numbers, save_bert, write_mlp

if TYPE_CHECKING:
    from ..conftest import Ended


pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

SIZES: dict[str, Any] = {
    "small": {
        "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
        "initializer_range": 0.12,
    },
    "middling": {
        "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 4, "num_attention_heads": 16,
        "initializer_range": 0.05,
    },
}  # fmt: skip
GROUP = 32
ROWS = 192


def even_texts(n: int = ROWS, seed: int = 0, words: int = 20) -> pa.Table:
    """Texts of as many words each, so that no batch is padded, with what an audit asks for."""
    draw = np.random.default_rng(seed)
    told = [" ".join(draw.choice(WORDS, size=words)) for _ in range(n)]
    columns = {"sex": draw.choice(["Female", "Male"], n), "race": draw.choice(["a", "b"], n)}
    return pa.table(
        {
            "id": [f"t{i}" for i in range(n)], "text": told, **columns,
            "y": [int("bala" in text.split()) for text in told],
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return {name: save_bert(tmp_path_factory.mktemp(name), **sizes) for name, sizes in SIZES.items()}


@pytest.fixture(scope="module")
def models(folders: Any) -> dict[str, Any]:
    """Each size, loaded as an audit does; decided at the score that half of the rows reach."""
    found = {}
    for name, folder in folders.items():
        model = load("transformers", even_texts(), text="text", path=str(folder), device="cuda")
        score = model.score(batch(even_texts(), model), None).score
        model.threshold = float(np.median(score))
        found[name] = model
    return found


@pytest.fixture
def made(models: Any, tmp_path: Path) -> Iterator[Callable[..., Made]]:
    count = 0

    def do(size: Any, *recipe: tuple[str, dict[str, Any]]) -> Made:
        """Make a variant of a size, or of another model."""
        nonlocal count
        count += 1
        model = models[size] if isinstance(size, str) else size
        rows = batch(even_texts(), model).slice(0, 64)
        return make(model, list(recipe), Context(0, rows), tmp_path / f"artefact{count}")

    yield do
    gc.collect()
    torch.cuda.empty_cache()


# --- references, made by hand ----------------------------------------


def plain_module(folder: Path) -> Any:
    """The model as transformers loads it, without anything of ours."""
    import transformers

    with quiet():
        return transformers.AutoModelForSequenceClassification.from_pretrained(folder).cuda().eval()


def by_hand(module: Any, folder: Path, rows: int = 64, *, autocast: bool = False) -> np.ndarray:
    """Scores of a plain loop: tokenise, run, softmax."""
    import transformers

    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    told, out = even_texts()["text"].to_pylist(), []
    with torch.no_grad(), torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        for start in range(0, len(told), rows):
            tokens = tokenizer(told[start : start + rows], padding=True, return_tensors="pt").to("cuda")
            out.append(torch.softmax(module(**tokens).logits.double(), 1)[:, 1])
    return torch.cat(out).cpu().numpy()


def layers(module: Any) -> list[tuple[str, Any]]:
    return [(n, m) for n, m in module.named_modules() if type(m) is torch.nn.Linear]


def int4_by_hand(weight: Any) -> Any:
    """A weight rounded to sixteen steps between the least and the greatest of each group.

    All of it is in bfloat16, as torch's int4 kernels want it: the size of a step, and the value of code 8.
    """
    wide = weight.detach().to(torch.bfloat16).reshape(-1, GROUP)
    low, high = wide.amin(1, keepdim=True), wide.amax(1, keepdim=True)
    step = ((high - low) / 15).clamp_min(torch.finfo(torch.bfloat16).smallest_normal)
    middle = low + step * 8
    code = ((wide - (middle - step * 8)) / step).round().clamp(0, 15)
    return ((code.double() - 8) * step.double() + middle.double()).bfloat16().reshape(weight.shape)


class Int4ByHand(torch.nn.Module):
    """A layer with a weight in int4, its inputs and outputs in bfloat16."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.weight, self.bias = int4_by_hand(layer.weight).float(), layer.bias

    def forward(self, x: Any) -> Any:
        out = torch.nn.functional.linear(x.bfloat16().float(), self.weight).bfloat16()
        return (out + self.bias.bfloat16()).to(x.dtype)


def fp8_by_hand(values: Any) -> tuple[Any, Any]:
    """Values in eight bits of floating point, and the one scale that makes the greatest of them 448."""
    most = torch.finfo(torch.float8_e4m3fn).max
    scale = values.abs().amax() / most
    return (values / scale).clamp(-most, most).to(torch.float8_e4m3fn), scale


class Fp8ByHand(torch.nn.Module):
    """A layer with weights and inputs so rounded, multiplied by torch's own kernel.

    A score follows the last bit of every product: one that falls to the other side of a step of fp8 moves all
    that comes after it. In the model of middling size noise of a millionth moves scores by 0.06, so that
    sums in another order could not be compared with.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        (self.weight, self.scale), self.bias = fp8_by_hand(layer.weight.detach()), layer.bias

    def forward(self, x: Any) -> Any:
        rounded, scale = fp8_by_hand(x.reshape(-1, x.shape[-1]))
        out = torch._scaled_mm(
            rounded, self.weight.t(), scale_a=scale.reshape(1, 1), scale_b=self.scale.reshape(1, 1),
            out_dtype=torch.float32, use_fast_accum=True,
        )  # fmt: skip
        return (out + self.bias).reshape(*x.shape[:-1], -1)


def int8_by_hand(weight: Any) -> Any:
    """A weight rounded to whole steps of a 127th of the greatest of its row."""
    step = weight.detach().abs().amax(1, keepdim=True) / 127.5
    return (weight.detach() / step).round().clamp(-128, 127) * step


def taken(recipe: str, layer: Any) -> bool:
    """Whether the kernels of a recipe take the shape of a layer."""
    if recipe == "int4-weight":
        return layer.in_features % GROUP == 0
    if recipe == "fp8":
        return layer.in_features % 16 == 0 and layer.out_features % 16 == 0
    return True


def reference(recipe: str, folder: Path) -> np.ndarray:
    module = plain_module(folder)
    if recipe in ("fp16", "bf16"):
        return by_hand(module.to(torch.float16 if recipe == "fp16" else torch.bfloat16), folder)
    for name, layer in layers(module) if recipe in ("int4-weight", "fp8", "int8-weight") else ():
        if not taken(recipe, layer):
            continue
        if recipe == "int8-weight":
            layer.weight = torch.nn.Parameter(int8_by_hand(layer.weight))
            continue
        parent, _, own = name.rpartition(".")
        by = Fp8ByHand if recipe == "fp8" else Int4ByHand
        setattr(module.get_submodule(parent), own, by(layer))
    return by_hand(module, folder, autocast=recipe == "autocast")


RECIPES = {
    "fp16": ({}, 2e-3),
    "bf16": ({}, 2e-2),
    "autocast": ({}, 2e-2),
    "int8-weight": ({}, 1e-2),
    "int4-weight": ({"group_size": GROUP}, 2e-2),
    "fp8": ({}, 1e-3),
}
"""Parameters of each recipe, and how far its scores may lie from those that are made by hand."""
BITS = {"fp16": 16, "bf16": 16, "int8-weight": 8, "int4-weight": 4, "fp8": 8}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_scores_as_a_loop_by_hand_and_holds_the_bits_it_says(
    recipe: str, size: Any, made: Callable[..., Made], models: Any, folders: Any, record_property: Any
) -> None:
    params, allowed = RECIPES[recipe]
    found = made(size, (recipe, params))
    rows = batch(even_texts(), models[size])
    got, wanted = found.model.score(rows, None), reference(recipe, folders[size])
    apart = float(np.abs(got.score - wanted).max())
    moved = float(np.abs(got.score - models[size].score(rows, None).score).max())
    record_property("scores apart from the loop by hand", apart)
    record_property("scores apart from the original", moved)
    assert apart <= allowed
    threshold = models[size].threshold
    clear = np.abs(wanted - threshold) > allowed
    np.testing.assert_array_equal(got.decision[clear], (wanted >= threshold)[clear])
    record_property("rows nearer to the threshold than that", int((~clear).sum()))
    again = found.model.score(rows, None)
    np.testing.assert_array_equal(again.score, got.score)
    assert how_to_load(found.model)[0] == "cuda"
    assert {p.device.type for p in found.model.runtime.module.parameters()} == {"cuda"}

    if recipe in BITS:
        bits, held = recounted(found.folder, recipe, models[size])
        record_property("bits per weight", bits)
        assert bits == BITS[recipe]
        words = found.steps[0]["changed"]
        record_property("told", words)
        if recipe not in ("fp16", "bf16"):
            assert f"{held} Linear layers to " in words
            assert " of torchao" in words
    # What is counted is the model's own number of weights, whatever holds them.
    own = cost.storage(found.model, found.folder)
    assert own["parameters"] == sum(p.numel() for p in models[size].runtime.module.parameters())
    record_property("stored bytes", own["stored_bytes"])
    record_property("resident bytes", own["resident_bytes"])


def recounted(folder: Path, recipe: str, original: Any) -> tuple[float, int]:
    """Bits per weight of the layers as their file holds them, and how many layers are held so."""
    file = folder / "model.safetensors"
    total = bits = held = 0
    with safe_open(str(file), framework="pt") as opened:
        names = set(opened.keys())
        for name, layer in layers(original.runtime.module):
            if not taken(recipe, layer):
                assert f"{name}.weight" in names
                continue
            forms = (f"{name}.weight", f"{name}.weight:qdata", f"{name}._weight_qdata")
            # Tiles that are filled up with zeros are stored as a mask, with a bit for each of their words.
            own = [n for n in names if n.removesuffix("#mask") in forms]
            assert len(own) == 1, sorted(n for n in names if n.startswith(name))
            tensor = opened.get_tensor(own[0])
            size = 32 * tensor.nbytes if own[0].endswith("#mask") else tensor.nbytes
            rows, width = layer.weight.shape
            if recipe == "int4-weight":
                # Tiles of tensor cores: rows by eights, inputs by 1024.
                rows, width = -(-rows // 8) * 8, -(-width // 1024) * 1024
            bits += 8 * size
            total += rows * width
            held += 1
    return bits / total, held


@pytest.mark.parametrize("size", SIZES)
def test_int4_weights_are_those_of_the_rounding_by_hand(
    size: Any, made: Callable[..., Made], models: Any, record_property: Any
) -> None:
    found = made(size, ("int4-weight", {"group_size": GROUP}))
    held, plain = weights.dense(found.model.runtime.module), dict(layers(models[size].runtime.module))
    worst, unequal = 0.0, 0
    for name, layer in plain.items():
        if taken("int4-weight", layer):
            wanted = int4_by_hand(layer.weight).float().cpu()
            apart = (held[f"{name}.weight"] - wanted).abs()
            unequal += int(apart.count_nonzero())
            worst = max(worst, float(apart.max() / wanted.abs().max()))
    record_property("furthest weight, of the greatest", worst)
    record_property("unequal weights", unequal)
    # A last bit of bfloat16; a step of int4 is 2/15.
    assert worst <= 2**-8
    assert all(layer["sqnr_db"] is None or layer["sqnr_db"] > 5 for layer in found.layers)


@pytest.mark.parametrize("size", SIZES)
def test_fp8_products_are_those_of_the_rounding_by_hand(
    size: Any, made: Callable[..., Made], models: Any, record_property: Any
) -> None:
    """Each layer by itself, from the inputs that it got, against exact products of numbers in fp8."""
    found = made(size, ("fp8", {}))
    module, plain = found.model.runtime.module, dict(layers(models[size].runtime.module))
    seen: dict[str, tuple[Any, Any]] = {}
    hooks = [
        layer.register_forward_hook(lambda _, given, out, name=name: seen.update({name: (given[0], out)}))
        for name, layer in layers(module) if taken("fp8", layer)
    ]  # fmt: skip
    found.model.score(batch(even_texts(), models[size]).slice(0, 64), None)
    for hook in hooks:
        hook.remove()
    assert set(seen) == {name for name, layer in plain.items() if taken("fp8", layer)}
    shapes = {tuple(plain[name].weight.shape) for name in seen}
    assert size != "small" or (128, 128) in shapes
    apart, unrounded = [], []
    for name, (given, out) in seen.items():
        weight, x = plain[name].weight.detach(), given.reshape(-1, given.shape[-1])
        got = (out.double() - plain[name].bias.double()).reshape(len(x), -1)
        (w, w_scale), (v, v_scale) = fp8_by_hand(weight), fp8_by_hand(x)
        wanted = (v.double() @ w.double().T) * (v_scale.double() * w_scale.double())
        apart.append(float((got - wanted).norm() / wanted.norm()))
        unrounded.append(float((x.double() @ weight.double().T - wanted).norm() / wanted.norm()))
    record_property("products apart, of their norm", max(apart))
    record_property("products of what was not rounded apart", min(unrounded))
    # The kernel adds with some fourteen bits; a rounding to fp8 has four.
    assert max(apart) < 0.005 < 0.02 < min(unrounded)


@pytest.mark.parametrize("recipe", ["int4-weight", "fp8"])
def test_layers_whose_shapes_do_not_fit_are_counted_or_the_recipe_is_refused(
    recipe: str, made: Callable[..., Made], models: Any, tmp_path: Path
) -> None:
    found = made("small", (recipe, {"group_size": 256} if recipe == "int4-weight" else {}))
    fits = [
        layer for _, layer in layers(models["small"].runtime.module)
        if (layer.in_features % 256 == 0 if recipe == "int4-weight" else layer.out_features % 16 == 0)
    ]  # fmt: skip
    left = len(layers(models["small"].runtime.module)) - len(fits)
    step = found.steps[0]
    assert step["changed"].startswith(f"{len(fits)} Linear layers to ")
    assert any(note.startswith(f"{left} Linear layer") for note in step["notes"])
    odd = save_bert(tmp_path / "odd", hidden_size=20, intermediate_size=20, num_attention_heads=2)
    model = load("transformers", even_texts(), text="text", path=str(odd), device="cuda")
    rows = batch(even_texts(), model).slice(0, 8)
    with pytest.raises(InputError, match=f"{recipe}: the model has no Linear layer of a shape that the"):
        make(model, [(recipe, {})], Context(0, rows), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("recipe", [None, "fp8"])
def test_compiled_models_decide_as_uncompiled_ones(
    recipe: str | None, made: Callable[..., Made], models: Any, folders: Any, record_property: Any
) -> None:
    rows = batch(even_texts(), models["small"])
    if recipe is None:
        model = load(
            "transformers", even_texts(), text="text", path=str(folders["small"]), device="cuda", compile=True
        )
        model.threshold, plain = models["small"].threshold, models["small"]
    else:
        model = made("small", (recipe, {"compile": True})).model
        plain = made("small", (recipe, {})).model
    start = time.perf_counter()
    got, wanted = model.score(rows, None), plain.score(rows, None)
    record_property("seconds with compiling", time.perf_counter() - start)
    apart = float(np.abs(got.score - wanted.score).max())
    record_property("scores apart", apart)
    assert model.runtime.compiled
    moved = float(np.abs(wanted.score - models["small"].score(rows, None).score).max())
    record_property("scores apart from the original", moved)
    # Compiled the same sums come in another order: in fp8 one that falls to the other side of a step moves
    # what comes after it, yet by less than rounding to fp8 does.
    assert apart < (1e-5 if recipe is None else moved)
    clear = np.abs(wanted.score - plain.threshold) > max(apart, 1e-6)
    np.testing.assert_array_equal(got.decision[clear], wanted.decision[clear])
    model.runtime.release()


# --- rows alone and together ----------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("recipe", [None, "bf16", "fp8"])
def test_rows_together_score_as_rows_alone_within_the_floor(
    size: Any, recipe: str | None, made: Callable[..., Made], models: Any, record_property: Any
) -> None:
    from ..tiny import texts

    model = models[size] if recipe is None else made(size, (recipe, {})).model
    rows = batch(texts(150), model)
    together = model.score(rows, None)
    alone = [model.score(rows.slice(i, 1), None) for i in range(rows.num_rows)]
    flips = sum(bool(a.decision[0]) != bool(b) for a, b in zip(alone, together.decision, strict=True))
    apart = max(abs(float(a.score[0]) - float(b)) for a, b in zip(alone, together.score, strict=True))
    floor = self_flips(model, rows, SimpleNamespace(seed=0, confidence=0.95))  # type: ignore[arg-type]
    record_property("flips, floor, scores apart", json.dumps([flips, floor.flips, apart]))
    # Alone every row is a batch of its own, of the floor's batches some have 64: flips may be a few more.
    assert clopper_pearson(flips, rows.num_rows, 0.025)[0] <= floor.high
    if recipe is None:
        assert flips == floor.flips == 0
        assert apart < 1e-4


def test_a_table_is_scored_as_by_hand(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(here))
    model = load("torch", numbers(), factory=write_mlp(here, "mlp_of_cuda"), features=FEATURES, device="cuda")
    table = numbers()
    got = model.score(batch(table, model), None)
    x = torch.from_numpy(np.stack([table[c].to_numpy() for c in FEATURES], 1))
    module = model.runtime.module
    assert next(module.parameters()).device.type == "cuda"
    with torch.no_grad():
        rows = [torch.softmax(module(row[None].cuda()).double(), 1)[0, 1].item() for row in x]
    np.testing.assert_allclose(got.score, rows, atol=1e-6)
    np.testing.assert_array_equal(got.decision, np.asarray(rows) >= 0.5)


# --- time ----------------------------------------


def test_the_clock_agrees_with_events_and_with_wall_time(models: Any, record_property: Any) -> None:
    model = models["middling"]
    rows = batch(even_texts(), model)
    encoded, every = model.inputs.encode(rows, None), np.arange(64)
    clock = cost._clock(model.runtime)

    def call() -> None:
        model.run_batch(encoded, every)

    def events() -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    def wall() -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    with quiet():
        for _ in range(5):
            call()
        each = [(clock(call), events(), wall()) for _ in range(31)]
    ours, theirs, walls = (statistics.median(column) for column in zip(*each, strict=True))
    record_property("milliseconds: ours, events, wall", json.dumps([1e3 * ours, 1e3 * theirs, 1e3 * walls]))
    assert ours == pytest.approx(theirs, rel=0.1)
    assert ours == pytest.approx(walls, rel=0.15)


def test_the_clock_waits_for_work_that_nobody_waits_for(models: Any, record_property: Any) -> None:
    """Kernels are started and not waited for: a clock on the host would see microseconds."""
    clock = cost._clock(models["small"].runtime)

    def wall(cycles: int) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        torch.cuda._sleep(cycles)
        torch.cuda.synchronize()
        return time.perf_counter() - start

    for cycles in (20_000_000, 80_000_000):
        ours = statistics.median(clock(lambda n=cycles: torch.cuda._sleep(n)) for _ in range(7))  # type: ignore[misc]
        by_wall = statistics.median(wall(cycles) for _ in range(7))
        record_property(
            f"milliseconds of {cycles} cycles: ours, wall", json.dumps([1e3 * ours, 1e3 * by_wall])
        )
        assert ours == pytest.approx(by_wall, rel=0.05)


@pytest.mark.parametrize("words", [20, 510])
def test_two_equal_models_take_the_same_time_and_half_precision_less(
    words: int, made: Callable[..., Made], tmp_path: Path, record_property: Any
) -> None:
    """Of short texts the device waits for the host, whatever the precision; 64 of 512 tokens are work."""
    folder = save_bert(tmp_path / "long", **SIZES["middling"], max_position_embeddings=512)
    table = even_texts(64, words=words)
    original = load(
        "transformers", table, text="text", path=str(folder), device="cuda", batch_tokens=64 * 512
    )
    copy, half = (made(original, (recipe, {})).model for recipe in ("int8-weight", "fp16"))
    copy.runtime = type(original.runtime)(original.runtime.module, "cuda", by_name=True)
    batches = cost.Batches.of(original, batch(table, original))
    assert batches.many.num_rows == 64
    assert torch.get_float32_matmul_precision() == "highest"
    found = cost.timings(original, copy, half, batches, 0)
    null = cost.timings(original, copy, copy, batches, 0)
    for one, equal in zip(found, null, strict=True):
        record_property(f"batch of {one['batch']}", json.dumps({"fp16": one, "null": equal}))
        assert equal["null_low"] <= 1.05
        assert equal["null_high"] >= 0.95
        assert equal["ratio"] == pytest.approx(1, abs=0.1)
        assert not equal["saving"] or equal["ratio"] > 0.9
    if words == 510:
        assert found[-1]["ratio"] < 0.7
        assert found[-1]["saving"]


# --- memory ----------------------------------------


def test_a_fresh_process_scores_the_same_and_tells_the_devices_peak(
    made: Callable[..., Made], models: Any, record_property: Any
) -> None:
    model = models["middling"]
    rows = batch(even_texts(), model).slice(0, 64)
    with FreshProcesses("transformers", "cuda") as processes:
        for recipe, params in (("bf16", {}), ("int4-weight", {"group_size": GROUP}), ("fp8", {})):
            found = made("middling", (recipe, params))
            start = time.perf_counter()
            there = processes.collect(processes.start(found.folder, rows, "cuda"))
            record_property(f"{recipe}: seconds", time.perf_counter() - start)
            here = found.model.score(rows, None)
            np.testing.assert_array_equal(there["score"], here.score)
            resident = weights.resident_bytes(found.model.runtime.module)
            gc.collect()
            # A first product takes cuBLAS's workspace, 32 MiB on Hopper, which stays: in both processes.
            torch._C._cuda_clearCublasWorkspaces()
            torch.cuda.empty_cache()
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            found.model.score(rows.slice(0, 1), None)
            found.model.score(rows, None)
            beyond = torch.cuda.max_memory_allocated() - before
            record_property(
                f"{recipe}: peak there, resident, beyond them, process",
                json.dumps([there["device_bytes"], resident, beyond, there["process_bytes"]]),
            )
            assert there["device_bytes"] >= resident
            assert there["device_bytes"] == pytest.approx(resident + beyond, rel=0.05)
            del found


# --- a whole audit ----------------------------------------

COMPRESSIONS = [
    "bf16", "fp8", {"name": "int4", "recipe": {"int4-weight": {"group_size": GROUP}}},
    {"prune-structured": {"amount": 0.5}}, "onnx-int8", "int8-dynamic",
]  # fmt: skip
ON_THE_CPU = {"onnx-int8"}
GATES = [
    {"metric": "selection_rate", "by": "sex", "compare": "change", "limit": "<= 0.5", "on": "compressed"},
    {"cost": "storage", "limit": "<= 0.9", "on": "compressed"},
]


def test_an_audit_on_the_device_from_end_to_end(
    cli: Callable[..., Ended], write: Callable[..., None], here: Path, folders: Any, record_property: Any
) -> None:
    import transformers

    with quiet():
        half = transformers.AutoModelForSequenceClassification.from_pretrained(folders["small"]).bfloat16()
        half.save_pretrained(here / "half")
        transformers.AutoTokenizer.from_pretrained(folders["small"]).save_pretrained(here / "half")
    table = even_texts(300, 3)
    variants = [{"name": "given", "path": "half", "text": "text", "device": "cuda"}]
    config = configured(
        model={"kind": "transformers", "path": str(folders["small"]), "text": "text", "device": "cuda"},
        compressions=COMPRESSIONS, variants=variants, gates=GATES,
    )  # fmt: skip
    write(table, config)
    start = time.perf_counter()
    ended = cli("audit", "a.yaml", "-q")
    record_property("seconds", time.perf_counter() - start)
    run = here / "runs" / "t"
    # No gate is at stake here.
    assert (run / "audit.json").is_file(), ended
    result = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    failed = {f["name"]: f["why"] for f in result["failed"]}
    record_property("refused", json.dumps(failed))
    assert failed == {"int8-dynamic": "int8-dynamic: its kernels run on the CPU only, the model is on cuda"}
    names = [v["name"] for v in result["variants"]]
    assert names[0] == "original"
    assert len(names) == 1 + len(COMPRESSIONS) - len(failed) + 1

    for told in result["variants"]:
        name, price = told["name"], told["cost"]
        kept = ("storage", "resident_bytes", "device_bytes", "process_bytes", "notes")
        times = [[t[key] for key in ("batch", "ratio", "null_low", "null_high")] for t in price["timings"]]
        flips = told["self_flips"]["flips"]
        record_property(
            name, json.dumps({key: price[key] for key in kept} | {"times": times, "floor": flips})
        )
        assert len(price["timings"]) == 2
        if name in ON_THE_CPU or name == "given":
            continue
        assert price["device_bytes"] >= price["resident_bytes"]
        assert price["process_bytes"] is not None

    ids = table["id"].to_pylist()
    wanted = scores_of(plain_module(folders["small"]), folders["small"], table)
    got = column(run, "original", "score")
    assert max(abs(score - got[key]) for key, score in zip(ids, wanted, strict=True)) < 1e-5
    for name in set(names) - {"original", "given"}:
        device = "cpu" if name in ON_THE_CPU else "cuda"
        again = fairweigh.load_variant(run / "artefacts" / name, device=device).predict(table)
        said = column(run, name, "y_pred")
        apart = sum(bool(said[key]) != bool(own) for key, own in zip(ids, again, strict=True))
        assert apart == 0, name
    record_property("seconds with loading", time.perf_counter() - start)
    assert cli("verify", "runs/t").code == 0


def column(run: Path, variant: str, name: str) -> dict[str, Any]:
    """A column of a run's predictions by the rows' ids."""
    found = pq.read_table(run / "predictions" / f"{variant}.parquet")
    return dict(zip(map(str, found["id"].to_pylist()), found[name].to_pylist(), strict=True))


def scores_of(module: Any, folder: Path, table: pa.Table) -> list[float]:
    """Scores of a loop by hand over a table, one row at a time."""
    import transformers

    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    out = []
    with torch.no_grad():
        for text in table["text"].to_pylist():
            logits = module(**tokenizer(text, return_tensors="pt").to("cuda")).logits
            out.append(torch.softmax(logits.double(), 1)[0, 1].item())
    return out


def test_an_artefact_of_the_device_says_on_a_cpu_that_it_cannot_run_there(
    made: Callable[..., Made], models: Any
) -> None:
    found = made("small", ("int4-weight", {"group_size": GROUP}))
    loaded = fairweigh.load_variant(found.folder, device="cpu")
    with pytest.raises(InputError, match="model: it cannot score the table"):
        loaded.predict(even_texts(8))


def test_a_device_that_is_not_there_is_one_line() -> None:
    count = torch.cuda.device_count()
    with pytest.raises(InputError, match=f"model.device: 'cuda:{count}', but this machine has {count} CUDA"):
        device_for(f"cuda:{count}")
