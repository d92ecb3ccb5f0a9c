"""The gates of an audit.yaml: those of a purpose with their sources, else an example in a comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .answers import NO_PURPOSE
from .of_task import BINARY, NER
from .purposes import Choice, Purpose, purposes
from .scalars import scalar
from .seen import Seen


def chosen(seen: Seen) -> list[Choice]:
    """Return the gates that were chosen of the purpose: all of them where nobody said which."""
    offered = choices(seen)
    named = seen.said.gates
    return [choice for choice in offered if named is None or choice.name in named]


def choices(seen: Seen) -> tuple[Choice, ...]:
    """Return the gates that the purpose has for the task; none without a purpose."""
    if seen.said.purpose in (None, NO_PURPOSE):
        return ()
    return purpose(seen).tasks.get(seen.task, ())


def purpose(seen: Seen) -> Purpose:
    """Return the purpose that was said."""
    return purposes()[str(seen.said.purpose)]


def lacks(choice: Choice, seen: Seen) -> list[str]:
    """Return what a gate needs and the table does not carry."""
    return [need for need in choice.needs if need not in seen.carried]


def contradicted(seen: Seen) -> str | None:
    """Return what a yes is where the purpose's gates fit, where something else was said; else None."""
    if not choices(seen):
        return None
    fits, said = purpose(seen).yes, seen.said.positive_is
    return fits if fits and said in ("benefit", "burden") and said != fits else None


def gate_lines(seen: Seen) -> Iterator[str]:
    """Yield the lines; a gate of what the table cannot give stands in a comment, with what it needs."""
    wanted = chosen(seen)
    if not wanted:
        yield from _example(seen)
        return
    ready = [choice for choice in wanted if not lacks(choice, seen)] if seen.found.sensitive else []
    yield f"# Purpose {seen.said.purpose}: {purpose(seen).about}."
    if fits := contradicted(seen):
        yield f"# CHECK: these gates are for decisions of which a yes is a {fits}; positive_is says another."
    yield "gates:" if ready else "# gates:                     # none yet: what they need is not in the table"
    for choice in wanted:
        missing = lacks(choice, seen)
        yield f"  # {choice.name}: {choice.asks}."
        yield f"  #   source: {choice.source}"
        yield f"  #   its limit: {choice.number}"
        if missing:
            yield f"  #   CHECK: needs {' and '.join(missing)}, which this table does not have"
        for feature in seen.found.sensitive or ["COLUMN"]:
            off = "" if choice in ready else "# "
            yield from (f"  {off}{line}" for line in _gate(choice, feature))


def _gate(choice: Choice, feature: str) -> Iterator[str]:
    keys = {"id": f"{choice.name}: {feature}", **choice.gate}
    at = 1 + list(keys).index("metric")
    keys = {**dict(list(keys.items())[:at]), "by": feature, **dict(list(keys.items())[at:])}
    yield f"- {{{_flow(keys)},"
    yield f"   set_by: {scalar(choice.number)},"
    yield f"   reason: {scalar(f'{choice.asks}; {choice.source}')}}}"


def _flow(keys: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {scalar(str(value))}" for key, value in keys.items())


def _example(seen: Seen) -> Iterator[str]:
    """No requirement is invented; an example shows the form, on a figure that this table can give."""
    found = seen.found
    once = "" if seen.predicted else ", once there are decisions"
    check = "CHECK: " if seen.said.purpose is None else ""
    yield f"# gates:                     # {check}what must hold is yours to say{once}; none, no verdict"
    by = scalar(next(iter(found.sensitive), "COLUMN"))
    if seen.said.purpose not in (None, NO_PURPOSE):
        yield f"# The purpose {seen.said.purpose} has no gates of the task {seen.task} whose source is known."
    if seen.task == NER:
        yield f'#   - {{metric: entity_recall, by: {by}, compare: difference, limit: "<= LIMIT"}}'
    elif seen.task != BINARY:
        yield f'#   - {{metric: METRIC, by: {by}, compare: difference, limit: "<= LIMIT"}}'
    elif found.label and (found.decision or found.score):
        yield f'#   - {{metric: true_positive_rate, by: {by}, compare: difference, limit: "<= LIMIT"}}'
    else:
        yield f'#   - {{metric: selection_rate, by: {by}, compare: ratio, limit: ">= LIMIT"}}'
