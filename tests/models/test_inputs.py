"""Rows as neural models take them: tokens, numbers, tensors, and what cannot be taken."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models import texts as module
from fairweigh.models.inputs import ColumnInputs, TableInputs, load_inputs, unknown_columns
from fairweigh.models.neural import Encoded
from fairweigh.models.texts import TextInputs, length_limit, tokenizer_from
from hypothesis import given
from hypothesis import strategies as st

from ..tiny import sentences


@pytest.fixture(scope="module")
def tokenizer(bert: Path) -> Any:
    return tokenizer_from(str(bert))


def rows(**columns: Any) -> Any:
    return pa.record_batch({name: pa.array(values) for name, values in columns.items()})


def all_of(encoded: Encoded) -> Any:
    return encoded.collate(np.arange(len(encoded.lengths)))


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_collated_batch_is_what_the_tokenizer_pads_itself(side: str, bert: Path) -> None:
    own = tokenizer_from(str(bert))
    own.padding_side = side
    texts = sentences(40, seed=5)
    found = all_of(TextInputs(own, "t").encode(rows(t=texts), None))
    expected = own(texts, padding=True, return_tensors="np")
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == np.int64


def test_arrays_that_one_model_asks_for_are_not_given_to_another(bert: Path) -> None:
    """Two tokenizers of the same words: one gives types of tokens, which GPT-2 would add in."""
    with_types, without = tokenizer_from(str(bert)), tokenizer_from(str(bert))
    without.model_input_names = ["input_ids", "attention_mask"]
    texts = rows(t=sentences(9, seed=6))
    assert "token_type_ids" in all_of(TextInputs(with_types, "t").encode(texts, None))
    assert set(all_of(TextInputs(without, "t").encode(texts, None))) == {"input_ids", "attention_mask"}


def test_pairs_are_tokenised_as_pairs(tokenizer: Any) -> None:
    first, second = sentences(10, seed=1), sentences(10, seed=2)
    found = all_of(TextInputs(tokenizer, "a", "b").encode(rows(a=first, b=second), None))
    expected = tokenizer(first, second, padding=True, return_tensors="np")
    np.testing.assert_array_equal(found["token_type_ids"], expected["token_type_ids"])
    np.testing.assert_array_equal(found["input_ids"], expected["input_ids"])


def test_cut_texts_are_those_of_the_tokenizers_truncation(tokenizer: Any) -> None:
    texts = sentences(30, seed=4)
    encoded = TextInputs(tokenizer, "t", max_length=7).encode(rows(t=texts), None)
    expected = tokenizer(texts, padding=True, truncation=True, max_length=7, return_tensors="np")
    np.testing.assert_array_equal(all_of(encoded)["input_ids"], expected["input_ids"])
    # [CLS] and [SEP] take two of the seven.
    assert encoded.truncated == sum(len(tokenizer.tokenize(t)) > 5 for t in texts) > 0


def test_text_columns_may_be_large_or_dictionaries(tokenizer: Any) -> None:
    texts = sentences(6)
    expected = all_of(TextInputs(tokenizer, "t").encode(rows(t=texts), None))["input_ids"]
    for column in (pa.array(texts, pa.large_string()), pa.array(texts).dictionary_encode()):
        found = TextInputs(tokenizer, "t").encode(pa.record_batch({"t": column}), None)
        np.testing.assert_array_equal(all_of(found)["input_ids"], expected)


def test_texts_are_tokenised_once_for_all_variants(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*sentences(20, seed=77), "only here"]
    first = TextInputs(tokenizer_from(str(bert)), "t", max_length=9)
    monkeypatch.setattr(module, "_CACHE", type(module._CACHE)())
    encoded = first.encode(rows(t=texts), None)
    again = load_inputs(first.save(tmp_path), tmp_path)
    assert again.encode(rows(t=texts), None) is encoded
    assert len(module._CACHE) == 1
    other = TextInputs(tokenizer_from(str(bert)), "t", max_length=8)
    assert other.encode(rows(t=texts), None) is not encoded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((["bala\0demi", "firu"],), (["bala", "demi", "firu"],)),
        ((["bala", "demi"],), (["bala"], ["demi"])),
    ],
)
def test_other_rows_never_get_the_tokens_of_these(one: tuple[Any], other: Any, tokenizer: Any) -> None:
    for columns in (one, other):
        made = TextInputs(tokenizer, "a", "b" if len(columns) > 1 else None)
        batch = rows(**dict(zip("ab", columns, strict=False)))
        assert len(made.encode(batch, None).lengths) == len(columns[0])


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (["bala", "", None, "demi"], r"2 texts are missing or empty, such as id 'id1'"),
        ([1, 2, 3, 4], "expected text, got int64"),
        ([True, None, False, True], "expected text, got bool"),
        ([["a"], ["b"], [], []], "expected one value per row, got list"),
        ([None, None, None, None], "expected text, got null"),
    ],
)
def test_texts_that_are_none_are_refused_by_their_column(
    column: list[Any], told: str, tokenizer: Any
) -> None:
    ids = pa.array([f"id{i}" for i in range(4)])
    with pytest.raises(InputError, match=told) as error:
        TextInputs(tokenizer, "t").encode(rows(t=column), ids)
    assert "'t'" in str(error.value)


_ENCODABLE = st.text(min_size=1, max_size=40).filter(lambda t: t == t.encode("utf-8", "ignore").decode())


@given(st.lists(_ENCODABLE, min_size=1, max_size=8))
def test_any_text_is_tokenised_to_what_the_tokenizer_says(texts: Any) -> None:
    made = _TOKENIZER[0]
    found = all_of(TextInputs(made, "t", max_length=20).encode(rows(t=texts), None))
    expected = made(texts, padding=True, truncation=True, max_length=20, return_tensors="np")
    np.testing.assert_array_equal(found["input_ids"], expected["input_ids"])


_TOKENIZER: list[Any] = []


@pytest.fixture(autouse=True, scope="module")
def _for_hypothesis(tokenizer: Any) -> None:
    _TOKENIZER[:] = [tokenizer]


class Config:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@pytest.mark.parametrize(
    ("tokenizer_limit", "config", "given", "limit"),
    [
        (64, Config(max_position_embeddings=512), None, 64),
        (10**30, Config(max_position_embeddings=512), None, 512),
        (10**30, Config(max_position_embeddings=514, model_type="roberta"), None, 512),
        (512, Config(max_position_embeddings=514, model_type="roberta"), 128, 128),
        (10**30, Config(), None, None),
        (10**30, None, 32, 32),
        (64, Config(max_position_embeddings=512), 9999, 64),
    ],
)
def test_the_limit_of_a_text_is_the_least_that_is_known(
    tokenizer_limit: Any, config: Config | None, given: int | None, limit: int | None
) -> None:
    assert length_limit(Config(model_max_length=tokenizer_limit), config, given) == limit


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(
        InputError, match=r"model.path: .* has no tokenizer: expected a file tokenizer.json or vocab.txt"
    ):
        tokenizer_from(str(tmp_path))


# --- numbers and tensors ----------------------------------------------------------------------------


def test_features_are_stacked_in_the_order_asked_for() -> None:
    batch = rows(a=[1, 2], b=[0.5, -1.5], c=[True, False])
    found = all_of(TableInputs(["b", "c", "a"]).encode(batch, None))["x"]
    np.testing.assert_array_equal(found, np.array([[0.5, 1, 1], [-1.5, 0, 2]], np.float32))
    assert found.dtype == np.float32


@pytest.mark.parametrize("kind", [pa.decimal128(20, 6), pa.decimal256(40, 6)], ids=str)
def test_decimals_are_the_numbers_nearest_to_them(kind: Any) -> None:
    """Of torch and of ONNX; 0.035 is one of those that Arrow casts one digit off."""
    batch = pa.record_batch({"a": pa.array([Decimal("0.035"), Decimal("-2.5")]).cast(kind)})
    found = all_of(TableInputs(["a"]).encode(batch, None))["x"]
    np.testing.assert_array_equal(found, np.array([[0.035], [-2.5]], np.float32))
    (column,) = all_of(ColumnInputs({"x": "a"}).encode(batch, None)).values()
    np.testing.assert_array_equal(column, np.array([[0.035], [-2.5]]))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["x", "y"], "column 'a': a torch model takes numbers, got string"),
        ([1.0, None], "column 'a' is missing in 1 row; every row needs a value"),
        ([float("nan"), float("inf")], "column 'a': expected finite numbers, got inf"),
        # Too large for single precision, in which the model computes.
        ([1e300, 0.0], "column 'a': expected finite numbers, got inf"),
    ],
)
def test_features_that_are_no_numbers_are_refused(values: list[Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        TableInputs(["a"]).encode(rows(a=values), None)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.list_(pa.int8(), 12), pa.large_list(pa.float32())]
)
def test_a_column_of_lists_becomes_tensors_of_the_shape(kind: Any) -> None:
    values = np.arange(36).reshape(3, 12)
    column = pa.array(values.tolist(), kind)
    made = TableInputs(["image"], [3, 2, 2])
    found = all_of(made.encode(pa.record_batch({"image": column}), None))["x"]
    np.testing.assert_array_equal(found, values.reshape(3, 3, 2, 2))
    sliced = made.encode(pa.record_batch({"image": column}).slice(1, 2), None)
    np.testing.assert_array_equal(all_of(sliced)["x"], values.reshape(3, 3, 2, 2)[1:])


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ([[1.0] * 4, [1.0] * 3], r"expected 4 numbers in every row \(2 x 2\), 1 row has another number"),
        ([[1.0] * 4, None], "expected a list of 4 numbers in every row"),
        ([1.0, 2.0], "expected a list of 4 numbers in every row, got double"),
        ([["a"] * 4] * 2, "a torch model takes numbers, got string"),
        ([[1.0, None, 1.0, 1.0]] * 2, "is missing in 2 rows; every row needs a value"),
    ],
)
def test_tensors_of_another_shape_are_refused(column: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        TableInputs(["t"], [2, 2]).encode(rows(t=column), None)


def test_a_shape_needs_one_column() -> None:
    with pytest.raises(
        InputError, match=r"model.shape: one column of tensors is expected in features, got 2"
    ):
        TableInputs(["a", "b"], [2])


def test_columns_that_a_table_lacks_are_named() -> None:
    with pytest.raises(InputError, match="the table lacks the columns 'b', 'c'"):
        unknown_columns(["a", "b", "c"], ["a"], "the table")


@pytest.mark.parametrize("made", [TableInputs(["a", "b"]), TableInputs(["t"], [2, 3])])
def test_table_inputs_are_read_again_from_an_artefact(made: Any, tmp_path: Path) -> None:
    again = load_inputs(json.loads(json.dumps(made.save(tmp_path))), tmp_path)
    assert again.describe() == made.describe()
