"""Which results enter the run's verdict, and those that keep it from going green."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...told import tell
from ..config import Gate
from ..config.ladder import ORIGINAL
from ..figures.plan import Plan
from ..result import CERTIFIED, RELEASE, Frontier, GateResult
from .gate import gate_id, worst
from .gate_words import GROUPS


def uncertified(found: Frontier, plan: Plan) -> list[GateResult]:
    """Return an error where the choice is to be made on other rows than those that judge it, and was not."""
    if found.certified is not False:
        return []
    why = tell(
        "Of {n} variants {name} was chosen on the rows that judge it, and a choice on other rows is "
        "required; set data.selection.",
        n=len(found.variants),
        name=found.recommended,
    )
    return [
        GateResult(
            id=CERTIFIED, metric=CERTIFIED, compare="value", limit=tell("chosen on other rows"),
            decide="point", variant=found.recommended or ORIGINAL, verdict="error", why=why,
            confidence=plan.confidence,
        )
    ]  # fmt: skip


def withheld(
    gates: Sequence[Gate], results: Sequence[GateResult], found: Frontier, plan: Plan
) -> list[GateResult]:
    """Return an open result where nothing else keeps a run green although nothing asked for may be released.

    That is so where no variant at all qualifies, or where something was asked of changed variants and
    none of them does: on the rows of the choice, say, while all is well on the evaluation rows.
    """
    asked = bool(found.targets) or any(gate.on in GROUPS for gate in gates)
    nothing = found.recommended is None or (asked and found.nearest is not None)
    green = worst([r.verdict for r in results if r.binding]) == "pass"
    if not (nothing and green and (gates or found.targets)):
        return []
    return [
        GateResult(
            id=RELEASE, metric=RELEASE, compare="value", limit=tell("a variant that qualifies"),
            decide="point", variant=found.nearest or found.recommended or ORIGINAL, verdict="inconclusive",
            why=found.why, confidence=plan.confidence,
        )
    ]  # fmt: skip


def binding(
    gates: Sequence[Gate],
    results: Sequence[GateResult],
    groups: Mapping[str, Collection[str]],
    found: Frontier,
) -> list[GateResult]:
    """Say which results enter the run's verdict.

    - those of the gates on the original, and of gates on a variant by name;
    - those of the recommended variant, targets included;
    - where no variant but the original qualifies although something was asked of them (a gate on
      ``compressed`` or ``mitigated``, or a target), those of the nearest one: a merge must not go green then;
    - errors of gates that no variant answers.

    The change from an earlier release is that of the model to be released, where there is one: an original
    that stays behind need not keep up with what was released before.

    Parameters
    ----------
    gates : sequence of Gate
        All gates of the configuration.
    results : sequence of GateResult
    groups : mapping
        What each variant is to gates, by name: nothing for the original.
    """
    on = {gate_id(gate, k): gate.on for k, gate in enumerate(gates)}
    asked = bool(found.targets) or any(name in GROUPS for name in on.values())
    alone = not any(groups.values())

    def binds(result: GateResult) -> bool:
        if result.variant not in groups or on.get(result.id) not in ("original", *GROUPS, None):
            return True
        if result.against == "baseline" and found.recommended is not None:
            return result.variant == found.recommended
        if result.variant == found.recommended or (result.variant == found.nearest and asked):
            return True
        target = result.id not in on
        return not groups[result.variant] and (alone or not target)

    return [r.model_copy(update={"binding": binds(r)}) for r in results]
