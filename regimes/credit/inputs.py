"""What the credit regime asks for: control groups, and limits that the user sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from ...audit.regimes.base import Inputs
from ...datasets.columns import word


class CreditInputs(Inputs):
    """Inputs of the credit regime."""

    reference: dict[str, str] = Field(
        min_length=1, description="The control group of each sensitive feature to report, FEATURE: VALUE."
    )
    air_limit: float = Field(
        gt=0,
        le=1,
        strict=True,
        description="Adverse impact ratios below it are marked; yours to set, there is no default.",
    )
    smd_limit: float | None = Field(
        None,
        gt=0,
        strict=True,
        description="Standardised mean differences to a group's disadvantage above it are marked; yours to "
        "set, required for a run with scores.",
    )
    favourable: Literal["selected", "not selected"] | None = Field(
        None,
        description="The decision that grants the credit; 'not selected' where the model predicts a default. "
        "By default 'not selected' where data.positive_is is burden, else 'selected'.",
    )

    @field_validator("reference", mode="before")
    @classmethod
    def _words(cls, given: Any) -> Any:
        return {k: word(v) for k, v in given.items()} if isinstance(given, Mapping) else given

    def columns(self) -> dict[str, str]:
        """The features that have a control group."""
        return {f"reference.{name}": name for name in self.reference}
