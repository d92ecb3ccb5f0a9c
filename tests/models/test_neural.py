"""Scores of neural models: those of the library's own forward pass, whatever the order and the batches."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.special
from fairweigh.datasets.errors import InputError
from fairweigh.models.budget import out_of_memory
from fairweigh.models.device import device_for
from fairweigh.models.heads import Head
from fairweigh.models.heads.binary import head
from fairweigh.models.inputs import TableInputs
from fairweigh.models.neural import Batching, NeuralModel
from fairweigh.models.onnx_runtime import OnnxRuntime
from fairweigh.models.torch_runtime import TorchRuntime
from hypothesis import given
from hypothesis import strategies as st

from ..tiny import FEATURES, batch, edit_json, load, mlp, numbers, save_bert, texts

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.tokenization_utils_sentencepiece import SentencePieceBackend
    from transformers.tokenization_utils_tokenizers import TokenizersBackend


def library(folder: Path) -> tuple[Any, TokenizersBackend | SentencePieceBackend]:
    """transformers' own model and tokenizer, loaded without this package."""
    import transformers

    return (
        transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval(),
        transformers.AutoTokenizer.from_pretrained(folder),
    )


def one_by_one(folder: Path, *columns: list[str]) -> np.ndarray:
    """Logits of transformers' forward pass, row by row, without padding."""
    import torch

    model, tokenizer = library(folder)
    rows = []
    with torch.no_grad():
        for values in zip(*columns, strict=True):
            inputs = tokenizer(*values, truncation=True, max_length=64, return_tensors="pt")
            rows.append(model(**inputs).logits[0].numpy())
    return np.stack(rows)


# --- against the library ---------------------------------------


def test_text_scores_are_those_of_transformers_row_by_row(bert: Path) -> None:
    table = texts(120)
    model = load("transformers", table, text="text", path=str(bert))
    logits = one_by_one(bert, table["text"].to_pylist())
    scored = model.score(batch(table, model), None)
    np.testing.assert_allclose(model.logits(batch(table, model)), logits, atol=1e-5)
    np.testing.assert_allclose(scored.score, scipy.special.softmax(logits.astype(float), 1)[:, 1], atol=1e-5)
    np.testing.assert_array_equal(scored.decision, scored.score >= 0.5)
    assert 0 < scored.decision.mean() < 1


def test_text_pair_scores_are_those_of_transformers_row_by_row(bert: Path) -> None:
    table = texts(60)
    model = load("transformers", table, text="text", text_pair="second", path=str(bert))
    expected = one_by_one(bert, table["text"].to_pylist(), table["second"].to_pylist())
    np.testing.assert_allclose(model.logits(batch(table, model)), expected, atol=1e-5)
    assert np.abs(expected - one_by_one(bert, table["text"].to_pylist())).max() > 0.01
    assert model.describe()["text_pair"] == "second"


def test_image_scores_are_those_of_transformers_whether_paths_bytes_or_structs(
    vit: Path, tmp_path: Path
) -> None:
    import torch
    import transformers
    from PIL import Image

    r = np.random.default_rng(0)
    pictures = [Image.fromarray(r.integers(0, 256, (40, 50, 3), np.uint8)) for _ in range(9)]
    written = []
    for i, picture in enumerate(pictures):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        (tmp_path / f"{i}.png").write_bytes(buffer.getvalue())
        written.append(buffer.getvalue())
    own = transformers.AutoModelForImageClassification.from_pretrained(vit).eval()
    processor = transformers.ViTImageProcessor.from_pretrained(vit)
    with torch.no_grad():
        expected = own(**processor(images=pictures, return_tensors="pt")).logits.numpy()
    paths = [str(tmp_path / f"{i}.png") for i in range(9)]
    for values in (written, paths, [{"bytes": w, "path": None} for w in written]):
        table = texts(9, image=values)
        model = load(
            "transformers", table, task="image-classification", image="image", path=str(vit), batch_rows=4
        )
        np.testing.assert_allclose(model.logits(batch(table, model)), expected, atol=1e-5)


@pytest.mark.parametrize("value", [b"no picture", "nowhere.png", None, {"bytes": None, "path": None}])
def test_what_is_no_image_is_refused_by_its_column(
    value: bytes | str | dict[str, Any] | None, vit: Path
) -> None:
    table = texts(3, image=[value] * 3)
    model = load("transformers", table, task="image-classification", image="image", path=str(vit))
    with pytest.raises(
        InputError, match=r"image column 'image': expected images that can be read.*; 3 of 3 rows hold none"
    ):
        model.score(batch(table, model), None)


