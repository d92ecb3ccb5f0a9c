"""How the terminal and a comment begin: with the sentence of the front page, then what the whole run adds."""

from __future__ import annotations

from ...audit.result import AuditResult
from ..front.looked_up import Told
from ..front.named_verdict import named_verdict
from ..words.language import Sentence, say, sentences
from ..words.lookup import binding_gates
from ..words.spoken import beside_the_tally, verdict_reason


def opening(result: AuditResult) -> list[Sentence]:
    """Say of which variant the verdict speaks and how its gates stand, then how those of the run do.

    The second is left out where the run has no other gates.
    """
    told = Told.of(result)
    if told is None:
        return [(verdict_reason(result),)]
    verdict = named_verdict(told)
    lines = [sentences([say("{verdict}.", verdict=verdict.says), verdict.lines[0]])]
    if {gate.variant for gate in binding_gates(result)} - {told.variant.name}:
        lines.append(say("Gates of all variants: {reason}", reason=verdict_reason(result)))
    elif rest := beside_the_tally(result):
        lines.append(sentences(rest))
    return lines
