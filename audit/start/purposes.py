"""What decisions are for, and the gates that each purpose offers: the entries of purposes.yaml."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...plain import from_yaml
from ...tasks import AGGREGATES, METRICS


class Choice(BaseModel):
    """A gate to choose.

    Attributes
    ----------
    gate : dict
        Its keys in an audit.yaml, but for ``by``, the feature that it is asked of.
    asks : str
        What it requires, in words.
    source : str
        Where the requirement stands.
    number : str
        Who set the limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    gate: dict[str, Any]
    asks: str
    source: str
    number: str

    @property
    def needs(self) -> list[str]:
        """What rows must carry: 'label', 'decision', 'score', 'probability' and the like."""
        metric = self.gate["metric"]
        rows = AGGREGATES[metric].metrics if metric in AGGREGATES else (metric,)
        return list(dict.fromkeys(need for name in rows for need in METRICS[name].needs))


class Purpose(BaseModel):
    """What decisions are for.

    Attributes
    ----------
    about : str
        In words.
    yes : {'benefit', 'burden'} or None
        What a positive decision is where the gates fit; None where they fit both.
    tasks : dict of str to tuple of Choice
        The gates, by task.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    yes: Literal["benefit", "burden"] | None = None
    tasks: dict[str, tuple[Choice, ...]] = Field(alias="for")


@cache
def purposes() -> dict[str, Purpose]:
    """Return the purposes by name."""
    file = resources.files(__package__ or "fairweigh.audit.start").joinpath("purposes.yaml")
    entries = from_yaml(file.read_text(encoding="utf-8"))
    return {name: Purpose.model_validate(entry) for name, entry in entries.items()}
