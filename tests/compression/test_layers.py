"""What is told of each layer: shapes, zeros, and the quantisation error by its formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fairweigh.compression.layers import OTHERS, sqnr
from fairweigh.compression.make import Made
from fairweigh.models.neural import NeuralModel


def decibels(before: np.ndarray, after: np.ndarray) -> float:
    """Signal to quantisation noise: 20 log10 of the ratio of the norms, by BLAS."""
    return float(20 * np.log10(np.linalg.norm(before) / np.linalg.norm(before - after)))


def before_of(model: Any) -> Any:
    return {n: t.numpy() for n, t in model.runtime.module.state_dict().items()}


def matrices(model: NeuralModel) -> Any:
    return {n for n, t in before_of(model).items() if t.ndim > 1 and t.dtype.kind == "f"}


def test_sqnr_of_known_numbers() -> None:
    # Error of one tenth of the signal: 20 dB.
    assert sqnr(np.array([3.0, 4.0], np.float32), np.array([3.3, 4.4], np.float32)) == pytest.approx(
        20, abs=1e-4
    )
    assert sqnr(np.ones(3, np.float32), np.zeros(3, np.float32)) == 0
    assert sqnr(np.ones(3, np.float32), np.ones(3, np.float32)) is None


def test_uniform_noise_gives_six_decibels_a_bit() -> None:
    """The rule of quantisation, 6.02 b + 1.76 - 10 log10(3/2 ...): each further bit gains 6.02 dB."""
    x = np.random.default_rng(0).uniform(-1, 1, 200_000).astype(np.float32)
    found = []
    for bits in (4, 5, 6):
        step = np.float32(2 / 2**bits)
        found.append(sqnr(x, (np.floor(x / step) + np.float32(0.5)) * step))
    # A uniform signal over the whole range: exactly 20 log10(2^b).
    assert found == pytest.approx([20 * np.log10(2.0**b) for b in (4, 5, 6)], abs=0.05)


@pytest.mark.parametrize(
    "recipe", ["int8-dynamic", "bf16", "int8-weight", "share-weights", "prune-magnitude"]
)
def test_errors_and_zeros_of_every_weight_are_those_of_its_numbers(
    recipe: str, bert: NeuralModel, made: Callable[..., Made]
) -> None:
    params = {"embeddings": True} if recipe in ("int8-dynamic", "int8-weight") else {}
    found = made(bert, (recipe, params))
    before = before_of(bert)
    assert {layer["name"] for layer in found.layers} == matrices(bert) | {OTHERS}
    module = found.model.runtime.module
    for layer in found.layers:
        if layer["name"] == OTHERS:
            continue
        name = layer["name"]
        holder = module.get_submodule(name.rpartition(".")[0])
        weight = holder.weight() if callable(holder.weight) else holder.weight
        after = (weight.dequantize() if recipe.startswith("int8") else weight).detach().float().numpy()
        changed = not np.array_equal(before[name], after)
        if changed:
            assert layer["sqnr_db"] == pytest.approx(decibels(before[name], after), abs=1e-3)
        else:
            assert layer["sqnr_db"] is None
        assert layer["sparsity"] == pytest.approx((after == 0).mean())
        assert layer["shape_before"] == layer["shape_after"] == list(before[name].shape)


def test_the_layers_of_a_quantised_graph_stand_beside_the_modules_own(
    shallow: NeuralModel, made: Callable[..., Made]
) -> None:
    found = made(shallow, ("onnx-int8", {"per_channel": False, "embeddings": True}))
    named = {layer["name"]: layer for layer in found.layers}
    assert set(named) <= matrices(shallow) | {OTHERS}
    for i in range(2):
        layer = named[f"bert.encoder.layer.{i}.output.dense.weight"]
        before = before_of(shallow)[layer["name"]]
        # Symmetric int8, one scale: an error of at most half a step is uniform, of variance step^2 / 12.
        step = 2 * np.abs(before).max() / 254
        expected = 10 * np.log10(np.square(before).mean() / (step**2 / 12))
        assert layer["sqnr_db"] == pytest.approx(expected, abs=1)
        assert layer["shape_after"] == list(before.shape)


def test_histograms_hold_every_weight_of_the_most_changed_layers(
    bert: NeuralModel, made: Callable[..., Made]
) -> None:
    found = made(bert, ("int8-dynamic", {"per_channel": True}))
    drawn = [layer for layer in found.layers if "histogram_edges" in layer]
    assert OTHERS not in {layer["name"] for layer in drawn}
    worst = sorted((x for x in found.layers if x["sqnr_db"] is not None), key=lambda x: x["sqnr_db"])[:6]
    assert sorted(x["name"] for x in drawn) == sorted(x["name"] for x in worst)
    for layer in drawn:
        size = int(np.prod(layer["shape_before"]))
        assert sum(layer["histogram_before"]) == sum(layer["histogram_after"]) == size
        assert len(layer["histogram_edges"]) == 31


def test_a_smaller_layer_has_no_error_but_two_shapes(bert: NeuralModel, made: Callable[..., Made]) -> None:
    found = made(bert, ("prune-structured", {"amount": 0.5}))
    layer = next(x for x in found.layers if x["name"] == "bert.encoder.layer.0.intermediate.dense.weight")
    assert layer["shape_before"] == [96, 48]
    assert layer["shape_after"] == [48, 48]
    assert layer["sqnr_db"] is None
