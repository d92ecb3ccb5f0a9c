"""Asking a server of models: JSON to one address and JSON back, patiently and within bounds."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as failed
from urllib3.connection import HTTPConnection, HTTPSConnection

from ..datasets.errors import InputError
from ..plain import from_json
from .foreign import one_line

CONNECT_SECONDS, SECONDS = 10.0, 60.0
"""To reach a server, and for a whole answer, however it drips."""
MOST_BYTES = 64 * 2**20
TRIES = 5
BACKOFF, LONGEST_WAIT = 0.5, 60.0
"""Seconds before the second try, twice as many before each next; and the most that a server may ask for."""
AT_ONCE = 4
"""Requests on the way together."""
AGAIN = (429, 502, 503, 504)
BEARER = re.compile(r"[!-~]+")


class _HungUp:
    """A connection that ends when its answer takes too long: a socket's own time-out is for each read."""

    sock: Any
    seconds: float

    def getresponse(self) -> Any:
        """Wait for an answer; its ``watch`` hangs up until it is cancelled."""
        watch = threading.Timer(self.seconds, _hang_up, [self.sock])
        watch.daemon = True
        watch.start()
        try:
            answer = super().getresponse()  # type: ignore[misc]
        except BaseException:
            watch.cancel()
            raise
        answer.watch = watch
        return answer


def _hang_up(sock: socket.socket) -> None:
    # It may have been closed in this very moment.
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _Plain(_HungUp, HTTPConnection):
    pass


class _Secure(_HungUp, HTTPSConnection):
    pass


class LaterError(Exception):
    """What may be otherwise when it is asked again, after ``wait`` seconds."""

    def __init__(self, told: str, wait: float = 0.0) -> None:
        super().__init__(told)
        self.wait = wait


class SlowError(InputError):
    """No whole answer came in time."""


class RefusedError(InputError):
    """A server says no: the same request finds the same answer.

    Attributes
    ----------
    status : int
    content : bytes
        All that it said.
    """

    def __init__(self, told: str, status: int, content: bytes) -> None:
        super().__init__(told)
        self.status, self.content = status, content


@dataclass(frozen=True)
class Received:
    """What a server sent."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Client:
    """The server of a model.

    Parameters
    ----------
    address : str
        No other server is called: no redirect is followed and no proxy asked.
    key_env : str, optional
        Name of the environment variable with the key, which is sent as a bearer token and shown nowhere.
    seconds : float, optional
        For a whole answer, `SECONDS` if not said.
    at_once : int
        Connections at most.
    smaller : str
        What makes answers smaller, told where one is too large.
    """

    def __init__(
        self,
        address: str,
        key_env: str | None = None,
        *,
        seconds: float | None = None,
        at_once: int = AT_ONCE,
        smaller: str = "set a smaller batch_rows",
    ) -> None:
        self.address = address
        self.seconds = SECONDS if seconds is None else seconds
        self._smaller = smaller
        parts = urlsplit(address)
        secure = parts.scheme == "https"
        made = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool
        self._pool = made(
            str(parts.hostname), parts.port, maxsize=at_once, block=True,
            timeout=urllib3.Timeout(CONNECT_SECONDS, self.seconds),
        )  # fmt: skip
        self._pool.ConnectionCls = _patient(_Secure if secure else _Plain, self.seconds)
        self._key = None if key_env is None else _key(key_env)
        self._answered = False

    def ask(self, method: str, address: str, body: Any = None, *, text: bool = False) -> Any:
        """Ask until there is an answer; returns what its JSON holds, or with ``text`` its words.

        Raises
        ------
        InputError
            No answer, one that says no, or one that is no JSON.
        """
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        for tried in range(TRIES):
            with self.told(address):
                try:
                    found = self.exchange(method, address, content)
                    return found.decode("utf-8", "replace") if text else as_json(found)
                except LaterError as error:
                    if tried == TRIES - 1:
                        raise InputError(f"{error}, {TRIES} times") from None
                    if error.wait > LONGEST_WAIT:
                        raise InputError(f"{error}; it asks to wait {error.wait:,.0f} s") from None
                    wait = max(error.wait, BACKOFF * 2**tried)
            time.sleep(wait)
        raise AssertionError

    @contextmanager
    def told(self, address: str) -> Iterator[None]:
        """Say where an error comes from, and show no key in it: a server may repeat what it was sent."""
        try:
            yield
        except InputError as error:
            raise InputError(self.without_key(f"model.endpoint: {address}: {error}")) from None

    @property
    def key_length(self) -> int:
        """Characters of the key, 0 where there is none."""
        return len(self._key or "")

    def without_key(self, text: str) -> str:
        """Return a text of a server's without the key."""
        return text.replace(self._key, "***") if self._key else text

    def exchange(self, method: str, address: str, content: bytes | None) -> bytes:
        """Ask once; returns what a success holds.

        Raises
        ------
        LaterError
            It may be otherwise when it is asked again.
        RefusedError
            The server says no.
        InputError
            No answer in time (`SlowError`), none at all, or one beyond all bounds.
        """
        received = self._once(method, address, content)
        if received.status != 200:
            raise _refusal(received)
        return received.content

    def _once(self, method: str, address: str, content: bytes | None) -> Received:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "fairweigh"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        began = time.monotonic()
        try:
            answer = self._pool.urlopen(
                method, urlsplit(address).path, body=content, headers=headers, retries=False, redirect=False,
                preload_content=False, decode_content=False,
            )  # fmt: skip
            try:
                found = b""
                # A read may give what there is; that nothing more comes is told apart from what broke off.
                while len(found) <= MOST_BYTES and (more := answer.read(MOST_BYTES, decode_content=False)):
                    found += more
            finally:
                answer.watch.cancel()  # type: ignore[attr-defined]
                answer.close()
                answer.release_conn()
        except failed.HTTPError as error:
            if not isinstance(error, failed.ReadTimeoutError) and time.monotonic() - began < self.seconds:
                raise self._no_answer(error) from None
            found = None
        if found is None or time.monotonic() - began >= self.seconds:
            # What was cut off by us may look whole: a page without a length ends where the connection does.
            raise SlowError(f"no whole answer within {self.seconds:.0f} s")
        if len(found) > MOST_BYTES:
            raise InputError(f"the answer is larger than {MOST_BYTES // 2**20} MiB; {self._smaller}")
        self._answered = True
        return Received(answer.status, answer.headers, found)

    def _no_answer(self, error: Exception) -> Exception:
        """What it means that there was none; a server that has answered before may be starting again."""
        absent = isinstance(error, (failed.NewConnectionError, failed.ConnectTimeoutError))
        if isinstance(error, failed.SSLError):
            return InputError(f"no secure connection: {one_line(error)}")
        told = f"{'no server answers' if absent else 'the connection was broken'}: {_innermost(error)}"
        return InputError(told) if absent and not self._answered else LaterError(told)


