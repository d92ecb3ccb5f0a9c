"""How many rows stand in slices that cannot be judged."""

from __future__ import annotations

from collections.abc import Sequence

from ..result import Coverage, SliceResult


def coverage(slices: Sequence[SliceResult]) -> list[Coverage]:
    """Count, for each set of features, the slices that are too small or unknown, and their rows.

    The slices of one set of features are disjoint, so their rows add up to people, each once.

    Parameters
    ----------
    slices
        Of one variant, in any order.
    """
    groups: dict[tuple[str, ...], list[SliceResult]] = {}
    for row in slices:
        groups.setdefault(tuple(row.slice), []).append(row)
    return [_covered(by, rows) for by, rows in groups.items() if by]


def _covered(by: tuple[str, ...], rows: Sequence[SliceResult]) -> Coverage:
    unknown = [row for row in rows if row.unknown]
    small = [row for row in rows if row.status == "small" and not row.unknown]
    return Coverage(
        by=list(by),
        slices=len(rows),
        small=len(small),
        small_rows=sum(row.n for row in small),
        unknown=len(unknown),
        unknown_rows=sum(row.n for row in unknown),
        undefined=sum(figure.status == "undefined" for row in rows for figure in row.metrics.values()),
    )
