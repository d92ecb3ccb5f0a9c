"""Pictures to torch and ONNX models, whole audits: numbers and scores as computed by hand beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from fairweigh.audit.config import read
from fairweigh.datasets.errors import InputError
from fairweigh.models.extras import quiet
from fairweigh.result import Result

from ..serving import serving, tensor, tensors
from ..tiny import save_vit
from ..zoo import rows

FACTORY = """
import torch


def make():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, {outputs}),
    )
"""
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
PIXELS = {"mean": MEAN, "std": STD}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def table(place: Path) -> pa.Table:
    made = rows.images(150)
    made = made.append_column("grade", pa.array(np.array(["none", "mild", "severe"])[np.arange(150) % 3]))
    made = made.append_column("finding", pa.array(np.arange(150) % 2))
    made = made.append_column("device", pa.array((np.arange(150) // 7 % 2).astype(bool)))
    pq.write_table(made, place / "pictures.parquet")
    return made


@pytest.fixture
def factory(place: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.chdir(place)

    def written(outputs: int) -> str:
        name = f"convolution_{outputs}"
        (place / f"{name}.py").write_text(FACTORY.format(outputs=outputs), encoding="utf-8")
        return f"{name}:make"

    return written


def module(outputs: int) -> Any:
    space: dict[str, Any] = {}
    exec(FACTORY.format(outputs=outputs), space)
    return space["make"]().eval()


def as_graph(made: Any, path: str, **more: Any) -> None:
    with quiet():
        rows = torch.zeros(2 if more else 1, 3, 32, 32)
        torch.onnx.export(made, (rows,), path, dynamo=True, verbose=False, **more)


def by_hand(table: pa.Table, outputs: int) -> Any:
    """Outputs of the module, the images opened and scaled as torchvision's ToTensor and Normalize do."""
    import io

    from PIL import Image

    levels = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in table["image"].to_pylist()])
    mean, std = (np.asarray(numbers, np.float32)[:, None, None] for numbers in (MEAN, STD))
    x = (levels.astype(np.float32).transpose(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        return module(outputs)(torch.from_numpy(x.astype(np.float32))).numpy()


def data(**more: Any) -> dict[str, Any]:
    return {"path": "pictures.parquet", "label": "y", "sensitive": ["sex"], "id": "id", **more}


def column(result: Result, variant: str, name: str) -> Any:
    assert result.folder is not None
    return np.asarray(pq.read_table(result.folder / "predictions" / f"{variant}.parquet")[name].to_pylist())


def test_a_module_and_its_graphs_score_pictures_as_by_hand_and_their_artefact_goes_on(
    table: pa.Table, factory: Any, place: Path
) -> None:
    name = factory(2)
    x = torch.zeros(2, 3, 32, 32)
    as_graph(module(2), "m.onnx", dynamic_shapes=({0: torch.export.Dim("n")},))
    program = torch.export.export(module(2), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.export.save(program, "m.pt2")
    result = fairweigh.run(
        {
            "audit": "torch",
            "data": data(),
            "model": {
                "factory": name, "image": "image", "shape": [3, 32, 32], "pixels": PIXELS, "positive": "1",
            },
            "compressions": ["int8-weight", "onnx"],
            "variants": [{"name": "graph", "path": "m.onnx"}, {"name": "program", "path": "m.pt2"}],
                    },
        out="torch", overwrite=True,
    )  # fmt: skip
    logits = by_hand(table, 2)
    expected = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    for variant in ("original", "graph", "program", "onnx"):
        np.testing.assert_allclose(column(result, variant, "score"), expected, atol=2e-6)
    np.testing.assert_allclose(column(result, "int8-weight", "score"), expected, atol=0.02)
    again = fairweigh.run(
        {
            "audit": "again", "data": data(),
            "model": {"kind": "variant", "path": "torch/artefacts/int8-weight", "factory": name},
        },
        out="again", overwrite=True,
    )  # fmt: skip
    np.testing.assert_array_equal(column(again, "original", "score"), column(result, "int8-weight", "score"))
    alone = fairweigh.run(
        {
            "audit": "graph", "data": data(),
            # The graph itself tells how large its pictures are.
            "model": {"path": "m.onnx", "image": "image", "pixels": PIXELS, "positive": "1"},
        },
        out="graph", overwrite=True,
    )  # fmt: skip
    np.testing.assert_array_equal(column(alone, "original", "score"), column(result, "graph", "score"))


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_pictures_of_several_classes_and_labels(kind: str, table: pa.Table, factory: Any) -> None:
    several = {
        "multiclass": (3, data(label="grade", classes=["none", "mild", "severe"])),
        "multilabel": (2, data(label=None, labels=["finding", "device"])),
    }
    for task, (outputs, said) in several.items():
        if kind == "torch":
            origin: dict[str, Any] = {"factory": factory(outputs), "shape": [3, 32, 32]}
        else:
            as_graph(module(outputs), f"{task}.onnx")
            origin = {"path": f"{task}.onnx"}
        told = {key: value for key, value in said.items() if value is not None}
        result = fairweigh.run(
            {
                "audit": task, "task": task, "data": told,
                "model": {**origin, "image": "image", "pixels": PIXELS, "output": "logits"},
            },
            out=f"{kind}-{task}", overwrite=True,
        )  # fmt: skip
        logits = by_hand(table, outputs)
        if task == "multiclass":
            expected = np.array(["none", "mild", "severe"])[logits.argmax(1)]
            assert (column(result, "original", "y_pred") == expected).all()
        else:
            for place, label in enumerate(["finding", "device"]):
                decided = column(result, "original", f"y_pred:{label}").astype(bool)
                assert (decided == (logits[:, place] > 0)).all()


def test_a_graph_beside_a_folder_reads_pictures_through_the_folder_s_processor(
    table: pa.Table, factory: Any, place: Path
) -> None:
    import transformers

    folder = save_vit(place / "vit")
    own = transformers.ViTForImageClassification.from_pretrained(folder).eval()
    as_graph(own, "vit.onnx")
    common = {"image": "image", "positive": "LABEL_1"}
    result = fairweigh.run(
        {
            "audit": "vit", "data": data(),
            "model": {"path": str(folder), "task": "image-classification", **common},
            "variants": [{"name": "graph", "path": "vit.onnx"}],
        },
        out="run", overwrite=True,
    )  # fmt: skip
    np.testing.assert_allclose(
        column(result, "graph", "score"), column(result, "original", "score"), atol=1e-5
    )
    alone = fairweigh.run(
        {"audit": "alone", "data": data(), "model": {"path": "vit.onnx", **common, "processor": str(folder)}}
        | {"model": {"path": "vit.onnx", "image": "image", "positive": "1", "processor": str(folder)}},
        out="alone", overwrite=True,
    )  # fmt: skip
    np.testing.assert_array_equal(column(alone, "original", "score"), column(result, "graph", "score"))


def test_a_graph_of_several_classes_has_kept_the_order_of_the_folder_beside_it(
    table: pa.Table, factory: Any, place: Path
) -> None:
    """In another order than the names' own, and one of them does not occur in the data."""
    import transformers

    names = dict(enumerate(["severe", "none", "other", "mild"]))
    folder = save_vit(place / "vit3", id2label=names, label2id={name: i for i, name in names.items()})
    own = transformers.ViTForImageClassification.from_pretrained(folder).eval()
    as_graph(own, "vit3.onnx")
    with quiet():
        torch.export.save(
            torch.export.export(
                Logits(own), (torch.zeros(2, 3, 32, 32),), dynamic_shapes=({0: torch.export.Dim("n")},)
            ),
            "vit3.pt2",
        )
    result = fairweigh.run(
        {
            "audit": "vit3", "task": "multiclass",
            "data": data(label="grade", missing={"keep": {"grade": ["none"]}}),
            "model": {"path": str(folder), "task": "image-classification", "image": "image"},
            "variants": [{"name": "graph", "path": "vit3.onnx"}, {"name": "program", "path": "vit3.pt2"}],
        },
        out="run3", overwrite=True,
    )  # fmt: skip
    assert not result.failed
    for variant in ("graph", "program"):
        assert (column(result, variant, "y_pred") == column(result, "original", "y_pred")).all()
    assert len(set(column(result, "original", "y_pred"))) > 1


class Logits(torch.nn.Module):
    """Gives the logits alone."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Any) -> Any:
        return self.model(x).logits


SHAPED = {"factory": "a:b", "image": "image", "shape": [3, 32, 32]}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (SHAPED | {"features": ["a"]}, "model.*features: a model of images reads the column of image alone"),
        (SHAPED | {"processor": "f"}, "shape: the processor says how images become numbers"),
        ({"factory": "a:b", "pixels": {}}, "pixels: expected image, the column of the images, beside it"),
        (SHAPED | {"shape": [3, 0, 32]}, r"shape\[1\]: input should be greater than or equal to 1, got 0"),
        (SHAPED | {"pixels": {"std": [0.0]}}, r"pixels\.std\[0\]: input should be greater than 0, got 0"),
        ({"path": "m.onnx", "image": "i", "text": "t"}, "text: a model of images reads the column of image"),
        (
            {"endpoint": "http://127.0.0.1:1/invocations", "protocol": "mlflow", "image": "i"},
            "image: MLflow's protocol takes columns as they are",
        ),
    ],
)  # fmt: skip
def test_keys_that_do_not_go_together_are_one_line(model: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read({"audit": "x", "data": data(), "model": model})


def test_a_size_that_nothing_tells_is_asked_for(table: pa.Table, factory: Any) -> None:
    with pytest.raises(InputError, match=r"^model\.shape: a model of images needs that of one, such as"):
        fairweigh.run(
            {"audit": "x", "data": data(), "model": {"factory": factory(2), "image": "image"}}, out="refused"
        )
    assert not Path("refused").exists()


def test_a_served_model_is_sent_the_pixels(table: pa.Table, factory: Any) -> None:
    # Made once: requests come side by side, and each would seed the weights of the others anew.
    served = module(2)

    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[int, Any, Any]:
        if path == "/v2/models/m":
            said = {"name": "pixels", "datatype": "FP32", "shape": [-1, 3, 32, 32]}
            return 200, {}, {"name": "m", "platform": "ours", "inputs": [said], "outputs": []}
        given = torch.from_numpy(tensors(content)["pixels"])
        with torch.no_grad():
            return 200, {}, {"outputs": [tensor("logits", served(given).numpy())]}

    with serving(answer) as address:
        result = fairweigh.run(
            {
                "audit": "served", "data": data(),
                "model": {
                    "endpoint": f"{address}/v2/models/m", "protocol": "open-inference", "image": "image",
                    "pixels": PIXELS, "positive": "1", "output": "logits",
                },
            },
            out="served", overwrite=True,
        )  # fmt: skip
    logits = by_hand(table, 2)
    expected = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    np.testing.assert_allclose(column(result, "original", "score"), expected, atol=2e-6)


def test_a_program_of_uint8_is_scored_by_levels_alone(table: pa.Table, factory: Any) -> None:
    class Levels(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = module(2)

        def forward(self, x: Any) -> Any:
            return self.layers(x.float() / 255)

    x = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    program = torch.export.export(Levels().eval(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.export.save(program, "u8.pt2")
    # The program itself tells how large its pictures are.
    model = {"path": "u8.pt2", "image": "image", "positive": "1", "output": "logits"}
    levels = {**model, "pixels": {"divide_by": 1.0}}
    with pytest.raises(InputError, match=r"takes whole numbers .*model\.pixels\.divide_by"):
        fairweigh.run({"audit": "u8", "data": data(), "model": model}, out="u8-refused")
    with pytest.raises(InputError, match=r"has the shape \(any, 3, 32, 32\).*model\.shape"):
        fairweigh.run(
            {"audit": "u8", "data": data(), "model": {**levels, "shape": [32, 32, 3]}}, out="u8-refused"
        )
    result = fairweigh.run({"audit": "u8", "data": data(), "model": levels}, out="u8", overwrite=True)
    floats = {
        "factory": factory(2),
        "image": "image",
        "shape": [3, 32, 32],
        "positive": "1",
        "output": "logits",
    }
    other = fairweigh.run({"audit": "f", "data": data(), "model": floats}, out="floats", overwrite=True)
    np.testing.assert_allclose(
        column(result, "original", "score"), column(other, "original", "score"), atol=1e-6
    )
