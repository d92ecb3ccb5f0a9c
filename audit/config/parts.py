"""What a run makes beside its figures: variants, a report, a place in a history."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainSerializer,
    field_validator,
)

from ...guests import names
from ...tasks import AGGREGATES, METRICS
from ..masked import DEFAULT_HISTORY, masked
from ..unknown import unknown
from .labels import check_name, check_written
from .section import Section, absent


class Planned(Section):
    """A variant to make: its name, the steps of its recipe in order, and what it starts from."""

    name: str
    steps: list[dict[str, dict[str, Any]]]
    on: str = Field("original", description="'original', 'compressed' (each of them), or a variant's name.")

    @property
    def named(self) -> list[tuple[str, dict[str, Any]]]:
        """The steps as (recipe, parameters)."""
        return [(recipe, params) for step in self.steps for recipe, params in step.items()]


class ReportSpec(Section):
    """How the report is headed and drawn."""

    title: str | None = None
    charts: bool = True
    language: Literal["en", "zh"] = Field("en", description="Of the report: English or Simplified Chinese.")
    regimes: list[str | dict[str, dict[str, Any] | None]] = Field(
        default_factory=list,
        description="Rules to report under: a name, or {name: {input: value}}; see 'fairweigh regimes'.",
    )

    sections: list[str] = Field(
        default_factory=list, exclude_if=absent, description="Sections of guests, in the order of the page."
    )
    labels: dict[str, str] = Field(
        default_factory=dict, exclude_if=absent,
        description="What the people of a slice are called, by feature=value: {\"sex=Female\": women}.",
    )  # fmt: skip
    unit: str | None = Field(
        None,
        exclude_if=absent,
        description="What rows are, in the plural: applicants, reviews; default rows.",
    )
    reasons: dict[str, str] = Field(
        default_factory=dict, description="Why each metric or disparity was chosen; the report quotes it."
    )

    @field_validator("reasons")
    @classmethod
    def _metrics_known(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given:
            if name not in METRICS and name not in AGGREGATES:
                raise ValueError(unknown(name, [*METRICS, *AGGREGATES], "metric"))
        return given

    @field_validator("labels")
    @classmethod
    def _of_slices(cls, given: dict[str, str]) -> dict[str, str]:
        check_written(given)
        return given

    @field_validator("title")
    @classmethod
    def _not_blank(cls, given: str | None) -> str | None:
        if given is not None and not given.strip():
            raise ValueError("expected a title, got a blank; leave it out for the name of the audit")
        return given

    @field_validator("unit")
    @classmethod
    def _in_one_line(cls, given: str | None) -> str | None:
        if given is not None:
            check_name(given)
        return given

    @field_validator("sections")
    @classmethod
    def _sections_known(cls, given: list[str]) -> list[str]:
        known = names("section")
        for name in given:
            if name not in known:
                told = unknown(name, known, "section") if known else f"{name!r}: no guest here adds sections"
                raise ValueError(told)
            if given.count(name) > 1:
                raise ValueError(f"{name!r} is named twice")
        return given

    @field_validator("regimes")
    @classmethod
    def _regimes_known(cls, given: list[Any]) -> list[Any]:
        from ..regimes.base import listed

        listed(given)
        return given


class History(Section):
    """The database in which each run is recorded."""

    url: Annotated[str, PlainSerializer(masked)] = Field(
        DEFAULT_HISTORY, description="Any SQLAlchemy address; kept and shown without its password."
    )
    required: bool = Field(False, description="A run that cannot be recorded ends with exit code 2.")
