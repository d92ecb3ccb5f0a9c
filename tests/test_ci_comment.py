"""The comment on a pull request where the server in GitHub's place misbehaves, one real server per way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CI = Path(__file__).parents[1] / "ci"
MARKER = "<!-- fairweigh:lending:0123456789ab -->"
TEXT = f"{MARKER}\n## ✓ pass: lending\n"
COMMENTS = "/repos/o/r/issues/7/comments"
WARNED = "::warning title=fairweigh::The comment could not be written: "

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


@dataclass
class Server:
    """A server that answers as it is told, and what it was asked."""

    url: str = ""
    answer: Callable[[str, str], Answer] = field(default=lambda method, path: as_github(method, path))
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    drip: bool = False

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.asked if method != "GET"]


def as_json(content: Any, code: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return code, named, json.dumps(content).encode()


def as_github(method: str, path: str, comments: tuple[dict[str, Any], ...] = ()) -> Answer:
    """What GitHub says to the token of a workflow."""
    if path == "/user":
        return as_json({"message": "Resource not accessible by integration"}, 403)
    if method == "GET":
        return as_json(list(comments))
    return as_json({"id": 1}, 201 if method == "POST" else 200)


def running(found: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def _handle(self) -> None:
            found.asked.append((self.command, self.path))
            found.tokens.append(self.headers["Authorization"])
            sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if self.command != "GET" and self.path != "/graphql":
                found.written.append(json.loads(sent)["body"])
            code, headers, body = found.answer(self.command, self.path)
            if found.drip:
                body += b" " * 1000
            self.send_response(code)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            for k in range(len(body) if found.drip else 0):
                self.wfile.write(body[k : k + 1])
                time.sleep(0.2)
            self.wfile.write(b"" if found.drip else body)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # The client may hang up.
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    yield from running(Server())


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    yield from running(Server())


@pytest.fixture
def comment(server: Server, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the script; in capitals, constants of it that a test need not wait for."""
    (tmp_path / "comment.md").write_text(TEXT, encoding="utf-8")

    def run(env: dict[str, str] | None = None, **constants: float) -> subprocess.CompletedProcess[str]:
        set_up = "".join(
            f"setattr(comment if hasattr(comment, {name!r}) else github, {name!r}, {value})\n"
            for name, value in constants.items()
        )
        code = f"import sys; sys.path.insert(0, {str(CI)!r})\nimport comment, github\n{set_up}"
        given = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
            "GITHUB_API_URL": server.url, "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "42", "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "secret",
            "PULL_REQUEST": "7", "HEAD_SHA": "0123456789abcdef", "COMMENT": str(tmp_path / "comment.md"),
        } | (env or {})  # fmt: skip
        script = ["-c", f"{code}sys.exit(comment.main())"] if constants else [str(CI / "comment.py")]
        return subprocess.run(
            [sys.executable, *script], env=given, capture_output=True, text=True, check=False, timeout=60
        )

    return run


