"""ONNX files of strangers: loops, functions, weights outside, sizes; and what loads as before."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import sha256_file
from fairweigh.models import onnx_runtime
from fairweigh.models.graphs import looked_through
from fairweigh.models.load_graph import checksum_of
from fairweigh.models.onnx_runtime import OnnxRuntime

from ..tiny import FEATURES, batch, load, numbers

onnx = pytest.importorskip("onnx")
helper, kinds = onnx.helper, onnx.TensorProto
ROWS = {"x": np.ones((2, 4), np.float32)}


def value(name: str, kind: int = kinds.FLOAT, shape: Any = ("n", 2)) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def weights() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)


def saved(
    nodes: list[Any],
    tensors: Any = (),
    functions: tuple[Any, ...] = (),
    name: str = "m.onnx",
) -> Path:
    """A graph from x to y, after its product with w."""
    own = onnx.numpy_helper.from_array(weights(), "w")
    given = [t if isinstance(t, kinds) else onnx.numpy_helper.from_array(*t) for t in tensors]
    if not any(t.name == "w" for t in given):
        given.append(own)
    graph = helper.make_graph(nodes, "g", [value("x", shape=("n", 4))], [value("y")], given)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=9)
    onnx.save(model, name)
    return Path(name)


def product(out: str = "y") -> Any:
    return helper.make_node("MatMul", ["x", "w"], [out])


def looped(trips: int, step: str = "Identity", kept: bool = False) -> Path:
    """A loop of so many trips; ``kept`` collects what each of them gives."""
    given = [value("i", kinds.INT64, []), value("c", kinds.BOOL, []), value("v")]
    outputs = [value("c1", kinds.BOOL, []), value("v1"), *([value("k1")] if kept else [])]
    more = ["v"] if step in ("Add", "Concat") else []
    settings = {"axis": 0} if step == "Concat" else {}
    nodes = [
        helper.make_node("Identity", ["c"], ["c1"]),
        helper.make_node(step, ["v", *more], ["v1"], **settings),
        *([helper.make_node("Identity", ["v"], ["k1"])] if kept else []),
    ]
    body = helper.make_graph(nodes, "b", given, outputs)
    loop = helper.make_node("Loop", ["trips", "go", "y0"], ["y", *(["k"] if kept else [])], body=body)
    return saved([product("y0"), loop], [(np.array(trips, np.int64), "trips"), (np.array(True), "go")])


def test_a_plain_graph_and_a_loop_that_ends_score(here: Path) -> None:
    np.testing.assert_allclose(OnnxRuntime(saved([product()]))(ROWS), ROWS["x"] @ weights(), rtol=1e-6)
    path = looped(3, "Add")
    assert looked_through(path).loops
    np.testing.assert_allclose(OnnxRuntime(path)(ROWS), 8 * (ROWS["x"] @ weights()), rtol=1e-6)


def test_a_long_graph_without_loops_is_stopped_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty products of matrices of 1,000 x 1,000, a second or more in all."""
    wide = np.full((1000, 1000), 1e-3, np.float32)
    nodes = [helper.make_node("MatMul", ["x", "a"], ["s0"]), helper.make_node("MatMul", ["b", "s0"], ["t0"])]
    nodes += [helper.make_node("MatMul", [f"t{k}", "wide"], [f"t{k + 1}"]) for k in range(40)]
    nodes.append(helper.make_node("ReduceSum", ["t40"], ["y"], keepdims=1))
    tensors = [(wide[:4], "a"), (np.ones((1000, len(ROWS["x"])), np.float32), "b"), (wide, "wide")]
    path = saved(nodes, tensors)
    assert not looked_through(path).loops
    OnnxRuntime(path)(ROWS)
    monkeypatch.setattr(onnx_runtime, "GRAPH_SECONDS", 0.02)
    with pytest.raises(InputError, match=r"its graph has not ended after 0\.02 s on \d+ rows"):
        OnnxRuntime(path)(ROWS)


@pytest.mark.parametrize(("step", "kept"), [("Identity", False), ("Add", True), ("Concat", False)])
def test_a_loop_without_end_is_stopped(
    step: str, kept: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_runtime, "LOOP_SECONDS", 0.5)
    looped(2**62, step, kept)
    start = time.perf_counter()
    # One that doubles its rows may run out of memory before it runs out of time.
    told = "a loop in it has not ended after 0.5 s on 64 rows|it cannot score the table"
    with pytest.raises(InputError, match=told):
        load("onnx", numbers(), path="m.onnx", features=FEATURES)
    assert time.perf_counter() - start < 20


