"""What the proven gates of a policy risk together, in one line."""

from __future__ import annotations

from ...audit.result import AuditResult, GatesTogether
from .formats import count, figure, near_one
from .language import Sentence, say


def gates_together(result: AuditResult) -> Sentence:
    """Say how many gates would fail by chance, and the confidence for all of them; empty without any."""
    found = result.gates_together
    if found is None or found.proven < 1:
        return ()
    if found.proven == 1:
        return say(
            "1 proven gate. Were the true value exactly on its limit, it would fail by chance in at most "
            "{share} of such runs.",
            share=figure(found.false_fails, "percent", decimals=_decimals(found)),
        )
    return say(
        "{n} proven gates. Were every true value exactly on its limit, up to {fails} of them would fail by "
        "chance; for {share} over the whole policy set confidence {confidence}.",
        n=count(found.proven),
        fails=f"{found.false_fails:.2f}".rstrip("0").rstrip("."),
        share=figure(0.05, "percent", decimals=0),
        confidence=near_one(found.confidence_for_all, asked=True),
    )


def _decimals(found: GatesTogether) -> int:
    """None where the percentage is whole, as that of the default confidence is."""
    return 0 if round(found.false_fails * 100, 6).is_integer() else 1
