"""Numbers that are predicted: finite in every row, of a size whose squares can be summed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..told import tell
from .amounts import MOST_WEIGHT
from .classes import one_value
from .errors import InputError, number_of
from .numbers import CellError, InfiniteError, missing_in, numbers


@dataclass
class Target:
    """A column of numbers: the target of a regression, or what a model predicts for it.

    Parameters
    ----------
    column, role : str
        Name in the table and what it is called in messages ('label', 'prediction').
    """

    column: str
    role: Literal["label", "prediction", "relevance"] = "label"
    least: float = float("inf")
    most: float = float("-inf")
    rows: int = 0

    task = "regression"
    ahead = texts = ids = named = names = ()
    reserved = ("y_pred",)

    @property
    def _where(self) -> str:
        return f"{self.role} column '{self.column}'"

    @property
    def columns(self) -> list[str]:
        """The column."""
        return [self.column]

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Nothing is to be known before the first row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column that cannot be numbers, whatever its values are."""
        one_value(column, name, self.role)

    def read(self, column: pa.Array) -> NDArray[np.float64]:
        """Return the number of each row.

        Raises
        ------
        CellError
            A missing value, a word, an infinite number, or one beyond 1e50: squares of squares are no float.
        """
        values = numbers(column, f"{self._where}: expected numbers", self.column)
        if blank := int(np.isnan(values).sum()):
            raise missing_in(self._where, self.column, blank)
        beyond = np.abs(values) > MOST_WEIGHT
        if beyond.any():
            value, rows = values[int(np.argmax(beyond))], int(beyond.sum())
            more = f" (and {number_of(rows - 1, 'more such row')})" if rows > 1 else ""
            if np.isinf(value):
                raise InfiniteError(
                    f"{self._where}: expected finite numbers", self.column, f"{value:g}", more
                )
            what = f"{self._where}: expected numbers up to {MOST_WEIGHT:g}, whose squares can be summed"
            raise CellError(what, self.column, str(value), more)
        if len(values):
            self.least, self.most = min(self.least, values.min()), max(self.most, values.max())
            self.rows += len(values)
        return values

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome column of a predictions table: ``y_true``."""
        return {"y_true": pa.array(self.read(batch.column(self.column)))}

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[np.float64]:
        """The targets of `truth` as a model learns them."""
        return np.asarray(truth["y_true"].to_numpy(), float)

    def check_learnable(self) -> None:
        """InputError where all targets are equal: nothing can be learned from them."""
        if self.least >= self.most:
            raise InputError(
                f"{self._where} is {self.least:g} in all of {number_of(self.rows, 'row')}; expected numbers "
                "that differ"
            )

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """Nothing is to be seen of all rows together."""

    def warnings(self) -> list[str]:
        """What is to be told of the values seen: all equal."""
        if self.rows < 2 or self.least < self.most or self.role != "label":
            return []
        return [
            tell(
                "Column {column} is {value} in every row: how much of its spread a model explains (R²) has "
                "no value.",
                column=self.column, value=f"{self.least:g}",
            )
        ]  # fmt: skip
