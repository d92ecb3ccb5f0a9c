"""The worst gates, for a format that has no room for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from ...audit.result import Decided, GateResult, Verdict

WORST: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "pass")


def severity(found: Decided) -> tuple[bool, int]:
    """Order gates, or what one found for its slices: those that enter the verdict first, then the worst."""
    binding = found.binding if isinstance(found, GateResult) else True
    return not binding, WORST.index(found.verdict)


def worst(found: Sequence[Decided], most: int) -> list[int]:
    """Return the positions of the ``most`` worst, in the order in which all of them stand."""
    return sorted(sorted(range(len(found)), key=lambda k: severity(found[k]))[:most])
