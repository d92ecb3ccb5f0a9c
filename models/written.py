"""Decision rules as an artefact writes them: what each may hold, checked before one decides anything."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter


class Written(BaseModel):
    """Base of what is read from files of ours: no unknown keys, no conversions, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Positive = Annotated[int, Field(ge=1, le=1 << 40)]
Chance = Annotated[float, Field(ge=0, le=1)]
Start = float | Literal["inf", "-inf"]
"""A score from which on a chance holds."""


class WrittenGroups(Written):
    """Of `Groups`."""

    features: list[str]
    keys: list[list[str]]
    bins: dict[str, list[float]]
    unseen: Literal["error", "common"]
    merge: dict[str, dict[str, list[str]]] = Field(default_factory=dict)


class WrittenDraw(Written):
    """Of `Draw`."""

    seed: int
    columns: list[str] = Field(min_length=1)


class WrittenSteps(Written):
    """Of `StepRule`."""

    kind: Literal["steps"]
    groups: WrittenGroups
    starts: list[list[Start]]
    chances: list[list[Chance]]
    draw: WrittenDraw | None = None


class WrittenChance(Written):
    """Of `ChanceRule`."""

    kind: Literal["chance"]
    draw: WrittenDraw


class WrittenLines(Written):
    """An isotonic map."""

    x: list[float] = Field(min_length=1)
    y: list[Chance]


class WrittenSigmoid(Written):
    """A sigmoid map; with a > 0 it would turn the scores over."""

    a: float = Field(le=0)
    b: float


def _map_of(made: Any) -> str:
    return "sigmoid" if isinstance(made, dict) and "a" in made else "lines"


class WrittenMap(Written):
    """Of `MapRule`."""

    kind: Literal["map"]
    groups: WrittenGroups
    maps: list[
        Annotated[
            Annotated[WrittenLines, Tag("lines")] | Annotated[WrittenSigmoid, Tag("sigmoid")],
            Discriminator(_map_of),
        ]
    ]
    threshold: Chance


class WrittenTemperature(Written):
    """Of `TemperatureRule`."""

    kind: Literal["temperature"]
    groups: WrittenGroups
    inverse: list[Annotated[float, Field(gt=0)]] = Field(min_length=1)


class WrittenFavourable(Written):
    """Of `FavourableRule`."""

    kind: Literal["favourable"]
    steps: WrittenSteps
    favourable: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    classes: Positive


WrittenRule = Annotated[
    WrittenSteps | WrittenChance | WrittenMap | WrittenTemperature | WrittenFavourable,
    Field(discriminator="kind"),
]
_RULE: TypeAdapter[Any] = TypeAdapter(WrittenRule)


def check_rule(spec: Any) -> None:
    """ValidationError, a ValueError, for what is not the spec of a rule."""
    _RULE.validate_python(spec)
