"""A history as one HTML file, made of what the report's front page is made of: nothing from a network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..audit.result import RunVerdict, Tally, Verdict
from ..reports.front.named_verdict import tally_words, verdict_says
from ..reports.front.over_time import Moment, height_of, over_time, scale
from ..reports.front.strips import MARKS
from ..reports.words.formats import MINUS, STYLES, Kind, read_limit
from ..reports.words.language import TAGS, Given, Sentence, listed, say, writing
from ..reports.words.language import series as series_words
from ..reports.words.spoken import plain
from .changes import changed
from .history import Recorded, Release
from .numbers import places, printed, printed_ends
from .series import Broken, Point, Series
from .titles import figure_called, kind_of, limit_called, word_of

if TYPE_CHECKING:
    from markupsafe import Markup

GATE_HEIGHT, FIGURE_HEIGHT = 124, 84
"""Pixels of a chart."""
MOST_NAMES = 6
"""Runs that are named under a chart; of more, the first and the last."""


@dataclass(frozen=True)
class Card:
    """A gate or figure over the runs, and what is said of its last."""

    title: Sentence
    limit: Sentence
    series: Series
    decimals: int
    verdict: str
    now: str
    before: Sentence
    scale: Markup | None
    drawing: Markup | None
    names: list[str]


def history_page(
    audit: str, where: str, releases: Sequence[Release], every: Sequence[Series], broken: Broken | None,
    *, language: str = "en", reports: Mapping[str, str],
) -> str:  # fmt: skip
    """Render a history as a whole HTML document that refers to nothing outside itself but its runs' reports.

    Parameters
    ----------
    language : str
        ``en`` or ``zh``.
    reports : mapping
        Addresses of reports by the sha256 of their run's ``audit.json``.
    """
    from .._version import __version__
    from ..reports.page.html import environment

    made = environment(Path(__file__).parent / "templates")
    made.filters["measured"] = _measured
    made.filters["limit"] = limit_called
    made.filters["ends"] = printed_ends
    with writing(language):
        gates = [series for series in every if series.gate]
        last = releases[-1]
        return made.get_template("history.html.j2").render(
            audit=audit,
            where=where,
            releases=list(zip([None, *releases], releases, strict=False))[::-1],
            last=last,
            says=verdict_says(cast(RunVerdict, last.verdict), Given(_spoken_of(last))),
            tally=_tally(last),
            broken=_broken(broken, gates),
            changes=changed(releases[-2], last, gates) if len(releases) > 1 else [],
            before=releases[-2] if len(releases) > 1 else None,
            gates=[_card(series, GATE_HEIGHT) for series in gates],
            figures=[_card(series, FIGURE_HEIGHT) for series in every if not series.gate],
            reports=reports,
            version=__version__,
            language=TAGS[language],
        )


def _measured(found: Recorded, decimals: int) -> str:
    return printed(found.value, decimals, kind_of(found))


def _judged(last: Release) -> list[str]:
    """The variants whose gates entered the verdict of a run; none where it has one model alone."""
    known = {one.variant for one in (*last.figures, *last.gates)}
    return list(dict.fromkeys(gate.variant for gate in last.gates if gate.binding)) if len(known) > 1 else []


def _spoken_of(last: Release) -> str:
    """The last run, and the variant that its verdict is of where there is one."""
    judged = _judged(last)
    return f"{last.name} ({judged[0]})" if len(judged) == 1 else last.name


def _tally(last: Release) -> Sentence:
    """Count what the gates of the last run found that entered its verdict."""
    verdicts = [gate.verdict for gate in last.gates if gate.binding]
    tally = Tally(
        variant="", passed=verdicts.count("pass"), failed=verdicts.count("fail"),
        open=verdicts.count("inconclusive"), error=verdicts.count("error"),
    )  # fmt: skip
    judged = _judged(last)
    if len(judged) < 2:
        return say("{tally}.", tally=tally_words(tally))
    variants = listed(Given(name) for name in judged)
    return say("{tally}. Gates of {variants}.", tally=tally_words(tally), variants=variants)


def _broken(broken: Broken | None, gates: Sequence[Series]) -> Sentence:
    if broken is None:
        return say("No run broke a limit.") if gates else ()
    failed = [
        figure_called(point.found)
        for series in gates
        for point in series.points
        if point.release is broken.release and point.found is not None and point.found.verdict == "fail"
    ]
    return say(
        "The first run that broke a limit is {run}: {gates}.",
        run=(Given(broken.release.name),), gates=series_words(failed),
    )  # fmt: skip


def _card(series: Series, pixels: int) -> Card:
    decimals = places(series)
    found = [point.found for point in series.points if point.found is not None]
    last, former = series.points[-1].found, series.points[-2].found if len(series.points) > 1 else None
    moments = [_moment(point, decimals) for point in series.points]
    height = height_of(moments, pixels) if series.known else None
    names, kind = [point.release.name for point in series.points], kind_of(found[-1])
    return Card(
        title=figure_called(found[-1]),
        limit=limit_called(found[-1]) if series.gate else (),
        series=series,
        decimals=decimals,
        verdict=last.verdict if last is not None else "",
        now=printed(last.value if last is not None else None, decimals, kind),
        before=say("was {gap}", gap=printed(former.value, decimals, kind)) if former is not None else (),
        scale=scale(height, _ticks(height.axis.ticks(3), kind)) if height is not None else None,
        drawing=over_time(moments, height) if height is not None else None,
        names=names if len(names) <= MOST_NAMES else [names[0], names[-1]],
    )


def _ticks(steps: Iterable[float], kind: Kind) -> list[tuple[float, str]]:
    """Round values with the least decimals that tell them apart; rates in hundredths, without their unit."""
    held, scale_of = list(steps), STYLES[kind].scale
    for decimals in range(7):
        # Adding 0 takes the sign from a value that is rounded to 0.
        texts = [f"{round(step * scale_of, decimals) + 0.0:.{decimals}f}" for step in held]
        if len(set(texts)) == len(held):
            break
    return [(step, text.replace("-", MINUS)) for step, text in zip(held, texts, strict=True)]


def _moment(point: Point, decimals: int) -> Moment:
    found = point.found
    if found is None or found.value is None or not math.isfinite(found.value):
        return Moment(None)
    return Moment(
        found.value, _finite(found.low), _finite(found.high),
        MARKS[cast(Verdict, found.verdict) if found.verdict else None],
        _allowed(found), plain(_said(point, found, decimals)),
    )  # fmt: skip


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value


def _allowed(found: Recorded) -> tuple[float, float] | None:
    """What a gate's limit leaves free on the axis of what it measured; of a difference, both signs."""
    limit = read_limit(found.limit) if found.limit else None
    if limit is None:
        return None
    if found.compare == "difference" and limit.upper:
        return (-limit.value, limit.value)
    return (-math.inf, limit.value) if limit.upper else (limit.value, math.inf)


def _said(point: Point, found: Recorded, decimals: int) -> Sentence:
    """A figure of one run in words."""
    value, limits = printed(found.value, decimals, kind_of(found)), printed_ends(found, decimals) or "—"
    run = (Given(point.release.name),)
    if not found.verdict:
        return say("{run}: {figure} ({limits})", run=run, figure=value, limits=limits)
    return say(
        "{run}: {figure} ({limits}), {limit}: {verdict}",
        run=run, figure=value, limits=limits, limit=limit_called(found), verdict=word_of(found.verdict),
    )  # fmt: skip
