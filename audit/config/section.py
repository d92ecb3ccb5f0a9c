"""What every part of a configuration is: keys that are known, values that do not change."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from ...datasets.columns import word


def _dated(given: Any) -> Any:
    """A day or a time that YAML read is the text that a table's slice of it is called."""
    return word(given) if isinstance(given, date) else given


Value = Annotated[bool | int | float | str, BeforeValidator(_dated)]


Values = Value | list[Value]


def _worded(given: Any) -> Any:
    """A number, a boolean or a day that names a value, as the word that it is in a table."""
    return word(given) if isinstance(given, bool | int | float | date) else given


Word = Annotated[str, BeforeValidator(_worded)]


def _with_quantile(given: float) -> float:
    if given > 1 - 1e-12:
        raise ValueError(f"expected at most 1 - 1e-12, beyond which there is no quantile, got {given}")
    return given


Confidence = Annotated[float, Field(gt=0.5, lt=1), AfterValidator(_with_quantile)]


class Section(BaseModel):
    """Base of the configuration's parts: strict about unknown keys and types, so that ``true`` is no 1."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_by_name=True, validate_by_alias=True,
        serialize_by_alias=True,
    )  # fmt: skip


def absent(value: object) -> bool:
    """Whether a key says nothing and is left out of the configuration that a run keeps."""
    return not value
