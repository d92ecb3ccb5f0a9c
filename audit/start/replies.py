"""What somebody replied, by an option or in the dialogue: the value, or ValueError with what was expected."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence

from ...datasets.columns import MAX_VALUES
from ...datasets.errors import number_of
from ...datasets.roles import RESERVED
from .column import Look
from .found import shown_values
from .of_task import BINARY, KEYS, LISTS, TASKS
from .scalars import comment
from .seen import Seen

NONE = "-"
"""The reply that there is none."""
UNFIT = {"nested": "lists or mappings", "bytes": "bytes", "blank": "nothing in any row"}
NUMBERS = ("score", "prediction", "rank", "relevance", "weight")
"""Roles of columns that hold a number in every row."""
MOST_SHOWN = 8


def quoted(texts: Iterable[str], most: int = MOST_SHOWN) -> str:
    """Return texts as they are shown, the first few of many."""
    shown = [comment(repr(text), 40) for text in texts]
    more = f" and {len(shown) - most:,} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def one_of(replies: Sequence[str], options: Iterable[str]) -> str:
    """Return the option that was named."""
    known = list(options)
    if len(replies) != 1 or replies[0] not in known:
        raise ValueError(f"expected one of {', '.join(known)}, got {_got(replies)}")
    return replies[0]


def yes_or_no(replies: Sequence[str]) -> bool:
    """Return whether the reply is yes."""
    said = {"y": True, "yes": True, "n": False, "no": False}
    if len(replies) != 1 or replies[0].lower() not in said:
        raise ValueError(f"expected y or n, got {_got(replies)}")
    return said[replies[0].lower()]


def number(replies: Sequence[str]) -> float:
    """Return a finite number."""
    try:
        (value,) = (float(reply) for reply in replies)
    except ValueError:
        raise ValueError(f"expected a number, got {_got(replies)}") from None
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {_got(replies)}")
    return value


def threshold(replies: Sequence[str], seen: Seen) -> tuple[float, ...]:
    """Return the threshold; none for `NONE`, where scores are no probabilities."""
    if list(replies) == [NONE] and seen.scale == "rank":
        return ()
    value = number(replies)
    if seen.scale == "probability" and not 0 <= value <= 1:
        raise ValueError(f"expected a probability between 0 and 1, got {_got(replies)}")
    return (value,)


def edges(replies: Sequence[str], look: Look) -> tuple[float, ...]:
    """Return the edges of a number's bins; none for `NONE`, where its values are few enough for slices."""
    if list(replies) == [NONE]:
        if look.distinct > MAX_VALUES or look.kind != "number":
            raise ValueError(f"expected edges, since {look.distinct:,} values are too many for slices")
        return ()
    found = tuple(number([reply]) for reply in replies)
    if not found or list(found) != sorted(set(found)):
        raise ValueError(f"expected ascending edges such as 30,45,60, got {_got(replies)}")
    if look.kind == "number" and not look.low < found[0] <= found[-1] <= look.high:
        raise ValueError(
            f"expected edges above {look.low:g} and up to {look.high:g}, between which the values lie, "
            f"got {_got(replies)}"
        )
    return found


