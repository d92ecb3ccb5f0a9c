"""How servers of models are spoken to: rows to a request, and an answer to arrays by their names."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..plain import shown
from .client import Client
from .frames import frame
from .inputs import ColumnInputs, InputColumns
from .neural import Arrays, Encoded
from .outputs import Output
from .reads import fitted

TYPES = {
    "FP32": "tensor(float)", "FP16": "tensor(float16)", "FP64": "tensor(double)", "BF16": "tensor(bfloat16)",
    "INT64": "tensor(int64)", "INT32": "tensor(int32)", "INT16": "tensor(int16)", "INT8": "tensor(int8)",
    "UINT8": "tensor(uint8)", "UINT16": "tensor(uint16)", "UINT32": "tensor(uint32)",
    "UINT64": "tensor(uint64)", "BOOL": "tensor(bool)", "BYTES": "tensor(string)",
}  # fmt: skip
"""Data types of the Open Inference Protocol in the words of onnxruntime, which outputs are read by."""
DATATYPES = {"b": "BOOL", "i": "INT64", "u": "INT64", "f": "FP64", "O": "BYTES"}
"""What columns are sent as where a model does not say what it takes, by the kind of their array."""
SCORES = "seq(map(string,tensor(float)))"
"""A number for each class by its name."""


@dataclass(frozen=True)
class Port:
    """An input that a model declares: its type in the words of onnxruntime, and its shape."""

    type: str
    shape: list[int]


@dataclass(frozen=True)
class Answer:
    """An output of a model for some rows: what it is, and its values, the rows first."""

    output: Output
    values: Any


class ServedProtocol(Protocol):
    """A way to ask a served model."""

    wanted: dict[str, Port]
    """Its inputs by name; empty where it does not say."""

    def infer(self, arrays: Arrays, named: str | None) -> list[Answer]:
        """Ask for the outputs of some rows, or for the one that is named; they are in order of the rows."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the server says of itself and of the model."""
        ...


class ServedColumns(ColumnInputs):
    """Columns as a model from Python would read them: numbers, flags and words, a missing value as none."""

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Encoded:
        """Take each column as it is."""
        read = frame(pa.table(batch.select(self.columns)), self.columns)
        made = {}
        for name, column in self.inputs.items():
            values = read[column].to_numpy()
            plain = values.dtype != object or all(isinstance(v, str | bool | None) for v in values)
            if not plain or values.dtype.kind not in DATATYPES:
                raise InputError(
                    f"model.features: column '{column}': a served model takes numbers or text, got "
                    f"{batch.schema.field(column).type}"
                )
            made[name] = values
        return InputColumns(made)


def _plain(values: NDArray[Any]) -> list[Any]:
    """Values as JSON has them: it knows no NaN."""
    flat = values.reshape(-1)
    listed_values: list[Any] = flat.tolist()
    if flat.dtype.kind == "f" and np.isnan(flat).any():
        return [None if value != value else value for value in listed_values]
    return listed_values


class OpenInference:
    """The Open Inference Protocol over REST (``/v2``), as KServe, Triton, MLServer and OpenVINO speak it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        found = client.ask("GET", client.address)
        inputs = found.get("inputs") if isinstance(found, dict) else None
        try:
            self.wanted = {
                str(port["name"]): Port(TYPES[port["datatype"]], [int(size) for size in port["shape"]])
                for port in inputs or ()
            }
        except (KeyError, TypeError, ValueError):
            raise self._odd(f"inputs with a name, a datatype and a shape, got {shown(inputs)}") from None
        if not isinstance(found, dict):
            raise self._odd(f"what a model says of itself (a JSON object), got {shown(found)}")
        self._told = {
            "model": found.get("name"), "versions": found.get("versions"), "platform": found.get("platform")
        }  # fmt: skip
        self._version: Any = None
        self._lock = threading.Lock()

    def _odd(self, expected: str) -> InputError:
        return InputError(f"model.endpoint: {self._client.address}: expected {expected}")

    def infer(self, arrays: Arrays, named: str | None) -> list[Answer]:
        """Send a tensor for each input, or one of all columns where the model takes one or does not say."""
        body: dict[str, Any] = {"inputs": [self._tensor(*entry) for entry in self._fed(arrays).items()]}
        if named is not None:
            body["outputs"] = [{"name": named}]
        found = self._client.ask("POST", f"{self._client.address}/infer", body)
        outputs = found.get("outputs") if isinstance(found, dict) else None
        if not isinstance(outputs, list) or not outputs:
            raise self._odd(f"an answer with outputs, got {shown(found)}")
        self._check_version(found.get("model_version"))
        return [self._output(output) for output in outputs]

    def _fed(self, arrays: Arrays) -> Arrays:
        """Arrays by the model's inputs: each for itself, or columns of numbers side by side in one."""
        if len(self.wanted) == 1 and not set(self.wanted) & set(arrays):
            name, port = next(iter(self.wanted.items()))
            return {name: _one(arrays, port)}
        if self.wanted:
            lacking = [name for name in self.wanted if name not in arrays]
            if lacking:
                raise self._odd(f"rows that give its inputs {listed(lacking)}, got {listed(list(arrays))}")
            return {
                name: values.reshape(-1, 1)
                if values.ndim == 1 and len(self.wanted[name].shape) == 2
                else values
                for name, values in arrays.items()
                if name in self.wanted
            }
        if all(values.ndim == 1 and values.dtype.kind in "biuf" for values in arrays.values()):
            return {"input": np.stack(list(arrays.values()), axis=1).astype(np.float64)}
        return {n: v.reshape(-1, 1) if v.ndim == 1 else v for n, v in arrays.items()}

    def _tensor(self, name: str, values: NDArray[Any]) -> dict[str, Any]:
        if name in self.wanted:
            port = self.wanted[name]
            where = f"model.endpoint: {self._client.address}: its input {name!r}"
            values = fitted(values, port.type, port.shape, where)
            kind = next(key for key, told in TYPES.items() if told == port.type)
        else:
            kind = DATATYPES[values.dtype.kind]
        return {"name": name, "datatype": kind, "shape": list(values.shape), "data": _plain(values)}

    def _output(self, found: Any) -> Answer:
        try:
            name, kind, shape = found["name"], TYPES[found["datatype"]], [int(n) for n in found["shape"]]
            output = Output(str(name), kind)
            values = np.asarray(found["data"], object if output.is_label else np.float64)
            return Answer(output, values.reshape(shape))
        except (KeyError, TypeError, ValueError):
            raise self._odd(
                f"an output with a name, a datatype, a shape and as much data, got {shown(found)}"
            ) from None

    def _check_version(self, version: Any) -> None:
        with self._lock:
            if version is not None and self._version not in (None, version):
                raise self._odd(
                    f"the version {shown(self._version)} of the model for all rows, got {shown(version)}; "
                    "name one in the address (/versions/VERSION)"
                )
            self._version = version

    def describe(self) -> dict[str, Any]:
        """Return the model's name, versions and platform, and the version that answered."""
        told = {**self._told, "version": self._version}
        return {key: value for key, value in told.items() if value not in (None, "", [])}


