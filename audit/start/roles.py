"""Which column plays which role, from names and values together; every column is told what became of it."""

from __future__ import annotations

from collections.abc import Mapping

from ...datasets.dialect import NAMELESS
from . import names
from .column import MOST, Look
from .found import FEATURE, MOST_CLASSES, NOT_USED, Roles, free
from .keys import find_keys
from .outcomes import find_outcomes
from .scalars import comment
from .sensitive import find_sensitive, kind_of


def find_roles(looks: Mapping[str, Look]) -> Roles:
    """Give every column a role or say why it has none."""
    found = Roles()
    _unusable(looks, found)
    kinds = {name: kind for name, look in free(looks, found).items() if (kind := kind_of(look))}
    find_keys(looks, found, kinds)
    find_outcomes(looks, found, kinds)
    find_sensitive(looks, found, kinds)
    last = next(reversed(list(looks)), None)
    for name, look in free(looks, found).items():
        found.give(name, NOT_USED, _rest(name, look, found, last))
    # In the order of the table.
    found.told = {name: found.told[name] for name in looks}
    return found


def _unusable(looks: Mapping[str, Look], found: Roles) -> None:
    for name, look in looks.items():
        if look.kind == "blank":
            found.give(name, NOT_USED, "blank in every row")
        elif look.kind in ("nested", "bytes"):
            what = "lists or mappings" if look.kind == "nested" else "bytes"
            found.give(name, NOT_USED, f"holds {what}, not one value per row")
        elif not name.strip() or (name.startswith(NAMELESS) and look.rising):
            found.give(name, NOT_USED, "has no name: the row numbers that pandas writes, it seems")


def _rest(name: str, look: Look, found: Roles, last: str | None) -> str:
    """Why a column has no role."""
    if look.prose:
        found.text = found.text or name
        return "free text"
    if look.kind == "date":
        return "dates"
    if look.kind == "text" and names.has(names.PERSONAL, name) and look.distinct > MOST_CLASSES:
        return "names a person"
    if len(look.values) == 1 and not look.nulls:
        return "one value in every row"
    if look.kind == "text" and look.unique:
        return "text, every row has its own"
    if look.kind == "number" and look.unique and look.rising:
        return "numbers the rows"
    outcome = names.has(names.LABEL, name) or names.joined(name) in ("y", "y true", "pincp")
    if outcome and not look.two:
        return f"CHECK: an outcome, by its name, of {look.distinct:,} values; two classes can be audited"
    return FEATURE + _note(name, look, found, last)


def _note(name: str, look: Look, found: Roles, last: str | None) -> str:
    if names.has(names.SCORE, name):
        return "; CHECK: a score, by its name; if it is what a model gave, set model.score"
    if names.has(names.PROXY, name) and not names.has(names.MEASURE, name):
        found.proxies.add(name)
        return "; CHECK: may stand in for a sensitive feature (a proxy)"
    if look.two and (not found.label or found.label in found.guessed):
        return "; CHECK: two values, a label or a decision?"
    if look.two and name == last and not found.decision:
        taken = comment(repr(found.label), 40)
        return f"; CHECK: two values in the last column, the outcome rather than {taken}?"
    return f"; {look.distinct:,} values" if look.kind == "text" and look.distinct > MOST else ""
