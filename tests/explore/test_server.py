"""The server: this machine alone, one secret address, read-only."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..pages import needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser

    from .conftest import Made


@pytest.fixture(scope="module")
def served(made: Made) -> Iterator[tuple[int, str, subprocess.Popen[str]]]:
    """The command itself, with its port and token."""
    command = [sys.executable, "-m", "fairweigh", "explore", str(made(gates=[])), "-q"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    told = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([\w-]{32})/\n", line)
    assert told, (line, process.poll())
    yield int(told[1]), told[2], process
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()


def ask(port: int, method: str, path: str, host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    response = connection.getresponse()
    response.read_text = response.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_it_answers_its_own_address_alone_and_ends_when_interrupted(served: Any) -> None:
    port, token, process = served
    path = f"/{token}/"
    good = ask(port, "GET", path)
    assert good.status == 200
    assert "<!doctype html>" in good.read_text  # type: ignore[attr-defined]
    headers = {name.lower(): value for name, value in good.getheaders()}
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == "frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert ask(port, "GET", path, f"localhost:{port}").status == 200
    for wrong in (
        "/",
        "/x/",
        "/x",
        "//",
        f"/{token[:-1]}/",
        f"/{token}x/",
        f"//{token}/",
        "/%ff/",
        "/audit.json",
    ):
        answer = ask(port, "GET", wrong)
        assert answer.status == 403, wrong
        assert answer.read_text == "Forbidden: open the whole address that fairweigh explore printed"  # type: ignore[attr-defined]
    for lacking in (f"/{token}/../", f"/{token}/audit.json", f"/{token}/predictions/original.parquet"):
        assert ask(port, "GET", lacking).status == 404, lacking
    for host in ("example.org", f"example.org:{port}", "127.0.0.1", f"127.0.0.1.example.org:{port}"):
        assert ask(port, "GET", path, host).status == 421, host
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        assert ask(port, method, path).status == 405, method
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


@needs_chromium
def test_the_view_in_the_address_never_loses_the_token(made: Made, browser: Browser, tmp_path: Path) -> None:
    """Nor does a view need the run's folder, which may go while the page is looked at."""
    run = Path(shutil.copytree(made(gates=[]), tmp_path / "run"))
    command = [sys.executable, "-m", "fairweigh", "explore", str(run), "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        shutil.rmtree(run)
        page = browser.new_page()
        try:
            page.goto(f"{address}#threshold=0.7&nothing=1")
            page.wait_for_selector("html[data-ready]")
            assert "nothing=1" in page.locator("#ignored").inner_text()
            page.locator("#sort").select_option("name")
            assert page.url == f"{address}#threshold=0.7&sort=name"
            page.locator("#skip").focus()
            page.keyboard.press("Enter")
            page.go_back()
            assert page.url == f"{address}#threshold=0.7&nothing=1"
            answer = page.reload()
            assert answer is not None
            assert answer.status == 200
            page.locator("#link").click()
            assert page.locator("#address").inner_text().startswith(address)
        finally:
            page.close()
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0


def test_what_the_page_may_do_stands_in_it(made: Made, written: Callable[..., Path]) -> None:
    text = written(made(gates=[])).read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert policy[1].startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe" not in policy[1]
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text)
