"""What is asked of a table, in order; an option answers the same question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ...datasets.columns import word
from . import replies
from .answers import NO_PURPOSE, UNSAID, Answers
from .gate_lines import choices, contradicted, lacks, purpose
from .lines import cut
from .of_task import BINARY, KEYS, TASKS, guessed
from .purposes import purposes
from .replies import NONE, quoted
from .scalars import comment
from .seen import Seen, burden
from .sides import Side


@dataclass(frozen=True)
class Question:
    """Something that is asked.

    Attributes
    ----------
    key : str
        What an option's replies are found by.
    option : str
    text : str
    proposed : object
        The answer that is taken where nobody says another one; None where somebody must say one.
    shown : str
        The proposal in words.
    read : callable
        From replies to an answer; ValueError says what was expected.
    put : callable
        The answers so far with this one.
    several, of_columns : bool
        Replies may be several, parted by commas; they may be numbers of columns.
    whole : sequence of str
        Replies that are not parted, though they hold a comma.
    notes : sequence of str
        Lines to show before.
    refused : str or None
        Why it is not asked; an option that answers it is an error.
    quiet : bool
        It is not asked either, but an option may answer it.
    """

    key: str
    option: str
    text: str = ""
    proposed: Any = None
    shown: str = ""
    read: Callable[[Sequence[str]], Any] = list
    put: Callable[[Answers, Any], Answers] = lambda said, given: said
    several: bool = False
    of_columns: bool = False
    whole: Sequence[str] = ()
    notes: Sequence[str] = ()
    refused: str | None = None
    quiet: bool = False


def _task(seen: Seen) -> Iterator[Question]:
    notes = [f"{name}: {task.about}" for name, task in TASKS.items()]
    of_classes = seen.label is not None and len(seen.label.negative) > 1
    if of_classes:
        notes.append(f"(binary takes the other values of {quoted(seen.columns['label'])} for one class)")
    task = guessed(seen.looks)
    yield Question(
        "task", "--task", "What is predicted?", task, task, partial(replies.one_of, options=TASKS),
        lambda said, given: replace(said, task=given), notes=notes,
    )  # fmt: skip


ABOUT = {
    "label": "the true outcome",
    "query": "which list a row belongs to",
    "item": "what is ranked",
    "relevance": "how relevant an item is",
    "decision": "what was decided",
    "score": "what a model gave, high where a row is positive",
    "prediction": "the predicted number",
    "rank": "an item's rank, from 1",
    "tokens": "the tokens of each sentence",
    "tags": "their true tags",
    "document": "which document a sentence is of",
    "predicted": "the tags that a model gave",
    "id": "a value of its own in each row",
    "cluster": "rows of one value depend on each other",
    "weight": "how many each row stands for",
}


def _role(role: str, seen: Seen) -> Iterator[Question]:
    """Which column has a role."""
    if role not in TASKS[seen.task].roles:
        others = [name for name, task in TASKS.items() if role in task.roles]
        told = f"belongs to task: {' or '.join(others)}, and the task is {seen.task}"
        yield Question(role, f"--{role}", refused=told)
        return
    if role == "score" and seen.found.count:
        yield Question(role, "--score", refused=f"cells of counts ({quoted([seen.found.count])}) have none")
        return
    several = TASKS[seen.task].several
    found = seen.columns.get(role, ())
    what = f"{role.capitalize()} column{'s, one for each label' if several else ''}: {ABOUT[role]}"
    must = replies.needed(role, seen)
    proposed = None if must and not found else found
    yield Question(
        role, f"--{role}", what if must else f"{what}; {NONE} for none", proposed,
        ", ".join(comment(name, 60) for name in found) or NONE,
        lambda given: replies.columns(given, role, seen),
        lambda said, given: said.with_column(role, given),
        several=several, of_columns=True, whole=list(seen.looks),
    )  # fmt: skip


def _key(role: str, seen: Seen) -> Iterator[Question]:
    """Which column says what a row is; asked where one seems to."""
    found = getattr(seen.found, role)
    yield Question(
        role, f"--{role}", f"{role.capitalize()} column: {ABOUT[role]}; {NONE} for none",
        (found,) if found else (), comment(found or NONE, 60),
        lambda given: replies.columns(given, role, seen),
        lambda said, given: said.with_column(role, given),
        of_columns=True, whole=list(seen.looks), quiet=found is None,
        refused="cells of counts have none" if seen.found.count else None,
    )  # fmt: skip


def _positive(role: str, seen: Seen) -> Iterator[Question]:
    """Which values of label or decision are positive."""
    key, option = ("positive", "--positive") if role == "label" else ("decided", "--positive-decision")
    side: Side | None = seen.label if role == "label" else seen.decision
    if seen.task not in (BINARY, "multilabel") or (not side and seen.task == BINARY):
        why = f"there is no {role}" if seen.task == BINARY else f"the task {seen.task} has no positive values"
        yield Question(key, option, refused=why)
        return
    if side is None:
        yield Question(key, option, refused="1, or true, is positive already")
        return
    known = [*side.positive, *side.negative]
    if len(known) < 2:
        yield Question(key, option, refused=f"the {role} has one value, {quoted(known)}")
        return
    yield Question(
        key, option, f"Positive value of {quoted(seen.columns[role])}, of {quoted(known)}",
        tuple(side.positive), ", ".join(comment(v, 40) for v in side.positive),
        lambda given: replies.classes(given, known), lambda said, given: replace(said, **{key: given}),
        several=True, whole=known,
    )  # fmt: skip


def _favourable(seen: Seen) -> Iterator[Question]:
    if seen.task != "multiclass":
        yield Question("favourable", "--favourable", refused=f"belongs to task: multiclass, not {seen.task}")
        return
    known = sorted({v for role in ("label", "decision") for n in seen.columns[role] for v in seen.spelled[n]})
    yield Question(
        "favourable", "--favourable", f"Classes that are an advantage, of {quoted(known)}; {NONE} for none",
        (), NONE, lambda given: () if list(given) == [NONE] else replies.classes(given, known),
        lambda said, given: replace(said, favourable=given), several=True, whole=known,
    )  # fmt: skip


def _scale(seen: Seen) -> Iterator[Question]:
    if not seen.columns.get("score"):
        yield Question("scale", "--scale", refused="there is no score")
        return
    (name,) = seen.columns["score"]
    look, proposed = seen.looks[name], seen.scale

    def read(given: Sequence[str]) -> str:
        if replies.one_of(given, ("probability", "rank")) == "probability" and proposed == "rank":
            raise ValueError(
                f"expected rank, since scores from {look.low:g} to {look.high:g} are no probabilities"
            )
        return given[0]

    yield Question(
        "scale", "--scale", "What a score means: probability, or rank where its order alone counts",
        proposed, proposed, read, lambda said, given: replace(said, scale=given),
        notes=[f"Scores lie between {look.low:g} and {look.high:g}."],
    )  # fmt: skip


def _threshold(seen: Seen) -> Iterator[Question]:
    if seen.task != BINARY or not seen.columns["score"] or seen.columns["decision"]:
        why = "the decision column decides already" if seen.columns.get("decision") else "no score is cut"
        yield Question("threshold", "--threshold", refused=why)
        return
    proposed = (0.5,) if seen.scale == "probability" else ()
    none = "" if proposed else f"; {NONE} for none, and no decisions"
    yield Question(
        "threshold", "--threshold", f"Number at or above which scores are selected{none}",
        proposed, ", ".join(map(word, proposed)) or NONE, lambda given: replies.threshold(given, seen),
        lambda said, given: replace(said, threshold=given),
    )  # fmt: skip


def _positive_is(seen: Seen) -> Iterator[Question]:
    if seen.task != BINARY:
        why = f"belongs to task: binary, and the task is {seen.task}"
        yield Question("positive_is", "--positive-is", refused=why)
        return
    proposed = "burden" if burden(seen) else UNSAID
    yield Question(
        "positive_is", "--positive-is",
        f"What a yes is to the person it falls on: benefit (a loan), burden (a risk rating) or {UNSAID}",
        proposed, proposed, partial(replies.one_of, options=("benefit", "burden", UNSAID)),
        lambda said, given: replace(said, positive_is=given),
    )  # fmt: skip


def _sensitive(seen: Seen) -> Iterator[Question]:
    taken = {name for names in seen.said.columns.values() for name in names}
    found = tuple(name for name in seen.found.sensitive if name not in taken)
    yield Question(
        "sensitive", "--sensitive", "Sensitive features, whose slices are compared", found or None,
        ", ".join(comment(name, 40) for name in found), lambda given: replies.sensitive(given, seen),
        lambda said, given: replace(said, sensitive=given), several=True, of_columns=True,
        whole=list(seen.looks),
    )  # fmt: skip


def _bins(seen: Seen) -> Iterator[Question]:
    for name in seen.found.sensitive:
        look = seen.looks[name]
        if name not in seen.found.cut and look.kind != "number":
            continue
        is_cut = name in seen.found.cut
        found = tuple(cut(seen, name)) if is_cut else ()
        span = f", from {look.low:g} to {look.high:g}" if look.kind == "number" else ""
        yield Question(
            f"bins.{name}", "--bins", f"Edges at which {quoted([name])} is cut{span}", found or (),
            ", ".join(map(word, found)) or NONE, partial(replies.edges, look=look),
            partial(_with_bins, name), several=True,
        )  # fmt: skip


def _with_bins(name: str, said: Answers, edges: tuple[float, ...]) -> Answers:
    return said.with_bins(name, edges)


def _merged(seen: Seen) -> Iterator[Question]:
    for feature, groups in seen.groups.items():
        for kept, same in groups.items():
            rows = seen.spelled[feature]
            spelled = ", ".join(f"{quoted([v])} ({rows.get(v, 0):,} rows)" for v in [kept, *same])
            yield Question(
                f"merged.{feature}.{kept}", "--merge", f"Count them as one slice, {quoted([kept])}? y or n",
                True, "y", replies.yes_or_no, partial(_with_merged, feature, kept),
                notes=[f"Values of {quoted([feature])} that look alike: {spelled}"],
            )  # fmt: skip


def _with_merged(feature: str, kept: str, said: Answers, merge: bool) -> Answers:
    return said.with_merged(feature, kept, merge)


def _purpose(seen: Seen) -> Iterator[Question]:
    options = [*purposes(), NO_PURPOSE]
    notes = [f"{name}: {entry.about}" for name, entry in purposes().items()]
    yield Question(
        "purpose", "--purpose", f"What the decisions are for, which proposes gates; or {NO_PURPOSE}",
        NO_PURPOSE, NO_PURPOSE, partial(replies.one_of, options=options),
        lambda said, given: replace(said, purpose=given), notes=notes,
    )  # fmt: skip


def _gates(seen: Seen) -> Iterator[Question]:
    offered = choices(seen)
    if not offered:
        none = seen.said.purpose in (None, NO_PURPOSE)
        why = "expected --purpose too" if none else f"{seen.said.purpose} has no gates of task {seen.task}"
        yield Question("gates", "--gate", refused=why)
        return
    known = [choice.name for choice in offered]

    def read(given: Sequence[str]) -> tuple[str, ...]:
        if list(given) == [NONE]:
            return ()
        numbered = {str(i): name for i, name in enumerate(known, 1)}
        return tuple(dict.fromkeys(replies.one_of([numbered.get(g, g)], known) for g in given))

    yield Question(
        "gates", "--gate", f"Gates to write, by number or name; {NONE} for none", tuple(known), "all", read,
        lambda said, given: replace(said, gates=given), several=True, notes=list(_offered(seen)),
    )  # fmt: skip


def _offered(seen: Seen) -> Iterator[str]:
    yield f"For {purpose(seen).about}, of each sensitive feature:"
    for i, choice in enumerate(choices(seen), 1):
        limited = f"{choice.gate['metric']} {choice.gate.get('compare', '')} {choice.gate['limit']}"
        yield f"{i} {choice.name}: {choice.asks} ({' '.join(limited.split())})"
        yield f"  source: {choice.source}"
        yield f"  limit: {choice.number}"
        if missing := lacks(choice, seen):
            yield f"  needs {' and '.join(missing)}, which this table does not have: stays a comment"
    if fits := contradicted(seen):
        yield f"These gates are for decisions of which a yes is a {fits}; you said another."


ROLES = ("label", "query", "item", "relevance", "tokens", "tags", "document")
PREDICTED = ("decision", "prediction", "rank", "score", "predicted")
STEPS: Sequence[Callable[[Seen], Iterator[Question]]] = (
    _task,
    *(partial(_role, role) for role in ROLES),
    partial(_positive, "label"),
    *(partial(_role, role) for role in PREDICTED[:1]),
    partial(_positive, "decision"),
    *(partial(_role, role) for role in PREDICTED[1:]),
    _scale, _threshold, _favourable, _positive_is, _sensitive, _bins, _merged,
    *(partial(_key, role) for role in KEYS), _purpose, _gates,
)  # fmt: skip
"""The questions in their order; each step sees what was answered before it."""
