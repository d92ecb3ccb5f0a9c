"""How far a run is, told to whoever shows it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Called with a stage, the rows done and their total, where it is known."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Report no progress."""
