"""The evaluation set: a table whose columns have roles, read in batches of one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import card as cards
from .alike import Heaviest, warn_unclustered
from .amounts import left_out, row_counts, row_weights
from .binary import Binary
from .columns import (
    Ascending,
    Scalar,
    Sensitive,
    clusters,
    levels,
    plain,
    words,
)
from .dialect import TextForm
from .entity_attributes import attributes_of
from .errors import InputError, number_of
from .files import form_of
from .memory import sha256_table
from .missing import BLANK, Missing, check_reserved, nulled, whole_rows
from .numbers import CellError, row_of
from .outcomes import outcome_of
from .read import column_names, found_in, iter_batches, place_of, sha256_file, totals_row
from .roles import as_words, check_roles, features_of, merged_words, of_card, truth_roles
from .seen import Seen
from .spelling import as_ids, word


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
        Column of the true outcome: a class, a number (regression) or a list of labels (multilabel); without
        it only what a model says is audited.
    positive, negative : value or sequence of values, optional
        Which label values are positive; needed unless the column holds 1/0 or true/false.
    positive_is : {'benefit', 'burden'}, optional
        What a positive decision is to the person it falls on.
    task : {'binary', 'multiclass', 'multilabel', 'regression', 'ranking', 'ner', 'generation'}
        What is predicted of a row.
    labels : sequence of str
        Multilabel: a column per label, in place of one ``label`` column of lists.
    classes : sequence
        Multiclass and multilabel: the classes, or labels, in their order; default those that occur.
    favourable : value or sequence of values, optional
        Multiclass: the classes that are an advantage to the person concerned.
    query, item, relevance : str, optional
        Ranking: columns of who asks, what is ranked, and how relevant it is.
    tags, tokens, document : str, optional
        Entities: columns of the tags of each row's tokens, of these, and of its document, a cluster.
    prompt, sample : str, optional
        Generation: columns of the prompt of an answer, and of the sample's number.
    scheme, matching : str, optional
        Entities: how tags are read (`tags`); default iob2 and strict.
    spans, of_text : str, optional
        Entities: column of the entities themselves, in place of tags; and of the text whose characters they
        are counted by, in place of tokens.
    entity_attributes : mapping of str to str
        Entities: features of single entities, and the column of their values, or the key of spans.
    id : str, optional
        Column of unique ids; without it rows are numbered.
    weight, cluster, count : str, optional
        Columns of non-negative row weights, of what groups dependent rows (such as those of one person), and
        of row counts: the table then holds one aggregated cell per row.
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
    name, card, split, file, split_column
        What the data is called; the card, split and file it came from; the column that holds the split.
    text : TextForm, optional
        How a text file is written, as far as that is known.
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
    task: str = "binary"
    labels: Sequence[str] = ()
    classes: Sequence[Scalar] = ()
    favourable: Scalar | Sequence[Scalar] | None = None
    query: str | None = None
    item: str | None = None
    relevance: str | None = None
    file: Path | None = None
    tags: str | None = None
    tokens: str | None = None
    scheme: str | None = None
    matching: str | None = None
    document: str | None = None
    prompt: str | None = None
    sample: str | None = None
    spans: str | None = None
    of_text: str | None = None
    entity_attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.words = Missing.of(self.missing)
        self.notes, self.aside = list[str](), list[str]()
        if isinstance(self.source, pa.Table):
            self.names = self.source.column_names
        else:
            self.source = Path(self.source)
            self.names = column_names(self.source, text=self.text)
            self.notes += found_in(self.source, self.text)
        self.at = self.source if isinstance(self.source, Path) else self.file
        self.where = str(self.at) if self.at is not None else (self.name or "the table")
        self.outcome = outcome_of(self.task, truth_roles(self))
        self.cluster = self.document or self.cluster
        check_roles(self)
        self.merged = {s: merged_words(f"data.merge.{s}", groups) for s, groups in self.merge.items()}
        self.seen = Seen(self.words, self.again)
        self.attributes = attributes_of(self)
        self.slicers = [self.slicer(s) for s in self.sensitive if s not in self.entity_attributes]
        self.order = Ascending(self.id or "id")
        self.rows = self.dropped = self.outside = self.unclustered = 0
        self.heaviest = Heaviest()

    @classmethod
    def from_card(cls, name: str, split: str | None = None, **overrides: Any) -> EvaluationSet:
        """Load the data set ``name`` of a card; ``overrides`` replace the card's roles."""
        found = cards.card(name)
        return cls(cards.load(name, split), name=name, card=found, split=split, **of_card(found, overrides))

    @property
    def binary(self) -> Binary | None:
        """The two classes, where the true outcome is one of them."""
        return self.outcome if isinstance(self.outcome, Binary) else None

    @property
    def truths(self) -> list[str]:
        """Columns that hold the true outcome."""
        return self.outcome.columns if self.outcome else []

    def class_names(self) -> tuple[str, ...]:
        """Return the classes, or labels, in their order: those named, else those that occur in any row.

        Empty for a task without them, and where no column holds the true outcome and none is named.
        """
        if self.outcome is None:
            return tuple(as_words(self.classes))
        self._look_ahead()
        return self.outcome.names

    def _look_ahead(self) -> None:
        """Let the outcome see its columns of all rows, where it needs that before the first is read."""
        if self.outcome is not None and self.outcome.ahead:
            self.outcome.look(self.again())

    def again(self, texts: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Read the batches once more, ``texts`` too: rows that are left out are not counted again."""
        gone = self.dropped, self.outside
        yield from self.batches(texts, texts=texts)
        self.dropped, self.outside = gone

    def slicer(self, feature: str) -> Sensitive:
        """Return a reader of one sensitive feature, as it is cut and merged here."""
        return Sensitive(feature, tuple(self.bins.get(feature, ())), self.merged.get(feature, {}))

    def feature_names(self) -> list[str]:
        """Return the columns that a model may see."""
        return features_of(self)

    def sha256(self) -> str:
        """Return the checksum of the file, or of the table's Arrow stream."""
        return sha256_table(self.source) if self.at is None else sha256_file(self.at)

    def batches(
        self, extra: Sequence[str] = (), *, texts: Sequence[str] = (), whole: bool = False,
        verbatim: Sequence[str] = (),
    ) -> Iterator[pa.RecordBatch]:  # fmt: skip
        """Read the columns with a role and the ``extra`` ones, as they stand in the source.

        ``texts`` are columns that a text file gives as they are written, such as those that name twins; in
        those of ``verbatim`` no word means that it is missing. ``whole`` gives one batch, with every row.
        """
        features = [slicer.column for slicer in self.slicers] + (
            self.attributes.read if self.attributes else []
        )
        roles = [self.id, *self.truths, self.weight, self.cluster, self.count, *features, *extra]
        wanted = list(dict.fromkeys(c for c in roles if c))
        columns = list(self.names) if self.drop_missing else wanted
        if self.split_column and self.split_column not in columns:
            columns.append(self.split_column)
        stream = self._stream(columns, texts, verbatim)
        kept: Iterator[pa.RecordBatch] = (self._kept(batch).select(wanted) for batch in stream)
        if whole:
            every = list(kept)
            table = pa.Table.from_batches(every).unify_dictionaries().combine_chunks() if every else None
            kept = iter(table.to_batches() if table is not None else [])
        yield from (batch for batch in kept if batch.num_rows)

    def _known(self, batch: pa.RecordBatch, verbatim: Sequence[str] = ()) -> pa.RecordBatch:
        """Put null for words that mean so; of a feature that is cut at numbers, also for those of numbers."""
        columns = [
            nulled(column, BLANK if name in (self.id, *verbatim) else self._missing_in(name))
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def _missing_in(self, name: str) -> tuple[str, ...]:
        numeric = name in self.bins or (name in self.truths and not self._worded(name))
        return self.words.in_numbers if numeric else self.words.in_text(name)

    def _worded(self, name: str) -> bool:
        """Whether a column of the outcome holds words or names rather than numbers."""
        found = self.outcome
        return found is not None and name in (*found.texts, *found.ids, *found.ahead)

    def _stream(
        self, columns: Sequence[str], texts: Sequence[str], verbatim: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Batches of the source, its words as words and null for what means so."""
        if isinstance(self.source, pa.Table):
            for batch in self.source.select(list(columns)).combine_chunks().to_batches():
                for place, name in enumerate(columns):
                    if name in self.categorical and not pa.types.is_nested(batch.schema.field(place).type):
                        batch = batch.set_column(place, name, words(batch.column(place)))
                yield self._known(batch, verbatim)
            return
        categorical = {*(c for c in self.sensitive if c not in self.bins), *self.categorical}
        is_text = form_of(Path(self.source), "delimited text") in ("delimited text", "JSON lines")
        if is_text:
            # Text keeps its spelling: a class '01' is not the number 1.
            worded = self.outcome.texts if self.outcome else ()
            categorical |= {c for c in (*worded, self.cluster, self.split_column, *texts) if c}
        named = (self.id, *(self.outcome.ids if self.outcome else ()), *verbatim)
        stream = iter_batches(
            self.source,
            columns=columns, categorical=list(categorical), missing=self.words, text=self.text,
            verbatim=[name for name in named if name],
        )  # fmt: skip
        yield from stream if is_text else (self._known(batch, verbatim) for batch in stream)

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
            plain(batch.column(self.split_column), self.split_column)
            named = words(batch.column(self.split_column)).cast(pa.string())
            inside = pc.equal(named, word(self.split))
            self.outside += left_out(batch, inside, self.count)
            batch = batch.filter(inside)
        if not self.drop_missing:
            return batch
        whole = whole_rows(batch)
        self.dropped += left_out(batch, whole, self.count)
        return batch.filter(whole)

    def every(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Columns that name rows, such as their ids: of other splits and with missing values too."""
        if isinstance(self.source, pa.Table):
            return iter(self.source.select(list(columns)).to_batches())
        return iter_batches(
            self.source, columns=columns, verbatim=columns, missing=self.words, text=self.text
        )

    def read(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Bring a batch of `batches` to the form of a predictions table.

        Returns
        -------
        dict
            ``id``, the task's outcome where labelled, ``weight``, ``cluster`` or ``count`` where given,
            and each sensitive feature as dictionary-encoded text. The outcome is ``y_true``: int8 (binary),
            ``dictionary<int32, string>`` (multiclass) or float64 (regression); ``y_true:LABEL`` (int8) of
            each label (multilabel); ``query``, ``item`` and ``y_true``, the relevance (ranking).

        Raises
        ------
        InputError
            A value that cannot be used in its role; words among numbers are told with their row.
        """
        try:
            self._look_ahead()
            return self._read(batch)
        except CellError as error:
            raise error.at(self.place_of(error.column, error.value)) from None

    def _read(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        for name in filter(None, (self.id, self.cluster, *(slicer.column for slicer in self.slicers))):
            plain(batch.column(name), name)
        start, rows = self.rows, batch.num_rows
        self.rows += rows
        out: dict[str, pa.Array] = {}
        if self.count:
            out["count"] = row_counts(batch.column(self.count), self.count)
        elif self.id:
            out["id"] = as_ids(batch.column(self.id))
            self.order.add(out["id"])
        else:
            out["id"] = pa.array(np.arange(start, start + rows))
        if self.outcome is not None:
            for name in self.outcome.columns:
                self.outcome.accept(batch.column(name), name)
            for name in self.outcome.texts:
                self.seen.ask(name, "label", batch.column(name), self.outcome.named)
            out |= self.outcome.truth(batch)
        if self.weight:
            out["weight"] = row_weights(batch.column(self.weight), self.weight)
        if self.cluster:
            out["cluster"] = clusters(batch.column(self.cluster))
            self.unclustered += out["cluster"].null_count
            check_reserved(self.cluster, "cluster", levels(out["cluster"]))
        cells = out["count"].to_numpy() if self.count else None
        for slicer in self.slicers:
            if slicer.column not in self.bins:
                self.seen.look(slicer.column, batch.column(slicer.column), start)
            out[slicer.column] = slicer.read(batch.column(slicer.column), cells)
        if cells is not None:
            known = [out[s.column].is_valid().to_numpy(zero_copy_only=False) for s in self.slicers]
            self.heaviest.add(cells, np.any(known, axis=0))
        return out

    def apart(self, rows: pa.RecordBatch, raw: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of predictions as they are counted: in parts, where attributes of entities are sliced by."""
        return rows if self.attributes is None else self.attributes.apart(rows, raw)

    def check_whole(self) -> None:
        """After the last batch: InputError for an empty table."""
        if not self.rows:
            gone = f" ({number_of(self.dropped, 'row')} with missing values left out)" * bool(self.dropped)
            if self.outside:
                gone += f" ({number_of(self.outside, 'row')} of other splits than {self.split!r})"
            raise InputError(f"{self.where}: no rows to audit{gone}")
        if self.outcome is not None:
            self.outcome.check_whole(self.again, self.where)
            self.notes += self.outcome.warnings()
        for slicer in self.slicers:
            # Of rows that were left out, none is counted.
            rows = {} if self.dropped or self.outside else self.seen.first.get(slicer.column, {})
            self.notes += slicer.warnings(rows)
        self.notes += self.attributes.warnings() if self.attributes else []
        self.notes += warn_unclustered(self.cluster, self.unclustered)
        self.notes += self.heaviest.warn()
