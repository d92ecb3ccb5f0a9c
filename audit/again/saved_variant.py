"""A variant that was loaded to decide with, outside any audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ...datasets.memory import as_table
from ...models.base import Scored
from ...models.rules import unruled
from ..figures.pairs import whole_batch


@dataclass(frozen=True)
class LoadedVariant:
    """A model with its decision rules, as a run has written it.

    Attributes
    ----------
    model : Model
        As the audit scores it.
    """

    model: Any

    @property
    def columns(self) -> list[str]:
        """Columns that a table must have."""
        return list(self.model.columns)

    @property
    def needs(self) -> list[str]:
        """Sensitive features without which it cannot decide by its rule; a model may read others itself."""
        return list(getattr(self.model, "needs", []))

    def predict(self, table: Any) -> NDArray[Any]:
        """Decide the rows of a table: true is the positive decision; of several classes their places.

        Parameters
        ----------
        table : pandas.DataFrame, pyarrow.Table or mapping of str to sequence
            With the columns of `columns`; others are not read.

        Returns
        -------
        bool array of shape (rows,), or (rows, labels); of several classes int array of shape (rows,), their
        positions in ``model.classes``

        Raises
        ------
        InputError
            A column is missing, or a sensitive value has no rule.
        """
        found = self._scored(table)
        if found.decision is None:
            raise InputError(
                "predict: the variant gives scores and no decisions, as it has no threshold or predicts "
                "numbers; ask score"
            )
        return found.decision

    def score(self, table: Any) -> NDArray[np.float64]:
        """Score the rows of a table, as `predict` takes it; float array of shape (rows,)."""
        found = self._scored(table)
        if found.score is None:
            raise InputError("score: the variant gives decisions only")
        return found.score

    def _scored(self, table: Any) -> Scored:
        rows = _table(table)
        lacking = [name for name in self.columns if name not in rows.column_names]
        if lacking:
            known = ", ".join(rows.column_names[:10])
            told = f"{', '.join(map(repr, lacking))}{self._why(lacking)}"
            raise InputError(f"predict: the table lacks {told}; it has {known}")
        found: Scored = self.model.score(whole_batch(rows.select(self.columns)), None)
        return found

    def _why(self, lacking: list[str]) -> str:
        """What columns are for that a table lacks and that a reader may not expect."""
        why = ""
        needed = [name for name in lacking if name in self.needs]
        if needed:
            why += f"; its decisions need the sensitive feature {', '.join(map(repr, needed))}"
        base = unruled(self.model)
        if base.alone and base.score_column in lacking:
            why += f"; it is a rule alone, and {base.score_column!r} are the scores of {base.source}"
            why += ", which load_variant(..., model=...) also takes" if base.function else ""
        return why


def _table(table: Any) -> pa.Table:
    """The rows as an Arrow table; InputError for what is none."""
    kinds = isinstance(table, (pa.Table, pa.RecordBatch, dict)) or hasattr(table, "__dataframe__")
    if not kinds and not hasattr(table, "__arrow_c_stream__"):
        raise InputError(
            f"predict: expected a pandas.DataFrame, a pyarrow.Table or a dict, got {type(table).__name__}"
        )
    found = as_table(table, "predict")
    if not len(found):
        raise InputError("predict: the table has no rows")
    return found