def test_a_compiled_module_scores_as_the_plain_one() -> None:
    table = numbers(50)
    plain = NeuralModel(load_inputs(), TorchRuntime(mlp(), "cpu", by_name=False), head([], 2, None, []))
    compiled = TorchRuntime(mlp(), "cpu", by_name=False, compiled=True)
    # torch.compile needs a compiler of C++; its own graph capture is what is tested here.
    compiled._call = __import__("torch").compile(compiled.module, dynamic=True, backend="eager")
    np.testing.assert_array_equal(
        plain.logits(batch(table, plain)),
        dataclasses.replace(plain, runtime=compiled).logits(batch(table, plain)),
    )
    assert compiled.describe()["compile"] is True


def load_inputs() -> TableInputs:
    from fairweigh.models.inputs import TableInputs

    return TableInputs(FEATURES)


# --- order and batches ---------------------------------------


class Recording:
    """A runtime that hands on, and keeps the shapes of its batches."""

    shared_threads = 1

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, arrays: Any) -> Any:
        self.shapes.append(next(iter(arrays.values())).shape)
        return self.runtime(arrays)

    def describe(self) -> Any:
        return self.runtime.describe()


def test_scores_stand_in_the_callers_order_and_batches_keep_their_limits(bert: Path) -> None:
    table = texts(150, seed=3)
    model = load("transformers", table, text="text", path=str(bert), batch_rows=16, batch_tokens=200)
    recording = Recording(model.runtime)
    model.runtime = recording
    rows = batch(table, model)
    forward = model.logits(rows)
    order = np.random.default_rng(0).permutation(150)
    np.testing.assert_allclose(model.logits(rows.take(pa.array(order))), forward[order], atol=1e-5)
    assert sum(n for n, _ in recording.shapes) == 300
    assert max(n for n, _ in recording.shapes) == 16
    assert max(n * width for n, width in recording.shapes) <= 200
    widths = [width for _, width in recording.shapes[: len(recording.shapes) // 2]]
    assert widths == sorted(widths, reverse=True)


def test_a_text_longer_than_a_batchs_tokens_stands_alone() -> None:
    cuts = list(Batching(rows=8, tokens=10).cut(np.array([25, 12, 10, 6, 5, 5, 4, 1, 1])))
    assert [(c.start, c.stop) for c in cuts] == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 8), (8, 9)]


@given(
    st.lists(st.integers(1, 600), min_size=1, max_size=60),
    st.integers(1, 70),
    st.integers(1, 2000),
)
def test_batches_cover_all_rows_within_their_limits(lengths: Any, rows: Any, tokens: Any) -> None:
    ordered = np.array(sorted(lengths, reverse=True))
    cuts = list(Batching(rows, tokens).cut(ordered))
    assert [c.start for c in cuts] == [0, *(c.stop for c in cuts[:-1])]
    assert cuts[-1].stop == len(lengths)
    for cut in cuts:
        size = cut.stop - cut.start
        assert size <= rows
        assert size * ordered[cut.start] <= tokens or size == 1


# --- memory, truncation, outputs that are not numbers ---------------------------------------


def refusing(most: int, error: Exception) -> Any:
    """A real module that takes no more than some rows at once."""
    import torch

    class Refusing(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = mlp()

        def forward(self, x: Tensor) -> Tensor:
            if len(x) > most:
                raise error
            return self.inner(x)

    return Refusing()


def table_model(module: Any, outputs: int = 2) -> NeuralModel:
    return NeuralModel(load_inputs(), TorchRuntime(module, "cpu", by_name=False), head([], outputs, None, []))


def errors() -> list[Any]:
    import torch

    return [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_a_batch_that_does_not_fit_is_halved_and_that_is_told(which: int) -> None:
    table = numbers(130)
    model = table_model(refusing(20, errors()[which]))
    expected = table_model(mlp())
    np.testing.assert_allclose(
        model.logits(batch(table, model)), expected.logits(batch(table, expected)), atol=1e-6
    )
    assert model.describe()["notes"] == [
        "a batch of 64 rows did not fit into memory and was halved",
        "a batch of 32 rows did not fit into memory and was halved",
    ]


def test_one_row_that_does_not_fit_is_refused() -> None:
    model = table_model(refusing(0, errors()[0]))
    with pytest.raises(InputError, match="one row alone does not fit into memory"):
        model.score(batch(numbers(5), model), None)


def test_other_errors_are_not_taken_for_memory() -> None:
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x32)"))
    assert not out_of_memory(ValueError("out of memory"))


def test_texts_beyond_the_limit_are_cut_and_counted(bert: Path) -> None:
    lengths = [3, 62, 63, 80, 5, 200]
    table = texts(6, text=[" ".join(["bala"] * n) for n in lengths])
    model = load("transformers", table, text="text", path=str(bert))
    # Two of the model's 64 positions are [CLS] and [SEP].
    assert model.describe()["max_length"] == 64
    assert model.score(batch(table, model), None).truncated == 3
    short = load("transformers", table, text="text", path=str(bert), max_length=6)
    assert short.score(batch(table, short), None).truncated == 5
    lengths_of = short.inputs.encode(batch(table, short), None).lengths
    assert lengths_of.tolist() == [5, 6, 6, 6, 6, 6]


def test_rows_whose_outputs_are_not_numbers_are_counted_and_refused() -> None:
    import torch

    class Dividing(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x[:, 0], 1 / torch.relu(x[:, 0])], 1)

    table = numbers(90)
    model = table_model(Dividing())
    wrong = int((table["a"].to_numpy() <= 0).sum())
    with pytest.raises(InputError, match=f"the outputs of {wrong} rows are NaN or infinite"):
        model.score(batch(table, model), None)


