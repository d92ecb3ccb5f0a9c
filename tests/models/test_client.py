"""Asking a server: what comes back, what is told of everything that goes wrong, and where a key may go."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models import client
from fairweigh.models.client import Client

from ..serving import serving

PATH = "/v2/models/m"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No test waits for the seconds that a server may ask for."""
    waits: list[Any] = []
    monkeypatch.setattr("fairweigh.models.client.time.sleep", waits.append)
    return waits


def asked(answer: Callable[..., Any], key_env: str | None = None, body: Any = None) -> Any:
    with serving(answer) as url:
        return Client(url + PATH, key_env).ask("POST", url + PATH, body or {"rows": 1})


def plainly(
    status: int, body: dict[str, Any] | bytes | Callable[..., Any], **headers: Any
) -> Callable[..., tuple[Any, Any, Any]]:
    return lambda *_: (status, headers, body)


def dripping(handler: Any) -> None:
    """A byte now and then, for ever: no single read is slow."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    try:
        while True:
            handler.wfile.write(b" ")
            REST(0.02)
    except OSError:
        pass


def dripping_header(handler: Any) -> None:
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            handler.wfile.write(b"x")
            REST(0.02)
    except OSError:
        pass


REST = time.sleep


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (plainly(404, {"error": "Model m not found"}), r"nothing is served there \(HTTP 404: Model m not fo"),
        (plainly(401, {"detail": "who are you"}), r"key was refused or is missing \(HTTP 401: who are you\)"),
        (plainly(403, b""), r"key was refused or is missing \(HTTP 403\); see model.key_env"),
        (plainly(400, {"message": "no\ncolumn b", "stack_trace": "File x"}), "HTTP 400: no column b$"),
        (plainly(200, b"<html><body>Log in"), r"expected JSON, got a page \(HTML\): '<html><body>Log in'"),
        (plainly(500, b"<html>oh"), "HTTP 500$"),
        (plainly(200, b'{"a": NaN}'), "holds NaN or Infinity, expected numbers"),
        (plainly(200, b"\xff\xfe"), "expected JSON, got"),
        (plainly(200, b"[" * 100_000), "expected JSON, got"),
        (plainly(200, b""), "expected JSON, got ''"),
        (plainly(307, b"", Location="http://elsewhere.example/x?token=abc"), "redirects to http://elsewhere.exa"),
        (plainly(429, {"error": "slow down"}), "HTTP 429: slow down, 5 times"),
        (plainly(503, b"", **{"Retry-After": "9999"}), "HTTP 503; it asks to wait 9,999 s"),
        (plainly(200, lambda handler: None), "the connection was broken: .*, 5 times"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line_with_the_address(
    answer: Callable[..., tuple[Any, Any, Any]], says: str
) -> None:
    with pytest.raises(InputError, match=says) as told:
        asked(answer)
    assert str(told.value).startswith("model.endpoint: http://127.0.0.1:")
    assert "\n" not in str(told.value)
    assert "token=abc" not in str(told.value)


def test_a_busy_server_is_asked_again_after_as_long_as_it_says(impatient: Any) -> None:
    answers = iter([(429, {"Retry-After": "7"}, b""), (503, {}, b""), (200, {}, {"fine": 1})])
    assert asked(lambda *_: next(answers)) == {"fine": 1}
    assert impatient == [7.0, 1.0]


def test_a_broken_connection_is_tried_again(impatient: Any) -> None:
    answers = iter([lambda handler: None, {"fine": 1}])
    assert asked(lambda *_: (200, {}, next(answers))) == {"fine": 1}
    assert impatient == [0.5]


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    def half(handler: Any) -> None:
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{"fine": 0}')

    answers = iter([half, {"fine": 1}])
    assert asked(lambda *_: (200, {}, next(answers))) == {"fine": 1}


def test_where_nobody_listens_it_is_said_at_once(impatient: Any) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}{PATH}"
        with pytest.raises(InputError, match=r"no server answers: Connection refused$"):
            Client(url).ask("GET", url)
    assert impatient == []


@pytest.mark.parametrize("slow", [dripping, dripping_header])
def test_an_answer_that_drips_ends_in_time(slow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(InputError, match="no whole answer within 0 s"):
        asked(plainly(200, slow))
    assert time.monotonic() - began < 5


def test_an_answer_beyond_all_bounds_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 2**20)
    with pytest.raises(InputError, match="larger than 1 MiB; set a smaller batch_rows"):
        asked(plainly(200, b" " * 2**21))


def test_more_threads_than_connections_all_get_an_answer() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with serving(lambda method, path, content, headers: (200, {}, {"got": content.decode()})) as url:
        one = Client(url + PATH)
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda i: one.ask("POST", url + PATH, {"i": i})["got"], range(64)))
    assert found == [f'{{"i": {i}}}' for i in range(64)]


def test_the_key_goes_to_the_server_and_into_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "sk-very-secret")
    seen = []

    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[int, Any, Any]:
        seen.append(headers.get("Authorization"))
        return 401, {}, {"error": f"bad key {headers.get('Authorization')}"}

    with pytest.raises(InputError) as told:
        asked(answer, "OUR_KEY")
    assert seen == ["Bearer sk-very-secret"]
    assert "bad key Bearer ***" in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(("value", "says"), [(None, "no variable of this name"), ("a\nb", "is no key")])
def test_an_environment_without_the_key_is_told_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, value: str | None, says: str
) -> None:
    monkeypatch.setenv("OUR_KEY", value) if value else monkeypatch.delenv("OUR_KEY", raising=False)
    with pytest.raises(InputError, match=says) as told:
        Client("http://127.0.0.1:1" + PATH, "OUR_KEY")
    assert "a\nb" not in str(told.value)


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert asked(plainly(200, {"fine": 1})) == {"fine": 1}
