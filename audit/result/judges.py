"""What judged sampled answers, and how well it does on labelled ones."""

from __future__ import annotations

from pydantic import Field

from .model import ModelInfo
from .part import Estimate, Part, Slice
from .text import Text


class LabelledInfo(Part):
    """Labelled rows that a judge was audited on."""

    path: str
    sha256: str
    rows: int
    label: str = Field(description="Column of the true class.")
    positive: list[str] = Field(description="Its values that the judge should find positive.")
    sensitive: list[str] = Field(description="Sensitive features that the rows share with the audit.")


class JudgeInfo(Part):
    """A judge."""

    name: Text
    model: ModelInfo = Field(description="What it is; empty where columns of predictions hold its decisions.")
    audited_on: LabelledInfo | None = Field(None, description="Null where it was not audited.")


class JudgeRates(Part):
    """How a judge decides labelled rows of one slice."""

    judge: Text
    slice: Slice
    sensitivity: Estimate = Field(description="Share of the positive rows that it finds positive.")
    specificity: Estimate = Field(description="Share of the other rows that it does not find positive.")
