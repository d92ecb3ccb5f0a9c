"""Neural models and recipes that cannot be used: exit code 2, one line, nothing half-written."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import types
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import configured
from .tiny import FEATURES, edit_json, mlp, numbers, save_bert, texts, write_mlp

if TYPE_CHECKING:
    from .conftest import Ended


TEXT = {"kind": "transformers", "path": "model", "text": "text"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"), num_hidden_layers=1)


@pytest.fixture
def model(folder: Path, here: Path) -> Path:
    """A model's folder that a test may damage."""
    return shutil.copytree(folder, here / "model")


@pytest.fixture
def text_config(write: Callable[..., None]) -> Callable[..., None]:
    def do(table: Any = None, config_data: dict[str, Any] | None = None, **spec: Any) -> None:
        write(
            texts(60) if table is None else table, configured(model={**TEXT, **spec}, data=config_data or {})
        )

    return do


@pytest.fixture
def table_config(
    write: Callable[..., None], here: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    monkeypatch.setattr("sys.dont_write_bytecode", True)

    def do(table: Any = None, compressions: list[Any] | None = None, **spec: Any) -> None:
        spec = {"features": FEATURES, **spec}
        parts = {"compressions": compressions} if compressions is not None else {}
        write(numbers(60) if table is None else table, configured(model=spec, **parts))

    return do


# --- the model's folder ----------------------------------------


class Evil:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return (Path.touch, (Path("pwned"),))


def test_a_folder_without_weights_is_refused(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    (model / "model.safetensors").unlink()
    text_config()
    assert "model.path: model holds no weights: expected a file model.safetensors" in refused()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_weights_in_a_pickle_are_refused_unread(
    name: str, model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(pickle.dumps(Evil()))
    text_config()
    assert f"holds its weights as a pickle ({name}), which can run any code when loaded" in refused()
    assert not Path("pwned").exists()


def test_a_folder_without_a_tokenizer_is_refused(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (model / name).unlink()
    text_config()
    assert "model.path: model has no tokenizer: expected a file tokenizer.json or vocab.txt" in refused()


def test_a_damaged_tokenizer_is_refused(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    (model / "tokenizer.json").write_text("{")
    text_config()
    assert "model.path: model has no tokenizer that can be read" in refused()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model_type": "nothing"}', "{}"])
def test_a_damaged_configuration_of_a_model_is_refused(
    content: str, model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    (model / "config.json").write_text(content)
    text_config()
    assert "model.path: model cannot be read as a transformers model" in refused()


def test_a_hub_name_without_a_network_is_refused(
    text_config: Callable[..., None], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The library waits twenty seconds before it gives up; switched off, it says so at once.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    text_config(path="somebody/some-model")
    line = refused()
    assert "model.path: somebody/some-model is no local folder, and the model hub cannot be reached" in line


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/model", "a/b/c"])
def test_a_path_of_no_folder_is_not_looked_for_on_the_hub(
    path: str, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    text_config(path=path)
    assert f"model.path: no folder {path}" in refused()


def test_a_model_that_needs_code_of_its_own_is_refused(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    (model / "own.py").write_text("import pathlib; pathlib.Path('pwned').touch()")
    auto = {"AutoConfig": "own.C", "AutoModelForSequenceClassification": "own.M"}
    edit_json(model / "config.json", auto_map=auto, model_type="own_kind")
    text_config()
    assert (
        "needs code of its own (trust_remote_code), which is refused: a model is untrusted input" in refused()
    )
    assert not Path("pwned").exists()


def test_a_model_without_its_head_is_refused(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    import transformers
    from fairweigh.models.extras import quiet

    with quiet():
        transformers.BertModel(transformers.AutoConfig.from_pretrained(model)).save_pretrained(model)
    text_config()
    line = refused()
    assert "lacks 2 of the weights of a model for text-classification, such as 'classifier.bias'" in line


def test_labels_that_do_not_match_are_refused(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    edit_json(model / "config.json", id2label={"0": "fine", "1": "toxic"}, label2id={"fine": 0, "toxic": 1})
    text_config(positive="hateful")
    assert "model.positive: the model's labels are 'fine', 'toxic'; none of them is 'hateful'" in refused()


def test_a_regression_head_is_refused(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    edit_json(model / "config.json", problem_type="regression")
    text_config()
    assert "model: its head is a regression; expected one that gives classes" in refused()


# --- the texts ----------------------------------------


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["fine", ""] * 30, "text column 'text': 30 texts are missing or empty, such as id 't1'"),
        ([None, "fine"] * 30, "text column 'text': 30 texts are missing or empty, such as id 't0'"),
        (list(range(60)), "text column 'text': expected text, got int64"),
        ([[1]] * 60, "column 'text': expected one value per row, got list"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(
    values: Any, told: str, model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    text_config(texts(60, text=values))
    assert told in refused()


def test_a_text_column_that_is_not_there_is_named(
    model: Path, text_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    text_config(text="comment")
    assert "lacks the column 'comment'" in refused()


def test_missing_texts_may_be_left_out(
    model: Path, text_config: Callable[..., None], cli: Callable[..., Ended]
) -> None:
    text_config(texts(60, text=[None, "bala demi"] * 30), {"drop_missing": True})
    assert cli("audit", "a.yaml", "-q").code == 0
    assert pq.read_table("runs/t/predictions/original.parquet").num_rows == 30


# --- factories, features, shapes ----------------------------------------

MODULE = """
import torch


class make(torch.nn.Module):
    def forward(self, x):
        return {}
"""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("def make():\n    1 / 0\n", "NAME:make raised ZeroDivisionError: division by zero"),
        ("def make():\n    return 7\n", "NAME:make must return a torch.nn.Module, got int"),
        ("raise SystemExit(3)\n", "expected package.module:function, got 'NAME:make': SystemExit"),
        ("", "expected package.module:function, got 'NAME:make': AttributeError"),
        ("import torch\ndef make():\n    return torch.nn.Linear(9, 2)\n", "shapes cannot be multiplied"),
        (MODULE.format("x.sum()"), "model: expected outputs of shape (rows, outputs), got ()"),
        (MODULE.format("x[:, :2] / 0"), "model: the outputs of 60 rows are NaN or infinite"),
        (MODULE.format("x[:, :3]"), "labels are '0', '1', '2'; none of them is named as positive"),
    ],
)  # fmt: skip
def test_a_factory_that_cannot_be_used_is_refused(
    body: Any, told: str, table_config: Callable[..., None], refused: Callable[..., str], here: Path
) -> None:
    name = f"factory_{zlib.crc32(body.encode())}"
    Path(f"{name}.py").write_text(body)
    table_config(factory=f"{name}:make")
    assert told.replace("NAME", name) in refused()


def test_a_factory_that_does_not_exist_is_refused(
    table_config: Callable[..., None], refused: Callable[..., str]
) -> None:
    table_config(factory="nowhere_to_be_found:make")
    assert "model.factory: expected package.module:function, got 'nowhere_to_be_found:make'" in refused()


@pytest.mark.parametrize(
    ("columns", "spec", "told"),
    [
        ({}, {"features": ["a", "height"]}, "lacks the column 'height'"),
        ({}, {"features": ["a", "b", "c", "race"]}, "column 'race': a torch model takes numbers, got"),
        ({"a": [None, 1.0] * 30}, {}, "column 'a' is missing in 30 rows"),
        ({}, {"shape": [2, 2]}, "model.shape: one column of tensors is expected in features, got 4"),
        ({}, {"features": ["a"], "shape": [4]}, "expected a list of 4 numbers in every row, got float"),
        (
            {"image": [[1.0] * 5] * 60}, {"features": ["image"], "shape": [2, 2]},
            "column 'image': expected 4 numbers in every row (2 x 2), 60 rows have another number",
        ),
        ({}, {"features": ["a", "b", "c", "y"]}, "column 'y' is the label, which a model may not see"),
        ({}, {"device": "cuda:7"}, "model.device"),
        ({}, {"device": "gpu"}, "model.device: expected auto, cpu, cuda or cuda:N, got 'gpu'"),
        ({}, {"dtype": "int8"}, "model.dtype"),
        ({}, {"batch_rows": 0}, "model.batch_rows"),
        ({}, {"text": "a"}, "model.text: a model of kind torch ha"),
    ],
)  # fmt: skip
def test_features_that_do_not_fit_are_refused(
    columns: dict[str, Any],
    spec: dict[str, Any],
    told: str,
    here: Path,
    table_config: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    table_config(numbers(60, **columns), kind="torch", factory=write_mlp(here, "mlp_of_bad_models"), **spec)
    assert told in refused()


# --- recipes ----------------------------------------


@pytest.mark.parametrize(
    ("compressions", "told"),
    [
        (["int8-dynamc"], "compressions[0]: 'int8-dynamc' is no known recipe; did you mean 'int8-dynamic'?"),
        (["melt down"], "compressions: 'melt down' cannot name a variant"),
        (["zzz"], "compressions[0]: 'zzz' is no known recipe; there are "),
        (["prune"], "'prune' is a recipe for sklearn models; for this one there are "),
        (
            [{"prune-magnitude": {"amont": 0.5}}],
            "compressions[0].prune-magnitude: 'amont' is no known parameter; did you mean 'amount'?",
        ),
        ([{"prune-magnitude": {"amount": "half"}}], "compressions[0].prune-magnitude.amount: "),
        ([{"prune-magnitude": {"amount": 1.5}}], "compressions[0].prune-magnitude.amount: "),
        ([{"drop-layers": {"keep": 2.5}}], "compressions[0].drop-layers.keep: "),
        (["drop-layers"], "compressions[0].drop-layers: the parameter 'keep' is required"),
        ([{"bf16": {"fast": True}}], "compressions[0].bf16: the recipe takes no parameters, got 'fast'"),
        (["bf16", "bf16"], "two variants are called 'bf16'"),
        ([["bf16", {"prune-magnitude": {"finetune": {"step": 3}}}]], "finetune.step"),
        ([[]], "expected at least one recipe in the chain"),
        (["original"], "cannot name a variant"),
        ([{"sweep": {"prune-magnitude": {"amount": []}}}], "a list of values is empty"),
    ],
)  # fmt: skip
def test_a_recipe_that_is_written_wrongly_is_refused_before_anything_is_scored(
    compressions: list[Any],
    told: str,
    here: Path,
    table_config: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    table_config(compressions=compressions, factory="never_imported:make")
    assert told in refused()


@pytest.mark.parametrize(
    "spec", [{"score": "score"}, {"kind": "variant", "path": "a"}, {"function": "a:b"}, {"path": "m.onnx"}]
)
def test_compressions_of_what_cannot_be_changed_are_refused(
    spec: dict[str, Any],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    refused: Callable[..., str],
) -> None:
    write(make_people(), configured(model=spec, compressions=["int8-dynamic"]))
    assert (
        "compressions: expected a model that can be changed (sklearn, transformers, torch or causal-lm, "
        in refused()
    )


def test_a_step_that_needs_training_rows_is_a_row_of_its_own_and_the_others_go_on(
    here: Path, table_config: Callable[..., None], cli: Callable[..., Ended]
) -> None:
    steps = [{"prune-magnitude": {"finetune": {"steps": 5}}}, {"distill": {"factory": "nowhere:f"}}, "bf16"]
    table_config(numbers(200), steps, factory=write_mlp(here, "mlp_without_training"))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 0
    assert ended.err == ""
    result = json.loads(Path("runs/t/audit.json").read_text())
    assert [v["name"] for v in result["variants"]] == ["original", "bf16"]
    for failed in result["failed"]:
        assert "needs rows to learn from; set model.train (never the evaluation rows)" in failed["why"]
    assert sorted(p.name for p in Path("runs/t/artefacts").iterdir()) == ["bf16"]


# --- artefacts ----------------------------------------


@pytest.fixture
def artefact(bert_model: Any, here: Path) -> Path:
    from fairweigh.compression import artefact

    artefact.save(bert_model, [], here / "artefact")
    return here / "artefact"


@pytest.fixture(scope="module")
def bert_model(folder: Path) -> Any:
    from .tiny import load

    return load("transformers", texts(), text="text", path=str(folder))


def without_a_tensor(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(path / "model.safetensors"))
    tensors.pop("classifier.weight")
    save_file(tensors, str(path / "model.safetensors"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            lambda p: edit_json(p / "variant.json", format=99),
            "written in format 99, this version reads up to 2",
        ),
        (without_a_tensor, "the artefact does not fit: classifier.weight: expected (2, 48), got None"),
        (lambda p: (p / "model.safetensors").write_bytes(b"x"), "no safetensors file that can be read"),
        (lambda p: (p / "variant.json").unlink(), "variant.json: cannot be read: No such file or directory"),
        (lambda p: shutil.rmtree(p), "variant.json: cannot be read: No such file or directory"),
        (
            lambda p: edit_json(p / "variant.json", source={"kind": "factory", "factory": "os:getcwd"}),
            "its module is built by os:getcwd, code that is run when it is loaded",
        ),
    ],
)
def test_an_artefact_that_cannot_be_used_is_refused(
    damage: Callable[..., Any],
    told: str,
    artefact: Path,
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    damage(artefact)
    write(texts(60), configured(model={"kind": "variant", "path": "artefact"}))
    assert told in refused()


def test_an_artefact_on_a_table_without_its_columns_is_refused(
    artefact: Path, write: Callable[..., None], refused: Callable[..., str]
) -> None:
    write(numbers(60), configured(model={"kind": "variant", "path": "artefact"}))
    assert "'text'" in refused()


# --- a disk without room ----------------------------------------


@pytest.fixture
def small_disk(here: Path) -> Iterator[Path]:
    """A file system of 192 KiB."""
    folder = here.parent / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=192k", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("recipe", ["bf16", "onnx"])
def test_a_disk_that_fills_while_a_variant_is_saved_keeps_what_was_scored(
    recipe: str, small_disk: Path, here: Path, table_config: Callable[..., None], cli: Callable[..., Ended]
) -> None:
    source = write_mlp(here, f"large_mlp_{recipe}")
    path = here / f"large_mlp_{recipe}.py"
    path.write_text(path.read_text().replace("32", "512"))
    table_config(numbers(300), [recipe], factory=source)
    out = small_disk / "run"
    ended = cli("audit", "a.yaml", "-q", "-o", str(out))
    assert ended.code == 2
    assert ended.lines == [f"fairweigh: {out}: cannot be written: No space left on device"]
    assert [p.name for p in small_disk.iterdir()] == [".run.scored"]
    (shard,) = small_disk.rglob("*.npz")
    with np.load(shard) as kept:
        assert kept["score"].shape == (300,)


def test_rows_that_were_scored_before_one_failed_are_kept(
    here: Path, table_config: Callable[..., None], cli: Callable[..., Ended]
) -> None:
    """One row of the second shard makes the module fail; the first shard is there for the next audit."""
    table = numbers(5000)
    values = table["a"].to_numpy().copy()
    values[4500] = 7
    table = table.set_column(1, "a", pa.array(values))
    Path("fails_at_seven.py").write_text(MODULE.format("torch.stack([x[:, 1], 1 / (x[:, 0] - 7)], 1)"))
    table_config(table, factory="fails_at_seven:make")
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert ended.lines == [
        "fairweigh: model: the outputs of 1 row are NaN or infinite, the first of them id 'p4500'"
    ]
    assert [p.name for p in Path("runs").iterdir()] == [".t.scored"]
    assert [p.name for p in Path("runs").rglob("*.npz")] == ["000000.npz"]


def test_a_missing_package_is_told_with_how_to_get_it(
    here: Path,
    table_config: Callable[..., None],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import builtins

    from safetensors.torch import save_file

    save_file(mlp().state_dict(), "w.safetensors")
    table_config(factory=write_mlp(here, "mlp_of_packages"), path="w.safetensors")
    for name in [m for m in sys.modules if m.startswith("safetensors.torch")]:
        monkeypatch.delitem(sys.modules, name)
    plain = builtins.__import__

    def without(name: Any, *rest: Any, **named: Any) -> types.ModuleType:
        if name.partition(".")[0] == "safetensors":
            raise ModuleNotFoundError("No module named 'safetensors'", name="safetensors")
        return plain(name, *rest, **named)

    import importlib

    real = importlib.import_module
    monkeypatch.setattr(
        importlib, "import_module", lambda n, *r: without(n) if n == "safetensors.torch" else real(n, *r)
    )
    assert 'needs the package safetensors: pip install "fairweigh[torch]"' in refused()
