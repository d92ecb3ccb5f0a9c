"""Which columns each task has, and which of a table's columns they seem to be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import names
from .column import Look
from .found import Roles

QUERY = re.compile(r"query|queries|qid|topic|user|users|session|search|request|job")
ITEM = re.compile(r"items?|docs?|document|docid|film|movie|product|candidate|result|listing")
RELEVANCE = re.compile(r"relevance|relevant|rel|grade|gain|judge?ment|liked|clicked|qrel")
TOKENS = re.compile(r"tokens?|words?|text")
DOCUMENT = re.compile(r"documents?|docs?|docid|reports?|articles?|file|source|page|letter|mail|note")
RANK = re.compile(r"ranks?|position|pos|place")


@dataclass(frozen=True)
class Columns:
    """The roles that a task's columns have.

    Attributes
    ----------
    data, model : tuple of str
        Keys of ``data`` and of ``model`` that name columns.
    needed : tuple of str
        Those that there is no audit without.
    several : bool
        A role may have several columns: one for each label.
    about : str
        The task, in words.
    """

    data: tuple[str, ...]
    model: tuple[str, ...]
    about: str
    needed: tuple[str, ...] = ()
    several: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.data, *self.model)


BINARY, NER = "binary", "ner"
LISTS = ("tokens", "tags", "predicted")
"""Roles of columns that hold a list for each row."""
KEYS = ("id", "cluster", "weight")
"""Roles that columns have in every task: what a row is."""
TASKS = {
    BINARY: Columns(("label",), ("decision", "score"), "yes or no"),
    "multiclass": Columns(("label",), ("decision",), "one of several classes"),
    "multilabel": Columns(
        ("label",), ("decision",), "several labels at once", needed=("label",), several=True
    ),
    "regression": Columns(("label",), ("prediction",), "a number"),
    "ranking": Columns(
        ("query", "item", "relevance"), ("rank", "score"), "items in an order", needed=("query", "item")
    ),
    NER: Columns(
        ("tokens", "tags", "document"),
        ("predicted",),
        "entities in sentences whose tokens have tags",
        needed=("tags",),
    ),
}
"""The tasks that are asked about."""


def proposed(task: str, looks: Mapping[str, Look], found: Roles) -> dict[str, tuple[str, ...]]:
    """Return the columns that seem to have each role of a task other than two classes."""
    if task == "multiclass":
        return {"label": _one(found.label), "decision": _one(found.decision)}
    numbers = [n for n, look in looks.items() if look.kind == "number" and n not in found.sensitive]
    if task == "regression":
        score = found.score or _first(names.PREDICTED, numbers)
        rest = [n for n in numbers if n != score and looks[n].distinct > 2]
        return {"label": _one(_first(names.LABEL, rest)), "prediction": _one(score)}
    if task == "ranking":
        rank = _first(RANK, numbers)
        chosen = {
            "query": _first(QUERY, looks), "item": _first(ITEM, looks),
            "relevance": _first(RELEVANCE, looks), "rank": rank, "score": None if rank else found.score,
        }  # fmt: skip
        return {role: _one(name) for role, name in chosen.items()}
    if task == NER:
        return _of_entities(looks, found)
    return {"label": (), "decision": ()}


def guessed(looks: Mapping[str, Look]) -> str:
    """The task that the columns themselves show: tags are those of entities, all else is asked."""
    return NER if _tags(looks) else BINARY


def _tags(looks: Mapping[str, Look]) -> list[str]:
    """Columns of the tags of entities, those that a model gave last."""
    found = [n for n, look in looks.items() if look.tagged and look.tagged.scheme and not look.tagged.phrases]
    return sorted(found, key=lambda name: names.has(names.PREDICTED, name))


def _of_entities(looks: Mapping[str, Look], found: Roles) -> dict[str, tuple[str, ...]]:
    """The columns of tokens, true tags, predicted tags and documents."""
    tags = _tags(looks)
    lists = {n: look.tagged for n, look in looks.items() if look.tagged and n not in tags}
    sizes = looks[tags[0]].tagged.lengths if tags else ()  # type: ignore[union-attr]
    alike = [n for n, held in lists.items() if held.scheme is None and held.lengths == sizes]
    tokens = _first(TOKENS, alike) or next(iter(alike), None)
    document = next(
        (
            n
            for n in looks
            if looks[n].tagged is None and names.has(DOCUMENT, n) and 1 < looks[n].distinct < looks[n].rows
        ),
        None,
    )
    document = document if document not in found.sensitive else None
    return {
        "tokens": _one(tokens), "tags": tuple(tags[:1]), "document": _one(document),
        "predicted": tuple(tags[1:2]),
    }  # fmt: skip


def _first(pattern: re.Pattern[str], among: Iterable[str]) -> str | None:
    return next((name for name in among if names.has(pattern, name)), None)


def _one(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()
