"""The lines of outcomes and predictions of tasks other than two classes."""

from __future__ import annotations

from collections.abc import Iterator

from .of_task import NER, TASKS
from .scalars import comment, flow, scalar
from .seen import Seen
from .sides import Side

TOLD = {
    "label": "the true outcome",
    "decision": "what was decided",
    "prediction": "the predicted number",
    "query": "the list that a row belongs to",
    "item": "what is ranked",
    "relevance": "how relevant an item is to its query",
    "rank": "the item's rank, from 1",
    "score": "ranks fall with it",
    "tokens": "the tokens of each sentence, which a model that is run here reads",
    "tags": "their true tags",
    "document": "sentences of one depend on each other",
    "predicted": "the tags that a model gave",
}
"""What the columns of a role hold."""
NAMES = {"predicted": "tags"}
"""What a role is called in a configuration, where that is another word."""


def outcome_lines(seen: Seen) -> Iterator[str]:
    """Yield what ``data`` says of the outcome."""
    for role in TASKS[seen.task].data:
        yield from _column(seen, role, "labels" if role == "label" and TASKS[seen.task].several else role)
    if seen.task == "multilabel":
        yield from _positive(seen.label, seen.said.said("positive"))
    if seen.task == "multiclass":
        yield from _favourable(seen)
    if seen.task == NER:
        yield from _scheme(seen)


def _column(seen: Seen, role: str, key: str) -> Iterator[str]:
    named = seen.columns.get(role, ())
    if not named:
        yield f"  # {key}: COLUMN            # {TOLD[role]}"
        return
    value = flow(named) if key == "labels" else scalar(named[0])
    check = "" if seen.said.said(role) else "CHECK: "
    yield f"  {key}: {value}            # {check}{TOLD[role]}"


def _favourable(seen: Seen) -> Iterator[str]:
    if seen.said.favourable:
        yield f"  favourable: {flow(seen.said.favourable)}   # classes that are an advantage to the person"
    else:
        check = "CHECK: " if seen.said.favourable is None else "none, as said: "
        yield f"  # favourable: [CLASS]      # {check}classes that are an advantage to the person"


def _positive(side: Side | None, said: bool) -> Iterator[str]:
    if side is None or not side.said:
        return
    check = "" if said else f"CHECK{f' ({comment(side.why)})' if side.why else ''}: "
    yield f"  positive: {flow(side.positive)}   # {check}the values that count as positive"
    if len(side.negative) > 1:
        yield f"  negative: {flow(side.negative)}"


def prediction_lines(seen: Seen) -> Iterator[str]:
    """Yield the model: columns of predictions."""
    yield "model:                       # predictions that stand in the table"
    yield "  kind: predictions"
    if TASKS[seen.task].several:
        both = zip(seen.columns["label"], seen.columns["decision"], strict=True)
        yield "  decisions:                 # what was decided, by label"
        yield from (f"    {scalar(label)}: {scalar(name)}" for label, name in both)
        yield from _positive(seen.decision, seen.said.said("decided"))
        return
    for role in TASKS[seen.task].model:
        if seen.columns.get(role):
            yield from _column(seen, role, NAMES.get(role, role))
    if seen.columns.get("score") and seen.scale == "rank":
        yield "  scale: rank                # their order alone counts"


def _scheme(seen: Seen) -> Iterator[str]:
    """How the true tags are read: the scheme that they follow, where one can be told."""
    held = seen.looks[seen.columns["tags"][0]].tagged if seen.columns["tags"] else None
    if held is None or held.scheme is None:
        return
    why = {"iob2": "B- begins every entity", "iob1": "B- parts entities that touch", "io": "there is no B-"}
    yield f"  scheme: {held.scheme}            # {why[held.scheme]}, as far as the first rows show"
    if held.strays:
        yield f"  # matching: conll          # CHECK: {held.strays:,} tags stand where none may;"
        yield "                             # strict (the default) reads them as no entity, conll begins one"


def tagger_lines() -> Iterator[str]:
    """Yield a model that marks entities, where no column holds what one said: there is no audit without."""
    yield "model:                       # CHECK: who marks the entities; or kind: spacy, path: PIPELINE; or a"
    yield "  kind: transformers         # table of predictions joined by id: kind: predictions,"
    yield "  task: token-classification   # path: tagged.jsonl, tags: COLUMN"
    yield "  path: FOLDER"
