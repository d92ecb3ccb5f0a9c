"""What a model's outputs are: ONNX graphs of scikit-learn, LightGBM, XGBoost and torch, and torch modules.

The outside answer is the library's own predict and predict_proba, or onnxruntime run by hand.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.special
from fairweigh.audit.config import model_spec
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.models.extras import quiet
from fairweigh.models.load import neural
from fairweigh.models.neural import NeuralModel

from ..tiny import FEATURES, batch, load, mlp, numbers

if TYPE_CHECKING:
    from torch import Tensor


skl2onnx = pytest.importorskip("skl2onnx")
ort = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return numbers(400)


def matrix(table: pa.Table) -> np.ndarray:
    return np.stack([table[name].to_numpy() for name in FEATURES], axis=1).astype(np.float32)


def converted(estimator: Any, folder: Path, zipmap: bool = False, **options: Any) -> str:
    """A fitted classifier as skl2onnx writes it."""
    from fairweigh.compression.recipes.estimators import _flags_as_integers
    from skl2onnx.common.data_types import FloatTensorType

    wanted = {id(estimator): {"zipmap": zipmap, **options}}
    with _flags_as_integers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = skl2onnx.convert_sklearn(
            estimator, initial_types=[("x", FloatTensorType([None, 4]))],
            options=wanted,
        )  # fmt: skip
    path = folder / "m.onnx"
    path.write_bytes(made.SerializeToString())
    return str(path)


def scored(table: pa.Table, **spec: Any) -> tuple[Any, Any]:
    model = load("onnx", table, features=FEATURES, **spec)
    return model, model.score(batch(table, model), None)


def by_name(name: str) -> Any:
    from sklearn import calibration, ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree

    return {
        "logistic": linear_model.LogisticRegression(),
        "tree": tree.DecisionTreeClassifier(max_depth=3, random_state=0),
        "forest": ensemble.RandomForestClassifier(8, max_depth=3, random_state=0),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
        "histogram": ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0),
        "mlp": neural_network.MLPClassifier((4,), max_iter=60, random_state=0),
        "bayes": naive_bayes.GaussianNB(),
        "neighbours": neighbors.KNeighborsClassifier(4),
        "svc": svm.SVC(probability=True, random_state=0),
        "calibrated": calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=3),
    }[name]


KINDS = [
    "logistic",
    "tree",
    "forest",
    "boosting",
    "histogram",
    "mlp",
    "bayes",
    "neighbours",
    "svc",
    "calibrated",
]


# --- scikit-learn's graphs ---------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zipmap", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_converted_classifier_decides_and_scores_as_it_does_in_scikit_learn(
    kind: str, zipmap: bool, rows: pa.Table, tmp_path: Path
) -> None:
    # onnx/sklearn-onnx#506: output 0 is the label, the probabilities stand in output 1, by default as maps.
    x = matrix(rows)
    own = by_name(kind).fit(x, rows["y"].to_numpy())
    model, found = scored(rows, path=converted(own, tmp_path, zipmap))
    np.testing.assert_array_equal(found.decision, own.predict(x) == 1)
    np.testing.assert_allclose(found.score, own.predict_proba(x)[:, 1], atol=1e-5)
    assert 0.2 < found.decision.mean() < 0.8
    assert model.describe()["scale"] == "probability"
    assert "threshold" not in model.describe()


@pytest.mark.parametrize("zipmap", [False, True])
@pytest.mark.parametrize("positive", ["yes", "no"])
def test_classes_with_names_are_found_by_the_words_of_the_data_or_of_the_model(
    positive: str, zipmap: bool, rows: pa.Table, tmp_path: Path
) -> None:
    x, words = matrix(rows), np.where(rows["y"].to_numpy() == 1, "yes", "no")
    own = by_name("logistic").fit(x, words)
    path = converted(own, tmp_path, zipmap)
    _, found = scored(rows, path=path, positive=positive)
    np.testing.assert_array_equal(found.decision, own.predict(x) == positive)
    np.testing.assert_allclose(found.score, own.predict_proba(x)[:, int(positive == "yes")], atol=1e-5)
    with pytest.raises(
        InputError, match=r"^model.positive: the model's labels are 'no', 'yes'; none of them is"
    ):
        scored(rows, path=path)


def test_a_threshold_that_is_asked_for_takes_the_place_of_the_label(rows: pa.Table, tmp_path: Path) -> None:
    x = matrix(rows)
    own = by_name("logistic").fit(x, rows["y"].to_numpy())
    model, found = scored(rows, path=converted(own, tmp_path), threshold=0.8)
    np.testing.assert_array_equal(found.decision, found.score >= 0.8)
    assert model.describe()["threshold"] == 0.8


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["sgd", "ridge"])
def test_scores_that_are_no_probabilities_are_ranks_and_the_label_decides(
    kind: str, rows: pa.Table, tmp_path: Path
) -> None:
    from sklearn.linear_model import RidgeClassifier, SGDClassifier

    x = matrix(rows)
    own = {"sgd": SGDClassifier(random_state=0), "ridge": RidgeClassifier()}[kind].fit(
        x, rows["y"].to_numpy()
    )
    model, found = scored(rows, path=converted(own, tmp_path))
    np.testing.assert_array_equal(found.decision, own.predict(x) == 1)
    np.testing.assert_allclose(found.score, own.decision_function(x), atol=1e-4)
    assert model.describe()["scale"] == "rank"
    assert not model.probability


def test_scores_that_contradict_the_labels_are_not_read(rows: pa.Table, tmp_path: Path) -> None:
    # onnx/sklearn-onnx#990: an SVC without probabilities has an output called so that holds its margins,
    # turned round: the label is right.
    from sklearn.svm import SVC

    x = matrix(rows)
    own = SVC().fit(x, rows["y"].to_numpy())
    path = converted(own, tmp_path)
    by_hand = ort.InferenceSession(path).run(["probabilities"], {"x": x})[0][:, 1]
    assert np.corrcoef(by_hand, own.decision_function(x))[0, 1] < -0.99
    model, found = scored(rows, path=path)
    np.testing.assert_array_equal(found.decision, own.predict(x) == 1)
    assert found.score is None
    assert model.describe()["notes"] == ["Its output 'probabilities' contradicts its labels and is not read."]


def test_labels_alone_are_decisions_without_scores(rows: pa.Table, tmp_path: Path) -> None:
    x = matrix(rows)
    own = by_name("forest").fit(x, rows["y"].to_numpy())
    path = converted(own, tmp_path)
    for spec in ({"output": "label"}, {"output_name": "label"}):
        _, found = scored(rows, path=path, **spec)
        np.testing.assert_array_equal(found.decision, own.predict(x) == 1)
        assert found.score is None
    with pytest.raises(InputError, match=r"^model.threshold: the model gives labels and no scores"):
        scored(rows, path=path, output="label", threshold=0.4)
    with pytest.raises(InputError, match=r"^model.output: 'label' holds labels, expected probabilities"):
        scored(rows, path=path, output_name="label", output="probabilities")
    with pytest.raises(
        InputError, match=r"^model.output_name: .* has no output 'prob'; it has label \(tensor"
    ):
        scored(rows, path=path, output_name="prob")


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_boosters_through_onnxmltools_decide_as_in_their_libraries(
    library: str, rows: pa.Table, tmp_path: Path
) -> None:
    onnxmltools = pytest.importorskip("onnxmltools")
    booster = pytest.importorskip(library)
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y = matrix(rows), rows["y"].to_numpy()
    types = [("x", FloatTensorType([None, 4]))]
    if library == "lightgbm":
        own = booster.LGBMClassifier(n_estimators=5, verbose=-1).fit(x, y)
        made = onnxmltools.convert_lightgbm(own, initial_types=types)
    else:
        own = booster.XGBClassifier(n_estimators=5).fit(x, y)
        made = onnxmltools.convert_xgboost(own, initial_types=types)
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    _, found = scored(rows, path=str(path))
    np.testing.assert_array_equal(found.decision, own.predict(x) == 1)
    np.testing.assert_allclose(found.score, own.predict_proba(x)[:, 1], atol=1e-5)


def test_a_pipeline_with_an_input_for_each_column_is_fed_by_their_names(tmp_path: Path) -> None:
    from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    r = np.random.default_rng(3)
    ages: dict[str, Any] = {"age-now": r.integers(18, 80, 300)}
    table = numbers(300, **ages, job=r.choice(["clerk", "nurse", "smith"], 300))
    frame = table.select(["a", "age-now", "job"]).to_pandas().astype({"a": float})
    y = (frame["a"] + (frame["job"] == "nurse") + frame["age-now"] / 40 + r.normal(size=300) > 1.5).astype(
        int
    )
    table = table.set_column(table.column_names.index("y"), "y", pa.array(y))
    own = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "age-now"]), (OneHotEncoder(), ["job"])),
        LogisticRegression(),
    ).fit(frame, y)
    types = [
        ("a", DoubleTensorType([None, 1])), ("age-now", Int64TensorType([None, 1])),
        ("job", StringTensorType([None, 1])),
    ]  # fmt: skip
    # Doubles and maps do not go together in a graph.
    path, plain = tmp_path / "m.onnx", {id(own): {"zipmap": False}}
    path.write_bytes(skl2onnx.convert_sklearn(own, initial_types=types, options=plain).SerializeToString())
    model = load("onnx", table, path=str(path))
    found = model.score(batch(table, model), None)
    assert model.columns == ["a", "age-now", "job"]
    np.testing.assert_allclose(found.score, own.predict_proba(frame)[:, 1], atol=1e-5)
    np.testing.assert_array_equal(found.decision, own.predict(frame) == 1)
    worse = table.set_column(table.column_names.index("age-now"), "age-now", pa.array(["old"] * 300))
    with pytest.raises(InputError, match=r"its input 'age_now' takes a tensor\(int64\), the rows give text"):
        load("onnx", worse, path=str(path))
    with pytest.raises(InputError, match="lacks the column 'job'"):
        load("onnx", table.drop_columns(["job"]), path=str(path))
    given = load(
        "onnx", table.rename_columns({"job": "work"}), path=str(path), features=["a", "age-now", "work"]
    )
    assert given.columns == ["a", "age-now", "work"]
    with pytest.raises(
        InputError, match=r"^model.features: the model has 3 inputs \('a', 'age_now', 'job'\), got 1"
    ):
        load("onnx", table, path=str(path), features=["a"])


# --- graphs of torch ---------------------------------------


def decisive(outputs: int = 2) -> Any:
    """An MLP whose decisions are mixed and whose logits go far from zero."""
    import torch

    module = mlp(outputs=outputs)
    with torch.no_grad():
        z = module(torch.from_numpy(matrix(numbers(400))))
        module[-1].weight.mul_(12)
        module[-1].bias.copy_(12 * (module[-1].bias - z.median(dim=0).values))
    return module.eval()


def ends(end: str, outputs: int = 2) -> Any:
    """A module that ends in an operator, and its truth: probabilities of the positive class."""
    import torch

    inner = decisive(outputs)

    class Ending(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            z = self.inner(x)
            made = {
                "logits": lambda: z,
                "softmax": lambda: torch.softmax(z, dim=1),
                "sigmoid": lambda: torch.sigmoid(z),
                "log": lambda: torch.log_softmax(z, dim=1),
                "flat": lambda: torch.sigmoid(z).squeeze(1),
                "deep": lambda: z[:, None, :],
                "columns": lambda: torch.cat([1 - torch.sigmoid(z), torch.sigmoid(z)], dim=1),
                "label": lambda: z.argmax(dim=1),
            }
            return made[end]()

    return Ending().eval()


def truth(table: pa.Table, outputs: int = 2) -> np.ndarray:
    import torch

    with torch.no_grad():
        z = decisive(outputs)(torch.from_numpy(matrix(table))).numpy().astype(float)
    return scipy.special.softmax(z, axis=1)[:, 1] if outputs == 2 else scipy.special.expit(z[:, 0])


CASES = [
    ("logits", 2), ("logits", 1), ("softmax", 2), ("sigmoid", 1), ("log", 2), ("flat", 1), ("deep", 2),
    ("columns", 1),
]  # fmt: skip


def written(module: Any, end: str, folder: Path) -> str:
    """A module as an exported program with a free batch."""
    import torch

    x, path = torch.from_numpy(matrix(numbers(2))), folder / "m.pt2"
    torch.export.save(
        torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)), str(path)
    )
    return str(path)


def by_hand(
    module: Any, end: str, folder: Path, rows: int | str = "rows", outputs: tuple[Any, ...] = ("out",)
) -> str:
    """The same operators as an ONNX graph."""
    from onnx import TensorProto, helper, numpy_helper

    node, tensors, nodes, last = helper.make_node, [], [], "x"
    for i, layer in enumerate(module.inner):
        if hasattr(layer, "weight"):
            tensors += [
                numpy_helper.from_array(p.detach().numpy(), f"{n}{i}")
                for n, p in (("w", layer.weight), ("b", layer.bias))
            ]
            nodes.append(node("Gemm", [last, f"w{i}", f"b{i}"], [f"h{i}"], transB=1))
        else:
            nodes.append(node("Relu", [last], [f"h{i}"]))
        last = f"h{i}"
    one = numpy_helper.from_array(np.array([1], np.int64), "one")
    whole = numpy_helper.from_array(np.array([1], np.float32), "whole")
    nodes += {
        "logits": lambda: [node("Identity", [last], ["out"])],
        "softmax": lambda: [node("Softmax", [last], ["out"], axis=1)],
        "sigmoid": lambda: [node("Sigmoid", [last], ["out"])],
        "log": lambda: [node("LogSoftmax", [last], ["out"], axis=1)],
        "flat": lambda: [node("Sigmoid", [last], ["p"]), node("Squeeze", ["p", "one"], ["out"])],
        "deep": lambda: [node("Unsqueeze", [last, "one"], ["out"])],
        "columns": lambda: [
            node("Sigmoid", [last], ["p"]), node("Sub", ["whole", "p"], ["q"]),
            node("Concat", ["q", "p"], ["out"], axis=1),
        ],
        "labelled": lambda: [
            node("ArgMax", [last], ["label"], axis=1, keepdims=0), node("Identity", [last], ["logits"]),
        ],
        "both": lambda: [
            node("Softmax", [last], ["probs"], axis=1), node("Identity", [last], ["logits"]),
            node("Identity", ["x"], ["extra"]),
        ],
    }[end]()  # fmt: skip
    made = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, 4])],
        [
            helper.make_tensor_value_info(n, TensorProto.INT64 if n == "label" else TensorProto.FLOAT, None)
            for n in outputs
        ],
        [*tensors, one, whole],
    )  # fmt: skip
    path = folder / "m.onnx"
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return str(path)


@pytest.mark.parametrize(
    ("end", "outputs", "how"),
    [(*case, how) for case in CASES for how in ("factory", "onnx")]
    + [("logits", 2, "pt2"), ("softmax", 2, "pt2"), ("sigmoid", 1, "pt2")],
)
def test_whatever_a_module_ends_in_the_score_is_the_probability(
    end: str, outputs: int, how: Any, rows: pa.Table, tmp_path: Path, module_of: Callable[..., str]
) -> None:
    module = ends(end, outputs)
    if how == "factory":
        spec: dict[str, Any] = {"kind": "torch", "factory": module_of(module)}
    else:
        make = by_hand if how == "onnx" else written
        spec = {"kind": "onnx" if how == "onnx" else "torch", "path": make(module, end, tmp_path)}
    model = load(table=rows, features=FEATURES, **spec)
    found = model.score(batch(rows, model), None)
    expected = truth(rows, outputs)
    np.testing.assert_allclose(found.score, expected, atol=1e-5)
    clear = np.abs(expected - 0.5) > 1e-5
    np.testing.assert_array_equal(found.decision[clear], expected[clear] >= 0.5)
    assert 0.1 < found.decision.mean() < 0.9


@pytest.fixture
def module_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Name a function that returns a module, as model.factory names one."""
    import sys
    import types

    def name(module: Any) -> str:
        holder: Any = types.ModuleType("modules_of_outputs")
        holder.make = lambda: module
        monkeypatch.setitem(sys.modules, "modules_of_outputs", holder)
        return "modules_of_outputs:make"

    return name


