"""What a table is taken for: what was said of it, and for the rest what it seems to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

from ...datasets.conll import LENGTH, SENTENCE
from .answers import NOTHING, Answers
from .column import Look
from .found import FEATURE, NOT_USED, Roles, shown_values
from .looked import Looked
from .of_task import BINARY, KEYS, LISTS, NER, TASKS, guessed, proposed
from .proxies import tells
from .scalars import comment
from .seen import Seen
from .sensitive import kind_of, take
from .sides import Side, find_sides
from .values import alike, needs_positive, positive_values

FEW = 12
"""Values of a column that sentences are sliced by."""
NAMED = "named"
"""Kind of a sensitive feature that neither name nor values tell."""


def settled(looked: Looked, said: Answers = NOTHING, proxies: bool = True) -> Seen:
    """Return what a table is taken for.

    Parameters
    ----------
    proxies : bool
        Look for columns that tell a sensitive feature too, which takes longest.
    """
    found = deepcopy(looked.roles)
    task = said.task or guessed(looked.looks)
    _sensitive(found, looked.looks, said)
    if task == NER:
        _of_sentences(found, looked.looks, said)
    _keys(found, looked.looks, said)
    columns = _columns(found, looked.looks, said, task)
    named = list(dict.fromkeys(n for r in ("label", "decision") for n in columns.get(r, ())))
    sliced = [n for n in found.sensitive if n not in found.cut]
    labels = list(columns.get("label", ())) if task != "regression" else []
    decisions = list(columns.get("decision", ()))
    spelled = looked.spelled([*labels, *sliced], decisions)
    known = {n: _known(spelled[n], looked.looks[n]) for n in named if n in spelled}
    label, decision = _sides(found, looked, known, said, columns) if task == BINARY else (None, None)
    if task == "multilabel":
        label, decision = (_of_labels([known[n] for n in columns[r]]) for r in ("label", "decision"))
    label, decision = _as_said(label, said.positive), _as_said(decision, said.decided)
    if proxies:
        for name, (other, how_well) in tells(
            looked.table, looked.looks, found.features, [*found.sensitive]
        ).items():
            told = f"CHECK: tells {comment(repr(other), 40)} (Cramer's V {how_well:.2f}): a proxy of it"
            found.give(name, NOT_USED, f"{FEATURE}; {told}")
            found.proxies.add(name)
    if task == BINARY:
        columns = {role: _one(getattr(found, role)) for role in TASKS[BINARY].roles}
    return Seen(
        looked.path, looked.table, looked.whole, looked.looks, found, spelled, label, decision,
        looked.written, said, task, columns, _groups(found, spelled),
    )  # fmt: skip


def _known(values: Mapping[str, int], look: Look) -> list[str]:
    return [v for v in values if v not in look.unknown_words]


def _one(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()


def _sensitive(found: Roles, looks: Mapping[str, Look], said: Answers) -> None:
    """Take what was said to be sensitive, cut where it was said to be cut."""
    if said.sensitive is not None:
        for name in [n for n in found.sensitive if n not in said.sensitive]:
            found.drop(name, f"sensitive ({found.sensitive[name]}), it seems; not audited, as said")
        for name in said.sensitive:
            if name not in found.sensitive:
                kind = kind_of(looks[name]) or NAMED
                release(found, name)
                take(looks[name], "sex" if kind == "letters" else kind, found)
        found.sensitive = {name: found.sensitive[name] for name in said.sensitive}
    for name, edges in said.bins.items():
        if name in found.sensitive and bool(edges) != (name in found.cut):
            found.cut = [n for n in found.cut if n != name] + ([name] if edges else [])
            held = f"{_held(looks[name])}, cut by data.bins" if edges else shown_values(looks[name])
            found.give(name, "sensitive", f"{found.sensitive[name]}: {held}")


def _of_sentences(found: Roles, looks: Mapping[str, Look], said: Answers) -> None:
    """Take what names a sentence, and what it may be sliced by where nothing says of whom it speaks."""
    if found.id is None and SENTENCE in looks and looks[SENTENCE].unique:
        release(found, SENTENCE)
        found.id = SENTENCE
        found.give(SENTENCE, "id", "the number of each sentence in the file")
    if found.sensitive or said.sensitive is not None:
        return
    free = [
        look for name, look in looks.items()
        if look.kind == "text" and look.tagged is None and found.told[name][1].startswith(FEATURE)
    ]  # fmt: skip
    few = [look for look in free if 2 <= look.distinct <= FEW]
    # Of a file of tokens alone it is known how long its sentences are.
    long = [look for look in looks.values() if look.name == LENGTH and look.kind == "number"]
    for look in few or long:
        release(found, look.name)
        take(look, NAMED, found)


def _keys(found: Roles, looks: Mapping[str, Look], said: Answers) -> None:
    """Give the roles of what a row is, as far as they were said."""
    for role in KEYS:
        if role not in said.columns:
            continue
        if former := getattr(found, role):
            release(found, former)
        for name in said.columns[role]:
            release(found, name)
            setattr(found, role, name)
            found.give(name, role, "as said")


def _columns(found: Roles, looks: Mapping[str, Look], said: Answers, task: str) -> dict[str, tuple[str, ...]]:
    """The columns of each role of the task, as said or proposed; the roles are given in ``found``."""
    roles = TASKS[task].roles
    if task == BINARY:
        chosen = {role: _one(getattr(found, role)) for role in roles}
    else:
        chosen = proposed(task, looks, found)
        for role in TASKS[BINARY].roles:
            if (name := getattr(found, role)) and name not in sum(chosen.values(), ()):
                release(found, name)
    taken = {n for names in said.columns.values() for n in names} | {*found.sensitive}
    for role in roles:
        was = chosen[role]
        # What was said to be something else is not proposed for this.
        chosen[role] = said.columns.get(role, tuple(n for n in was if n not in taken))
        if task == BINARY and was != chosen[role]:
            for name in was:
                release(found, name)
    for role in roles:
        for name in chosen[role]:
            if task == BINARY and getattr(found, role) == name:
                continue
            release(found, name)
            found.give(name, role, _listed(looks[name]) if role in LISTS else _held(looks[name]))
        if task == BINARY:
            setattr(found, role, next(iter(chosen[role]), None))
    if found.count and task != BINARY:
        release(found, found.count)
    return chosen


def release(found: Roles, name: str) -> None:
    """Take a column's role from it."""
    for role in (*TASKS[BINARY].roles, *KEYS, "count", "split_column"):
        if getattr(found, role) == name:
            setattr(found, role, None)
            if role == "split_column":
                found.split = found.train = None
    if name in found.sensitive:
        del found.sensitive[name]
        found.cut = [n for n in found.cut if n != name]
    found.guessed.discard(name)
    found.give(name, NOT_USED, FEATURE)


