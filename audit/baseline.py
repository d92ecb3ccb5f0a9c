"""An earlier release that a run is compared with: row by row where the rows are the same, else unpaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..datasets.errors import InputError
from ..datasets.read import iter_batches
from ..told import tell
from .finished import Finished, check_same_kind
from .judge import SELECTION
from .match import decoded
from .measure import Measurement
from .pairs import Paired, pair
from .result import BaselineInfo
from .unpaired import Unpaired


@dataclass(frozen=True)
class Match:
    """Which rows of two prediction files are the same.

    Attributes
    ----------
    rows : int
        Of the earlier one.
    matched : int
        Rows of both with the same id.
    why : str
        In words, without a row's id: why they cannot be compared row by row; empty where they can.
    """

    rows: int
    matched: int
    why: str


class Baseline:
    """The model of an earlier run, beside the variants of a later one.

    Parameters
    ----------
    earlier, later : Finished
        Two runs of the same kind of data.
    order : mapping
        Values of a feature in the order in which they are shown.

    Raises
    ------
    InputError
        Their data have other columns, classes or sensitive features.
    """

    def __init__(self, earlier: Finished, later: Finished, order: Mapping[str, Sequence[str]]) -> None:
        check_same_kind(earlier, later)
        self.earlier, self.later, self.order = earlier, later, order
        self.model = earlier.released
        self._sensitive = tuple(later.result.data.sensitive)
        self._measured: dict[Path, Measurement] = {}
        self._matches: dict[Path, Match] = {}

    def since(self, predictions: Path, measured: Measurement) -> Paired | Unpaired:
        """Return the earlier model's predictions beside those of a variant, counted already."""
        mine = self._file(predictions)
        before = self._counted(mine)
        if self._match(mine, predictions).why:
            return Unpaired(before, measured)
        names = f"the baseline's {self.model.name}", predictions.stem
        probability = before.probability and measured.probability
        return pair(mine, predictions, self._sensitive, probability, self.order, (before, measured), names)

    def info(self, given: str, asked: bool) -> BaselineInfo:
        """Say what was compared with, and how."""
        theirs = self.later.predictions(self.later.original.name)
        match = self._match(self._file(theirs), theirs)
        rows = self.later.result.data.rows
        how = (
            tell("as two independent samples, unpaired, since {why}", why=match.why)
            if match.why
            else tell("row by row, paired: all {rows} rows matched by id", rows=f"{rows:,}")
        )
        return BaselineInfo(
            run=given, audit=self.earlier.result.audit, created=self.earlier.result.created,
            variant=self.model.name, rows=match.rows, matched=match.matched, paired=not match.why,
            asked=asked, how=how,
        )  # fmt: skip

    def _file(self, predictions: Path) -> Path:
        """The earlier model's predictions; beside selection rows those of its own, where it has some."""
        whole = self.earlier.predictions(self.model.name)
        aside = whole.parent / SELECTION / whole.name
        return aside if predictions.parent.name == SELECTION and aside.exists() else whole

    def _counted(self, path: Path) -> Measurement:
        if path not in self._measured:
            measured = Measurement(self._sensitive, self.model.model.get("scale") != "rank", self.order)
            for batch in iter_batches(path, categorical=self._sensitive):
                measured.add(batch)
            self._measured[path] = measured
        return self._measured[path]

    def _match(self, mine: Path, theirs: Path) -> Match:
        # The variants of a run are all scored on the same rows.
        if theirs.parent not in self._matches:
            self._matches[theirs.parent] = self._matched(mine, theirs)
        return self._matches[theirs.parent]

    def _matched(self, mine: Path, theirs: Path) -> Match:
        rows = self._counted(mine).rows
        one, other = self.earlier.result.data, self.later.result.data
        if "counts" in (one.kind, other.kind):
            return Match(rows, 0, tell("aggregated counts hold no rows that could be matched"))
        numbered = one.id is None and other.id is None
        if (one.id is None) != (other.id is None):
            return Match(rows, 0, tell("only one of the two runs has ids"))
        if numbered and (one.sha256, one.split) != (other.sha256, other.split):
            why = tell("the data differ and have no ids that rows could be matched by")
            return Match(rows, 0, why)
        before, after = _ids(mine), _ids(theirs)
        matched = int(pc.sum(pc.is_in(before, value_set=after)).as_py() or 0)
        if not matched == len(before) == len(after):
            why = tell(
                "{matched} of its {rows} rows are among the {all} of the baseline",
                matched=f"{matched:,}", rows=f"{len(after):,}", all=f"{len(before):,}",
            )  # fmt: skip
            return Match(rows, matched, why)
        try:
            pair(mine, theirs, self._sensitive)
        except InputError:
            why = tell("rows of the same id differ in label, slice, weight or cluster")
            return Match(rows, matched, why)
        return Match(rows, matched, "")


def _ids(path: Path) -> pa.Array:
    column = decoded(pq.read_table(path, columns=["id"]).column("id"))
    return pc.cast(column, pa.string())
