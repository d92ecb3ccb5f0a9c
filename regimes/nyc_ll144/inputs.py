"""What New York City's rule asks for, and what it lets an auditor leave out."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ...audit.regimes.base import Inputs
from ...audit.unknown import unknown
from .categories import NOT_KNOWN, RACES, SEXES, category, read_categories

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