def function(number: int, *calls: str) -> Any:
    """A function that calls others one after the other, or adds where it calls none."""
    names = ["a", *(f"t{i}" for i in range(1, len(calls))), "b"]
    nodes = [
        helper.make_node(call, [names[i]], [names[i + 1]], domain="own") for i, call in enumerate(calls)
    ] or [helper.make_node("Add", ["a", "a"], ["b"])]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_function("own", f"f{number}", ["a"], ["b"], nodes, opsets)


def calling(name: str, *functions: Any) -> Path:
    return saved([product("y0"), helper.make_node(name, ["y0"], ["y"], domain="own")], (), functions)


def test_functions_that_unfold_without_end_are_refused(here: Path) -> None:
    laughs = [function(0), *(function(i, f"f{i - 1}", f"f{i - 1}") for i in range(1, 40))]
    with pytest.raises(InputError, match="its functions unfold to more than 1,000,000 nodes"):
        OnnxRuntime(calling("f39", *laughs))
    assert OnnxRuntime(calling("f3", *laughs[:4]))(ROWS).shape == (2, 2)


@pytest.mark.parametrize("calls", [("f0",), ("f1",)])
def test_functions_that_call_themselves_are_refused(calls: tuple[str], here: Path) -> None:
    functions = [function(0, *calls), function(1, "f0")]
    with pytest.raises(InputError, match="calls itself"):
        OnnxRuntime(calling("f0", *functions))


def beside(location: str, dims: Any = (4, 2), **more: int) -> Path:
    """A graph whose weights are said to lie elsewhere."""
    tensor = kinds(name="w", data_type=kinds.FLOAT, dims=dims, data_location=kinds.EXTERNAL)
    for key, told in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(told)
    return saved([product()], [tensor])


def test_weights_beside_the_graph_are_read_and_are_what_is_hashed(here: Path) -> None:
    Path("m.onnx.data").write_bytes(weights().tobytes())
    Path("m.onnx.other").write_bytes(b"not read")
    path = beside("m.onnx.data")
    table = numbers()
    model = load("onnx", table, path="m.onnx", features=FEATURES)
    x = np.stack([table[name].to_numpy() for name in FEATURES], 1)
    np.testing.assert_allclose(model.logits(batch(table, model)), x @ weights(), rtol=1e-4, atol=1e-5)
    assert model.about["sha256"] == checksum_of([path, Path("m.onnx.data")]) != sha256_file(path)


@pytest.mark.parametrize(
    "location",
    ["../out.bin", "/etc/passwd", "/dev/zero", "sub/../../out.bin", "link.bin", "nowhere", "", "."],
)
def test_weights_outside_the_folder_are_refused(location: str, here: Path) -> None:
    (here / "sub").mkdir()
    (here.parent / "out.bin").write_bytes(weights().tobytes())
    (here / "link.bin").symlink_to("../out.bin")
    beside(location)
    with pytest.raises(InputError, match="expected a file in its own folder"):
        OnnxRuntime(Path("m.onnx"))


@pytest.mark.parametrize("more", [{"dims": (4, 2 * 10**11)}, {"offset": 10**12}, {"length": 10**12}])
def test_weights_larger_than_their_file_are_refused(more: dict[str, Any], here: Path) -> None:
    Path("w.bin").write_bytes(weights().tobytes())
    with pytest.raises(InputError, match=r"is no ONNX model that can be read|it cannot score"):
        OnnxRuntime(beside("w.bin", **more))(ROWS)


def test_sizes_beyond_the_machine_are_one_line(here: Path) -> None:
    huge = kinds(name="w", data_type=kinds.FLOAT, dims=[4, 10**12], raw_data=b"1234")
    with pytest.raises(InputError, match="is no ONNX model that can be read") as error:
        OnnxRuntime(saved([product()], [huge]))
    assert "\n" not in str(error.value)
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["w"]), product()]
    path = saved(nodes, [(np.array([4, 10**10], np.int64), "s")])
    graph = onnx.load(str(path))
    del graph.graph.initializer[1:]
    onnx.save(graph, str(path))
    with pytest.raises(InputError, match="it cannot score the table") as error:
        OnnxRuntime(path)(ROWS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x08" * 1000])
def test_what_is_no_graph_is_refused(content: Any, here: Path) -> None:
    Path("m.onnx").write_bytes(content)
    with pytest.raises(InputError, match=r"m.onnx is no ONNX model that can be read") as error:
        OnnxRuntime(Path("m.onnx"))
    assert "\n" not in str(error.value)
