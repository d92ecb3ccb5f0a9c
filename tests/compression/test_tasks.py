"""Recipes on models of classes, labels and numbers: a variant says what its artefact gives, row by row."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.special
from fairweigh.compression.artefact import how_to_load
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.description import read_description
from fairweigh.compression.fallback import sensitivities
from fairweigh.compression.fresh import FreshProcesses
from fairweigh.compression.make import Made, make
from fairweigh.compression.registry import Context
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.training import TrainingRows
from fairweigh.models.neural import NeuralModel

from ..tiny import FEATURES, batch, load, numbers, save_bert, texts, write_mlp

CLASSES = ("low", "middle", "high")
TASKS = ("multiclass", "multilabel", "regression")
OUTPUTS = {"multiclass": 3, "multilabel": 3, "regression": 1}
ROLES: dict[str, dict[str, Any]] = {
    "multiclass": {"label": "y", "roles": {"task": "multiclass", "classes": list(CLASSES)}},
    "multilabel": {"label": None, "roles": {"task": "multilabel", "labels": ["u", "v", "w"]}},
    "regression": {"label": "y", "roles": {"task": "regression"}},
}
MEANS: dict[str, Any] = {
    "multiclass": lambda outputs: scipy.special.softmax(outputs, 1),
    "multilabel": scipy.special.expit,
    "regression": lambda outputs: outputs[:, 0],
}


def outcomes(table: pa.Table) -> dict[str, np.ndarray]:
    """What follows from the rows' features, for each task, as a model learns it."""
    if "text" in table.column_names:
        x = np.array([[len(t), t.count("b"), t.count("a"), t.count("r")] for t in table["text"].to_pylist()])
        x = (x - x.mean(0)) / x.std(0)
    else:
        x = np.stack([table[c].to_numpy() for c in FEATURES], 1)
    return {
        "multiclass": np.array(CLASSES, object)[np.digitize(x[:, 0] + x[:, 1], [-0.7, 0.7])],
        "multilabel": (x[:, :3] > 0).astype(np.int8),
        "regression": (2 * x[:, 0] - x[:, 2]).astype(float),
    }


def labelled(task: str, table: pa.Table) -> pa.Table:
    """The rows with the outcomes of a task in their columns."""
    found = outcomes(table)[task]
    held = dict(zip("uvw", found.T, strict=True)) if task == "multilabel" else {"y": found}
    table = table.drop_columns(["y"])
    for name, values in held.items():
        table = table.append_column(name, pa.array(values.tolist()))
    return table


