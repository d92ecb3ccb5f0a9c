"""The verdict as a sentence about the variant that it speaks of, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, GateResult, RunVerdict, Tally
from ..variants.cost_tables import readable
from ..words.kinds import is_mitigated
from ..words.language import Sentence, clauses, later, later_n, say, say_n, sentences, tr_n
from ..words.lookup import binding_gates, has_labels_alone, is_comparison, variant_named
from ..words.spoken import Given
from .looked_up import Told

_SAYS: dict[RunVerdict, str] = {
    "pass": later("{variant} passes"),
    "fail": later("{variant} does not pass"),
    "inconclusive": later("{variant} is undecided"),
    "error": later("{variant} could not be judged"),
    "no verdict": later("{variant}: no verdict"),
}
_COUNTED = {
    "failed": later_n("{n} fails", "{n} fail"),
    "error": later_n("{n} could not be evaluated", "{n} could not be evaluated"),
    "open": later_n("{n} is open", "{n} are open"),
}


_SPEAKS = {
    (False, True): later("The verdict speaks of {variant}, the lighter model that would be released."),
    (False, False): later("The verdict speaks of {variant}, the lighter model that misses least."),
    (True, True): later("The verdict speaks of {variant}, the mitigated model that is proposed."),
    (True, False): later("The verdict speaks of {variant}, the mitigated model that misses least."),
}
"""Where it speaks of a changed model: whether that is mitigated, and whether it is the one chosen."""


@dataclass(frozen=True)
class NamedVerdict:
    """The sentence of the verdict, and the lines beside it; ``needs``: sensitive features of the proposal."""

    verdict: RunVerdict
    says: Sentence
    lines: list[Sentence]


def named_verdict(told: Told) -> NamedVerdict:
    """Say what was decided, of which variant."""
    result = told.result
    own = _worst(told.gates)
    verdict = result.verdict if result.verdict != "no verdict" and own == "pass" else own
    return NamedVerdict(verdict, verdict_says(verdict, _called(told)), _lines(told, result))


def verdict_says(verdict: RunVerdict, of: str) -> Sentence:
    """Say what was decided of a variant, or of a run."""
    return say(_SAYS[verdict], variant=of)


def _called(told: Told) -> str:
    """What the variant is called: of one model alone, the model."""
    if len(told.result.variants) == 1:
        what = say("The data") if has_labels_alone(told.result) else say("The model")
        return "".join(what)
    return Given(told.variant.name)


def _worst(gates: list[GateResult]) -> RunVerdict:
    order: list[RunVerdict] = ["error", "fail", "inconclusive", "pass"]
    found = {gate.verdict for gate in gates}
    return next((verdict for verdict in order if verdict in found), "no verdict")


def tally_words(tally: Tally | None) -> Sentence:
    """Count what the gates of a variant found: ``3 of 5 gates pass, 1 fails, 1 is open``."""
    if tally is None:
        return ()
    total = tally.passed + tally.failed + tally.open + tally.error
    if not total:
        return say("no gate was set")
    told: list[Sentence] = [
        say_n(
            "{n} of {total} gate passes",
            "{n} of {total} gates pass",
            total,
            n=str(tally.passed),
            total=str(total),
        )
    ]
    for key, forms in _COUNTED.items():
        n = getattr(tally, key)
        if n:
            told.append((tr_n(*forms, n, n=str(n)),))
    return clauses(told)


def _of(result: AuditResult, name: str) -> Tally | None:
    assert result.front is not None
    return next((one for one in result.front.tallies if one.variant == name), None)


def _binding(told: Told) -> Sentence:
    gates = binding_gates(told.result)
    mine = [gate.verdict for gate in told.gates]
    tally = Tally(
        variant=told.variant.name, passed=mine.count("pass"), failed=mine.count("fail"),
        open=mine.count("inconclusive"), error=mine.count("error"),
    )  # fmt: skip
    if not gates and told.result.gates:
        return say("No gate is binding: nothing was required of what is to be released.")
    if not gates:
        return say("No gate was set: nothing was required, so nothing is proven.")
    if not told.gates:
        return say("No gate was set for it.")
    return say("{tally}.", tally=tally_words(tally))


def _lines(told: Told, result: AuditResult) -> list[Sentence]:
    first = result.variants[0].name
    name, beside = told.variant.name, told.beside
    if beside is None:
        return [_binding(told)]
    if is_comparison(result):
        lead = say("The verdict speaks of {variant}, the later model.", variant=Given(name))
        return [sentences([lead, _binding(told)])]
    if name == first:
        lead = say("The verdict speaks of {variant}, the model as it is.", variant=Given(name))
        return [sentences([lead, _binding(told)]), _proposed(told, beside.name)]
    if result.frontier is None:
        lead = say("The verdict speaks of {variant}, whose gates decide it.", variant=Given(name))
        return [sentences([lead, _binding(told)]), _proposed(told, beside.name)]
    chosen = result.frontier.recommended == name
    lead = say(_SPEAKS[is_mitigated(result, name), chosen], variant=Given(name))
    source = say(
        "{variant}, from which it is made: {tally}.",
        variant=Given(beside.name), tally=tally_words(_of(result, beside.name)),
    )  # fmt: skip
    needs = needed(result, name)
    return [sentences([lead, _binding(told)]), sentences([source, *([needs] if needs else [])])]


def _proposed(told: Told, name: str) -> Sentence:
    """What is proposed instead of the original, what it needs, and what would pass without that."""
    result = told.result
    if result.frontier is None:
        return say(
            "Beside it stands {variant}: {tally}.", variant=Given(name), tally=tally_words(_of(result, name))
        )
    recommended = result.frontier.recommended == name
    proposed = (
        say(
            "{variant} is proposed instead: {tally}.",
            variant=Given(name),
            tally=tally_words(_of(result, name)),
        )
        if recommended
        else say(
            "{variant} misses least: {tally}.", variant=Given(name), tally=tally_words(_of(result, name))
        )
    )
    needs = needed(result, name)
    if not needs:
        return proposed
    other = told.front.without_sensitive
    rest = (
        say("Without it passes {variant}.", variant=Given(other))
        if other is not None and is_mitigated(result, other)
        else say("No variant passes without it.")
    )
    return sentences([proposed, needs, rest])


def needed(result: AuditResult, name: str) -> Sentence:
    """Say which sensitive features a variant needs to decide; nothing where it needs none."""
    variant = variant_named(result, name)
    needs = variant.recipe.needs if variant is not None and variant.recipe is not None else []
    return say("It needs {features} to decide.", features=readable(needs)) if needs else ()
