"""What every part of a configuration is: keys that are known, values that do not change."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from ...datasets.columns import word
from ...tasks import METRICS
from ..unsupported import metric_of_another_task

if TYPE_CHECKING:
    pass


def _dated(given: Any) -> Any:
    """A day or a time that YAML read is the text that a table's slice of it is called."""
    return word(given) if isinstance(given, date) else given


Value = Annotated[bool | int | float | str, BeforeValidator(_dated)]


Values = Value | list[Value]


Confidence = Annotated[float, Field(gt=0.5, lt=1)]


class Section(BaseModel):
    """Base of the configuration's parts: strict about unknown keys and types."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


def absent(value: object) -> bool:
    """Whether a key says nothing and is left out of the configuration that a run keeps."""
    return not value


def unknown(name: str, known: Sequence[str], what: str) -> str:
    """Return '<name> is no known <what>; did you mean ...'."""
    if what == "metric" and (told := metric_of_another_task(name, ", ".join(METRICS))):
        return told
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return f"{name!r} is no known {what}; {hint}"
