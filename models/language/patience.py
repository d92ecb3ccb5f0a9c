"""How a server is asked that may be busy: again after a while, not too often, and not for ever."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ...datasets.errors import InputError
from ..client import LaterError

Found = TypeVar("Found")

TRIES = 6
BACKOFF = 0.5
"""Seconds before the second try, twice as many before each next, and up to as many again by chance."""
LONGEST_BACKOFF, LONGEST_WAIT = 30.0, 120.0
"""The most that we wait by ourselves, and the most that a server may ask for."""


class StoppedError(InputError):
    """Somebody else's request failed for good, and this one is not asked any more."""


class Patience:
    """Tries, waits and a pace that all requests to one server share.

    Parameters
    ----------
    per_minute : float, optional
        Requests at most, tries included; they are spread evenly.
    tries : int
    backoff : float
        Seconds before the second try.
    sleep : callable, optional
        Waits so many seconds; for tests. By default a wait ends at once after `stop`.
    """

    def __init__(
        self,
        per_minute: float | None = None,
        *,
        tries: int = TRIES,
        backoff: float = BACKOFF,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._every = 60 / per_minute if per_minute else 0.0
        self._tries, self._backoff = tries, backoff
        self._stopped = threading.Event()
        self._sleep = self._stopped.wait if sleep is None else sleep
        self._lock = threading.Lock()
        self._next = 0.0
        self.tries_again = 0

    def stop(self) -> None:
        """Let whoever waits give up."""
        self._stopped.set()

    def start(self) -> None:
        """Ask again after a `stop`."""
        self._stopped.clear()

    def __call__(self, ask: Callable[[], Found]) -> Found:
        """Ask until there is an answer.

        Raises
        ------
        InputError
            The last try failed too (it says how many there were), the server asks for too long a wait, or
            `ask` raised it.
        """
        for tried in range(1, self._tries + 1):
            self._await_turn()
            try:
                return ask()
            except LaterError as error:
                if tried == self._tries:
                    raise InputError(f"{error}, {self._tries} times") from None
                if error.wait > LONGEST_WAIT:
                    raise InputError(f"{error}; it asks to wait {error.wait:,.0f} s") from None
                self._wait_after(error, tried)
        raise AssertionError

    def _wait_after(self, error: LaterError, tried: int) -> None:
        own = min(self._backoff * 2 ** (tried - 1), LONGEST_BACKOFF)
        # By chance: those who were refused together would come back together.
        wait = max(error.wait, own) + own * random.random()
        with self._lock:
            self.tries_again += 1
            if error.wait:
                # Who asks one of us to wait means all.
                self._next = max(self._next, time.monotonic() + error.wait)
        self._sleep(wait)

    def _await_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            mine = max(self._next, now)
            self._next = mine + self._every
        if mine > now:
            self._sleep(mine - now)
        if self._stopped.is_set():
            raise StoppedError("not asked any more, as another request failed")
