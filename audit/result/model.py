"""What a run tells of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from .part import Part
from .text import Text, among


class ModelInfo(Part):
    """What a model is: what each kind tells of itself, and more that its library, file or server says."""

    model_config = ConfigDict(extra="allow")

    kind: str | None = Field(None, description="As in the configuration, or 'labels only'.")
    path: str | None = Field(None, description="The file, folder or hub name that it is from.")
    given: str | None = Field(None, description="Of a variant made elsewhere: where it came from.")
    function: str | None = Field(None, description="package.module:function of a callable.")
    endpoint: str | None = Field(None, description="Address of a served model, without any password.")
    estimator: str | None = Field(None, description="Class of a scikit-learn model.")
    sha256: str | None = Field(None, description="Checksum of its file, its weights or its table.")
    trained_on: str | None = Field(None, description="Name of what it was trained on here.")
    training_rows: int | None = None
    training_sha256: str | None = Field(None, description="Checksum of what it was trained on here.")
    features: list[str] | None = Field(None, description="Columns that it sees.")
    text: str | None = Field(None, description="Column of the text that it reads.")
    image: str | None = Field(None, description="Column of the images that it reads.")
    classes: list[str] | None = Field(None, description="Classes or labels in the order of its outputs.")
    decision: str | None = Field(None, description="Column of decisions of a table of predictions.")
    threshold: float | int | None = Field(None, description="Scores at or above it are selected.")
    scale: str | None = Field(None, description="'probability', or 'rank' where scores are none.")
    rule: Text | None = Field(None, description="In words: how scores become decisions.")
    needs: list[str] | None = Field(None, description="Columns that the rule reads besides.")
    warnings: list[Text] | None = Field(None, description="What its library said, or its scores show.")
    notes: list[Text] | None = None
    _said: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _in_order(cls, given: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Keep the order in which things are told, which is that of the report and of the file."""
        made = read(among(given, info.context) if info.context else given)
        if isinstance(given, Mapping):
            made._said = tuple(given)
        return made

    @model_serializer(mode="wrap")
    def _as_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped = dump(self)
        return {key: dumped[key] for key in self._said if key in dumped}

    @property
    def told(self) -> dict[str, Any]:
        """All that is told, by name, in the order in which it is."""
        return self.model_dump()