def _one(arrays: Arrays, port: Port) -> NDArray[Any]:
    """What one input is fed: the only array, or columns of numbers side by side."""
    values = list(arrays.values())
    if len(values) == 1:
        return values[0].reshape(-1, 1) if values[0].ndim == 1 and len(port.shape) == 2 else values[0]
    words = [name for name, column in arrays.items() if column.dtype == object]
    if words and port.type != "tensor(string)":
        raise InputError(f"model.features: column '{words[0]}' is text, and the model takes one {port.type}")
    return np.stack(values, axis=1)


class Mlflow:
    """MLflow's scoring protocol: a frame in, predictions out (``/invocations``)."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.wanted: dict[str, Port] = {}
        self._told: dict[str, Any] = {}
        try:
            version = client.ask("GET", client.address.removesuffix("invocations") + "version", text=True)
        except InputError:
            # Other servers of the protocol have none; whether this one answers shows with the first rows.
            return
        if re.fullmatch(r"\d[\w.]{0,20}", version.strip()):
            self._told = {"mlflow": version.strip()}

    def infer(self, arrays: Arrays, named: str | None) -> list[Answer]:
        """Send the columns as a frame; an answer's columns are its outputs."""
        columns = [_plain(values) for values in arrays.values()]
        body = {
            "dataframe_split": {
                "columns": list(arrays),
                "data": [list(row) for row in zip(*columns, strict=True)],
            }
        }
        found = self._client.ask("POST", self._client.address, body)
        predictions = found.get("predictions") if isinstance(found, dict) else None
        if isinstance(predictions, Mapping):
            predictions = _rows_of(predictions)
        if not isinstance(predictions, list) or not predictions:
            raise InputError(
                f"model.endpoint: {self._client.address}: expected an answer with predictions, a value for "
                f"each row, got {shown(found)}"
            )
        if all(isinstance(row, Mapping) for row in predictions):
            return _of_records(predictions, named, self._client.address)
        return [Answer(Output("predictions", _type(predictions)), _array(predictions, self._client.address))]

    def describe(self) -> dict[str, Any]:
        """Return the server's version of MLflow, where it says so; the protocol does not name the model."""
        return dict(self._told)


def _rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Records of a mapping of columns, where all are of one length."""
    lengths = {len(values) if isinstance(values, list) else -1 for values in columns.values()}
    if len(lengths) != 1 or -1 in lengths:
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _of_records(records: Sequence[Mapping[str, Any]], named: str | None, address: str) -> list[Answer]:
    """The columns of a frame: each an output, or all together a score for each class where none is named."""
    names = list(records[0])
    if any(list(row) != names for row in records):
        raise InputError(f"model.endpoint: {address}: expected {listed(names)} of every row")
    kinds = {name: _type([row[name] for row in records]) for name in names}
    if len(names) > 1 and named not in names and set(kinds.values()) == {"tensor(double)"}:
        values = np.asarray([[row[name] for name in names] for row in records], np.float64)
        by_class = [dict(zip(names, row, strict=True)) for row in values.tolist()]
        return [Answer(Output("predictions", SCORES), by_class)]
    return [
        Answer(Output(name, kinds[name]), _array([row[name] for row in records], address)) for name in names
    ]


def _type(values: Sequence[Any]) -> str:
    """What values are, in the words of onnxruntime: flags, whole numbers, other numbers, or words."""
    flat = [part for value in values for part in (value if isinstance(value, list) else [value])]
    known = [value for value in flat if value is not None]
    if any(isinstance(value, str) for value in known):
        return "tensor(string)"
    if known and all(isinstance(value, bool) for value in known):
        return "tensor(bool)"
    return "tensor(int64)" if known and all(type(value) is int for value in known) else "tensor(double)"


def _array(values: Sequence[Any], address: str) -> NDArray[Any]:
    kind = _type(values)
    try:
        return np.asarray(values, np.float64 if kind == "tensor(double)" else object)
    except (TypeError, ValueError):
        raise InputError(
            f"model.endpoint: {address}: expected a number, a word or a list of numbers for each row, got "
            f"{shown(list(values[:2]))}"
        ) from None


PROTOCOLS: dict[str, Callable[[Client], ServedProtocol]] = {"open-inference": OpenInference, "mlflow": Mlflow}
