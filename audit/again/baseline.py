"""An earlier release that a run is compared with: row by row where the rows are the same, else unpaired."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...tasks import extended
from ...tasks.task import ID
from ...told import tell
from ..figures.common import LEAST_COMMON, Common, Overlap, overlap
from ..figures.measure import Measurement
from ..figures.pairs import Paired, pair, read_predictions, whole_batch
from ..figures.unpaired import Unpaired
from ..result import BaselineInfo
from ..verdict.judge import SELECTION
from .finished import Finished, check_same_kind, configuration_of


@dataclass(frozen=True)
class Match:
    """How two prediction files are compared.

    Attributes
    ----------
    rows, matched : int
        Rows of the earlier one, and rows of both with the same id.
    why : str
        In words, without a row's id: why they cannot be compared row by row; empty where they can.
    overlap : Overlap or None
        Where rows were matched by their ids.
    """

    rows: int
    matched: int
    why: str
    overlap: Overlap | None = None

    @property
    def whole(self) -> bool:
        """Whether all rows of both are compared row by row."""
        return not self.why and (self.overlap is None or self.overlap.whole)


class Baseline:
    """The model of an earlier run, beside the variants of a later one.

    Parameters
    ----------
    earlier, later : Finished
        Two runs of the same kind of data.
    order : mapping
        Values of a feature in the order in which they are shown.
    asked : collection of str
        Metrics that the policy names; its guests' are no figures of the earlier run otherwise.

    Raises
    ------
    InputError
        Their data have other columns, classes or sensitive features.
    """

    def __init__(
        self,
        earlier: Finished,
        later: Finished,
        order: Mapping[str, Sequence[str]],
        asked: Collection[str] = (),
    ) -> None:
        check_same_kind(earlier, later)
        self.earlier, self.later, self.order = earlier, later, order
        self.model = earlier.released
        self._sensitive = tuple(later.result.data.sensitive)
        self._task = extended(configuration_of(earlier.result, gates=[]).of_task, asked)
        self._key = self._task.named_by
        self._measured: dict[Path, Measurement] = {}
        self._matches: dict[Path, Match] = {}

    def since(self, predictions: Path, measured: Measurement) -> Paired | Unpaired:
        """Return the earlier model's predictions beside those of a variant, counted already.

        Raises
        ------
        InputError
            Too many rows with the same id are not the same (`common.MOST_DIFFERING`).
        """
        mine = self._file(predictions)
        before = self._counted(mine)
        match = self._match(mine, predictions)
        if match.why:
            return Unpaired(before, measured)
        names = f"the baseline's {self.model.name}", predictions.stem
        probability = before.probability and measured.probability
        if match.whole:
            return pair(
                mine, predictions, self._sensitive, probability, self.order, (before, measured), names
            )
        assert match.overlap is not None
        common = Common(self._sensitive, probability, self.order, before, measured, names)
        rows = read_predictions(mine, self._sensitive), read_predictions(predictions, self._sensitive)
        common.add(*map(whole_batch, self._task.in_common(rows, (match.overlap.before, match.overlap.after))))
        return common

    def info(self, given: str, asked: bool) -> BaselineInfo:
        """Say what was compared with, and how."""
        theirs = self.later.predictions(self.later.original.name)
        match = self._match(self._file(theirs), theirs)
        found = match.overlap
        return BaselineInfo(
            run=given, audit=self.earlier.result.audit, created=self.earlier.result.created,
            variant=self.model.name, rows=match.rows, matched=match.matched, paired=not match.why,
            asked=asked, how=self._how(match),
            common=None if match.why else match.rows if found is None else found.same,
            differing=dict(found.differing) if found else {},
            positive_is=self.earlier.result.data.positive_is,
        )  # fmt: skip

    def _how(self, match: Match) -> str:
        rows = self.later.result.data.rows
        if match.why:
            return tell("as two independent samples, unpaired, since {why}", why=match.why)
        found = match.overlap
        if found is None or match.whole:
            return tell(
                "row by row, paired: all {rows} rows matched by {which}",
                rows=f"{rows:,}",
                which=self._key.title,
            )
        parts = {
            "common": f"{found.same:,}", "rows": f"{found.rows[1]:,}", "all": f"{found.rows[0]:,}",
            "later": f"{found.rows[1] - found.matched:,}", "earlier": f"{found.rows[0] - found.matched:,}",
        }  # fmt: skip
        if not found.differing:
            return tell(
                "row by row, paired, on the {common} rows that both hold, of {rows} and of {all} of the "
                "baseline; {later} rows here and {earlier} of the baseline are in one of the two alone and "
                "in no change",
                **parts,
            )
        return tell(
            "row by row, paired, on the {common} rows that both hold, of {rows} and of {all} of the "
            "baseline; {later} rows here and {earlier} of the baseline are in one of the two alone, and "
            "{differing} of both differ ({kinds}): these are in no change",
            differing=f"{found.matched - found.same:,}",
            kinds=", ".join(f"{kind}: {n:,}" for kind, n in found.differing.items()),
            **parts,
        )

    def _file(self, predictions: Path) -> Path:
        """The earlier model's predictions; beside selection rows those of its own, where it has some."""
        whole = self.earlier.predictions(self.model.name)
        aside = whole.parent / SELECTION / whole.name
        return aside if predictions.parent.name == SELECTION and aside.exists() else whole

    def _counted(self, path: Path) -> Measurement:
        if path not in self._measured:
            self._measured[path] = Measurement.read(
                path, self._sensitive, self.model.model.told, self.order, self._task
            )
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
        if self._key == ID:
            # Rows without ids are numbered, and a number names the same row in the same data only.
            if (one.id is None) != (other.id is None):
                return Match(rows, 0, tell("only one of the two runs has ids"))
            if one.id is None and (one.sha256, one.split) != (other.sha256, other.split):
                why = tell("the data differ and have no ids that rows could be matched by")
                return Match(rows, 0, why)
        tables = [read_predictions(path, self._sensitive) for path in (mine, theirs)]
        names = str(self.earlier.path), str(self.later.path)
        found = overlap(tables[0], tables[1], self._sensitive, names, self._task)
        found.refuse_others(names)
        if not found.enough:
            why = tell(
                "{matched} of its {rows} rows are among the {all} of the baseline, fewer than {least} of the "
                "larger of the two",
                matched=f"{found.matched:,}", rows=f"{found.rows[1]:,}", all=f"{found.rows[0]:,}",
                least=f"{LEAST_COMMON:.0%}",
            )  # fmt: skip
            return Match(rows, found.matched, why)
        return Match(rows, found.matched, "", found)