def test_a_graph_of_one_batch_size_scores_every_row(rows: pa.Table, tmp_path: Path) -> None:
    path = by_hand(ends("softmax"), "softmax", tmp_path, rows=7)
    assert ort.InferenceSession(path).get_inputs()[0].shape[0] == 7
    _, found = scored(rows, path=path)
    np.testing.assert_allclose(found.score, truth(rows), atol=1e-5)


def test_logits_and_probabilities_side_by_side_are_both_read_as_what_they_are(
    rows: pa.Table, tmp_path: Path
) -> None:
    path = by_hand(ends("logits"), "both", tmp_path, outputs=("probs", "logits", "extra"))
    for spec in ({}, {"output_name": "probs"}, {"output_name": "logits"}, {"output": "probabilities"}):
        _, found = scored(rows, path=str(path), **spec)
        np.testing.assert_allclose(found.score, truth(rows), atol=1e-5)
    with pytest.raises(InputError, match=r"^model.output: probabilities, but .* goes from -"):
        scored(rows, path=str(path), output_name="logits", output="probabilities")


def test_one_line_asks_where_values_say_probabilities_and_nothing_makes_them_so(
    rows: pa.Table, tmp_path: Path, module_of: Callable[..., str]
) -> None:
    import torch

    class Clipped(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.clamp(x[:, :1] * 0.2 + 0.5, 0.05, 0.95)

    spec: dict[str, Any] = {"features": FEATURES, "factory": module_of(Clipped())}
    with pytest.raises(
        InputError,
        match=r"lies between .* probabilities or logits\? Set model.output: logits \| probabilities",
    ):
        load("torch", rows, **spec)
    share = np.clip(matrix(rows)[:, 0] * np.float32(0.2) + np.float32(0.5), 0.05, 0.95)
    model = load("torch", rows, output="probabilities", **spec)
    np.testing.assert_allclose(model.score(batch(rows, model), None).score, share, atol=1e-6)
    model = load("torch", rows, output="logits", **spec)
    np.testing.assert_allclose(
        model.score(batch(rows, model), None).score, scipy.special.expit(share.astype(float)), atol=1e-6
    )


def test_a_module_that_gives_labels_or_outputs_by_name_is_read_so(
    rows: pa.Table, module_of: Callable[..., str]
) -> None:
    import torch

    model = load("torch", rows, features=FEATURES, factory=module_of(ends("label")))
    found = model.score(batch(rows, model), None)
    np.testing.assert_array_equal(found.decision, truth(rows) > 0.5)
    assert found.score is None
    assert "threshold" not in model.describe()

    class Named(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = decisive()

        def forward(self, x: Tensor) -> dict[str, Any]:
            return {"features": x, "chance": torch.softmax(self.inner(x), dim=1)}

    spec: dict[str, Any] = {"features": FEATURES, "factory": module_of(Named())}
    model = load("torch", rows, output_name="chance", **spec)
    np.testing.assert_allclose(model.score(batch(rows, model), None).score, truth(rows), atol=1e-6)
    with pytest.raises(InputError, match=r"^model.output_name: .* expected one of features, chance"):
        load("torch", rows, **spec)
    with pytest.raises(
        InputError, match=r"^model.output_name: the module gives no 'odds'; it gives features"
    ):
        load("torch", rows, output_name="odds", **spec)


def test_an_output_that_is_squeezed_is_one_of_a_row_that_comes_alone(
    rows: pa.Table, tmp_path: Path, module_of: Callable[..., str]
) -> None:
    """``squeeze()`` takes every axis of length one, that of the rows too."""
    import torch

    class Squeezed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = decisive()

        def forward(self, x: Tensor) -> Tensor:
            return torch.softmax(self.inner(x), dim=1)[:, 1:].sigmoid().squeeze()

    # As many rows as leave one for the last batch, and each for itself.
    some = rows.slice(0, 65)
    expected = scipy.special.expit(truth(some))
    path = tmp_path / "squeezed.onnx"
    with quiet():
        torch.onnx.export(
            Squeezed(), (torch.ones(3, 4),), str(path), input_names=["x"], dynamic_axes={"x": {0: "n"}},
            dynamo=False,
        )  # fmt: skip
    specs: dict[str, dict[str, Any]] = {
        "torch": {"factory": module_of(Squeezed())},
        "onnx": {"path": str(path)},
    }
    for kind, spec in specs.items():
        for size in (64, 1):
            model = load(kind, some, features=FEATURES, batch_rows=size, **spec)
            np.testing.assert_allclose(model.score(batch(some, model), None).score, expected, atol=1e-6)


def test_three_classes_decide_by_the_likeliest(
    rows: pa.Table, tmp_path: Path, module_of: Callable[..., str]
) -> None:
    import torch

    module = mlp(outputs=3)
    with torch.no_grad():
        z = module(torch.from_numpy(matrix(rows))).numpy()
    p = scipy.special.softmax(z.astype(float), axis=1)[:, 2]
    assert ((z.argmax(1) == 2) != (p >= 0.5)).sum() > 10
    model = load("torch", rows, features=FEATURES, factory=module_of(module), positive="2")
    found = model.score(batch(rows, model), None)
    np.testing.assert_array_equal(found.decision, z.argmax(1) == 2)
    np.testing.assert_allclose(found.score, p, atol=1e-6)
    assert model.describe()["rule"] == "selected if the likeliest of the model's labels is a positive one"
    asked = load("torch", rows, features=FEATURES, factory=module_of(module), positive="2", threshold=0.5)
    np.testing.assert_array_equal(asked.score(batch(rows, asked), None).decision, p >= 0.5)


# --- half precision ---------------------------------------


@pytest.mark.parametrize("rows_in_batch", [1, 64])
def test_weights_that_are_no_layers_are_multiplied_in_their_own_type(
    rows_in_batch: int, module_of: Callable[..., str]
) -> None:
    """Of one row torch makes another product than of many, and complains in other words."""
    import torch

    class Mixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.experts = torch.nn.Parameter(torch.randn(3, 4, 8))
            self.gate, self.head = torch.nn.Linear(4, 3), torch.nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            parts = torch.einsum("ni,eio,ne->no", x, self.experts, torch.softmax(self.gate(x), 1))
            return self.head(torch.relu(parts))

    table = numbers(80)
    spec: dict[str, Any] = {"features": FEATURES, "factory": module_of(Mixed()), "batch_rows": rows_in_batch}
    model = load("torch", table, dtype="bfloat16", **spec)
    x = torch.from_numpy(matrix(table)).bfloat16()
    with torch.no_grad():
        expected = Mixed().bfloat16()(x).float().numpy()
    np.testing.assert_allclose(model.logits(batch(table, model)), expected, atol=0.1)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_codes_of_categories_are_not_cast_to_half_precision(
    dtype: str, module_of: Callable[..., str]
) -> None:
    import torch

    r = np.random.default_rng(1)
    # float16 holds whole numbers to 2,048, bfloat16 to 256.
    most = 300 if dtype == "bfloat16" else 5000
    table = numbers(400, code=r.integers(0, most, 400))

    class Codes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.codes, self.head = torch.nn.Embedding(most, 8), torch.nn.Linear(9, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.cat([self.codes(x[:, 0].long()), x[:, 1:]], dim=1))

    own = Codes().eval()
    x = torch.from_numpy(
        np.stack([table["code"].to_numpy(), table["a"].to_numpy()], axis=1).astype(np.float32)
    )
    half = getattr(torch, dtype)
    with torch.no_grad():
        plain = own(x).numpy()
        halved = Codes().eval().to(half)
        rounded = torch.cat([halved.codes(x[:, 0].long()), x[:, 1:].to(half)], dim=1)
        expected = halved.head(rounded).float().numpy()
    model = load("torch", table, features=["code", "a"], factory=module_of(Codes()), dtype=dtype)
    found = model.logits(batch(table, model))
    np.testing.assert_array_equal(found, expected)
    assert ((found[:, 1] > found[:, 0]) != (plain[:, 1] > plain[:, 0])).mean() < 0.02


# --- bad input ---------------------------------------


def graph(
    path: Path, nodes: list[Any], outputs: list[Any], inputs: Sequence[Any] = (("x", 1, [None, 4]),)
) -> str:
    from onnx import TensorProto, helper

    made = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(*i) for i in inputs],
        [helper.make_tensor_value_info(name, kind or TensorProto.FLOAT, None) for name, kind in outputs],
    )  # fmt: skip
    opsets = [
        helper.make_opsetid("", 18),
        helper.make_opsetid("ai.onnx.ml", 3),
        helper.make_opsetid("own", 1),
    ]
    model = helper.make_model(made, opset_imports=opsets, ir_version=9)
    path.write_bytes(model.SerializeToString())
    return str(path)


