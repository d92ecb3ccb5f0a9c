"""Texts of ours as fields of a result: what each was told from goes with it, also where a file is read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ValidationInfo, WrapValidator
from pydantic import ValidatorFunctionWrapHandler as Handler

from ...told import Told


def _text(value: Any, handler: Handler, info: ValidationInfo) -> str:
    """A text with what it was told from: its own, or what the file says (``message.told_by_text``)."""
    if isinstance(value, Told):
        return value
    text: str = handler(value)
    return info.context.get(text, text) if info.context else text


def among(value: Any, told: dict[str, Told]) -> Any:
    """The texts of a nest of JSON values with what they were told from."""
    if isinstance(value, dict):
        return {key: among(inner, told) for key, inner in value.items()}
    if isinstance(value, list):
        return [among(inner, told) for inner in value]
    return told.get(value, value) if isinstance(value, str) else value


Text = Annotated[str, WrapValidator(_text)]
"""A text of ours, or of others where it was not told from a message."""
