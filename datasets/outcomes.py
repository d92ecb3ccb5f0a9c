"""What the rows' true outcomes are, by task: which columns hold them, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from numpy.typing import NDArray

from .binary import Binary
from .choice import Choice
from .entities import Entities
from .errors import InputError
from .generation import Generation
from .multiclass import Classes
from .multilabel import LabelColumns, LabelLists
from .ranking import Ranking
from .read import nearest
from .regression import Target


class Outcome(Protocol):
    """How the true outcomes of a task are read from batches.

    Attributes
    ----------
    task : str
    columns : list of str
        Columns of the source that are read.
    texts, ids : sequence of str
        Those of them that a text file gives as words, and as they are written.
    ahead : sequence of str
        Columns that `look` is to see of every row before the first one is read; empty once it has.
    named : sequence of str
        Values that the configuration names.
    names : tuple of str
        The classes, or labels, in their order; empty for a task without any.
    reserved : sequence of str
        Names that a sensitive feature may not have, besides those of every task.
    """

    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def columns(self) -> list[str]: ...  # noqa: D102
    @property
    def texts(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def ids(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def ahead(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def named(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def reserved(self) -> Sequence[str]: ...  # noqa: D102

    def look(self, batches: Iterator[pa.RecordBatch]) -> None:
        """See the columns of ``ahead`` of every row."""

    def accept(self, column: pa.Array, name: str) -> None:
        """InputError for a column that cannot have its role, whatever its values are."""

    def truth(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The outcome columns of a predictions table."""
        ...

    def learned(self, truth: Mapping[str, pa.Array]) -> NDArray[Any]:
        """The outcomes of `truth` as a model learns them."""
        ...

    def check_learnable(self) -> None:
        """After the last batch: InputError where nothing can be learned from them."""

    def check_whole(self, batches: Callable[[], Iterator[pa.RecordBatch]], where: str) -> None:
        """After the last batch: InputError for what only all rows together show.

        Parameters
        ----------
        batches : callable
            Gives the rows from the start again.
        where : str
            The table, for messages.
        """

    def warnings(self) -> list[str]:
        """After the last batch: what is to be told of the values seen."""
        ...


@dataclass(frozen=True)
class Roles:
    """The columns and values that say what an outcome is, as words; empty or None where not said."""

    label: str | None = None
    labels: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    favourable: tuple[str, ...] = ()
    query: str | None = None
    item: str | None = None
    relevance: str | None = None
    weight: str | None = None
    cluster: str | None = None
    tags: str | None = None
    tokens: str | None = None
    scheme: str | None = None
    matching: str | None = None
    document: str | None = None
    spans: str | None = None
    text: str | None = None
    entity_attributes: tuple[str, ...] = ()
    prompt: str | None = None
    sample: str | None = None
    id: str | None = None


def _binary(roles: Roles) -> Binary | None:
    return Binary(roles.label, "label", roles.positive, roles.negative) if roles.label else None


def _multiclass(roles: Roles) -> Classes | None:
    if not roles.label:
        return None
    return Classes(roles.label, "label", roles.classes, roles.favourable)


def _regression(roles: Roles) -> Target | None:
    return Target(roles.label) if roles.label else None


def _multilabel(roles: Roles) -> LabelColumns | LabelLists | None:
    if roles.label and roles.labels:
        raise InputError(
            "data.labels: expected either a column per label or one list column, got data.label "
            f"({roles.label}) too"
        )
    if roles.labels:
        return LabelColumns(roles.labels, roles.positive, roles.negative)
    return LabelLists(roles.label, roles.classes) if roles.label else None


def _ranking(roles: Roles) -> Ranking:
    for key, name in (("query", roles.query), ("item", roles.item)):
        if name is None:
            raise InputError(f"data.{key}: a ranking needs the column of its {key}")
    return Ranking(str(roles.query), str(roles.item), roles.relevance, roles.weight, roles.cluster)


def _choice(roles: Roles) -> Choice:
    if roles.label is None:
        raise InputError("task: choice is that of a suite; expected suite, such as suite: bbq")
    return Choice(roles.label)


def _entities(roles: Roles) -> Entities:
    if (roles.tags is None) == (roles.spans is None):
        raise InputError(
            "data.tags: entities need the column of their true tags, or of the entities themselves "
            f"(data.spans){'; got both' if roles.tags else ''}"
        )
    if roles.text and (roles.tokens or roles.tags):
        other = "tokens" if roles.tokens else "tags"
        raise InputError(f"data.text: spans are counted by characters of the text; leave data.{other} out")
    if roles.spans and (roles.scheme or roles.matching):
        raise InputError(
            f"data.{'scheme' if roles.scheme else 'matching'}: says how tags are read; spans have none"
        )
    if roles.document and roles.cluster:
        raise InputError(
            f"data.cluster: rows of a document ({roles.document}) are a cluster already; leave one of "
            "them out"
        )
    return Entities(
        roles.tags, roles.tokens, roles.scheme or "iob2", roles.matching or "strict",  # type: ignore[arg-type]
        roles.spans, roles.text,
    )  # fmt: skip


def _generation(roles: Roles) -> Generation:
    if roles.prompt is None:
        raise InputError("data.prompt: answers need the column of the prompt that each is an answer to")
    return Generation(roles.prompt, roles.sample, roles.id, roles.cluster)


@dataclass(frozen=True)
class Reader:
    """How the outcomes of a task are read, and the keys of ``data:`` that belong to it."""

    make: Callable[[Roles], Outcome | None]
    keys: frozenset[str]


READERS: dict[str, Reader] = {
    "binary": Reader(_binary, frozenset({"label", "positive", "negative"})),
    "multiclass": Reader(_multiclass, frozenset({"label", "classes", "favourable"})),
    "multilabel": Reader(_multilabel, frozenset({"label", "labels", "classes", "positive", "negative"})),
    "regression": Reader(_regression, frozenset({"label"})),
    "ranking": Reader(_ranking, frozenset({"query", "item", "relevance"})),
    "choice": Reader(_choice, frozenset({"label"})),
    # What a pair shows is what the model says of it: there is no label.
    "pairs": Reader(lambda roles: None, frozenset()),
    "ner": Reader(
        _entities,
        frozenset({"tags", "tokens", "scheme", "matching", "document", "spans", "text", "entity_attributes"}),
    ),
    "generation": Reader(_generation, frozenset({"prompt", "sample"})),
}
"""Tasks by name."""
OF_ALL = frozenset({"weight", "cluster", "id"})
"""Keys of ``data:`` that belong to every task."""


def outcome_of(task: str, roles: Roles) -> Outcome | None:
    """Return how the true outcomes of a task are read; None where no column holds them.

    Raises
    ------
    InputError
        An unknown task, or a role that does not belong to it.
    """
    if task not in READERS:
        raise InputError(
            f"task: expected one of {', '.join(READERS)}, got {task!r}{nearest(task, list(READERS))}"
        )
    reader = READERS[task]
    for key, value in vars(roles).items():
        if value and key not in reader.keys | OF_ALL:
            others = [name for name, other in READERS.items() if key in other.keys]
            raise InputError(f"data.{key}: belongs to task: {' or '.join(others)}, and the task is {task}")
    return reader.make(roles)
