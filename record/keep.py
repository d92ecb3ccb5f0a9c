"""After an audit: what the configuration asks to be recorded, decided before it and done when it is over."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..audit.result import AuditResult
from ..datasets.errors import InputError
from .tracking import Tracker, track, trackers

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class Keeping:
    """Where a run will be recorded, and which trackers are told of it."""

    history: Engine | None = None
    required: bool = False
    trackers: dict[str, Tracker] = field(default_factory=dict)

    def __call__(self, run: Path, result: AuditResult) -> list[str]:
        """Record a finished run.

        Returns
        -------
        list of str
            What did not work, one line each; the run itself is whole.

        Raises
        ------
        InputError
            It could not be recorded where ``history.required`` is set.
        """
        out = track(run, result, self.trackers) if self.trackers else []
        if self.history is None:
            return out
        from .history import record

        try:
            record(self.history, run, result)
        except InputError as error:
            told = (
                f"history: not recorded: {error}; {run} is whole: 'fairweigh record {run}' records it later"
            )
            if self.required:
                raise InputError("; ".join([*out, told])) from None
            out.append(told)
        return out


def warned(line: str) -> None:
    """Tell a line as a warning."""
    # Past this function and the two that call it, to who asked for the audit.
    warnings.warn(line, stacklevel=4)


def keeping(history: str | None, required: bool, track: Sequence[str]) -> Keeping:
    """Prepare to record a run.

    Parameters
    ----------
    history : str, optional
        Address of the database.
    required : bool
        A run that cannot be recorded there is an error.
    track : sequence of str
        Trackers to be told: mlflow, tensorboard, wandb.

    Raises
    ------
    InputError
        An address that can never work, or a package that is not installed: before anything is computed.
    """
    from .database import engine

    made = engine(history, "history") if history is not None else None
    return Keeping(made, required, trackers(track))
