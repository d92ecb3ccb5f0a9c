"""The OpenVINO runtime: what it gives is what the graph computes, and what is broken is told in one line."""

from __future__ import annotations

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.openvino import OpenVinoRuntime

WEIGHTS = np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]], np.float32)
BIAS = np.array([0.5, -0.125], np.float32)


@pytest.fixture
def saved(tmp_path):
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


def test_it_computes_the_graph_whatever_the_batch(saved):
    runtime = OpenVinoRuntime.load(saved)
    assert runtime.outputs == ["probabilities", "logits"]
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


def test_broken_files_are_told_in_one_line(saved, capfd):
    runtime = OpenVinoRuntime.load(saved)
    with pytest.raises(InputError, match="cannot score the table"):
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
