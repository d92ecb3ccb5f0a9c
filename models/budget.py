"""What other people's graphs may take of this machine: memory that is there, and time, which may not end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from ..datasets.errors import InputError
from .foreign import STOPS, one_line

SHARE = 0.9
"""Of the memory that is free."""
LOOP_SECONDS = 30.0
"""How long a graph with loops may work on one batch: nothing else says when it ends."""
GRAPH_SECONDS = 600.0
"""How long one without may: its nodes are counted, and may be a million."""
_GROUP = Path("/sys/fs/cgroup")


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let this process allocate what memory is free and no more, so that it fails instead of being killed.

    A graph of a few bytes can ask for any amount, and the kernel promises more than there is. Only Linux says
    what is free; elsewhere nothing is bounded.
    """
    limit = _limit()
    if limit is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft != resource.RLIM_INFINITY:
        # Whoever set a limit knows this machine better.
        yield
        return
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def memory_on(device: str) -> AbstractContextManager[None]:
    """Bound what a graph takes on the CPU; a GPU's drivers reserve far more than they use."""
    return nullcontext() if device.startswith("cuda") else bounded_memory()


def _limit() -> int | None:
    """Bytes of data that this process may have: what it has, and a share of what is free."""
    try:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        held, free = (int(v.split()[0]) * 1024 for v in (status["VmData"], memory["MemAvailable"]))
    except (OSError, ValueError, KeyError, IndexError):
        return None
    return held + int(SHARE * min([free, *_free_in_group()]))


def _free_in_group() -> list[int]:
    """What the control group leaves, where this process is in one with a limit."""
    left = []
    for most, used in (("memory.max", "memory.current"),
                       ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):  # fmt: skip
        try:
            left.append(int((_GROUP / most).read_text()) - int((_GROUP / used).read_text()))
        except (OSError, ValueError):
            # The other version of control groups, or no limit.
            continue
    return [max(0, free) for free in left]


@contextmanager
def stopped_after(seconds: float | None, stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Call ``stop`` from another thread where what is inside takes longer; yields whether it was called."""
    late = threading.Event()
    if seconds is None:
        yield late.is_set
        return

    def ring() -> None:
        late.set()
        stop()

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield late.is_set
    finally:
        timer.cancel()


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on whichever device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        words in text
        for words in ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")
    )


@contextmanager
def scoring(
    path: Path,
    rows: int,
    *,
    seconds: float | None = None,
    stop: Callable[[], None] = lambda: None,
    what: str = "its graph",
    bounded: bool = True,
) -> Iterator[None]:
    """Hold a stranger's graph that scores some rows to the memory that is free, and to some seconds.

    Parameters
    ----------
    path : Path
        The graph.
    stop : callable
        Ends the run from another thread.
    what : str
        What has no end where the time is over.
    bounded : bool
        False for a GPU, whose drivers reserve far more than they use.

    Raises
    ------
    InputError
        It cannot score the rows, or not in time. An error of memory that ran out passes through.
    """
    with stopped_after(seconds, stop) as late:
        try:
            with bounded_memory() if bounded else nullcontext():
                yield
        except STOPS:
            raise
        except BaseException as error:
            if late():
                raise InputError(
                    f"model.path: {path}: {what} has not ended after {seconds:g} s on {rows} rows (where it "
                    "is slow and no more, lower model.batch_rows)"
                ) from None
            if out_of_memory(error):
                raise
            raise InputError(f"model: it cannot score the table: {one_line(error)}") from None
