"""What was found out about the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...bands import in_order
from .column import Look

NOT_USED = "not used"
FEATURE = "a feature a model may see"
"""How the reason begins of a column that has no role and might be a model's input."""
MOST_CLASSES = 10
"""Text or codes of more distinct values than this are no classes."""


@dataclass
class Roles:
    """What was found.

    Attributes
    ----------
    label, decision, score, id, cluster, weight, count, split_column : str or None
    split, train : str or None
        Values of the split column: rows to audit, rows to learn from.
    sensitive : dict of str to str
        Kind of each sensitive feature.
    cut : list of str
        Sensitive features that are numbers to cut.
    told : dict of str to tuple of str
        Role and reason of every column.
    text : str or None
        The first column of free text.
    guessed : set of str
        Columns whose role no name tells.
    proxies : set of str
        Features that may stand in for a sensitive one, by name or values.
    """

    label: str | None = None
    decision: str | None = None
    score: str | None = None
    id: str | None = None
    cluster: str | None = None
    weight: str | None = None
    count: str | None = None
    split_column: str | None = None
    split: str | None = None
    train: str | None = None
    text: str | None = None
    sensitive: dict[str, str] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    proxies: set[str] = field(default_factory=set)

    def give(self, name: str, role: str, why: str) -> None:
        """Say what became of a column."""
        self.told[name] = (role, why)

    def drop(self, name: str, why: str) -> None:
        """Take back that a column is sensitive."""
        del self.sensitive[name]
        self.cut = [n for n in self.cut if n != name]
        self.give(name, NOT_USED, why)

    @property
    def features(self) -> list[str]:
        """Columns without another role that a model might see."""
        return [n for n, (role, why) in self.told.items() if role == NOT_USED and why.startswith(FEATURE)]


def free(looks: Mapping[str, Look], found: Roles) -> dict[str, Look]:
    """Return the columns that nothing was said of yet."""
    return {name: look for name, look in looks.items() if name not in found.told}


def shown_values(look: Look) -> str:
    """Return the values of a column in words, the first few of many."""
    values = [*(in_order(look.known) or look.known), *look.unknown_words]
    shown = ", ".join(repr(v[:40]) for v in values[:5])
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
