"""The cheapest variant that may be released: the choice, its certificate, and both in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ...told import tell, told_list, told_on
from ..config import Gate, Objective
from ..result import Frontier, Standing
from .standings import Judged, gap_metrics, performance_metric, standings

NOTHING_REQUIRED = tell("No gate and no target is set, so that nothing says which variant may be released.")


def frontier(
    objective: Objective,
    gates: Sequence[Gate],
    evaluation: Judged,
    selection: Judged | None = None,
    selected_on: str = "",
) -> Frontier:
    """Find the cheapest variant, the original included, that passes every gate and target.

    With a selection split the choice is made on its rows alone and then certified, or not, on the
    evaluation rows. A choice that these do not certify is not released, and no other is tried on them: the
    next best would be the best of several on the rows that are to judge it. The original is the one
    fallback, since it was there before any row was looked at. Without such a split the verdict of the one
    that was chosen is not certified: of sixteen that are all a little over a limit, one passes by chance in
    every sixth run.

    Parameters
    ----------
    gates : sequence of Gate
        All gates of the configuration.
    selected_on : str
        The rows of ``selection`` in words.
    """
    judged = standings(objective, gates, evaluation)
    chosen_on = judged if selection is None else standings(objective, gates, selection)
    original = evaluation.original
    changed = {v.name for v in evaluation.variants if v.kind != "original"}
    required = bool(gates or objective.targets)
    # Where nothing is required, the cheapest of all would be the most broken one.
    apart = _needing(evaluation) if objective.sensitive == "last" else frozenset()
    best = _cheapest(_candidates(gates, evaluation, chosen_on), original.name, apart) if required else None
    qualifies = any(s.verdict == "pass" for s in chosen_on if s.variant in changed)
    nearest = None if qualifies else _nearest([s for s in chosen_on if s.variant in changed])
    recommended = best.variant if best else None
    words = [_choice(best, nearest, chosen_on, original.name, apart) if required else NOTHING_REQUIRED]
    if selection is not None and required and best is None:
        recommended, stays = _fallback(judged, original.name)
        words.append(stays)
    if selection is not None and best is not None:
        certified = next(s for s in judged if s.variant == best.variant)
        words.append(_certificate(certified))
        if certified.verdict != "pass":
            recommended, stays = _fallback(judged, original.name)
            nearest = certified if best.variant in changed else nearest
            words.append(stays)
    competed = required and recommended is not None and len(evaluation.variants) > 1
    return Frontier(
        certified=selection is not None if competed else None,
        performance=performance_metric(objective, evaluation) or "",
        gaps=gap_metrics(objective, gates, evaluation),
        weights=dict(objective.weights),
        targets=dict(objective.targets),
        recommended=recommended,
        nearest=nearest.variant if nearest else None,
        why=told_on(words),
        selected_on=selected_on
        or tell("the {n} evaluation rows, which also judge it", n=f"{evaluation.rows:,}"),
        selection_rows=None if selection is None else selection.rows,
        selection=[] if selection is None else chosen_on,
        variants=judged,
    )


def _candidates(gates: Sequence[Gate], judged: Judged, standings: Sequence[Standing]) -> list[Standing]:
    """The variants that pass; where some gate asks for a repair and one is repaired, the repaired ones.

    A gate on mitigated variants is not judged on the others, which pass without having shown anything of it.
    """
    passing = [s for s in standings if s.verdict == "pass"]
    if not any(gate.on == "mitigated" for gate in gates):
        return passing
    repaired = {v.name for v in judged.variants if v.recipe and "mitigated" in v.recipe.groups}
    return [s for s in passing if s.variant in repaired] or passing


def _fallback(judged: Sequence[Standing], original: str) -> tuple[str | None, str]:
    """The original where it passes on the evaluation rows, else nothing."""
    passes = any(s.variant == original and s.verdict == "pass" for s in judged)
    if passes:
        return original, tell("The original passes on the evaluation rows and stays.")
    return None, tell("So nothing may be released.")


def _needing(judged: Judged) -> frozenset[str]:
    """The variants that need a sensitive feature to decide, which may be unlawful or unknown."""
    return frozenset(v.name for v in judged.variants if v.recipe is not None and v.recipe.needs)


def _cheapest(passing: Sequence[Standing], original: str, last: Collection[str]) -> Standing | None:
    """The cheapest; of equally cheap ones that of the smaller gap, and the original before a copy of it.

    Those that are to come ``last`` are chosen where nothing else passes.
    """

    def order(s: Standing) -> tuple[bool, float, float, bool]:
        gap = np.inf if s.worst_gap is None else s.worst_gap
        return s.variant in last, s.cost, gap, s.variant != original

    return min(passing, key=order, default=None)


def _nearest(missing: Sequence[Standing]) -> Standing | None:
    """The one that misses least: the fewest gates and targets, then the smallest cost."""
    return min(missing, key=lambda s: (len(s.misses), s.cost), default=None)


def _choice(
    best: Standing | None,
    nearest: Standing | None,
    among: Sequence[Standing],
    original: str,
    apart: Collection[str],
) -> str:
    """The choice in words; ``apart`` are those that others go before."""
    least = {"name": nearest.variant, "which": told_list(nearest.misses)} if nearest else None
    if best is None and least is None:
        return tell("None of {n} variants passes every gate and target.", n=len(among))
    if best is None:
        return tell(
            "None of {n} variants passes every gate and target; {name} misses least ({which}).",
            n=len(among),
            **least or {},
        )
    count = sum(s.verdict == "pass" for s in among)
    numbers = {"variant": best.variant, "cost": f"{best.cost:.3g}", "n": count}
    passed_over = any(s.verdict == "pass" and s.cost < best.cost and s.variant in apart for s in among)
    words = [
        tell(
            "{variant} is the cheapest that passes every gate and target and needs no sensitive feature to "
            "decide (cost {cost}; {n} pass).",
            **numbers,
        )
        if passed_over
        else _cheapest_words(best.variant == original, count == 1, numbers)
    ]
    if least:
        words.append(
            tell("No other variant passes every gate and target; {name} misses least ({which}).", **least)
        )
    return told_on(words)


def _cheapest_words(original: bool, alone: bool, numbers: Mapping[str, object]) -> str:
    if original and alone:
        return tell(
            "The original is the only one that passes every gate and target (cost {cost}).", **numbers
        )
    if original:
        return tell(
            "The original is the cheapest of {n} that passes every gate and target (cost {cost}).", **numbers
        )
    if alone:
        return tell("{variant} is the only one that passes every gate and target (cost {cost}).", **numbers)
    return tell(
        "{variant} is the cheapest of {n} that passes every gate and target (cost {cost}).", **numbers
    )


def _certificate(certified: Standing) -> str:
    if certified.verdict == "pass":
        return tell(
            "The evaluation rows certify it: {variant} passes every gate and target there too.",
            variant=certified.variant,
        )
    return tell(
        "The evaluation rows do not certify it: there {variant} misses {which}.",
        variant=certified.variant,
        which=told_list(certified.misses),
    )