MAGIC = ("Magic", "own", 1, [None, 4])
BAD = {
    "an operator that nobody knows": (*MAGIC, {}, "is no ONNX model that can be read: .*Magic"),
    "no outputs": ("Identity", "", None, [None, 4], {}, "has no outputs|is no ONNX model that can be read"),
    "outputs that are NaN": ("Sqrt", "", 1, [None, 4], {"positive": "1"}, r"outputs of \d+ rows are NaN"),
    "another number of features": (
        "Identity", "", 1, [None, 9], {}, r"its input 'x' has the shape \(any, 9\), the rows give \(any, 4\)",
    ),
    "another rank": (
        "Identity", "", 1, [None, 3, 8, 8], {}, r"has the shape \(any, 3, 8, 8\), the rows give \(any, 4\)",
    ),
    "whole numbers": ("Identity", "", 7, [None, 4], {}, r"takes whole numbers \(tensor\(int64\)\), the"),
    "complex numbers": ("Identity", "", 14, [None, 4], {}, "complex64|is no ONNX|expected an"),
    "an output without rows": ("ReduceMean", "", 1, [None, 4], {}, "expected outputs of shape"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", BAD)
def test_graphs_that_cannot_be_read_are_one_line_each(case: Any, rows: pa.Table, tmp_path: Path) -> None:
    from onnx import helper

    operator, domain, kind, shape, spec, told = BAD[case]
    node = helper.make_node(
        operator,
        ["x"],
        ["y"],
        domain=domain,
        **({"keepdims": 0} if "Mean" in operator else {}),  # type: ignore[arg-type]
    )
    outputs = [] if kind is None else [("y", kind)]
    path = graph(tmp_path / "m.onnx", [node], outputs, [("x", kind or 1, shape)])
    with pytest.raises(InputError, match=told) as raised:
        scored(rows, path=path, **spec)
    assert "\n" not in str(raised.value)


def test_the_first_row_whose_outputs_are_nan_is_named(rows: pa.Table, tmp_path: Path) -> None:
    from onnx import helper

    # Only one row has a value below -2.9 in its first feature, and the root of a negative number is none.
    low = np.sort(matrix(rows)[:, :2].min(axis=1))
    shift = -(low[0] + low[1]) / 2
    nodes = [
        helper.make_node("Constant", [], ["c"], value_floats=[float(shift)]),
        helper.make_node("Add", ["x", "c"], ["s"]), helper.make_node("Sqrt", ["s"], ["y"]),
    ]  # fmt: skip
    path = graph(tmp_path / "m.onnx", nodes, [("y", 1)], [("x", 1, [None, 2])])
    model = load("onnx", rows, path=path, features=["a", "b"], output="logits")
    of = batch(rows, model)
    row = int(matrix(rows)[:, :2].min(axis=1).argmin())
    with pytest.raises(
        InputError, match=rf"outputs of 1 row are NaN or infinite, the first of them id 'p{row}'$"
    ):
        model.score(of, rows["id"].combine_chunks())


def load_positive(table: pa.Table, word: str, **spec: Any) -> NeuralModel:
    """A torch module beside data whose positive label is named."""
    data = EvaluationSet(table, sensitive=["sex", "race"], label="y", positive=word, id="id")
    model = neural("torch", model_spec({"kind": "torch", **spec}), data, 0)
    assert isinstance(model, NeuralModel)
    return model


def test_two_outputs_without_names_are_in_the_order_no_yes_whichever_is_positive(
    rows: pa.Table, module_of: Callable[..., str]
) -> None:
    two = {"features": FEATURES, "factory": module_of(ends("softmax"))}
    words = pa.array(["yes" if v else "no" for v in rows["y"].to_pylist()])
    flags = pa.array([bool(v) for v in rows["y"].to_pylist()])
    for labels, no, yes in ((rows["y"], "0", "1"), (words, "no", "yes"), (flags, "False", "True")):
        table = rows.set_column(rows.column_names.index("y"), "y", labels)
        for word, expected in ((yes, truth(rows)), (no, 1 - truth(rows))):
            model = load_positive(table, word, **two)
            found = model.score(batch(table, model), None)
            np.testing.assert_allclose(found.score, expected, atol=1e-6)


def test_one_output_is_no_score_of_the_label_0(rows: pa.Table, module_of: Callable[..., str]) -> None:
    import torch

    class One(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = decisive()

        def forward(self, x: Tensor) -> Tensor:
            z = self.inner(x)
            return torch.sigmoid(z[:, 1] - z[:, 0])

    one = {"features": FEATURES, "factory": module_of(One())}
    model = load_positive(rows, "1", **one)
    np.testing.assert_allclose(model.score(batch(rows, model), None).score, truth(rows), atol=1e-6)
    with pytest.raises(InputError, match=r"^model.positive: the model has one output.*'0' is positive"):
        load_positive(rows, "0", **one)


@pytest.mark.parametrize("made", ["logsigmoid", "log", "log_softmax", "percent"])
def test_one_column_of_logarithms_or_percentages_is_no_logit(
    made: str, rows: pa.Table, module_of: Callable[..., str]
) -> None:
    # As logits all of them lie on one side of 0: nobody, or everybody, would be selected.
    import torch

    class Ends(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = decisive()

        def forward(self, x: Tensor) -> Tensor:
            z = self.inner(x)
            margin = z[:, 1:] - z[:, :1]
            if made == "log_softmax":
                return torch.log_softmax(z, dim=1)[:, 1]
            if made == "logsigmoid":
                return torch.nn.functional.logsigmoid(margin)
            return torch.log(torch.sigmoid(margin)) if made == "log" else 100 * torch.sigmoid(margin)

    with pytest.raises(InputError, match=r"neither probabilities nor logits; let the model end in one"):
        load("torch", rows, features=FEATURES, factory=module_of(Ends()))


@pytest.mark.parametrize("kind", ["linear", "boosting"])
def test_a_regressor_of_0_and_1_is_no_logit(kind: str, rows: pa.Table, tmp_path: Path) -> None:
    # As logits nearly everybody would be selected: the numbers lie around a half.
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    regressor = {"linear": LinearRegression(), "boosting": GradientBoostingRegressor(n_estimators=60)}[kind]
    regressor.fit(3 * matrix(rows), rows["y"].to_numpy())
    made = skl2onnx.convert_sklearn(regressor, initial_types=[("x", FloatTensorType([None, 4]))])
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(
        InputError, match=r"regressor: neither probabilities nor logits|probabilities or logits\? Set"
    ):
        scored(rows, path=str(tmp_path / "m.onnx"))


def test_logits_beside_a_label_rank_rows_as_their_probabilities_do(rows: pa.Table, tmp_path: Path) -> None:
    # One logit of two does not: scores of 0.9 and 0.1 may have the same one.
    path = by_hand(ends("logits"), "labelled", tmp_path, outputs=("label", "logits"))
    _, found = scored(rows, path=str(path))
    np.testing.assert_array_equal(found.decision, truth(rows) > 0.5)
    np.testing.assert_allclose(scipy.special.expit(2 * found.score), truth(rows), atol=1e-5)


def test_words_of_a_graph_that_the_data_do_not_know_are_asked_about(tmp_path: Path) -> None:
    """A graph that says labels alone and names no classes: nobody was selected, as none of them is '1'."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    words = numpy_helper.from_array(np.array(["denied", "approved"], object), "words")
    nodes = [
        helper.make_node("ArgMax", ["x"], ["place"], axis=1, keepdims=0),
        helper.make_node("Gather", ["words", "place"], ["label"]),
    ]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])]
    made = [helper.make_tensor_value_info("label", TensorProto.STRING, [None])]
    graph = helper.make_graph(nodes, "g", given, made, [words])
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    table = numbers(60)
    with pytest.raises(InputError, match="none of them is named as positive; say which is positive"):
        load("onnx", table, path=str(path), features=FEATURES[:2])
    model = load("onnx", table, path=str(path), features=FEATURES[:2], positive="approved")
    found = model.score(batch(table, model), None).decision
    x = np.stack([table[name].to_numpy() for name in FEATURES[:2]], axis=1)
    assert (found == (x.argmax(axis=1) == 1)).all()
