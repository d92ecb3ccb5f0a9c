"""After an audit: what the configuration asks to be recorded, decided before it and done when it is over."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..audit.result import AuditResult
from ..datasets.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class Keeping:
    """Where a run will be recorded."""

    history: Engine | None = None
    required: bool = False

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
        if self.history is None:
            return []
        from .history import record

        try:
            record(self.history, run, result)
        except InputError as error:
            told = (
                f"history: not recorded: {error}; {run} is whole: 'fairweigh record {run}' records it later"
            )
            if self.required:
                raise InputError(told) from None
            return [told]
        return []


def warned(line: str) -> None:
    """Tell a line as a warning."""
    # Past this function and the two that call it, to who asked for the audit.
    warnings.warn(line, stacklevel=4)


def keeping(history: str, required: bool) -> Keeping:
    """Prepare to record a run.

    Parameters
    ----------
    history : str
        Address of the database.
    required : bool
        A run that cannot be recorded there is an error.

    Raises
    ------
    InputError
        An address that can never work, or a package that is not installed: before anything is computed.
    """
    from .database import engine

    return Keeping(engine(history, "history"), required)