def _listed(look: Look) -> str:
    """What lists hold."""
    held = look.tagged
    if held is None or held.scheme is None:
        return "a list of words in each row"
    types = ", ".join(f"{name} ({n:,})" for name, n in held.types.most_common(8))
    return f"tags of {held.scheme}; in the first rows {types or 'no entity'}"


def _held(look: Look) -> str:
    numbers = look.kind == "number" and look.distinct > 2
    return f"numbers from {look.low:g} to {look.high:g}" if numbers else shown_values(look)


def _sides(
    found: Roles, looked: Looked, known: Mapping[str, Sequence[str]], said: Answers,
    columns: Mapping[str, tuple[str, ...]],
) -> tuple[Side | None, Side | None]:  # fmt: skip
    sides = find_sides(found, looked.table, known)
    if columns["score"] and found.score is None and "score" in said.columns:
        (found.score,) = columns["score"]
        found.give(found.score, "score", _held(looked.looks[found.score]))
    return sides


def _of_labels(values: Sequence[Sequence[str]]) -> Side | None:
    """The positive values of several columns together; None where 1, or true, says it."""
    every = sorted({value for of_one in values for value in of_one})
    if not every or not needs_positive(every):
        return None
    positive, sure = positive_values(every)
    return Side(positive, [v for v in every if v not in positive], True, None, "" if sure else "a guess")


def _as_said(side: Side | None, positive: tuple[str, ...] | None) -> Side | None:
    if side is None or positive is None:
        return side
    every = [*side.positive, *side.negative]
    meaning = side.meaning if set(positive) == set(side.positive) else None
    usual = not needs_positive(every) and [v.lower() for v in positive] in (["1"], ["true"])
    negative = sorted(v for v in every if v not in positive)
    return Side(list(positive), negative, not usual, meaning, "")


def _groups(found: Roles, spelled: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, list[str]]]:
    """Values that look like one, by feature and the spelling that is kept; those that stay apart too."""
    return {
        name: groups for name, kind in found.sensitive.items()
        if name in spelled and (groups := alike(spelled[name], kind))
    }  # fmt: skip
