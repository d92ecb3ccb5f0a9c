"""Models given as variants: one ladder with those made here, each held to the original's task."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pytest
from fairweigh import Result
from fairweigh.audit.again.finished import read_result
from fairweigh.audit.again.verify import check_figures
from fairweigh.models.extras import quiet
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from .. import tiny
from ..lite import write_dense

GATES = [
    {"metric": "accuracy", "compare": "change", "limit": ">= -0.2", "on": "compressed"},
    {"cost": "storage", "limit": "<= 0.9", "on": "compressed"},
]
REPORT = {"charts": False}
METRICS = ["accuracy", "selection_rate"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("given")


@pytest.fixture(scope="module")
def tabular(place: Path) -> tuple[Result, Any, Any, Any]:
    """A forest with a smaller model as an object, a function, a file and predictions, and four faults."""
    import skl2onnx

    table = tiny.numbers(400).to_pandas()
    features = table[tiny.FEATURES]
    forest = RandomForestClassifier(20, random_state=0).fit(features, table.y)
    small = LogisticRegression().fit(features[["a", "b"]], table.y)
    array = LogisticRegression().fit(features.to_numpy(np.float32), table.y)
    made = skl2onnx.to_onnx(array, features.to_numpy(np.float32)[:1], options={"zipmap": False})
    (place / "m.onnx").write_bytes(made.SerializeToString())
    (place / "cut.onnx").write_bytes(made.SerializeToString()[:100])
    made.graph.node[0].op_type = "Frobnicate"
    (place / "odd.onnx").write_bytes(made.SerializeToString())
    table["elsewhere"] = small.predict(features[["a", "b"]])
    three = LogisticRegression().fit(features, np.arange(len(table)) % 3)
    variants = {
        "small": small,
        "function": lambda rows: small.predict_proba(rows[["a", "b"]])[:, 1],
        "file": place / "m.onnx",
        "column": {"decision": "elsewhere"},
        "three": three,
        "nan": lambda rows: np.full(len(rows), np.nan),
        "cut": place / "cut.onnx",
        "odd": {"path": str(place / "odd.onnx")},
    }
    config = {
        "audit": "given", "data": {"label": "y", "sensitive": ["sex"], "id": "id"}, "gates": GATES,
        "model": {"features": tiny.FEATURES}, "compressions": ["prune"], "report": REPORT,
        "metrics": METRICS,
    }  # fmt: skip
    result = fairweigh.run(config, place / "tabular", data=table, model=forest, variants=variants)
    return result, table, small, array


def test_given_and_made_variants_stand_in_one_ladder(tabular: Any, place: Path) -> None:
    result, table, small, _ = tabular
    names = ["original", "prune", "small", "function", "file", "column"]
    assert [v.name for v in result.variants] == names
    assert [c.after for c in result.comparisons] == names[1:]
    assert [s.variant for s in result.frontier.variants] == names
    decided = small.predict(table[["a", "b"]]).mean()
    rates = {v.name: v.overall["selection_rate"].value for v in result.variants}
    assert rates["small"] == rates["function"] == rates["column"] == pytest.approx(decided)
    assert {g.variant for g in result.gates} == set(names[1:])
    assert all(v.self_flips is not None for v in result.variants if v.name != "column")
    assert not check_figures(place / "tabular", read_result(place / "tabular"))


def test_storage_is_that_of_the_files_and_parameters_are_counted(tabular: Any, place: Path) -> None:
    result, *_ = tabular
    by_name = {v.name: v for v in result.variants}
    cost = by_name["file"].cost
    assert cost.stored_bytes == (place / "m.onnx").stat().st_size
    assert cost.storage == cost.stored_bytes / by_name["original"].cost.stored_bytes
    # Two classes: a coefficient for each feature and an intercept, for either.
    assert cost.parameters == 2 * (4 + 1)
    assert by_name["function"].cost is None
    gates = [g for g in result.gates if g.variant == "function"]
    storage = [g.verdict for g in gates if g.metric == "storage"]
    assert storage == ["error"]


def test_one_that_fails_is_a_line_and_the_others_go_on(tabular: Any) -> None:
    result, *_ = tabular
    lines = {f.name: f.why for f in result.failed}
    assert set(lines) == {"three", "nan", "cut", "odd"}
    assert "expected a classifier of two classes" in lines["three"]
    assert "must return finite probabilities" in lines["nan"]
    assert "no ONNX model that can be read" in lines["cut"]
    assert "Frobnicate" in lines["odd"]
    assert not any("\n" in line for line in lines.values())
    page = (Path(result.folder) / "report.html").read_text()
    assert page.count("! not scored.") == 4
    assert "4 given variants could not be scored" in page


def test_the_manifest_says_where_each_came_from(tabular: Any, place: Path) -> None:
    result, *_ = tabular
    told = json.loads((place / "tabular" / "MANIFEST.json").read_text())["given"]
    assert list(told) == ["small", "function", "file"]
    assert told["file"]["given"] == str(place / "m.onnx")
    assert told["file"]["sha256"] == next(v.model.told["sha256"] for v in result.variants if v.name == "file")


def test_a_folder_of_texts_beside_a_model_of_a_table_is_a_plain_line(place: Path) -> None:
    tiny.save_bert(place / "bert-alone")
    (place / "lora").mkdir()
    (place / "lora" / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    table = tiny.numbers(100).to_pandas()
    model = LogisticRegression().fit(table[tiny.FEATURES], table.y)
    names = ["bert-alone", "lora"]
    config = {
        "audit": "given", "data": {"label": "y", "sensitive": ["sex"], "id": "id"}, "report": REPORT,
        "model": {"features": tiny.FEATURES}, "metrics": METRICS, "gates": [],
        "variants": [{"name": name, "path": str(place / name)} for name in names],
    }  # fmt: skip
    failed = {f.name: f.why for f in fairweigh.run(config, place / "told", data=table, model=model).failed}
    assert set(failed) == set(names)
    for name, why in failed.items():
        assert f"{name}: a folder of transformers: " in why
        assert "text" in why
        assert not any(word in why for word in ("pydantic", "ModelSpec", "\n"))


@pytest.fixture(scope="module")
def text(place: Any) -> tuple[Result, Any]:
    """A BERT with an adapter of it, packed by three libraries, exported, and other models."""
    import peft
    import torch
    import transformers

    bert = tiny.save_bert(place / "bert", num_hidden_layers=1)
    with quiet():
        kind = transformers.AutoModelForSequenceClassification
        wrapped = peft.get_peft_model(
            kind.from_pretrained(bert),
            peft.LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value"], task_type="SEQ_CLS"),
        )
        torch.manual_seed(1)
        for name, tensor in wrapped.named_parameters():
            if "lora_B" in name:
                tensor.data.normal_(0, 0.2)
        wrapped.save_pretrained(place / "lora")
        _pack(bert, place)
    tiny.edit_json(place / "lora" / "adapter_config.json", base_model_name_or_path=str(bert))
    broken: dict[str, dict[str, Any]] = {
        "nobase": {"base_model_name_or_path": None}, "elsewhere": {"base_model_name_or_path": "some/bert"},
        "pattern": {"target_modules": "(.*)*query"}, "rank": {"r": 10_000_000},
    }  # fmt: skip
    for name, changes in broken.items():
        shutil.copytree(place / "lora", place / name)
        tiny.edit_json(place / name / "adapter_config.json", **changes)
    shutil.copytree(bert, place / "other-tokens")
    path = place / "other-tokens" / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary["bala"], vocabulary["bami"] = vocabulary["bami"], vocabulary["bala"]
    path.write_text(json.dumps(content))
    tiny.save_bert(place / "other-labels", num_hidden_layers=1, id2label={0: "ham", 1: "spam"})
    shutil.copytree(place / "torchao", place / "not-here")
    tiny.edit_json(place / "not-here" / "config.json", quantization_config={"quant_method": "gptq"})
    shutil.copytree(place / "torchao", place / "huge")
    tiny.edit_json(place / "huge" / "config.json", intermediate_size=10**9)
    names = ("lora", "torchao", "bitsandbytes", "compressed-tensors", "nobase", "elsewhere", "pattern",
             "rank", "other-tokens", "other-labels", "not-here", "huge", "gone")  # fmt: skip
    config = {
        "audit": "texts", "data": {"label": "y", "sensitive": ["sex"], "id": "id"}, "gates": GATES[:1],
        "model": {"kind": "transformers", "path": str(bert), "text": "text"}, "report": REPORT,
        "metrics": METRICS,
        "variants": [{"name": name, "path": str(place / name)} for name in names],
    }  # fmt: skip
    return fairweigh.run(config, place / "texts", data=tiny.texts(80)), wrapped.eval()


def _pack(bert: Path, place: Path) -> None:
    """Pack the weights of a folder by each library, as its own documentation has it."""
    import transformers
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import (
        QuantizationArgs,
        QuantizationConfig,
        QuantizationScheme,
        QuantizationStatus,
        apply_quantization_config,
    )
    from torchao.quantization import Int8WeightOnlyConfig

    kind = transformers.AutoModelForSequenceClassification
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    packed = {
        "torchao": transformers.TorchAoConfig(Int8WeightOnlyConfig(version=2)),
        "bitsandbytes": transformers.BitsAndBytesConfig(load_in_8bit=True),
    }
    for name, config in packed.items():
        kind.from_pretrained(bert, quantization_config=config, device_map="cpu").save_pretrained(place / name)
        tokenizer.save_pretrained(place / name)
    module = kind.from_pretrained(bert)
    arguments = QuantizationArgs(num_bits=8, type="int", symmetric=True, strategy="channel")
    config = QuantizationConfig(
        config_groups={"linear": QuantizationScheme(targets=["Linear"], weights=arguments)},
        ignore=["classifier"], format="pack-quantized", quantization_status=QuantizationStatus.COMPRESSED,
    )  # fmt: skip
    frozen = config.model_copy(update={"quantization_status": QuantizationStatus.FROZEN})
    apply_quantization_config(module, frozen)
    for part in module.modules():
        if hasattr(part, "weight_scale"):
            part.weight_scale.data = part.weight.abs().amax(1, keepdim=True) / 127
    compressor = ModelCompressor(quantization_config=config)
    compressor.compress_model(module)
    module.save_pretrained(place / "compressed-tensors")
    compressor.update_config(place / "compressed-tensors")
    tokenizer.save_pretrained(place / "compressed-tensors")


def test_packed_folders_are_scored_as_their_libraries_serve_them(text: Any, place: Path) -> None:
    import torch
    import transformers

    result, _ = text
    rows = tiny.texts(80)["text"].to_pylist()
    tokenizer = transformers.AutoTokenizer.from_pretrained(place / "bert")
    by_name = {v.name: v for v in result.variants}
    for name in ("torchao", "bitsandbytes", "compressed-tensors"):
        variant = by_name[name]
        assert variant.model.told["quantisation"].startswith(name)
        weights = place / name / "model.safetensors"
        assert variant.cost.stored_bytes == weights.stat().st_size < by_name["original"].cost.stored_bytes
        assert variant.cost.parameters == by_name["original"].cost.parameters
        with quiet(), torch.inference_mode():
            served = transformers.AutoModelForSequenceClassification.from_pretrained(place / name).eval()
            logits = torch.cat([served(**tokenizer(row, return_tensors="pt")).logits for row in rows])
        scores = _scores(place, name)
        # Scores of bitsandbytes depend on the rows of a batch: its activations are quantised too.
        most = 0.05 if name == "bitsandbytes" else 1e-5
        assert np.abs(scores - logits.softmax(-1)[:, 1].numpy()).max() < most
    assert "unpacked on loading" in str(by_name["compressed-tensors"].model.told["notes"])


def test_an_adapter_scores_as_peft_does_and_is_stored_with_its_model(text: Any, place: Path) -> None:
    import torch
    import transformers

    result, wrapped = text
    tokenizer = transformers.AutoTokenizer.from_pretrained(place / "bert")
    with torch.inference_mode():
        logits = [
            wrapped(**tokenizer(row, return_tensors="pt")).logits
            for row in tiny.texts(80)["text"].to_pylist()
        ]
    expected = torch.cat(logits).softmax(-1)[:, 1].numpy()
    np.testing.assert_allclose(_scores(place, "lora"), expected, atol=1e-5)
    cost = next(v.cost for v in result.variants if v.name == "lora")
    files = (place / "bert" / "model.safetensors", place / "lora" / "adapter_model.safetensors")
    assert cost.stored_bytes == sum(file.stat().st_size for file in files)


def _scores(place: Path, name: str) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(place / "texts" / "predictions" / f"{name}.parquet")["score"].to_numpy()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nobase", "names no model that it belongs to"),
        ("elsewhere", "its model is 'some/bert', which is no folder here"),
        ("pattern", "target_modules: expected a list of names"),
        ("rank", "a rank of 10000000, but no tensor"),
        ("other-tokens", "its tokenizer differs: of the text"),
        ("other-labels", "labels are 'ham', 'spam'"),
        ("not-here", "quantised by gptq, which needs the package gptqmodel"),
        ("huge", "intermediate_size: 1,000,000,000"),
        ("gone", "no file or folder"),
    ],
)
def test_another_model_or_a_bad_folder_is_one_line(text: Any, name: str, says: str) -> None:
    why = next(f.why for f in text[0].failed if f.name == name)
    assert says in why
    assert "\n" not in why
    assert not why.startswith("model.")


def test_graphs_of_three_runtimes_decide_as_the_module_that_they_come_from(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino
    import torch
    from safetensors.torch import save_file

    table = tiny.numbers(120)
    module = tiny.trained_mlp(table)
    save_file(module.state_dict(), str(place / "mlp.safetensors"))
    factory = tiny.write_mlp(place, "given_mlp")
    monkeypatch.syspath_prepend(str(place))
    with quiet():
        rows = ({0: torch.export.Dim("rows")},)
        program = torch.export.export(module, (torch.zeros(3, 4),), dynamic_shapes=rows)
        torch.export.save(program, str(place / "mlp.pt2"))
        graph = openvino.convert_model(program)
    openvino.save_model(graph, place / "mlp.xml", compress_to_fp16=False)
    layers = [(module[i].weight.numpy(), module[i].bias.numpy()) for i in (0, 2, 4)]
    write_dense(place / "mlp.tflite", layers, end="SOFTMAX")
    (place / "bad.xml").write_text("<net>")
    (place / "bad.bin").write_bytes(b"x")
    (place / "bad.tflite").write_bytes(b"TFL3")
    files = ("mlp.pt2", "mlp.xml", "mlp.tflite", "bad.xml", "bad.tflite")
    config = {
        "audit": "graphs", "data": {"label": "y", "sensitive": ["sex"], "id": "id"}, "gates": GATES[:1],
        "model": {"path": str(place / "mlp.safetensors"), "factory": factory, "features": tiny.FEATURES},
        "variants": [{"name": name, "path": str(place / name)} for name in files], "report": REPORT,
        "metrics": METRICS,
    }  # fmt: skip
    result = fairweigh.run(config, place / "graphs", data=table)
    assert [c.overall.rate for c in result.comparisons] == [0, 0, 0]
    numbers = {v.cost.parameters for v in result.variants}
    assert numbers == {sum(p.numel() for p in module.parameters())}
    assert {f.name: f.why.split(":")[0] for f in result.failed} == {"bad.xml": "path", "bad.tflite": "path"}


def test_an_int8_graph_beside_its_folder_of_texts_decides_as_onnxruntime_runs_it(place: Path) -> None:
    """As a file, and in a folder as exporters write it, with the configuration and tokenizer of the model."""
    import onnxruntime
    import torch
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic

    bert = tiny.save_bert(place / "exported-bert", num_hidden_layers=1)
    folder = place / "exported"
    with quiet():
        module = transformers.AutoModelForSequenceClassification.from_pretrained(bert).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
        tokens = tokenizer(["bala bami", "so"], padding=True, return_tensors="pt")
        axes = {name: {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for name in tokens}
        torch.onnx.export(
            module, (), str(place / "float.onnx"), kwargs=dict(tokens), dynamo=True, dynamic_shapes=axes,
            external_data=False, verbose=False, output_names=["logits"],
        )  # fmt: skip
        shutil.copytree(bert, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        quantize_dynamic(str(place / "float.onnx"), str(folder / "model.onnx"), weight_type=QuantType.QInt8)
    shutil.copy(folder / "model.onnx", place / "int8.onnx")
    config = {
        "audit": "int8", "data": {"label": "y", "sensitive": ["sex"], "id": "id"}, "report": REPORT,
        "model": {"kind": "transformers", "path": str(bert), "text": "text"},
        "variants": [
            {"name": "file", "path": str(place / "int8.onnx"), "tokenizer": str(bert)},
            {"name": "folder", "path": str(folder)},
        ],
    }  # fmt: skip
    result = fairweigh.run(config, place / "int8-run", data=tiny.texts(60))
    assert not result.failed
    session = onnxruntime.InferenceSession(str(place / "int8.onnx"))
    wanted = {entry.name for entry in session.get_inputs()}
    logits = []
    for text in tiny.texts(60)["text"].to_pylist():
        row = {name: value for name, value in tokenizer(text, return_tensors="np").items() if name in wanted}
        logits.append(session.run(["logits"], row)[0][0])
    alone = torch.softmax(torch.tensor(np.stack(logits)), 1)[:, 1].numpy()
    import pyarrow.parquet as pq

    for name in ("file", "folder"):
        found = pq.read_table(place / "int8-run" / "predictions" / f"{name}.parquet")["score"].to_numpy()
        # One scale for all activations of a batch: a row's score moves with its neighbours.
        assert np.abs(found - alone).max() < 0.05
    sizes = {v.name: v.cost.stored_bytes for v in result.variants}
    assert sizes["file"] == sizes["folder"] == (place / "int8.onnx").stat().st_size
    assert all("int8" in str(v.model.told["quantisation"]) for v in result.variants[1:])
