"""The words that all renderers share: verdicts, slice names, metric titles, gate titles.

Text is built as a ``Sentence``: plain strings of ours and ``Given`` strings that come from the data
or the configuration. Each renderer decides how the given ones are made safe and set apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ...audit.result import (
    CERTIFIED,
    RELEASE,
    TARGET,
    AuditResult,
    Definition,
    GateResult,
    RunVerdict,
    Slice,
    Verdict,
)
from ...bands import UNKNOWN
from .compared import limit_compared
from .formats import NBSP, Kind, Limit, count, read_limit
from .language import Given as Given
from .language import Sentence as Sentence
from .language import called, clauses, later, later_n, say, sentences, tr, tr_n
from .lookup import has_labels_alone
from .translated import titled, translated

COSTS = {
    "storage": later("Storage"),
    "compute": later("Compute time"),
    "memory": later("Memory"),
    "latency": later("Latency of one row"),
    "flops": later("FLOPs"),
}
"""Titles of what a cost gate speaks of."""

OF_THE_CHOICE = {RELEASE: later("Release"), CERTIFIED: later("Choice of the variant")}
"""Titles of what stands among the gates and is about the choice of a variant itself."""

EACH = "each"
"""What a gate on all classes calls them where none of them decides, as it could not be evaluated."""

AGREEMENT = "agreement"
"""The share of decisions that agree with the original's: a target that is no metric."""

_COST_ASKED = {
    "≤": later("at most {limit} of the original’s"),
    "<": later("less than {limit} of the original’s"),
    "≥": later("at least {limit} of the original’s"),
    ">": later("more than {limit} of the original’s"),
}
_CHANGE_ASKED = {
    ("gap", True): later("the gap grows by at most {size}"),
    ("gap", False): later("the gap grows by less than {size}"),
    ("up", True): later("rises by at most {size}"),
    ("up", False): later("rises by less than {size}"),
    ("down", True): later("falls by at most {size}"),
    ("down", False): later("falls by less than {size}"),
}
"""What moves, and whether the limit itself is allowed."""

SIGNS: dict[RunVerdict, str] = {
    "pass": "✓", "fail": "✕", "inconclusive": "?", "error": "!", "no verdict": "–",
}  # fmt: skip


def verdict_words(verdict: RunVerdict) -> str:
    """Write a verdict as its sign and its word, such as ``✕ fail``."""
    return f"{SIGNS[verdict]} {verdict_word(verdict)}"


_VERDICTS: dict[RunVerdict, str] = {
    "pass": later("pass"),
    "fail": later("fail"),
    "inconclusive": later("inconclusive"),
    "error": later("error"),
    "no verdict": later("no verdict"),
}


def verdict_word(verdict: RunVerdict) -> str:
    """Write a verdict's word alone."""
    return tr(_VERDICTS[verdict])


# Besides control characters: what reorders or hides text around it (bidirectional overrides,
# zero-width space, byte order mark). Joiners stay, since scripts and emoji need them.
_REORDERING = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


def visible(text: str) -> str:
    """Replace characters that hide, reorder or break text by signs that can be seen.

    Newline becomes ``␊``, other control characters their control picture, bidirectional overrides,
    lone surrogates and non-characters their code such as ``⟨U+202E⟩``.
    """
    # What is replaced is never printable; a no-break space is neither.
    return text if text.isprintable() else "".join(map(_visible_character, text))


