"""Up to three findings, chosen from what the result holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...audit.result import USABLE, AuditResult, Found, GateResult, Variant
from ..tasks import telling
from ..words.limited import figure_told, is_limited, judged_figure
from ..words.lookup import binding_gates, told_of, variant_named
from ..words.proven_gaps import proven_gaps
from ..words.spoken import of_each
from .finding_words import Finding, difference_finding, gap_finding, gate_finding

FURTHER = 1.1
"""How many times as far as its single features a crossing lies apart that is told beside them."""


def findings(result: AuditResult, most: int = 3) -> list[Finding]:
    """Choose the findings: what a gate refused, the largest difference of each feature, then the rest.

    All are of the variant that the verdict speaks of; of another one, only gates that bind and fail. First
    come the gates that made the verdict what it is, in the order of the policy; what one finds for several
    variants is told for the first of them. Then for each feature, and then for each crossing, the largest
    difference in the first key figure that is more than chance explains, then gates that cannot be decided,
    and whatever else stands out.
    """
    variant = told_of(result)
    chosen = _Chosen(result, variant, most)
    binding = binding_gates(result)
    mine = [gate for gate in binding if variant is None or gate.variant == variant.name]
    chosen.gates(mine, "fail", "error")
    chosen.gates([gate for gate in binding if gate not in mine], "fail", "error")
    if result.verdict == "inconclusive":
        chosen.gates(mine, "inconclusive")
        chosen.gates([gate for gate in binding if gate not in mine], "inconclusive")
    if variant is not None:
        shown = _stand_out(variant, result)
        refused = {by for _, _, by in chosen.told}
        each = _of_each_set(shown, result, variant)
        chosen.differences(one for one in each if frozenset(one.by) not in refused)
        chosen.gates(mine, "inconclusive")
        chosen.differences(shown, again=False)
        gaps = proven_gaps(telling(result).gaps(result), variant, result)
        chosen.findings += [gap_finding(gap, variant, result) for gap in gaps[: max(chosen.room, 0)]]
    return chosen.findings


@dataclass
class _Chosen:
    """The findings so far, of ``most``, and what they have told already."""

    result: AuditResult
    variant: Variant | None
    most: int
    findings: list[Finding] = field(default_factory=list)
    told: set[tuple[str, str | None, frozenset[str]]] = field(default_factory=set)
    asked: set[tuple[object, ...]] = field(default_factory=set)
    judged: dict[tuple[object, ...], bool] = field(default_factory=dict)

    @property
    def room(self) -> int:
        """How many more there may be."""
        return self.most - len(self.findings)

    def gates(self, of: Sequence[GateResult], *verdicts: str) -> None:
        """Take the gates with one of the verdicts, in their order."""
        for verdict in verdicts:
            for gate in of:
                if gate.verdict == verdict and self.room > 0 and not self._known(gate):
                    self.findings.append(gate_finding(gate, self.result))

    def _known(self, gate: GateResult) -> bool:
        """Whether a gate asks what one did before, or repeats its figure under a name of several figures."""
        question = (gate.metric, None if of_each(gate) else gate.view, gate.compare, gate.limit, *gate.by)
        figure = judged_figure(gate, variant_named(self.result, gate.variant), self.result)
        named = figure != gate.metric
        ends = frozenset(tuple(part.items()) for part in (gate.slice, gate.reference or {}))
        same = (figure, gate.view, gate.variant, ends)
        if question in self.asked or (
            gate.reference and same in self.judged and (named or self.judged[same])
        ):
            return True
        self.asked.add(question)
        self.judged[same] = named
        self.told.add((figure_told(figure, self.result), gate.view, frozenset(gate.by)))
        return False

    def differences(self, found: Iterable[Found], *, again: bool = True) -> None:
        """Take differences that no gate limits; ``again``: of a figure that was told by other slices too."""
        assert self.variant is not None
        figures = {figure[:2] for figure in self.told}
        for one in found:
            figure = figure_told(one.metric, self.result), one.view, frozenset(one.by)
            # What a gate limits it has judged, and passed.
            known = figure in self.told or (not again and figure[:2] in figures)
            if self.room > 0 and not known and not is_limited(one, self.result, self.variant.name):
                figures.add(figure[:2])
                self.told.add(figure)
                self.findings.append(difference_finding(one, self.variant, self.result))


def _of_each_set(shown: Sequence[Found], result: AuditResult, variant: Variant) -> list[Found]:
    """The largest difference by each set of features in the first key figure that stands out.

    Single features come first, then those of their crossings that lie further apart than they do.
    """
    key, chosen = result.priorities.key, []
    free = [one for one in shown if one.view is None and not is_limited(one, result, variant.name)]
    for by in dict.fromkeys(tuple(one.by) for one in free):
        if _adds_nothing(by, result):
            continue
        of_set = [one for one in free if tuple(one.by) == by]
        for metric in key:
            of_metric = [one for one in of_set if one.metric == metric]
            if of_metric:
                largest = max(of_metric, key=lambda one: abs(one.value))
                if len(by) == 1 or abs(largest.value) > FURTHER * _alone(largest, variant):
                    chosen.append(largest)
                break
    return sorted(chosen, key=lambda one: (len(one.by) > 1, key.index(one.metric), -abs(one.value)))


def _alone(found: Found, variant: Variant) -> float:
    """How far the slices of the single features of a crossing lie apart in its figure."""
    sizes = [
        abs(d.value)
        for d in variant.disparities
        if d.scope == "reference" and d.compare == "difference" and d.status in USABLE
        and (d.metric, d.view) == (found.metric, found.view) and len(d.by) == 1 and d.by[0] in found.by
        and d.value is not None
    ]  # fmt: skip
    return max(sizes, default=0.0)


def _adds_nothing(by: Sequence[str], result: AuditResult) -> bool:
    """Whether a crossing has the slices of one of its features: the others have one value."""
    slices = {frozenset(one.by): one.slices for one in result.coverage}
    mine = slices.get(frozenset(by))
    return any(smaller < frozenset(by) and n == mine for smaller, n in slices.items())


def _stand_out(variant: Variant, result: AuditResult) -> list[Found]:
    """What stands out in a variant; what is of the labels alone says nothing of it, and is left out."""
    found = variant.findings.found if variant.findings is not None else []
    known = result.definitions
    return [one for one in found if one.metric not in known or not known[one.metric].of_labels]
