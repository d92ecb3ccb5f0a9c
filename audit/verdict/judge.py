"""From predictions alone to every figure, comparison, gate and the choice among the variants.

The audit and ``verify`` call the same function: a run's figures are what its predictions give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ...datasets.columns import bin_names, word
from ...datasets.errors import InputError
from ...metrics.counts import DECISION
from ...tasks.task import needed
from ...told import tell
from ..config import Config, Twins
from ..figures import changes, counterfactual, variant
from ..figures.identified import identify
from ..figures.measure import Measurement
from ..figures.never_said import given_up
from ..figures.pairs import Paired, pair
from ..figures.plan import Plan
from ..figures.unpaired import Unpaired
from ..result import (
    Comparison,
    Cost,
    Counterfactual,
    Frontier,
    GateResult,
    Identified,
    Recipe,
    RunVerdict,
    SelfFlips,
    TwinRows,
    Variant,
)
from . import gate
from .binding import binding, uncertified, withheld
from .frontier import frontier
from .standings import Judged
from .targets import target_results

SELECTION = "selection"
"""Folder, inside that of the predictions, of those of the selection rows."""
IDENTIFIED = "identified.parquet"


@dataclass(frozen=True)
class Entry:
    """A variant, and what its predictions do not tell."""

    name: str
    model: dict[str, Any]
    kind: Literal["original", "compressed", "mitigated"] = "original"
    recipe: Recipe | None = None
    cost: Cost | None = None
    self_flips: SelfFlips | None = None
    parent: str | None = None


class Release(Protocol):
    """What a release is compared with: an earlier one, or nothing."""

    def since(self, predictions: Path, measured: Measurement) -> Paired | Unpaired | None:
        """Return the earlier release's predictions beside those of a variant, counted already."""


@dataclass(frozen=True)
class Judgement:
    """Everything that follows from the predictions.

    Attributes
    ----------
    measured : Measurement
        Of the original.
    rows : pyarrow.Table or None
        The compression-identified rows.
    warnings : sequence of str
        What the decisions of variants show.
    """

    plan: Plan
    measured: Measurement
    variants: list[Variant]
    comparisons: list[Comparison]
    gates: list[GateResult]
    frontier: Frontier | None = None
    identified: Identified | None = None
    rows: pa.Table | None = None
    counterfactuals: list[Counterfactual] = field(default_factory=list)
    twins: TwinRows | None = None
    warnings: Sequence[str] = ()

    @property
    def verdict(self) -> RunVerdict:
        """The worst verdict of the binding gates; 'no verdict' without one."""
        return gate.run_verdict(self.gates)


def judge(
    config: Config,
    sensitive: Sequence[str],
    order: Mapping[str, Sequence[str]],
    entries: Sequence[Entry],
    predictions: Path,
    measured: Measurement | None = None,
    release: Release | None = None,
) -> Judgement:
    """Compute everything that follows from the predictions of some variants.

    Parameters
    ----------
    sensitive, order
        Slice columns of the predictions, and the order of their values where it is not by name.
    entries : sequence of Entry
        The original first.
    predictions : Path
        Folder of the files ``NAME.parquet``.
    measured : Measurement, optional
        Of the original, where it has been counted already.
    release : Release, optional
        Set where the gates are those of a policy, which may name what this run lacks.
    """
    run = _Run(config, tuple(sensitive), order, entries, release)
    original = measured or run.measure(predictions, entries[0])
    plan = make_plan(config, original, run.other_classes(predictions) if original.classes else ())
    judged = run.judged(predictions, plan, original)
    if not config.competes:
        gates = [*judged.gates, *run.unanswered(plan)]
        found = Judgement(plan, original, list(judged.variants), list(judged.comparisons), gates)
    else:
        found = run.chosen(predictions, plan, original, judged)
    found = replace(found, warnings=judged.warnings)
    if config.data.counterfactual is None:
        return found
    return _with_twins(found, config.data.counterfactual, run, predictions)


