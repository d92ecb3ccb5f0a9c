"""The lines of an audit.yaml, from what was found out about a table; what to look at is marked CHECK."""

from __future__ import annotations

from collections.abc import Iterator

from ...datasets.alike import totals
from ...datasets.columns import word
from ...datasets.errors import number_of
from . import names
from .answers import UNSAID
from .bins import edges
from .column import Look
from .found import Roles
from .gate_lines import gate_lines
from .of_task import BINARY, NER
from .scalars import comment, flow, scalar
from .seen import Seen, burden
from .sides import Side
from .task_lines import outcome_lines, prediction_lines, tagger_lines

MOST_NAMED = 60
"""Features that are named one by one where a model is to be trained."""
MOST_LEVELS = 1_000
_BOOSTED = "sklearn.ensemble.HistGradientBoosting"
ESTIMATORS = {
    BINARY: f"{_BOOSTED}Classifier", "multiclass": f"{_BOOSTED}Classifier",
    "regression": f"{_BOOSTED}Regressor", "multilabel": "sklearn.ensemble.RandomForestClassifier",
}  # fmt: skip
"""What a model may be trained with, by task; scikit-learn has no ranker."""
TABLE_KEYS = {
    BINARY: "score: score", "multiclass": "decision: decision", "regression": "prediction: prediction",
    "multilabel": "decisions: {LABEL: COLUMN}", "ranking": "rank: rank",
}  # fmt: skip
"""What a table of predictions holds, by task."""
ASKED = {
    "id": "",
    "cluster": "   # CHECK: rows of one value depend on each other",
    "weight": "   # CHECK: how many each row stands for",
    "count": "   # CHECK: rows of each cell",
}


def lines(seen: Seen) -> Iterator[str]:
    """Yield the lines of the file."""
    rows = f"{len(seen.table):,} rows" if seen.whole else f"the first {len(seen.table):,} rows"
    name = comment(seen.path.name)
    yield f"# Written from the columns of {name} ({rows}); look at every line marked CHECK."
    yield f"audit: {scalar(seen.path.name.split('.')[0] or 'audit')}"
    if seen.task != BINARY:
        yield f"task: {seen.task}"
    yield "data:"
    yield f"  path: {scalar(str(seen.path))}"
    for key, value in seen.written.items():
        yield f"  {key}: {scalar(value)}            # as found by looking at the file"
    if seen.task == BINARY:
        yield from _label(seen)
        yield from _positive_is(seen)
    else:
        yield from outcome_lines(seen)
    yield from _sensitive(seen)
    yield from _keys(seen)
    yield "slices:"
    yield "  intersections: 2           # also cross pairs of features"
    yield "  min_size: 30"
    if not seen.predicted:
        yield from tagger_lines() if seen.task == NER else _to_train(seen)
    else:
        yield from (_predictions(seen) if seen.task == BINARY else prediction_lines(seen))
    if seen.task == BINARY:
        yield "# metrics: [selection_rate, true_positive_rate]   # default: the usual ones"
    yield from gate_lines(seen)
    yield from _columns(seen.found)


def _label(seen: Seen) -> Iterator[str]:
    name = seen.found.label
    if not name or not seen.label:
        yield "  # label: COLUMN            # CHECK: the true outcome; needed without decisions and scores"
        return
    guess = "a guess, since no name tells: " if name in seen.found.guessed else ""
    told = "the true outcome" if seen.said.said("label") else f"CHECK: {guess}the true outcome"
    yield f"  label: {scalar(name)}            # {told}"
    yield from _side(seen.label, "the label values that count as positive", seen.said.said("positive"))
    look = seen.looks[name]
    without = look.nulls + sum(look.values[w] for w in look.unknown_words)
    if without:
        rows = number_of(without, "row has", "rows have")
        yield f"  # drop_missing: true       # CHECK: {rows} no label, and all need one; it"
        yield "                             # leaves out rows with a missing value in any column"


