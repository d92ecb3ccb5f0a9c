"""How tensors are written: dense, as a bit mask and the values that are not zero, or as codes of a codebook.

Only encodings that this file can read again are counted as stored bytes. Decoding gives back every bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MASK, VALUES, CODES, BOOK = "#mask", "#values", "#codes", "#book"
_PARTS = {"mask": (MASK, VALUES), "codebook": (CODES, BOOK)}
LEAST_ELEMENTS = 256
LEAST_SAVING = 0.98
"""A sparse encoding must save two percent at least, or the plain tensor is written."""


def encode(tensors: Mapping[str, Any], books: Mapping[str, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Encode tensors for a safetensors file.

    Parameters
    ----------
    tensors : mapping of str to torch.Tensor
    books : mapping of str to int
        Tensors with few distinct values, written as codes of a codebook; one that has more of them (a later
        step has changed it) is written as the others are.

    Returns
    -------
    encoded : dict of str to torch.Tensor
    told : dict of str to dict
        For each tensor that is not dense: ``as``, ``shape`` and what `decode` needs.
    """
    encoded: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for name, tensor in tensors.items():
        if name in books and _with_book(name, tensor, books[name], encoded, told):
            continue
        if masked_bytes(tensor) < LEAST_SAVING * tensor.nbytes:
            kept = _bits(tensor) != 0
            encoded[name + MASK] = _tensor(np.packbits(kept.numpy()))
            encoded[name + VALUES] = _bits(tensor)[kept].view(tensor.dtype)
            told[name] = {"as": "mask", "shape": list(tensor.shape)}
        else:
            encoded[name] = tensor
    return encoded, told


def decode(encoded: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Give back the tensors that `encode` was given; ValueError where one is not as it is told."""
    import torch

    left = dict(encoded)
    out: dict[str, Any] = {}
    for name, how in told.items():
        size = math.prod(how["shape"])
        packed, values = (left.pop(name + part) for part in _PARTS[how["as"]])
        bits = how.get("bits", 1)
        if packed.dtype != torch.uint8 or packed.numel() != math.ceil(size * bits / 8):
            raise ValueError(f"{name}: {packed.numel()} bytes do not hold {size} codes of {bits} bits")
        if how["as"] == "mask":
            kept = torch.from_numpy(np.unpackbits(packed.numpy(), count=size).astype(bool))
            flat = torch.zeros(size, dtype=values.dtype)
            flat[kept] = values
        else:
            flat = values[torch.from_numpy(_unpacked(packed.numpy(), size, bits))]
        out[name] = flat.reshape(how["shape"])
    return left | out


def masked_bytes(tensor: Any) -> int:
    """Bytes of a tensor as a bit mask and its values that are not zero."""
    if tensor.numel() < LEAST_ELEMENTS:
        return int(tensor.nbytes)
    size: int = tensor.element_size()
    elements: int = tensor.numel()
    return _nonzero(tensor) * size + math.ceil(elements / 8)


def _bits(tensor: Any) -> Any:
    """The values as integers of the same bits, in one row: minus zero is not zero, and a NaN is itself."""
    import torch

    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return tensor.flatten().view(kinds[tensor.element_size()])


def _nonzero(tensor: Any) -> int:
    return int(_bits(tensor).count_nonzero())


def sparse_bytes(tensor: Any) -> int:
    """Bytes of a tensor in the cheapest of dense, bit mask, and compressed sparse rows."""
    found = min(int(tensor.nbytes), masked_bytes(tensor))
    if tensor.ndim == 2 and tensor.numel() >= LEAST_ELEMENTS:
        index = 2 if tensor.shape[1] <= 1 << 16 else 4
        entries = _nonzero(tensor) * (int(tensor.element_size()) + index)
        found = min(found, entries + 4 * (tensor.shape[0] + 1))
    return found


def _with_book(name: str, tensor: Any, most: int, encoded: dict[str, Any], told: dict[str, Any]) -> bool:
    """Write a tensor as codes of a codebook, unless it has more than ``most`` values."""
    import torch

    book, codes = torch.unique(_bits(tensor), return_inverse=True)
    if not 0 < len(book) <= most:
        return False
    bits = max(1, math.ceil(math.log2(len(book))))
    encoded[name + CODES] = _tensor(_packed(codes.numpy(), bits))
    encoded[name + BOOK] = book.view(tensor.dtype)
    told[name] = {"as": "codebook", "shape": list(tensor.shape), "bits": bits}
    return True


def _packed(codes: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    """Pack codes of some bits each, most significant bit first."""
    shifts = np.arange(bits - 1, -1, -1, dtype=np.uint16)
    return np.packbits(((codes.astype(np.uint16)[:, None] >> shifts) & 1).astype(np.uint8))


def _unpacked(packed: NDArray[np.uint8], size: int, bits: int) -> NDArray[np.int64]:
    flat = np.unpackbits(packed, count=size * bits).reshape(size, bits)
    codes = np.zeros(size, np.int64)
    for bit in range(bits):
        codes = (codes << 1) | flat[:, bit]
    return codes


def _tensor(values: NDArray[np.uint8]) -> Any:
    import torch

    return torch.from_numpy(values)
