"""Texts beside longer ones score as alone: GPT-2, Gemma, T5 and BERT, however their tokenizer pads.

The outside answer is transformers' own forward pass, row by row, without padding.
"""

from __future__ import annotations

import copy
import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairweigh.audit.config import model_spec
from fairweigh.compression import artefact
from fairweigh.compression.make import make
from fairweigh.compression.registry import Context
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.models.load import neural

from ..tiny import batch, load, texts
from ..zoo.transformer_kinds import TEXTS, _text

KINDS = {kind.name: kind for kind in TEXTS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build a model of a kind once, and hand out copies to change."""
    made: dict[str, Path] = {}

    def of(name: str, target: Path) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("kind")
            KINDS[name].build(made[name])
        return Path(shutil.copytree(made[name], target / "model"))

    return of


@pytest.fixture(scope="module")
def truth(folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., np.ndarray]:
    """Logits of 200 texts by a kind, each text alone: no padding changes them."""

    @functools.cache
    def of(name: str) -> np.ndarray:
        return alone(folder(name, tmp_path_factory.mktemp("alone")), texts(200)["text"].to_pylist())

    return of


def changed(path: Path, **values: Any) -> None:
    """Set keys of a JSON file; None takes a key out."""
    told = json.loads(path.read_text())
    told.update(values)
    path.write_text(json.dumps({key: value for key, value in told.items() if value is not None}))


def alone(folder: Path, written: list[str]) -> np.ndarray:
    """Logits of transformers' own forward pass, a text at a time."""
    import torch
    import transformers

    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = []
    with torch.no_grad():
        for text in written:
            made = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
            rows.append(module(**made).logits[0].float().numpy())
    return np.stack(rows)


CASES: dict[str, Any] = {
    "no token in the tokenizer, another than 0 in the configuration": (
        {"pad_token": None},
        {"pad_token_id": 7},
    ),
    "another token in the tokenizer": ({"pad_token": "[MASK]"}, {"pad_token_id": 0}),
    "on the left": ({"padding_side": "left"}, {}),
    "no token in the configuration": ({}, {"pad_token_id": None}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["GPT-2", "Gemma", "T5", "BERT"])
def test_a_text_is_decided_as_if_it_stood_alone(
    name: str, case: Any, folder: Callable[..., Path], truth: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    # huggingface/transformers#27502: what a text scores depends on the padding of its batch.
    of_tokenizer, of_config = CASES[case]
    path = folder(name, tmp_path)
    changed(path / "tokenizer_config.json", **of_tokenizer)
    changed(path / "config.json", **of_config)
    table = texts(200)
    model = load("transformers", table, text="text", path=str(path))
    expected = truth(name)
    np.testing.assert_allclose(model.logits(batch(table, model)), expected, atol=2e-4)
    found = model.score(batch(table, model), None)
    margin = expected[:, 1] - expected[:, 0]
    np.testing.assert_array_equal(found.decision[np.abs(margin) > 1e-3], margin[np.abs(margin) > 1e-3] > 0)
    assert 0.02 < found.decision.mean() < 0.98


def test_a_model_that_reads_the_last_token_is_padded_on_the_left(tmp_path: Path) -> None:
    kind = _text("XLNet", "XLNet", d_model=32, n_layer=2, n_head=4, d_inner=64, initializer_range=0.3)
    kind.build(tmp_path)
    table = texts(60)
    model = load("transformers", table, text="text", path=str(tmp_path))
    assert model.inputs.tokenizer.padding_side == "left"
    expected = alone(tmp_path, table["text"].to_pylist())
    np.testing.assert_allclose(model.logits(batch(table, model)), expected, atol=2e-4)
    artefact.save(model, [], tmp_path / "kept")
    again = artefact.load(tmp_path / "kept")
    np.testing.assert_allclose(again.logits(batch(table, again)), expected, atol=2e-4)


def test_a_padding_token_that_nobody_names_or_knows_is_one_line(
    folder: Callable[..., Path], tmp_path: Path
) -> None:
    path = folder("GPT-2", tmp_path)
    changed(path / "tokenizer_config.json", pad_token=None)
    changed(path / "config.json", pad_token_id=None)
    with pytest.raises(InputError, match=r"neither its tokenizer nor its config.json names a padding token"):
        load("transformers", texts(20), text="text", path=str(path))
    table = texts(20)
    one = load("transformers", table, text="text", path=str(path), batch_rows=1)
    np.testing.assert_allclose(
        one.logits(batch(table, one)), alone(path, table["text"].to_pylist()), atol=1e-4
    )
    changed(path / "config.json", pad_token_id=900)
    with pytest.raises(InputError, match=r"^model: .*900"):
        load("transformers", texts(20), text="text", path=str(path))


def test_a_model_that_minds_padding_on_either_side_is_refused(
    folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    path = folder("BERT", tmp_path)
    kind = transformers.BertForSequenceClassification
    whole = kind.forward

    def blind(self: Any, **given: Any) -> Any:
        # As if the mask had been forgotten.
        given["attention_mask"] = given["input_ids"] * 0 + 1
        return whole(self, **given)

    monkeypatch.setattr(kind, "forward", blind)
    with pytest.raises(
        InputError, match=r"texts score otherwise beside longer ones .* set model.batch_rows: 1"
    ):
        load("transformers", texts(60), text="text", path=str(path))
    assert load("transformers", texts(60), text="text", path=str(path), batch_rows=1).batching.rows == 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["BERT", "Gemma"])
def test_a_folder_in_half_precision_is_scored_as_stored_or_as_asked(
    name: str, dtype: str, folder: Callable[..., Path], tmp_path: Path
) -> None:
    import torch
    import transformers

    path = folder(name, tmp_path)
    kind = transformers.AutoModelForSequenceClassification
    half = kind.from_pretrained(path).to(getattr(torch, dtype))
    half.save_pretrained(path)
    table = texts(60)
    one = load("transformers", table, text="text", path=str(path), batch_rows=1)
    assert one.describe()["dtype"] == dtype
    np.testing.assert_array_equal(one.logits(batch(table, one)), alone(path, table["text"].to_pylist()))
    artefact.save(one, [], tmp_path / "kept")
    kept = artefact.load(tmp_path / "kept")
    np.testing.assert_array_equal(kept.logits(batch(table, kept)), one.logits(batch(table, one)))
    # Rows score otherwise beside longer ones then, by the few digits that the type has.
    together = load("transformers", table, text="text", path=str(path))
    assert together.describe()["dtype"] == dtype
    # In float32 it is a model like any other, which recipes work on.
    wide = load("transformers", table, text="text", path=str(path), dtype="float32")
    half.float().save_pretrained(tmp_path / "wide")
    shutil.copy(path / "tokenizer.json", tmp_path / "wide")
    shutil.copy(path / "tokenizer_config.json", tmp_path / "wide")
    np.testing.assert_allclose(
        wide.logits(batch(table, wide)), alone(tmp_path / "wide", table["text"].to_pylist()), atol=2e-4
    )
    context = Context(0, batch(table, wide), None, None, wide, sensitive=("sex",), row_id="id")
    made = make(wide, [("int8-dynamic", {})], context, tmp_path / "made")
    again = artefact.load(tmp_path / "made")
    rows = batch(table, again)
    np.testing.assert_array_equal(made.model.logits(rows), again.logits(rows))


# --- names of labels ---------------------------------------


def bert_called(folder: Callable[..., Path], tmp_path: Path, **config: Any) -> Path:
    path = folder("BERT", tmp_path)
    changed(path / "config.json", **config)
    return path


def data_of(positive: Any) -> EvaluationSet:
    table = texts(60)
    return EvaluationSet(table, sensitive=["sex", "race"], label="y", id="id", positive=positive)


@pytest.mark.parametrize("positive", [None, 1, 0])
def test_numbers_in_the_data_say_nothing_of_labels_with_names(
    positive: int | None, folder: Callable[..., Path], tmp_path: Path
) -> None:
    path = bert_called(
        folder, tmp_path, id2label={"0": "positive", "1": "negative"}, label2id={"positive": 0, "negative": 1}
    )
    said: Any = {} if positive is None else {"positive": positive}
    data = EvaluationSet(texts(60), sensitive=["sex"], label="y", id="id", **said)
    spec = model_spec({"kind": "transformers", "text": "text", "path": str(path)})
    with pytest.raises(
        InputError, match=r"^model.positive: the model's labels are 'positive', 'negative'; none"
    ):
        neural("transformers", spec, data, 0)
    for named, place in (("positive", 0), ("negative", 1), (1, 1), (0, 0)):
        spec = model_spec({"kind": "transformers", "text": "text", "path": str(path), "positive": named})
        assert neural("transformers", spec, data, 0).head.positive == (place,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("names", "place"),
    [(["LABEL_0", "LABEL_1"], 1), (["0", "1"], 1), (["1", "0"], 0), (None, 1)],
)
def test_labels_without_names_of_their_own_are_zero_and_one(
    names: list[Any] | None, place: int, folder: Callable[..., Path], tmp_path: Path
) -> None:
    given = {} if names is None else {"id2label": {str(i): n for i, n in enumerate(names)}}
    given["label2id"] = None if names is None else {n: i for i, n in enumerate(names)}
    path = bert_called(folder, tmp_path, **given)
    data = EvaluationSet(texts(60), sensitive=["sex"], label="y", id="id", positive=1)
    spec = model_spec({"kind": "transformers", "text": "text", "path": str(path)})
    assert neural("transformers", spec, data, 0).head.positive == (place,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"id2label": {"0": "yes", "1": "yes"}, "label2id": {"yes": 1}},
            "model.positive: the model has 2 labels called 'yes'; say by position which is positive",
        ),
        (
            {"id2label": {"0": "yes", "1": "no"}, "label2id": {"yes": 1, "no": 0}},
            "model.positive: its config.json says two things of the label 'yes': output 0 in id2label, 1 in",
        ),
        (
            {"id2label": {"1": "no", "2": "yes"}, "label2id": {"no": 1, "yes": 2}},
            r"model: its config.json names the labels '1', '2' \(id2label\), expected one for each output",
        ),
    ],
)
def test_label_maps_that_contradict_themselves_are_one_line(
    config: dict[str, Any], told: str, folder: Callable[..., Path], tmp_path: Path
) -> None:
    path = bert_called(folder, tmp_path, **config)
    with pytest.raises(InputError, match=f"^{told}"):
        load("transformers", texts(60), text="text", path=str(path), positive="yes")
    if "0" in config["id2label"]:
        assert load("transformers", texts(60), text="text", path=str(path), positive=1).head.positive == (1,)


def test_the_tokenizer_that_was_given_stays_as_it_is(folder: Callable[..., Path], tmp_path: Path) -> None:
    import transformers

    path = folder("GPT-2", tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    tokenizer.padding_side = "left"
    before = copy.deepcopy(tokenizer.init_kwargs)
    from fairweigh.models.texts import TextInputs

    inputs = TextInputs(tokenizer, "text")
    assert inputs.padding("right").tokenizer.padding_side == "right"
    assert tokenizer.padding_side == "left"
    assert tokenizer.init_kwargs == before
