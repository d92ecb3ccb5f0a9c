"""Several labels in a row: a column per label, or one column of lists."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..told import tell
from .alike import warn_alike
from .binary import Binary
from .classes import MOST_CLASSES, TAGS, check_free, counted, in_order, one_value, tagged
from .columns import listed, words
from .errors import InputError, number_of
from .multiclass import check_named
from .numbers import MissingError, decoded, is_text

MARKS = ("|", ";", ",")
"""What parts the labels of a row in a column of text, as far as the column holds one of them alone."""
MOST_TEXT = 100_000
"""Characters of the text of a row's labels."""


@dataclass
class LabelColumns:
    """A column per label, each of two values: whether the row has it.

    Parameters
    ----------
    labels : sequence of str
        The columns, which are the labels' names.
    positive, negative : sequence of str
        What stands where a row has a label and where it does not; default 1/0 or true/false.
    """

    labels: Sequence[str]
    positive: Sequence[str] = ()
    negative: Sequence[str] = ()

    task = "multilabel"
    ahead = ids = ()
    reserved = ("y_pred", "score")

    def __post_init__(self) -> None:
        check_named(self.labels, "data.labels")
        self.parts = [
            Binary(name, "label", self.positive, self.negative, one_of_many=True) for name in self.labels
        ]

    @property
    def columns(self) -> list[str]:
        """The columns."""
        return list(self.labels)

    texts = columns

    @property
    def named(self) -> list[str]:
        """The values that the configuration names."""
        return [*self.positive, *self.negative]

    @property
    def names(self) -> tuple[str, ...]:
        """The labels."""
        return tuple(self.labels)

    @property
    def seen(self) -> dict[str, int]:
        """Rows of each label."""
        return {part.column: sum(part.seen[v] for v in part.classes[0]) for part in self.parts}

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Nothing is to be known before the first row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column that cannot say whether a row has a label."""
        one_value(column, name, "label")

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome columns of a predictions table: ``y_true:LABEL`` of each label."""
        held = {part.column: part.read(batch.column(part.column)) for part in self.parts}
        return {f"y_true:{name}": pa.array(has.astype(np.int8)) for name, has in held.items()}

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[np.int8]:
        """The labels of `truth` as a model learns them: shape (rows, labels)."""
        return _matrix(truth, self.names)

    def check_learnable(self) -> None:
        """InputError for a label that every row has, or none."""
        for part in self.parts:
            part.check_learnable()

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """Nothing is to be seen of all rows together."""

    def warnings(self) -> list[str]:
        """What is to be told of the values seen: labels that all rows have, or none."""
        rows = sum(self.parts[0].seen.values())
        return [text for part in self.parts for text in part.warnings()] + _one_sided(self.seen, rows)

    @property
    def never(self) -> dict[str, list[str]]:
        """Values that were named and that no column holds, by the key that names them."""
        held: list[dict[str, list[str]]] = [part.never for part in self.parts]
        keys = {key for absent in held for key in absent}
        common = {k: [v for v in held[0].get(k, []) if all(v in h.get(k, []) for h in held)] for k in keys}
        return {key: values for key, values in common.items() if values}


