"""Sensitive columns that say one thing in two spellings, such as ``age`` and ``age_cat``."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import names
from .column import Look
from .found import Roles
from .proxies import same_but_for_names

FORM = re.compile(
    r"codes?|coded|cd|cats?|category|categories|categorical|groups?|grp|bands?|bins?|binned|buckets?|brackets?|ranges?|"
    r"class|classes|desc|description|labels?|names?|num|numeric|number|encoded|enc|recode|recoded|text|txt|str|"
    r"years?|yrs?|idx|level|levels|value|klasse|gruppe|kategorie|tranche|grupo|rango|段|组"
)
"""Words of how an attribute is written, not of what it is."""
FUSED = re.compile(r"(\w{3,}?)(?:group|grp|cat|band|bin|code|gruppe|klasse|years?)")
EXCEPT = 0.001
"""Share of rows that may contradict that one column follows from another."""
ROWS_PER_LEVEL = 3
"""Fewer rows for each value than this, and anything follows from anything."""
ALIKE = 0.99
"""Correlation of two numbers, such as an age and a year of birth, that say the same."""
FAMILIES = ({"age", "birth"}, {"race", "ethnicity"})
"""Kinds that may be one attribute."""


def twins(table: pa.Table, looks: Mapping[str, Look], found: Roles) -> dict[str, tuple[str, str]]:
    """Return sensitive columns that repeat another one, with that one and how they are told to be one.

    Of two the one is kept that is easier to read: words before codes, numbers that can be cut before bands,
    else the first in the table.
    """
    dropped: dict[str, tuple[str, str]] = {}
    kept: list[str] = []
    for name in sorted(found.sensitive, key=lambda n: _rank(looks[n], n in found.cut)):
        for other in kept:
            how = _how_alike(name, other, table, looks, found.sensitive)
            if how:
                dropped[name] = (other, how)
                break
        else:
            kept.append(name)
    return dropped


def _rank(look: Look, cut: bool) -> int:
    return 0 if cut else 2 if look.kind in ("number", "flag") else 1


def _how_alike(
    name: str, other: str, table: pa.Table, looks: Mapping[str, Look], kinds: Mapping[str, str]
) -> str | None:
    if same_but_for_names(table, looks, name, other):
        return "says the same as {other}"
    both = {kinds[name], kinds[other]}
    if len(both) > 1 and not any(both <= family for family in FAMILIES):
        return None
    if attribute(name) and attribute(name) == attribute(other):
        return "is by its name another spelling of {other}"
    if kinds[name] == "group":
        return None
    one, two = table.column(name), table.column(other)
    if looks[name].kind == looks[other].kind == "number" and looks[name].distinct > ROWS_PER_LEVEL**2:
        return "goes hand in hand with {other}" if _correlated(one, two) else None
    return "follows from {other}" if _follows(one, two) or _follows(two, one) else None


def attribute(name: str) -> tuple[str, ...]:
    """Return the words of a name but for those of how it is written: ``age``, of ``AGE_group``."""
    plain = [m[1] if (m := FUSED.fullmatch(w)) else w for w in names.split_name(name)]
    return tuple(w for w in plain if not FORM.fullmatch(w))


def _correlated(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    a, b = (c.cast(pa.float64(), safe=False).to_numpy() for c in (one, other))
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3 or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return False
    return bool(abs(np.corrcoef(a[known], b[known])[0, 1]) > ALIKE)


def _follows(coarse: pa.ChunkedArray, fine: pa.ChunkedArray) -> bool:
    """Whether a value of the one tells the value of the other, and there are rows enough to see it."""
    a, b = _codes(coarse), _codes(fine)
    known = (a >= 0) & (b >= 0)
    a, b, rows = a[known], b[known], int(known.sum())
    if not rows or not 1 < int(a.max()) + 1 <= rows / ROWS_PER_LEVEL:
        return False
    levels = int(b.max()) + 1
    if not 1 < levels <= rows / ROWS_PER_LEVEL:
        return False
    pairs, counts = np.unique(b.astype(np.int64) * (int(a.max()) + 1) + a, return_counts=True)
    most = np.zeros(levels, np.int64)
    np.maximum.at(most, pairs // (int(a.max()) + 1), counts)
    return bool(rows - most.sum() <= EXCEPT * rows)


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    flat = column.combine_chunks()
    encoded = flat if pa.types.is_dictionary(flat.type) else flat.dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
