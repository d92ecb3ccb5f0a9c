"""What the pages of the report look up: the variants that they speak of, their differences and bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

from ...audit.result import (
    AuditResult,
    Cell,
    Coverage,
    Criterion,
    Disparity,
    Estimate,
    Front,
    GateResult,
    Slice,
    SliceResult,
    Variant,
    Verdict,
)
from ..words.formats import Kind, count, figure
from ..words.language import say
from ..words.lookup import binding_gates, estimate_of, variant_named
from ..words.per_hundred import FEW, is_rate
from ..words.spoken import compared_kind, metric_kind
from .strips import MARKS

WHOLE = 1e-6
"""How near a number of rows comes to a whole one, to be a count."""


@dataclass(frozen=True)
class Told:
    """A result with what its front page speaks of."""

    result: AuditResult
    front: Front
    variant: Variant
    beside: Variant | None
    _cache: dict[tuple[object, ...], list[Disparity]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, result: AuditResult) -> Told | None:
        """None for a result without a variant."""
        front = result.front
        variant = variant_named(result, front.verdict_of) if front is not None else None
        if front is None or variant is None:
            return None
        beside = variant_named(result, front.beside) if front.beside is not None else None
        return cls(result, front, variant, beside)

    @cached_property
    def gates(self) -> list[GateResult]:
        """Gates of the variant that the verdict speaks of."""
        return [gate for gate in binding_gates(self.result) if gate.variant == self.variant.name]

    @cached_property
    def features(self) -> list[Coverage]:
        """The sets of features that slices were made by."""
        return list(self.result.coverage)

    def cell(self, by: Sequence[str], one: Criterion) -> Cell:
        """What the result says of a set of features by a criterion."""
        return next(
            cell
            for cell in self.front.cells
            if cell.by == list(by) and (cell.metric, cell.view) == (one.metric, one.view)
        )

    def foremost(self, cells: Sequence[Cell]) -> tuple[int, bool, bool]:
        """Order sets of features where there is no room for all, by their cells; the least comes first.

        Nothing may hide what fails or is open; then come single features, then crossings, each with those
        that are gated or beyond chance first, and last what is not compared.
        """
        known = [cell for cell in cells if cell.value is not None]
        judged = any(cell.verdict not in (None, "pass") for cell in cells)
        told = any(cell.gate is not None or cell.beyond_chance for cell in known)
        crossed = any(len(cell.by) > 1 for cell in cells)
        return (0 if judged else 1 if known else 2, crossed, not told)

    def kind(self, one: Criterion) -> Kind:
        """How a difference is shown."""
        return compared_kind("difference", one.metric, self.result.definitions)

    def level_kind(self, one: Criterion) -> Kind:
        """How the figure itself is shown."""
        return metric_kind(one.metric, self.result.definitions)

    def differences(
        self, by: Sequence[str], one: Criterion, variant: Variant | None = None
    ) -> list[Disparity]:
        """Differences of slices to their reference."""
        of = variant or self.variant
        own = self.cell(by, one).differences
        if own:
            # The gate's reference is another one, and those of the variant beside are not from it.
            return own if of is self.variant else []
        key = (of.name, tuple(by), one.metric, one.view)
        if key not in self._cache:
            self._cache[key] = [
                d
                for d in of.disparities
                if d.scope == "reference" and d.compare == "difference" and d.by == list(by)
                and (d.metric, d.view) == (one.metric, one.view) and d.value is not None
            ]  # fmt: skip
        return self._cache[key]

    def estimate(self, part: Slice, one: Criterion, variant: Variant | None = None) -> Estimate | None:
        """The figure of a slice, or of all rows."""
        return estimate_of(variant or self.variant, part, one.metric, one.view)

    def level(self, part: Slice, one: Criterion) -> str:
        """The figure of a slice as it is printed: of few rows how many of them, since 5 of 5 is no 100 %."""
        found = self.estimate(part, one)
        if found is None or found.value is None:
            return figure(None, self.level_kind(one))
        if is_rate(one.metric, self.result) and 0 < found.n < FEW:
            rows = found.value * found.n
            # Weighted rows are no count.
            if abs(rows - round(rows)) < WHOLE and not self._weighted:
                return "".join(say("{k} of {n}", k=count(round(rows)), n=count(found.n)))
        return figure(found.value, self.level_kind(one))

    @cached_property
    def _weighted(self) -> bool:
        return self.result.data.weight is not None

    def slices(self, by: Sequence[str]) -> list[SliceResult]:
        """Slices of a set of features, the known ones first."""
        mine = [s for s in self.variant.slices if list(s.slice) == list(by)]
        return sorted(mine, key=lambda s: s.unknown)

    def gate_of(self, cell: Cell) -> GateResult | None:
        """The gate of a cell."""
        return next((gate for gate in self.gates if gate.id == cell.gate), None)

    def marks(self, cell: Cell) -> Mapping[str, str]:
        """The form of each slice's dot by its key: by its own verdict where a gate looked at it."""
        gate = self.gate_of(cell)
        verdicts: dict[str, Verdict] = {}
        for part in gate.slices if gate else []:
            verdicts[key_of(part.slice)] = part.verdict
            if part.reference is not None:
                verdicts.setdefault(key_of(part.reference), part.verdict)
        return {key: MARKS[verdict] for key, verdict in verdicts.items()}

    def band(self, cell: Cell) -> tuple[float, float] | None:
        """What the gate of a cell allows, as distances from the reference."""
        if cell.limit is None or cell.compare is None:
            return None
        if cell.compare == "difference":
            return (-abs(cell.limit), abs(cell.limit))
        reference = self.estimate(cell.reference or {}, cell) if cell.reference else None
        if reference is None or not reference.value:
            return None
        level = reference.value
        if cell.compare == "value":
            # Of the figure itself, on an axis of distances from the table's reference.
            bound = cell.limit - (self.base(cell) or level)
            return (-inf, bound) if cell.operator == "<=" else (bound, inf)
        if cell.limit <= 0:
            return None
        below, above = level * (cell.limit - 1), level * (1 / cell.limit - 1)
        sides = self._sides(cell, level)
        return (below if "below" in sides else -inf, above if "above" in sides else inf)

    def base(self, cell: Cell) -> float | None:
        """The figure of the slice that others of a cell are compared with."""
        found = next(iter(self.differences(cell.by, cell)), None)
        estimate = self.estimate(found.reference, cell) if found is not None and found.reference else None
        return estimate.value if estimate is not None else None

    def _sides(self, cell: Cell, level: float) -> set[str]:
        """On which sides of its reference a ratio is limited, as its slices were judged.

        Where nobody named a reference the limit holds for the inverse too: on both sides.
        """
        gate = self.gate_of(cell)
        both = {"below", "above"}
        for part in gate.slices if gate else []:
            found = self.estimate(part.slice, cell)
            if found is None or found.value is None or found.value == level or part.measured is None:
                continue
            if found.value > level and not part.inverse:
                both.discard("above")
            if found.value < level and part.inverse:
                both.discard("below")
        return both

    def verdict_of(self, by: Sequence[str]) -> Verdict | None:
        """The worst verdict of the gates over a set of features."""
        found = [gate.verdict for gate in self.gates if set(gate.by) == set(by)]
        order: tuple[Verdict, ...] = ("fail", "error", "inconclusive", "pass")
        return next((verdict for verdict in order if verdict in found), None)

    @property
    def leading(self) -> Criterion | None:
        """The criterion that is drawn large: of the leading gate, else the first beyond chance."""
        gate = next((g for g in self.gates if g.id == self.front.leading), None)
        if gate is not None:
            for cell in self.front.cells:
                if cell.gate == gate.id:
                    return Criterion(metric=cell.metric, view=cell.view)
        gated = [cell for cell in self.front.cells if cell.verdict is not None]
        alone = [cell for cell in self.front.cells if cell.beyond_chance and len(cell.by) == 1]
        shown = next(iter([*gated, *alone]), None)
        if shown is not None:
            return Criterion(metric=shown.metric, view=shown.view)
        return self.front.criteria[0] if self.front.criteria else None


def key_of(part: Slice) -> str:
    """What a slice is followed by through the page."""
    return " & ".join(f"{name}={value}" for name, value in part.items())
