"""A report section: the slices in which the main metric of the run is lowest and highest."""

from __future__ import annotations

from typing import Any

from fairweigh.extend import GuestSection, GuestTable, add_section


@add_section("extremes")
def extremes(result: Any, variant: Any) -> GuestSection:
    """For each feature, the lowest and the highest slice of the first metric that the run measured."""
    if variant is None:
        return GuestSection("Lowest and highest", ["The run has no variant."])
    metric = next(iter(variant.overall))
    title = result.definitions[metric].title
    rows = []
    for feature in result.data.sensitive:
        found = [
            (figure.value, one.slice[feature])
            for one in variant.slices
            if list(one.slice) == [feature] and (figure := one.metrics[metric]).value is not None
        ]
        if found:
            (low, lowest), (high, highest) = min(found), max(found)
            rows.append([feature, lowest, low, highest, high])
    heads = ["Feature", "Lowest in", "at", "Highest in", "at"]
    return GuestSection(
        f"Lowest and highest: {title}",
        [f"Over all rows it is {variant.overall[metric].value:.3f}.", GuestTable(title, heads, rows)],
    )
