"""The OpenVINO runtime: what it gives is what the graph computes, and what is broken is told in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.openvino import OpenVinoRuntime
from numpy.typing import NDArray

from .. import tiny

WEIGHTS = np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]], np.float32)
BIAS = np.array([0.5, -0.125], np.float32)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A Linear layer as OpenVINO writes it, its input called x and its outputs probabilities and logits."""
    import openvino as ov
    from openvino import opset15 as op

    x = op.parameter([-1, 3], np.float32, name="x")
    x.output(0).set_names({"x"})
    logits = op.add(op.matmul(x, op.constant(WEIGHTS), False, True), op.constant(BIAS))
    probabilities = op.softmax(logits, 1)
    logits.output(0).set_names({"logits"})
    probabilities.output(0).set_names({"probabilities"})
    ov.save_model(ov.Model([probabilities, logits], [x]), tmp_path / "model.xml", compress_to_fp16=False)
    return tmp_path


def test_it_computes_the_graph_whatever_the_batch(saved: Path) -> None:
    runtime = OpenVinoRuntime.load(saved)
    assert [output.name for output in runtime.given] == ["probabilities", "logits"]
    for rows in (1, 5, 2):
        x = np.random.default_rng(rows).normal(size=(rows, 3))
        wanted = x @ WEIGHTS.T + BIAS
        # The one input takes the one array whatever it is called; the output called logits is taken.
        np.testing.assert_allclose(runtime({"features": x.astype(np.float32)}), wanted, rtol=1e-5, atol=1e-6)
        shares, _ = runtime.run({"x": x.astype(np.float32)})
        np.testing.assert_allclose(
            shares, np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True), rtol=1e-5, atol=1e-6
        )
    assert runtime.describe()["runtime"] == "openvino"


def test_a_graph_of_one_batch_size_is_fed_piece_by_piece(saved: Path) -> None:
    import openvino as ov

    graph = ov.Core().read_model(saved / "model.xml")
    graph.reshape([2, 3])
    ov.save_model(graph, saved / "fixed.xml", compress_to_fp16=False)
    runtime = OpenVinoRuntime(saved / "fixed.xml")
    for rows in (1, 2, 5):
        x = np.random.default_rng(rows).normal(size=(rows, 3))
        found = runtime({"x": x.astype(np.float32)})
        np.testing.assert_allclose(found, x @ WEIGHTS.T + BIAS, rtol=1e-5, atol=1e-6)


def test_broken_files_are_told_in_one_line(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runtime = OpenVinoRuntime.load(saved)
    with pytest.raises(InputError, match=r"its input 'x' has the shape \(any, 3\), the rows give \(any, 4\)"):
        runtime({"x": np.ones((2, 4), np.float32)})
    with pytest.raises(InputError, match="wants the inputs x"):
        runtime({"y": np.ones((2, 3), np.float32), "z": np.ones((2, 3), np.float32)})
    weights = saved / "model.bin"
    weights.write_bytes(weights.read_bytes()[:8])
    with pytest.raises(InputError, match=r"model\.xml is no OpenVINO model that can be read") as told:
        OpenVinoRuntime.load(saved)
    assert "\n" not in str(told.value)
    weights.unlink()
    with pytest.raises(InputError, match=r"needs its weights, model\.bin, in the same folder"):
        OpenVinoRuntime.load(saved)
    weights.symlink_to("/etc/hostname")
    with pytest.raises(InputError, match=r"needs its weights, model\.bin, in the same folder"):
        OpenVinoRuntime.load(saved)
    (saved / "model.xml").write_text("<net")
    weights.unlink()
    weights.write_bytes(b"")
    with pytest.raises(InputError, match="no OpenVINO model"):
        OpenVinoRuntime.load(saved)
    (saved / "model.xml").unlink()
    with pytest.raises(InputError, match=r"expected one OpenVINO model .* found 0"):
        OpenVinoRuntime.load(saved)
    assert capfd.readouterr().err == ""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, NDArray[Any]]:
    """Graphs over four numbers, which end in three classes in several ways, and the classes' logits."""
    import openvino as ov
    from openvino import opset15 as op

    r = np.random.default_rng(3)
    weight, bias = r.normal(size=(3, 4)).astype(np.float32), r.normal(size=3).astype(np.float32)
    place = tmp_path_factory.mktemp("three")

    def write(name: str, *ends: str) -> None:
        x = op.parameter([-1, 4], np.float32, name="x")
        logits = op.add(op.matmul(x, op.constant(weight), False, True), op.constant(bias))
        largest = op.topk(logits, op.constant(np.int64(1)), 1, "max", "value", index_element_type="i64")
        label = op.squeeze(largest.output(1), op.constant([1], np.int64))
        made = {
            "label": label, "probabilities": op.softmax(logits, 1), "hidden": op.multiply(logits, logits),
            "only": op.squeeze(op.sigmoid(op.strided_slice(
                logits, op.constant([0, 2]), op.constant([0, 3]), op.constant([1, 1]), [1, 0], [1, 0]
            )), op.constant([1], np.int64)),
        }  # fmt: skip
        for end in ends:
            made[end].output(0).set_names({end} if len(ends) > 1 else set())
        ov.save_model(
            ov.Model([made[end] for end in ends], [x]), place / f"{name}.xml", compress_to_fp16=False
        )

    write("label", "label")
    write("both", "label", "probabilities")
    write("later", "hidden", "probabilities")
    write("sigmoid", "only")
    table = tiny.numbers(90)
    return place, table, np.stack([table[c].to_numpy() for c in tiny.FEATURES], 1) @ weight.T + bias


@pytest.mark.parametrize("name", ["label", "both", "later", "sigmoid"])
def test_outputs_are_read_as_what_they_are(three: Any, name: str) -> None:
    place, table, logits = three
    said: Any = {} if name == "sigmoid" else {"positive": "2"}
    model = tiny.load("openvino", table, path=str(place / f"{name}.xml"), features=tiny.FEATURES, **said)
    found = model.score(tiny.batch(table, model), None)
    powers = np.exp(logits)
    if name == "sigmoid":
        np.testing.assert_array_equal(found.decision, logits[:, 2] >= 0)
        np.testing.assert_allclose(found.score, 1 / (1 + np.exp(-logits[:, 2])), atol=1e-6)
        return
    np.testing.assert_array_equal(found.decision, logits.argmax(1) == 2)
    if name == "label":
        assert found.score is None
    else:
        np.testing.assert_allclose(found.score, powers[:, 2] / powers.sum(1), atol=1e-6)