def _positive_is(seen: Seen) -> Iterator[str]:
    """What a yes means is asked; where a word says that it is a rejection or the like, that is written."""
    said = seen.said.positive_is
    if said in ("benefit", "burden"):
        yield f"  positive_is: {said}       # what a positive decision is to the person it falls on"
        return
    if said == UNSAID:
        yield "  # positive_is: benefit     # not said, so that nothing is called favourable; or burden"
        return
    name = burden(seen)
    if name is None:
        yield "  # positive_is: benefit     # CHECK: what a positive decision is to the person it falls on,"
        yield "                             # benefit (a loan) or burden (a risk rating); unsaid, nothing is"
        yield "                             # called favourable"
        return
    shown = comment(repr(name), 60)
    mark = "# " if names.may_be_help(name) else ""
    yield f"  {mark}positive_is: burden      # CHECK: by its name {shown} is of something bad, so that"
    yield "                             # a yes is no favour; say benefit where it is one"


def _side(side: Side, what: str, said: bool) -> Iterator[str]:
    if not side.said:
        return
    why = f" ({comment(side.why)})" if side.why else ""
    chosen = scalar(side.positive[0]) if len(side.positive) == 1 else flow(side.positive)
    yield f"  positive: {chosen}       # {what if said else f'CHECK{why}: {what}'}"
    if len(side.negative) > 1:
        yield f"  negative: {flow(side.negative)}"


def _sensitive(seen: Seen) -> Iterator[str]:
    found = seen.found
    if not found.sensitive:
        yield "  # sensitive: [COLUMN]      # CHECK: whose slices are compared; no column seems to be one"
        return
    check = "" if seen.said.said("sensitive") else "CHECK: "
    yield f"  sensitive: {flow(found.sensitive)}   # {check}the features whose slices are compared"
    if found.cut:
        check = "" if set(found.cut) <= set(seen.said.bins) else "CHECK: "
        yield f"  bins:                      # {check}where numbers are cut; left edges belong to the bin"
    for name in found.cut:
        yield f"    {scalar(name)}: [{', '.join(map(word, cut(seen, name)))}]"
    yield from _totals(seen)
    yield from _merged(seen)
    outcomes = (n for role in ("label", "decision") for n in seen.columns.get(role, ()))
    asked = [*found.sensitive, *(outcomes if seen.task != "regression" else ())]
    missing = {w for name in asked for w in seen.looks[name].unknown_words}
    if missing:
        yield f"  missing: {flow(sorted(missing))}   # CHECK: words that mean 'not known'"


def cut(seen: Seen, name: str) -> list[float]:
    """Return the edges at which a sensitive number is cut: as said, else usual ones."""
    said = list(seen.said.bins.get(name, ()))
    return said or edges(seen.table.column(name), seen.found.sensitive[name])


def _totals(seen: Seen) -> Iterator[str]:
    """Values of a totals row in any column of text: such a row is no person."""
    for name, look in seen.looks.items():
        values = seen.spelled.get(name, look.values) if look.kind == "text" else {}
        for value in totals(values) if len(values) <= MOST_LEVELS else ():
            if value.strip().casefold() not in ("all", "overall", "alle") or name in seen.spelled:
                shown, where = comment(repr(value), 40), comment(repr(name), 40)
                yield f"  # CHECK: {shown} in column {where} looks like that of a totals row,"
                yield "  # which counts rows twice: take such rows out of the file"


def _merged(seen: Seen) -> Iterator[str]:
    if any(seen.merged.values()):
        asked = {(name, kept) for name, groups in seen.merged.items() for kept in groups}
        check = "" if asked <= set(seen.said.merged) else "CHECK: "
        yield f"  merge:                     # {check}values that look like one; models see them as they are"
    for name, groups in seen.merged.items():
        told = ", ".join(f"{scalar(kept)}: {flow(values)}" for kept, values in groups.items())
        if told:
            yield f"    {scalar(name)}: {{{told}}}"
    for (name, kept), merge in seen.said.merged.items():
        if not merge and kept in seen.groups.get(name, {}):
            shown, where = comment(repr(kept), 40), comment(repr(name), 40)
            yield f"  # values of {where} that look like {shown} stay apart, as said"


def _keys(seen: Seen) -> Iterator[str]:
    found = seen.found
    if found.split_column:
        yield f"  split_column: {scalar(found.split_column)}   # CHECK: which rows are audited"
        yield f"  split: {scalar(str(found.split))}"
    for role, asked in ASKED.items():
        name = getattr(found, role)
        if name:
            yield f"  {role}: {scalar(name)}{asked.replace('CHECK: ', '') if seen.said.said(role) else asked}"
    if not found.id and not found.count:
        yield "  # id: COLUMN               # unique row ids, needed to join predictions"


