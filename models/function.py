"""A Python callable as a model."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.roles import as_words
from ..told import tell
from .base import ModelKind, Scored, rule
from .foreign import STOPS, one_line
from .forms import FORMS
from .frames import Kinds, frame
from .returned import RETURNED, Rows
from .table_lists import tied_ranks
from .table_outcomes import tied, unlabelled


class FunctionModel(ModelKind):
    """A callable from a pandas frame of features to what its task predicts, for each row.

    Binary: booleans and 0/1 integers are decisions; floats are scores, selected at ``threshold``.
    Multiclass: an array of classes, or an array or frame of probabilities with a column for each class.
    Multilabel: an array or frame with a column for each label. Regression: numbers. Ranking: scores, the
    highest of a query first.

    Parameters
    ----------
    function : callable
    columns : sequence of str
        Features that it is given.
    threshold : float
        On scores.
    probability : bool
        Whether scores are probabilities.
    name : str
        What it is called in messages.
    dtypes : mapping of str to pandas type
        Types of the frame that it is given.
    task : str
        What it predicts.
    classes : sequence of str
        Multiclass: the classes of the labels, in the order of an array's columns. Multilabel: the labels.
    order : sequence of str
        Multiclass: names of the numbers 0, 1, 2, ..., where the configuration says so.
    query : str, optional
        Ranking: the column of the query.
    """

    family = "scores"
    called = True

    def __init__(
        self,
        function: Callable[[Any], Any],
        columns: Sequence[str],
        threshold: float,
        *,
        probability: bool = True,
        name: str = "",
        dtypes: Mapping[str, Any] = MappingProxyType({}),
        task: str = "binary",
        classes: Sequence[str] = (),
        order: Sequence[str] = (),
        query: str | None = None,
    ) -> None:
        self.function = function
        self.columns = list(columns)
        self.threshold = threshold
        self.probability = probability
        self.name = name or name_of(function)
        self.task = task
        self.classes = tuple(classes)
        self.query = query
        self.whole = FORMS[task].lists
        self._order = tuple(order)
        self._kinds = Kinds(dtypes={n: dtype for n, dtype in dtypes.items() if n in self.columns})
        self._scores = False
        self._ties = 0
        self._labelled = tuple(classes)
        self._rows: Counter[str] = Counter()

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Call the function on a batch."""
        try:
            out = self.function(frame(pa.table(batch), self.columns, kinds=self._kinds))
            if not (hasattr(out, "columns") or hasattr(out, "toarray")):
                out = np.asanyarray(out)  # A mask is no value: it is kept, and refused below.
        except STOPS:
            raise
        except BaseException as error:
            # Whatever the user's own code raises is theirs to read, on one line; its exit is not ours.
            raise InputError(
                f"model.function: {self.name} raised {type(error).__name__}: {one_line(error)}"
            ) from error
        asked = Rows(
            self.name, batch.num_rows, self.classes, self._order, self.threshold, self.probability,
            batch.column(self.query) if self.query else None,
        )  # fmt: skip
        if isinstance(out, np.ma.MaskedArray) and (masked := int(np.ma.getmaskarray(out).sum())):
            raise asked.refused("a value for every row", f"an array of which {masked:,} are masked")
        found = RETURNED[self.task](out, asked)
        self.classes += found.beyond
        self._scores |= found.scored.score is not None
        self._ties += found.ties
        if FORMS[self.task].classes and found.scored.decision is not None:
            held = np.bincount(found.scored.decision, minlength=len(self.classes)).tolist()
            self._rows.update(dict(zip(self.classes, held, strict=True)))
        return found.scored

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the function."""
        told: dict[str, Any] = {"kind": "callable", "function": self.name, "features": self.columns}
        if self.classes:
            told["classes"] = list(self.classes)
        if warnings := self._warnings():
            told["warnings"] = warnings
        return told | (self._rule() if self._scores else {})

    def _rule(self) -> dict[str, Any]:
        """What the report says of how its scores become decisions or ranks; nothing of numbers."""
        form = FORMS[self.task]
        if form.cut:
            return rule(self.threshold, self.probability)
        if form.classes:
            return {"scale": "probability", "rule": tell("the likeliest class")}
        return {"scale": "rank", "rule": tell("the highest score of a query is first")} if form.lists else {}

    def _warnings(self) -> list[str]:
        """What is to be told of the rows scored: ties, and classes that no label has."""
        if self.whole:
            return tied_ranks(self._ties)
        beyond = {name: rows for name, rows in self._rows.items() if rows and name not in self._labelled}
        strange = [unlabelled(beyond)] if self._labelled and beyond else []
        return [*([tied(self._ties)] if self._ties else []), *strange]


def function_model(
    function: Callable[[Any], Any],
    columns: Sequence[str],
    threshold: float,
    probability: bool,
    data: EvaluationSet,
    *,
    name: str = "",
    dtypes: Mapping[str, Any] = MappingProxyType({}),
) -> FunctionModel:
    """A callable for the task of some data, of which it takes the classes."""
    return FunctionModel(
        function, columns, threshold, probability=probability, name=name, dtypes=dtypes, task=data.task,
        classes=data.class_names(), order=as_words(data.classes), query=data.query,
    )  # fmt: skip


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
