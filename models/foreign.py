"""Other people's code, called so that nothing it throws passes for something else.

A library may end the process (``SystemExit``) or throw what is no ``Exception`` (a panic of a Rust
extension): uncaught, either leaves with exit code 1, which a merge check reads as a failed gate.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..datasets.errors import InputError

STOPS = (KeyboardInterrupt, GeneratorExit)
"""What is no fault of the code that it comes through: somebody wants to stop."""
SHORT = 300
"""Characters that are told of what a library says."""


_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|[\x00-\x08\x0e-\x1b\x7f-\x9f]"
)
"""What colours a terminal, moves its cursor or names its window (ECMA-48), and what else cannot be seen."""


def one_line(error: BaseException) -> str:
    """Return an error's message on one line without control sequences: of a long one the first lines."""
    lines = [" ".join(line.split()) for line in _CONTROL.sub("", str(error)).splitlines()]
    text, *more = [line for line in lines if line] or [type(error).__name__]
    for line in more:
        if len(text) + len(line) >= SHORT:
            break
        text = f"{text} {line}"
    return text if len(text) <= SHORT else text[: SHORT - 3] + "..."


@contextmanager
def foreign(what: str, *, loud: bool = False) -> Iterator[None]:
    """Turn whatever is thrown inside into one line that begins with ``what``.

    Parameters
    ----------
    what : str
    loud : bool
        The library prints what it throws as well: what it wrote below Python is kept from the terminal then.

    Raises
    ------
    InputError
        Anything was thrown but an InputError, which is told already, or what `STOPS`.
    """
    said = _diverted() if loud else None
    shown = True
    try:
        yield
    except (InputError, *STOPS):
        raise
    except BaseException as error:
        shown = False
        raise InputError(f"{what}: {one_line(error)}") from None
    finally:
        if said is not None:
            _put_back(*said, shown=shown)


@contextmanager
def unheard() -> Iterator[None]:
    """Keep what a library writes to standard error below Python from the terminal."""
    said = _diverted()
    try:
        yield
    finally:
        if said is not None:
            _put_back(*said, shown=False)


def _diverted() -> tuple[int, int] | None:
    """Let what is written to standard error go to memory; None where this system cannot."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):
        # There is no standard error to keep clean.
        return None
    memory = os.memfd_create("stderr")
    os.dup2(memory, 2)
    return kept, memory


def _put_back(kept: int, memory: int, *, shown: bool) -> None:
    os.dup2(kept, 2)
    os.close(kept)
    with os.fdopen(memory, "rb") as file:
        file.seek(0)
        text = file.read() if shown else b""
    while text:
        text = text[os.write(2, text) :]