@dataclass(frozen=True)
class _Run:
    """What stays the same over the sets of rows that are judged."""

    config: Config
    sensitive: tuple[str, ...]
    order: Mapping[str, Sequence[str]]
    entries: Sequence[Entry]
    release: Release | None

    def unanswered(self, plan: Plan) -> list[GateResult]:
        """An error for each gate that no variant answers."""
        return gate.unanswered(self.config.gates, self.groups, plan, planned=self.release is None)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """What each variant is to gates."""
        return {e.name: e.recipe.groups if e.recipe else (e.kind,) if e.parent else () for e in self.entries}

    def path(self, predictions: Path, entry: Entry) -> Path:
        return predictions / f"{entry.name}.parquet"

    def measure(self, predictions: Path, entry: Entry) -> Measurement:
        path = self.path(predictions, entry)
        return Measurement.read(path, self.sensitive, entry.model, self.order, self.config.of_task)

    def other_classes(self, predictions: Path) -> list[str]:
        """The classes that variants other than the original decide for."""
        found: dict[str, None] = {}
        for entry in self.entries[1:]:
            path = self.path(predictions, entry)
            if DECISION in pq.read_schema(path).names:
                column = pq.read_table(path, columns=[DECISION]).column(DECISION)
                words = map(str, column.unique().to_pylist())
                named = {name for word in words for name in self.config.of_task.classes_in(word)}
                found |= dict.fromkeys(sorted(named))
        return list(found)

    def judged(self, predictions: Path, plan: Plan, original: Measurement) -> Judged:
        """Every variant's figures and gates on one set of rows."""
        variants: list[Variant] = []
        gates: list[GateResult] = []
        comparisons: list[Comparison] = []
        warnings: list[str] = []
        for entry in self.entries:
            # What one variant needs goes before the next is read.
            made, decided, compared, told = self._one(entry, predictions, plan, original)
            variants.append(made)
            warnings += told
            gates += decided
            comparisons += [compared] if compared else []
            if self.config.competes:
                gates += target_results(self.config.objective, made, variants[0], compared, plan)
        return Judged(variants, gates, comparisons, original.rows, original.task, warnings)

    def _one(
        self, entry: Entry, predictions: Path, plan: Plan, original: Measurement
    ) -> tuple[Variant, list[GateResult], Comparison | None, list[str]]:
        first = self.entries[0]
        measured = original if entry is first else self.measure(predictions, entry)
        paired = compared = None
        warnings: list[str] = []
        if entry is not first:
            paths = self.path(predictions, first), self.path(predictions, entry)
            paired = pair(
                *paths, self.sensitive, original.probability and measured.probability, self.order,
                (original, measured), (first.name, entry.name), cells=self.config.data.count is not None,
            )  # fmt: skip
            compared = changes.compared(paired, plan, first.name, entry.name)
            warnings += given_up(entry.name, measured, original)
        since = self.release.since(self.path(predictions, entry), measured) if self.release else None
        decided = gate.decide(
            self.config.gates, measured, plan, entry.name, groups=self.groups[entry.name], paired=paired,
            baseline=since, cost=entry.cost, original_cost=first.cost,
            lenient=self.release is not None or entry is not first,
        )  # fmt: skip
        return self._variant(entry, measured, plan), decided, compared, warnings

    def _variant(self, entry: Entry, measured: Measurement, plan: Plan) -> Variant:
        made = variant.build(entry.name, measured, plan, entry.model)
        told = {
            "kind": entry.kind,
            "recipe": entry.recipe,
            "cost": entry.cost,
            "self_flips": entry.self_flips,
        }
        return made.model_copy(update={**told, "parent": entry.parent})

    def chosen(self, predictions: Path, plan: Plan, original: Measurement, judged: Judged) -> Judgement:
        """The choice among several variants, and the rows on which they differ."""
        config = self.config
        selection = None
        aside = predictions / SELECTION
        if config.data.selection is not None:
            try:
                selection = self.judged(aside, plan, self.measure(aside, self.entries[0]))
            except InputError as error:
                raise InputError(f"data.selection: {error}") from None
        on = _selection_words(config, selection.rows) if selection else ""
        found = frontier(config.objective, config.gates, judged, selection, on)
        gates = [*judged.gates, *self.unanswered(plan)]
        bound = binding(config.gates, gates, self.groups, found)
        bound += withheld(config.gates, bound, found, plan)
        if config.objective.require_selection:
            bound += uncertified(found, plan)
        rows, identified = self._identified(predictions) if original.task.decides else (None, None)
        return Judgement(
            plan, original, list(judged.variants), list(judged.comparisons), bound, found, identified, rows
        )

    def _identified(self, predictions: Path) -> tuple[pa.Table, Identified]:
        first, *others = self.entries
        # Each is read when its turn comes.
        tables = ((e.name, self._read(predictions, e)) for e in others)
        threshold = first.model.get("threshold")
        original = self._read(predictions, first, self.sensitive)
        return identify(original, tables, self.sensitive, threshold, IDENTIFIED, first.name)

    def _read(self, predictions: Path, entry: Entry, more: Sequence[str] = ()) -> pa.Table:
        """The decisions and scores of a variant by id, with ``more`` columns that are slices."""
        path = self.path(predictions, entry)
        names = pq.read_schema(path).names
        held = [n for n in names if n in ("id", DECISION, "score") or n.startswith(f"{DECISION}:")]
        return pq.read_table(path, columns=[*held, *more], read_dictionary=list(more))


