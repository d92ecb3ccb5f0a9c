"""What a regime is: the inputs that it asks for, and how its figures follow from a variant's predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...datasets.errors import told_of
from ..unknown import unknown
from .registry import find

if TYPE_CHECKING:
    from ..figures.measure import Measurement
    from ..result import AuditResult, Part
    from .result import RegimeResult


class Inputs(BaseModel):
    """What a regime is told beside the run: base of every regime's own inputs.

    A field without a default is required, and its description is what a user who left it out is told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    variant: str | None = Field(
        None, description="Name of the variant that the page speaks of; the first one of the run if left out."
    )

    def columns(self) -> Mapping[str, str]:
        """The sensitive features that inputs name, by input."""
        return {}


@dataclass(frozen=True)
class Basis:
    """What a regime's figures are computed from.

    Attributes
    ----------
    measured : Measurement
        Counts and scores of the variant.
    confidence : float
        Of the run's intervals.
    min_size : int
        Rows of a group below which the run calls it small.
    positive_is : {'benefit', 'burden'} or None
        What a positive decision is to the person, as the run's data say.
    """

    measured: Measurement
    confidence: float
    min_size: int
    positive_is: Literal["benefit", "burden"] | None = None


@dataclass(frozen=True)
class Regime:
    """A rule or practice that a page is written for: all that is known of it.

    Attributes
    ----------
    name, title : str
    source : str
        Citation of the rule.
    inputs : type
        Its own `Inputs`.
    heading : str
        Title of its page in the report's list: a message, which the catalogues translate.
    pages : callable
        From what was found and the run's result to the files that are written, by name; the first is the one
        that the report refers to. Each is ``regimes/NAME.*`` or lies in ``regimes/NAME``.
    figures : callable or None
        From its inputs and a `Basis` to its figures; raises ValueError where the run cannot give them.
        None where the page takes every figure from ``audit.json``.
    figures_type : type or None
        What it returns, and what its file is read as; its field ``weighted`` says whether rows have weights.
    tasks : tuple of str
        The tasks that it speaks of.
    """

    name: str
    title: str
    source: str
    inputs: type[Inputs]
    heading: str
    pages: Callable[[RegimeResult, AuditResult], dict[str, str]]
    figures: Callable[[Any, Basis], Part] | None = None
    figures_type: type[Part] | None = None
    tasks: tuple[str, ...] = ("binary",)


@dataclass(frozen=True)
class Wanted:
    """A regime with what it was given."""

    regime: Regime
    inputs: Inputs


def wanted(name: str, given: Mapping[str, Any]) -> Wanted:
    """Return a regime with its inputs checked.

    Raises
    ------
    ValueError
        One line: no such regime or input, with the nearest name; every required input that is missing, with
        what it means; or what came where something else was expected.
    """
    regime = find(name)
    try:
        return Wanted(regime, regime.inputs.model_validate(dict(given)))
    except ValidationError as error:
        raise ValueError(f"{name}: {_told(error, regime)}") from None


def named(entries: Sequence[str | Mapping[str, Any]]) -> list[str]:
    """Return the names of the regimes of a configuration."""
    return [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]


def listed(entries: Sequence[str | Mapping[str, Mapping[str, Any] | None]]) -> list[Wanted]:
    """Return the regimes of a configuration: names, or ``{name: {input: value}}``; ValueError as `wanted`."""
    out: list[Wanted] = []
    for entry in entries:
        for name, given in ({entry: None} if isinstance(entry, str) else entry).items():
            if name in [w.regime.name for w in out]:
                raise ValueError(f"{name}: named twice; a run holds one page of each regime")
            out.append(wanted(name, given or {}))
    return out


def check_task(regime: Regime, task: str) -> None:
    """ValueError where a rule is not for a task."""
    if task not in regime.tasks:
        raise ValueError(
            f"{regime.name}: expected an audit of the task {' or '.join(regime.tasks)}, got {task}"
        )


def check_fits(chosen: Wanted, task: str, sensitive: Sequence[str]) -> None:
    """ValueError where a rule is not for the task, or an input names a feature that is not audited."""
    check_task(chosen.regime, task)
    for key, column in chosen.inputs.columns().items():
        if column not in sensitive:
            raise ValueError(
                f"{chosen.regime.name}: {key}: {column!r} is not an audited sensitive feature; there are "
                + ", ".join(sensitive)
            )


def lines(regime: Regime) -> Iterator[str]:
    """Say what a regime is and asks for, a line each."""
    yield f"{regime.name}: {regime.title} ({regime.source})"
    for name, field in regime.inputs.model_fields.items():
        yield f"  {name}, {'required' if field.is_required() else 'optional'}: {field.description}"


def _told(error: ValidationError, regime: Regime) -> str:
    """The problems of inputs on one line; a misspelt one first, as it explains one that is missing."""
    fields = regime.inputs.model_fields
    problems = error.errors(include_url=False, include_context=False)
    for problem in problems:
        if problem["type"] == "extra_forbidden":
            return unknown(".".join(map(str, problem["loc"])), list(fields), "input")
    missing = [str(p["loc"][0]) for p in problems if p["type"] == "missing" and len(p["loc"]) == 1]
    if missing:
        described = "; ".join(f"{name} ({(fields[name].description or '').rstrip('.')})" for name in missing)
        return f"the required input{'s are' if len(missing) > 1 else ' is'} missing: {described}"
    first = problems[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{place}: {message}" if place else message
    return f"{place}: {told_of(first['type'], message)}, got {str(first['input'])[:60]!r}"
