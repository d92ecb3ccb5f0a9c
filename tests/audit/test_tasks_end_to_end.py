"""Models of every task from file to page: each slice's figure is scikit-learn's, of what the model says."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import skops.io
from fairweigh.datasets.synthetic_images import pictures
from PIL import Image
from sklearn import metrics as theirs
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier

from ..models.test_tasks import CLASSES, bert_of, graph_of, made, of_module, of_runtime, one_by_one
from ..tiny import FEATURES, numbers, save_vit, texts

LABELS = ["u", "v", "w"]
N = 120

ROLES: dict[str, Any] = {
    "multiclass": {"label": "y", "classes": CLASSES},
    "multilabel": {"label": None, "labels": LABELS},
    "regression": {"label": "y"},
}
FIGURES: dict[str, tuple[str, str, Callable[..., float]]] = {
    "multiclass": ("accuracy", "Accuracy", theirs.accuracy_score),
    "multilabel": (
        "micro_f1", "Micro F1 score", lambda y, said: float(theirs.f1_score(y, said, average="micro"))
    ),
    "regression": ("mean_absolute_error", "Mean absolute error", theirs.mean_absolute_error),
}  # fmt: skip
LINEAR = "import torch\n\n\ndef make():\n    torch.manual_seed(1)\n    return torch.nn.Linear(4, {outputs})\n"
FUNCTION = """
import numpy as np


def say(frame):
    x = frame[["a", "b", "c"]].to_numpy()
    return {returned}
"""
RETURNED = {
    "multiclass": f"np.array({CLASSES}, dtype=object)[x.argmax(axis=1)]",
    "multilabel": "x > 0.2",
    "regression": "20 * x[:, 0] + x[:, 1]",
}


def outcomes(task: str, x: np.ndarray) -> dict[str, Any]:
    """The columns of what is to be said of rows, which follow their features with noise."""
    noisy = x + np.random.default_rng(5).normal(size=x.shape)
    if task == "multiclass":
        return {"y": [CLASSES[place] for place in noisy[:, :3].argmax(axis=1)]}
    if task == "multilabel":
        return {name: (noisy[:, place] > 0).astype(int) for place, name in enumerate(LABELS)}
    return {"y": 20 * noisy[:, 0] + noisy[:, 1]}


def decided(task: str, outputs: np.ndarray) -> Any:
    """What outputs of a network say: logits of classes, logits of labels, or numbers."""
    if task == "multiclass":
        return np.array(CLASSES)[outputs.argmax(axis=1)]
    return outputs > 0 if task == "multilabel" else outputs[:, 0]


def estimator(task: str, table: pa.Table) -> tuple[Any, np.ndarray]:
    """A fitted estimator, and the features."""
    x = np.stack([table[name].to_numpy() for name in FEATURES], axis=1)
    if task == "multilabel":
        y = np.stack([table[name].to_numpy() for name in LABELS], axis=1)
        return MultiOutputClassifier(LogisticRegression()).fit(x, y), x
    return (LogisticRegression() if task == "multiclass" else Ridge()).fit(x, table["y"].to_pylist()), x


def of_sklearn(task: str, table: pa.Table) -> tuple[dict[str, Any], Any]:
    fitted, x = estimator(task, table)
    skops.io.dump(fitted, "m.skops")
    return {"path": "m.skops", "features": FEATURES}, fitted.predict(x)


def of_onnx(task: str, table: pa.Table) -> tuple[dict[str, Any], Any]:
    fitted, x = estimator(task, table)
    if task == "multilabel":
        y = np.stack([table[name].to_numpy() for name in LABELS], axis=1)
        fitted = MLPClassifier([4], max_iter=50, learning_rate_init=0.05, random_state=0).fit(x, y)
    options = {} if task == "regression" else {"zipmap": False}
    said = of_runtime(graph_of(fitted, Path("m.onnx"), **options), table)[0]
    return {"path": "m.onnx", "features": FEATURES}, np.squeeze(np.array(said))


def of_torch(task: str, table: pa.Table) -> tuple[dict[str, Any], Any]:
    name = f"linear_of_{task}"
    Path(f"{name}.py").write_text(LINEAR.format(outputs=1 if task == "regression" else 3), encoding="utf-8")
    said = decided(task, of_module(made(f"{name}:make"), table))
    return {"kind": "torch", "factory": f"{name}:make", "features": FEATURES}, said


def of_transformers(task: str, table: pa.Table) -> tuple[dict[str, Any], Any]:
    folder = bert_of(Path(), CLASSES)
    return {"path": str(folder), "text": "text"}, decided(task, one_by_one(folder, table))


def of_pictures(task: str, table: pa.Table) -> tuple[dict[str, Any], Any]:
    import torch
    import transformers

    names = dict(enumerate(LABELS))
    folder = save_vit(Path("vit"), id2label=names, label2id={name: place for place, name in names.items()},
                      problem_type="multi_label_classification")  # fmt: skip
    module = transformers.ViTForImageClassification.from_pretrained(folder).eval()
    processor = transformers.ViTImageProcessor.from_pretrained(folder)
    opened = [Image.open(BytesIO(data)).convert("RGB") for data in table["photo"].to_pylist()]
    with torch.no_grad():
        rows = [module(**processor(one, return_tensors="pt")).logits[0].numpy() for one in opened]
    return {"path": str(folder), "task": "image-classification", "image": "photo"}, decided(
        task, np.stack(rows)
    )


def of_function(task: str, table: pa.Table) -> tuple[dict[str, Any], Any]:
    name = f"function_of_{task}"
    Path(f"{name}.py").write_text(FUNCTION.format(returned=RETURNED[task]), encoding="utf-8")
    said = __import__(name).say(table.to_pandas())
    return {"function": f"{name}:say", "features": FEATURES}, said


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("make", "task"),
    [
        (of_sklearn, "multilabel"), (of_transformers, "multiclass"), (of_pictures, "multilabel"),
        *((make, task) for make in (of_torch, of_onnx, of_function) for task in ROLES),
    ],
)  # fmt: skip
def test_a_model_of_a_task_from_its_file_to_the_page(
    make: Callable[[str, pa.Table], tuple[dict[str, Any], Any]], task: str, here: Path,
    monkeypatch: pytest.MonkeyPatch, audited: Any, cli: Any, make_config: Any,
) -> None:  # fmt: skip
    monkeypatch.syspath_prepend(str(here))
    rows = numbers(N)
    table = numbers(N, **outcomes(task, np.stack([rows[name].to_numpy() for name in FEATURES], axis=1)))
    if make is of_transformers:
        table = table.append_column("text", texts(N)["text"])
    if make is of_pictures:
        table = table.append_column("photo", pictures(N)["image"])
    model, said = make(task, table)
    sliced = {**ROLES[task], "sensitive": ["sex"]}
    config = make_config(task=task, data=sliced, model=model, metrics=None)
    original = audited(config, table)["variants"][0]
    truth = np.squeeze(table.select(LABELS if task == "multilabel" else ["y"]).to_pandas().to_numpy())
    metric, title, value = FIGURES[task]
    sexes = np.array(table["sex"].to_pylist())
    assert [one["slice"] for one in original["slices"]] == [{"sex": "Female"}, {"sex": "Male"}]
    assert len(np.unique(said, axis=0)) > 1
    for one in original["slices"]:
        mine = sexes == one["slice"]["sex"]
        assert one["metrics"][metric]["value"] == pytest.approx(value(truth[mine], said[mine]), rel=1e-5)
    ended = cli("verify", "runs/t")
    assert ended.code == 0, ended
    assert title in Path("runs/t/report.html").read_text(encoding="utf-8")
