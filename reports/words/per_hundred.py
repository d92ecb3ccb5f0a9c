"""A rate in plain words: of 100 such rows, so many. Two of them stand side by side in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...audit.result import AuditResult, Definition, Slice
from .language import Sentence, later, say
from .spoken import Given, slice_name


@dataclass(frozen=True)
class Said:
    """What happens to so many of 100 rows: the sentence for one slice, and for two."""

    one: str
    two: str


@dataclass(frozen=True)
class Base:
    """The rows that a rate counts among: all of them, and those of a slice."""

    all: str
    part: str


@dataclass(frozen=True)
class Hundred:
    """How rates are told: the rows by a definition's ``among``, what happens to them by its ``says``."""

    among: Mapping[str, Base]
    says: Mapping[str, Said]


_SELECTED = Said(
    later("Of 100 {rows} {model} selects {here}."),
    later("Of 100 {rows} {model} selects {here}; of 100 of {reference}, {there}."),
)
_PASSED_OVER = Said(
    later("Of 100 {rows} {model} does not select {here}."),
    later("Of 100 {rows} {model} does not select {here}; of 100 of {reference}, {there}."),
)
_RIGHT = Said(
    later("Of 100 {rows} {model} decides {here} rightly."),
    later("Of 100 {rows} {model} decides {here} rightly; of 100 of {reference}, {there}."),
)
_WRONG = Said(
    later("Of 100 {rows} {model} decides {here} wrongly."),
    later("Of 100 {rows} {model} decides {here} wrongly; of 100 of {reference}, {there}."),
)
_POSITIVE = Said(
    later("Of 100 {rows}, {here} carry the positive label."),
    later("Of 100 {rows}, {here} carry the positive label; of 100 of {reference}, {there}."),
)
_NEGATIVE = Said(
    later("Of 100 {rows}, {here} carry the negative label."),
    later("Of 100 {rows}, {here} carry the negative label; of 100 of {reference}, {there}."),
)

_AMONG = {
    "rows": Base(later("rows"), later("rows of {slice}")),
    "positives": Base(
        later("rows with the positive label"), later("rows of {slice} with the positive label")
    ),
    "negatives": Base(
        later("rows with the negative label"), later("rows of {slice} with the negative label")
    ),
    "selected": Base(later("rows that {model} selects"), later("rows of {slice} that {model} selects")),
    "not selected": Base(
        later("rows that {model} does not select"), later("rows of {slice} that {model} does not select")
    ),
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


def rates_of(
    rate: Definition, model: str, part: tuple[Slice, float], reference: tuple[Slice | None, float | None],
    told: Hundred = OF_DECISIONS, view: str | None = None,
) -> Sentence:  # fmt: skip
    """Write a rate of a slice, or two side by side.

    Parameters
    ----------
    rate
        One that is told so (`is_rate`).
    model
        What the model is called in the sentence.
    part, reference
        A slice and its rate in [0, 1]; a reference of (None, None) for one rate alone.
    told, view
        How, and of which class.
    """
    base, said = told.among[str(rate.among)], told.says[str(rate.says)]
    of: dict[str, str] = {} if view is None else {"view": Given(view)}
    where, here = part
    among, there = reference
    name = {"slice": slice_name(where)} if where else {}
    rows = say(base.part if where else base.all, model=model, **name, **of)
    if there is None:
        return say(said.one, rows=rows, model=model, here=hundredths([here])[0], **of)
    one, other = hundredths([here, there])
    return say(
        said.two, rows=rows, model=model, here=one, reference=slice_name(among or {}), there=other, **of
    )


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
