"""The evaluation set: a table whose columns have roles, read in batches of one form."""

from __future__ import annotations

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import card as cards
from .alike import Heaviest, totals, warn_alike, warn_totals
from .classes import SUPPORTED
from .columns import MAX_VALUES, Ascending, Binary, Scalar, Sensitive, no_column, plain, words
from .dialect import NAMELESS, TextForm
from .errors import InputError, number_of
from .files import form_of
from .missing import BLANK, Missing, nulled, question
from .numbers import CellError, InfiniteError, missing_in, numbers, row_of
from .read import column_names, found_in, iter_batches, place_of, sha256_file, totals_row
from .spelling import as_ids, spelled, word

MAX_WORD = 1_000
"""Characters of a value of a sensitive feature: it stands in every table, chart and file of the report."""

NO_SENSITIVE = "data.sensitive: name at least one sensitive feature, got none"
RESERVED = ("id", "y_true", "y_pred", "y_after", "score", "weight", "cluster", "count", "twin")


LEAST_WEIGHT, MOST_WEIGHT = 1e-50, 1e50
"""Weights beyond these are refused: their fourth powers, summed over many rows, are no float any more."""
MOST_COUNT = 2**40
"""Rows that one aggregated cell may stand for: sums over millions of cells stay exact."""


def as_words(values: Scalar | Sequence[Scalar] | None) -> list[str]:
    """Return one value or several as the words they are in a table."""
    if values is None:
        return []
    if isinstance(values, str) or not isinstance(values, Sequence):
        return [word(values)]
    return [word(v) for v in values]


def merged_words(where: str, groups: Mapping[str, Sequence[Scalar]]) -> dict[str, list[str]]:
    """Return merged values as the words they are in a table; InputError for a value in two slices."""
    merged = {word(name): as_words(values) for name, values in groups.items()}
    twice = [v for v, n in Counter(v for values in merged.values() for v in set(values)).items() if n > 1]
    if twice:
        raise InputError(f"{where}: {twice[0]!r} is merged into more than one slice")
    moved = [name for name in merged if any(name in vs for other, vs in merged.items() if other != name)]
    if moved:
        raise InputError(f"{where}: {moved[0]!r} names a slice and is merged into another one")
    return merged


