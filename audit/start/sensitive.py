"""Which columns are sensitive features, and whether they can be sliced by as they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...datasets.columns import MAX_VALUES
from ...datasets.roles import RESERVED
from . import names
from .column import Look
from .found import NOT_USED, Roles, shown_values
from .values import sensitive_values

MOST_SENSITIVE = 8
"""With more sensitive columns than this one of each kind is taken: crossings grow with their square."""
CATEGORIES = 12
"""Numbers of more distinct values than this are cut."""


def kind_of(look: Look) -> str | None:
    """Return the kind of sensitive feature that a column may be ('letters' of a sex, perhaps), or None."""
    by_name, by_value = names.sensitive_kind(look.name), sensitive_values(look)
    if names.has(names.PREDICTED, look.name) or (look.kind == "date" and by_name != "birth"):
        return None
    if by_name == "group" and by_value is None and look.kind != "text":
        return None
    return by_name or by_value


def find_sensitive(looks: Mapping[str, Look], found: Roles, kinds: Mapping[str, str]) -> None:
    """Take what is sensitive and can be sliced by; say of the rest why it cannot.

    Parameters
    ----------
    kinds : mapping of str to str
        What `kind_of` said of each column.
    """
    usable: dict[str, str] = {}
    for name, kind in free_of(kinds, found).items():
        why_not = _unfit(looks[name], kind, [k for n, k in kinds.items() if n != name])
        if why_not:
            found.give(name, NOT_USED, why_not)
        else:
            usable[name] = "sex" if kind == "letters" else kind
    chosen = usable if len(usable) <= MOST_SENSITIVE else _one_of_each(usable)
    for name, kind in usable.items():
        if name in chosen:
            take(looks[name], kind, found)
        else:
            why = (
                f"CHECK: sensitive too ({kind}); left out as there are {len(usable)}: add it where it matters"
            )
            found.give(name, NOT_USED, why)


def free_of(kinds: Mapping[str, str], found: Roles) -> dict[str, str]:
    """Return the kinds of columns that nothing was said of yet."""
    return {name: kind for name, kind in kinds.items() if name not in found.told}


def _one_of_each(usable: Mapping[str, str]) -> set[str]:
    """The column of each kind that speaks most plainly of the row's person."""

    def aside(name: str) -> int:
        return sum(bool(names.OTHERS.fullmatch(w)) or w in "23456789" for w in names.split_name(name))

    firsts: dict[str, str] = {}
    for name in sorted(usable, key=aside):
        firsts.setdefault(usable[name], name)
    return set(firsts.values())


def take(look: Look, kind: str, found: Roles) -> None:
    """Give a column the role of a sensitive feature, cut where it is numbers."""
    found.sensitive[look.name] = kind
    number = look.kind == "number"
    if (number and look.distinct > CATEGORIES) or look.numbers_but_for_unknown:
        found.cut.append(look.name)
        span = f" from {look.low:g} to {look.high:g}" if number else ""
        found.give(look.name, "sensitive", f"{kind}: numbers{span}, cut by data.bins")
    else:
        found.give(look.name, "sensitive", f"{kind}: {shown_values(look)}")


def _unfit(look: Look, kind: str, others: Sequence[str]) -> str | None:
    """Why a column that seems sensitive cannot be sliced by as it stands; None where it can."""
    by_name = f"CHECK: sensitive by its name ({kind}), but"
    if kind == "letters" and "sex" in others:
        return "CHECK: letters that may stand for a sex; another column is one by its name"
    if len(look.known) == 1 and look.values:
        return f"sensitive by its name ({kind}), but one value in every row: nothing to compare"
    if look.name in RESERVED:
        return f"CHECK: sensitive ({kind}), but the name is reserved; rename the column"
    if look.kind == "date":
        return "CHECK: dates of birth; make a column of ages, which data.bins can cut"
    aged = kind in ("age", "birth")
    words = [w for w in look.stray_words if w not in look.unknown_words]
    if words and aged:
        return f"{by_name} numbers with words among them, such as {words[0]!r}: make them numbers, to be cut"
    if look.kind == "number" and not look.whole and look.distinct > CATEGORIES and not aged:
        return f"{by_name} fractions: a share of people, it seems"
    if (
        look.distinct > MAX_VALUES
        and not (aged and look.kind == "number")
        and not look.numbers_but_for_unknown
    ):
        return f"{by_name} {look.distinct:,} values: group them to at most {MAX_VALUES}"
    return None
