"""Progress of an audit: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .audit.runner import Progress, silent

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_SECONDS = 5.0


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
    last = {"stage": "", "time": 0.0}

    def report(stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        new = stage != last["stage"]
        if not new and done != total and now - float(last["time"]) < LINE_SECONDS:
            return
        last.update(stage=stage, time=now)
        rows = f": {done:,}{f' of {total:,}' if total else ''} rows" if done else ""
        print(f"fairweigh: {stage}{rows}", file=sys.stderr, flush=True)

    return report


@contextmanager
def _bars() -> Iterator[Progress]:
    from tqdm import tqdm

    bar: tqdm[None] | None = None

    def report(stage: str, done: int, total: int | None) -> None:
        nonlocal bar
        if bar is None or bar.desc.rstrip(": ") != stage:
            if bar is not None:
                bar.close()
            bar = tqdm(desc=stage, total=total, unit=" rows", unit_scale=True, leave=False)
        bar.update(done - bar.n)

    try:
        yield report
    finally:
        if bar is not None:
            bar.close()
