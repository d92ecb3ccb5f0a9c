"""Progress of an audit: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .audit.inputs import Progress
from .audit.runner import silent

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


def _lines() -> Progress:
    last_stage, last_time = "", 0.0
    # A short audit says nothing on its way, so that an early error stands alone.
    quiet_until = time.monotonic() + QUIET_SECONDS

    def report(stage: str, done: int, total: int | None) -> None:
        nonlocal last_stage, last_time
        now = time.monotonic()
        if now < quiet_until:
            return
        if stage == last_stage and done != total and now - last_time < LINE_SECONDS:
            return
        last_stage, last_time = stage, now
        rows = f": {done:,}{f' of {total:,}' if total else ''} rows" if done else ""
        print(f"fairweigh: {stage}{rows}", file=sys.stderr, flush=True)

    return report


@contextmanager
def _bars() -> Iterator[Progress]:
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        if stage not in bars:
            close()
            bars[stage] = tqdm(desc=stage, total=total, unit=" rows", unit_scale=True, leave=False)
        bars[stage].update(done - bars[stage].n)

    def close() -> None:
        while bars:
            bars.popitem()[1].close()

    try:
        yield report
    finally:
        close()
