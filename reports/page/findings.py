"""Up to three findings, chosen from what the result holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...audit.result import (
    AuditResult,
    Found,
    Variant,
)
from ..tasks import telling
from ..words.limited import figure_told, is_limited
from ..words.lookup import (
    binding_gates,
    told_of,
)
from ..words.proven_gaps import proven_gaps
from ..words.spoken import (
    of_each,
)
from .finding_words import Finding, difference_finding, gap_finding, gate_finding


def findings(result: AuditResult, most: int = 3) -> list[Finding]:
    """Choose the findings: what a gate refused, the largest difference of each feature, then the rest.

    First the gates that made the verdict what it is, in the order of the policy; what one finds for several
    variants is told for the first. Then of each feature the difference in the first key figure that is more
    than chance explains, then gates that cannot be decided, and whatever else stands out.
    """
    chosen: list[Finding] = []
    told: set[tuple[str, str | None, frozenset[str]]] = set()
    asked: set[tuple[object, ...]] = set()

    def gates(*verdicts: str) -> None:
        for verdict in verdicts:
            for gate in binding_gates(result):
                view = None if of_each(gate) else gate.view
                question = (gate.metric, view, gate.compare, gate.limit, *gate.by)
                if gate.verdict == verdict and len(chosen) < most and question not in asked:
                    chosen.append(gate_finding(gate, result))
                    told.add((figure_told(gate.metric, result), gate.view, frozenset(gate.by)))
                    asked.add(question)

    def differences(found: Iterable[Found], variant: Variant, *, again: bool) -> None:
        figures = {figure[:2] for figure in told}
        for one in found:
            figure = figure_told(one.metric, result), one.view, frozenset(one.by)
            # What a gate limits it has judged, and passed.
            known = figure in told or (not again and figure[:2] in figures)
            if len(chosen) < most and not known and not is_limited(one, result):
                figures.add(figure[:2])
                told.add(figure)
                chosen.append(difference_finding(one, variant, result))

    gates("fail", "error")
    if result.verdict == "inconclusive":
        gates("inconclusive")
    variant = told_of(result)
    if variant is not None:
        shown = _stand_out(variant, result)
        refused = {by for _, _, by in told}
        each = [one for one in _of_each_feature(shown, result) if frozenset(one.by) not in refused]
        differences(each, variant, again=True)
        gates("inconclusive")
        differences(shown, variant, again=False)
        gaps = proven_gaps(telling(result).gaps(result), variant, result)
        chosen += [gap_finding(gap, variant, result) for gap in gaps[: max(most - len(chosen), 0)]]
    return chosen


def _of_each_feature(shown: Sequence[Found], result: AuditResult) -> list[Found]:
    """The largest difference of each single feature in the first key figure that stands out."""
    chosen = []
    for feature in result.data.sensitive:
        mine = [
            one for one in shown if one.by == [feature] and one.view is None and not is_limited(one, result)
        ]
        for metric in result.priorities.key:
            of_metric = [one for one in mine if one.metric == metric]
            if of_metric:
                chosen.append(max(of_metric, key=lambda one: abs(one.value)))
                break
    return sorted(chosen, key=lambda one: (result.priorities.key.index(one.metric), -abs(one.value)))


def _stand_out(variant: Variant, result: AuditResult) -> list[Found]:
    """What stands out in a variant; what is of the labels alone says nothing of it, and is left out."""
    found = variant.findings.found if variant.findings is not None else []
    known = result.definitions
    return [one for one in found if one.metric not in known or not known[one.metric].of_labels]
