"""New York City's Local Law 144 of 2021: rates and impact ratios in the form of the rule (6 RCNY 5-301)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from ..figures.measure import Measurement
from ..unknown import unknown
from .base import Basis, Inputs, Regime
from .eeo1 import HISPANIC, NOT_KNOWN, RACES, SEXES, categories_of, category, read_categories
from .result import NycLL144, RuleCategory, RuleTable

Key = tuple[str | None, str | None]
"""Sex and race or ethnicity; None where a table does not tell them apart."""


FIRST_YEAR = 1990
"""No tool of today was distributed, or audited, before."""
UNDER = 0.02
"""Share of the data under which the rule lets a category be excluded (6 RCNY 5-301(d))."""


class NycInputs(Inputs):
    """Inputs of New York City's rule."""

    rate: Literal["selection", "scoring"] = Field(
        description="selection for a tool that selects or classifies people, scoring for one that scores."
    )
    tool: str = Field(min_length=1, description="Name of the automated employment decision tool.")
    audit_date: datetime.date = Field(description="Date of the bias audit, YYYY-MM-DD.")
    distribution_date: datetime.date = Field(description="Distribution date of the tool, YYYY-MM-DD.")
    data_source: str = Field(min_length=1, description="Source and explanation of the data of the audit.")
    data_type: Literal["historical", "test"] = Field(
        description="historical data of the tool's use, or test data."
    )
    test_data: str | None = Field(
        None,
        min_length=1,
        description="For test data: why no historical data were used, and how the test data were made.",
    )
    sex: str = Field(description="The sensitive feature that holds the sex.")
    race: str = Field(description="The sensitive feature that holds race or ethnicity.")
    sex_categories: dict[str, str] = Field(
        default_factory=dict, description="Value: category, for values that are not Male, Female or unknown."
    )
    race_categories: dict[str, str] = Field(
        default_factory=dict, description="Value: category of the rule, or unknown, for other values."
    )
    exclude_below: float | None = Field(
        None,
        gt=0,
        le=UNDER,
        strict=True,
        description="Categories with a smaller share of the data have no impact ratio; at most 0.02.",
    )
    exclude: list[str] = Field(
        default_factory=list,
        description="Categories of less than 2 % of the data that have no impact ratio, by name: Asian, or "
        "'Female, Asian' for that intersection alone.",
    )
    decimals: int = Field(
        3,
        ge=2,
        le=6,
        strict=True,
        description="Decimals of the impact ratios shown; the rule's own tables have two or three.",
    )
    justification: str | None = Field(
        None, min_length=1, description="The auditor's justification; required with exclude_below or exclude."
    )

    @field_validator("audit_date", "distribution_date", mode="after")
    @classmethod
    def _of_our_time(cls, given: datetime.date) -> datetime.date:
        if given.year < FIRST_YEAR:
            raise ValueError(f"expected a day from {FIRST_YEAR} on, got {given}")
        return given

    @field_validator("audit_date", mode="after")
    @classmethod
    def _has_come(cls, given: datetime.date) -> datetime.date:
        # Somewhere it is tomorrow already.
        if given > datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1):
            raise ValueError(f"expected a day that has come, as the bias audit was made on it, got {given}")
        return given

    @field_validator("exclude", mode="before")
    @classmethod
    def _categories(cls, given: Any) -> Any:
        return [_named(name) for name in given] if isinstance(given, list) else given

    @field_validator("sex_categories", mode="before")
    @classmethod
    def _sexes(cls, given: Any) -> Any:
        return read_categories(given, SEXES)

    @field_validator("race_categories", mode="before")
    @classmethod
    def _races(cls, given: Any) -> Any:
        return read_categories(given, RACES)

    @model_validator(mode="after")
    def _explained(self) -> NycInputs:
        if self.sex == self.race:
            raise ValueError(f"sex and race: expected two features, got {self.sex!r} for both")
        if (self.exclude_below is None and not self.exclude) != (self.justification is None):
            key = "exclude" if self.exclude else "exclude_below"
            raise ValueError(f"{key} and justification: expected both or neither")
        self._check_dates()
        if (self.data_type == "test") != (self.test_data is not None):
            raise ValueError("test_data: expected with data_type: test, and with that alone")
        return self

    def _check_dates(self) -> None:
        audit, use = self.audit_date, self.distribution_date
        if self.data_type == "historical" and audit < use:
            raise ValueError(
                f"audit_date: the audit of {audit} is before the tool's distribution on {use}, so that no "
                "historical data of its use were there to audit; expected a later day, or data_type: test"
            )
        if use > audit + datetime.timedelta(days=366):
            raise ValueError(
                f"distribution_date: {use} is more than a year after the audit of {audit}; the rule lets a "
                "tool be used for a year after its audit (6 RCNY 5-301)"
            )

    def columns(self) -> dict[str, str]:
        """The features of sex and race."""
        return {"sex": self.sex, "race": self.race}


INTERSECTIONS: list[Key] = [
    *((sex, HISPANIC) for sex in SEXES),
    *((sex, race) for sex in SEXES for race in RACES if race != HISPANIC),
]
"""In the order of the rule's table."""


@dataclass
class Tallied:
    """People of a category, and how many were selected or scored above the median."""

    n: int = 0
    reached: int = 0


