"""Commands in processes of their own that find torch and transformers imported, which takes seconds.

One process imports them and forks a child for each command: what a command does, what it leaves where it is
killed and what it prints are as in a process that was started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

_prepared = multiprocessing.get_context("forkserver")
_prepared.set_forkserver_preload(
    ["torch", "transformers", "torchao", "fairweigh.api", "fairweigh.audit.runner"]
)
_IN_A_CHILD = "__command__"


def started(*args: str, cwd: Path, told: Path) -> BaseProcess:
    """Start ``fairweigh ARGS`` in a folder; what it prints goes to ``told``, as ``out`` and ``err``."""
    given = {"given": (args, cwd, told)}
    process = _prepared.Process(target=runpy.run_path, args=(__file__, given, _IN_A_CHILD))
    process.start()
    return process


def command(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``fairweigh ARGS`` in a folder to its end."""
    with tempfile.TemporaryDirectory() as folder:
        process = started(*args, cwd=cwd, told=Path(folder))
        process.join()
        out, err = (Path(folder, name).read_text(encoding="utf-8") for name in ("out", "err"))
    assert process.exitcode is not None
    return subprocess.CompletedProcess(args, process.exitcode, out, err)


def _command(args: tuple[str, ...], cwd: Path, told: Path) -> NoReturn:
    from fairweigh.cli import main

    for number, name, stream in ((1, "out", "stdout"), (2, "err", "stderr")):
        with (told / name).open("wb") as place:
            os.dup2(place.fileno(), number)
        setattr(sys, stream, os.fdopen(number, "w", encoding="utf-8", closefd=False))
    os.chdir(cwd)
    sys.path.insert(0, str(cwd))
    sys.argv = ["fairweigh", *args]
    main()


if __name__ == _IN_A_CHILD:
    _command(*globals()["given"])
