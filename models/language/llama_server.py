"""llama.cpp in a process of its own, asked over the loopback."""

from __future__ import annotations

import json
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

from ...datasets.errors import InputError, shortened
from .cores import threads

Asked = TypeVar("Asked")
Told = TypeVar("Told")

CHILD = Path(__file__).with_name("llama_child.py")
ENDS_IN = 5.0
"""Seconds that a process has to end by itself."""
_LOGGED = re.compile(r"^[\d.]+ [A-Z] ")
_WHY = "error loading model: "


class LlamaServer:
    """A model that llama.cpp serves to this process.

    Parameters
    ----------
    path : Path
    context : int
        Tokens of each text that is under way.
    slots : int
        Texts under way at a time.

    Raises
    ------
    InputError
        llama.cpp cannot load the model.
    """

    def __init__(self, path: Path, context: int, slots: int) -> None:
        self.context, self._slots, self._key = context, slots, secrets.token_hex(16)
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - lives as long as this does
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True,
        )  # fmt: skip
        self._end = weakref.finalize(self, _end, self._process, self._log)
        asked = {
            "path": str(path), "context": context, "slots": slots, "threads": threads(), "key": self._key,
        }  # fmt: skip
        told = self._started(json.dumps(asked))
        if "address" not in told:
            # Its log is whole when the process has ended.
            died = self._died()
            why = self._said(_WHY) or str(told.get("error", "")) or died
            self.close()
            raise InputError(f"model.path: llama.cpp cannot load {path}: {shortened(why)}")
        address = urlsplit(told["address"])
        self._host, self._port = address.hostname or "127.0.0.1", address.port

    def _started(self, asked: str) -> dict[str, Any]:
        sent, told = self._process.stdin, self._process.stdout
        if sent is None or told is None:
            raise TypeError("a process without pipes")
        try:
            sent.write(asked + "\n")
            sent.flush()
            found = json.loads(told.readline() or "{}")
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def pid(self) -> int:
        """The process whose memory holds the model."""
        return self._process.pid

    def each(self, do: Callable[[Asked], Told], asked: Sequence[Asked]) -> list[Told]:
        """Do something for each, as many at a time as there are slots; in their order."""
        with ThreadPoolExecutor(self._slots) as pool:
            under_way = [pool.submit(do, one) for one in asked]
            try:
                return [one.result() for one in under_way]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def ask(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask llama.cpp.

        Raises
        ------
        InputError
            It refuses, it has ended, or it answers with no JSON.
        """
        connection = HTTPConnection(self._host, self._port)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        try:
            connection.request("POST", route, json.dumps(body), headers)
            answer = connection.getresponse()
            status, told = answer.status, json.loads(answer.read())
        except (OSError, HTTPException, ValueError):
            raise InputError(f"model: llama.cpp gave no answer: {shortened(self._died())}") from None
        finally:
            connection.close()
        if status != 200 or not isinstance(told, dict):
            error = told.get("error") if isinstance(told, dict) else None
            said = error.get("message") if isinstance(error, dict) else None
            raise InputError(f"model: llama.cpp refused a prompt: {shortened(str(said or status))}")
        return told

    def _died(self) -> str:
        """How the process ended, with the last words of its log."""
        try:
            code = self._process.wait(ENDS_IN)
        except subprocess.TimeoutExpired:
            return self._said() or "what it said is no JSON"
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"its process ended with {how}" + (f": {said}" if (said := self._said()) else "")

    def _said(self, mark: str = "") -> str:
        """The last line of the log, or the last with a mark, from there on."""
        self._log.seek(0)
        lines = [_LOGGED.sub("", line.strip()) for line in self._log if mark in line and line.strip()]
        return lines[-1].partition(mark)[2] if mark and lines else lines[-1] if lines else ""

    def close(self) -> None:
        """End the process."""
        self._end()


def _end(process: subprocess.Popen[str], log: IO[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(ENDS_IN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    log.close()
