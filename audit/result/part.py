"""What every part of a result is, and the words that several of them share."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .text import Text

Status = Literal["ok", "small", "few clusters", "undefined"]


USABLE: tuple[Status, ...] = ("ok", "few clusters")
"""Figures that count; few clusters make their limits wide, and speak of little but themselves."""


Verdict = Literal["pass", "fail", "inconclusive", "error"]


RunVerdict = Literal["pass", "fail", "inconclusive", "error", "no verdict"]
"""Of a whole run: where no gate is binding nothing was required, and so nothing passed."""


Slice = dict[str, str]
"""A conjunction of column = value; the empty one is the whole evaluation set."""


def absent(value: object) -> bool:
    """Whether a field says nothing and is left out of the file: it is for other tasks than this one."""
    return not value


class Part(BaseModel):
    """Base of every part of a result: immutable, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Estimate(Part):
    """A figure with its uncertainty."""

    value: float | None = Field(description="Point value; null when undefined.")
    low: float | None = Field(None, description="Lower confidence limit.")
    high: float | None = Field(None, description="Upper confidence limit.")
    confidence: float = Field(0.95, description="Two-sided confidence of the limits, in (0, 1).")
    n: int = Field(0, description="Rows in the denominator (unweighted).")
    effective_n: float | None = Field(
        None, description="Effective rows after weights or clusters; null when it equals n."
    )
    method: str = Field("", description="Name of the interval's method (see docs/statistics.md).")
    status: Status = "ok"
    why: Text | None = Field(None, description="In words: why undefined or small.")
