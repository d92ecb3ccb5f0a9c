"""A regime as it was applied to a run: what ``regimes/NAME.json`` holds, and what its pages may show."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator

from ...plain import DISTRIBUTION, VERSION
from ..result import VERSIONS, Part
from ..result.part import absent
from .registry import find

REGIME_SCHEMA_VERSION = "1.0"
Guests = dict[Annotated[str, Field(pattern=DISTRIBUTION)], Annotated[str, Field(pattern=VERSION)]]
"""Versions by the names of distributions."""


class RegimeResult(Part):
    """A regime as it was applied to a run; its figures are of the type that the regime says."""

    schema_version: str = Field(REGIME_SCHEMA_VERSION, pattern=VERSIONS)
    regime: str
    title: str
    source: str = Field(description="Citation of the rule.")
    guests: Guests = Field(
        default_factory=dict, exclude_if=absent, description="The guest that has the regime, and its version."
    )
    variant: str = Field(description="The variant that the figures are of.")
    inputs: dict[str, Any] = Field(description="What was given, defaults filled in.")
    figures: SerializeAsAny[Part] | None = Field(
        None, description="Null where the page takes every figure from audit.json."
    )

    @field_validator("figures", mode="before")
    @classmethod
    def _of_their_regime(cls, given: Any, info: ValidationInfo) -> Part | None:
        # Without a name nobody can say what the figures are; that is told of the name.
        if given is None or "regime" not in info.data:
            return None
        kind = find(info.data["regime"]).figures_type
        if kind is None:
            raise ValueError("expected null: the page takes every figure from audit.json")
        return kind.model_validate(given, context=info.context)
