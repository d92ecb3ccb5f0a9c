"""What every kind of model has in a configuration, and how a kind is told by the keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ...datasets.trec import is_run
from .data import TrainData
from .keys import COLUMNS, FORMER, KEPT, LATER, says_nothing
from .section import Section

Kind = Literal[
    "sklearn", "predictions", "callable", "transformers", "torch", "onnx", "openvino", "litert", "endpoint",
    "spacy", "variant", "causal-lm", "seq2seq", "masked-lm", "gguf", "genai",
]  # fmt: skip


KINDS_BY_ENDING: dict[str, Kind] = {
    ".onnx": "onnx", ".xml": "openvino", ".tflite": "litert", ".gguf": "gguf",
}  # fmt: skip
"""Kinds that the name of a file tells."""


def kind_of(given: Any) -> str:
    """The kind of a model, inferred from its keys where ``kind`` is not written.

    Parameters
    ----------
    given
        The content of ``model:``, or what it was read as.

    Returns
    -------
    str
        One that there is not, where that is written.
    """
    if isinstance(given, ModelSpec):
        return given.resolved
    said = {key for key, value in given.items() if value is not None} if isinstance(given, Mapping) else set()
    if "kind" in said:
        return str(given["kind"])
    if "function" in said:
        return "callable"
    if "endpoint" in said:
        return "endpoint"
    path = str(given["path"]) if "path" in said else ""
    if "factory" in said or path.endswith(".pt2"):
        return "torch"
    if (found := KINDS_BY_ENDING.get(Path(path).suffix)) is not None:
        return found
    tags = "task" in said and given["task"] == "token-classification"
    if tags or said & {"text", "image"}:
        return "transformers"
    named = any(given[key] not in ("", {}) for key in said & set(COLUMNS))
    return "predictions" if named or is_run(path or None) else "sklearn"


def schema_of(*inferred: dict[str, Any]) -> ConfigDict:
    """Say in the JSON Schema that the kind is written, or that the keys are such as it is inferred from."""

    def extended(schema: dict[str, Any]) -> None:
        name = next(one["const"] for one in schema["properties"]["kind"]["anyOf"] if "const" in one)
        schema["anyOf"] = [{"required": ["kind"], "properties": {"kind": {"const": name}}}, *inferred]

    return ConfigDict(json_schema_extra=extended)


def ends(*endings: str) -> dict[str, Any]:
    """A path with one of these endings."""
    pattern = rf"\.({'|'.join(end.removeprefix('.') for end in endings)})$"
    return {"properties": {"path": {"pattern": pattern}}, "required": ["path"]}


class ModelSpec(Section):
    """What every kind of model has; of none of them by itself."""

    resolved: ClassVar[Kind]

    kind: Kind | None = Field(None, description="Default what the other keys tell.")
    threshold: float | None = Field(
        None, description="Scores at or above it are selected.", allow_inf_nan=False
    )
    _former: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _without_foreign(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Leave out keys of other kinds that say nothing: a finished run's configuration has them all."""
        if not isinstance(given, Mapping):
            return read(given)
        foreign = {key for key in given if key not in cls.model_fields and says_nothing(key, given[key])}
        needed = (key for key, field in cls.model_fields.items() if field.is_required())
        lacking = {key for key in needed if given.get(key) is None}
        made = read({key: value for key, value in given.items() if key not in foreign | lacking})
        # What a finished run keeps is kept as it stands, so that its checksum holds.
        made._former.update({key: given[key] for key in FORMER if key in foreign and given[key] != KEPT[key]})
        return made

    @model_serializer(mode="wrap")
    def _in_one_form(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Every key of every kind: those of others with the value that says nothing."""
        said = {**self._former, **dump(self)}
        return {key: said.get(key, KEPT[key]) for key in KEPT if key in said or key not in LATER}

    @property
    def learns_from(self) -> TrainData | None:
        """The rows that the model, or a step, learns from; none by default."""
        return None

    @property
    def comes_trained(self) -> bool:
        """Whether it is no estimator that is trained here."""
        return True

    @property
    def place(self) -> str | None:
        """The file or folder that it is in, where it is in one."""
        path: str | None = getattr(self, "path", None)
        return path