def _patient(kind: Any, seconds: float) -> Any:
    """A kind of connection that waits so long for a whole answer."""
    return type(kind.__name__, (kind,), {"seconds": seconds})


def _innermost(error: BaseException) -> str:
    """What the system said, without the words of each library that it went through."""
    while error.__cause__ is not None:
        error = error.__cause__
    return getattr(error, "strerror", None) or one_line(error)


def _key(name: str) -> str:
    key = os.environ.get(name, "").strip()
    if not key:
        raise InputError("model.key_env: the environment has no variable of this name, or an empty one")
    if not BEARER.fullmatch(key):
        raise InputError("model.key_env: the variable's value is no key: expected ASCII without spaces")
    return key


def as_json(content: bytes) -> Any:
    """Read an answer; InputError where it is a page, or no JSON."""
    try:
        return from_json(content)
    except ValueError as error:
        start = content[:60].decode("utf-8", "replace").strip()
        if start.startswith("<"):
            raise InputError(f"expected JSON, got a page (HTML): {start!r}") from None
        if re.search(rb"\b(NaN|Infinity)\b", content):
            raise InputError(
                "the answer holds NaN or Infinity, expected numbers (JSON has no others)"
            ) from None
        raise InputError(f"expected JSON, got {start!r}: {one_line(error)}") from None


def _refusal(answer: Received) -> Exception:
    """What an answer that is no success means."""
    status, content, said = answer.status, answer.content, _said(answer.content)
    if 300 <= status < 400:
        to = urlsplit(answer.headers.get("Location", ""))
        host = f" to {to.scheme}://{to.hostname}" if to.hostname else ""
        return InputError(f"it redirects{host} (HTTP {status}); expected an answer at the address itself")
    if status in (401, 403):
        told = f"the key was refused or is missing (HTTP {status}{said}); see model.key_env"
        return RefusedError(told, status, content)
    if status == 404:
        return RefusedError(f"nothing is served there (HTTP 404{said})", status, content)
    told = f"HTTP {status}{said}"
    if status in AGAIN:
        return LaterError(told, _seconds(answer.headers.get("Retry-After")))
    return RefusedError(told, status, content)


def _said(content: bytes) -> str:
    """A server's own words on what is wrong, on one line."""
    try:
        found = from_json(content)
    except ValueError:
        found = content.decode("utf-8", "replace")
        found = "" if found.lstrip().startswith("<") else found
    if isinstance(found, dict):
        found = next((found[key] for key in ("error", "message", "detail") if found.get(key)), "")
    if isinstance(found, dict):
        # As OpenAI and those who speak like it say it.
        found = found.get("message") or found
    printable = "".join(c if c.isprintable() else " " for c in str(found)).strip()
    return f": {one_line(ValueError(printable))}" if printable else ""


def _seconds(header: str | None) -> float:
    """How long a server asks to wait: a number of seconds, or a date; 0 where it does not say."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text[:12])
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
