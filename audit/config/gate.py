"""What is asked of a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from ...metrics.limit import Limit
from ...tasks import AGGREGATES, METRICS
from ..unknown import unknown
from .section import Section, Value, Word, absent

COSTS = Literal["storage", "compute", "memory", "latency", "flops"]


RATIO = (0.0, math.inf)
"""What a cost can be, as a ratio to the original's."""


def check_binds(key: str, limit: str, what: str, reach: tuple[float, float], share: bool = False) -> None:
    """ValueError for a limit that every value keeps, or none, of what lies between two numbers."""
    (low, high), value = reach, Limit.parse(limit).value
    if low <= value <= high:
        return
    lies = f"lies between {low:g} and {high:g}"
    if math.isinf(high - low):
        lies = f"is at most {high:g}" if math.isfinite(high) else f"is at least {low:g}"
    told = f"{key}: {what} {lies}, so that {limit!r} never binds or never holds"
    if share and value > 1 and "%" not in limit:
        told += f"; expected a share such as 0.1, or '{limit.strip()} %'"
    raise ValueError(told)


class Gate(Section):
    """A requirement: a metric, the slices it speaks of, how they are compared, a limit."""

    id: str | None = None
    metric: str = ""
    cost: COSTS | None = Field(None, description="A cost of compression, as a ratio to the original's.")
    on: str = Field(
        "original",
        description="'original', 'compressed', 'mitigated' (every such variant) or a variant's name.",
    )
    by: str | list[str] | None = Field(None, description="Feature(s) whose slices are compared.")
    slice: dict[str, Value] | None = Field(None, description="One slice only, by its values.")
    of_class: Word | None = Field(
        None, alias="class", exclude_if=absent,
        description="The class or label that the figure is of; 'each': of all of them, together; "
        "'favourable': of those that data.favourable names, as one.",
    )  # fmt: skip
    compare: Literal["value", "difference", "ratio", "change"] = Field(
        "value", description="change: after - before, of the metric or (with by) of its gap to the reference."
    )
    reference: Value | dict[str, Value] | None = Field(
        None, description="Reference slice; 'highest', 'lowest' or 'largest' also do."
    )
    limit: str
    decide: Literal["proven", "point"] | None = Field(
        None, description="Default: proven for gates over slices, point for one overall figure."
    )
    include_small: bool = Field(False, description="Gate slices below min_size too.")
    include_unknown: bool = Field(False, description="Gate slices of missing values too.")
    set_by: str | None = Field(None, description="Who set the limit, and where; the report quotes it.")
    reason: str | None = Field(None, description="Why this metric and this limit; the report quotes it.")

    @model_validator(mode="after")
    def _sensible(self) -> Gate:
        limit = Limit.parse(self.limit)
        if self.cost is not None:
            if self.metric or self.features or self.compare != "value" or self.decide == "proven":
                raise ValueError("a cost gate has cost, on and limit, and no metric, by, slice or compare")
            if self.on == "original":
                raise ValueError(
                    "on: the cost of the original is 1 by definition; expected 'compressed' or 'mitigated'"
                )
            check_binds("limit", self.limit, f"{self.cost} beside the original's", RATIO)
            return self
        if self.compare == "change" and not (limit.upper and limit.value >= 0) and self.by is not None:
            raise ValueError("limit: the growth of a gap is limited from above, such as '<= 0.02'")
        if self.metric not in METRICS and self.metric not in AGGREGATES:
            raise ValueError(f"metric: {unknown(self.metric, [*METRICS, *AGGREGATES], 'metric')}")
        if self.metric in AGGREGATES and (self.compare != "value" or not self.features or self.slice):
            raise ValueError(f"{self.metric} compares all slices of a feature: it needs by, and no compare")
        if self.compare in ("difference", "ratio") and not self.features:
            raise ValueError(f"compare: {self.compare} needs by, the feature whose slices are compared")
        form = self.metric.rpartition("_")[2] if self.metric in AGGREGATES else self.compare
        if form == "difference" and (not limit.upper or limit.value < 0):
            raise ValueError("limit: a difference is limited from above, such as '<= 0.1'")
        if form == "ratio" and (limit.upper or not 0 < limit.value <= 1):
            raise ValueError("limit: a ratio is limited from below by a number in (0, 1], such as '>= 0.8'")
        rows = AGGREGATES[self.metric].metrics if self.metric in AGGREGATES else (self.metric,)
        if form != "ratio":
            self._may_bind(rows, apart=form != "value")
        if self.rule == "proven" and not all(METRICS[name].estimator.limited for name in rows):
            raise ValueError(
                f"decide: {self.metric} has no limits, so that nothing is proven of it; "
                "expected decide: point"
            )
        if self.compare == "ratio" and self.metric in METRICS and not METRICS[self.metric].ratio:
            raise ValueError(f"compare: a ratio of {self.metric} means nothing, as it may be negative")
        if self.slice is not None and self.features and set(self.slice) != set(self.features):
            raise ValueError("slice: expected a value for each feature of by")
        return self

    def _may_bind(self, metrics: Sequence[str], apart: bool) -> None:
        """ValueError where every value holds, or none: of metrics, or of how far two of them lie apart."""
        low = min(METRICS[name].reach[0] for name in metrics)
        high = max(METRICS[name].reach[1] for name in metrics)
        what = self.metric
        if self.compare == "change":
            what, low, high = f"a change of {what}", low - high, high - low
        elif apart:
            low, high = 0.0, high - low
        check_binds("limit", self.limit, what, (low, high), all(METRICS[name].percent for name in metrics))

    @property
    def features(self) -> tuple[str, ...]:
        """The features whose slices the gate speaks of; empty for the whole set."""
        if self.by is not None:
            return (self.by,) if isinstance(self.by, str) else tuple(self.by)
        return tuple(self.slice) if self.slice else ()

    @property
    def rule(self) -> Literal["proven", "point"]:
        """How the gate decides, with the default filled in."""
        if self.cost is not None:
            return "point"
        return self.decide or ("proven" if self.features or self.compare == "change" else "point")


