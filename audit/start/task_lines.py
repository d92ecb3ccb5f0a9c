"""The lines of outcomes and predictions of tasks other than two classes."""

from __future__ import annotations

from collections.abc import Iterator

from .of_task import TASKS
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
}
"""What the columns of a role hold."""


def outcome_lines(seen: Seen) -> Iterator[str]:
    """Yield what ``data`` says of the outcome."""
    for role in TASKS[seen.task].data:
        yield from _column(seen, role, "labels" if role == "label" and TASKS[seen.task].several else role)
    if seen.task == "multilabel":
        yield from _positive(seen.label, seen.said.said("positive"))
    if seen.task == "multiclass":
        yield from _favourable(seen)


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
            yield from _column(seen, role, role)
    if seen.columns.get("score") and seen.scale == "rank":
        yield "  scale: rank                # their order alone counts"
