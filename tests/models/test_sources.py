"""Where modules come from: factories, safetensors, exported programs, and archives that would run code."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models import archive as archives
from fairweigh.models.sources import (
    FactorySource,
    TransformersSource,
    exported,
    load_source,
    load_weights,
    transformers_module,
)

from ..tiny import FEATURES, batch, edit_json, load, mlp, numbers, save_bert, write_mlp

if TYPE_CHECKING:
    from torch import Tensor


@pytest.fixture
def factory(here: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    return write_mlp(here, f"made_{here.parent.name.replace('-', '_')}")


def own_logits(module: Any, table: Any) -> np.ndarray:
    import torch

    x = torch.from_numpy(np.stack([table[c].to_numpy() for c in FEATURES], 1))
    with torch.no_grad():
        return module(x).numpy()


def export(module: Any, path: Path, *example: Tensor) -> Path:
    import torch

    free = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(
        torch.export.export(module, example or (torch.zeros(3, 4),), dynamic_shapes=free), str(path)
    )
    return path


# --- the torch kind ------------------------------------------------------------------------------------


def test_a_factorys_module_scores_as_it_does_itself(factory: Any) -> None:
    table = numbers()
    model = load("torch", table, factory=factory, features=FEATURES)
    np.testing.assert_allclose(model.logits(batch(table, model)), own_logits(mlp(), table), atol=1e-6)
    assert model.describe()["factory"] == factory
    assert len(model.describe()["sha256"]) == 64


def test_a_factory_with_safetensors_gets_those_weights(factory: Any, here: Path) -> None:
    from safetensors.torch import save_file

    other = mlp(seed=7)
    save_file(other.state_dict(), "w.safetensors")
    table = numbers()
    model = load("torch", table, factory=factory, path="w.safetensors", features=FEATURES)
    np.testing.assert_allclose(model.logits(batch(table, model)), own_logits(other, table), atol=1e-6)
    assert np.abs(own_logits(other, table) - own_logits(mlp(), table)).max() > 0.1


def test_an_exported_program_scores_any_number_of_rows(here: Path) -> None:
    table = numbers(130)
    export(mlp(), here / "m.pt2")
    model = load("torch", table, path="m.pt2", features=FEATURES)
    np.testing.assert_allclose(model.logits(batch(table, model)), own_logits(mlp(), table), atol=1e-6)
    one = batch(table, model).slice(5, 1)
    np.testing.assert_allclose(model.logits(one), own_logits(mlp(), table)[5:6], atol=1e-6)


def test_image_tensors_go_through_convolution_norm_and_attention(here: Path) -> None:
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.BatchNorm2d(8)
            self.attend, self.out = torch.nn.MultiheadAttention(8, 2, batch_first=True), torch.nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            y = self.norm(self.conv(x)).flatten(2).transpose(1, 2)
            y, _ = self.attend(y, y, y)
            with torch.no_grad():
                mean = y.mean(1)
            return self.out(torch.nn.functional.gelu(mean)) * (1 + x.shape[0] // x.shape[0])

    torch.manual_seed(0)
    net = Net().eval()
    export(net, here / "m.pt2", torch.zeros(3, 3, 9, 9))
    pictures = np.random.default_rng(0).normal(size=(20, 3, 9, 9)).astype(np.float32)
    table = numbers(20, image=list(pictures.reshape(20, -1)))
    model = load("torch", table, path="m.pt2", features=["image"], shape=[3, 9, 9], batch_rows=7)
    with torch.no_grad():
        expected = net(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(model.logits(batch(table, model)), expected, atol=1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
def test_one_output_is_a_log_odds_and_three_need_a_positive_one(outputs: int, here: Path) -> None:
    name = write_mlp(here, f"outputs_{outputs}", outputs=outputs)
    table = numbers()
    if outputs == 3:
        with pytest.raises(InputError, match="none of them is named as positive"):
            load("torch", table, factory=name, features=FEATURES)
        model = load("torch", table, factory=name, features=FEATURES, positive=[0, 2])
        assert model.head.positive == (0, 2)
    else:
        model = load("torch", table, factory=name, features=FEATURES)
        assert model.head.kind == "sigmoid"
    assert model.score(batch(table, model), None).score.shape == (300,)


def test_a_dtype_of_an_exported_program_is_refused(here: Path) -> None:
    export(mlp(), here / "m.pt2")
    with pytest.raises(InputError, match=r"model.dtype: the types of an exported program are fixed"):
        load("torch", numbers(), path="m.pt2", features=FEATURES, dtype="bfloat16")


# --- what a factory may do wrong ---------------------------------------


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return 3", "must return a torch.nn.Module, got int"),
        ("raise KeyError('x')", "raised KeyError: 'x'"),
        ("raise SystemExit(0)", "raised SystemExit"),
        ("import torch; return torch.nn.Linear", "must return a torch.nn.Module, got type"),
        (
            "import torch; return torch.nn.Sequential(torch.nn.LazyLinear(2))",
            "returns a module whose 0.weight has no size yet",
        ),
    ],
)
def test_a_factory_that_gives_no_module_is_refused(body: str, told: str, here: Path) -> None:
    name = f"bad_{abs(hash(body))}"
    Path(f"{name}.py").write_text(f"def make():\n    {body}\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"model.factory: {name}:make {told}"):
        FactorySource(f"{name}:make").skeleton()


@pytest.mark.parametrize("path", ["nowhere_at_all:make", "json:nothing", "json", "json:"])
def test_a_factory_that_does_not_exist_is_refused(path: str) -> None:
    with pytest.raises(InputError, match=r"model.factory: expected package.module:function"):
        FactorySource(path).skeleton()


def test_weights_that_do_not_fit_are_refused(here: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"0.weight": torch.zeros(2, 2)}, "w.safetensors")
    with pytest.raises(InputError, match=r"does not fit the module of model.factory"):
        load_weights(mlp(), Path("w.safetensors"))
    Path("w.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no safetensors file that can be read"):
        load_weights(mlp(), Path("w.safetensors"))


# --- archives that would run code --------------------------------------------------------------------------


class Evil:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return (Path.touch, (Path("pwned"),))


def rewritten(path: Path, **changed: bytes | None) -> Path:
    """The archive with some files replaced or added, by the end of their name."""
    out = path.with_name("evil.pt2")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        prefix = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            if name.partition("/")[2] not in changed:
                new.writestr(name, old.read(name))
        for name, content in changed.items():
            new.writestr(f"{prefix}/{name}", content)
    return out


def graph_with(path: Path, change: Callable[..., Any]) -> bytes:
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith("models/model.json"))
        program = json.loads(archive.read(name))
    change(program)
    return json.dumps(program).encode()


def call(target: str, argument: str) -> Callable[..., None]:
    def change(program: Any) -> None:
        node = program["graph_module"]["graph"]["nodes"][-1]
        node["target"] = target
        node["inputs"] = [{"name": "x", "arg": {"as_string": argument}, "kind": 1}]

    return change


def resize(expression: str) -> Callable[..., None]:
    def change(program: Any) -> None:
        values = program["graph_module"]["graph"]["tensor_values"]
        next(iter(values.values()))["sizes"][0] = {"as_expr": {"expr_str": expression, "hint": None}}

    return change


def pickled(value: tuple[Evil, Any] | Evil) -> bytes:
    buffer = io.BytesIO()
    import torch

    torch.save(value, buffer)
    return buffer.getvalue()


HOSTILE = {
    "example inputs": lambda p: {"data/sample_inputs/model.pt": pickled((Evil(), {}))},
    "a bare pickle": lambda p: {"data/sample_inputs/model.pt": pickle.dumps((Evil(), {}))},
    "a pickled constant": lambda p: {
        "data/constants/model_constants_config.json": json.dumps(
            {"config": {"k": {"path_name": "tensor_0", "is_param": False, "use_pickle": True}}}
        ).encode(),
        "data/constants/tensor_0": pickled(Evil()),
    },
    "a custom object": lambda p: {"data/constants/custom_obj_0": pickle.dumps(Evil())},
    "an opaque object": lambda p: {"data/constants/opaque_obj_0": pickle.dumps(Evil())},
    "a shared library": lambda p: {"data/aotinductor/model/a.so": b"\x7fELF"},
    "a name in capitals": lambda p: {"DATA/sample_inputs/model.pt": pickled((Evil(), {}))},
    "a call of the system": lambda p: {
        "models/model.json": graph_with(p, call("torch.serialization.os.system", "touch pwned"))
    },
    "a library by an operator": lambda p: {
        "models/model.json": graph_with(p, call("torch.ops.load_library", "./x.so"))
    },
    "a file by an operator": lambda p: {
        "models/model.json": graph_with(p, call("torch.ops.aten.from_file.default", "pwned"))
    },
    "operator.attrgetter": lambda p: {"models/model.json": graph_with(p, call("_operator.attrgetter", "a"))},
    "a size that is code": lambda p: {
        "models/model.json": graph_with(p, resize("__import__('os').system('touch pwned')"))
    },
    "a size that is an attribute": lambda p: {"models/model.json": graph_with(p, resize("Max.__class__(1)"))},
    "a module to import": lambda p: {
        "models/model.json": graph_with(p, lambda g: g.update(x='{"__enum__": true, "fqn": "os:system"}'))
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_archive_that_would_run_code_is_refused_before_it_is_read(kind: Any, here: Path) -> None:
    export(mlp(), here / "m.pt2")
    path = rewritten(here / "m.pt2", **HOSTILE[kind](here / "m.pt2"))
    with pytest.raises(InputError, match=rf"model.path: {path} holds .*, which can run any code when loaded"):
        exported(path)
    assert not Path("pwned").exists()


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that computes with its number of rows."""
    import torch

    class Sized(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = mlp()

        def forward(self, x: Tensor) -> Tensor:
            squared = x.shape[0] ** 2
            return self.inner(x) * (squared / squared)

    return export(Sized(), tmp_path_factory.mktemp("sized") / "m.pt2")


def size_of_rows(expression: str) -> Callable[..., None]:
    def change(program: Any) -> None:
        sizes = program["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
        sizes[0]["as_expr"]["expr_str"] = expression

    return change


def power(target: str, *arguments: Any) -> Callable[..., None]:
    """Another operation, or other numbers, where the rows are squared."""

    def change(program: Any) -> None:
        node = next(n for n in program["graph_module"]["graph"]["nodes"] if n["target"] == "_operator.pow")
        node["target"] = target
        for part, argument in zip(node["inputs"], arguments, strict=True):
            part["arg"] = argument

    return change


def squared_again(times: int) -> Callable[..., None]:
    def change(program: Any) -> None:
        nodes = program["graph_module"]["graph"]["nodes"]
        place = next(i for i, n in enumerate(nodes) if n["target"] == "_operator.pow")
        last = nodes[place]["outputs"][0]
        for number in range(times):
            node = json.loads(json.dumps(nodes[place]))
            node |= {"target": "_operator.mul", "name": f"again_{number}"}
            node["inputs"][0]["arg"] = node["inputs"][1]["arg"] = last
            last = {"as_sym_int": {"as_name": f"again_{number}"}}
            node["outputs"] = [last]
            nodes.insert(place + 1 + number, node)

    return change


ROWS = {"as_sym_int": {"as_name": "sym_size_int_1"}}
BEYOND = {
    "2**2**2**2**99": size_of_rows("2**2**2**2**99"),
    "a power of a symbol": size_of_rows("Symbol('s0')**Symbol('s1')"),
    "a shift": size_of_rows("1 << 99999999999"),
    "brackets": size_of_rows("(" * 5000 + "1" + ")" * 5000),
    "a power as it runs": power("_operator.pow", {"as_int": 2}, {"as_int": 10**12}),
    "a power of rows": power("_operator.pow", ROWS, ROWS),
    "a shift as it runs": power("_operator.lshift", ROWS, {"as_int": 10**12}),
    "squares of squares": squared_again(40),
}


@pytest.mark.parametrize("kind", BEYOND)
def test_a_size_beyond_all_machines_is_refused_and_not_evaluated(kind: Any, sized: Path, here: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(InputError, match="could be beyond all sizes") as error:
        exported(rewritten(sized, **{"models/model.json": graph_with(sized, BEYOND[kind])}))
    assert time.perf_counter() - start < 10
    assert len(str(error.value)) < 500


def test_a_check_of_an_expression_does_not_itself_take_for_ever(sized: Path, here: Path) -> None:
    """Digits followed by what is no sign once made the check's own expression backtrack."""
    change = size_of_rows("1" * 60 + "@")
    start = time.perf_counter()
    with pytest.raises(InputError, match="holds the expression"):
        exported(rewritten(sized, **{"models/model.json": graph_with(sized, change)}))
    assert time.perf_counter() - start < 10


def test_an_exported_program_that_computes_with_sizes_loads(sized: Path) -> None:
    import torch

    x = torch.ones(5, 4)
    torch.testing.assert_close(exported(sized)(x), mlp()(x))


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"graph_module": ' * 100_000, b'{"a": NaN}'])
def test_a_graph_that_is_no_json_is_refused(content: Any, sized: Path) -> None:
    with pytest.raises(InputError, match="is no exported program that can be read") as error:
        exported(rewritten(sized, **{"models/model.json": content}))
    assert "\n" not in str(error.value)


def test_a_tensor_larger_than_its_file_is_refused(sized: Path) -> None:
    with zipfile.ZipFile(sized) as archive:
        name = next(n for n in archive.namelist() if n.endswith("model_weights_config.json"))
        config = json.loads(archive.read(name))
    tensor = config["config"]["inner.0.weight"]["tensor_meta"]
    tensor |= {"sizes": [{"as_int": 10**9}] * 2, "strides": [{"as_int": 0}] * 2}
    changed = {"data/weights/model_weights_config.json": json.dumps(config).encode()}
    with pytest.raises(
        InputError, match=r"the tensor 'inner.0.weight' of .* elements in a file of 512 bytes"
    ):
        exported(rewritten(sized, **changed))


def test_two_files_of_one_name_are_refused(here: Path) -> None:
    export(mlp(), here / "m.pt2")
    with zipfile.ZipFile(here / "m.pt2", "a") as archive:
        name = next(n for n in archive.namelist() if n.endswith("model.pt"))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(name, pickled((Evil(), {})))
    with pytest.raises(InputError, match="holds two files of one name"):
        exported(here / "m.pt2")


def test_torch_itself_runs_what_is_refused_here(here: Path) -> None:
    """The reason for the checks: without them the example inputs of an archive run code."""
    import torch
    from fairweigh.models.extras import quiet

    export(mlp(), here / "m.pt2")
    path = rewritten(here / "m.pt2", **HOSTILE["example inputs"](here / "m.pt2"))
    with quiet(), contextlib.suppress(Exception):
        torch.export.load(str(path))
    assert Path("pwned").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", pickle.dumps(Evil())])
def test_what_is_no_archive_is_refused(content: Any, here: Path) -> None:
    Path("m.pt2").write_bytes(content)
    with pytest.raises(InputError, match="is no exported program that can be read"):
        exported(Path("m.pt2"))
    assert not Path("pwned").exists()


def test_a_program_that_unpacks_beyond_all_proportion_is_refused_before_it_is_unpacked(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zeros lie where weights do, so that nothing else speaks against the archive."""
    export(mlp(), here / "m.pt2")
    with zipfile.ZipFile(here / "m.pt2", "a", zipfile.ZIP_DEFLATED) as archive:
        prefix = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{prefix}/data/weights/weight_99", bytes(16 << 20))
    assert exported(here / "m.pt2") is not None
    monkeypatch.setattr(archives, "ALWAYS", 8 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(InputError, match=r"m\.pt2 .*an archive of [\d,]+ bytes that unpacks to 16,\d+,\d+;"):
        load("torch", numbers(), path="m.pt2", features=FEATURES)


# --- the transformers kind -------------------------------------------------------------------------------


def test_a_skeleton_takes_the_weights_of_its_model(bert: Path) -> None:
    module, source, sha = transformers_module(str(bert), "text-classification", 0)
    assert len(sha) == 64
    again = load_source(json.loads(json.dumps(source.spec())), bert)
    built = again.skeleton()
    shapes = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    assert {name: tuple(t.shape) for name, t in built.state_dict().items()} == shapes
    assert isinstance(again, TransformersSource)
    assert again.with_config(num_hidden_layers=1).skeleton().config.num_hidden_layers == 1


def test_a_folder_without_weights_or_with_pickles_is_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"holds no weights: expected a file model.safetensors"):
        transformers_module(str(folder), "text-classification", 0)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match=r"as a pickle \(pytorch_model.bin\), which can run any code"):
        transformers_module(str(folder), "text-classification", 0)
    with pytest.raises(InputError, match="no folder"):
        transformers_module(str(tmp_path / "nowhere"), "text-classification", 0)


def test_a_model_that_needs_code_of_its_own_is_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "m")
    (folder / "own.py").write_text("raise SystemExit('ran')")
    auto = {"AutoConfig": "own.C", "AutoModelForSequenceClassification": "own.M"}
    edit_json(folder / "config.json", auto_map=auto, model_type="own_kind")
    with pytest.raises(InputError, match=r"needs code of its own \(trust_remote_code\), which is refused"):
        transformers_module(str(folder), "text-classification", 0)


def test_a_model_without_its_classification_head_is_refused(tmp_path: Path) -> None:
    import transformers
    from fairweigh.models.extras import quiet

    folder = save_bert(tmp_path / "m")
    config = transformers.AutoConfig.from_pretrained(folder)
    with quiet():
        transformers.BertModel(config).save_pretrained(folder)
    with pytest.raises(
        InputError, match=r"lacks \d+ of the weights .* 'classifier.bias'; it is not fine-tuned"
    ):
        transformers_module(str(folder), "text-classification", 0)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "m")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(InputError, match="cannot be read as a transformers model"):
        transformers_module(str(folder), "text-classification", 0)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "m")
    edit_json(folder / "config.json", intermediate_size=48)
    with pytest.raises(
        InputError, match=r"intermediate_size: 48.* has the shape \(96, 48\), expected \(48, 48\)"
    ):
        transformers_module(str(folder), "text-classification", 0)
