"""A history in a terminal: aligned lines, each release's figure as a dot on its interval beside the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..reports.words.spoken import visible
from .history import Release
from .numbers import ends, number, places
from .series import Broken, Point, Series, limits_beside

WIDTH = 28
"""Of a chart, in characters."""


@dataclass(frozen=True)
class Marks:
    """What charts are drawn with."""

    dot: str
    line: str
    limit: str
    levels: str


FINE = Marks("●", "─", "│", "▁▂▃▄▅▆▇█")
PLAIN = Marks("o", "-", "|", "_.-=*#")
"""For terminals that know no other letters."""


def marks_for(encoding: str | None) -> Marks:
    """Choose what a terminal of this encoding can show."""
    try:
        "".join((FINE.dot, FINE.line, FINE.limit, FINE.levels)).encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return PLAIN
    return FINE


def history_lines(
    audit: str,
    releases: Sequence[Release],
    blocks: Sequence[Series],
    overview: Sequence[Series],
    broken: Broken | None,
    marks: Marks,
) -> list[str]:
    """Render a history: the releases, the first that broke a limit, blocks of charts, one-line figures."""
    lines = [f"{visible(audit)}: {len(releases)} recorded {'run' if len(releases) == 1 else 'runs'}", ""]
    lines += _release_lines(releases)
    lines += ["", broken_words(broken)] if any(s.gate for s in blocks) else []
    for series in blocks:
        lines += ["", *_block(series, marks)]
    if overview:
        lines += ["", "first to last release, lowest and highest:"]
        lines += _overview(overview, marks)
    return lines


def broken_words(broken: Broken | None) -> str:
    """Say which release broke a limit first."""
    if broken is None:
        return "no release broke a limit"
    gates = "; ".join(visible(title) for title in broken.titles)
    return f"first release that broke a limit: {visible(broken.release.name)} ({gates})"


def _release_lines(releases: Sequence[Release]) -> list[str]:
    rows = [["release", "created", "verdict", "rows", "data", "model"]]
    for before, release in zip([None, *releases], releases, strict=False):
        other = before is not None and before.data_sha256 != release.data_sha256
        rows.append(
            [
                visible(release.name), release.created[:16], release.verdict, f"{release.rows:,}",
                release.data_sha256[:8] + (" (changed)" if other else ""), (release.model_sha256 or "")[:8],
            ]
        )  # fmt: skip
    return _aligned(rows, right=(3,))


def _block(series: Series, marks: Marks) -> list[str]:
    limits = series.limits
    one_limit = f", limit {next(iter(limits))}" if len(limits) == 1 else ""
    head = f"{visible(series.title)} ({visible(series.variant)}{one_limit})"
    decimals = places(series)
    low, high = _span(series)
    rows = []
    for point in series.points:
        found = point.found
        limit = found.limit if found is not None and len(limits) > 1 else ""
        rows.append(
            [
                "  " + visible(point.release.name),
                number(found.value if found else None, decimals),
                ends(found, decimals) if found else "",
                _drawn(point, series, (low, high), marks),
                limit,
                (found.verdict if found else "") + ("  <- first to break the limit" * point.first_broken),
            ]
        )
    return [head, *_aligned(rows, right=(1,))]


def _span(series: Series) -> tuple[float, float]:
    """The ends of a chart: everything that is drawn in it lies between them."""
    ends = [
        value
        for f in series.known
        for value in (f.value, f.low, f.high, *limits_beside(f, series))
        if value is not None and abs(value) != float("inf")
    ]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _drawn(point: Point, series: Series, span: tuple[float, float], marks: Marks) -> str:
    cells = [" "] * WIDTH
    low, high = span

    def place(value: float) -> int:
        return round((min(max(value, low), high) - low) / (high - low) * (WIDTH - 1))

    found = point.found
    if found is None or found.value is None:
        return "".join(cells)
    if found.low is not None and found.high is not None:
        for cell in range(place(found.low), place(found.high) + 1):
            cells[cell] = marks.line
    for limit in limits_beside(found, series):
        cells[place(limit)] = marks.limit
    cells[place(found.value)] = marks.dot
    return "".join(cells)


def _overview(every: Sequence[Series], marks: Marks) -> list[str]:
    rows = []
    for series in every:
        values = [f.value for f in series.known if f.value is not None]
        if not values:
            continue
        decimals = places(series)
        ends = f"{number(values[0], decimals)} -> {number(values[-1], decimals)}"
        span = f"{number(min(values), decimals)} to {number(max(values), decimals)}"
        rows.append([f"  {visible(series.title)}", _spark(series, marks), ends, span])
    return _aligned(rows, right=())


def _spark(series: Series, marks: Marks) -> str:
    """A sign per release, as high as its figure; a gap where there is none."""
    values = [p.found.value if p.found else None for p in series.points]
    known = [v for v in values if v is not None and abs(v) != float("inf")]
    low, high = min(known, default=0.0), max(known, default=0.0)
    top = len(marks.levels) - 1

    def level(value: float | None) -> str:
        if value is None:
            return " "
        share = 0.5 if high == low else (min(max(value, low), high) - low) / (high - low)
        return marks.levels[round(share * top)]

    return "".join(map(level, values))


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int]) -> list[str]:
    """Columns side by side, each as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            if width
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