@dataclass
class LabelLists:
    """A column that holds the list of each row's labels.

    A list is one of the file's own kind, or text that is clearly one: ``["a", "b"]`` in brackets, or words
    with one mark of `MARKS` between them, where the column holds no other of these marks.

    Parameters
    ----------
    column : str
    classes : sequence of str
        All labels in their order; another one is refused then. Default those that occur.
    """

    column: str
    classes: Sequence[str] = ()
    seen: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    mark: str | None = None
    _found: tuple[str, ...] | None = None

    task = "multilabel"
    ids = named = texts = ()
    reserved = ("y_pred", "score")

    def __post_init__(self) -> None:
        check_named(self.classes)

    @property
    def _where(self) -> str:
        return f"label column '{self.column}'"

    @property
    def columns(self) -> list[str]:
        """The column."""
        return [self.column]

    @property
    def ahead(self) -> tuple[str, ...]:
        """Columns to be looked at before the first row is read: which labels there are, and their mark."""
        return () if self._found is not None else (self.column,)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels in their order: those that the configuration names, else those that occur."""
        return tuple(self.classes or self._found or ())

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Find the labels, and what parts them; InputError for more than `MOST_CLASSES`."""
        columns = [batch.column(self.column) for batch in batches]
        for column in columns:
            self.accept(column, self.column)
        if any(is_text(column.type) for column in columns):
            self.mark = self._parted_by(columns)
        found: dict[str, int] = {}
        for column in columns:
            for name, rows in _counts(self._flat(column)[0]).items():
                found[name] = found.get(name, 0) + rows
        if len(found) > MOST_CLASSES:
            raise InputError(
                f"{self._where} holds {len(found):,} different labels, expected at most {MOST_CLASSES}"
            )
        check_free(found, self._where)
        if strays := {name: n for name, n in found.items() if self.classes and name not in self.classes}:
            raise InputError(
                f"{self._where} holds {counted(strays)}, which data.classes ({listed(list(self.classes))}) "
                "does not name"
            )
        if not found and not self.classes:
            raise InputError(f"{self._where}: no row has a label; name the labels in data.classes")
        self._found = tuple(in_order(found))

    def _parted_by(self, columns: Sequence[pa.Array]) -> str | None:
        """The one mark between labels of a column of text; None where each row holds one at most."""
        texts = [text for column in columns for text in _texts(column) if not _bracketed(text)]
        held = {mark: next(text for text in texts if mark in text) for mark in MARKS if _holds(texts, mark)}
        if len(held) > 1:
            shown = " and ".join(f"{mark!r} ({text[:40]!r})" for mark, text in held.items())
            raise InputError(
                f"{self._where}: what parts the labels of a row is unclear, it holds {shown}; write lists "
                'such as ["a", "b"], or give every label a column (data.labels)'
            )
        return next(iter(held), None)

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column that holds neither lists of words nor texts."""
        kind = decoded(column).type if pa.types.is_dictionary(column.type) else column.type
        inner = kind.value_type if _is_list(kind) else None
        if is_text(kind) or pa.types.is_null(kind):
            one_value(column, name, "label")
        elif inner is None or pa.types.is_nested(inner):
            raise InputError(
                f"{self._where}: expected the list of each row's labels, got {kind}; a column per label is "
                "named in data.labels"
            )

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome columns of a predictions table: ``y_true:LABEL`` of each label."""
        column = batch.column(self.column)
        flat, rows = self._flat(column)
        place = {name: number for number, name in enumerate(self.names)}
        # A dictionary may hold labels that no row has.
        codes = np.array([place.get(name, -1) for name in flat.dictionary.to_pylist()], np.intp)
        held = np.zeros((len(column), len(place)), np.int8)
        held[rows, codes[flat.indices.to_numpy()]] = 1
        self.rows += len(column)
        for name, number in place.items():
            self.seen[name] = self.seen.get(name, 0) + int(held[:, number].sum())
        return {f"y_true:{name}": pa.array(held[:, number]) for name, number in place.items()}

    def _flat(self, column: pa.Array) -> tuple[pa.DictionaryArray, NDArray[np.intp]]:
        """The labels of all rows in one array, and the row of each."""
        if column.null_count:
            raise MissingError(
                f"{self._where} is missing in {number_of(column.null_count, 'row')}", self.column, None,
                "; a row without any label holds an empty list, [] in text",
            )  # fmt: skip
        column = decoded(column)
        if not _is_list(column.type):
            texts = column.cast(pa.string()).dictionary_encode()
            lists = [self._split(text) for text in texts.dictionary.to_pylist()]
            column = pa.array(lists, pa.list_(pa.string())).take(texts.indices)
        flat = words(pc.list_flatten(column))
        if flat.null_count:
            raise InputError(
                f"{self._where}: {number_of(flat.null_count, 'list holds', 'lists hold')} a blank label"
            )
        labels = flat.dictionary.to_pylist()
        if "O" in labels and tagged(labels):
            raise InputError(f"{self._where} holds {TAGS}")
        return flat, np.asarray(pc.list_parent_indices(column).to_numpy(), np.intp)

    def _split(self, text: str) -> list[str]:
        if len(text) > MOST_TEXT:
            raise InputError(
                f"{self._where}: a row's labels have {len(text):,} characters, {text[:40]!r} ..."
            )
        if _bracketed(text):
            return self._literal(text)
        parts = text.split(self.mark) if self.mark else [text]
        return [part.strip() for part in parts if part.strip()]

    def _literal(self, text: str) -> list[str]:
        """A list as JSON or Python writes it; nothing of it is run."""
        try:
            found = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
        plain = isinstance(found, list) and all(isinstance(one, (str, int, float)) for one in found)
        if not plain:
            raise InputError(
                f'{self._where}: expected a list of labels such as ["a", "b"], got {text[:60]!r}'
            )
        return [str(one) for one in found]

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[np.int8]:
        """The labels of `truth` as a model learns them: shape (rows, labels)."""
        return _matrix(truth, self.names)

    def check_learnable(self) -> None:
        """InputError for a label that every row has, or none."""
        bad = [name for name, rows in self.seen.items() if rows in (0, self.rows)]
        if bad:
            raise InputError(
                f"{self._where}: {listed(bad)} stands in none or in all of {number_of(self.rows, 'row')}; "
                "expected rows with and without it"
            )

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """Nothing is to be seen of all rows together."""

    def warnings(self) -> list[str]:
        """What is to be told of the labels seen: look-alikes, what parts them, labels of all rows or none."""
        out = warn_alike(self.column, list(self.seen)) + _one_sided(self.seen, self.rows)
        if self.mark:
            out.append(
                tell(
                    "Column {column}: the labels of a row were taken to be parted by '{mark}'.",
                    column=self.column, mark=self.mark,
                )
            )  # fmt: skip
        return out

    @property
    def never(self) -> dict[str, list[str]]:
        """The labels that were named and never seen, by the key that names them."""
        absent = [name for name in self.classes if not self.seen.get(name)]
        return {"data.classes": absent} if absent else {}


def _matrix(truth: Mapping[str, pa.Array], names: Sequence[str]) -> NDArray[np.int8]:
    return np.column_stack([truth[f"y_true:{name}"].to_numpy() for name in names])


def _one_sided(seen: Mapping[str, int], rows: int) -> list[str]:
    return [
        tell(
            "{label} stands in {held} of {rows} rows: figures of this label that need both kinds of rows "
            "have no value.",
            label=name, held=f"{held:,}", rows=f"{rows:,}",
        )
        for name, held in seen.items()
        if held in (0, rows)
    ]  # fmt: skip


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _texts(column: pa.Array) -> list[str]:
    if not is_text(column.type):
        return []
    return [text for text in decoded(column).unique().to_pylist() if text is not None]


def _bracketed(text: str) -> bool:
    text = text.strip()
    return text.startswith("[") and text.endswith("]")


def _holds(texts: Sequence[str], mark: str) -> bool:
    return any(mark in text for text in texts)


def _counts(flat: pa.DictionaryArray) -> dict[str, int]:
    rows = np.bincount(flat.indices.to_numpy(), minlength=len(flat.dictionary)).tolist()
    return {name: n for name, n in zip(flat.dictionary.to_pylist(), rows, strict=True) if n}
