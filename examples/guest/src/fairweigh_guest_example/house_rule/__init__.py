"""A regime: the rule of a house that no group is selected less often than at a rate that it has set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairweigh.extend import (
    Basis,
    Given,
    Part,
    Regime,
    RegimeGroup,
    RegimeInputs,
    RegimeLine,
    RegimeResult,
    RegimeTable,
    add_regime,
    regime_page,
)
from pydantic import Field

TITLE = "House rule: least selection rate"


class Inputs(RegimeInputs):
    """What the rule asks for."""

    least: float = Field(gt=0, lt=1, strict=True, description="Selection rate that every group is to reach.")


class GroupRate(Part):
    """The selections of a group."""

    feature: str
    value: str
    n: int
    selected: int
    below: bool


class Rates(Part):
    """The figures, as ``regimes/house-rule.json`` holds them."""

    weighted: bool
    groups: list[GroupRate]


def rates(inputs: Inputs, basis: Basis) -> Rates:
    """Count the people of every group, and those who are selected."""
    measured = basis.measured
    if "decision" not in measured.gives:
        raise ValueError("selection rates need decisions; the run has labels alone")
    groups = []
    for feature in measured.features:
        tally = measured.tally((feature,))
        counted = zip(tally.keys, tally.counts.n.tolist(), tally.counts.selected.tolist(), strict=True)
        groups += [
            GroupRate(feature=feature, value=key[0], n=n, selected=k, below=k < inputs.least * n)
            for key, n, k in counted
            if n
        ]
    return Rates(weighted=measured.cube.weights is not None, groups=groups)


def pages(regime: RegimeResult, result: Any) -> dict[str, str]:
    """Render the page: a table for each feature."""
    figures = regime.figures
    assert isinstance(figures, Rates)
    features = dict.fromkeys(group.feature for group in figures.groups)
    tables = [
        RegimeTable(
            f"Selections by {feature}",
            ["People", "Selected", "Rate"],
            [RegimeGroup("", [_line(group) for group in figures.groups if group.feature == feature])],
        )
        for feature in features
    ]
    return regime_page(Path(__file__).parent, regime, result, TITLE, tables=tables)


def _line(group: GroupRate) -> RegimeLine:
    cells = [f"{group.n:,}", f"{group.selected:,}", f"{group.selected / group.n:.1%}"]
    return RegimeLine((Given(group.value),), cells, ["below"] * group.below, group.below)


add_regime(
    Regime(
        name="house-rule",
        title="The rule of a house: a least selection rate",
        source="Hiring policy 2026, section 4",
        inputs=Inputs,
        heading=TITLE,
        pages=pages,
        figures=rates,
        figures_type=Rates,
    )
)
