"""The page on this machine alone: one address with a random token, read-only, nothing beyond."""

from __future__ import annotations

import gc
import hmac
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..datasets.errors import InputError
from ..models.extras import optional

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

LOOPBACK = "127.0.0.1"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer; what the page's script may do the page itself says."""
FORBIDDEN = "Forbidden: open the whole address that fairweigh explore printed"
"""Said where the token is missing or another one: that of a server that has ended, most of all."""


def check_installed() -> None:
    """InputError where the packages of the server are not here."""
    for module in ("starlette.applications", "uvicorn"):
        optional(module, "fairweigh explore", "explore")


def bound(port: int) -> socket.socket:
    """Take a port of this machine for itself; 0 takes any that is free.

    Raises
    ------
    InputError
        It is taken, or not to be had.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        held.bind((LOOPBACK, port))
        # Who is told the address at once waits until it is served.
        held.listen()
    except (OSError, OverflowError) as error:
        held.close()
        why = getattr(error, "strerror", None) or str(error)
        told = f"--port: {LOOPBACK}:{port} cannot be used: {why}; 0 takes any that is free"
        raise InputError(told) from None
    return held


def new_token() -> str:
    """A secret that nobody guesses: other programs and users of the machine reach the port too."""
    return secrets.token_urlsafe(24)


def application(page: str, token: str, port: int) -> Starlette:
    """Make the application that serves one page under its token.

    An address without it, or with another one, is forbidden, and another host's name is refused: a page of a
    stranger whose name leads to this machine reads nothing.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import HTMLResponse, PlainTextResponse
    from starlette.routing import Route

    hosts = {f"{LOOPBACK}:{port}", f"localhost:{port}"}

    async def answer(request: Request) -> Response:
        given, _, rest = str(request.path_params["path"]).partition("/")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode()):
            return PlainTextResponse(FORBIDDEN, 403)
        if rest:
            return PlainTextResponse("Not found", 404)
        return HTMLResponse(page)

    async def guarded(request: Request, answered: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.headers.get("host", "") not in hosts:
            response: Response = PlainTextResponse("Unknown host", 421)
        elif request.method not in ("GET", "HEAD"):
            response = PlainTextResponse("Read-only", 405, headers={"Allow": "GET, HEAD"})
        else:
            response = await answered(request)
        response.headers.update(HEADERS)
        return response

    return Starlette(
        routes=[Route("/{path:path}", answer, methods=["GET"])],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guarded)],
    )


def serve(page: str, held: socket.socket, token: str) -> None:
    """Serve the page on a port that was taken, until the process is interrupted."""
    import uvicorn

    # The command line leaves cycles alone, as a short process may; this one runs for hours.
    gc.enable()
    port = int(held.getsockname()[1])
    # Nothing is logged: an address has its token in it.
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    server = uvicorn.Server(uvicorn.Config(application(page, token, port), lifespan="off", **quiet))
    server.run(sockets=[held])
