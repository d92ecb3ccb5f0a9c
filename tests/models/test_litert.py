"""LiteRT files against numpy: any number of rows and a fixed one, outputs, weights, what is broken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from numpy.typing import NDArray

from .. import tiny
from ..lite import Graph, write_bag, write_dense, write_int8

if TYPE_CHECKING:
    from ..lite import Layers


litert = pytest.importorskip("fairweigh.models.litert")
pytest.importorskip("ai_edge_litert")


@pytest.fixture(scope="module")
def layers() -> list[Any]:
    r = np.random.default_rng(0)
    return [
        (r.normal(size=(8, 4)).astype(np.float32), r.normal(size=8).astype(np.float32)),
        (r.normal(size=(2, 8)).astype(np.float32), r.normal(size=2).astype(np.float32)),
    ]


def expected(layers: Sequence[tuple[NDArray[Any], NDArray[Any]]], x: NDArray[Any]) -> Any:
    (w, b), (v, c) = layers
    return np.maximum(x @ w.T + b, 0) @ v.T + c


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_logits_are_those_of_numpy_whatever_the_rows_of_a_run(
    layers: Layers, tmp_path: Path, batch: int | None
) -> None:
    runtime = litert.LiteRtRuntime(write_dense(tmp_path / "m.tflite", layers, batch=batch))
    x = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    for rows in (7, 1, 4):
        np.testing.assert_allclose(runtime({"x": x[:rows]}), expected(layers, x[:rows]), atol=1e-5)
    assert runtime.fixed == batch


@pytest.mark.parametrize(("end", "kind"), [(None, "softmax"), ("SOFTMAX", "probabilities")])
def test_outputs_are_read_as_what_makes_them(
    layers: Layers, tmp_path: Path, end: str | None, kind: str
) -> None:
    table = tiny.numbers(50)
    model = tiny.load(
        "litert", table, path=str(write_dense(tmp_path / "m.tflite", layers, end=end)), features=tiny.FEATURES
    )
    assert model.head.kind == kind
    x = np.stack([table[c].to_numpy() for c in tiny.FEATURES], 1)
    powers = np.exp(expected(layers, x))
    found = model.score(tiny.batch(table, model), None).score
    np.testing.assert_allclose(found, powers[:, 1] / powers.sum(1), atol=1e-5)


def test_whole_numbers_at_both_ends_are_those_of_numpy(tmp_path: Path) -> None:
    """Rows are rounded to the input's steps, and outputs brought back by theirs."""
    r = np.random.default_rng(2)
    weight, bias = r.integers(-127, 128, (2, 4)), r.integers(-500, 500, 2)
    (s, z), w, (t, y) = scales = ((0.03, 5), 0.01, (0.08, -3))
    path = write_int8(tmp_path / "m.tflite", weight, bias, scales)
    table = tiny.numbers(80)
    x = np.stack([table[c].to_numpy() for c in tiny.FEATURES], 1)
    whole = np.clip(np.round(x / s) + z, -128, 127)
    exact = ((whole - z) @ weight.T + bias) * (s * w / t)
    logits = (np.clip(np.round(exact), -128 - y, 127 - y)) * t
    runtime = litert.LiteRtRuntime(path)
    # Ties of a rounding may fall either way.
    assert np.abs(runtime({"x": x}) - logits).max() <= t * 1.001
    assert (np.abs(runtime({"x": x}) - logits) < 1e-5).mean() > 0.99
    model = tiny.load("litert", table, path=str(path), features=tiny.FEATURES)
    score = model.score(tiny.batch(table, model), None).score
    powers = np.exp(runtime({"x": x}).astype(float))
    np.testing.assert_allclose(score, powers[:, 1] / powers.sum(1), atol=1e-6)
    assert sum(a.size for a in litert.weights_in(path)) == weight.size + bias.size


