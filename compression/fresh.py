"""Artefacts in fresh processes: that they load, to the same scores, and how much memory they take.

Importing torch takes seconds, so one process imports it once and forks a child for each artefact: the
child has the libraries and nothing of any model. A process that has so much as asked for a CUDA device cannot
be forked, as libraries do when they are imported, so an artefact on such a device gets a process of its own,
which has imported them while others were at work. Run as ``python -m fairweigh.compression.fresh``, or as
another program that calls `main` and knows the recipes of more rooms.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..datasets.errors import InputError
from ..models.foreign import one_line

PROGRAM = "fairweigh.compression.fresh"
"""Loads artefacts whose steps are of this room or of guests."""
PAGE = os.sysconf("SC_PAGE_SIZE")
LIBRARIES = ("transformers", "torchao", "openvino")
"""Whose modules are imported before a child is made: no part of any model, and a second for each child."""
MOST_SPARES, CORES_A_SPARE = 3, 4
"""How many processes import libraries ahead, and cores for each of them, so that timings have rest."""


class Asked(NamedTuple):
    """An artefact that a fresh process is to load."""

    number: int
    artefact: Path
    folder: Path


class FreshProcesses:
    """Forks a clean child for each artefact; use it as a context manager.

    Parameters
    ----------
    family : str
        ``transformers``, ``torch`` or ``sklearn``: which libraries the children find imported.
    device : str
        Where most artefacts will run: for a CUDA device nothing is imported that only a child needs.
    program : str
        The module that is run: it has imported the recipes that made the artefacts, and calls `main`.
    """

    def __init__(self, family: str, device: str = "cpu", program: str = PROGRAM) -> None:
        self.family = family
        self.device = device
        self.program = program
        self._folder = tempfile.TemporaryDirectory(prefix="fairweigh-")
        self._server: subprocess.Popen[str] | None = None
        self._asked = 0
        self._told: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> FreshProcesses:
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-m", self.program, self.family, self.device],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            if kind:
                self._server.kill()
            # Its input ends, and so does it.
            self._server.communicate()
        self._folder.cleanup()

    def start(
        self,
        artefact: Path,
        rows: pa.RecordBatch,
        device: str,
        factories: Sequence[str] = (),
        trusted: Sequence[str] = (),
        modules: Sequence[str] = (),
    ) -> Asked:
        """Have an artefact score some rows in a fresh process; other work goes on meanwhile.

        What it finds is what `collect` waits for; the rest is as the artefact's loader takes it.

        Parameters
        ----------
        modules : sequence of str
            More of the libraries, by the names of their modules, that the child finds imported.
        """
        assert self._server is not None
        assert self._server.stdin is not None
        self._asked += 1
        folder = Path(self._folder.name) / str(self._asked)
        folder.mkdir()
        with pa.ipc.new_file(str(folder / "rows.arrow"), rows.schema) as writer:
            writer.write_batch(rows)
        job = {
            "number": self._asked,
            "artefact": str(artefact.absolute()),
            "folder": str(folder),
            "device": device,
            "factories": list(factories),
            "trusted": list(trusted),
            "modules": [name for name in modules if name.partition(".")[0] in LIBRARIES],
            "path": sys.path,
        }
        try:
            self._server.stdin.write(json.dumps(job) + "\n")
            self._server.stdin.flush()
        except OSError:
            raise self._ended(artefact) from None
        return Asked(self._asked, artefact, folder)

    def collect(self, asked: Asked) -> dict[str, Any]:
        """Wait for what `start` asked for.

        Returns
        -------
        dict
            ``score`` and ``decision`` (arrays, None for what it does not give), ``process_bytes`` (growth of
            the resident set on loading and scoring one row), ``peak_bytes``; ``device_bytes``, the most that
            torch took of a CUDA device, where there is one.

        Raises
        ------
        InputError
            It does not load there, or cannot score.
        """
        assert self._server is not None
        assert self._server.stdout is not None
        try:
            while asked.number not in self._told:
                told = json.loads(self._server.stdout.readline())
                self._told[told.pop("number")] = told
        except (OSError, ValueError):
            raise self._ended(asked.artefact) from None
        told = self._told.pop(asked.number)
        if "error" in told:
            raise InputError(f"in a fresh process: {told['error']}")
        with np.load(asked.folder / "scored.npz", allow_pickle=False) as arrays:
            return {**told, "decision": arrays.get("decision"), "score": arrays.get("score")}

    def _ended(self, artefact: Path) -> InputError:
        assert self._server is not None
        code = self._server.poll()
        return InputError(f"{artefact}: the process that loads artefacts ended with code {code}")


def main(program: str) -> None:
    """Serve as the command line of a program says, which was run by ``python -m``."""
    serve(*sys.argv[1:3], alone="alone" in sys.argv[3:], program=program)


def serve(family: str, device: str = "cpu", *, alone: bool = False, program: str = PROGRAM) -> None:
    """Read jobs from standard input, one JSON object a line, and answer each with a line.

    Parameters
    ----------
    device : str
        Where most of them will run.
    alone : bool
        Do the work here, without a child.
    program : str
        The one that is run.
    """
    apart = Apart(family, program)
    if device.startswith("cuda") and not alone:
        apart.prepare()
    else:
        _libraries(family)
    # What a module prints, in Python or below it, goes elsewhere than the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        if job["device"].startswith("cuda") and not alone:
            print(json.dumps({"number": job["number"], **apart.ask(line)}), file=answers, flush=True)
            continue
        _libraries(family)
        _import(job["modules"])
        child = 0 if alone else os.fork()
        if child == 0:
            print(json.dumps({"number": job["number"], **_answer(job)}), file=answers, flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            told = _ended_by(status & 127, status >> 8)
            print(json.dumps({"number": job["number"], **told}), file=answers, flush=True)
    apart.end()
    # To take thousands of modules apart would take a second, and whoever asked waits for the end.
    os._exit(0)


def _libraries(family: str) -> None:
    """Import what the models of a family need."""
    if family == "sklearn":
        import skops.io  # noqa: F401

        return
    from ..models.extras import optional

    # Also what transformers imports with the first model: hundreds of modules that are not its weights.
    lazily = ("transformers.modeling_utils", "transformers.models.auto.tokenization_auto")
    for name in (
        "torch",
        "safetensors.torch",
        *(lazily if family == "transformers" else ()),
        "onnxruntime",
    ):
        try:
            optional(name, "an artefact")
        except InputError:
            continue


class Apart:
    """Processes that each answer one job; some stand ready, their libraries imported.

    Their input ends with the process that made them, and so do they.
    """

    def __init__(self, family: str, program: str = PROGRAM) -> None:
        self._command = [sys.executable, "-P", "-m", program, family, "cpu", "alone"]
        self._ready: deque[subprocess.Popen[str]] = deque()

    def prepare(self) -> None:
        """Start as many as are to stand ready."""
        cores = len(os.sched_getaffinity(0)) // CORES_A_SPARE
        while len(self._ready) < max(1, min(MOST_SPARES, cores)):
            self._ready.append(
                subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    text=True,
                )
            )  # fmt: skip

    def ask(self, line: str) -> dict[str, Any]:
        """What a process of its own answers to a job."""
        self.prepare()
        process = self._ready.popleft()
        self.prepare()
        out, _ = process.communicate(line)
        if process.returncode:
            return _ended_by(max(0, -process.returncode), max(0, process.returncode))
        told: dict[str, Any] = json.loads(out)
        return told

    def end(self) -> None:
        """End those that nobody asked."""
        for process in self._ready:
            process.kill()
            process.communicate()
        self._ready.clear()


def _ended_by(signal: int, code: int) -> dict[str, Any]:
    return {"error": f"it was ended by signal {signal} or code {code}"}


def _import(modules: Sequence[str]) -> None:
    for name in modules:
        # The child imports it anyway, and tells what is wrong with it.
        with suppress(Exception):
            importlib.import_module(name)


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    from .artefact import load

    folder = Path(job["folder"])
    # A module's factory may lie wherever the parent found it.
    sys.path += [place for place in job["path"] if place not in sys.path]
    try:
        with pa.ipc.open_file(str(folder / "rows.arrow")) as file:
            rows = file.get_batch(0)
        device = _woken(job["device"])
        before = _resident()
        model = load(Path(job["artefact"]), job["device"], job["factories"], trusted=job["trusted"])
        # Weights are mapped from their file, and in memory only once they have been used.
        model.score(rows.slice(0, 1), None)
        loaded = _resident()
        scored = model.score(rows, None)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        said = {"decision": scored.decision, "score": scored.score}
        held: dict[str, Any] = {key: np.asarray(values) for key, values in said.items() if values is not None}
        # Words are written as such: an array of objects is a pickle.
        held = {key: values.astype(str) if values.dtype == object else values for key, values in held.items()}
        np.savez(folder / "scored.npz", **held)
        told: dict[str, Any] = {"process_bytes": loaded - before, "peak_bytes": peak}
        if device is not None:
            told["device_bytes"] = int(device.max_memory_allocated(job["device"]))
    except InputError as error:
        told = {"error": str(error)}
    except Exception as error:
        # The parent waits for an answer whatever goes wrong here.
        told = {"error": f"{type(error).__name__}: {one_line(error)}"}
    return told


def _woken(device: str) -> Any:
    """Wake a CUDA device, whose own share of memory is none of a model's; returns what torch counts on it."""
    if not device.startswith("cuda"):
        return None
    import torch

    from ..models.device import device_for, seeded

    # The kernels that the audit takes.
    seeded(0)
    torch.ones(1, device=device_for(device))
    return torch.cuda


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    main(PROGRAM)