@lru_cache(maxsize=1_000)
def _visible_character(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    hidden = character in _REORDERING or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    if hidden or code & 0xFFFE == 0xFFFE:
        return f"⟨U+{code:04X}⟩"
    return character


def plain(sentence: Iterable[str]) -> str:
    """Join a sentence into text without markup, with everything in it visible."""
    return "".join(visible(piece) for piece in sentence)


def value_name(value: str) -> Given:
    """Name a slice's value; one that is missing, or shows as nothing, gets a name."""
    if value == UNKNOWN:
        return Given(tr("(unknown)"))
    if value.strip():
        return Given(_band_name(value) or value)
    blank = tr_n("(blank: {n} spaces)", "(blank: {n} spaces)", len(value), n=str(len(value)))
    return Given(blank if value else tr("(empty)"))


_EDGE = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_BANDS = (
    (re.compile(f"under {_EDGE}"), later("under {edge}")),
    (re.compile(f"{_EDGE} to under {_EDGE}"), later("{edge} to under {end}")),
    (re.compile(f"{_EDGE} and over"), later("{edge} and over")),
)
"""The names that an audit gives to the bands of a number."""


def _band_name(value: str) -> str | None:
    """Name a band that an audit cut in this language; None for any other value."""
    for pattern, message in _BANDS:
        if found := pattern.fullmatch(value):
            return tr(message, **dict(zip(("edge", "end"), found.groups(), strict=False)))
    return None


def slice_name(part: Mapping[str, str], *, short: bool = False) -> Sentence:
    """Name a slice, such as ``sex=Female & race=Black``; short: the values alone, ``Female, Black``."""
    if not part:
        return say("all rows")
    own = called().slices
    pieces: list[str] = []
    for column, value in part.items():
        if pieces:
            pieces.append(tr("{one}, {other}", one="", other="") if short else " & ")
        name = own.get(f"{column}={value}")
        if name is not None:
            pieces.append(Given(name))
        else:
            pieces += [value_name(value)] if short else [Given(column), "=", value_name(value)]
    return tuple(pieces)


def features_name(by: Iterable[str]) -> Sentence:
    """Name one or more sensitive features, such as ``race × sex``."""
    pieces: list[str] = []
    for column in by:
        if pieces:
            pieces.append(" × ")
        pieces.append(Given(column))
    return tuple(pieces)


INDICES = {
    "impact_ratio": later("Impact ratio"),
    "differential_fairness": later("Differential fairness"),
    "theil_index": later("Theil index"),
    "theil_index_between_slices": later("Theil index between slices"),
    "generalized_entropy_index": later("Generalized entropy index"),
    "generalized_entropy_index_between_slices": later("Generalized entropy index between slices"),
}
COMPARED = {
    "_difference": later("{what} difference"),
    "_ratio": later("{what} ratio"),
    "_variance_between_slices": later("{what} variance between slices"),
}
"""What a disparity of a metric is called, by the ending of its name."""


def title_of(name: str, definitions: Mapping[str, Definition]) -> str:
    """Name a metric or disparity by its definition's title, else by its metric's; else by its own name."""
    if name in definitions:
        return titled(definitions[name].title)
    if name in INDICES:
        return tr(INDICES[name])
    for ending, message in COMPARED.items():
        metric = name.removesuffix(ending)
        if metric != name and metric in definitions:
            return tr(message, what=titled(definitions[metric].title))
    words = re.sub(r"_+", " ", name).strip()
    return Given(words[:1].upper() + words[1:])


FAVOURABLE = "favourable"
"""What a result calls the classes that are an advantage to the person, seen as one."""


def view_name(view: str) -> str:
    """Name a class or label, or the favourable classes together."""
    return tr("the favourable classes") if view == FAVOURABLE else Given(view)


def of_class(title: str | Sentence, view: str | None) -> Sentence:
    """Name a figure by the class or label that it is about, such as ``Selection rate of good``."""
    if view is None:
        return (title,) if isinstance(title, str) else title
    return say("{metric} of {view}", metric=title, view=view_name(view))


def of_view(part: Sentence, view: str | None) -> Sentence:
    """Name slices by the class that is spoken of, such as ``good: g=c against g=a``."""
    return part if view is None else say("{view}: {slices}", view=view_name(view), slices=part)


def metric_kind(metric: str, definitions: Mapping[str, Definition]) -> Kind:
    """Say whether a metric is shown as a percentage; one without a definition is a plain number."""
    definition = definitions.get(metric)
    percent = definition.percent if definition is not None else metric == AGREEMENT
    if definition is not None and definition.amount:
        return "amount"
    return "percent" if percent else "number"


def compared_kind(compare: str, metric: str, definitions: Mapping[str, Definition], name: str = "") -> Kind:
    """Say how the comparison of a metric is shown: value, points, ratio or plain number."""
    kind = metric_kind(name if name in definitions else metric, definitions)
    # A gate on a named disparity has its form in its name: demographic_parity_ratio.
    form = metric.rpartition("_")[2]
    if compare == "value" and form in ("difference", "ratio"):
        compare = form
    if compare == "ratio":
        return "ratio"
    if compare == "index":
        return "index"
    if compare == "cost":
        return "percent"
    if compare in ("difference", "change"):
        differences: dict[Kind, Kind] = {"percent": "points", "amount": "moved"}
        return differences.get(kind, "signed")
    return kind


def gate_kind(gate: GateResult, definitions: Mapping[str, Definition]) -> Kind:
    """Say how a gate's figures are shown."""
    return compared_kind(gate.compare, gate.metric, definitions)


def gate_limit(gate: GateResult) -> Limit | None:
    """Read a gate's limit; None when it cannot be read as a comparison with a number."""
    return read_limit(gate.limit)


def fails_by_inverse(gate: GateResult) -> bool:
    """Whether a ratio above its lower limit fails since its inverse, not the ratio, is below it.

    Where no slice is favoured by definition, the gate judges the smaller of a ratio and its inverse.
    """
    return gate.verdict == "fail" and gate.inverse


def of_each(gate: GateResult) -> bool:
    """Whether a gate speaks of several classes together; ``view`` is then the one that decides."""
    return gate.view == EACH or len({part.view for part in gate.slices}) > 1


def gate_title(gate: GateResult, definitions: Mapping[str, Definition]) -> Sentence:
    """Name a gate by its metric and features, such as ``True positive rate by sex``."""
    title = of_class(title_of(gate.metric, definitions), None if of_each(gate) else gate.view)
    if of_each(gate):
        title = say("{metric} of each class", metric=title)
    if gate.compare == "cost" and gate.metric in COSTS:
        title = (tr(COSTS[gate.metric]),)
    if gate.id == gate.metric and gate.id in OF_THE_CHOICE:
        title = (tr(OF_THE_CHOICE[gate.id]),)
    if gate.id.startswith(TARGET):
        title = say("{title} (target)", title=title)
    if gate.against == "baseline" and gate.common_rows is not None:
        rows = count(gate.common_rows)
        title = say("{title} since the baseline, on the {n} rows of both", title=title, n=rows)
    elif gate.against == "baseline":
        title = say("{title} since the baseline", title=title)
    return say("{title} by {features}", title=title, features=features_name(gate.by)) if gate.by else title


def gate_limit_words(gate: GateResult, definitions: Mapping[str, Definition]) -> Sentence:
    """Write what a gate asks for: ``absolute difference ≤ 10 points``, ``rises by at most 2 points``."""
    limit = gate_limit(gate)
    if limit is not None and gate.compare == "cost":
        return say(_COST_ASKED[limit.operator], limit=limit.words("percent"))
    if limit is not None and gate.compare == "change" and limit.upper == (limit.value >= 0):
        moves = "gap" if gate.by else "up" if limit.upper else "down"
        size = Limit(limit.operator, abs(limit.value)).words(gate_kind(gate, definitions))
        return say(_CHANGE_ASKED[moves, limit.operator in "≤≥"], size=size)
    ask: Sentence = (
        (f"{limit.operator}{NBSP}{limit.words(gate_kind(gate, definitions))}",)
        if limit
        else translated(gate.limit)
    )
    if gate.inverse:
        return say("inverse of the ratio {limit}", limit=ask)
    return limit_compared(gate.compare, ask)


def compared_slices(part: Slice, reference: Slice | None) -> Sentence:
    """Name the slices that a figure compares, such as ``sex=Female against sex=Male``."""
    if reference is None:
        return slice_name(part)
    return say("{slice} against {reference}", slice=slice_name(part), reference=slice_name(reference))


def verdict_reason(result: AuditResult) -> str:
    """Say in one sentence or two what the run's verdict rests on: the binding gates."""
    binding = [gate for gate in result.gates if gate.binding]
    unbound = tr("No gate is binding: nothing was required of what is to be released.")
    told = unbound if result.gates and not binding else _tally_words(binding, result)
    return "".join(sentences([told, *beside_the_tally(result)]))


def beside_the_tally(result: AuditResult) -> list[str]:
    """Say what the count of binding gates leaves out: that none qualifies, and gates that do not bind."""
    binding = [gate for gate in result.gates if gate.binding]
    others = len(result.gates) - len(binding)
    reason = []
    if binding and result.frontier is not None and result.frontier.recommended is None:
        reason.append(tr("No variant qualifies for release."))
    if others:
        reason.append(
            tr_n(
                "{n} more gate of a variant that is not to be released: shown for information.",
                "{n} more gates of variants that are not to be released: shown for information.",
                others, n=str(others),
            )
        )  # fmt: skip
    return reason


_ALONE: dict[Verdict, str] = {
    "pass": later("The only gate passes."),
    "fail": later("The only gate fails."),
    "error": later("The only gate could not be evaluated."),
    "inconclusive": later("The only gate cannot be decided with these data."),
}
_FIRST: dict[Verdict, tuple[str, str]] = {
    "fail": later_n("{n} of {total} gates fails", "{n} of {total} gates fail"),
    "error": later_n(
        "{n} of {total} gates could not be evaluated", "{n} of {total} gates could not be evaluated"
    ),
    "inconclusive": later_n(
        "{n} of {total} gates cannot be decided with these data",
        "{n} of {total} gates cannot be decided with these data",
    ),
    "pass": later_n("{n} of {total} gates passes", "{n} of {total} gates pass"),
}
_OTHERS: dict[Verdict, tuple[str, str]] = {
    "fail": later_n("{n} fails", "{n} fail"),
    "error": later_n("{n} could not be evaluated", "{n} could not be evaluated"),
    "inconclusive": later_n("{n} cannot be decided with these data", "{n} cannot be decided with these data"),
    "pass": later_n("{n} passes", "{n} pass"),
}


def _tally_words(gates: list[GateResult], result: AuditResult) -> str:
    total = len(gates)
    if total == 0 and has_labels_alone(result):
        return tr("No gate was set: nothing was required of these labels, so nothing is proven about them.")
    if total == 0:
        return tr("No gate was set: nothing was required of this model, so nothing is proven about it.")
    if total == 1:
        return tr(_ALONE[gates[0].verdict])
    tally = {verdict: sum(gate.verdict == verdict for gate in gates) for verdict in _FIRST}
    if tally["pass"] == total:
        return tr("All {total} gates pass.", total=str(total))
    told: list[str] = []
    # The run's verdict is explained first; the sort keeps the order of the others.
    for verdict in sorted(_FIRST, key=lambda verdict: verdict != result.verdict):
        n = tally[verdict]
        if n:
            forms = _OTHERS[verdict] if told else _FIRST[verdict]
            told.append(tr_n(*forms, n, n=str(n), total=str(total)))
    return tr("{clauses}.", clauses="".join(clauses(told)))