def test_a_label_at_the_end_is_the_decision(tmp_path: Path) -> None:
    """The place of the largest of three outputs, alone and beside the outputs themselves."""
    weight = np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32)
    table = tiny.numbers(90)
    logits = np.stack([table[c].to_numpy() for c in tiny.FEATURES], 1) @ weight.T
    for beside in (False, True):
        graph = Graph()
        x = graph.tensor("serving_default_x:0", (1, 4))
        scores = graph.connected([x, graph.tensor("w", (3, 4), weight), -1], graph.tensor("scores", (1, 3)))
        options = graph.schema.ArgMaxOptionsT()
        options.outputType = graph.schema.TensorType.INT32
        label = graph.run(
            "ARG_MAX", [scores, graph.tensor("axis", (1,), [1], "INT32")],
            graph.tensor("label", (1,), kind="INT32"), options,
        )  # fmt: skip
        path = graph.write(tmp_path / f"{beside}.tflite", [x], [label, scores] if beside else [label])
        model = tiny.load("litert", table, path=str(path), features=tiny.FEATURES, positive="2")
        found = model.score(tiny.batch(table, model), None)
        np.testing.assert_array_equal(found.decision, logits.argmax(1) == 2)
        if beside:
            # Beside a label, outputs of whatever scale are margins.
            margin = (logits[:, 2] - logits[:, :2].max(1)) / 2
            np.testing.assert_allclose(found.score, margin, atol=1e-5)


def test_texts_are_scored_beside_the_folder_whose_tokens_they_are(tmp_path: Path) -> None:
    """A bag of words as a variant of a BERT, against numpy on the tokens that its tokenizer makes."""
    import fairweigh
    import pyarrow.parquet as pq
    import transformers

    bert = tiny.save_bert(tmp_path / "bert", num_hidden_layers=1)
    r = np.random.default_rng(3)
    rows = r.normal(size=(5 + len(tiny.WORDS), 6)).astype(np.float32)
    # Padding is nothing.
    rows[0] = 0
    weight = r.normal(size=(2, 6)).astype(np.float32)
    write_bag(tmp_path / "bag.tflite", rows, weight)
    config = {
        "audit": "t", "data": {"label": "y", "sensitive": ["sex"], "id": "id"}, "report": {"charts": False},
        "model": {"kind": "transformers", "path": str(bert), "text": "text"},
        "variants": [{"name": "bag", "path": str(tmp_path / "bag.tflite"), "tokenizer": str(bert)}],
    }  # fmt: skip
    result = fairweigh.run(config, tmp_path / "run", data=tiny.texts(60))
    assert not result.failed
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    logits = np.stack([
        rows[tokenizer(text)["input_ids"]].sum(0) @ weight.T for text in tiny.texts(60)["text"].to_pylist()
    ])  # fmt: skip
    powers = np.exp(logits - logits.max(1, keepdims=True))
    found = pq.read_table(tmp_path / "run" / "predictions" / "bag.parquet")
    np.testing.assert_allclose(found["score"], powers[:, 1] / powers.sum(1), atol=1e-5)
    np.testing.assert_array_equal(found["y_pred"], logits[:, 1] >= logits[:, 0])


def test_every_weight_is_counted_and_nothing_else(layers: Layers, tmp_path: Path) -> None:
    found = litert.weights_in(write_dense(tmp_path / "m.tflite", layers, end="SOFTMAX"))
    assert sum(a.size for a in found) == sum(w.size + b.size for w, b in layers)


@pytest.mark.parametrize("broken", [b"nothing", b"\0\0\0\0TFL3" + b"\xff" * 400])
def test_a_broken_file_is_one_line(tmp_path: Path, broken: Any) -> None:
    (tmp_path / "m.tflite").write_bytes(broken)
    with pytest.raises(InputError, match=r"m\.tflite is no LiteRT model that can be read: \S[^\n]*$"):
        litert.LiteRtRuntime(tmp_path / "m.tflite")


def test_rows_of_another_width_are_told(layers: Layers, tmp_path: Path) -> None:
    runtime = litert.LiteRtRuntime(write_dense(tmp_path / "m.tflite", layers))
    with pytest.raises(InputError, match=r"takes rows of shape \(4,\), got \(3,\)"):
        runtime({"x": np.zeros((2, 3), np.float32)})
