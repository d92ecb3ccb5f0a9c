"""A result's figures as tidy pandas frames: one row for each figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...audit.result import AuditResult, Slice, Variant
from ..words.spoken import plain, slice_name

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

INTEGERS = (
    "n",
    "claims",
    "rows_needed",
    "rows_needed_halfway",
    "flips",
    "gained",
    "lost",
    "spoiled",
    "mended",
)
TRUTHS = ("binding", "approximate", "at_no_size")
FLOATS = (
    "value", "low", "high", "simultaneous_low", "simultaneous_high", "confidence", "effective_n", "measured",
    "before", "after", "p", "p_adjusted", "p_pass", "rate", "ratio", "ratio_low", "ratio_high", "worse",
    "worse_low", "worse_high",
)  # fmt: skip


def frame(result: AuditResult, what: str) -> pd.DataFrame:
    """Return one of `FRAMES`.

    Parameters
    ----------
    what : str
        A key of `FRAMES`.

    Returns
    -------
    pandas.DataFrame
        The frame's columns, then one column per sensitive feature with the slice's value of it. What is not
        known is missing. Counts are nullable integers.
    """
    import pandas as pd

    columns, rows = FRAMES[what]
    if result.classes and "metric" in columns:
        # The class or label that a figure is about; missing for all together.
        place = columns.index("metric") + 1
        columns = (*columns[:place], "view", *columns[place:])
    made = list(rows(result))
    features = result.data.sensitive
    slices = [row["slice"] or {} for row in made]
    content: dict[str, Any] = {
        name: _column(
            [row.get(name) for row in made] if name == "view" else [row[name] for row in made], name
        )
        for name in columns
    }
    for feature in features:
        name = f"slice.{feature}" if feature in columns else feature
        content[name] = pd.Series([part.get(feature) for part in slices], dtype="str")
    return pd.DataFrame(content)


def _column(values: list[Any], name: str) -> pd.Series[Any]:
    import pandas as pd

    if name in ("slice", "reference"):
        return pd.Series([None if v is None else plain(slice_name(v)) for v in values], dtype="str")
    if name == "by":
        return pd.Series([" × ".join(v) for v in values], dtype="str")
    if name in INTEGERS:
        return pd.Series(values, dtype="Int64")
    if name in FLOATS:
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="bool" if name in TRUTHS else "str")


def _figures(result: AuditResult) -> Iterator[Row]:
    for variant in result.variants:
        for view in (None, *variant.overall_views):
            yield from _of_view(variant.seen(view), view)


def _of_view(variant: Variant, view: str | None) -> Iterator[Row]:
    parts: list[tuple[Slice, Any]] = [({}, variant.overall)]
    parts += [(part.slice, part.metrics) for part in variant.slices]
    for where, metrics in parts:
        for metric, estimate in metrics.items():
            yield {
                "variant": variant.name, "by": list(where), "slice": where, "metric": metric, "view": view,
                **estimate.model_dump(),
            }  # fmt: skip


def _disparities(result: AuditResult) -> Iterator[Row]:
    for variant in result.variants:
        for item in variant.disparities:
            yield {"variant": variant.name, **item.model_dump(), "slice": item.slice or {}}


def _gates(result: AuditResult) -> Iterator[Row]:
    for gate in result.gates:
        # A gate over slices that could not be evaluated names none; all rows is not what it speaks of.
        yield gate.model_dump() | {"slice": None if gate.by and not gate.slice else gate.slice}


def _gate_slices(result: AuditResult) -> Iterator[Row]:
    for gate in result.gates:
        shared = {
            "gate": gate.id, "variant": gate.variant, "metric": gate.metric, "by": gate.by,
            "limit": gate.limit,
        }  # fmt: skip
        for part in gate.slices:
            yield shared | part.model_dump()


def _changes(result: AuditResult) -> Iterator[Row]:
    lacking = dict.fromkeys(("reference", "n", "p", "p_adjusted", "worse", "worse_low", "worse_high"))
    for pair in result.comparisons:
        whose = {"variant": pair.after, "against": pair.before}
        for change in pair.changes:
            yield lacking | whose | {"of": "metric", "by": list(change.slice)} | change.model_dump()
        for gap in pair.gap_changes:
            yield lacking | whose | {"of": "gap"} | gap.model_dump()


def _flips(result: AuditResult) -> Iterator[Row]:
    for pair in result.comparisons:
        for item in [*([pair.overall] if pair.overall else []), *pair.flips]:
            whose = {"variant": pair.after, "against": pair.before, "by": list(item.slice)}
            yield whose | item.model_dump()


_LIMITS = ("value", "low", "high", "confidence")

FRAMES: Mapping[str, tuple[tuple[str, ...], Callable[[AuditResult], Iterator[Row]]]] = {
    "figures": (
        ("variant", "by", "slice", "metric", *_LIMITS, "n", "effective_n", "status", "method", "why"),
        _figures,
    ),
    "disparities": (
        (
            "variant", "name", "metric", "by", "compare", "scope", "slice", "reference", *_LIMITS,
            "simultaneous_low", "simultaneous_high", "p", "p_adjusted", "status", "method", "why",
        ),
        _disparities,
    ),
    "gates": (
        (
            "id", "variant", "metric", "by", "compare", "limit", "decide", "binding", "verdict", "slice",
            "reference", "measured", "low", "high", "confidence", "claims", "approximate", "p", "p_adjusted",
            "p_pass", "rows_needed", "rows_needed_halfway", "at_no_size", "why",
        ),
        _gates,
    ),
    "gate_slices": (
        (
            "gate", "variant", "metric", "by", "limit", "slice", "reference", "verdict", "measured", "low",
            "high", "n", "p", "p_adjusted", "p_pass", "rows_needed", "rows_needed_halfway", "at_no_size",
            "why",
        ),
        _gate_slices,
    ),
    "changes": (
        (
            "variant", "against", "of", "metric", "by", "slice", "reference", "n", "before", "after",
            *_LIMITS, "worse", "worse_low", "worse_high", "p", "p_adjusted", "status", "method", "why",
        ),
        _changes,
    ),
    "flips": (
        (
            "variant", "against", "by", "slice", "n", "flips", "rate", "low", "high", "ratio", "ratio_low",
            "ratio_high", "p", "p_adjusted", "gained", "lost", "spoiled", "mended", "status",
        ),
        _flips,
    ),
}  # fmt: skip
"""Each frame's columns, and what gives its rows."""
