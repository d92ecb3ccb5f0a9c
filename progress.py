"""Progress of an audit: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .audit.progress import Progress, silent

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_SECONDS = 5.0
QUIET_SECONDS = 2.0


@contextmanager
def reporter(quiet: bool) -> Iterator[Progress]:
    """Yield the progress callback that suits where standard error goes."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _lines()


def counts_rows(stage: str) -> bool:
    """Whether what a stage counts are rows, rather than steps or variants."""
    return stage.startswith(("scoring", "computing"))


def told(stage: str, done: int, total: int | None, seconds: float, started_at: int) -> str:
    """Write where a stage is: rows or steps done, how fast, and the time left.

    Parameters
    ----------
    seconds : float
        Since the stage began, when ``started_at`` were done already.
    """
    if not done:
        return stage
    text = f"{stage}: {done:,}{f' of {total:,}' if total else ''}{' rows' if counts_rows(stage) else ''}"
    rate = (done - started_at) / seconds if seconds > 0 else 0.0
    if rate > 0 and counts_rows(stage):
        text += f", {rate:,.0f} rows/s"
    if rate > 0 and total and done < total:
        text += f", {_clock((total - done) / rate)} left"
    return text


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _lines() -> Progress:
    last_stage, last_time = "", 0.0
    began, began_at = 0.0, 0
    # A short audit says nothing on its way, so that an early error stands alone.
    quiet_until = time.monotonic() + QUIET_SECONDS

    def report(stage: str, done: int, total: int | None) -> None:
        nonlocal last_stage, last_time, began, began_at
        now = time.monotonic()
        if stage != last_stage:
            began, began_at = now, done
        if now < quiet_until:
            return
        if stage == last_stage and done != total and now - last_time < LINE_SECONDS:
            return
        last_stage, last_time = stage, now
        print(f"fairweigh: {told(stage, done, total, now - began, began_at)}", file=sys.stderr, flush=True)

    return report


@contextmanager
def _bars() -> Iterator[Progress]:
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        if stage not in bars:
            close()
            unit = " rows" if counts_rows(stage) else " steps"
            bars[stage] = tqdm(desc=stage, total=total, unit=unit, unit_scale=True, leave=False)
        bars[stage].update(done - bars[stage].n)

    def close() -> None:
        while bars:
            bars.popitem()[1].close()

    try:
        yield report
    finally:
        close()
