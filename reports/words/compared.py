"""What of a figure a limit is for."""

from __future__ import annotations

from .language import Sentence, later, say

_COMPARED = {
    "difference": later("absolute difference {limit}"),
    "ratio": later("ratio {limit}"),
    "change": later("change {limit}"),
    "cost": later("cost {limit}"),
}


def limit_compared(compare: str, limit: Sentence) -> Sentence:
    """Write a limit with what it is for: a difference, a ratio, a change; a value needs no word."""
    return say(_COMPARED[compare], limit=limit) if compare in _COMPARED else limit
