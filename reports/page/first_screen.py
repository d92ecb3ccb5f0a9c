"""The first screen, for a person with five minutes: what was audited, the verdict, what matters most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...audit.result import AuditResult, RunVerdict
from ..tasks import telling
from ..words import spoken as words
from ..words.formats import count
from ..words.language import Sentence, say, say_n, sentences, tr, tr_n
from ..words.lookup import binding_gates, has_labels_alone, told_of
from ..words.spoken import Given
from ..words.translated import translated
from .finding_words import Finding, looked_at
from .findings import findings

MOST_FINDINGS = 3


@dataclass(frozen=True)
class FirstScreen:
    """What stands before everything else.

    ``more``: how many findings of gates there are beyond those told; empty when none.
    """

    audited: list[Sentence]
    synthetic: bool
    verdict: RunVerdict
    reason: str
    findings: list[Finding]
    more: Sentence
    nothing: str
    reading: list[Sentence]


def first_screen(result: AuditResult) -> FirstScreen:
    """Gather the first screen from the result."""
    told = findings(result, MOST_FINDINGS)
    return FirstScreen(
        audited=_audited(result),
        synthetic=result.data.synthetic,
        verdict=result.verdict,
        reason=words.verdict_reason(result),
        findings=told,
        more=_more(result, told),
        nothing=_nothing(result),
        reading=telling(result).reading(result),
    )


def _audited(result: AuditResult) -> list[Sentence]:
    data = result.data
    told: list[Sentence] = [(Given(data.title),), say_n("{n} row", "{n} rows", data.rows, n=count(data.rows))]
    if data.split:
        told.append(say("split {split}", split=Given(data.split)))
    models = [v.model.told for v in result.variants if v.kind == "original"]
    if decisions := _of_models(models, "decision"):
        told.append(say("decision {column}", column=decisions))
    if thresholds := _of_models(models, "threshold"):
        told.append(say("threshold {threshold}", threshold=thresholds))
    else:
        told += [translated(rule) for rule in dict.fromkeys(str(m["rule"]) for m in models if "rule" in m)]
    return told


def _of_models(models: list[dict[str, Any]], key: str) -> str:
    """What a model says under a key; of two runs that are compared what both say, where they differ."""
    return Given(" → ".join(dict.fromkeys(str(model[key]) for model in models if key in model)))


def _more(result: AuditResult, told: list[Finding]) -> Sentence:
    """Say how many gates that fail or cannot be evaluated are not among the findings."""
    # What one gate finds for several variants is told once.
    missed = {gate.id for gate in binding_gates(result) if gate.verdict in ("fail", "error")}
    more = len(missed - {finding.gate for finding in told})
    if more <= 0:
        return ()
    return say_n(
        "{n} more gate fails or could not be evaluated: see Gates.",
        "{n} more gates fail or could not be evaluated: see Gates.",
        more, n=count(more),
    )  # fmt: skip


def _nothing(result: AuditResult) -> str:
    """What stands in place of findings."""
    if has_labels_alone(result) and telling(result).plain:
        return tr(
            "The rows have labels, and no decisions or scores: the pages by feature show how many of each "
            "slice carry the positive label. Nothing here speaks of a model."
        )
    n = looked_at(result)
    if not n and telling(result).nothing:
        return tr(telling(result).nothing)
    if not n:
        return tr(
            "No difference in a rate of decisions was looked at: there are no two slices in which one could "
            "be compared."
        )
    variant = told_of(result)
    found = variant.findings if variant is not None else None
    if found is not None and found.found:
        return tr(
            "Of {n} differences looked at, those that are more than chance explains are limited by a gate or "
            "are of the labels alone.",
            n=count(n),
        )
    none = tr_n(
        "The only difference looked at is not more than chance explains.",
        "None of the {n} differences looked at is more than chance explains.",
        n, n=count(n),
    )  # fmt: skip
    return "".join(sentences([none, tr("That is not proof that there is none.")]))
