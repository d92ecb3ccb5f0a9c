"""What was audited, with what, and what was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from ...plain import DISTRIBUTION, VERSION
from .part import Part, absent
from .text import Text


class Coverage(Part):
    """What the slices of one set of features leave unjudged, in rows of people."""

    by: list[str]
    slices: int
    small: int = Field(0, description="Known slices with fewer rows than slices.min_size.")
    small_rows: int = 0
    unknown: int = Field(0, description="Slices of rows whose value of a feature is missing.")
    unknown_rows: int = 0
    undefined: int = Field(0, description="Figures of these slices that have no value.")


class DataInfo(Part):
    """The evaluation data, as audited."""

    name: str
    title: str
    rows: int
    sha256: str
    kind: Literal["rows", "counts"] = "rows"
    source: Text = Field(description="Path or card the rows came from.")
    synthetic: bool = False
    label: str | None = None
    positive: list[str] = Field(default_factory=list)
    positive_is: Literal["benefit", "burden"] | None = Field(
        None, description="What a positive decision is to the person it falls on; null where nobody said."
    )
    negative: list[str] = Field(default_factory=list)
    sensitive: list[str] = Field(default_factory=list)
    unknown: dict[str, int] = Field(
        default_factory=dict, description="Rows whose value of a sensitive feature is missing, by feature."
    )
    bins: dict[str, list[float]] = Field(default_factory=dict)
    merge: dict[str, dict[str, list[str]]] = Field(
        default_factory=dict,
        description="By feature: the name of a slice, and the values that are one with it.",
    )
    id: str | None = None
    weight: str | None = None
    cluster: str | None = None
    split: str | None = None
    licence: str | None = None
    citation: str | None = None
    homepage: str | None = None
    defects: list[str] = Field(default_factory=list)
    warnings: list[Text] = Field(default_factory=list)
    found: int = Field(
        0,
        description="Of the warnings, how many (the last ones) are of these rows; the rest are the card's.",
    )

    @property
    def own_warnings(self) -> list[str]:
        """The warnings that are of these rows, the card's aside."""
        return self.warnings[len(self.warnings) - self.found :]


class Environment(Part):
    """Where and with what the run was made."""

    fairweigh: str
    python: str
    platform: str
    processor: str = ""
    instructions: list[str] = Field(
        default_factory=list, description="Of the processor: those that int8 and bfloat16 results depend on."
    )
    packages: dict[str, str]
    seed: int
    command: str


class Guest(Part):
    """A package of somebody else's without which the run cannot be read again."""

    name: str = Field(pattern=DISTRIBUTION, description="Of its distribution, as pip knows it.")
    version: str = Field(pattern=VERSION)
    adds: list[str] = Field(description="What the run names of it, such as 'metric youden_index'.")


class Definition(Part):
    """A metric or disparity as the report explains it."""

    name: str
    title: Text
    formula: Text
    meaning: Text
    better: Literal["higher", "lower"] | None = None
    ideal: float | None = None
    percent: bool = Field(True, description="Shown as a percentage (a rate) or as a plain number.")
    amount: bool = Field(
        False, exclude_if=absent, description="In the units of the outcome; left out for any other figure."
    )
    fairlearn: str | None = None
    aif360: str | None = None
    aequitas: str | None = None
    source: str = ""
    shows: str = Field("", description="What it is sensitive to and what it is blind to.")
    needs: list[str] = Field(
        default_factory=list, description="What rows must carry: label, decision, score, probability."
    )
    mirror: str | None = Field(None, description="The metric that is 1 less this one, and is told instead.")
    metrics: list[str] = Field(
        default_factory=list, description="Of a named disparity: the metrics whose extremes it compares."
    )
    among: str | None = Field(None, description="A rate that is told per hundred: the rows it counts among.")
    says: str | None = Field(None, description="And what it says of them.")
    reason: str | None = Field(None, description="Why it was chosen, in the configuration's words.")
    of_class: bool = Field(
        False, exclude_if=absent, description="A figure of each class or label; left out for one of all rows."
    )

    @property
    def of_labels(self) -> bool:
        """Whether it speaks of the labels alone, so that no model changes it."""
        return self.needs == ["label"]


class Priorities(Part):
    """Which metrics come first, in order; those that were not measured are passed over."""

    key: list[str] = Field(default_factory=list, description="Those that a reader looks for.")
    leading: list[str] = Field(default_factory=list, description="Those that crossings are sorted by.")
    performance: list[str] = Field(default_factory=list, description="Those that stand for performance.")
    of_class: list[str] = Field(
        default_factory=list, exclude_if=absent,
        description="Of the figures of a class or label, those that a reader looks for.",
    )  # fmt: skip


class NotMeasured(Part):
    """Something a reader may expect, and why it is absent."""

    what: Text
    why: Text


def figures_compared(metric: str, definitions: Mapping[str, Definition]) -> list[str]:
    """The figures that a metric or named disparity is about: itself, or those whose extremes it compares."""
    definition = definitions.get(metric)
    return definition.metrics if definition is not None and definition.metrics else [metric]
