"""Encodings of tensors: every bit comes back, and the sizes are those that were promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.compression import codec
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load as read_bytes
from safetensors.torch import save as write_bytes

if TYPE_CHECKING:
    from torch import Tensor


KINDS = ["float32", "float64", "float16", "bfloat16", "int8", "uint8", "int32", "int64", "bool"]


def torch_of(values: np.ndarray, kind: str) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values)).to(getattr(torch, kind))


def bits(tensor: Any) -> bytes:
    import torch

    return tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def round_trip(tensors: dict[str, Any], books: Mapping[Any, Any]) -> tuple[Any, Any, Any]:
    """Through the file format too, as an artefact goes."""
    encoded, told = codec.encode(tensors, books)
    return encoded, told, codec.decode(read_bytes(write_bytes(encoded)), told)


def assert_same(tensors: dict[str, Any], back: Any) -> None:
    assert set(back) == set(tensors)
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype
        assert back[name].shape == tensor.shape
        assert bits(back[name]) == bits(tensor)


def drawn(seed: int, size: int, zeros: float, kind: str) -> Tensor:
    r = np.random.default_rng(seed)
    values = np.where(r.random(size) >= zeros, r.normal(0, 40, size), 0.0)
    return torch_of(np.round(values) if "int" in kind else values, kind)


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 1500), st.floats(0, 1), st.sampled_from(KINDS), st.booleans())
def test_every_bit_comes_back_dense_or_masked(
    seed: int, size: int, zeros: float, kind: str, square: Any
) -> None:
    tensor = drawn(seed, size, zeros, kind)
    if square and size % 4 == 0:
        tensor = tensor.reshape(4, -1)
    _, told, back = round_trip({"w": tensor, "b": tensor[:1].clone()}, {})
    assert_same({"w": tensor, "b": tensor[:1]}, back)
    assert told.get("w", {}).get("as", "dense") in ("mask", "dense")


@settings(max_examples=60)
@given(
    st.integers(0, 2**31), st.integers(1, 1200), st.integers(1, 4096),
    st.sampled_from(["float32", "bfloat16", "float16", "int8"]),
)  # fmt: skip
def test_every_bit_comes_back_from_a_codebook(seed: Any, size: Any, values: Any, kind: str) -> None:
    r = np.random.default_rng(seed)
    tensor = torch_of(r.choice(r.normal(size=values) * 50, size), kind)
    encoded, told, back = round_trip({"w": tensor}, {"w": 4096})
    assert_same({"w": tensor}, back)
    distinct = len(tensor.unique())
    width = max(1, math.ceil(math.log2(distinct)))
    assert told["w"]["bits"] == width
    assert encoded["w#codes"].nbytes == math.ceil(size * width / 8)
    assert encoded["w#book"].nbytes == distinct * tensor.element_size()


@pytest.mark.parametrize("books", [{}, {"w": 16}])
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_minus_zero_infinities_and_every_nan_are_kept(books: dict[str, Any], kind: str) -> None:
    import torch

    whole, half = torch.zeros(1024, dtype=torch.int32), torch.zeros(1024, dtype=torch.int16)
    # Minus zero, both infinities, a quiet NaN, one with a payload, a subnormal.
    patterns = [-(2**31), 0x7F800000, -0x800000, 0x7FC00000, 0x7FC12345, 0x00000001]
    whole[:6] = torch.tensor(patterns, dtype=torch.int32)
    half[:6] = torch.tensor([-(2**15), 0x7F80, -0x80, 0x7FC0, 0x7FC5, 0x0001], dtype=torch.int16)
    tensor = whole.view(torch.float32) if kind == "float32" else half.view(torch.bfloat16)
    _, told, back = round_trip({"w": tensor}, books)
    assert told["w"]["as"] == ("codebook" if books else "mask")
    assert_same({"w": tensor}, back)


def test_a_mask_takes_one_bit_a_value_and_the_values_that_are_left() -> None:
    tensor = drawn(0, 1000, 0.7, "float32")
    kept = int((tensor != 0).sum())
    encoded, told, _ = round_trip({"w": tensor}, {})
    assert told == {"w": {"as": "mask", "shape": [1000]}}
    assert sum(t.nbytes for t in encoded.values()) == 4 * kept + 125 == codec.masked_bytes(tensor)


def test_what_a_mask_would_not_make_smaller_stays_dense() -> None:
    # One bit of 32 is 3.1 %; four percent of zeros save less than two percent.
    for zeros, dense in ((0.0, True), (0.04, True), (0.1, False)):
        tensor = drawn(1, 10_000, zeros, "float32")
        _, told, _ = round_trip({"w": tensor}, {})
        assert (told == {}) is dense
    assert codec.encode({"w": drawn(2, 255, 1.0, "float32")}, {})[1] == {}


def test_a_tensor_with_more_values_than_its_codebook_is_not_written_as_codes() -> None:
    tensor = drawn(3, 70_000, 0.0, "float32")
    encoded, told, back = round_trip({"w": tensor}, {"w": 16})
    assert told == {}
    assert set(encoded) == {"w"}
    assert_same({"w": tensor}, back)


def test_the_cheapest_sparse_size_is_counted_as_scipy_counts_it() -> None:
    import scipy.sparse

    tensor = drawn(4, 64 * 300, 0.97, "float32").reshape(64, 300)
    rows = scipy.sparse.csr_array(tensor.numpy())
    # Column numbers below 2^16 need two bytes; row starts four.
    expected = rows.data.nbytes + 2 * rows.nnz + rows.indptr.astype(np.int32).nbytes
    assert codec.sparse_bytes(tensor) == min(expected, codec.masked_bytes(tensor)) == expected
    half = drawn(5, 64 * 300, 0.5, "float32").reshape(64, 300)
    # At one half, rows of columns and values cost more than a bit mask: Han et al. 2016.
    assert codec.sparse_bytes(half) == codec.masked_bytes(half) < half.nbytes
    assert codec.sparse_bytes(drawn(6, 100, 0.0, "int8")) == 100