@pytest.mark.parametrize(
    ("out", "told"),
    [
        (lambda x: x.sum(), r"expected outputs of shape \(rows, outputs\), got \(\)"),
        (lambda x: x[:, None, :, None] + x[:, :2, None, None], r"got \(64, 2, 4, 1\)"),
        (lambda x: "text", "got str"),
        (lambda x: x[:3], "expected 64 rows of outputs, got 3"),
        (lambda x: x, "expected 2 outputs per row, got 4"),
        (lambda x: x @ x, "it cannot score the table: RuntimeError: mat1 and mat2"),
    ],
)
def test_a_module_that_returns_something_else_is_refused(out: Callable[..., Any], told: str) -> None:
    import torch

    class Odd(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return out(x)

    model = table_model(Odd())
    with pytest.raises(InputError, match=told):
        model.score(batch(numbers(70), model), None)


# --- heads ---------------------------------------


def test_softmax_and_sigmoid_heads_are_scipys() -> None:
    logits = np.random.default_rng(0).normal(0, 30, (500, 3)).astype(np.float32)
    wide = logits.astype(float)
    two = Head(("a", "b", "c"), (0, 2), "softmax")
    np.testing.assert_allclose(
        two.scores(logits), scipy.special.softmax(wide, 1)[:, [0, 2]].sum(1), atol=1e-12
    )
    one = Head(("a", "b", "c"), (1,), "sigmoid")
    np.testing.assert_allclose(one.scores(logits), scipy.special.expit(wide[:, 1]), atol=1e-12)


@pytest.mark.parametrize("logit", [-1e30, -800.0, 800.0, 1e30])
def test_extreme_logits_stay_probabilities(logit: Any) -> None:
    found = Head(("0",), (0,), "sigmoid").scores(np.array([[logit]], np.float32))
    assert found[0] == pytest.approx(scipy.special.expit(logit), abs=1e-300)
    both = Head(("0", "1"), (1,), "softmax").scores(np.array([[0.0, logit]], np.float32))
    assert both[0] == pytest.approx(scipy.special.expit(logit), abs=1e-300)


@pytest.mark.parametrize(
    ("labels", "outputs", "kind", "positive", "found"),
    [
        (["LABEL_0", "LABEL_1"], 2, None, [], (1,)),
        (["LABEL_0", "LABEL_1"], 2, None, ["granted"], (1,)),
        (["NEGATIVE", "POSITIVE"], 2, "single_label_classification", ["positive"], (1,)),
        (["POSITIVE", "NEGATIVE"], 2, None, ["Positive"], (0,)),
        (["bad", "fine", "good"], 3, None, ["good", "fine"], (1, 2)),
        (["bad", "fine", "good"], 3, None, ["2"], (2,)),
        ([], 2, None, ["1"], (1,)),
        ([], 2, None, ["0"], (0,)),
        ([], 1, None, [], (0,)),
        (["LABEL_0"], 1, None, ["1"], (0,)),
        (["toxic", "threat"], 2, "multi_label_classification", ["toxic"], (0,)),
    ],
)
def test_the_positive_output_is_found_by_name_position_or_convention(
    labels: Sequence[Any], outputs: int, kind: str | None, positive: Sequence[Any], found: tuple[Any, ...]
) -> None:
    made = head(labels, outputs, kind, positive)
    assert made.positive == found
    sigmoid = outputs == 1 or kind == "multi_label_classification"
    assert made.kind == ("sigmoid" if sigmoid else "softmax")


@pytest.mark.parametrize(
    ("labels", "outputs", "kind", "positive", "told"),
    [
        (["a"], 1, "regression", [], "its head is a regression"),
        (["bad", "good"], 2, None, ["fine"], "labels are 'bad', 'good'; none of them is 'fine'"),
        (["x", "y", "z"], 3, None, [], "none of them is named as positive"),
        ([], 3, None, [], "none of them is named as positive"),
        (["a", "b"], 2, "multi_label_classification", ["a", "b"], "one label of a multi-label model"),
        (["a", "b"], 2, None, ["a", "b"], "every label of the model is positive"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    labels: Sequence[Any], outputs: int, kind: str | None, positive: Sequence[Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        head(labels, outputs, kind, positive)


def test_label_names_and_problem_type_come_from_the_configuration(tmp_path: Path) -> None:
    import torch

    folder = save_bert(
        tmp_path / "m", num_labels=3, problem_type="multi_label_classification",
        id2label={0: "fine", 1: "toxic", 2: "threat"}, label2id={"fine": 0, "toxic": 1, "threat": 2},
    )  # fmt: skip
    table = texts(30)
    model = load("transformers", table, text="text", path=str(folder), positive="Toxic", threshold=0.25)
    scored = model.score(batch(table, model), None)
    logits = torch.from_numpy(one_by_one(folder, table["text"].to_pylist()))
    np.testing.assert_allclose(scored.score, logits.sigmoid()[:, 1], atol=1e-5)
    np.testing.assert_array_equal(scored.decision, scored.score >= 0.25)
    assert model.describe()["positive"] == ["toxic"]
    assert model.describe()["labels"] == ["fine", "toxic", "threat"]
    with pytest.raises(InputError, match=r"model.positive: the model's labels are 'fine', 'toxic', 'threat'"):
        load("transformers", table, text="text", path=str(folder), positive="hate")


# --- devices and types ---------------------------------------


def test_a_device_that_is_not_there_is_refused() -> None:
    import torch

    assert device_for("cpu") == "cpu"
    with pytest.raises(InputError, match="expected auto, cpu, cuda or cuda:N, got 'tpu9'"):
        device_for("tpu9")
    if not torch.cuda.is_available():
        assert device_for("auto") == "cpu"
        for wanted in ("cuda", "cuda:1"):
            with pytest.raises(InputError, match="this machine has no CUDA device"):
                device_for(wanted)


def test_bfloat16_is_the_librarys_own_cast(bert: Path) -> None:
    import torch

    table = texts(20)
    model = load("transformers", table, text="text", path=str(bert), dtype="bfloat16", batch_rows=1)
    own, tokenizer = library(bert)
    own = own.to(torch.bfloat16)
    with torch.no_grad():
        expected = [
            own(**tokenizer(t, return_tensors="pt")).logits[0].float().numpy()
            for t in table["text"].to_pylist()
        ]
    np.testing.assert_array_equal(model.logits(batch(table, model)), np.stack(expected))
    assert model.describe()["dtype"] == "bfloat16"


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_a_transformers_folder_is_read_in_the_type_that_its_configuration_names(
    key: str, tmp_path: Path
) -> None:
    """As the library does it: the weights are stored in float32 all the same."""
    folder = save_bert(tmp_path / "m")
    edit_json(folder / "config.json", **{"dtype": None, key: "bfloat16"})
    assert load("transformers", texts(20), text="text", path=str(folder)).describe()["dtype"] == "bfloat16"


def test_a_damaged_onnx_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no ONNX model that can be read"):
        OnnxRuntime(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("labels", "positive", "found"),
    [
        (["1", "2", "3"], ["2"], (1,)),
        (["1", "2", "3", "4", "5"], ["4", "5"], (3, 4)),
        (["bad", "good"], ["1"], (1,)),
        (["toxic", "fine", "spam"], ["0", "2"], (0, 2)),
    ],
)
def test_a_labels_own_name_goes_before_its_position(
    labels: list[Any], positive: list[Any], found: tuple[Any, ...]
) -> None:
    assert head(labels, len(labels), None, positive).positive == found


def test_weights_that_are_nan_are_no_matter_of_padding(tmp_path: Path) -> None:
    import safetensors.torch

    folder = save_bert(tmp_path / "m")
    held = safetensors.torch.load_file(folder / "model.safetensors")
    held["classifier.weight"][0, 0] = float("nan")
    safetensors.torch.save_file(held, folder / "model.safetensors", {"format": "pt"})
    table = texts(20)
    model = load("transformers", table, path=str(folder), text="text")
    with pytest.raises(InputError, match="the outputs of 20 rows are NaN or infinite"):
        model.score(batch(table, model), None)
