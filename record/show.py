"""What of a history is shown: by default the gates that decide and the overall figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .database import engine, shown
from .history import Release, releases
from .series import (
    ORIGINAL,
    Broken,
    Series,
    check_asked,
    disparity_series,
    first_broken,
    gate_series,
    overall_series,
)
from .terminal import Marks, history_lines


@dataclass(frozen=True)
class History:
    """An audit's releases and their figures.

    ``blocks`` are shown in full, ``overview`` in a line each.
    """

    audit: str
    where: str
    releases: list[Release]
    blocks: list[Series]
    overview: list[Series]
    broken: Broken | None

    def lines(self, marks: Marks) -> list[str]:
        """Render it for a terminal."""
        return history_lines(self.audit, self.releases, self.blocks, self.overview, self.broken, marks)

    def html(self, *, language: str = "en", reports: Mapping[str, str] | None = None) -> str:
        """Render it as a page.

        Parameters
        ----------
        language : str
            ``en`` or ``zh``.
        reports : mapping, optional
            Addresses of reports by the sha256 of their run's ``audit.json``.
        """
        from .page import history_page

        every = [*self.blocks, *self.overview]
        return history_page(
            self.audit,
            self.where,
            self.releases,
            every,
            self.broken,
            language=language,
            reports=reports or {},
        )


def history(
    audit: str, address: str, metrics: Sequence[str] = (), variant: str | None = None, where: str = "--db"
) -> History:
    """Read an audit's history.

    Parameters
    ----------
    metrics : sequence of str
        Only these: their gates, overall figures and disparities, all of them in full.
    variant : str, optional
        Only this one; default the gates that enter a verdict, and the figures of the original.
    where : str
        What to call the address in an error.

    Raises
    ------
    InputError
        No such audit, metric, variant or database.
    """
    made = engine(address, where)
    found = releases(made, audit)
    check_asked(found, metrics, variant)
    gates = gate_series(found, metrics, variant)
    overall = overall_series(found, metrics, variant or ORIGINAL)
    if not metrics:
        return History(audit, shown(made), found, gates, overall, first_broken(found, gates))
    blocks = [*gates, *overall, *disparity_series(found, metrics, variant or ORIGINAL)]
    return History(audit, shown(made), found, blocks, [], first_broken(found, gates))
