"""A history as one HTML file: a chart and a table per figure, no network, no script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..reports.drawing.engine import UndrawableError
from .chart import series_chart
from .history import Release
from .numbers import number, places
from .series import Broken, Series
from .terminal import broken_words


def history_page(
    audit: str, where: str, releases: Sequence[Release], every: Sequence[Series], broken: Broken | None
) -> str:
    """Render a history as a whole HTML document that refers to nothing outside itself."""
    from .._version import __version__
    from ..reports.page.html import environment

    made = environment(Path(__file__).parent / "templates")
    made.filters["figure"] = number
    charts = _charts(every)
    drawn = [(series, charts[i] if charts else None, places(series)) for i, series in enumerate(every)]
    return made.get_template("history.html.j2").render(
        audit=audit,
        where=where,
        releases=list(zip([None, *releases], releases, strict=False)),
        gates=[one for one in drawn if one[0].gate],
        figures=[one for one in drawn if not one[0].gate],
        broken=broken,
        broken_words=broken_words(broken),
        undrawn=charts is None,
        version=__version__,
    )


def _charts(every: Sequence[Series]) -> list[str | None] | None:
    """A chart of each series; None where the chart engine does not work on this machine."""
    try:
        return [series_chart(series, f"history-{i}") for i, series in enumerate(every)]
    except UndrawableError:
        return None
