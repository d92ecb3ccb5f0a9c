"""Models of classes, labels and numbers: what they say of each row is what their library says of it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.special
from fairweigh.datasets.errors import InputError

from ..tiny import FEATURES, batch, load, numbers, save_bert, texts, write_mlp

CLASSES = ["low", "middle", "high"]
MULTICLASS = {"task": "multiclass", "classes": CLASSES}
LABELS = {"task": "multilabel", "label": None, "labels": ["u", "v", "w"]}


def of_classes(make: Any, n: int = 120, **columns: Any) -> pa.Table:
    """Rows of three classes, in an order of their own."""
    return make(n, y=[CLASSES[i] for i in np.random.default_rng(3).integers(0, 3, n)], **columns)


def of_labels(make: Any, n: int = 120) -> pa.Table:
    """Rows of three labels, a column each."""
    drawn = np.random.default_rng(4).integers(0, 2, (n, 3))
    return make(n, u=drawn[:, 0], v=drawn[:, 1], w=drawn[:, 2])


def of_numbers(make: Any, n: int = 120) -> pa.Table:
    """Rows of a number, as of prices."""
    return make(n, y=1000 * np.random.default_rng(5).normal(size=n))


def multilabel(kind: str, table: pa.Table, **spec: Any) -> Any:
    roles = {key: value for key, value in LABELS.items() if key != "label"}
    return load(kind, table, None, roles, **spec)


def one_by_one(folder: Path, table: pa.Table) -> np.ndarray:
    """Outputs of transformers' forward pass, row by row, without padding."""
    import torch
    import transformers

    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = []
    with torch.no_grad():
        for text in table["text"].to_pylist():
            inputs = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
            rows.append(model(**inputs).logits[0].double().numpy())
    return np.stack(rows)


def of_module(module: Any, table: pa.Table) -> np.ndarray:
    """Outputs of a torch module, row by row."""
    import torch

    x = torch.from_numpy(np.stack([table[c].to_numpy() for c in FEATURES], 1))
    with torch.no_grad():
        return np.stack([module(row[None])[0].double().numpy() for row in x])


