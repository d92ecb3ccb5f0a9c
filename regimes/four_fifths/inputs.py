"""What the four-fifths rule asks for."""

from __future__ import annotations

from pydantic import Field

from ...audit.regimes.base import Inputs

SMALL_SHARE = 0.02
"""Groups of a smaller share need no determination of their own: 29 CFR 1607.15(A)(2)(a)."""


class FourFifthsInputs(Inputs):
    """Inputs of the four-fifths rule."""

    by: list[str] | None = Field(
        None,
        min_length=1,
        description="Sensitive features to report, each on its own; all of the run if left out.",
    )
    exclude_below: float | None = Field(
        None,
        gt=0,
        le=SMALL_SHARE,
        strict=True,
        description="Groups with a smaller share of the people are shown but not compared; at most 0.02.",
    )

    def columns(self) -> dict[str, str]:
        """The features, each under its place in ``by``."""
        return {f"by[{i}]": name for i, name in enumerate(self.by or [])}
