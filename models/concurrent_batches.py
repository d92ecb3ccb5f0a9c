"""Batches side by side on a CPU: a thread for each beats all threads for one after the other.

The products of a batch of short texts are too small to be shared out well (docs/benchmarks.md).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Protocol, Self, TypeVar

Batch = TypeVar("Batch")
Found = TypeVar("Found")

MOST = 8
"""Batches at once: each holds its activations."""


class Divisible(Protocol):
    """A runtime that may run batches at once."""

    @property
    def shared_threads(self) -> int:
        """Threads, or requests, that may be shared out among batches; 1 where those run one after another."""
        ...

    def sibling(self) -> Self:
        """The same runtime for another thread: nothing that a batch writes to is shared."""
        ...


Runtime = TypeVar("Runtime", bound=Divisible)


def side_by_side(
    runtime: Runtime, batches: Sequence[Batch], run: Callable[[Runtime, Batch], Found]
) -> Iterator[Found]:
    """Run every batch, several at once where the runtime can.

    Parameters
    ----------
    runtime : Runtime
    batches : sequence
    run : callable
        Runs a batch on the runtime that it is given.

    Yields
    ------
    What `run` gives, in the order of the batches.
    """
    at_once = min(runtime.shared_threads, len(batches), MOST)
    if at_once < 2:
        for batch in batches:
            yield run(runtime, batch)
        return
    # A runtime whose threads are shared out is torch's; one that waits for a server needs no torch.
    torch = sys.modules.get("torch")
    free: SimpleQueue[Runtime] = SimpleQueue()
    for _ in range(at_once):
        free.put(runtime.sibling())

    def ran(batch: Batch) -> Found:
        mine = free.get()
        try:
            return run(mine, batch)
        finally:
            free.put(mine)

    before = None if torch is None else torch.get_num_threads()
    if torch is not None:
        torch.set_num_threads(runtime.shared_threads // at_once)
    try:
        with ThreadPoolExecutor(at_once) as pool:
            yield from pool.map(ran, batches)
    finally:
        if torch is not None:
            torch.set_num_threads(before)
