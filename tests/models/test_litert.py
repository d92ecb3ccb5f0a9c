"""LiteRT files against numpy: any number of rows and a fixed one, outputs, weights, what is broken."""

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError

from .. import tiny
from ..lite import write_dense

litert = pytest.importorskip("fairweigh.models.litert")
pytest.importorskip("ai_edge_litert")


@pytest.fixture(scope="module")
def layers():
    r = np.random.default_rng(0)
    return [
        (r.normal(size=(8, 4)).astype(np.float32), r.normal(size=8).astype(np.float32)),
        (r.normal(size=(2, 8)).astype(np.float32), r.normal(size=2).astype(np.float32)),
    ]


def expected(layers, x):
    (w, b), (v, c) = layers
    return np.maximum(x @ w.T + b, 0) @ v.T + c


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_logits_are_those_of_numpy_whatever_the_rows_of_a_run(layers, tmp_path, batch):
    runtime = litert.LiteRtRuntime(write_dense(tmp_path / "m.tflite", layers, batch=batch))
    x = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    for rows in (7, 1, 4):
        np.testing.assert_allclose(runtime({"x": x[:rows]}), expected(layers, x[:rows]), atol=1e-5)
    assert runtime.fixed == batch


@pytest.mark.parametrize(("end", "kind"), [(None, "softmax"), ("SOFTMAX", "probabilities")])
def test_outputs_are_read_as_what_makes_them(layers, tmp_path, end, kind):
    table = tiny.numbers(50)
    model = tiny.load(
        "litert", table, path=str(write_dense(tmp_path / "m.tflite", layers, end=end)), features=tiny.FEATURES
    )
    assert model.head.kind == kind
    x = np.stack([table[c].to_numpy() for c in tiny.FEATURES], 1)
    powers = np.exp(expected(layers, x))
    found = model.score(tiny.batch(table, model), None).score
    np.testing.assert_allclose(found, powers[:, 1] / powers.sum(1), atol=1e-5)


def test_every_weight_is_counted_and_nothing_else(layers, tmp_path):
    found = litert.weights_in(write_dense(tmp_path / "m.tflite", layers, end="SOFTMAX"))
    assert sum(a.size for a in found) == sum(w.size + b.size for w, b in layers)


@pytest.mark.parametrize("broken", [b"nothing", b"\0\0\0\0TFL3" + b"\xff" * 400])
def test_a_broken_file_is_one_line(tmp_path, broken):
    (tmp_path / "m.tflite").write_bytes(broken)
    with pytest.raises(InputError, match=r"m\.tflite is no LiteRT model that can be read: \S[^\n]*$"):
        litert.LiteRtRuntime(tmp_path / "m.tflite")


def test_rows_of_another_width_are_told(layers, tmp_path):
    runtime = litert.LiteRtRuntime(write_dense(tmp_path / "m.tflite", layers))
    with pytest.raises(InputError, match=r"takes rows of shape \(4,\), got \(3,\)"):
        runtime({"x": np.zeros((2, 3), np.float32)})
