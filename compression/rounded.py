"""Arrays of numbers on grids of 8 or 4 bits: similarities of items, factors of people and items.

Each row of an array, or all of it, has an even grid that holds 0 and spans its values (B. Jacob et al. 2018,
CVPR, eq. 1, without retraining). What is stored are whole codes, packed, and a step and a place of 0 for each
grid; what is computed with are the numbers that these stand for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

TYPES = ("float16", "float32", "float64")
SPARSE = ("csr", "csc")
PARTS = {"bits", "shape", "dtype", "codes", "step", "zero"}
Grid = Literal["row", "array"]


@dataclass(frozen=True)
class Rounded:
    """An array, or what a sparse one holds, on grids.

    Attributes
    ----------
    bits : int
    shape : tuple of int
        Of the array.
    dtype : str
        That the numbers are computed with in.
    codes : uint8 array, or sparse array of uint8
        Row by row, two to a byte where they have 4 bits; of a sparse array one to a byte, where it has one.
    step, zero : arrays of shape (grids,)
        A number is ``(code - zero) * step``; one grid, or one of each row (of format csc, of each column).
    """

    bits: int
    shape: tuple[int, ...]
    dtype: str
    codes: Any
    step: NDArray[np.float32]
    zero: NDArray[np.uint8]

    @classmethod
    def of(cls, array: Any, bits: int, grid: Grid) -> Rounded:
        """Round an array of numbers, or a sparse one; ValueError for nan, inf and what no float32 holds."""
        sparse = is_sparse(array)
        values = np.asarray(array.data if sparse else array)
        if not np.isfinite(values).all():
            raise ValueError("holds numbers that are not finite")
        rows = _lengths(array) if grid == "row" else np.array([values.size])
        owner, flat = np.repeat(np.arange(len(rows)), rows), values.ravel().astype(np.float64)
        low, high = np.zeros((2, len(rows)))
        np.minimum.at(low, owner, flat)
        np.maximum.at(high, owner, flat)
        most = 2**bits - 1
        step = high / most - low / most
        if step.max(initial=0) > np.finfo(np.float32).max:
            raise ValueError("holds numbers that are too large to be rounded")
        step = step.astype(np.float32)
        step[step == 0] = 1
        zero = np.clip(np.rint(-low / step), 0, most)
        codes = np.clip(np.rint(flat / step[owner]) + zero[owner], 0, most).astype(np.uint8)
        held = _packed(codes, bits)
        if sparse:
            # What rounds to 0 need not be held.
            held = array.copy()
            held.data = (codes != zero[owner]).astype(np.uint8)
            kept = held.data.astype(bool)
            held.eliminate_zeros()
            held.data = codes[kept]
        return cls(bits, tuple(array.shape), str(values.dtype), held, step, zero.astype(np.uint8))

    @property
    def size(self) -> int:
        """How many numbers are held."""
        return int(self.codes.nnz) if is_sparse(self.codes) else math.prod(self.shape)

    @property
    def array(self) -> Any:
        """The array that is computed with."""
        sparse = is_sparse(self.codes)
        codes = self.codes.data if sparse else _unpacked(self.codes, self.size, self.bits)
        owner: Any = 0
        if len(self.step) > 1:
            lengths = np.diff(self.codes.indptr) if sparse else self.shape[-1]
            owner = np.repeat(np.arange(len(self.step)), lengths)
        step = self.step.astype(np.float64)
        values = ((codes.astype(np.float64) - self.zero[owner]) * step[owner]).astype(self.dtype)
        if not sparse:
            return values.reshape(self.shape)
        found = self.codes.copy()
        found.data = values
        return found

    def spec(self) -> dict[str, Any]:
        """What an artefact holds of it: `read` gives it back."""
        return {name: list(value) if name == "shape" else value for name, value in vars(self).items()}


def read(told: Any) -> Rounded:
    """An array as `Rounded.spec` told it; ValueError where it does not hold together."""
    if not isinstance(told, Mapping) or set(told) != PARTS:
        raise ValueError(f"expected an array in few bits: {', '.join(sorted(PARTS))}")
    bits, shape, codes, step, zero = (told[name] for name in ("bits", "shape", "codes", "step", "zero"))
    counts = isinstance(shape, list) and 0 < len(shape) < 33 and all(type(n) is int and n >= 0 for n in shape)
    if bits not in (4, 8) or not counts or told["dtype"] not in TYPES:
        raise ValueError("expected 4 or 8 bits, a shape and a type of numbers")
    if not (_holds(step, np.float32) and _holds(zero, np.uint8) and len(step) == len(zero)):
        raise ValueError("expected a step in single precision and a zero for each grid")
    if not np.isfinite(step).all():
        raise ValueError("expected finite steps")
    rows = math.prod(shape[:-1])
    if is_sparse(codes):
        rows = _check_sparse(codes, shape, bits)
    elif not _holds(codes, np.uint8) or len(codes) != math.ceil(math.prod(shape) * bits / 8):
        raise ValueError(f"expected {math.prod(shape)} codes of {bits} bits")
    if len(step) not in (1, rows):
        raise ValueError(f"expected one grid or {rows}, got {len(step)}")
    return Rounded(bits, tuple(shape), told["dtype"], codes, step, zero)


def _holds(array: Any, kind: type) -> bool:
    """Whether something is a flat array of a type."""
    return isinstance(array, np.ndarray) and array.ndim == 1 and array.dtype == kind


def _check_sparse(codes: Any, shape: list[int], bits: int) -> int:
    """The grids of sparse codes; ValueError where they are no array of this shape and so few bits."""
    if codes.dtype != np.uint8 or list(codes.shape) != shape or codes.data.max(initial=0) >= 2**bits:
        raise ValueError(f"expected sparse codes of {bits} bits, in an array of shape {shape}")
    codes.check_format(full_check=True)
    return len(codes.indptr) - 1


def is_sparse(array: Any) -> bool:
    """Whether an array is a sparse one that can be rounded."""
    import scipy.sparse

    return scipy.sparse.issparse(array) and array.format in SPARSE


def fitted_arrays(estimator: Any) -> dict[str, Any]:
    """The arrays of numbers that an estimator has learned, by the names that end in ``_``.

    Numbers by themselves (an intercept) and the names of classes are none.
    """
    found = {}
    for name, value in vars(estimator).items():
        fitted = name.endswith("_") and not name.startswith("_") and name != "classes_"
        if not fitted or not (isinstance(value, np.ndarray) or is_sparse(value)):
            continue
        if str(value.dtype) in TYPES and value.ndim and math.prod(value.shape) > 1:
            found[name] = value
    return found


def still(estimator: Any, rounded: Mapping[str, Rounded]) -> dict[str, Rounded]:
    """Those of some rounded arrays that an estimator holds yet, as no later step has changed them."""
    held = fitted_arrays(estimator)
    return {name: one for name, one in rounded.items() if name in held and _same(held[name], one.array)}


def _same(one: Any, other: Any) -> bool:
    if is_sparse(one) != is_sparse(other) or one.dtype != other.dtype or one.shape != other.shape:
        return False
    if not is_sparse(one):
        return bool(np.array_equal(one, other))
    return one.format == other.format and all(
        np.array_equal(getattr(one, part), getattr(other, part)) for part in ("data", "indices", "indptr")
    )


def _lengths(array: Any) -> NDArray[np.int64]:
    """How many numbers each row holds; of format csc, each column."""
    if is_sparse(array):
        return np.asarray(np.diff(array.indptr), np.int64)
    return np.full(math.prod(array.shape[:-1]), array.shape[-1])


def _packed(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    if bits == 8:
        return codes
    even = np.append(codes, np.uint8(0)) if len(codes) % 2 else codes
    return np.asarray((even[::2] << 4) | even[1::2], np.uint8)


def _unpacked(packed: NDArray[np.uint8], size: int, bits: int) -> NDArray[np.uint8]:
    if bits == 8:
        return packed
    return np.stack([packed >> 4, packed & 15], axis=1).ravel()[:size]
