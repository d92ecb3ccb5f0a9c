"""What two compared runs differ in."""

from __future__ import annotations

from ...audit.result import AuditResult, Difference
from ..slices.tables import Cell, Row, Table
from ..words.language import Given, Sentence, say, tr

MOST_LINES = 12
"""Lines of them in a terminal or a comment; the report has all."""


def differences_table(result: AuditResult) -> Table | None:
    """Lay out what differs between the two runs; None where no runs are compared."""
    if not result.differences:
        return None
    before, after = result.variants[0].name, result.variants[1].name
    heads: list[tuple[str, str]] = [(Given(before), ""), (Given(after), "")]
    rows = [
        Row((Given(one.key),), [Cell(_shown(one.before)), Cell(_shown(one.after))])
        for one in result.differences
    ]
    return Table(heads, rows)


def difference_lines(result: AuditResult) -> list[Sentence]:
    """Write each difference on a line, the first ones of many."""
    lines = [_line(one) for one in result.differences[:MOST_LINES]]
    more = len(result.differences) - len(lines)
    return [*lines, *([say("{n} more differences are in the report.", n=str(more))] if more > 0 else [])]


def _line(one: Difference) -> Sentence:
    key = Given(one.key)
    if one.before == one.after:
        return say("The same in both: {key} {value}.", key=key, value=_shown(one.before))
    if one.before is None:
        return say("{key}: only in the later run: {value}", key=key, value=_shown(one.after))
    if one.after is None:
        return say("{key}: only in the earlier run: {value}", key=key, value=_shown(one.before))
    return say("{key}: {before} → {after}", key=key, before=_shown(one.before), after=_shown(one.after))


def _shown(value: str | None) -> str:
    return tr("not set") if value is None else Given(value)
