"""How a mitigation decides: rules by slice, the rows they were fitted on, weights of training rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...audit.result import AuditResult, CellWeight, Comparison, Recipe, Rule, RuleSlice, TradeOff
from ..slices.tables import Cell, Row, Table
from ..words.formats import MINUS, UNDEFINED, Kind, count, figure, read_limit
from ..words.language import later, say, tr, tr_n
from ..words.meaning import Meaning, gained_and_lost
from ..words.spoken import Given, Sentence, compared_kind, features_name, metric_kind, slice_name
from ..words.translated import titled, translated
from .cost_tables import Entries, readable

if TYPE_CHECKING:
    from ..drawing.svg import Drawing


@dataclass(frozen=True)
class RuleView:
    """One rule: what it is, its slices, the steps of those that have no one threshold, and its search.

    ``not_listed`` slices are only counted.
    """

    title: Sentence
    about: Entries
    slices: Table | None
    steps: Table | None
    not_listed: int
    curve: Drawing | None
    search: Table | None


@dataclass(frozen=True)
class Mitigation:
    """What a mitigation put into a variant; ``needs``: features that its decisions need."""

    needs: Sentence
    rules: list[RuleView]
    weights: Table | None
    weights_left: int


def mitigation(
    recipe: Recipe | None, result: AuditResult, most: int, key: str, *, charts: bool
) -> Mitigation | None:
    """Lay out rules, weights and needs of a recipe, at most so many slices; None where it has none."""
    if recipe is None or not (recipe.needs or recipe.rules or recipe.weights):
        return None
    return Mitigation(
        needs=readable(recipe.needs) if recipe.needs else (),
        rules=[
            _rule(rule, result, most, f"{key}-rule-{number}", charts)
            for number, rule in enumerate(recipe.rules, start=1)
        ],
        weights=_weights(recipe.weights[:most]) if recipe.weights else None,
        weights_left=max(len(recipe.weights) - most, 0),
    )


def flips_sentence(item: Comparison, meaning: Meaning) -> str:
    """Say how many decisions change and which way; empty where that is not known."""
    found = item.overall
    if found is None:
        return ""
    if not found.flips:
        return tr("Of {n} rows none changes.", n=count(found.n))
    changed = tr_n("{n} changes", "{n} change", found.flips, n=count(found.flips))
    gained, lost = gained_and_lost(found, meaning)
    return tr(
        "Of {n} rows {changed}: {gained}, {lost}.",
        n=count(found.n), changed=changed, gained=gained, lost=lost,
    )  # fmt: skip


def _rule(rule: Rule, result: AuditResult, most: int, key: str, charts: bool) -> RuleView:
    listed = rule.slices[:most]
    stepped = [one for one in listed if one.threshold is None and one.steps]
    level, gap = _kinds(rule, result)
    drawing = None
    if charts and len(rule.curve) > 1:
        from ..drawing.curve_chart import curve_chart

        axes = (_title(rule.constraint, result), gap), (_title(rule.objective, result), level)
        drawing = curve_chart(rule.curve, *axes, key)
    return RuleView(
        title=_name(rule),
        about=_about(rule, result),
        slices=_slices(listed, rule) if listed else None,
        steps=_steps(stepped, rule) if stepped else None,
        not_listed=len(rule.slices) - len(listed),
        curve=drawing,
        search=_search(rule.curve, level, gap) if rule.curve else None,
    )


def _name(rule: Rule) -> Sentence:
    by, everyone = _NAMES[rule.kind]
    return say(by, features=features_name(rule.features)) if rule.features else say(everyone)


_NAMES = {
    "thresholds": (later("Thresholds by {features}"), later("Threshold for all rows")),
    "randomised": (later("Randomised rule by {features}"), later("Randomised rule for all rows")),
    "calibration": (later("Map of the scores by {features}"), later("Map of the scores for all rows")),
}
_DECISION = {
    "thresholds": later("rows whose score lies at or above the threshold are selected"),
    "randomised": later("chance takes part: of rows with the same score some are selected and others not"),
    "calibration": later("scores are mapped before they are judged"),
}


def _about(rule: Rule, result: AuditResult) -> Entries:
    entries: Entries = [(tr("Decision"), say(_DECISION[rule.kind]))]
    if rule.kind == "randomised":
        entries.append((tr("Draw"), _draw(rule)))
    if rule.features:
        refused, common = say("an error: there is no decision"), say("the common rule")
        entries.append((tr("Other values"), refused if rule.unseen == "error" else common))
    fitted = say("{rows}. These are not the audited rows.", rows=translated(rule.fitted_on))
    entries.append((tr("Fitted on"), fitted))
    if rule.kind == "calibration" and rule.objective:
        return [*entries, (tr("Method"), (Given(rule.objective),))]
    return entries + _search_entries(rule, result)


def _draw(rule: Rule) -> Sentence:
    by = say("the row’s {columns}", columns=readable(rule.drawn_by)) if rule.drawn_by else say("the row")
    if rule.seed is None:
        return say("decided by {what}: the same row always gets the same draw", what=by)
    return say(
        "decided by {what} and seed {seed}: the same row always gets the same draw",
        what=by, seed=str(rule.seed),
    )  # fmt: skip


def _search_entries(rule: Rule, result: AuditResult) -> Entries:
    """What was made best and what limited it: the disparity, or the performance by a floor."""
    level, gap = _kinds(rule, result)
    asked = (rule.limit or "").removeprefix(f"{rule.objective} ")
    floor = asked != (rule.limit or "")
    entries: Entries = []
    if rule.objective:
        limit = _limit_words(asked, level) if floor else ()
        best: Sentence = (_title(rule.objective, result), *limit)
        entries.append((tr("Objective"), _reached(best, rule.performance, level)))
    if rule.constraint:
        title = _title(rule.constraint, result)
        held = (
            say("{disparity}, made least", disparity=title) if floor else (title, *_limit_words(asked, gap))
        )
        entries.append((tr("Disparity"), _reached(held, rule.disparity, gap)))
    return entries


def _reached(what: Sentence, value: float | None, kind: Kind) -> Sentence:
    return what if value is None else say("{what}; reached: {value}", what=what, value=figure(value, kind))


def _limit_words(text: str, kind: Kind) -> Sentence:
    limit = read_limit(text)
    if limit is None:
        return (" ", Given(text)) if text else ()
    return (f" {limit.operator} {limit.words(kind)}",)


def _title(text: str, result: AuditResult) -> str:
    """Write what a search speaks of with its metrics by their titles."""
    ours = titled(text)
    if not isinstance(ours, Given):
        return ours
    known = result.definitions
    words = [known[word].title if word in known else word.replace("_", " ") for word in text.split()]
    joined = " ".join(words)
    return Given(joined[:1].upper() + joined[1:])


def _kinds(rule: Rule, result: AuditResult) -> tuple[Kind, Kind]:
    """How the objective and the disparity are shown."""
    words = rule.constraint.split() or [""]
    metric = next((word for word in words if word in result.definitions), words[0])
    form = next((word for word in words if word in ("ratio", "value")), "difference")
    gap = compared_kind(form, metric, result.definitions, f"{metric}_{form}")
    unsigned: dict[Kind, Kind] = {"points": "gap", "signed": "number"}
    return metric_kind(rule.objective, result.definitions), unsigned.get(gap, gap)


def _slices(rows: list[RuleSlice], rule: Rule) -> Table:
    if any(row.temperature is not None for row in rows):
        return _temperatures(rows, rule)
    one = any(row.threshold is not None for row in rows)
    lines = [
        Row(
            _slice(row, rule),
            [
                Cell(count(row.n)),
                Cell(count(row.positives)),
                *[Cell(threshold_words(row.threshold))] * one,
                Cell(figure(row.before, "percent")),
                Cell(figure(row.after, "percent")),
            ],
        )
        for row in rows
    ]
    heads = [
        ("n", tr("rows that the rule was fitted on")),
        (tr("Positive"), tr("positive label")),
        *[(tr("Threshold"), tr("scores at or above it are selected"))] * one,
        (tr("Selected before"), tr("selection rate on the fitted rows without the rule")),
        (tr("Selected after"), tr("selection rate on the fitted rows with it")),
    ]
    return Table(heads, lines)


def _temperatures(rows: list[RuleSlice], rule: Rule) -> Table:
    """Lay out the temperature of each slice, and what the log loss was and became."""
    lines = [
        Row(
            _slice(row, rule),
            [
                Cell(count(row.n)),
                Cell(figure(row.temperature, "number")),
                Cell(figure(row.loss_before, "number")),
                Cell(figure(row.loss_after, "number")),
            ],
        )
        for row in rows
    ]
    heads = [
        ("n", tr("rows that the rule was fitted on")),
        (tr("Temperature"), tr("above 1 probabilities become flatter, below 1 sharper")),
        (tr("Log loss before"), tr("of the fitted rows without the temperature")),
        (tr("Log loss after"), tr("of the fitted rows with it")),
    ]
    return Table(heads, lines)


def _slice(row: RuleSlice, rule: Rule) -> Sentence:
    """The empty slice is that of all rows, or of those that no other rule speaks of."""
    return say("every other value") if rule.features and not row.slice else slice_name(row.slice)


def threshold_words(value: float | None) -> str:
    """Write a threshold; one that no score misses or none reaches is said by whom it selects."""
    if value is not None and math.isinf(value):
        return tr("nobody") if value > 0 else tr("everybody")
    return UNDEFINED if value is None else _score(value)


def _score(value: float) -> str:
    return f"{value:#.4g}".rstrip(".").replace("-", MINUS)


def _steps(rows: list[RuleSlice], rule: Rule) -> Table:
    lines = [
        Row(_slice(row, rule), [Cell(_range(row, number)), Cell(chance_words(chance))])
        for row in rows
        for number, (_, chance) in enumerate(row.steps)
    ]
    return Table([(tr("Score"), ""), (tr("Selected with probability"), "")], lines)


def _range(row: RuleSlice, number: int) -> str:
    """The scores of one step, up to where the next one begins."""
    start = row.steps[number][0]
    end = row.steps[number + 1][0] if number + 1 < len(row.steps) else math.inf
    if start == -math.inf:
        return tr("any") if end == math.inf else tr("below {score}", score=_score(end))
    if end == math.inf:
        return tr("from {score} on", score=_score(start))
    return tr("from {low} to below {high}", low=_score(start), high=_score(end))


def chance_words(chance: float) -> str:
    """Write the probability of a step; certainty in words."""
    return {0.0: tr("0: nobody"), 1.0: tr("1: everybody")}.get(chance, figure(chance, "number"))


def _weights(cells: list[CellWeight]) -> Table:
    lines = [
        Row(
            slice_name(cell.slice),
            [
                Cell(_label(cell.label)),
                Cell(count(cell.n)),
                Cell(figure(cell.weight, "number")),
            ],
        )
        for cell in cells
    ]
    heads = [(tr("Label"), ""), ("n", tr("training rows")), (tr("Weight"), tr("of each of these rows"))]
    return Table(heads, lines)


def _label(label: bool | str | None) -> str:
    """Write a label: of two classes by its side, of several by its name."""
    if label is None:
        return tr("any")
    return label if isinstance(label, str) else tr("positive") if label else tr("negative")


def _search(curve: list[TradeOff], level: Kind, gap: Kind) -> Table:
    """Lay out every rule of a search."""
    lines = [
        Row(
            say("rule {n}", n=str(number)),
            [
                Cell(figure(one.disparity, gap)),
                Cell(figure(one.performance, level)),
                Cell(tr("chosen") if one.chosen else ""),
            ],
            emphasis=one.chosen,
        )
        for number, one in enumerate(curve, start=1)
    ]
    return Table([(tr("Disparity"), ""), (tr("Performance"), ""), (tr("Choice"), "")], lines)
