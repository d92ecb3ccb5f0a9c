"""Which column is the decision, which the true outcome, which the score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from . import names
from .column import Look
from .found import MOST_CLASSES, NOT_USED, Roles, free, shown_values

PAST = re.compile(r"prev\w*|prior|previous|past|history|last|old|poutcome|annotat\w*|maj|first|second")
OF_PEOPLE = re.compile(
    r"test|exam|math|reading|writing|interview|credit|fico|quiz|apgar|performance|satisfaction|engagement|skills?|"
    r"aptitude|gpa|z|raw|education|social|screening"
)
"""Words of a score that a person has, rather than one that a model gives."""
LAST = 25
"""What standing last adds to a word of an outcome."""


def find_outcomes(looks: Mapping[str, Look], found: Roles, kinds: Mapping[str, str]) -> None:
    """Take decision, score and label; say which other columns are like them by name.

    Parameters
    ----------
    kinds : mapping of str to str
        Columns that may be sensitive features, which none of these is.
    """
    columns = {n: look for n, look in free(looks, found).items() if n not in kinds}
    decisions = _best({n: _as_decision(look) for n, look in columns.items()})
    found.decision = next(iter(decisions), None)
    scores = _best({n: _as_score(look) for n, look in columns.items() if n != found.decision})
    if not found.count:
        found.score = next(iter(scores), None)
    predicted = [c for c in (found.decision, found.score) if c]
    rest = {n: look for n, look in columns.items() if n not in predicted}
    labels = _best({n: _as_label(look, predicted) for n, look in rest.items() if n not in decisions}, looks)
    found.label = next(iter(labels), None)
    if not labels and not predicted:
        found.label = _last_of_two(rest)
        found.guessed |= {found.label} if found.label else set()
    for role, name in (("decision", found.decision), ("score", found.score), ("label", found.label)):
        if name:
            look = looks[name]
            score = f"numbers from {look.low:g} to {look.high:g}"
            found.give(name, role, score if role == "score" else shown_values(look))
    for what, others in (("decision", decisions), ("outcome", labels), ("score", scores)):
        for name in others[1:]:
            if name not in found.told:
                values = "" if what == "score" else f"; {shown_values(looks[name])}"
                found.give(name, NOT_USED, f"CHECK: another {what}, by its name{values}")


def _best(points: Mapping[str, int], looks: Iterable[str] = ()) -> list[str]:
    """Names with points, the most first; of equal ones the first in the table.

    The last column of ``looks``, where one is given, counts for more: outcomes are written there, and
    inputs of the same names are not (``default`` of the bank that sells deposits).
    """
    last = next(reversed(list(looks)), None)
    return sorted((n for n, p in points.items() if p > 0), key=lambda n: -points[n] - LAST * (n == last))


def _two_classes(look: Look) -> bool:
    if len(look.known) == 1:
        return look.known[0].lower() in ("0", "1", "true", "false")
    return look.two


def _as_decision(look: Look) -> int:
    """How much a column looks like a decision; 0 where it cannot be one."""
    if look.prose or names.has(names.MEASURE, look.name) or names.has(PAST, look.name):
        return 0
    kind = names.good_or_bad(names.DECISION, look.name)
    named = kind is not None or (len(look.known) > 1 and _speaks(names.DECISION, look))
    coded = look.kind == "text" or (look.whole and kind == "open" and not names.has(names.SCORE, look.name))
    several = 2 < len(look.known) <= MOST_CLASSES and coded
    if not named or not (_two_classes(look) or several):
        return 0
    points = {"open": 90, "good": 80, "bad": 78, None: 60}[kind]
    return points - 30 * several - 40 * names.has(names.SCORE, look.name)


def _speaks(pattern: re.Pattern[str], look: Look) -> bool:
    """Whether some value is a word of this kind, such as 'denied'."""
    few = look.known if len(look.known) <= MOST_CLASSES else []
    return any(names.good_or_bad(pattern, value) in ("good", "bad") for value in few)


def _as_score(look: Look) -> int:
    """How much a column looks like a model's score; 0 where it cannot be one."""
    if look.kind != "number" or look.distinct < 3 or look.nulls:
        return 0
    whole, inside = names.joined(look.name), look.low >= 0 and look.high <= 1
    predicted = names.good_or_bad(names.DECISION, look.name) is not None
    named = names.has(names.SCORE, look.name) or whole in ("p", "y hat", "yhat")
    named = named or (inside and whole.startswith("p ") and names.score_meaning(look.name) is not None)
    if not named and (not predicted or look.whole):
        return 0
    if names.has(OF_PEOPLE, look.name) and not inside and not predicted:
        return 0
    exact = whole in ("score", "y score", "p", "probability", "y prob")
    # Of two scores that are one turned round, the one of the class that is asked for.
    other = names.other_class(look.name)
    bad = names.score_meaning(look.name) == "bad"
    return 50 + 30 * inside + 10 * predicted + 10 * exact - 25 * other - bad


def _as_label(look: Look, predicted: Iterable[str]) -> int:
    """How much a column looks like the true outcome; 0 where it cannot be."""
    if look.kind not in ("number", "text", "flag") or look.prose or names.has(names.MEASURE, look.name):
        return 0
    whole, words, few = names.joined(look.name), names.split_name(look.name), _two_classes(look)
    several = look.kind == "text" and 2 < len(look.known) <= MOST_CLASSES
    past = names.has(PAST, look.name)
    strong = sum(bool(names.LABEL.fullmatch(w)) for w in words) or int(names.has(names.LABEL, look.name))
    if strong and several:
        return 50 + 5 * strong - 40 * past
    if not few:
        return 0
    if look.name.strip().casefold() in names.LABEL_EXACT:
        return 110
    if whole in names.LABEL_WHOLE:
        return 100
    if words and words in [_without_predicted(name) for name in predicted]:
        return 95
    if strong:
        return 70 + 5 * strong - 40 * past
    kind = names.good_or_bad(names.OUTCOME, look.name)
    if kind is None:
        return 20 - 15 * past if look.two and _speaks(names.OUTCOME, look) else 0
    return (30 if kind == "open" else 50) - 25 * past


def _without_predicted(name: str) -> tuple[str, ...]:
    """The words of what is predicted: income, of predicted_income."""
    return tuple(w for w in names.split_name(name) if not names.PREDICTED.fullmatch(w))


def _last_of_two(rest: Mapping[str, Look]) -> str | None:
    """Where no name tells: the last column, if it has two values; else the only one with two."""
    two = [n for n, look in rest.items() if look.two and not look.nulls]
    last = next(reversed(list(rest)), None)
    if last in two:
        return last
    return two[0] if len(two) == 1 else None
