"""A rate in plain words: of 100 such rows, so many. Two of them stand side by side in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...audit.result import AuditResult, Definition, Slice
from .formats import count
from .language import Sentence, called, later, listed, say, tr
from .spoken import Given, slice_name


@dataclass(frozen=True)
class Said:
    """What happens to so many of 100 rows: the sentence for one slice, and for two."""

    one: str
    two: str


@dataclass(frozen=True)
class Rate:
    """A rate of a slice; ``n``: the rows that it is taken over, 0 where they are no plain count."""

    slice: Slice
    value: float
    n: int = 0


@dataclass(frozen=True)
class Hundred:
    """How rates are told: the rows by a definition's ``among``, what happens to them by its ``says``."""

    among: Mapping[str, str]
    says: Mapping[str, Said]


_SELECTED = Said(
    later("Of {n} {rows} {model} selects {here}."),
    later("Of {n} {rows} {model} selects {here}; of {m} {others}, {there}."),
)
_PASSED_OVER = Said(
    later("Of {n} {rows} {model} does not select {here}."),
    later("Of {n} {rows} {model} does not select {here}; of {m} {others}, {there}."),
)
_RIGHT = Said(
    later("Of {n} {rows} {model} decides {here} rightly."),
    later("Of {n} {rows} {model} decides {here} rightly; of {m} {others}, {there}."),
)
_WRONG = Said(
    later("Of {n} {rows} {model} decides {here} wrongly."),
    later("Of {n} {rows} {model} decides {here} wrongly; of {m} {others}, {there}."),
)
_POSITIVE = Said(
    later("Of {n} {rows}, {here} carry the positive label."),
    later("Of {n} {rows}, {here} carry the positive label; of {m} {others}, {there}."),
)
_NEGATIVE = Said(
    later("Of {n} {rows}, {here} carry the negative label."),
    later("Of {n} {rows}, {here} carry the negative label; of {m} {others}, {there}."),
)

_AMONG = {
    "rows": later("{people}"),
    "positives": later("{people} with the positive label"),
    "negatives": later("{people} with the negative label"),
    "selected": later("{people} that {model} selects"),
    "not selected": later("{people} that {model} does not select"),
}
_SAYS = {
    "selected": _SELECTED,
    "not selected": _PASSED_OVER,
    "right": _RIGHT,
    "wrong": _WRONG,
    "positive": _POSITIVE,
    "negative": _NEGATIVE,
}
OF_DECISIONS = Hundred(_AMONG, _SAYS)
"""How a definition's ``among`` and ``says`` are told of decisions for or against."""


def is_rate(metric: str, result: AuditResult) -> bool:
    """Whether a metric is told per hundred rows."""
    definition = result.definitions.get(metric)
    return definition is not None and definition.among in _AMONG and definition.says in _SAYS


def selects_more(metric: str, result: AuditResult) -> bool | None:
    """Whether a higher rate means more selections (true) or fewer; None where it says neither."""
    definition = result.definitions.get(metric)
    said = None if definition is None or definition.of_class else definition.says
    return {"selected": True, "not selected": False}.get(said) if said is not None else None


FEW = 100
"""Rows below which a rate is told as a count of them."""


def rates_of(
    rate: Definition, model: str, part: Rate, reference: Rate | None, told: Hundred = OF_DECISIONS,
    view: str | None = None,
) -> Sentence:  # fmt: skip
    """Write a rate of a slice, or two side by side: of 100 rows each, or of all there are where they are few.

    Parameters
    ----------
    rate
        One that is told so (`is_rate`).
    model
        What the model is called in the sentence.
    part, reference
        The rates; no reference for one rate alone.
    told, view
        How, and of which class.
    """
    among, said = told.among[str(rate.among)], told.says[str(rate.says)]
    of: dict[str, str] = {} if view is None else {"view": Given(view)}
    rows = say(among, people=people(part.slice), model=model, **of)
    shares = hundredths([part.value] if reference is None else [part.value, reference.value])
    here = _few(part) or (tr("100"), shares[0])
    if reference is None:
        return say(said.one, n=here[0], rows=rows, model=model, here=here[1], **of)
    there = _few(reference) or (tr("100"), shares[1])
    return say(
        said.two, n=here[0], rows=rows, model=model, here=here[1], m=there[0], others=people(reference.slice),
        there=there[1], **of,
    )  # fmt: skip


def _few(rate: Rate) -> tuple[str, str] | None:
    """The rows and how many of them, where they are few: 4 of 4 is no 100 of 100."""
    if not 0 < rate.n < FEW:
        return None
    return count(rate.n), count(round(rate.value * rate.n))


def people(part: Slice) -> Sentence:
    """Name the rows of a slice: ``women``, ``women of race=B`` where called so, else ``rows of sex=F``."""
    own = called()
    unit: str = Given(own.unit) if own.unit else tr("rows")
    if not part:
        return (unit,)
    named = {name: value for name, value in part.items() if f"{name}={value}" in own.slices}
    rest = {name: value for name, value in part.items() if name not in named}
    who: Sentence = (unit,)
    if named:
        one, *others = (Given(own.slices[f"{name}={value}"]) for name, value in named.items())
        who = (one,)
        if others:
            who = say("{people} who are {one} and {others}", people=unit, one=one, others=listed(others))
    return say("{people} of {slice}", people=who, slice=slice_name(rest)) if rest else who


def shown_whole(rates: list[float]) -> bool:
    """Whether rates are written in whole rows of 100, and their difference agrees with what is written.

    80.4 and 90.6 are written 80 and 91, and differ by 10.2: the difference then shows its decimal.
    """
    texts = hundredths(rates)
    if any("." in text for text in texts):
        return False
    if len(rates) < 2:
        return True
    return abs(int(texts[0]) - int(texts[1])) == round(abs(rates[0] - rates[1]) * 100)


def hundredths(rates: list[float]) -> list[str]:
    """Round to whole rows of 100, unless that hides the difference or makes all or none out of some."""
    whole = [f"{rate * 100:.0f}" for rate in rates]
    hides = len(set(whole)) < len(set(rates))
    false_extreme = any(
        text in ("0", "100") and rate not in (0, 1) for text, rate in zip(whole, rates, strict=True)
    )
    return [f"{rate * 100:.1f}" for rate in rates] if hides or false_extreme else whole


def in_sentence(title: str) -> str:
    """Write a title inside a sentence: without its capital, unless it is an abbreviation or a name's."""
    lower = title[:1].lower() + title[1:] if title[1:2].islower() else title
    return Given(lower) if isinstance(title, Given) else lower