def figures(inputs: NycInputs, basis: Basis) -> NycLL144:
    """Compute the rule's three tables.

    Raises
    ------
    ValueError
        The run has no decisions or scores, or a value has no category.
    """
    measured = basis.measured
    wanted = {"selection": "decision", "scoring": "score"}[inputs.rate]
    if wanted not in measured.gives:
        raise ValueError(f"rate: {inputs.rate} rates need {wanted}s, which the run has not")
    by = (inputs.sex, inputs.race)
    tally = measured.tally(by)
    median = measured.scores.median() if inputs.rate == "scoring" else None
    reached = tally.counts.selected if median is None else _above(measured, by, median)
    cells = _categorised(inputs, tally.keys, tally.counts.n.tolist(), reached.tolist())
    return NycLL144(
        rate=inputs.rate,
        weighted=measured.cube.weights is not None,
        n=sum(cell.n for cell in cells.values()),
        median=median,
        exact=median is None or measured.scores.exact,
        tables=[
            _table("sex", cells, [(sex, None) for sex in SEXES], inputs),
            _table("race", cells, [(None, race) for race in RACES], inputs),
            _table("intersection", cells, INTERSECTIONS, inputs),
        ],
    )


def _above(measured: Measurement, by: Sequence[str], median: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows above the median in each slice of ``by``, in the order of its tally."""
    table, keys = measured.scores, measured.tally(tuple(by)).keys
    out = np.zeros(len(keys), np.int64)
    np.add.at(out, table.project(by, keys), table.above(median))
    return out


def _categorised(
    inputs: NycInputs, keys: Iterable[Sequence[str]], n: Sequence[int], reached: Sequence[int]
) -> dict[tuple[str, str], Tallied]:
    """People and those who reached, by the rule's sex and race, 'unknown' among both."""
    keys = list(keys)
    sexes = categories_of([k[0] for k in keys], inputs.sex_categories, SEXES, inputs.sex, "sex_categories")
    races = categories_of([k[1] for k in keys], inputs.race_categories, RACES, inputs.race, "race_categories")
    cells: dict[tuple[str, str], Tallied] = {}
    for (sex, race), people, high in zip(keys, n, reached, strict=True):
        cell = cells.setdefault((sexes[sex], races[race]), Tallied())
        cell.n += people
        cell.reached += high
    return cells


def _named(name: Any) -> Any:
    """Bring a name of ``exclude`` to the rule's words: a sex, a race, or both with a comma between."""
    if not isinstance(name, str):
        return name
    known = [*SEXES, *RACES]
    parts = [category(part, known) for part in name.split(",")]
    sexes, races = ([p for p in parts if p in among] for among in (SEXES, RACES))
    if None in parts or NOT_KNOWN in parts or len(sexes) > 1 or len(races) > 1:
        raise ValueError(
            f"{unknown(name, known, 'category of the rule')}; 'Female, Asian' is an intersection"
        )
    return ", ".join([*map(str, sexes), *map(str, races)])


def _is_named(key: Key, names: Sequence[str]) -> bool:
    """Whether a category is named itself, or is an intersection of one that is."""
    return ", ".join(filter(None, key)) in names or any(part in names for part in key if part)


def _table(
    name: Literal["sex", "race", "intersection"],
    cells: Mapping[tuple[str, str], Tallied],
    rows: Sequence[Key],
    inputs: NycInputs,
) -> RuleTable:
    """One table of the rule: every category, those without people too."""
    tallied = {row: Tallied() for row in rows}
    unknown = 0
    for (sex, race), cell in cells.items():
        key = (None if name == "race" else sex, None if name == "sex" else race)
        if NOT_KNOWN in key:
            unknown += cell.n
        else:
            tallied[key].n += cell.n
            tallied[key].reached += cell.reached
    total = sum(cell.n for cell in tallied.values())
    named = {key for key in tallied if tallied[key].n and _is_named(key, inputs.exclude)}
    for key in named:
        if tallied[key].n >= UNDER * total:
            raise ValueError(
                f"exclude: {', '.join(filter(None, key))!r} is {tallied[key].n / total:.1%} of the data; the "
                "rule lets categories of less than 2 % be excluded (6 RCNY 5-301(d))"
            )
    below = {key for key, cell in tallied.items() if 0 < cell.n < (inputs.exclude_below or 0.0) * total}
    excluded = named | below
    compared = [cell for key, cell in tallied.items() if cell.n and key not in excluded]
    highest = max((cell.reached / cell.n for cell in compared), default=0.0)
    return RuleTable(
        name=name,
        n=total,
        unknown=unknown,
        categories=[
            RuleCategory(
                sex=key[0],
                race=key[1],
                n=cell.n,
                reached=cell.reached,
                rate=cell.reached / cell.n if cell.n else None,
                share=cell.n / total if total else None,
                named=key in named,
                excluded=key in excluded,
                impact_ratio=cell.reached / cell.n / highest
                if cell.n and highest > 0 and key not in excluded
                else None,
            )
            for key, cell in tallied.items()
        ],
    )


REGIME = Regime(
    name="nyc-ll144",
    title="New York City Local Law 144, bias audit of an automated employment decision tool",
    source="6 RCNY 5-300 to 5-304",
    inputs=NycInputs,
    figures=figures,
)
