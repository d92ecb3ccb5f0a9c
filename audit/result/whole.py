"""The whole result."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .about import Coverage, DataInfo, Definition, Environment, Guest, NotMeasured, Priorities
from .changes import Comparison, Counterfactual, Difference, Identified, TwinRows
from .front import Front
from .gates import BaselineInfo, GateResult, GatesTogether, PolicyInfo
from .judges import JudgeInfo, JudgeRates
from .message import Message, messages_in
from .part import Part, RunVerdict, absent
from .text import Text
from .variants import Failed, Frontier, Variant

SCHEMA_VERSION = "1.0"
"""What is written; every 1.y is read."""


VERSIONS = "^1[.](0|[1-9][0-9]{0,5})$"


class AuditResult(Part):
    """A whole audit."""

    schema_version: str = Field(SCHEMA_VERSION, pattern=VERSIONS)
    audit: str
    title: Text
    task: str = Field("binary", description="What the model does: binary, multiclass, regression, ...")
    classes: list[str] = Field(
        default_factory=list, exclude_if=absent, description="Classes or labels of the task, in order."
    )
    created: str = Field(description="UTC time, ISO 8601.")
    verdict: RunVerdict = Field(description="Worst of the binding gates; 'no verdict' where there are none.")
    confidence: float = 0.95
    environment: Environment
    guests: list[Guest] = Field(
        default_factory=list, exclude_if=absent, description="Packages that add what the configuration names."
    )
    configuration: dict[str, Any]
    configuration_sha256: str = Field("", description="Of the configuration, as in MANIFEST.json.")
    data: DataInfo
    judges: list[JudgeInfo] = Field(
        default_factory=list, exclude_if=absent, description="What judged sampled answers, the first decides."
    )
    judge_rates: list[JudgeRates] = Field(
        default_factory=list, exclude_if=absent, description="How the judges decide labelled rows."
    )
    variants: list[Variant]
    coverage: list[Coverage] = Field(
        default_factory=list, description="What the slices of the first variant leave unjudged, by features."
    )
    failed: list[Failed] = Field(default_factory=list)
    comparisons: list[Comparison] = Field(default_factory=list)
    differences: list[Difference] = Field(
        default_factory=list, description="Of a comparison of two runs: what they differ in."
    )
    identified: Identified | None = None
    counterfactuals: list[Counterfactual] = Field(default_factory=list)
    twins: TwinRows | None = Field(None, description="Null where no twins were asked for.")
    gates: list[GateResult]
    gates_together: GatesTogether | None = Field(None, description="Null without a proven gate.")
    frontier: Frontier | None = None
    front: Front | None = Field(None, description="What is seen first; null without a variant.")
    policy: PolicyInfo | None = Field(None, description="Set where a finished run was judged by a policy.")
    baseline: BaselineInfo | None = None
    definitions: dict[str, Definition]
    priorities: Priorities = Field(default_factory=Priorities)
    methods: dict[str, Text] = Field(description="Interval method -> what it is and its reference.")
    not_measured: list[NotMeasured] = Field(default_factory=list)
    told: list[Message] = Field(
        default_factory=list,
        description="What texts of this file were told from, in the order of the texts: a message and what "
        "is put into it, which a report in another language translates. Texts without parts are left out.",
    )

    def as_told(self) -> AuditResult:
        """The result with what the texts in it were told from."""
        return self.model_copy(update={"told": messages_in(self)})

    @property
    def guest_versions(self) -> dict[str, str]:
        """Version of each guest by its name."""
        return {guest.name: guest.version for guest in self.guests}