class Objective(Section):
    """What the choice among the variants is made by (DESIGN, section 6)."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: {"compute": 1.0, "storage": 1.0}, description="Of the cost's two parts."
    )
    performance: str | None = Field(None, description="Metric of performance; default accuracy, else auc.")
    gaps: list[str] | None = Field(
        None, description="Metrics whose gaps are judged; default those of the gates over slices."
    )
    targets: dict[str, str] = Field(
        default_factory=dict,
        description="Limits by name: a metric, a cost ratio, or agreement (with the original's decisions).",
    )
    sensitive: Literal["last", "as others"] = Field(
        "last", exclude_if=lambda value: value == "last",
        description="Variants that need a sensitive feature to decide: chosen only where no other passes "
        "(last), or by their cost as others are.",
    )  # fmt: skip
    require_selection: bool = Field(
        False,
        description="The variant to release must be chosen on other rows than those that judge it "
        "(data.selection); a choice that is not is an error.",
    )

    @model_validator(mode="after")
    def _known(self) -> Objective:
        for name in [*([self.performance] if self.performance else []), *(self.gaps or [])]:
            if name not in METRICS:
                raise ValueError(f"{unknown(name, list(METRICS), 'metric')}")
        for name in self.weights:
            if name not in ("compute", "storage"):
                raise ValueError(f"weights: {unknown(name, ['compute', 'storage'], 'part of the cost')}")
        if not sum(self.weights.values()) > 0:
            raise ValueError("weights: expected at least one above 0")
        for name, limit in self.targets.items():
            if name not in (*METRICS, *get_args(COSTS), "agreement"):
                raise ValueError(
                    f"targets: {unknown(name, [*METRICS, *get_args(COSTS), 'agreement'], 'target')}"
                )
            metric = METRICS.get(name)
            reach = metric.reach if metric else (0.0, 1.0) if name == "agreement" else RATIO
            share = metric.percent if metric else name == "agreement"
            check_binds(f"targets.{name}", limit, name, reach, share)
        return self