def _predictions(seen: Seen) -> Iterator[str]:
    found = seen.found
    yield "model:                       # predictions that stand in the table"
    yield "  kind: predictions"
    if found.score:
        check = "" if seen.said.said("score") else "CHECK: "
        yield f"  score: {scalar(found.score)}             # {check}high where a row is positive"
        yield from _scale(seen, found.score, seen.looks[found.score])
        if (
            check
            and found.label
            and seen.label
            and not seen.label.meaning
            and names.score_meaning(found.score) == "bad"
        ):
            values = comment(", ".join(map(repr, seen.label.positive)), 40)
            column = comment(repr(found.label), 40)
            yield f"                             # CHECK: is it high where {column} is {values}?"
    if found.decision and seen.decision:
        check = "" if seen.said.said("decision") else "CHECK: "
        yield f"  decision: {scalar(found.decision)}       # {check}what was decided"
        yield from _side(seen.decision, "the positive decisions", seen.said.said("decided"))


def _scale(seen: Seen, name: str, look: Look) -> Iterator[str]:
    decided = bool(seen.found.decision)
    if names.other_class(name):
        yield "                             # by its name of the other class: high where that is likely"
    elif names.score_meaning(name) == "bad":
        yield "                             # by its name of a burden: those selected are those at risk"
    within, said = look.low >= 0 and look.high <= 1, seen.said.threshold
    if seen.scale == "rank":
        why = "their order alone counts, as said" if within else "not in [0, 1], so no probabilities"
        yield f"  scale: rank                # {why}"
    if decided:
        return
    if said or (within and seen.scale == "probability"):
        check = "CHECK: " if said is None else ""
        at = word((said or (0.5,))[0])
        yield f"  threshold: {at}             # {check}scores at or above it are selected"
    else:
        span = f"{look.low:g} to {look.high:g}"
        check = "CHECK: " if said is None else "none, as said: "
        yield f"  # threshold: NUMBER        # {check}scores at or above it are selected; they are {span}"


def _to_train(seen: Seen) -> Iterator[str]:
    found = seen.found
    yield "# model:                     # CHECK: labels alone are audited until this says who decides, as in"
    if found.text and not any(seen.looks[name].kind == "number" for name in found.features):
        yield "#   path: FOLDER             # a transformers model, and the column that it reads"
        yield f"#   text: {scalar(found.text)}"
    else:
        split = f", split: {scalar(found.train)}" if found.train else ""
        other = f"path: {scalar(str(seen.path))}{split}" if split else "path: OTHER_ROWS.csv"
        yield f"#   estimator: {ESTIMATORS.get(seen.task, 'PACKAGE.RANKER')}"
        yield f"#   train: {{{other}}}   # rows that are not audited"
        yield from _features(found)
    yield "# or one that is there, such as path: model.skops; or a table of predictions joined by id:"
    yield "#   kind: predictions"
    yield "#   path: scored.parquet"
    yield f"#   {TABLE_KEYS[seen.task]}"


def _features(found: Roles) -> Iterator[str]:
    features = found.features
    if not features:
        yield "#                            # CHECK: no column is left that a model could see"
    elif len(features) <= MOST_NAMED:
        asked = "   # CHECK: those marked as proxies below" if found.proxies & {*features} else ""
        yield f"#   features: {flow(features)}{asked}"
    else:
        yield f"#   # features: default all without another role, {len(features):,} here"


def _columns(found: Roles) -> Iterator[str]:
    yield f"# What became of every column ({len(found.told):,}):"
    shown = {name: comment(scalar(name), 50) for name in found.told}
    wide = max(map(len, shown.values()), default=0)
    for name, (role, why) in found.told.items():
        yield f"#   {shown[name]:<{wide}}  {role:<12}  {comment(why)}"
    every = {part for name in found.told for part in names.split_name(name)}
    if any(several <= every for several in names.TOLD_COUNTS):
        yield "# CHECK: several counts per row: make one row per cell, with label, decision and one count."
