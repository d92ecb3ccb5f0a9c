"""The lines of an audit.yaml, from what was found out about a table; what to look at is marked CHECK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ...datasets.alike import totals
from ...datasets.columns import word
from ...datasets.errors import number_of
from . import names
from .bins import edges
from .column import Look
from .found import Roles
from .scalars import comment, flow, scalar
from .sides import Side
from .values import alike

MOST_NAMED = 60
"""Features that are named one by one where a model is to be trained."""
MOST_LEVELS = 1_000
ASKED = {
    "id": "",
    "cluster": "   # CHECK: rows of one value depend on each other",
    "weight": "   # CHECK: how many each row stands for",
    "count": "   # CHECK: rows of each cell",
}


@dataclass(frozen=True)
class Seen:
    """A table and what was found out about it.

    ``spelled`` holds the rows of each value of label, decision and uncut sensitive features, as an audit
    reads them; ``label`` and ``decision`` which of these are positive. ``written`` is how a text file departs
    from the usual, by the keys of the configuration.
    """

    path: Path
    table: pa.Table
    whole: bool
    looks: Mapping[str, Look]
    found: Roles
    spelled: Mapping[str, Mapping[str, int]]
    label: Side | None
    decision: Side | None
    written: Mapping[str, str]


def lines(seen: Seen) -> Iterator[str]:
    """Yield the lines of the file."""
    rows = f"{len(seen.table):,} rows" if seen.whole else f"the first {len(seen.table):,} rows"
    name = comment(seen.path.name)
    yield f"# Written from the columns of {name} ({rows}); look at every line marked CHECK."
    yield f"audit: {scalar(seen.path.name.split('.')[0] or 'audit')}"
    yield "data:"
    yield f"  path: {scalar(str(seen.path))}"
    for key, value in seen.written.items():
        yield f"  {key}: {scalar(value)}            # as found by looking at the file"
    yield from _label(seen)
    yield from _positive_is(seen)
    yield from _sensitive(seen)
    yield from _keys(seen.found)
    yield "slices:"
    yield "  intersections: 2           # also cross pairs of features"
    yield "  min_size: 30"
    yield from (_predictions(seen) if seen.found.score or seen.found.decision else _to_train(seen))
    yield "# metrics: [selection_rate, true_positive_rate]   # default: the usual ones"
    yield from _gates(seen.found)
    yield from _columns(seen.found)


def _label(seen: Seen) -> Iterator[str]:
    name = seen.found.label
    if not name or not seen.label:
        yield "  # label: COLUMN            # CHECK: the true outcome; needed without decisions and scores"
        return
    guess = "a guess, since no name tells: " if name in seen.found.guessed else ""
    yield f"  label: {scalar(name)}            # CHECK: {guess}the true outcome"
    yield from _side(seen.label, "the label values that count as positive")
    look = seen.looks[name]
    without = look.nulls + sum(look.values[w] for w in look.unknown_words)
    if without:
        rows = number_of(without, "row has", "rows have")
        yield f"  # drop_missing: true       # CHECK: {rows} no label, and all need one; it"
        yield "                             # leaves out rows with a missing value in any column"


def _positive_is(seen: Seen) -> Iterator[str]:
    """What a yes means is asked; where a word says that it is a rejection or the like, that is written."""
    name = _burden(seen)
    if name is None:
        yield "  # positive_is: benefit     # CHECK: what a positive decision is to the person it falls on,"
        yield "                             # benefit (a loan) or burden (a risk rating); unsaid, nothing is"
        yield "                             # called favourable"
        return
    shown = comment(repr(name), 60)
    mark = "# " if names.may_be_help(name) else ""
    yield f"  {mark}positive_is: burden      # CHECK: by its name {shown} is of something bad, so that"
    yield "                             # a yes is no favour; say benefit where it is one"


def _burden(seen: Seen) -> str | None:
    """The column of decisions or scores of which a yes is by its name something bad."""
    found = seen.found
    if found.decision and seen.decision:
        return found.decision if seen.decision.meaning == "bad" else None
    if not found.score:
        return None
    meaning = names.score_meaning(found.score)
    if meaning is None and found.label and seen.label and seen.label.meaning == "bad":
        return found.label
    return found.score if meaning == "bad" else None


def _side(side: Side, what: str) -> Iterator[str]:
    if not side.said:
        return
    why = f" ({comment(side.why)})" if side.why else ""
    chosen = scalar(side.positive[0]) if len(side.positive) == 1 else flow(side.positive)
    yield f"  positive: {chosen}       # CHECK{why}: {what}"
    if len(side.negative) > 1:
        yield f"  negative: {flow(side.negative)}"


def _sensitive(seen: Seen) -> Iterator[str]:
    found = seen.found
    if not found.sensitive:
        yield "  # sensitive: [COLUMN]      # CHECK: whose slices are compared; no column seems to be one"
        return
    yield f"  sensitive: {flow(found.sensitive)}   # CHECK: the features whose slices are compared"
    if found.cut:
        yield "  bins:                      # CHECK: where numbers are cut; left edges belong to the bin"
    for name in found.cut:
        cut = ", ".join(map(word, edges(seen.table.column(name), found.sensitive[name])))
        yield f"    {scalar(name)}: [{cut}]"
    yield from _totals(seen)
    yield from _merged({n: alike(values, found.sensitive[n]) for n, values in _sliced(seen)})
    asked = [*found.sensitive, *(n for n in (found.label, found.decision) if n)]
    missing = {w for name in asked for w in seen.looks[name].unknown_words}
    if missing:
        yield f"  missing: {flow(sorted(missing))}   # CHECK: words that mean 'not known'"


def _sliced(seen: Seen) -> Iterator[tuple[str, Mapping[str, int]]]:
    return ((name, seen.spelled[name]) for name in seen.found.sensitive if name in seen.spelled)


def _totals(seen: Seen) -> Iterator[str]:
    """Values of a totals row in any column of text: such a row is no person."""
    for name, look in seen.looks.items():
        values = seen.spelled.get(name, look.values) if look.kind == "text" else {}
        for value in totals(values) if len(values) <= MOST_LEVELS else ():
            if value.strip().casefold() not in ("all", "overall", "alle") or name in seen.spelled:
                shown, where = comment(repr(value), 40), comment(repr(name), 40)
                yield f"  # CHECK: {shown} in column {where} looks like that of a totals row,"
                yield "  # which counts rows twice: take such rows out of the file"


def _merged(merged: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    if any(merged.values()):
        yield "  merge:                     # CHECK: values that look like one; models see them as they are"
    for name, groups in merged.items():
        told = ", ".join(f"{scalar(kept)}: {flow(values)}" for kept, values in groups.items())
        if told:
            yield f"    {scalar(name)}: {{{told}}}"


def _keys(found: Roles) -> Iterator[str]:
    if found.split_column:
        yield f"  split_column: {scalar(found.split_column)}   # CHECK: which rows are audited"
        yield f"  split: {scalar(str(found.split))}"
    for role, asked in ASKED.items():
        name = getattr(found, role)
        if name:
            yield f"  {role}: {scalar(name)}{asked}"
    if not found.id and not found.count:
        yield "  # id: COLUMN               # unique row ids, needed to join predictions"


def _predictions(seen: Seen) -> Iterator[str]:
    found = seen.found
    yield "model:                       # predictions that stand in the table"
    yield "  kind: predictions"
    if found.score:
        yield f"  score: {scalar(found.score)}             # CHECK: high where a row is positive"
        yield from _scale(found.score, seen.looks[found.score], bool(found.decision))
        if (
            found.label
            and seen.label
            and not seen.label.meaning
            and names.score_meaning(found.score) == "bad"
        ):
            values = comment(", ".join(map(repr, seen.label.positive)), 40)
            column = comment(repr(found.label), 40)
            yield f"                             # CHECK: is it high where {column} is {values}?"
    if found.decision and seen.decision:
        yield f"  decision: {scalar(found.decision)}       # CHECK: what was decided"
        yield from _side(seen.decision, "the positive decisions")


def _scale(name: str, look: Look, decided: bool) -> Iterator[str]:
    if names.other_class(name):
        yield "                             # by its name of the other class: high where that is likely"
    elif names.score_meaning(name) == "bad":
        yield "                             # by its name of a burden: those selected are those at risk"
    if look.low >= 0 and look.high <= 1:
        if not decided:
            yield "  threshold: 0.5             # CHECK: scores at or above it are selected"
        return
    yield "  scale: rank                # not in [0, 1], so no probabilities"
    if not decided:
        span = f"{look.low:g} to {look.high:g}"
        yield f"  # threshold: NUMBER        # CHECK: scores at or above it are selected; they are {span}"


def _to_train(seen: Seen) -> Iterator[str]:
    found = seen.found
    yield "# model:                     # CHECK: labels alone are audited until this says who decides, as in"
    if found.text and not any(seen.looks[name].kind == "number" for name in found.features):
        yield "#   path: FOLDER             # a transformers model, and the column that it reads"
        yield f"#   text: {scalar(found.text)}"
    else:
        split = f", split: {scalar(found.train)}" if found.train else ""
        other = f"path: {scalar(str(seen.path))}{split}" if split else "path: OTHER_ROWS.csv"
        yield "#   estimator: sklearn.ensemble.HistGradientBoostingClassifier"
        yield f"#   train: {{{other}}}   # rows that are not audited"
        yield from _features(found)
    yield "# or one that is there, such as path: model.skops; or a table of predictions joined by id:"
    yield "#   kind: predictions"
    yield "#   path: scored.parquet"
    yield "#   score: score"


def _features(found: Roles) -> Iterator[str]:
    features = found.features
    if not features:
        yield "#                            # CHECK: no column is left that a model could see"
    elif len(features) <= MOST_NAMED:
        asked = "   # CHECK: those marked as proxies below" if found.proxies & {*features} else ""
        yield f"#   features: {flow(features)}{asked}"
    else:
        yield f"#   # features: default all without another role, {len(features):,} here"


def _gates(found: Roles) -> Iterator[str]:
    """No requirement is invented; an example shows the form, on a figure that this table can give."""
    once = "" if found.score or found.decision else ", once there are decisions"
    yield f"# gates:                     # CHECK: what must hold is yours to say{once}; none, no verdict"
    by = scalar(next(iter(found.sensitive), "COLUMN"))
    if found.label and (found.decision or found.score):
        yield f'#   - {{metric: true_positive_rate, by: {by}, compare: difference, limit: "<= LIMIT"}}'
    else:
        yield f'#   - {{metric: selection_rate, by: {by}, compare: ratio, limit: ">= LIMIT"}}'


def _columns(found: Roles) -> Iterator[str]:
    yield f"# What became of every column ({len(found.told):,}):"
    shown = {name: comment(scalar(name), 50) for name in found.told}
    wide = max(map(len, shown.values()), default=0)
    for name, (role, why) in found.told.items():
        yield f"#   {shown[name]:<{wide}}  {role:<12}  {comment(why)}"
    every = {part for name in found.told for part in names.split_name(name)}
    if any(several <= every for several in names.TOLD_COUNTS):
        yield "# CHECK: several counts per row: make one row per cell, with label, decision and one count."
