"""A table and what it is taken for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from . import names
from .answers import NOTHING, Answers
from .column import Look
from .found import Roles
from .of_task import BINARY
from .sides import Side

PREDICTED = ("decision", "score", "prediction", "rank", "predicted")
"""Roles of what a model said."""


@dataclass(frozen=True)
class Seen:
    """A table and what it is taken for.

    ``spelled`` holds the rows of each value of label, decision and uncut sensitive features, as an audit
    reads them; ``label`` and ``decision`` which of these are positive. ``written`` is how a text file departs
    from the usual, by the keys of the configuration. ``columns`` are the columns of each role of the task;
    ``groups`` values that look like one, by feature and the spelling that is kept.
    """

    path: Path
    table: pa.Table
    whole: bool
    looks: Mapping[str, Look]
    found: Roles
    spelled: Mapping[str, Mapping[str, int]]
    label: Side | None
    decision: Side | None
    written: Mapping[str, str]
    said: Answers = NOTHING
    task: str = BINARY
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)

    @property
    def merged(self) -> dict[str, dict[str, list[str]]]:
        """The groups that are merged: all but those that were said to stay apart."""
        return {
            name: {kept: same for kept, same in groups.items() if self.said.merged.get((name, kept), True)}
            for name, groups in self.groups.items()
        }

    @property
    def predicted(self) -> bool:
        """Whether the table holds what a model said."""
        return any(self.columns.get(role) for role in PREDICTED)

    @property
    def scale(self) -> str:
        """What scores are: 'probability' or 'rank'; as said, else whether all lie in [0, 1]."""
        return self.said.scale or ("probability" if self._within else "rank")

    @property
    def _within(self) -> bool:
        return all(
            self.looks[name].low >= 0 and self.looks[name].high <= 1 for name in self.columns.get("score", ())
        )

    @property
    def decided(self) -> bool:
        """Whether rows have decisions: in a column, or by a threshold."""
        if self.columns.get("decision"):
            return True
        score = bool(self.columns.get("score")) and self.task == BINARY
        return score and (self.scale == "probability" or bool(self.said.threshold))

    @property
    def carried(self) -> set[str]:
        """What rows carry, in the words of `metrics.estimators.Need`."""
        columns = self.columns
        carried = {"label"} if columns.get("label") or columns.get("relevance") else set()
        carried |= {"decision"} if self.decided else set()
        carried |= {"score"} if columns.get("score") else set()
        carried |= {"probability"} if columns.get("score") and self.scale == "probability" else set()
        carried |= {"prediction"} if columns.get("prediction") else set()
        ranked = self.task == "ranking" and (columns.get("rank") or columns.get("score"))
        return carried | ({"rank"} if ranked else set())


def burden(seen: Seen) -> str | None:
    """Return the column of decisions or scores of which a yes is by its name something bad; None for none."""
    found = seen.found
    if found.decision and seen.decision:
        return found.decision if seen.decision.meaning == "bad" else None
    if not found.score:
        return None
    meaning = names.score_meaning(found.score)
    if meaning is None and found.label and seen.label and seen.label.meaning == "bad":
        return found.label
    return found.score if meaning == "bad" else None
