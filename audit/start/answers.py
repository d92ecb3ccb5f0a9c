"""What somebody said of a table, by options or in the dialogue; what is not said is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

UNSAID = "unsaid"
"""The answer that it is not to be said what a positive decision means."""
NO_PURPOSE = "none"


@dataclass(frozen=True)
class Answers:
    """What was said; None, or a key that is not there, is what nobody has said.

    Attributes
    ----------
    task : str or None
    columns : mapping of str to tuple of str
        By role ('label', 'decision', 'score' ...) the columns that have it; empty: none has.
    positive, decided, favourable : tuple of str or None
        Positive values of the label and of the decision; favourable ones of several classes.
    positive_is : str or None
        'benefit', 'burden' or `UNSAID`.
    sensitive : tuple of str or None
    bins : mapping of str to tuple of float
        Edges of sensitive numbers; empty: not cut.
    merged : mapping of tuple of str to bool
        By feature and the spelling that is kept: whether values that look like it are merged with it.
    scale : str or None
        'probability' or 'rank'.
    threshold : tuple of float or None
        Empty: none.
    purpose : str or None
        `NO_PURPOSE` for none.
    gates : tuple of str or None
        Names of its gates.
    """

    task: str | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    positive: tuple[str, ...] | None = None
    decided: tuple[str, ...] | None = None
    favourable: tuple[str, ...] | None = None
    positive_is: str | None = None
    sensitive: tuple[str, ...] | None = None
    bins: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    merged: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    scale: str | None = None
    threshold: tuple[float, ...] | None = None
    purpose: str | None = None
    gates: tuple[str, ...] | None = None

    def said(self, key: str) -> bool:
        """Whether this was said, of a role or of something else."""
        return key in self.columns or getattr(self, key, None) is not None

    def with_column(self, role: str, names: tuple[str, ...]) -> Answers:
        """Say which columns have a role."""
        return replace(self, columns={**self.columns, role: names})

    def with_bins(self, name: str, edges: tuple[float, ...]) -> Answers:
        """Say where a sensitive number is cut."""
        return replace(self, bins={**self.bins, name: edges})

    def with_merged(self, feature: str, kept: str, merge: bool) -> Answers:
        """Say whether values that look like one are merged."""
        return replace(self, merged={**self.merged, (feature, kept): merge})


NOTHING = Answers()
"""Nothing was said: everything is proposed."""
