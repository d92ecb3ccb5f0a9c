"""Rows as a neural model takes them: numbers of features, columns by the inputs of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.errors import InputError, number_of
from ..datasets.numbers import as_floats, check_finite, missing_in
from .images import ImageInputs, Processor, processor_from
from .neural import Arrays, Encoded
from .pixels import Pixels
from .texts import TextInputs, tokenizer_from
from .token_classes import TokenInputs


class TableInputs:
    """Features as one float array, or one column of tensors.

    Parameters
    ----------
    features : sequence of str
        Numeric columns in the order in which the model takes them, or one column of lists.
    shape : sequence of int, optional
        Shape of one row's tensor, where ``features`` is one column of lists.
    """

    def __init__(self, features: Sequence[str], shape: Sequence[int] | None = None) -> None:
        self.columns = list(features)
        self.shape = list(shape) if shape else None
        if shape and len(self.columns) != 1:
            raise InputError(
                f"model.shape: one column of tensors is expected in features, got {len(self.columns)}"
            )

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Encoded:
        """Take the features of a batch as float32."""
        if self.shape:
            return _Rows(_tensor(batch.column(self.columns[0]), self.columns[0], self.shape))
        parts = [_number(batch.column(name), name) for name in self.columns]
        return _Rows(np.stack(parts, axis=1) if parts else np.zeros((batch.num_rows, 0), np.float32))

    def describe(self) -> dict[str, Any]:
        """Return the features."""
        return {"features": self.columns, **({"shape": self.shape} if self.shape else {})}

    def identity(self) -> str:
        """Return the columns and their shape."""
        return f"{self.columns} {self.shape}"

    def save(self, folder: Path) -> dict[str, Any]:
        """Return what `load_inputs` needs."""
        return {"kind": "table", "features": self.columns, "shape": self.shape}


@dataclass(frozen=True)
class _Rows:
    """Rows of equal shape."""

    values: NDArray[np.float32]
    truncated = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.ones(len(self.values), np.int64)

    def collate(self, rows: NDArray[np.intp]) -> Arrays:
        return {"x": self.values[rows]}


class ColumnInputs:
    """Each column as an input of its own, as converters of scikit-learn's pipelines make graphs.

    Parameters
    ----------
    inputs : mapping of str to str
        Columns by the names of the graph's inputs.
    """

    def __init__(self, inputs: Mapping[str, str]) -> None:
        self.inputs = dict(inputs)
        self.columns = list(dict.fromkeys(inputs.values()))

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Encoded:
        """Take each column as it is: numbers, flags or words."""
        return InputColumns({name: _column(batch.column(of), of) for name, of in self.inputs.items()})

    def describe(self) -> dict[str, Any]:
        """Return the features."""
        return {"features": self.columns}

    def identity(self) -> str:
        """Return the inputs and their columns."""
        return str(self.inputs)

    def save(self, folder: Path) -> dict[str, Any]:
        """Return what `load_inputs` needs."""
        return {"kind": "columns", "inputs": self.inputs}


@dataclass(frozen=True)
class InputColumns:
    """Rows as one array for each input, the rows first."""

    values: dict[str, NDArray[Any]]
    truncated = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """One for each row: no row is longer than another."""
        return np.ones(len(next(iter(self.values.values()), ())), np.int64)

    def collate(self, rows: NDArray[np.intp]) -> Arrays:
        """Return the arrays of some rows."""
        return {name: column[rows] for name, column in self.values.items()}


def _column(column: pa.Array, name: str) -> NDArray[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # A missing word is the empty one: ONNX has no other.
        return np.asarray(column.fill_null("").to_pylist(), object)[:, None]
    if pa.types.is_decimal(column.type):
        column = as_floats(column)
    if not (
        pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
        or pa.types.is_boolean(column.type)
    ):
        raise InputError(
            f"model.features: column '{name}': an ONNX model takes numbers or text, got {column.type}"
        )
    if column.null_count:
        # What a graph makes of a missing number is its own affair: imputers look for NaN.
        column = column.cast(pa.float64(), safe=False).fill_null(float("nan"))
    return np.asarray(column.to_numpy(zero_copy_only=False))[:, None]


def _number(column: pa.Array, name: str) -> NDArray[np.float32]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_decimal(column.type):
        column = as_floats(column)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise InputError(f"model.features: column '{name}': a torch model takes numbers, got {column.type}")
    values = column.cast(pa.float32(), safe=False).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    check_finite(values, name)
    if bad := int(np.isnan(values).sum()):
        raise missing_in(f"feature column '{name}'", name, bad)
    return np.asarray(values)


def _tensor(column: pa.Array, name: str, shape: list[int]) -> NDArray[np.float32]:
    size = int(np.prod(shape))
    is_list = (
        pa.types.is_list(column.type)
        or pa.types.is_fixed_size_list(column.type)
        or pa.types.is_large_list(column.type)
    )
    if not is_list or column.null_count:
        raise InputError(
            f"model.features: column '{name}': expected a list of {size} numbers in every row, got "
            f"{column.type}"
        )
    counts = pc.list_value_length(column)
    wrong = pc.sum(pc.not_equal(counts, size)).as_py()
    if wrong:
        raise InputError(
            f"model.shape: column '{name}': expected {size} numbers in every row "
            f"({' x '.join(map(str, shape))}), "
            f"{number_of(wrong, 'row has', 'rows have')} another number"
        )
    values = _number(column.flatten(), name)
    return values.reshape(-1, *shape)


def load_inputs(spec: dict[str, Any], folder: Path) -> Any:
    """Read inputs that an artefact's folder holds."""
    if spec["kind"] == "text":
        inputs = TextInputs(
            tokenizer_from(str(folder / "tokenizer")), spec["text"], spec["pair"], spec["max_length"],
            spec.get("width", 0),
        )  # fmt: skip
        return inputs.padding(spec.get("side") or inputs.tokenizer.padding_side)
    if spec["kind"] == "tokens":
        return TokenInputs(tokenizer_from(str(folder / "tokenizer")), spec["tokens"], spec["limit"])
    if spec["kind"] == "image":
        place, pixels = str(folder / "processor"), spec.get("pixels")
        reader = Pixels(**pixels) if pixels else Processor(processor_from(place), place)
        return ImageInputs(reader, spec["image"])
    if spec["kind"] == "columns":
        return ColumnInputs(spec["inputs"])
    return TableInputs(spec["features"], spec["shape"])


def unknown_columns(columns: Sequence[str], known: Sequence[str], where: str) -> None:
    """InputError where a table lacks columns that the model reads."""
    lacking = [c for c in columns if c not in known]
    if lacking:
        raise InputError(
            f"model: {where} lacks the column{'s' if len(lacking) > 1 else ''} {listed(lacking)}"
        )
