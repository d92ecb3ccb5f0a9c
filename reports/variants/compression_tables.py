"""The tables of the chapter on variants: the two splits, gates by variant, identified rows, the frontier."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, Verdict
from ..slices.tables import Cell, Row, Table
from ..words.formats import UNDEFINED, Kind, count, figure, read_limit
from ..words.kinds import has_mitigated
from ..words.language import later, listed, say, tr
from ..words.lookup import standing_of
from ..words.spoken import (
    COSTS,
    Given,
    Sentence,
    gate_limit_words,
    gate_title,
    metric_kind,
    slice_name,
    title_of,
    verdict_words,
)
from ..words.translated import translated
from ..words.worst_gap import gap_kind
from .ladder_table import recommended_mark


@dataclass(frozen=True)
class Side:
    """One variant where it was chosen and where it was certified; two figures in one text each."""

    name: str
    marks: list[str]
    pairs: list[str]
    selected: Verdict | None
    certified: Verdict | None


def both_splits(result: AuditResult) -> list[Side]:
    """Set the variants' figures on the selection split beside those on the evaluation rows."""
    frontier = result.frontier
    if frontier is None or not frontier.selection:
        return []
    kind, performance = gap_kind(result), metric_kind(frontier.performance, result.definitions)
    sides = []
    for one in frontier.selection:
        other = standing_of(frontier, one.variant)
        pairs = [
            _pair(one.performance, other.performance if other else None, performance),
            _pair(one.worst_gap, other.worst_gap if other else None, kind),
            _pair(one.flip_rate, other.flip_rate if other else None, "percent"),
        ]
        chosen = [recommended_mark()] if one.variant == frontier.recommended else []
        sides.append(Side(one.variant, chosen, pairs, one.verdict, other.verdict if other else None))
    return sides


def _pair(one: float | None, other: float | None, kind: Kind) -> str:
    """Write two figures with one unit, such as ``64.7 → 65.1 %``."""
    if one is None and other is None:
        return UNDEFINED
    return f"{figure(one, kind, unit=False)} → {figure(other, kind)}"


GATES_PER_TABLE = 5


@dataclass(frozen=True)
class Matrix:
    """Verdicts of each gate for each variant; ``binding`` marks those that enter the run's verdict."""

    variants: list[str]
    rows: list[tuple[Sentence, Sentence, list[tuple[str, Verdict, bool] | None]]]


def gate_matrices(result: AuditResult) -> list[Matrix]:
    """Set the gates against the variants, as many to a table as a page's width asks for.

    Empty where only one variant has gates.
    """
    variants = list(dict.fromkeys(gate.variant for gate in result.gates))
    if len(variants) < 2:
        return []
    rows: dict[tuple[object, ...], dict[str, tuple[str, Verdict, bool]]] = {}
    heads: dict[tuple[object, ...], tuple[Sentence, Sentence]] = {}
    for gate in result.gates:
        key = (gate.id, gate.metric, tuple(gate.by), gate.compare, gate.limit)
        heads.setdefault(
            key, (gate_title(gate, result.definitions), gate_limit_words(gate, result.definitions))
        )
        rows.setdefault(key, {})[gate.variant] = (verdict_words(gate.verdict), gate.verdict, gate.binding)
    lines = [(*heads[key], [found.get(name) for name in variants]) for key, found in rows.items()]
    return [
        Matrix(variants, lines[start : start + GATES_PER_TABLE])
        for start in range(0, len(lines), GATES_PER_TABLE)
    ]


def identified_table(result: AuditResult, most: int) -> Table | None:
    """Lay out whom the rows belong to that variants decide otherwise, against the whole; never the rows."""
    found = result.identified
    if found is None or not found.composition:
        return None
    rows = [
        Row(
            slice_name(line.get("slice", {})),
            [
                Cell(count(line.get("n"))),
                Cell(count(line.get("identified"))),
                Cell(figure(line.get("share"), "percent")),
                Cell(figure(line.get("ratio"), "ratio")),
            ],
        )
        for line in sorted(found.composition, key=lambda line: -(line.get("ratio") or 0))[:most]
    ]
    heads = [
        ("n", tr("rows")),
        (tr("Identified"), tr("rows on which a variant disagrees with the original")),
        (tr("Share"), tr("of the slice’s rows")),
        (tr("Ratio"), tr("to the share in the whole")),
    ]
    return Table(heads, rows)


def standings_table(result: AuditResult) -> Table | None:
    """Lay out the figures of the frontier chart; None where all variants, some mitigated, cost the same."""
    if result.frontier is None:
        return None
    if has_mitigated(result) and len({s.cost for s in result.frontier.variants}) < 2:
        return None
    kind = gap_kind(result)
    rows = [
        Row(
            (Given(s.variant),),
            [
                Cell(figure(s.cost, "ratio")),
                Cell(figure(s.worst_gap, kind)),
                Cell(figure(s.mean_gap, kind)),
                Cell(tr("yes") if s.on_frontier else tr("no")),
                Cell(verdict_words(s.verdict)),
            ],
            emphasis=s.variant == result.frontier.recommended,
        )
        for s in result.frontier.variants
    ]
    heads = [
        (tr("Cost"), tr("weighted")),
        (tr("Largest gap"), ""),
        (tr("Mean gap"), ""),
        (tr("Frontier"), ""),
        (tr("Verdict"), ""),
    ]
    return Table(heads, rows)


def objective_words(result: AuditResult) -> list[tuple[str, Sentence]]:
    """Say what was minimised under which targets, where it was chosen and where it was certified."""
    frontier = result.frontier
    if frontier is None:
        return []
    entries: list[tuple[str, Sentence]] = [(tr("Why"), translated(frontier.why))]
    entries.append((tr("Chosen on"), translated(frontier.selected_on)))
    rows = say("the {n} evaluation rows", n=count(result.data.rows))
    entries.append((tr("Certified on"), rows))
    if any(variant.cost for variant in result.variants):
        weights = " + ".join(f"{weight:g} × {_weighted(name)}" for name, weight in frontier.weights.items())
        entries.append((tr("Cost"), say("{weights}, as ratios to the original’s", weights=weights)))
    if frontier.performance:
        entries.append((tr("Performance"), (title_of(frontier.performance, result.definitions),)))
    gaps = listed(title_of(name, result.definitions) for name in frontier.gaps)
    entries.append((tr("Gaps judged"), gaps or say("none")))
    entries += [(tr("Target"), _target(name, limit, result)) for name, limit in frontier.targets.items()]
    return entries


def _weighted(name: str) -> str:
    return tr({"compute": later("compute"), "storage": later("storage")}[name])


def _target(name: str, text: str, result: AuditResult) -> Sentence:
    limit = read_limit(text)
    title = tr(COSTS[name]) if name in COSTS else title_of(name, result.definitions)
    if limit is None:
        return (title, " ", Given(text))
    kind: Kind = "percent" if name in COSTS else metric_kind(name, result.definitions)
    return (title, f" {limit.operator} {limit.words(kind)}")
