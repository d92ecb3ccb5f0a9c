"""The chapter on the variants: the ladder, the recommendation, the frontier, and each variant in detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...audit.result import AuditResult, Comparison, Variant
from ..slices.gate_tables import GateRow, gate_rows
from ..slices.tables import Table, variant_rows
from ..tasks import Part, telling
from ..words import order
from ..words.kinds import run_words
from ..words.language import later, tr
from ..words.lookup import comparison_of, gates_for_information, has_ladder, released, variant_named
from ..words.spoken import Sentence, plain
from ..words.turned import directed, turned_words
from . import change_tables, compression_tables, cost_tables, ladder_table, rule_tables
from .layer_charts import Layers, layer_views
from .release import release
from .slice_map import slice_maps

if TYPE_CHECKING:
    from ..blocks import Block
    from ..drawing.frontier_chart import FrontierChart
    from ..drawing.panels import RowChart
    from ..drawing.trade_off_chart import TradeOffChart

MOST_LINES, FEWEST_LINES = 40, 12
ALL_LINES = 120
"""Lines of each table over all closed variants: the report must stay light enough to be mailed."""
MOST_DRAWN = 4
"""Variants whose charts are drawn beside the opened one: a chart takes longer than everything else."""


@dataclass(frozen=True)
class Pairs:
    """The metrics of slices before and after; ``not_drawn`` slices are left out."""

    charts: list[RowChart]
    tables: list[Table]
    not_drawn: int


@dataclass(frozen=True)
class Changes:
    """What one variant changes: tables, charts, and how many lines each leaves out.

    ``told``: the flips in a sentence, for a mitigated variant; ``flips``: None where nothing is decided;
    ``sided``: a decision is gained or lost.
    """

    before: str
    after: str
    told: str
    pairs: Pairs | None
    flip_chart: RowChart | None
    flips: Table | None
    flips_left: int
    sided: bool
    overall: Table | None
    metrics: Table | None
    metrics_left: int
    gaps: Table | None
    gaps_left: int
    effects: Table | None
    of_task: list[Block]


@dataclass(frozen=True)
class Detail:
    """One variant: how it was made and decides, what it costs and changes, and what its gates found."""

    id: str
    name: str
    kind: str
    open: bool
    marks: list[str]
    recipe: cost_tables.Entries
    mitigation: rule_tables.Mitigation | None
    cost: cost_tables.Entries
    timings: Table | None
    changes: Changes | None
    layers: Layers | None
    gates: list[GateRow]


@dataclass(frozen=True)
class Chapter:
    """Everything that the chapter shows; None or empty: the run has no such part.

    ``kinds``: "compressed", "mitigated" or both, as far as the run has them.
    """

    title: str
    kinds: str
    ladder: ladder_table.Ladder
    chosen: list[Sentence]
    objective: list[tuple[str, Sentence]]
    performance: str
    splits: list[compression_tables.Side]
    trade_off_chart: TradeOffChart | None
    trade_off: ladder_table.Ladder | None
    frontier: FrontierChart | None
    standings: Table | None
    matrices: list[compression_tables.Matrix]
    maps: list[Block]
    identified: Table | None
    identified_left: int
    variants: Table
    not_drawn: int
    details: list[Detail]


def chapter(result: AuditResult, *, charts: bool) -> Chapter | None:
    """Build the chapter; None for a run of one model."""
    ladder = ladder_table.ladder(result)
    if ladder is None or not has_ladder(result):
        return None
    trade_off, advice = ladder_table.trade_off(result), release(result)
    return Chapter(
        title=_title(result),
        kinds=run_words(result),
        ladder=ladder,
        chosen=advice.chosen if advice is not None else [],
        objective=compression_tables.objective_words(result),
        performance=ladder_table.performance_title(result),
        splits=compression_tables.both_splits(result),
        trade_off_chart=_trade_off_chart(result) if charts and trade_off else None,
        trade_off=trade_off,
        frontier=_frontier(result) if charts else None,
        standings=compression_tables.standings_table(result),
        matrices=compression_tables.gate_matrices(result),
        maps=slice_maps(result, result.variants),
        identified=compression_tables.identified_table(result, MOST_LINES),
        identified_left=max(len(result.identified.composition) - MOST_LINES, 0) if result.identified else 0,
        variants=variant_rows(result, telling(result).columns),
        not_drawn=left_undrawn(result) if charts else 0,
        details=_details(result, charts=charts),
    )


def _title(result: AuditResult) -> str:
    titles = {
        "mitigated": later("Mitigation"),
        "compressed or mitigated": later("Compression and mitigation"),
        "compressed": later("Compression"),
        "": later("Compression"),
    }
    compared = result.frontier is None and not run_words(result)
    return tr("Before and after") if compared else tr(titles[run_words(result)])


def _trade_off_chart(result: AuditResult) -> TradeOffChart | None:
    from ..drawing.trade_off_chart import trade_off_chart

    return trade_off_chart(result, "trade-off-chart")


def _frontier(result: AuditResult) -> FrontierChart | None:
    from ..drawing.frontier_chart import frontier_chart

    return frontier_chart(result, "frontier-chart")


def _details(result: AuditResult, *, charts: bool) -> list[Detail]:
    others = result.variants[1:]
    fewer = max(FEWEST_LINES, min(MOST_LINES, ALL_LINES // max(len(others), 1)))
    opened = released(result) or (others[0].name if len(others) == 1 else None)
    drawn = {opened, *[variant.name for variant in others if variant.name != opened][:MOST_DRAWN]}
    return [
        _detail(
            variant,
            result,
            f"variant-{number}",
            MOST_LINES if variant.name == opened else fewer,
            variant.name == opened,
            charts and variant.name in drawn,
        )
        for number, variant in enumerate(others, start=1)
    ]


def left_undrawn(result: AuditResult) -> int:
    """Count the variants whose charts are not drawn, but stand in tables."""
    return max(len(result.variants) - 2 - MOST_DRAWN, 0)


def _detail(
    variant: Variant, result: AuditResult, key: str, lines: int, opened: bool, charts: bool
) -> Detail:
    item = comparison_of(result, variant.name)
    made = cost_tables.recipe_entries(variant)
    made += cost_tables.model_entries(variant, result.variants[0])
    made += cost_tables.self_flip_entries(variant.self_flips)
    layers = variant.recipe.layers if variant.recipe else []
    return Detail(
        id=key,
        name=variant.name,
        kind=variant.kind,
        open=opened,
        marks=ladder_table.marks(variant, result),
        recipe=made,
        mitigation=rule_tables.mitigation(variant.recipe, result, lines, key, charts=charts),
        cost=cost_tables.cost_entries(variant.cost) if variant.cost else [],
        timings=cost_tables.timings_table(variant.cost) if variant.cost else None,
        changes=_changes(variant, item, result, key, lines, charts) if item else None,
        layers=layer_views(layers, lines, key, charts=charts, histograms=6 if opened else 3),
        gates=gate_rows(gates_for_information(result, variant.name), result),
    )


def _changes(
    variant: Variant, item: Comparison, result: AuditResult, key: str, lines: int, charts: bool
) -> Changes:
    flips, flips_left = change_tables.worst_flips(item, lines)
    metrics, metrics_left = change_tables.worst_changes(item, result, lines)
    gaps, gaps_left = change_tables.worst_gap_changes(item, result, lines)
    decided = item.overall is not None or telling(result).plain
    return Changes(
        before=item.before,
        after=item.after,
        told=_flips_sentence(variant, item, result),
        pairs=_pairs(variant, item, result, key, lines, charts),
        flip_chart=_flip_chart(item, key, lines, result) if charts else None,
        flips=change_tables.flips_table(flips, item, result.data.positive_is) if decided else None,
        flips_left=flips_left,
        sided=directed(item),
        overall=change_tables.overall_changes(item, result),
        metrics=metrics,
        metrics_left=metrics_left,
        gaps=gaps,
        gaps_left=gaps_left,
        effects=change_tables.effects_table(flips, item) if decided else None,
        of_task=telling(result).of_changes(item, Part(result, variant, (), key, charts=charts)),
    )


def _flips_sentence(variant: Variant, item: Comparison, result: AuditResult) -> str:
    if variant.kind != "mitigated":
        return ""
    if item.overall is not None and (item.overall.matrix or not directed(item)):
        return plain(turned_words(item.overall))
    return rule_tables.flips_sentence(item, result.data.positive_is)


def _pairs(
    variant: Variant, item: Comparison, result: AuditResult, key: str, lines: int, charts: bool
) -> Pairs | None:
    before = variant_named(result, item.before)
    if before is None:
        return None
    rows, left = change_tables.paired_slices(before, variant, item, result, lines)
    # Labels are the same before and after: what is of them alone does not move.
    known = result.definitions
    names = [m for m in order.key_metrics(result, variant) if m not in known or not known[m].of_labels]
    if not rows or not names:
        return None
    tables = change_tables.paired_tables(rows, names, result)
    if not charts:
        return Pairs([], tables, left)
    from ..drawing.change_charts import dumbbell_charts

    return Pairs(dumbbell_charts(rows, names, (before, variant), result, f"{key}-pairs"), tables, left)


def _flip_chart(item: Comparison, key: str, lines: int, result: AuditResult) -> RowChart | None:
    from ..drawing.change_charts import flip_chart

    rows, _ = change_tables.worst_flips(item, lines)
    # The interval of three rows would flatten all others.
    drawn = [flips for flips in rows if flips.status == "ok"]
    return flip_chart(drawn, item, f"{key}-flips", result.data.positive_is, telling(result).change)
