"""A small client of GitHub's REST API that a server cannot hang, flood or lead elsewhere.

Answers are bounded in bytes and must be JSON, the token goes to the API's own host only, and what GitHub asks
to be tried later is tried later, a few times and for a bounded wait.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

SECONDS = 30
"""Of silence on a connection."""
MOST_BYTES = 32 * 2**20
MOST_REDIRECTS = 3
TRIES = 4
BACKOFF = 1.0
"""Seconds before the second try, and twice as many before each next, where the server asks for fewer."""
LONGEST_WAIT = 60.0
"""Seconds that a server may ask to wait; a minute is what GitHub asks for at its secondary limits."""
LONGEST_MESSAGE = 300


class ApiError(Exception):
    """What the API did not do, in one line; ``wait``: seconds after which it may be asked again."""

    def __init__(self, told: str, code: int | None = None, wait: float | None = None) -> None:
        super().__init__(one_line(told))
        self.code, self.wait = code, wait


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Leave a redirect to us: urllib would send the token on to whatever host it names."""


@dataclass(frozen=True)
class Api:
    """The API at an address, asked with a token."""

    url: str
    token: str = field(repr=False)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask once; redirects within the host are followed as GitHub asks, with the same method and body.

        Parameters
        ----------
        path
            Below the API's address, or a whole address on its host.

        Raises
        ------
        ApiError
            No answer, one that says no, or one that is no JSON.
        """
        url = path if "://" in path else f"{self.url.rstrip('/')}/{path}"
        for _ in range(MOST_REDIRECTS + 1):
            if _origin(url) != _origin(self.url):
                raise ApiError(f"{method}: {url} is not on the API's host; the token is not sent there")
            answer = self._once(method, url, body)
            if not isinstance(answer, str):
                return answer[0]
            url = urljoin(url, answer)
        raise ApiError(f"{method} {path}: redirected more than {MOST_REDIRECTS} times")

    def _once(self, method: str, url: str, body: dict[str, Any] | None) -> str | tuple[Any]:
        """The content of an answer, or where it redirects to."""
        asked = f"{method} {urlsplit(url).path}"
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": "fairweigh",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        data = None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(url, data, headers, method=method)
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=SECONDS) as answer:
                return (_json(answer.read(MOST_BYTES + 1), asked),)
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (301, 302, 307, 308) and (to := error.headers.get("Location")):
                    return to
                raise _refusal(error, asked) from None
        except ValueError as error:
            raise ApiError(f"{asked}: {error}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ApiError(f"{asked}: no answer: {reason or type(error).__name__}", wait=0.0) from None


def patiently(attempt: Callable[[], Any]) -> Any:
    """Attempt something until it is done or refused, after each wait that is asked for."""
    for tried in range(TRIES - 1):
        try:
            return attempt()
        except ApiError as error:
            if error.wait is None:
                raise
            if error.wait > LONGEST_WAIT:
                raise ApiError(f"{error}; it asks to wait {error.wait:,.0f} seconds") from None
            wait = max(error.wait, BACKOFF * 2**tried)
        time.sleep(wait)
    return attempt()


def one_line(text: str) -> str:
    """Cut a text of somebody else to one printable line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}..."


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ApiError(f"expected an address, got {url!r}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(f"expected an address of http or https, got {url!r}")
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme]


def _json(content: bytes, asked: str) -> Any:
    if len(content) > MOST_BYTES:
        raise ApiError(f"{asked}: the answer is larger than {MOST_BYTES // 2**20} MiB")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        start = content[:60].decode("utf-8", "replace")
        raise ApiError(f"{asked}: expected JSON, got {len(content)} bytes: {start!r}") from None


def _refusal(error: urllib.error.HTTPError, asked: str) -> ApiError:
    """What an answer that is no success says, with GitHub's own message."""
    try:
        content = json.loads(error.read(MOST_BYTES))
        message = content.get("message") if isinstance(content, dict) else None
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        message = None
    said = message if isinstance(message, str) and message.strip() else error.reason
    return ApiError(f"{asked}: HTTP {error.code}: {said}", error.code, _wait(error, str(said)))


def _wait(error: urllib.error.HTTPError, said: str) -> float | None:
    """Seconds after which to ask again; None where the answer is final."""
    asked = _seconds(error.headers.get("Retry-After"))
    if asked is None and error.headers.get("X-RateLimit-Remaining", "").strip() == "0":
        reset = _seconds(error.headers.get("X-RateLimit-Reset"))
        asked = None if reset is None else max(reset - time.time(), 0.0)
    limited = error.code == 403 and "rate limit" in said.lower()
    if asked is None and limited:
        return LONGEST_WAIT
    again = (
        limited or error.code in (408, 429, 500, 502, 503, 504) or (error.code == 403 and asked is not None)
    )
    return (asked or 0.0) if again else None


def _seconds(header: str | None) -> float | None:
    """A number of seconds, or a date as those from now."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