def warned(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line of the warning that a script ends with."""
    assert (ended.returncode, ended.stderr) == (0, "")
    (line,) = ended.stdout.splitlines()
    assert line.startswith(WARNED)
    return line.removeprefix(WARNED)


def a_comment(number: int | str, login: str | None, kind: str = "Bot", body: str = TEXT) -> dict[str, Any]:
    return {"id": number, "user": login and {"login": login, "type": kind}, "body": body}


# --- whose comment it is -----------------------------------------------------------------------------


def test_no_other_bots_comment_is_written_over_though_the_token_has_no_user(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    others = (
        a_comment(1, "dependabot[bot]"),
        a_comment(2, "github-actions", "User"),
        a_comment(3, None),
        a_comment(4, "github-actions[bot]", body=f"quoted: {MARKER}\n"),
        a_comment(5, "github-actions[bot]", body=TEXT.replace("lending", "hiring")),
    )
    server.answer = lambda method, path: as_github(method, path, others)
    assert comment().stdout == "fairweigh: comment written\n"
    assert server.writes == [("POST", COMMENTS)]
    mine = a_comment(6, "github-actions[bot]", body=TEXT.replace("\n", "\r\n"))
    server.answer = lambda method, path: as_github(method, path, (*others, mine))
    assert comment().stdout == "fairweigh: comment updated\n"
    assert server.writes[1:] == [("PATCH", "/repos/o/r/issues/comments/6")]
    assert server.written[0].startswith(TEXT)
    assert "[Commit 0123456789ab](https://github.example/o/r/actions/runs/42)" in server.written[0]


def test_a_user_and_an_app_know_their_own_comments(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    there = (a_comment(1, "github-actions[bot]"), a_comment(2, "ours[bot]"), a_comment(3, "ann", "User"))

    def answer(method: str, path: str) -> Answer:
        if path == "/graphql":
            return as_json({"data": {"viewer": {"login": "ours[bot]"}}})
        return as_github(method, path, there)

    server.answer = answer
    assert comment({"GITHUB_GRAPHQL_URL": f"{server.url}/graphql"}).returncode == 0
    server.answer = lambda method, path: (
        as_json({"login": "ann"}) if path == "/user" else answer(method, path)
    )
    assert comment().returncode == 0
    assert [path[-1] for method, path in server.writes if method == "PATCH"] == ["2", "3"]


# --- answers that are none ---------------------------------------------------------------------------

NO_ID = "expected a comment with an id, got one without"
NO_COMMENTS = "expected a list of comments, got a list of something else"
ODD = [
    (b"<!doctype html><title>Sign in</title>", "expected JSON, got 37 bytes: '<!doctype html><title>Sign in"),
    (b"", "expected JSON, got 0 bytes: ''"),
    (b'[{"id": 1, "user": {"lo', "expected JSON, got 23 bytes"),
    (b"\xff\xfe\x00bin", "expected JSON, got 6 bytes"),
    (b"[" * 200_000, "expected JSON, got 200000 bytes"),
    (b'{"message": "moved"}', "expected a list of comments, got JSON of type dict"),
    (b"null", "expected a list of comments, got JSON of type NoneType"),
    (b"[1, 2]", NO_COMMENTS),
    (b'["' + b"[" * 900 + b'", 1]', NO_COMMENTS),
    (json.dumps([a_comment("7", "github-actions[bot]")]).encode(), NO_ID),
    (json.dumps([a_comment(True, "github-actions[bot]")]).encode(), NO_ID),
]  # fmt: skip


@pytest.mark.parametrize(("body", "told"), ODD)
def test_an_odd_answer_is_one_line_and_writes_nothing(
    body: Any, told: Any, server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.answer = lambda method, path: (200, {}, body) if path != "/user" else as_github(method, path)
    assert told in warned(comment())
    assert server.writes == []


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 9},
        {"id": 9, "user": []},
        {"id": 9, "user": {"login": 3}, "body": 4},
        a_comment(9, "a", body=None),
    ],
)
def test_a_comment_of_nobody_known_is_passed_over(
    odd: Any, server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.answer = lambda method, path: as_github(method, path, (odd,))
    assert comment().stdout == "fairweigh: comment written\n"


def test_an_answer_to_the_comment_that_is_not_the_comment_is_no_success(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.answer = lambda method, path: (200, {}, b"<html>") if method == "POST" else as_github(method, path)
    assert "expected JSON" in warned(comment())


def test_a_server_with_pages_without_end_is_asked_a_bounded_number_of_times(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    full = tuple(a_comment(k, f"u{k}") for k in range(50))
    server.answer = lambda method, path: as_github(method, path, full)
    assert warned(comment()) == f"GET {COMMENTS.removeprefix('/')}: more than 3,000 comments"
    assert len(server.asked) == 61
    assert server.writes == []


def test_an_answer_without_end_is_cut(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.answer = lambda method, path: (200, {}, b"[" + b" " * 3_000_000 + b"]")
    assert "the answer is larger than 1 MiB" in warned(comment(MOST_BYTES=2**20))


def test_a_server_that_drips_meets_the_deadline(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.drip = True
    began = time.monotonic()
    assert warned(comment(DEADLINE=1.0)) == "the server took more than 1 seconds"
    assert time.monotonic() - began < 20
    server.drip = False


def test_a_server_that_says_nothing_is_asked_again_and_then_left(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.answer = lambda method, path: (time.sleep(2), as_github(method, path))[1]  # type: ignore[func-returns-value]
    assert "no answer: timed out" in warned(comment(SECONDS=0.3, TRIES=2))
    assert len(server.asked) == 2


def test_no_server_at_all_is_a_warning(comment: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert "GET /user: no answer:" in warned(comment({"GITHUB_API_URL": "http://127.0.0.1:9"}, TRIES=1))


# --- the token ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_token_is_sent_to_no_other_host(
    code: int,
    method: str,
    server: Server,
    elsewhere: Server,
    comment: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    server.answer = lambda asked, path: (
        (code, {"Location": f"{elsewhere.url}{path}"}, b"")
        if asked == method and path != "/user"
        else as_github(asked, path)
    )
    assert "the token is not sent there" in warned(comment())
    assert elsewhere.asked == []


@pytest.mark.parametrize(
    "to", ["//127.0.0.1:1/x", "https://127.0.0.1/x", "file:///etc/passwd", "http://[::1"]
)
def test_a_redirect_to_somewhere_odd_is_refused(
    to: str, server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.answer = lambda method, path: (302, {"Location": to}, b"")
    assert warned(comment())
    assert server.asked == [("GET", "/user")]


def test_a_renamed_repository_is_followed_on_the_same_host(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def answer(method: str, path: str) -> Answer:
        if path.startswith("/repos/o/r/"):
            return 307, {"Location": path.replace("/repos/o/r/", "/repositories/3/")}, b""
        return as_github(method, path)

    server.answer = answer
    assert comment().stdout == "fairweigh: comment written\n"
    assert server.writes == [("POST", COMMENTS), ("POST", "/repositories/3/issues/7/comments")]
    assert set(server.tokens) == {"Bearer secret"}
    server.answer = lambda method, path: (302, {"Location": path}, b"")
    assert "redirected more than 3 times" in warned(comment())


def test_the_other_api_is_asked_on_the_same_host_only(
    server: Server, elsewhere: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert (
        comment({"GITHUB_GRAPHQL_URL": f"{elsewhere.url}/graphql"}).stdout == "fairweigh: comment written\n"
    )
    assert elsewhere.asked == []


# --- no, and not yet ---------------------------------------------------------------------------------


def test_githubs_own_message_is_told(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    said = "Resource not\naccessible by \x1b[31mintegration 100%" + "x" * 5_000
    server.answer = lambda method, path: (
        as_json({"message": said}, 403) if method == "POST" else as_github(method, path)
    )
    told = warned(comment())
    assert told.startswith(
        "POST /repos/o/r/issues/7/comments: HTTP 403: Resource not accessible by [31mintegration 100%25x"
    )
    assert len(told) < 400
    assert server.writes == [("POST", COMMENTS)]


LATER = [
    as_json({"message": "slow down"}, 429, Retry_After="1"),
    as_json({"message": "You have exceeded a secondary rate limit"}, 403, Retry_After="1"),
    as_json({"message": "API rate limit exceeded"}, 403, X_RateLimit_Remaining="0", X_RateLimit_Reset="1"),
    (503, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, b"<html>"),
    (502, {}, b""),
]


@pytest.mark.parametrize("later", LATER)
def test_what_is_to_be_asked_later_is_asked_later(
    later: Any, server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def answer(method: str, path: str) -> Answer:
        tried = sum(asked == ("POST", COMMENTS) for asked in server.asked)
        return later if method == "POST" and tried == 1 else as_github(method, path)

    server.answer = answer
    assert comment().stdout == "fairweigh: comment written\n"
    assert len(server.writes) == 2


def test_a_comment_that_was_written_without_an_answer_is_not_written_twice(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The server stores it and fails behind that; the next try finds it."""

    def answer(method: str, path: str) -> Answer:
        there = [a_comment(8, "github-actions[bot]", body=text) for text in server.written]
        return (502, {}, b"") if method == "POST" else as_github(method, path, tuple(there))

    server.answer = answer
    assert comment().stdout == "fairweigh: comment updated\n"
    assert server.writes == [("POST", COMMENTS), ("PATCH", "/repos/o/r/issues/comments/8")]


def test_who_always_says_later_is_asked_four_times_and_not_waited_for_an_hour(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    server.answer = lambda method, path: as_json({"message": "later"}, 429, Retry_After="0")
    assert warned(comment(BACKOFF=0.02)).endswith("HTTP 429: later")
    assert len(server.asked) == 4
    server.answer = lambda method, path: as_json({"message": "later"}, 429, Retry_After="3600")
    assert warned(comment()).endswith("HTTP 429: later; it asks to wait 3,600 seconds")
    assert len(server.asked) == 5


# --- input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_API_URL", "file:///etc/passwd"), ("GITHUB_TOKEN", "a\nX-Evil: 1"), ("GITHUB_TOKEN", ""),
        ("GITHUB_REPOSITORY", "o/r/../x"), ("GITHUB_REPOSITORY", "o"), ("PULL_REQUEST", "7/x"),
        ("PULL_REQUEST", ""), ("HEAD_SHA", "x](http://evil)"), ("COMMENT", "/nowhere"),
        ("COMMENT", "/"), ("COMMENT", os.devnull),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_code_2(
    name: str, value: Any, server: Server, comment: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    ended = comment({name: value})
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"fairweigh: {value if name == 'COMMENT' else name}")
    assert "Evil" not in line
    assert server.asked == []


def test_a_comment_is_cut_to_what_github_takes(
    server: Server, comment: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "comment.md").write_text(TEXT + "| a | b |\n" * 10_000, encoding="utf-8")
    assert comment().returncode == 0
    (body,) = server.written
    assert len(body) <= 65_536
    assert "| a | b |\n\nThe rest stands in the report.\n" in body
    assert body.endswith("[Commit 0123456789ab](https://github.example/o/r/actions/runs/42)\n")
