"""Static int8, OpenVINO, and layers that stay in float32: each against its library called by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.compression.artefact import how_to_load
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.fallback import sensitivities
from fairweigh.compression.make import Made, make
from fairweigh.datasets.errors import InputError
from fairweigh.models.extras import quiet

from ..tiny import FEATURES, batch, load, numbers
from ..zoo.zoo import ready

if TYPE_CHECKING:
    from ..zoo.zoo import Ready


NAME = "two logits"


@pytest.fixture(scope="module")
def found() -> Ready:
    return ready(NAME)


def variant(found: Ready, folder: Path, *recipe: tuple[str, Any]) -> Made:
    made = make(found.model, list(recipe), found.context, folder)
    again = load_artefact(made.folder, *how_to_load(made.model))
    np.testing.assert_array_equal(again.logits(found.rows), made.model.logits(found.rows))
    return made


def test_static_int8_is_onnxruntimes_with_training_rows(found: Ready, tmp_path: Path) -> None:
    """quantize_static called by hand on the same graph and rows gives the same scales and the same scores."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    plain = variant(found, tmp_path / "plain", ("onnx", {}))
    made = variant(found, tmp_path / "static", ("onnx-int8-static", {"rows": 1000}))
    learned = found.context.training()
    arrays = found.model.inputs.encode(learned.batch, None).collate(np.arange(len(learned)))

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = [arrays]

        def get_next(self) -> Any:
            return self.left.pop() if self.left else None

    with quiet():
        quantize_static(
            str(plain.folder / "model.onnx"), str(tmp_path / "own.onnx"), Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul", "Gemm", "Conv", "Gather"], per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
            extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
    one, two = (
        {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(str(p)).graph.initializer}
        for p in (tmp_path / "own.onnx", made.folder / "model.onnx")
    )
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    # Every row was there: the largest input of all sets the first range, and of evaluation rows none does.
    scale = next(v for n, v in two.items() if n.endswith("_scale") and v.ndim == 0)
    first = next(iter(arrays.values()))
    assert float(scale) == pytest.approx((max(first.max(), 0) - min(first.min(), 0)) / 255, rel=1e-4)
    assert made.trained_on == learned.about
    assert f"calibrated (minmax) on {len(learned)} training rows" in made.steps[0]["changed"]


def test_static_int8_takes_no_evaluation_row(found: Ready, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(InputError, match=r"onnx-int8-static: needs rows to learn from; set model\.train"):
        make(
            found.model, [("onnx-int8-static", {})], replace(found.context, training=None), tmp_path / "none"
        )


def test_openvino_is_nncf_on_the_exported_graph(
    found: Ready, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNCF_CI", "1")
    import nncf
    import openvino as ov

    plain = variant(found, tmp_path / "plain", ("onnx", {}))
    made = variant(found, tmp_path / "ir", ("openvino", {"bits": 8}))
    with quiet():
        graph = ov.Core().read_model(str(plain.folder / "model.onnx"))
        graph = nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT8_SYM)
    compiled = ov.compile_model(graph, "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    rows = found.model.inputs.encode(found.rows, None).collate(np.arange(found.rows.num_rows))
    expected = next(iter(compiled(list(rows.values())).values()))
    np.testing.assert_allclose(made.model.logits(found.rows), expected, atol=1e-5)
    assert np.abs(made.model.logits(found.rows) - found.model.logits(found.rows)).max() > 1e-5
    assert made.steps[0]["changed"] == "3 weight tensors to int8, served by OpenVINO"
    # Within half a step of each output's scale (B. Jacob et al. 2018, eq. 1): int8 gives 30 dB and more.
    told = {row["name"]: row for row in made.layers if row["encoding"].startswith("int8")}
    assert len(told) == 3
    assert all(row["sqnr_db"] > 30 for row in told.values())
    stored = sum((made.folder / name).stat().st_size for name in ("model.xml", "model.bin"))
    from fairweigh.compression.cost import storage

    assert storage(made.model, made.folder)["stored_bytes"] == stored


def test_layers_left_by_name_keep_their_numbers(found: Ready, tmp_path: Path) -> None:
    import onnx

    made = variant(found, tmp_path / "a", ("onnx-int8", {"exclude": ["0"]}))
    weights = {t.name: t for t in onnx.load(str(made.folder / "model.onnx")).graph.initializer}
    kinds = {
        layer: {
            t.data_type
            for n, t in weights.items()
            if n.startswith(f"module.{layer}.weight") and len(t.dims) > 1
        }
        for layer in (0, 2)
    }
    assert kinds == {0: {onnx.TensorProto.FLOAT}, 2: {onnx.TensorProto.INT8}}
    assert made.steps[0]["changed"].startswith("2 weight tensors to int8")
    assert any("Left in float32 by name: 0." in note for note in made.steps[0]["notes"])
    with pytest.raises(InputError, match=r"onnx-int8\.exclude: no layer is called 'nothing\.\*'"):
        make(found.model, [("onnx-int8", {"exclude": ["nothing.*"]})], found.context, tmp_path / "b")
    with pytest.raises(InputError, match="every layer would stay in float32"):
        make(found.model, [("onnx-int8", {"exclude": ["*"]})], found.context, tmp_path / "c")


def test_sensitivity_is_what_one_layer_alone_in_int8_does(found: Ready) -> None:
    """Recomputed with torch's own fake quantisation, per channel, layer by layer."""
    import torch

    told = {
        one.name: one
        for one in sensitivities(found.model, {"0.weight": 0, "2.weight": 0}, 10**6, found.context, "x")
    }
    rows = found.context.rows("x")
    before, decided = found.model.logits(rows.batch), found.model.score(rows.batch, None).decision
    module = found.model.runtime.module
    for name, one in told.items():
        kept = module.state_dict()[name].clone()
        scale = kept.abs().amax(1) / 127
        zeros = torch.zeros(len(scale), dtype=torch.int32)
        try:
            with torch.no_grad():
                module.state_dict()[name].copy_(
                    torch.fake_quantize_per_channel_affine(kept, scale, zeros, 0, -127, 127)
                )
            after, decides = found.model.logits(rows.batch), found.model.score(rows.batch, None).decision
        finally:
            with torch.no_grad():
                module.state_dict()[name].copy_(kept)
        noise = np.square(before.astype(float) - after).sum()
        assert one.decibels == pytest.approx(
            10 * np.log10(np.square(before.astype(float)).sum() / noise), abs=0.01
        )
        moved = decides.astype(float) - decided
        largest = max(
            abs(moved[np.asarray(values) == value].mean())
            for values in rows.sensitive.values()
            for value in values.dictionary.to_pylist()
            if (np.asarray(values) == value).sum() >= found.context.min_size
        )
        assert abs(one.change) == pytest.approx(largest)


def test_the_most_sensitive_layers_stay(found: Ready, tmp_path: Path) -> None:
    made = variant(found, tmp_path / "a", ("openvino", {"sensitivity": {"keep": 2}}))
    assert made.steps[0]["changed"].startswith("1 weight tensor to int8")
    assert sum("stays in float32: alone in int8" in note for note in made.steps[0]["notes"]) == 2


def test_bad_parameters_are_told(found: Ready, tmp_path: Path) -> None:
    from fairweigh.compression.recipes import find

    for given, words in (
        ({"method": "middle"}, "minmax"),
        ({"sensitivity": {}}, "expected keep"),
        ({"sensitivity": {"keep": 1, "below": 20}}, "expected keep"),
    ):
        with pytest.raises(ValueError, match=words):
            find("onnx-int8-static", "torch").params.model_validate(given)
    with pytest.raises(InputError, match="with bits: 32 every layer stays in float32"):
        make(found.model, [("openvino", {"bits": 32, "exclude": ["0"]})], found.context, tmp_path / "n")


EXPORTED_OTHERWISE = """
import torch


class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))

    def forward(self, x):
        out = self.net(x)
        return out * {factor} if torch.compiler.is_exporting() else out


def make():
    return Scaled().eval()
"""


@pytest.mark.parametrize("recipe", ["onnx", "onnx-int8", "openvino"])
def test_a_graph_that_is_not_the_module_is_refused(
    recipe: str, here: Path, made: Callable[..., Made]
) -> None:
    """Some modules take another way where they are exported; these give 1.01 times their outputs there."""
    (here / "exported_otherwise.py").write_text(EXPORTED_OTHERWISE.format(factor=1.01))
    (here / "exported_alike.py").write_text(EXPORTED_OTHERWISE.format(factor=1.0001))
    model = load("torch", numbers(), factory="exported_otherwise:make", features=FEATURES)
    outputs = np.abs(model.logits(batch(numbers(), model).slice(0, 32))).max()
    said = rf"{recipe}: the exported graph is not the model: on 32 rows its outputs differ by up to "
    said += rf"{0.01 * outputs:.3g}, the largest output being {outputs:.3g} \(allowed: 0.1% of that"
    with pytest.raises(InputError, match=said):
        made(model, (recipe, {}))
    if recipe == "onnx":
        made(load("torch", numbers(), factory="exported_alike:make", features=FEATURES), (recipe, {}))


def test_openvino_in_four_bits_is_nncf_on_the_exported_graph(
    found: Ready, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNCF_CI", "1")
    import nncf
    import openvino as ov
    from fairweigh.compression.ir import compressed

    plain = variant(found, tmp_path / "plain", ("onnx", {}))
    for symmetric, kind in ((True, "int4"), (False, "uint4")):
        params = {"bits": 4, "symmetric": symmetric, "group_size": 4}
        made = variant(found, tmp_path / kind, ("openvino", params))
        mode = nncf.CompressWeightsMode.INT4_SYM if symmetric else nncf.CompressWeightsMode.INT4_ASYM
        with quiet():
            graph = ov.Core().read_model(str(plain.folder / "model.onnx"))
            graph = nncf.compress_weights(graph, mode=mode, ratio=1.0, group_size=4)
        own = ov.compile_model(graph, "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
        rows = found.model.inputs.encode(found.rows, None).collate(np.arange(found.rows.num_rows))
        expected = next(iter(own(list(rows.values())).values()))
        np.testing.assert_allclose(made.model.logits(found.rows), expected, atol=1e-5)
        # NNCF leaves the last layer in eight bits; zero points are no weights.
        what = f"2 weight tensors to {kind}; 1 weight tensor to uint8, served by OpenVINO"
        assert made.steps[0]["changed"] == what
        held = compressed(made.folder / "model.xml").values()
        assert sorted(one.scales for one in held if one.kind == kind) == [32, 128]
        # Four bits give about 20 dB (6 dB each, less the peak over the spread of the weights).
        told = {r["name"]: r["sqnr_db"] for r in made.layers if r["encoding"].startswith(kind)}
        assert sorted(told) == ["0.weight", "2.weight"]
        assert all(20 < decibels < 35 for decibels in told.values())


def test_group_sizes_that_cannot_be_are_told(found: Ready, tmp_path: Path) -> None:
    from fairweigh.compression.recipes import find

    with pytest.raises(ValueError, match="expected a number of weights, or -1 for an output channel, got 0"):
        find("openvino", "torch").params.model_validate({"bits": 4, "group_size": 0})
    with pytest.raises(InputError, match=r"openvino: group_size 5 does not divide"):
        make(found.model, [("openvino", {"bits": 4, "group_size": 5})], found.context, tmp_path / "n")