def classes(replies: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return some of the values of a column of classes, and not all of them."""
    chosen = [_spelling(reply, known) for reply in replies]
    if not chosen or None in chosen or len(set(chosen)) == len(known) > 1:
        raise ValueError(f"expected some of {quoted(known)}, and not all, got {_got(replies)}")
    return tuple(dict.fromkeys(value for value in chosen if value is not None))


def _spelling(reply: str, known: Sequence[str]) -> str | None:
    """The value that was meant; spaces around it need not be typed."""
    if reply in known:
        return reply
    meant = [value for value in known if value.strip() == reply.strip()]
    return meant[0] if len(meant) == 1 else None


def columns(replies: Sequence[str], role: str, seen: Seen) -> tuple[str, ...]:
    """Return the columns that have a role; none for `NONE`, where it can be done without."""
    task = TASKS[seen.task]
    if list(replies) == [NONE]:
        if told := role not in KEYS and needed(role, seen):
            raise ValueError(told)
        return ()
    several = task.several and role in ("label", "decision")
    if not replies or (len(replies) > 1 and not several):
        raise ValueError(f"expected one column, got {_got(replies)}")
    if several and role == "label" and len(replies) < 2:
        raise ValueError(f"expected two or more columns, one for each label, got {_got(replies)}")
    for name in replies:
        known(name, seen)
        free_for(name, role, seen)
        _check_fit(seen.looks[name], role, seen)
    if len(set(replies)) < len(replies):
        raise ValueError(f"expected each column once, got {_got(replies)}")
    labels = seen.columns.get("label", ())
    if several and role == "decision" and len(replies) != len(labels):
        raise ValueError(
            f"expected {number_of(len(labels), 'column', 'columns')}, for {quoted(labels)} in this order, "
            f"got {len(replies)}"
        )
    return tuple(replies)


def needed(role: str, seen: Seen) -> str | None:
    """Return why there has to be a column of a role; None where there need be none."""
    task = TASKS[seen.task]
    if role in task.needed:
        return f"expected a column: the task {seen.task} needs its {role}"
    if role == task.roles[-1] and not any(seen.columns.get(other) for other in task.roles[:-1]):
        return f"expected a column: without {' and '.join(task.roles)} there is nothing to audit"
    if seen.task == "ranking" and role == "score" and not seen.columns.get("rank"):
        return "expected a column: without rank and score there is no order"
    return None


def known(name: str, seen: Seen) -> None:
    """ValueError for what is no column."""
    if name not in seen.looks:
        close = difflib.get_close_matches(name, list(seen.looks), n=1, cutoff=0.4)
        told = f"did you mean {quoted(close)}?" if close else f"there are {quoted(seen.looks)}"
        raise ValueError(f"no column {quoted([name])}; {told}")


def free_for(name: str, role: str, seen: Seen) -> None:
    """ValueError for a column that was said to be something else."""
    for other, taken in {**seen.said.columns, "sensitive": seen.said.sensitive or ()}.items():
        if other != role and name in taken:
            raise ValueError(f"column {quoted([name])} is the {other} already")


def sensitive(replies: Sequence[str], seen: Seen) -> tuple[str, ...]:
    """Return the sensitive features."""
    if list(replies) in ([], [NONE]):
        raise ValueError("expected at least one column whose slices are compared")
    for name in replies:
        known(name, seen)
        free_for(name, "sensitive", seen)
        _check_sliceable(name, seen.looks[name])
    if len(set(replies)) < len(replies):
        raise ValueError(f"expected each column once, got {_got(replies)}")
    return tuple(replies)


def _check_sliceable(name: str, look: Look) -> None:
    shown = quoted([name])
    if look.kind in (*UNFIT, "date"):
        held = UNFIT.get(look.kind, "dates")
        raise ValueError(f"expected columns of categories or numbers; {shown} holds {held}")
    if name in RESERVED:
        raise ValueError(f"the name {shown} is reserved; rename the column")
    if look.kind != "number" and look.distinct > MAX_VALUES and not look.numbers_but_for_unknown:
        raise ValueError(
            f"expected columns of at most {MAX_VALUES} values, or numbers; {shown} has {look.distinct:,}"
        )


def _check_fit(look: Look, role: str, seen: Seen) -> None:
    shown = quoted([look.name])
    if role in LISTS:
        if look.tagged is None or (role != "tokens" and look.tagged.scheme is None):
            what = "a list of words" if role == "tokens" else "the tags of its tokens, such as B-PER and O,"
            raise ValueError(f"expected {what} in each row; column {shown} holds {_kept(look)}")
        return
    if look.kind in UNFIT:
        raise ValueError(f"expected one value in each row; column {shown} holds {UNFIT[look.kind]}")
    if role in NUMBERS or (role == "label" and seen.task == "regression"):
        if look.kind != "number" and not (role == "relevance" and look.kind == "flag"):
            raise ValueError(f"expected numbers; column {shown} holds {shown_values(look) or 'text'}")
        if look.nulls and role != "label":
            raise ValueError(f"expected a number in every row; column {shown} has none in {look.nulls:,}")
        if role == "weight" and look.low < 0:
            raise ValueError(f"expected weights of at least 0; column {shown} begins at {look.low:g}")
    elif role == "id" and not look.unique:
        raise ValueError(f"expected a value of its own in each row; column {shown} has {look.distinct:,}")
    elif role == "cluster" and look.nulls:
        raise ValueError(f"expected a value in every row; column {shown} has none in {look.nulls:,}")
    elif role in ("label", "decision") and not 1 <= len(look.known) <= MAX_VALUES:
        more = "; a number is audited by --task regression" if look.kind == "number" else ""
        what = "two classes" if seen.task == BINARY else "classes"
        raise ValueError(f"expected {what}; column {shown} has {look.distinct:,} values{more}")


def _kept(look: Look) -> str:
    return "words" if look.tagged is not None else UNFIT.get(look.kind, shown_values(look) or "text")


def _got(replies: Sequence[str]) -> str:
    return quoted(replies) if replies else "nothing"
