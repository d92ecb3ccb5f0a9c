"""The chart engine in a process of its own: whatever becomes of it, a chart never costs a run.

The engine is a browser's interpreter inside a library. It reserves gigabytes of addresses and, where it gets
none (``ulimit -v`` of a batch cluster), ends the process that it is in, which no ``except`` can prevent.
Run as ``python -m fairweigh.reports.drawing.engine``: a specification a line comes in, an answer a line out.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from typing import Any

SECONDS = 120.0
"""How long one chart may take."""


class UndrawableError(Exception):
    """The engine cannot draw on this machine."""


class Engine:
    """Draws charts in another process, which starts with the first of them and ends with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._one = threading.Lock()

    def svg(self, spec: dict[str, Any]) -> str:
        """Convert a Vega-Lite specification, its data inside, to an SVG.

        Raises
        ------
        UndrawableError
            The engine does not start, has ended or takes longer than `SECONDS`.
        """
        with self._one:
            try:
                return self._asked(self._started(), spec)
            except (OSError, ValueError) as error:
                self._stopped()
                raise UndrawableError(f"the chart engine does not work here: {error}") from None

    def _started(self) -> subprocess.Popen[str]:
        # A process that was forked from this one must not write into the same pipe.
        if self._process is None or self._owner != os.getpid():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "fairweigh.reports.drawing.engine"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
            )  # fmt: skip
            self._owner = os.getpid()
            atexit.register(self._stopped)
        return self._process

    def _asked(self, process: subprocess.Popen[str], spec: dict[str, Any]) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        alarm = threading.Timer(SECONDS, process.kill)
        alarm.start()
        try:
            process.stdin.write(json.dumps(spec) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise ValueError(f"it ended with code {process.wait()}")
        finally:
            alarm.cancel()
        answer = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return str(answer["svg"])

    def _stopped(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        try:
            process.communicate()
        except (OSError, ValueError):
            # What was still to be written has nobody to read it.
            process.wait()


ENGINE = Engine()
"""One for all reports of this process."""


def serve() -> None:
    """Draw what standard input asks for until it ends."""
    import vl_convert

    # What the library prints goes elsewhere than the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            # The specification holds its data: nothing may be fetched while converting.
            told = {"svg": vl_convert.vegalite_to_svg(json.loads(line), allowed_base_urls=[])}
        except ValueError as error:
            told = {"error": " ".join(str(error).split())[:300]}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    serve()