@dataclass
class EvaluationSet:
    """A table to audit, with the role of each of its columns.

    Parameters
    ----------
    source : str, Path or pyarrow.Table
        A file (CSV, Parquet, Feather, JSON lines), or a table in memory.
    sensitive : sequence of str
        Sensitive features; numeric ones are cut at ``bins``.
    label : str, optional
        Column of the true class; without it only decisions and scores are audited.
    positive, negative : value or sequence of values, optional
        Which label values are positive; needed unless the column holds 1/0 or true/false.
    positive_is : {'benefit', 'burden'}, optional
        What a positive decision is to the person it falls on.
    id : str, optional
        Column of unique ids; without it rows are numbered.
    weight : str, optional
        Column of non-negative row weights.
    cluster : str, optional
        Column that groups dependent rows, such as the rows of one person.
    count : str, optional
        Column of row counts: the table holds one aggregated cell per row.
    features : sequence of str, optional
        Columns a model may see; default all that have no other role.
    categorical : sequence of str
        Columns that hold categories, whatever their values look like.
    bins : mapping of str to sequence of float, optional
        Edges for numeric sensitive features; bins are closed on the left.
    merge : mapping of str to mapping of str to sequence
        By feature: the name of a slice, and the values that are one with it.
    missing : sequence of str, mapping or Missing
        Words that mean 'not known', besides empty cells; or ``{add, keep, only}`` as in the configuration.
    drop_missing : bool
        Leave out rows in which any column is missing (they are counted).
    name, card, split
        What the data is called, and the card and split it came from.
    split_column : str, optional
        Column of a file whose value ``split`` marks the rows to take.
    text : TextForm, optional
        How a text file is written, as far as that is known.

    Raises
    ------
    InputError
        A column is missing or has two roles; on reading, a value is not usable.
    """

    source: str | Path | pa.Table
    sensitive: Sequence[str]
    label: str | None = None
    positive: Scalar | Sequence[Scalar] | None = None
    negative: Scalar | Sequence[Scalar] | None = None
    positive_is: Literal["benefit", "burden"] | None = None
    id: str | None = None
    weight: str | None = None
    cluster: str | None = None
    count: str | None = None
    features: Sequence[str] | None = None
    categorical: Sequence[str] = ()
    bins: Mapping[str, Sequence[float]] = field(default_factory=dict)
    merge: Mapping[str, Mapping[str, Sequence[Scalar]]] = field(default_factory=dict)
    missing: Missing | Sequence[str] | Mapping[str, Any] = ()
    drop_missing: bool = False
    name: str = ""
    card: cards.Card | None = None
    split: str | None = None
    split_column: str | None = None
    text: TextForm | None = None

    def __post_init__(self) -> None:
        self.words = Missing.of(self.missing)
        self.notes: list[str] = []
        if isinstance(self.source, pa.Table):
            self.names = self.source.column_names
        else:
            self.source = Path(self.source)
            self.names = column_names(self.source, text=self.text)
            self.notes += found_in(self.source, self.text)
        self.where = str(self.source) if isinstance(self.source, Path) else (self.name or "the table")
        if not self.sensitive:
            raise InputError(NO_SENSITIVE)
        roles = {"label": self.label, "id": self.id, "weight": self.weight, "cluster": self.cluster}
        for key, name in {**roles, "count": self.count, "split_column": self.split_column}.items():
            self._require(name, f"data.{key}")
        for name in self.categorical:
            self._require(name, "data.categorical")
        for name in self.sensitive:
            self._require(name, "data.sensitive")
            taken = [key for key, other in roles.items() if other == name and key != "cluster"]
            if taken:
                raise InputError(f"data.sensitive: column '{name}' is data.{taken[0]} already")
            if name in RESERVED:
                raise InputError(f"data.sensitive: the name '{name}' is reserved; rename the column")
        if len(set(self.sensitive)) < len(self.sensitive):
            raise InputError(f"data.sensitive: a column is named twice in {', '.join(self.sensitive)}")
        for name, edges in self.bins.items():
            if name not in self.sensitive:
                raise InputError(f"data.bins.{name}: '{name}' is not a sensitive feature")
            if not edges or list(edges) != sorted(set(edges)):
                raise InputError(f"data.bins.{name}: expected ascending edges, got {list(edges)}")
        for name in self.merge:
            if name not in self.sensitive:
                raise InputError(f"data.merge.{name}: '{name}' is not a sensitive feature")
            if name in self.bins:
                raise InputError(f"data.merge.{name}: a number that data.bins cuts has no values to merge")
        if self.count and (self.id or self.weight or self.cluster):
            raise InputError("data.count: aggregated counts have no id, weight or cluster")
        self.outcome = (
            Binary(self.label, "label", as_words(self.positive), as_words(self.negative))
            if self.label
            else None
        )
        self.merged = {s: merged_words(f"data.merge.{s}", groups) for s, groups in self.merge.items()}
        self.slicers = [self.slicer(s) for s in self.sensitive]
        self.order = Ascending(self.id or "id")
        self.rows = 0
        self.dropped = 0
        self.outside = 0
        self.heaviest = Heaviest()
        self._first: dict[str, dict[str, int]] = {s: {} for s in self.sensitive}

    def _require(self, name: str | None, key: str) -> None:
        if name is not None and name not in self.names:
            raise no_column(name, self.names, self.where, key)

    @classmethod
    def from_card(cls, name: str, split: str | None = None, **overrides: Any) -> EvaluationSet:
        """Load the data set ``name`` of a card; ``overrides`` replace the card's roles."""
        found = cards.card(name)
        known = {
            "sensitive": found.sensitive,
            "label": found.label,
            "positive": found.positive,
            "negative": found.negative,
            "id": found.id,
            "weight": found.weight,
            "bins": found.bins,
            "merge": {},
        }
        roles = {**known, **overrides}
        # Edges that the card suggests are for the features that are audited, and no others.
        roles["bins"] = {k: v for k, v in roles["bins"].items() if k in roles["sensitive"]}
        if roles["label"] != found.label and "positive" not in overrides:
            roles["positive"] = roles["negative"] = None
        if "positive" in overrides and "negative" not in overrides:
            # What the card calls negative is so beside its own positive class.
            roles["negative"] = None
        # What a card says of its positive class holds for no other one.
        if roles["label"] == found.label and as_words(roles["positive"]) == as_words(found.positive):
            roles.setdefault("positive_is", found.positive_is)
        table = cards.load(name, split)
        return cls(table, name=name, card=found, split=split, **roles)

    def slicer(self, feature: str) -> Sensitive:
        """Return a reader of one sensitive feature, as it is cut and merged here."""
        return Sensitive(feature, tuple(self.bins.get(feature, ())), self.merged.get(feature, {}))

    def feature_names(self) -> list[str]:
        """Return the columns that a model may see: by default all without another role."""
        if self.features is not None:
            for name in self.features:
                self._require(name, "data.features")
            return list(self.features)
        roles = {self.label, self.id, self.weight, self.cluster, self.count, self.split_column}
        excluded = {*roles, "split", *self.sensitive}
        if self.card is not None:
            excluded |= {*self.card.exclude, self.card.label, self.card.id}
        # A column without a name is the row's number that pandas or R wrote.
        return [n for n in self.names if n not in excluded and not _is_index(n)]

    def sha256(self) -> str:
        """Return the checksum of the file, or of the table's Arrow stream."""
        if isinstance(self.source, Path):
            return sha256_file(self.source)
        assert isinstance(self.source, pa.Table)
        digest = hashlib.sha256()

        class Sink:
            """Arrow writes here; only the digest is kept."""

            closed = False

            def write(self, data: Any) -> int:
                digest.update(data)
                return len(data)

            def flush(self) -> None: ...

            def close(self) -> None: ...

        with pa.ipc.new_stream(pa.PythonFile(Sink(), mode="w"), self.source.schema) as writer:
            writer.write_table(self.source.combine_chunks())
        return digest.hexdigest()

    def batches(
        self, extra: Sequence[str] = (), *, texts: Sequence[str] = (), whole: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Read the columns with a role and the ``extra`` ones, as they stand in the source.

        ``texts`` are columns that a text file gives as they are written, such as those that name twins.
        ``whole`` gives one batch, for work that needs every row at once.
        """
        roles = [self.id, self.label, self.weight, self.cluster, self.count, *self.sensitive, *extra]
        wanted = list(dict.fromkeys(c for c in roles if c))
        columns = list(self.names) if self.drop_missing else wanted
        if self.split_column and self.split_column not in columns:
            columns.append(self.split_column)
        stream = self._stream(columns, texts)
        kept: Iterator[pa.RecordBatch] = (self._kept(batch).select(wanted) for batch in stream)
        if whole:
            every = list(kept)
            table = pa.Table.from_batches(every).unify_dictionaries().combine_chunks() if every else None
            kept = iter(table.to_batches() if table is not None else [])
        yield from (batch for batch in kept if batch.num_rows)

    def _known(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Put null for words that mean so; of a feature that is cut at numbers, also for those of numbers."""
        columns = [
            nulled(column, BLANK if name == self.id else self._missing_in(name))
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def _missing_in(self, name: str) -> tuple[str, ...]:
        return self.words.in_numbers if name in self.bins else self.words.in_text(name)

    def _stream(self, columns: Sequence[str], texts: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches of the source, its words as words and null for what means so."""
        if isinstance(self.source, pa.Table):
            for batch in self.source.select(list(columns)).combine_chunks().to_batches():
                for place, name in enumerate(columns):
                    if name in self.categorical and not pa.types.is_nested(batch.schema.field(place).type):
                        batch = batch.set_column(place, name, words(batch.column(place)))
                yield self._known(batch)
            return
        categorical = {*(c for c in self.sensitive if c not in self.bins), *self.categorical}
        is_text = form_of(Path(self.source), "delimited text") in ("delimited text", "JSON lines")
        if is_text:
            # Text keeps its spelling: a class '01' is not the number 1.
            categorical |= {c for c in (self.label, self.cluster, self.split_column, *texts) if c}
        stream = iter_batches(
            self.source,
            columns=columns,
            categorical=list(categorical),
            verbatim=[self.id] if self.id else [],
            missing=self.words,
            text=self.text,
        )
        yield from stream if is_text else map(self._known, stream)

    def place_of(self, column: str, value: str | None) -> str:
        """Return 'row N of SOURCE' for the first row in which a value stands in a column; '' for none.

        Of a value that is missing (None) the row may be one that sums up others, which is said.
        """
        if value is None and (self.split_column or self.drop_missing):
            return ""  # Rows that are left out may lack it too.
        if isinstance(self.source, pa.Table):
            row = row_of(value, column, [self.source], self._missing_in(column))
            told = totals_row(self.source.slice(row - 1, 1)) if value is None and row else ""
            return f"row {row:,} of the table{told}" if row else ""
        # Which words are missing depends on what the column was read as.
        found = place_of(Path(self.source), column, value, self.text, self._missing_in(column))
        if found or value is not None:
            return found
        return place_of(Path(self.source), column, value, self.text, self.words.in_numbers)

    def _kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.split_column:
            named = words(batch.column(self.split_column)).cast(pa.string())
            inside = pc.equal(named, word(self.split))
            before = batch.num_rows
            batch = batch.filter(inside)
            self.outside += before - batch.num_rows
        if not self.drop_missing:
            return batch
        whole = functools.reduce(pc.and_, map(_present, batch.columns))
        self.dropped += batch.num_rows - int(pc.sum(whole).as_py() or 0)
        return batch.filter(whole)

    def every_id(self) -> pa.ChunkedArray:
        """Ids of all rows of the source, of other splits and with missing values too."""
        assert self.id is not None
        if isinstance(self.source, pa.Table):
            return pa.chunked_array([as_ids(self.source.column(self.id))])
        stream = iter_batches(
            self.source, columns=[self.id], verbatim=[self.id], missing=self.words, text=self.text
        )
        return pa.chunked_array([as_ids(batch.column(0)) for batch in stream])

    def read(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Bring a batch of `batches` to the form of a predictions table.

        Returns
        -------
        dict
            ``id``, ``y_true`` (int8) where labelled, ``weight``, ``cluster`` or ``count`` where given,
            and each sensitive feature as dictionary-encoded text.

        Raises
        ------
        InputError
            A value that cannot be used in its role; words among numbers are told with their row.
        """
        try:
            return self._read(batch)
        except CellError as error:
            raise error.at(self.place_of(error.column, error.value)) from None

    def _read(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        held = batch.column(self.label).type if self.label else None
        if held is not None and pa.types.is_nested(held):
            raise InputError(
                f"label column '{self.label}': expected one value per row, got {held}; tags of words and "
                f"several labels cannot be audited yet; {SUPPORTED}"
            )
        for name in (self.id, self.label, self.cluster, *self.sensitive):
            if name:
                plain(batch.column(name), name)
        start, rows = self.rows, batch.num_rows
        # Where rows are left out, their numbers are not those of the file.
        place = None if self.split_column or self.drop_missing else start
        self.rows += rows
        out: dict[str, pa.Array] = {}
        if self.count:
            out["count"] = _counts(batch.column(self.count), self.count, place)
        elif self.id:
            out["id"] = as_ids(batch.column(self.id))
            self.order.add(out["id"])
        else:
            out["id"] = pa.array(np.arange(start, start + rows))
        if self.outcome and self.label:
            self._ask(
                self.label,
                "label",
                batch.column(self.label),
                as_words(self.positive) + as_words(self.negative),
            )
            out["y_true"] = pa.array(self.outcome.read(batch.column(self.label)).astype(np.int8))
        if self.weight:
            out["weight"] = row_weights(batch.column(self.weight), self.weight, place)
        if self.cluster:
            out["cluster"] = _clusters(batch.column(self.cluster))
        cells = out["count"].to_numpy() if self.count else None
        for slicer in self.slicers:
            if slicer.column not in self.bins:
                self._look(slicer.column, batch.column(slicer.column), start)
            out[slicer.column] = slicer.read(batch.column(slicer.column), cells)
        if cells is not None:
            known = [out[s.column].is_valid().to_numpy(zero_copy_only=False) for s in self.slicers]
            self.heaviest.add(cells, np.any(known, axis=0))
        return out

    def _look(self, name: str, column: pa.Array, start: int) -> None:
        """Look at the values of a sensitive column that were not seen before."""
        first = self._first[name]
        new = [value for value in _levels(column) if value not in first]
        if not new:
            return
        longest = max(new, key=len)
        if len(longest) > MAX_WORD:
            raise InputError(
                f"sensitive column '{name}' holds a text of {len(longest):,} characters; expected at most "
                f"{MAX_WORD:,}, as a value names a slice"
            )
        self._ask(name, "sensitive", column)
        whole = column.cast(pa.string()) if totals([*first, *new]) else None
        for value in new[: MAX_VALUES + 1]:
            place = -1 if whole is None else pc.index(whole, value).as_py()
            first[value] = start + place + 1 if place >= 0 else 0

    def _ask(self, name: str, role: str, column: pa.Array, named: Sequence[str] = ()) -> None:
        """InputError where a word may mean that the value is not known, and nobody said what it means."""
        if not self.words.unasked(name, _levels(column), named):
            return
        left_out = self.dropped, self.outside
        found = pa.chunked_array([_plain_text(b.column(name)) for b in self.batches()]).value_counts()
        self.dropped, self.outside = left_out
        rows = {v["values"]: int(v["counts"]) for v in found.to_pylist() if v["values"] is not None}
        if asked := self.words.unasked(name, rows, named):
            raise InputError(question(name, role, {word: rows[word] for word in sorted(asked)}))

    def check_whole(self) -> None:
        """After the last batch: InputError for an empty table."""
        if not self.rows:
            dropped = (
                f" ({number_of(self.dropped, 'row')} with missing values left out)" if self.dropped else ""
            )
            if self.outside:
                dropped += f" ({number_of(self.outside, 'row')} of other splits than {self.split!r})"
            raise InputError(f"{self.where}: no rows to audit{dropped}")
        if self.outcome:
            self.notes += warn_alike(self.outcome.column, list(self.outcome.seen))
        for slicer in self.slicers:
            if not slicer.edges:
                self.notes += warn_alike(slicer.column, list(slicer.values))
                # Of rows that were left out, none is counted.
                rows = {} if self.dropped or self.outside else self._first[slicer.column]
                first = {value: row for value, row in rows.items() if row}
                self.notes += warn_totals(slicer.column, slicer.values, first)
        self.notes += self.heaviest.warn()


def _present(column: pa.Array) -> pa.Array:
    """Whether each row has a value: no null, and neither NaN nor empty text, which `words` reads as one."""
    if pa.types.is_dictionary(column.type):
        held = _present(column.dictionary).take(column.indices)
        return pc.fill_null(held, False)
    here = pc.is_valid(column)
    if pa.types.is_floating(column.type):
        return pc.and_(here, pc.invert(pc.fill_null(pc.is_nan(column), False)))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.and_(here, pc.fill_null(pc.not_equal(column, ""), False))
    return here


def _plain_text(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _levels(column: pa.Array) -> list[str]:
    """The distinct values of a column of text, at least."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    if not pa.types.is_string(column.type):
        return []
    return [value for value in column.unique().to_pylist() if value is not None]


def _is_index(name: str) -> bool:
    return bool(re.fullmatch(rf"{NAMELESS}\d+|__index_level_\d+__", name))


def _clusters(column: pa.Array) -> pa.Array:
    """Clusters as they came where they are whole numbers, else in the one spelling, as text."""
    if pa.types.is_dictionary(column.type):
        return words(column)
    return column if pa.types.is_integer(column.type) else spelled(column)


def row_weights(column: pa.Array, name: str, start: int | None = 0) -> pa.Array:
    """Read a column of row weights.

    Parameters
    ----------
    start : int, optional
        Rows read before these, for the message; None where they are not known.

    Raises
    ------
    InputError
        A weight that is no finite number of at least 0, or of which sums of squares leave what a float holds.
    """
    values = numbers(column, f"weight column '{name}': expected numbers", name)
    if blank := int(np.isnan(values).sum()):
        raise missing_in(f"weight column '{name}'", name, blank)
    with np.errstate(invalid="ignore"):
        outside = (values != 0) & ~((values >= LEAST_WEIGHT) & (values <= MOST_WEIGHT))
    if outside.any():
        row, told = int(np.argmax(outside)), f"0, or from {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}"
        raise InputError(
            f"weight column '{name}': expected finite numbers of at least 0"
            f"{f' whose squares can be summed ({told})' if values[row] > 0 else ''}, got {values[row]}"
            f"{_more(int(outside.sum()))}{_first_row(start, row)}"
        )
    return pa.array(values)


def _first_row(start: int | None, row: int) -> str:
    return "" if start is None else f", first in row {start + row + 1:,}"


def _more(rows: int) -> str:
    return f" (and {number_of(rows - 1, 'more such row')})" if rows > 1 else ""


def _counts(column: pa.Array, name: str, start: int | None = 0) -> pa.Array:
    values = numbers(column, f"count column '{name}': expected numbers", name)
    if blank := int(np.isnan(values).sum()):
        raise missing_in(f"count column '{name}'", name, blank)
    bad = ~(np.isfinite(values) & (values >= 0) & (values <= MOST_COUNT)) | (values != np.floor(values))
    if bad.any():
        row = int(np.argmax(bad))
        most = f" and at most {MOST_COUNT:,}" if values[row] > MOST_COUNT else ""
        raise InputError(
            f"count column '{name}': expected whole numbers of at least 0{most}, got {values[row]}"
            f"{_first_row(start, row)}"
        )
    return pc.cast(pa.array(values), pa.int64())


def scores(column: pa.Array, name: str, *, probability: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read a score column; InputError for missing, NaN, infinite or (as probability) outside [0, 1]."""
    values = numbers(column, f"score column '{name}': expected numbers", name)
    # A score that is not known would be the least and the largest.
    ends = (values.min(), values.max()) if len(values) else (0.0, 0.0)
    if (ends[0] >= 0 and ends[1] <= 1) if probability else np.isfinite(ends).all():
        return values
    if blank := int(np.isnan(values).sum()):
        raise missing_in(f"score column '{name}'", name, blank)
    if bad := int(np.isinf(values).sum()):
        value = f"{values[int(np.argmax(np.isinf(values)))]:g}"
        raise InfiniteError(f"score column '{name}': expected finite numbers", name, value, _more(bad))
    worst = ends[1] if ends[1] > 1 else ends[0]
    raise InputError(
        f"score column '{name}': expected probabilities in [0, 1], got {worst:g}; for scores on "
        "another scale set model.scale: rank"
    )