def _selection_words(config: Config, rows: int) -> str:
    chosen = config.data.selection
    assert chosen is not None
    if chosen.split is not None:
        return tell("the {n} rows of split {split}", n=f"{rows:,}", split=repr(chosen.split))
    return tell(
        "{n} rows drawn from the evaluation data by a hash of their id (share {share})",
        n=f"{rows:,}",
        share=f"{chosen.share:g}",
    )


def _with_twins(found: Judgement, wanted: Twins, run: _Run, predictions: Path) -> Judgement:
    feature = wanted.feature
    compared: list[Counterfactual] = []
    rows = None
    for entry in run.entries:
        table = pq.read_table(run.path(predictions, entry), read_dictionary=list(run.sensitive))
        compared += counterfactual.twins(table, feature, found.plan, entry.name)
        # The variants of a run are all scored on the same rows.
        rows = rows or counterfactual.twin_rows(table, feature, wanted.group)
    return replace(found, counterfactuals=compared, twins=rows)


def value_order(bins: Mapping[str, Sequence[float]]) -> dict[str, list[str]]:
    """The order in which the values of binned features are shown."""
    return {feature: bin_names(edges) for feature, edges in bins.items()}


def make_plan(config: Config, measured: Measurement, more: Sequence[str] = ()) -> Plan:
    """Return what is computed: the metrics asked for, or the usual ones that the data allow.

    ``more`` are classes that other variants than the measured one decide for.
    """
    classes = (*measured.classes, *(name for name in more if name not in measured.classes))
    chosen, of_class = _metrics(config, measured)
    reference: dict[str, str] = {}
    for feature, value in config.slices.reference.items():
        if feature not in measured.features:
            if feature in (config.data.sensitive or ()):
                # slices.by leaves it out of this audit.
                continue
            raise InputError(f"slices.reference: {feature!r} is not an audited sensitive feature")
        slices = measured.slices((feature,))
        found = slices.find({feature: value})
        if found is None:
            known = ", ".join(slices.name(i)[feature] for i in slices.shown)
            raise InputError(
                f"slices.reference.{feature}: no value {word(value)!r} in the data; there are {known}"
            )
        reference |= slices.name(found)
    return Plan(
        chosen,
        config.slices.intersections,
        config.slices.min_size,
        config.confidence,
        reference,
        config.data.positive_is,
        classes,
        of_class,
        (*classes, *(view for view in measured.views if view not in measured.classes)),
    )


def _metrics(config: Config, measured: Measurement) -> tuple[list[str], list[str]]:
    """Metrics of all rows, and of each class: those asked for, or the usual ones that the data allow."""
    task = measured.task
    views = [measured.view(c) for c in measured.classes[:1]]
    if config.metrics is None:
        usual = [m for m in task.class_default for view in views if not view.lacks(m)]
        return [m for m in task.default if not measured.lacks(m)], usual
    asked = list(dict.fromkeys(config.metrics))
    chosen = [name for name in asked if name in task.metrics]
    both = {} if task.of_class is None else task.of_class.metrics
    of_class = [name for name in asked if name not in task.metrics or name in both]
    for names, seen in ((chosen, measured), *((of_class, view) for view in views)):
        for name in names:
            lacking = seen.lacks(name)
            if lacking:
                what = " and a ".join(needed(task, lacking))
                raise InputError(f"metrics: {name} needs a {what}, which the run has not")
    return chosen, of_class
