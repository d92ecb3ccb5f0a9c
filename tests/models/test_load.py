"""ONNX models, and what the configuration of a neural model may get wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.extras import quiet

from ..tiny import FEATURES, batch, load, mlp, numbers, save_tokenizer, texts

if TYPE_CHECKING:
    from torch import Tensor


def write_onnx(
    module: Any, path: str, example: tuple[Any, ...], names: list[Any], free: tuple[Any, ...]
) -> None:
    import torch

    with quiet():
        torch.onnx.export(
            module, example, str(path), dynamo=True, external_data=False, input_names=names,
            dynamic_shapes=free, verbose=False,
        )  # fmt: skip


def test_an_onnx_model_of_a_table_scores_as_torch_does(here: Path) -> None:
    import torch

    module, table = mlp(), numbers(100)
    write_onnx(module, "m.onnx", (torch.zeros(2, 4),), ["x"], ({0: torch.export.Dim.DYNAMIC},))
    model = load("onnx", table, path="m.onnx", features=FEATURES)
    x = torch.from_numpy(np.stack([table[c].to_numpy() for c in FEATURES], 1))
    with torch.no_grad():
        np.testing.assert_allclose(model.logits(batch(table, model)), module(x).numpy(), atol=1e-5)
    assert model.describe()["runtime"] == "onnxruntime"


def positional(bert: Path) -> Any:
    """A tiny BERT that takes tokens and their mask one after the other."""
    import torch
    import transformers

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = transformers.AutoModelForSequenceClassification.from_pretrained(bert).eval()

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            return self.inner(input_ids=input_ids, attention_mask=attention_mask).logits

    return Positional()


def test_an_onnx_model_of_texts_scores_as_transformers_does(bert: Path, here: Path) -> None:
    import torch

    table = texts(40)
    free = dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)
    example = torch.arange(10).reshape(2, 5), torch.ones(2, 5, dtype=torch.long)
    write_onnx(positional(bert), "m.onnx", example, ["input_ids", "attention_mask"], (free, free))
    model = load("onnx", table, path="m.onnx", text="text", tokenizer=str(bert))
    plain = load("transformers", table, text="text", path=str(bert))
    np.testing.assert_allclose(
        model.logits(batch(table, model)), plain.logits(batch(table, plain)), atol=1e-4
    )


@pytest.mark.parametrize(("kind", "max_length"), [("onnx", None), ("onnx", 5), ("openvino", None)])
def test_texts_of_a_graph_of_one_length_are_padded_and_cut_to_it(
    kind: str, max_length: int | None, bert: Path, here: Path
) -> None:
    """As transformers does with ``padding="max_length"``: of a mask, filled tokens change nothing."""
    import torch
    import transformers

    module, table, length = positional(bert), texts(40), 9
    example = torch.arange(2 * length).reshape(2, length), torch.ones(2, length, dtype=torch.long)
    free = {0: torch.export.Dim.DYNAMIC}
    path = "m.onnx"
    write_onnx(module, path, example, ["input_ids", "attention_mask"], (free, free))
    if kind == "openvino":
        import openvino

        path = "m.xml"
        openvino.save_model(openvino.convert_model("m.onnx"), path, compress_to_fp16=False)
    more: Any = {} if max_length is None else {"max_length": max_length}
    model = load(kind, table, path=path, text="text", tokenizer=str(bert), **more)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    lengths = [len(row) for row in tokenizer(table["text"].to_pylist())["input_ids"]]
    assert min(lengths) < length < max(lengths)
    with torch.inference_mode():
        # One text at a time, cut alike and filled with nothing.
        expected = [
            module.inner(
                **tokenizer(text, truncation=True, max_length=max_length or length, return_tensors="pt")
            ).logits[0]
            for text in table["text"].to_pylist()
        ]
    np.testing.assert_allclose(model.logits(batch(table, model)), torch.stack(expected), atol=1e-4)
    told = model.describe()
    assert (told["padded_to"], told["max_length"]) == (length, max_length or length)


def test_an_onnx_model_that_wants_other_inputs_is_refused(here: Path) -> None:
    import torch

    class Two(torch.nn.Module):
        def forward(self, first: Tensor, second: Tensor) -> Tensor:
            return first[:, :2] + second[:, :2]

    free = ({0: torch.export.Dim.DYNAMIC},) * 2
    write_onnx(Two(), "m.onnx", (torch.zeros(2, 4),) * 2, ["first", "second"], free)
    with pytest.raises(InputError, match="wants the inputs first, second, which the rows do not give"):
        load("onnx", numbers(), path="m.onnx", features=FEATURES)


def test_an_onnx_model_of_another_width_is_refused(here: Path) -> None:
    import torch

    write_onnx(mlp(), "m.onnx", (torch.zeros(2, 4),), ["x"], ({0: torch.export.Dim.DYNAMIC},))
    with pytest.raises(InputError, match=r"'x' has the shape \(any, 4\), the rows give \(any, 3\)"):
        load("onnx", numbers(), path="m.onnx", features=FEATURES[:3])


def test_an_onnx_model_of_texts_needs_its_tokenizer(here: Path) -> None:
    import torch

    write_onnx(mlp(), "m.onnx", (torch.zeros(2, 4),), ["x"], ({0: torch.export.Dim.DYNAMIC},))
    with pytest.raises(InputError, match=r"model.tokenizer: a graph that reads texts needs the folder"):
        load("onnx", texts(), path="m.onnx", text="text")
    save_tokenizer(here / "tok")
    with pytest.raises(InputError, match="wants the inputs x"):
        load("onnx", texts(), path="m.onnx", text="text", tokenizer="tok")


@pytest.mark.parametrize("suffix", ["bin", "pt", "pth", "pkl"])
def test_a_pickle_of_weights_is_refused_with_or_without_a_factory(suffix: str, here: Path) -> None:
    import torch

    path = f"m.{suffix}"
    torch.save(mlp().state_dict(), path)
    for factory in (None, "json:loads"):
        with pytest.raises(InputError, match="other formats are pickles, which can run any code when loaded"):
            load("torch", numbers(), path=path, features=FEATURES, factory=factory)


def test_weights_without_the_function_that_builds_their_module_are_refused(here: Path) -> None:
    from safetensors.torch import save_file

    save_file(mlp().state_dict(), "w.safetensors")
    with pytest.raises(InputError, match=r"model.factory: the weights of w.safetensors need the function"):
        load("torch", numbers(), path="w.safetensors", features=FEATURES)
    with pytest.raises(InputError, match=r"model.path: no file nowhere.pt2"):
        load("torch", numbers(), path="nowhere.pt2", features=FEATURES)


def test_a_model_may_not_read_the_label(bert: Path) -> None:
    with pytest.raises(InputError, match="column 'y' is the label, which a model may not see"):
        load("transformers", texts(y=["0", "1"] * 100), text="y", path=str(bert))


def test_a_text_column_that_is_not_there_is_named(bert: Path) -> None:
    with pytest.raises(InputError, match="lacks the column 'comment'"):
        load("transformers", texts(), text="comment", path=str(bert))
