"""Figures over releases: what was measured in each, and which release broke a limit first."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..datasets.errors import InputError
from .history import Recorded, Release

ORIGINAL = "original"


@dataclass(frozen=True)
class Point:
    """A figure of one release; None where that release has none.

    ``first_broken`` marks the first release whose gate failed.
    """

    release: Release
    found: Recorded | None
    first_broken: bool = False


@dataclass(frozen=True)
class Series:
    """One figure of one variant over the releases, in their order."""

    title: str
    variant: str
    gate: bool
    points: tuple[Point, ...]

    @property
    def known(self) -> list[Recorded]:
        """The figures of the releases that have one with a value."""
        return [p.found for p in self.points if p.found is not None and p.found.value is not None]

    @property
    def limits(self) -> set[str]:
        """The limits of the gate; more than one where it was changed between releases."""
        return {p.found.limit for p in self.points if p.found is not None and p.found.limit}


def limits_beside(found: Recorded, series: Series) -> tuple[float, ...]:
    """Return where a gate's limit lies on the axis of what it measured.

    The limit of a difference holds for its size, so it lies on both sides of zero; the other side is left
    out where no release comes near it.
    """
    if found.limit_value is None:
        return ()
    if found.compare != "difference":
        return (found.limit_value,)
    ends = [end for f in series.known for end in (f.value, f.low, f.high) if end is not None]
    sides = [found.limit_value] if max(ends, default=1.0) > 0 else []
    return (*sides, -found.limit_value) if min(ends, default=1.0) < 0 else tuple(sides)


@dataclass(frozen=True)
class Broken:
    """The first release that broke a limit, and which."""

    release: Release
    titles: tuple[str, ...]


def gate_series(releases: Sequence[Release], metrics: Sequence[str], variant: str | None) -> list[Series]:
    """Return the gates over the releases: those that enter a verdict, or those of a variant."""
    wanted = [
        g
        for release in releases
        for g in release.gates
        if (g.binding if variant is None else g.variant == variant) and (not metrics or g.metric in metrics)
    ]
    keys = dict.fromkeys((g.name, g.variant) for g in wanted)
    out = []
    for name, of in keys:
        found = [
            next((g for g in release.gates if (g.name, g.variant) == (name, of)), None)
            for release in releases
        ]
        last = next(g for g in reversed(found) if g is not None)
        title = f"gate {name}: {_compared(last)}"
        out.append(Series(title, of, True, _points(releases, found)))
    return out


def overall_series(releases: Sequence[Release], metrics: Sequence[str], variant: str) -> list[Series]:
    """Return the overall figures (and costs) of a variant; of the metrics named, or all."""
    return _figures(releases, variant, lambda f: f.part in ("overall", "cost"), metrics)


def disparity_series(releases: Sequence[Release], metrics: Sequence[str], variant: str) -> list[Series]:
    """Return the disparities over all slices of a feature that are of one of the metrics, or so called."""
    return _figures(
        releases, variant, lambda f: f.part == "disparity" and f.scope in ("between", "index"), metrics
    )


def _figures(
    releases: Sequence[Release], variant: str, of_part: Callable[[Recorded], bool], metrics: Sequence[str]
) -> list[Series]:
    def fits(f: Recorded) -> bool:
        return bool(
            f.variant == variant and of_part(f) and (not metrics or f.metric in metrics or f.name in metrics)
        )

    keys = dict.fromkeys((f.name, f.by) for release in releases for f in release.figures if fits(f))
    out = []
    for name, by in keys:
        found = [
            next((f for f in release.figures if fits(f) and (f.name, f.by) == (name, by)), None)
            for release in releases
        ]
        title = name + (f" by {' and '.join(by)}" if by else "")
        out.append(Series(title, variant, False, _points(releases, found)))
    return out


def _points(releases: Sequence[Release], found: Sequence[Recorded | None]) -> tuple[Point, ...]:
    first = next((i for i, f in enumerate(found) if f is not None and f.verdict == "fail"), None)
    return tuple(Point(r, f, i == first) for i, (r, f) in enumerate(zip(releases, found, strict=True)))


def _compared(gate: Recorded) -> str:
    """What a gate measures, in words."""
    of = gate.metric + (f" by {' and '.join(gate.by)}" if gate.by else "")
    return of if gate.compare == "value" else f"{of}, {gate.compare}"


def first_broken(releases: Sequence[Release], series: Iterable[Series]) -> Broken | None:
    """Return the first release in which some gate fails, with the gates; None where none does."""
    gates = [s for s in series if s.gate]
    for i, release in enumerate(releases):
        failed = [s.title for s in gates if (f := s.points[i].found) is not None and f.verdict == "fail"]
        if failed:
            return Broken(release, tuple(failed))
    return None


def check_asked(releases: Sequence[Release], metrics: Sequence[str], variant: str | None) -> None:
    """InputError where no release has a metric or the variant that was asked for."""
    every = [f for release in releases for f in (*release.figures, *release.gates)]
    known = sorted({name for f in every for name in (f.metric, *([f.name] if f.part != "gate" else []))})
    for metric in metrics:
        if metric not in known:
            raise InputError(f"--metric: no release has {_unknown(metric, known)}")
    variants = list(dict.fromkeys(f.variant for f in every))
    if variant is not None and variant not in variants:
        raise InputError(f"--variant: no release has {_unknown(variant, variants)}")


def _unknown(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"{name!r}; " + (f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}")