def training_rows(task: str, model: Any, table: pa.Table) -> TrainingRows:
    """Rows to learn from; labels stand in another order than the model's."""
    labels, classes = (
        outcomes(table)[task],
        {"multilabel": ("w", "u", "v"), "multiclass": CLASSES}.get(task, ()),
    )
    labels = labels[:, [2, 0, 1]] if task == "multilabel" else labels
    told = f"{len(table)} rows of elsewhere"
    return TrainingRows(batch(table, model), labels, None, told, task=task, classes=classes)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """A small BERT of texts and an MLP of numbers for each task, by name and task."""
    folder = tmp_path_factory.mktemp("tasks")
    sys.path.append(str(folder))
    problem = {"multilabel": "multi_label_classification"}
    found: dict[tuple[str, str], Any] = {}
    for task in TASKS:
        count = OUTPUTS[task]
        path = save_bert(
            folder / task, num_hidden_layers=2, num_labels=count, problem_type=problem.get(task),
            hidden_size=32, intermediate_size=64,
        )  # fmt: skip
        kept = ROLES[task]
        found["bert", task] = load(
            "transformers", labelled(task, texts()), text="text", path=str(path), **kept
        )
        factory = write_mlp(folder, f"mlp_of_{task}", outputs=count)
        found["mlp", task] = load(
            "torch", labelled(task, numbers()), factory=factory, features=FEATURES, **kept
        )
    return found


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Make a variant: ``made(model, task, (recipe, params), ...)``; learns from other rows than it scores."""

    def do(model: Any, *recipe: tuple[str, dict[str, Any]], n: int = 96) -> Made:
        make_rows = texts if "text" in model.columns else numbers
        learned = lambda: training_rows(model.task, model, make_rows(n, seed=7))  # noqa: E731
        context = Context(0, batch(make_rows(), model).slice(0, 32), learned, original=model)
        return make(model, list(recipe), context, tmp_path / "artefact")

    return do


def rows_of(model: Any, n: int = 40) -> pa.RecordBatch:
    return batch(texts(n, seed=3) if "text" in model.columns else numbers(n, seed=3), model)


def by_hand(found: Made, rows: pa.RecordBatch) -> np.ndarray:
    """What the files of an artefact give for each row alone, run by the library that they are of."""
    inputs = found.model.inputs
    encoded = inputs.encode(rows, None)
    each = [encoded.collate(np.array([i])) for i in range(rows.num_rows)]
    if (found.folder / "model.onnx").is_file():
        import onnxruntime

        session = onnxruntime.InferenceSession(str(found.folder / "model.onnx"))
        wanted = {i.name for i in session.get_inputs()}
        outputs = [session.run(None, {k: v for k, v in a.items() if k in wanted})[0][0] for a in each]
    elif (found.folder / "model.xml").is_file():
        import openvino

        compiled = openvino.Core().compile_model(str(found.folder / "model.xml"), "CPU", EXACT)
        wanted = {i.any_name for i in compiled.inputs}
        outputs = [compiled({k: v for k, v in a.items() if k in wanted})[0][0] for a in each]
    else:
        import torch

        runtime = load_artefact(found.folder, *how_to_load(found.model)).runtime
        dtype = getattr(torch, runtime.dtype)
        outputs = []
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=runtime.autocast):
            for arrays in each:
                tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
                tensors = {k: t.to(dtype) if t.is_floating_point() else t for k, t in tensors.items()}
                module = runtime.module
                out = module(**tensors).logits if runtime.by_name else module(*tensors.values())
                outputs.append(out[0].float().numpy())
    return np.stack(outputs).astype(float)


EXACT = {"EXECUTION_MODE_HINT": "ACCURACY"}
"""Activations as they are: on some processors OpenVINO would round them."""
BERT = [
    ("int8-dynamic", {}), ("bf16", {}), ("autocast", {}), ("int8-weight", {}), ("prune-magnitude", {}),
    ("sparse-2-4", {}), ("prune-structured", {}), ("drop-layers", {"keep": 1}), ("prune-heads", {"keep": 2}),
    ("share-weights", {}), ("distill", {"layers": 1, "steps": 4}), ("qat", {"steps": 3}), ("onnx", {}),
    ("onnx-int8", {}),
]  # fmt: skip
MLP = [
    ("int8-dynamic", {}), ("fp16", {}), ("int8-torchao", {}), ("prune-magnitude", {"finetune": {"steps": 3}}),
    ("prune-structured", {"finetune": {"steps": 3}}), ("share-weights", {}), ("onnx-int8-static", {}),
    ("openvino", {}),
]  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("kind", "recipe"),
    [*(("bert", r) for r in BERT), *(("mlp", r) for r in MLP)],
    ids=lambda v: v if isinstance(v, str) else v[0],
)
def test_a_variant_says_what_its_artefact_gives_row_by_row(
    kind: Any, recipe: Any, task: Any, models: dict[tuple[str, str], Any], made: Any
) -> None:
    model = models[kind, task]
    before = model.score(rows_of(model), None)
    found = made(model, recipe)
    rows = rows_of(model)
    assert (found.model.task, found.model.classes) == (model.task, model.classes)
    # Alone in its batch, as by hand: a quantised row may depend on those beside it.
    alone = [found.model.score(rows.slice(i, 1), None) for i in range(len(rows))]
    score = np.concatenate([one.score for one in alone])
    outputs = by_hand(found, rows)
    wanted = MEANS[task](outputs)
    np.testing.assert_allclose(score, wanted, rtol=1e-4, atol=1e-5)
    if task == "regression":
        assert all(one.decision is None for one in alone)
    else:
        decided = wanted.argmax(1) if task == "multiclass" else wanted >= 0.5
        np.testing.assert_array_equal(np.concatenate([one.decision for one in alone]), decided)
    again = load_artefact(found.folder, *how_to_load(found.model)).score(rows, None)
    together = found.model.score(rows, None)
    np.testing.assert_array_equal(again.score, together.score)
    np.testing.assert_array_equal(again.decision, together.decision)
    # The original is what it was.
    np.testing.assert_array_equal(model.score(rows, None).score, before.score)


@pytest.mark.parametrize("task", TASKS)
def test_a_variant_that_nothing_has_changed_says_the_same(
    task: Any, models: dict[tuple[str, str], Any], made: Any
) -> None:
    model = models["bert", task]
    found = made(model, ("prune-magnitude", {"amount": 1e-9}))
    rows = rows_of(model)
    one, other = model.score(rows, None), found.model.score(rows, None)
    np.testing.assert_array_equal(one.score, other.score)
    np.testing.assert_array_equal(one.decision, other.decision)


@pytest.mark.parametrize("task", TASKS)
def test_an_artefact_says_the_same_in_a_fresh_process(
    task: Any, models: dict[tuple[str, str], Any], made: Any
) -> None:
    model = models["mlp", task]
    found = made(model, ("int8-dynamic", {}))
    rows = rows_of(model)
    with FreshProcesses("torch") as processes:
        there = processes.collect(processes.start(found.folder, rows, *how_to_load(found.model)))
    here = found.model.score(rows, None)
    np.testing.assert_array_equal(there["score"], here.score)
    np.testing.assert_array_equal(there["decision"], here.decision)
    assert read_description(found.folder)["head"]["task"] == task


# --- what is learned ----------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_fine_tuning_learns_what_the_task_asks(
    task: Any, models: dict[tuple[str, str], Any], made: Any
) -> None:
    """The loss falls: cross entropy of classes and labels, squared error of numbers, each by its library."""
    from sklearn.metrics import log_loss, mean_squared_error

    model = models["mlp", task]
    found = made(model, ("prune-magnitude", {"amount": 0.2, "finetune": {"steps": 300, "lr": 0.01}}), n=400)
    table = numbers(400, seed=7)
    truth, rows = outcomes(table)[task], batch(table, model)

    def loss(one: Any) -> float:
        score = one.score(rows, None).score
        if task == "multiclass":
            # scikit-learn takes the columns in the order of the sorted names.
            order = np.argsort(one.classes)
            return float(log_loss(truth, score[:, order], labels=sorted(one.classes)))
        if task == "multilabel":
            return float(np.mean([log_loss(truth[:, i], score[:, i]) for i in range(3)]))
        return float(mean_squared_error(truth, score))

    assert loss(found.model) < 0.3 * loss(model)


@pytest.mark.parametrize("task", TASKS)
def test_a_student_comes_near_its_teacher(task: Any, models: dict[tuple[str, str], Any], made: Any) -> None:
    model = models["bert", task]
    found = made(model, ("distill", {"layers": 1, "steps": 150, "lr": 1e-3, "patience": 20}), n=300)
    cut = make(
        model, [("drop-layers", {"keep": 1})], Context(0, rows_of(model)), found.folder.with_name("cut")
    )
    rows = batch(texts(300, seed=7), model)
    teacher = model.score(rows, None).score
    apart = [np.abs(one.score(rows, None).score - teacher).mean() for one in (found.model, cut.model)]
    assert apart[0] < 0.7 * apart[1]


def test_rows_of_a_class_that_the_model_lacks_are_told(
    models: dict[tuple[str, str], Any], tmp_path: Path
) -> None:
    model = models["mlp", "multiclass"]
    table = numbers(20)
    rows = TrainingRows(batch(table, model), np.array(["low", "other"] * 10, object), None, "20 rows")
    context = Context(0, batch(table, model), lambda: rows)
    with pytest.raises(
        InputError, match=r"of the classes 'other', which are none of the model's 'low', 'middle'"
    ):
        make(model, [("qat", {"steps": 2})], context, tmp_path / "artefact")
    assert not (tmp_path / "artefact").exists()


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("multiclass", "are given another class"),
        ("multilabel", "of the labels in"),
        ("regression", "mean predict"),
    ],
)
def test_layers_that_stay_are_told_by_what_they_do_to_the_task(
    task: str, told: str, models: dict[tuple[str, str], Any], tmp_path: Path
) -> None:
    from fairweigh.datasets.columns import Sensitive

    model = models["mlp", task]
    table = numbers(200, seed=9)
    groups = Sensitive("sex").read(table["sex"].combine_chunks())
    rows = TrainingRows(batch(table, model), None, None, "rows", {"sex": groups})
    context = Context(0, batch(table, model).slice(0, 32), lambda: rows)
    found = sensitivities(model, {"0.weight": 0, "2.weight": 0}, 200, context, "onnx-int8")
    assert {one.name for one in found} == {"0.weight", "2.weight"}
    assert all(one.slice.startswith("sex=") for one in found)
    made = make(model, [("onnx-int8", {"sensitivity": {"keep": 1}})], context, tmp_path / "artefact")
    assert any(told in note for note in made.steps[0]["notes"])


@pytest.mark.parametrize("task", TASKS)
def test_a_recipe_for_two_classes_is_refused_elsewhere(
    task: Any, models: dict[tuple[str, str], Any], made: Any
) -> None:
    with pytest.raises(
        InputError, match=f"reject-option: is made for the task binary, the model's is {task}"
    ):
        made(models["mlp", task], ("reject-option", {}))


# --- what is written ----------------------------------------


def test_a_description_without_a_task_is_of_two_classes(table_model: NeuralModel, tmp_path: Path) -> None:
    found = make(table_model, [("fp16", {})], Context(0, batch(numbers(40), table_model)), tmp_path / "a")
    assert "task" not in read_description(found.folder)["head"]
    assert found.model.task == "binary"


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ({"task": "multiclass", "labels": ["a"], "kind": "softmax"}, r"head\.labels: .* at least 2"),
        ({"task": "ranking"}, r"head: .*'ranking'"),
        ({"task": "regression", "labels": ["a"]}, r"head\.labels: "),
        ({"task": "multilabel", "labels": ["a"], "kind": "softmax"}, r"head\.kind: "),
    ],
)
def test_a_head_that_cannot_be_is_refused(
    head: dict[str, Any], told: str, models: dict[tuple[str, str], Any], made: Any
) -> None:
    import json

    found = made(models["mlp", "multiclass"], ("fp16", {}))
    path = found.folder / "variant.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"head": head}))
    with pytest.raises(InputError, match=told):
        load_artefact(found.folder, *how_to_load(found.model))