@pytest.fixture
def factory(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a module that a factory makes: ``factory("name", "torch.nn....")`` gives ``name:make``."""
    monkeypatch.syspath_prepend(str(here))

    def write(name: str, code: str) -> str:
        text = f"import torch\n\n\ndef make():\n    torch.manual_seed(0)\n    return {code}\n"
        (here / f"{name}.py").write_text(text)
        return f"{name}:make"

    return write


def made(name: str) -> Any:
    import importlib

    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)().eval()


# --- transformers ----------------------------------------


def bert_of(tmp_path: Path, names: list[str], problem: str | None = None) -> Path:
    settings: dict[str, Any] = {
        "id2label": dict(enumerate(names)),
        "label2id": {n: i for i, n in enumerate(names)},
    }
    return save_bert(tmp_path / "bert", num_hidden_layers=2, problem_type=problem, **settings)


def test_classes_of_texts_are_transformers_softmax_whatever_their_order_and_case(tmp_path: Path) -> None:
    folder = bert_of(tmp_path, ["High", "low", "middle"])
    table = of_classes(texts)
    model = load("transformers", table, "y", MULTICLASS, text="text", path=str(folder))
    logits = one_by_one(folder, table)
    scored = model.score(batch(table, model), None)
    assert (model.task, model.classes) == ("multiclass", ("high", "low", "middle"))
    np.testing.assert_allclose(scored.score, scipy.special.softmax(logits, 1), atol=1e-5)
    np.testing.assert_array_equal(scored.decision, logits.argmax(1))
    assert len(set(scored.decision)) > 1
    assert model.describe()["rule"] == "the likeliest class"


def test_outputs_without_names_have_the_names_that_the_configuration_lists(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "bert", num_hidden_layers=1, num_labels=3)
    table = of_classes(texts)
    model = load("transformers", table, "y", MULTICLASS, text="text", path=str(folder))
    assert model.classes == tuple(CLASSES)
    with pytest.raises(
        InputError, match=r"its 3 outputs have no names.* 'high', 'low', 'middle'.*data\.classes"
    ):
        load("transformers", table, "y", {"task": "multiclass"}, text="text", path=str(folder))
    numbered = of_classes(texts).set_column(5, "y", pa.array(np.arange(120) % 3))
    model = load("transformers", numbered, "y", {"task": "multiclass"}, text="text", path=str(folder))
    assert model.classes == ("0", "1", "2")


def test_a_class_that_no_row_has_is_still_one_of_the_models(tmp_path: Path) -> None:
    folder = bert_of(tmp_path, CLASSES)
    table = texts(40, y=["low", "high"] * 20)
    model = load("transformers", table, "y", {"task": "multiclass"}, text="text", path=str(folder))
    assert model.classes == tuple(CLASSES)
    assert model.score(batch(table, model), None).score.shape == (40, 3)


def test_labels_of_texts_are_transformers_sigmoids(tmp_path: Path) -> None:
    folder = bert_of(tmp_path, ["u", "v", "w"], "multi_label_classification")
    table = of_labels(texts)
    model = multilabel("transformers", table, text="text", path=str(folder))
    chances = scipy.special.expit(one_by_one(folder, table))
    scored = model.score(batch(table, model), None)
    assert (model.task, model.classes) == ("multilabel", ("u", "v", "w"))
    np.testing.assert_allclose(scored.score, chances, atol=1e-5)
    np.testing.assert_array_equal(scored.decision, chances >= 0.5)
    eager = multilabel("transformers", table, text="text", path=str(folder), threshold=0.2)
    np.testing.assert_array_equal(eager.score(batch(table, eager), None).decision, chances >= 0.2)


@pytest.mark.parametrize("problem", ["regression", None])
def test_a_number_of_a_text_is_transformers_only_output(problem: str | None, tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "bert", num_hidden_layers=1, num_labels=1, problem_type=problem)
    table = of_numbers(texts)
    model = load("transformers", table, "y", {"task": "regression"}, text="text", path=str(folder))
    scored = model.score(batch(table, model), None)
    assert (model.task, model.classes, model.probability) == ("regression", (), False)
    assert scored.decision is None
    np.testing.assert_allclose(scored.score, one_by_one(folder, table)[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("names", "problem", "roles", "told"),
    [
        (CLASSES, "regression", MULTICLASS, r"its head is a regression; expected one that gives classes"),
        (CLASSES, "multi_label_classification", MULTICLASS, r"labels each by itself; expected cla"),
        (["a"], None, MULTICLASS, r"it has one output; expected an output for each"),
        (["low", "high"], None, MULTICLASS, r"the 3 classes .*'low', 'mi.* has 2 \('low', 'h"),
        (["a", "b", "c"], None, MULTICLASS, r"called 'a', 'b', 'c', the classes.* 'low', 'mi"),
        (["a", "b", "c"], None, {"task": "multiclass"}, r"called 'a', .* of the data 'high'"),
        (CLASSES, None, {"task": "regression"}, r"it has 3 outputs; expected one, the number"),
        (CLASSES, "single_label_classification", {"task": "regression"}, r"its head gives classes; exp"),
    ],
)  # fmt: skip
def test_a_head_of_another_task_or_other_classes_is_one_line(
    names: list[str], problem: str | None, roles: Mapping[str, Any], told: str, tmp_path: Path
) -> None:
    folder = bert_of(tmp_path, names, problem)
    table = of_numbers(texts) if roles["task"] == "regression" else of_classes(texts)
    with pytest.raises(InputError, match=told):
        load("transformers", table, "y", roles, text="text", path=str(folder))


@pytest.mark.parametrize(
    ("names", "problem", "told"),
    [
        (
            ["u", "v", "w"],
            "single_label_classification",
            "classes that exclude each other; expected labels each",
        ),
        (["u", "v"], None, r"each of the 3 classes of the data \('u', 'v', 'w'\), it has 2 \('u', 'v'\)"),
        (["u", "v", "x"], None, r"called 'u', 'v', 'x', the classes of the data 'u', 'v', 'w'"),
    ],
)
def test_labels_that_are_others_are_refused_in_one_line(
    names: list[Any], problem: str | None, told: str, tmp_path: Path
) -> None:
    folder = bert_of(tmp_path, names, problem)
    with pytest.raises(InputError, match=told):
        multilabel("transformers", of_labels(texts), text="text", path=str(folder))


@pytest.mark.parametrize(
    ("roles", "spec", "told"),
    [
        (
            MULTICLASS,
            {"threshold": 0.3},
            r"of several classes none is decided by a threshold",
        ),
        (
            MULTICLASS,
            {"positive": "low"},
            r"in the task multiclass no output is the positive",
        ),
        ({"task": "regression"}, {"threshold": 0.3}, r"model\.threshold: a regression decides nothing"),
        (
            {"task": "regression"},
            {"output": "logits"},
            r"in the task regression the output stands as it",
        ),
    ],
)
def test_keys_that_another_task_has_are_refused(
    roles: Mapping[str, Any], spec: dict[str, Any], told: str, factory: Callable[..., str]
) -> None:
    count = 1 if roles["task"] == "regression" else 3
    name = factory(f"of_keys_{count}_{len(spec)}_{'threshold' in spec}", f"torch.nn.Linear(4, {count})")
    table = of_numbers(numbers) if count == 1 else of_classes(numbers)
    with pytest.raises(InputError, match=told):
        load("torch", table, "y", roles, factory=name, features=FEATURES, **spec)


# --- torch modules ----------------------------------------


def test_classes_of_a_module_are_the_softmax_of_its_logits(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(here))
    name = write_mlp(here, "mlp_of_classes", outputs=3)
    table = of_classes(numbers)
    model = load("torch", table, "y", MULTICLASS, factory=name, features=FEATURES)
    logits = of_module(made(name), table)
    scored = model.score(batch(table, model), None)
    np.testing.assert_allclose(scored.score, scipy.special.softmax(logits, 1), atol=1e-6)
    np.testing.assert_array_equal(scored.decision, logits.argmax(1))


def test_probabilities_of_a_module_are_read_as_they_are(factory: Callable[..., str]) -> None:
    name = factory("of_softmax", "torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1))")
    table = of_classes(numbers)
    model = load("torch", table, "y", MULTICLASS, factory=name, features=FEATURES)
    outputs = of_module(made(name), table)
    np.testing.assert_allclose(model.score(batch(table, model), None).score, outputs, atol=1e-7)
    with pytest.raises(InputError, match="classes that exclude each other; expected labels each by itself"):
        multilabel("torch", of_labels(numbers), factory=name, features=FEATURES)


def test_chances_of_a_module_are_labels_and_no_classes(factory: Callable[..., str]) -> None:
    name = factory("of_sigmoids", "torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Sigmoid())")
    table = of_labels(numbers)
    model = multilabel("torch", table, factory=name, features=FEATURES)
    outputs = of_module(made(name), table)
    scored = model.score(batch(table, model), None)
    np.testing.assert_allclose(scored.score, outputs, atol=1e-7)
    np.testing.assert_array_equal(scored.decision, outputs >= 0.5)
    with pytest.raises(InputError, match="labels each by itself; expected classes that exclude each other"):
        load("torch", of_classes(numbers), "y", MULTICLASS, factory=name, features=FEATURES)


def test_whole_numbers_of_a_module_are_places_of_classes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(here))
    (here / "of_places.py").write_text(
        "import torch\n\n\nclass Places(torch.nn.Linear):\n    def forward(self, x):\n"
        "        return super().forward(x).argmax(dim=1)\n\n\n"
        "def make():\n    torch.manual_seed(0)\n    return Places(4, 3)\n"
    )
    table = of_classes(numbers)
    model = load("torch", table, "y", MULTICLASS, factory="of_places:make", features=FEATURES)
    module = made("of_places:make")
    scored = model.score(batch(table, model), None)
    assert scored.score is None
    np.testing.assert_array_equal(scored.decision, of_module(module, table).astype(int))
    with pytest.raises(
        InputError, match="expected the labels 0 and 1, or scores; the module gives labels such as 2"
    ):
        load("torch", table, "y", {"positive": "low"}, factory="of_places:make", features=FEATURES)


def test_a_number_of_a_module_stands_as_it_is_whatever_its_range(factory: Callable[..., str]) -> None:
    # Between 0 and 1 on every row: for classes the configuration would be asked what that is.
    name = factory("of_share", "torch.nn.Sequential(torch.nn.Linear(4, 1), torch.nn.Hardtanh(0.2, 0.7))")
    table = of_numbers(numbers)
    model = load("torch", table, "y", {"task": "regression"}, factory=name, features=FEATURES)
    scored = model.score(batch(table, model), None)
    np.testing.assert_allclose(scored.score, of_module(made(name), table)[:, 0], atol=1e-7)
    assert scored.score.min() >= 0.2
    assert "rule" not in model.describe()


# --- graphs ----------------------------------------


def graph_of(fitted: Any, path: Path, **options: Any) -> Path:
    """A scikit-learn model in ONNX, as skl2onnx writes it."""
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType

    made = skl2onnx.convert_sklearn(
        fitted, initial_types=[("x", FloatTensorType([None, 4]))], options={id(fitted): options}
    )
    path.write_bytes(made.SerializeToString())
    return path


def of_runtime(path: Path, table: pa.Table) -> list[Any]:
    """All outputs of onnxruntime, row by row."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    x = np.stack([table[c].to_numpy() for c in FEATURES], 1)
    rows = [session.run(None, {"x": row[None]}) for row in x]
    return [[row[i][0] for row in rows] for i in range(len(rows[0]))]


@pytest.mark.parametrize("zipmap", [False, True])
def test_a_graph_of_classes_says_its_own_and_their_probabilities(zipmap: bool, tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    table = of_classes(numbers)
    x = np.stack([table[c].to_numpy() for c in FEATURES], 1)
    fitted = LogisticRegression(C=100).fit(x, table["y"].to_pylist())
    path = graph_of(fitted, tmp_path / "model.onnx", zipmap=zipmap)
    model = load("onnx", table, "y", {"task": "multiclass"}, path=str(path), features=FEATURES)
    scored = model.score(batch(table, model), None)
    labels, chances = of_runtime(path, table)
    wanted = [[row[n] for n in model.classes] for row in chances] if zipmap else np.stack(chances)
    assert model.classes == ("high", "low", "middle")
    np.testing.assert_allclose(scored.score, wanted, atol=1e-6)
    assert [model.classes[i] for i in scored.decision] == labels == fitted.predict(x).tolist()


def test_a_graph_that_says_labels_alone_gives_no_scores(tmp_path: Path) -> None:
    import onnx
    from sklearn.tree import DecisionTreeClassifier

    table = of_classes(numbers)
    x = np.stack([table[c].to_numpy() for c in FEATURES], 1)
    fitted = DecisionTreeClassifier(max_depth=3, random_state=0).fit(x, table["y"].to_pylist())
    path = graph_of(fitted, tmp_path / "model.onnx")
    graph = onnx.load(str(path))
    del graph.graph.output[1]
    onnx.save(graph, str(path))
    model = load("onnx", table, "y", MULTICLASS, path=str(path), features=FEATURES)
    scored = model.score(batch(table, model), None)
    assert scored.score is None
    assert [model.classes[i] for i in scored.decision] == fitted.predict(x).tolist()


def test_margins_of_a_graph_are_no_probabilities(tmp_path: Path) -> None:
    from sklearn.svm import LinearSVC

    table = of_classes(numbers)
    x = np.stack([table[c].to_numpy() for c in FEATURES], 1)
    fitted = LinearSVC(random_state=0).fit(x, table["y"].to_pylist())
    path = graph_of(fitted, tmp_path / "model.onnx")
    model = load("onnx", table, "y", MULTICLASS, path=str(path), features=FEATURES)
    scored = model.score(batch(table, model), None)
    assert scored.score is None
    assert [model.classes[i] for i in scored.decision] == fitted.predict(x).tolist()


@pytest.mark.parametrize("whole", [False, True])
def test_a_number_of_a_graph_is_its_output(whole: bool, tmp_path: Path) -> None:
    import onnx
    from sklearn.linear_model import Ridge

    table = of_numbers(numbers)
    x = np.stack([table[c].to_numpy() for c in FEATURES], 1)
    path = graph_of(Ridge().fit(x, table["y"].to_numpy()), tmp_path / "model.onnx")
    if whole:
        graph = onnx.load(str(path))
        output = graph.graph.output[0]
        cast = onnx.helper.make_node("Cast", [output.name], ["counted"], to=onnx.TensorProto.INT64)
        graph.graph.node.append(cast)
        graph.graph.output[0].CopyFrom(
            onnx.helper.make_tensor_value_info("counted", onnx.TensorProto.INT64, [None, 1])
        )
        onnx.save(graph, str(path))
    model = load("onnx", table, "y", {"task": "regression"}, path=str(path), features=FEATURES)
    scored = model.score(batch(table, model), None)
    assert scored.decision is None
    np.testing.assert_allclose(scored.score, np.ravel(of_runtime(path, table)[0]), rtol=1e-5)


def test_labels_of_a_graph_are_its_chances(tmp_path: Path) -> None:
    from sklearn.neural_network import MLPClassifier

    table = of_labels(numbers)
    x = np.stack([table[c].to_numpy() for c in FEATURES], 1)
    y = np.stack([table[c].to_numpy() for c in "uvw"], 1)
    fitted = MLPClassifier([4], max_iter=5000, random_state=0).fit(x, y)
    path = graph_of(fitted, tmp_path / "model.onnx", zipmap=False)
    model = multilabel("onnx", table, path=str(path), features=FEATURES)
    scored = model.score(batch(table, model), None)
    np.testing.assert_allclose(scored.score, np.stack(of_runtime(path, table)[1]), atol=1e-6)
    np.testing.assert_array_equal(scored.decision, fitted.predict(x).astype(bool))
