"""The ``audit.json`` of an earlier state of this version, which told less: it is read as if it had told all.

Such a file has no ``priorities``, and its definitions have none of the keys in ``ADDED``. Both follow from
the names of metrics and disparities alone. A file that lacks some of these keys and has others was written
by nobody and is left as it is, for ``verify`` to find.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...tasks import BINARY
from ..figures.definitions import disparity_definition, metric_definition, priorities
from ..result import AuditResult, Definition, Gap, Standing
from ..verdict.front import front

_IN_WORDS = {key: {"__all__": {"worst_gap_of"}} for key in ("variants", "selection")}

ADDED = frozenset({"needs", "mirror", "metrics", "among", "says"})
"""Keys of a definition that came with ``priorities``."""


def completed(result: AuditResult) -> AuditResult:
    """Return a result as it was read, with what an earlier state did not tell as this one tells it."""
    made = _standing(_defined(result))
    if "front" in result.model_fields_set or not result.variants:
        return made
    # It follows from the figures alone.
    return made.model_copy(update={"front": front(made)})


def _defined(result: AuditResult) -> AuditResult:
    told = result.definitions
    if "priorities" in result.model_fields_set or any(d.model_fields_set & ADDED for d in told.values()):
        return result
    known = _known()
    definitions = {
        name: definition.model_copy(update={key: getattr(known[name], key) for key in ADDED})
        if name in known
        else definition
        for name, definition in told.items()
    }
    return result.model_copy(update={"definitions": definitions, "priorities": priorities()})


def _standing(result: AuditResult) -> AuditResult:
    """Take the parts of each largest gap from the words that alone were written."""
    frontier = result.frontier
    if frontier is None:
        return result

    def named(found: Sequence[Standing]) -> list[Standing]:
        return [
            s if "worst_gap_of" in s.model_fields_set else s.model_copy(update={"worst_gap_of": _gap(s)})
            for s in found
        ]

    made = {"variants": named(frontier.variants), "selection": named(frontier.selection)}
    return result.model_copy(update={"frontier": frontier.model_copy(update=made)})


def _gap(standing: Standing) -> Gap | None:
    metric, comma, slices = standing.worst_gap_what.partition(", ")
    one, against, other = slices.partition(" against ")
    if not comma or not against:
        return None
    parts = [dict(pair.partition("=")[::2] for pair in part.split(" & ")) for part in (one, other)]
    return Gap(metric=metric, slice=parts[0], reference=parts[1])


def forms(result: AuditResult) -> Iterator[str]:
    """Yield an ``audit.json`` as this version writes it, and as its earlier states did.

    These told a largest gap in words alone. Before that they did not say what is seen first, nor before that
    what texts were told from. Before that they did not name the task, which was that of two classes, and the
    first of them had no priorities either.
    """
    words: dict[str, Any] = {} if result.frontier is None else {"frontier": _IN_WORDS}
    left_out: list[dict[str, Any]] = [
        {}, words, words | {"front": True}, words | {"front": True, "told": True},
    ]  # fmt: skip
    if result.task == BINARY.name:
        first = words | {"front": True, "told": True, "task": True}
        left_out += [first, first | {"priorities": True, "definitions": {"__all__": set(ADDED)}}]
    return (result.model_dump_json(indent=1, exclude=some) + "\n" for some in left_out)


def in_former_words(audit: bytes) -> bool:
    """Whether an ``audit.json`` is of an earlier state, whose pages had another form."""
    return b'\n "front": ' not in audit or (
        # Where no gap is told there is none in words either.
        re.search(rb'"worst_gap_what": "[^"]', audit) is not None and b'"worst_gap_of": ' not in audit
    )


def _known() -> dict[str, Definition]:
    """Every definition of this version, by the name that it has in a result."""
    found = [metric_definition(name) for name in BINARY.metrics]
    found += [disparity_definition(row, form) for row in BINARY.disparities for form in row.forms]
    return {definition.name: definition for definition in found}
