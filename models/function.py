"""A Python callable as a model."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from ..datasets.errors import InputError
from .base import Scored, decide, rule
from .foreign import STOPS, one_line
from .frames import Kinds, frame
from .table import as_decisions


class FunctionModel:
    """A callable from a pandas frame of features to decisions or scores, one per row.

    Booleans and 0/1 integers are decisions; floats are scores, selected at ``threshold``.
    """

    whole = False

    def __init__(
        self,
        function: Callable[[Any], Any],
        columns: Sequence[str],
        threshold: float,
        *,
        probability: bool = True,
        name: str = "",
        dtypes: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.function = function
        self.columns = list(columns)
        self.threshold = threshold
        self.probability = probability
        self.name = name or name_of(function)
        self._kinds = Kinds(dtypes={n: dtype for n, dtype in dtypes.items() if n in self.columns})
        self._scores = False

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Call the function on a batch."""
        try:
            out = np.asarray(self.function(frame(pa.table(batch), self.columns, kinds=self._kinds)))
        except STOPS:
            raise
        except BaseException as error:
            # Whatever the user's own code raises is theirs to read, on one line; its exit is not ours.
            raise InputError(
                f"model.function: {self.name} raised {type(error).__name__}: {one_line(error)}"
            ) from error
        if out.ndim != 1 or len(out) != batch.num_rows:
            raise InputError(
                f"model.function: {self.name} must return one value per row ({batch.num_rows}), "
                f"got shape {out.shape}"
            )
        if as_decisions(out):
            return Scored(out.astype(bool), None)
        try:
            score = out.astype(float) if out.dtype.kind in "iufO" else None
        except (TypeError, ValueError):
            score = None
        if score is None:
            raise InputError(
                f"model.function: {self.name} must return numbers, got values of type {out.dtype}"
            )
        outside = self.probability and len(score) and (score.min() < 0 or score.max() > 1)
        if not np.isfinite(score).all() or outside:
            raise InputError(
                f"model.function: {self.name} must return finite "
                f"{'probabilities in [0, 1]' if self.probability else 'scores'}, got from {score.min():g} to "
                f"{score.max():g}"
            )
        self._scores = True
        return Scored(decide(score, self.threshold), score)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the function."""
        told: dict[str, Any] = {"kind": "callable", "function": self.name, "features": self.columns}
        if self._scores:
            told |= rule(self.threshold, self.probability)
        return told


def name_of(function: Any) -> str:
    """Name a callable by its module and its own name, or that of its type where it has none."""
    return f"{function.__module__}:{getattr(function, '__qualname__', type(function).__qualname__)}"


def imported(path: str, key: str = "model.function") -> Callable[..., Any]:
    """Import ``package.module:function``, named by ``key``; the working directory is searched too."""
    module, _, name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), name)
    except STOPS:
        raise
    except BaseException as error:
        # The module's own code runs here, so that anything may come.
        raise InputError(
            f"{key}: expected package.module:function, got {path!r}: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from None
    if not callable(found):
        raise InputError(f"{key}: {path!r} is not callable")
    return found  # type: ignore[no-any-return]
