"""``fairweigh init``: a commented audit.yaml from the columns of a table."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..datasets.columns import MAX_VALUES, listed, word
from ..datasets.errors import InputError
from ..datasets.read import iter_batches

SAMPLE_ROWS = 50_000

SENSITIVE = re.compile(
    r"^(sex|gender|race|ethnic\w*|age(_.*|group)?|nationality|national.origin|native.country|religion|"
    r"disabilit\w*|marital.*|hispanic|rac1p|agep|mar)$",
    re.IGNORECASE,
)
LABEL = re.compile(
    r"^(.*label|y|y_true|target|outcome|class|truth|actual|ground.truth|two_year_recid|repaid)$",
    re.IGNORECASE,
)
DECISION = re.compile(r"^(decision|approved|selected|y_pred|pred\w*|decided|hired|accepted)$", re.IGNORECASE)
SCORE = re.compile(r"^(score|y_score|prob\w*|p|y_prob)$", re.IGNORECASE)
ID = re.compile(r"^(id|row_id|uuid|key|\w+_id)$", re.IGNORECASE)
WEIGHT = re.compile(r"^(weight|w|sample_weight|pwgtp|fnlwgt)$", re.IGNORECASE)

MEANING = [
    "  # positive_is: benefit     # CHECK: what a positive decision is to the person it falls on, benefit (a",
    "                             # loan) or burden (a risk rating); unsaid, nothing is called favourable",
]
"""The line that asks what a decision means: no name and no value of a column tells."""


def write_start(table: Path, out: Path) -> None:
    """Write an audit.yaml that guesses the columns' roles from their names and values.

    Raises
    ------
    InputError
        The table cannot be read, or ``out`` exists or cannot be written.
    """
    if out.exists():
        raise InputError(f"{out}: exists already; choose another name with -o")
    text = start(table)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None


def start(table: Path) -> str:
    """Return the text of an audit.yaml for a table."""
    batch = next(iter_batches(table, batch_rows=SAMPLE_ROWS)).slice(0, SAMPLE_ROWS)
    if not batch.num_rows:
        raise InputError(f"{table}: no rows to look at")
    values = {name: _values(batch.column(name)) for name in batch.schema.names}

    def first(pattern: re.Pattern[str], most: int | None = None) -> str | None:
        fits = (n for n in values if pattern.match(n) and (most is None or len(values[n]) <= most))
        return next(fits, None)

    label, decision, score = first(LABEL, 2), first(DECISION, 5), first(SCORE)
    row_id, weight = first(ID), first(WEIGHT)
    sensitive = [n for n in values if SENSITIVE.match(n) and n not in (label, decision, score, row_id)]
    cut = [n for n in sensitive if len(values[n]) > 12 and _numeric(batch.column(n))]
    lines = [
        f"# Written from the columns of {_one_line(table.name)}; look at every line marked CHECK.",
        f"audit: {_quoted(table.name.split('.')[0])}",
        "data:",
        f"  path: {_quoted(str(table))}",
    ]
    if label:
        lines += [f"  label: {_quoted(label)}            # CHECK: the true outcome"]
        lines += _positive(values[label], "  ", "the label value that counts as positive")
    else:
        two = [_quoted(n) for n in values if len(values[n]) == 2 and not SENSITIVE.match(n)]
        lines += ["  # label: COLUMN           # CHECK: the true outcome; needed unless there are decisions"]
        lines += [f"  # columns of two values: {', '.join(two)}"] if two else []
    lines += MEANING
    names = ", ".join(_quoted(n) for n in sensitive)
    told = f"[{names}]" if sensitive else "[COLUMN]"
    lines += [f"  sensitive: {told}   # CHECK: the features whose slices are compared"]
    lines += [f"  # {n!r} holds {_one_line(listed(values[n], 5))}" for n in sensitive]
    if cut:
        lines += ["  bins:                      # CHECK: where numbers are cut; left edges belong to the bin"]
        lines += [f"    {_quoted(n)}: {_edges(batch.column(n))}" for n in cut]
    lines += [f"  id: {_quoted(row_id)}" if row_id else "  # id: COLUMN              # unique row ids"]
    if weight:
        lines += [f"  # weight: {_quoted(weight)}     # CHECK: are these row weights?"]
    lines += ["slices:", "  intersections: 2           # also cross pairs of features", "  min_size: 30"]
    if score or decision:
        lines += ["model:                       # predictions that stand in the table", "  kind: predictions"]
        if score:
            lines += [f"  score: {_quoted(score)}", *_scale(batch.column(score), bool(decision))]
        if decision:
            lines += [f"  decision: {_quoted(decision)}"]
            lines += _positive(values[decision], "  ", "the positive decision")
    else:
        lines += [
            "# model:                     # CHECK: say where the predictions come from, such as",
            "#   path: model.skops        # a saved scikit-learn model, or",
            "#   kind: predictions        # a table of predictions joined by id:",
            "#   path: scored.parquet",
            "#   score: score",
        ]
    lines += ["# metrics: [selection_rate, true_positive_rate]   # default: the usual ones"]
    lines += _gates(sensitive, label, bool(score or decision))
    return "\n".join(lines) + "\n"


def _values(column: pa.Array) -> list[str]:
    found = column.unique().to_pylist()
    return sorted(word(v) for v in found if v is not None and v == v)


def _numeric(column: pa.Array) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _edges(column: pa.Array) -> str:
    quarters = pc.quantile(column, [0.25, 0.5, 0.75], interpolation="nearest").to_pylist()
    return "[" + ", ".join(word(float(q)) for q in dict.fromkeys(quarters)) + "]"


def _positive(values: list[str], indent: str, what: str) -> list[str]:
    if set(values) <= {"0", "1", "true", "false"}:
        return []
    return [
        f"{indent}positive: {_quoted(values[-1])}       # CHECK: {what}; it holds {_one_line(listed(values))}"
    ]


def _scale(column: pa.Array, decided: bool) -> list[str]:
    if not _numeric(column):
        return []
    numbers = [v for v in column.to_pylist() if v is not None]
    inside = bool(numbers) and min(numbers) >= 0 and max(numbers) <= 1
    if inside and decided:
        return []
    if inside:
        return ["  threshold: 0.5             # CHECK: scores at or above it are selected"]
    return [
        "  scale: rank                # not in [0, 1], so no probabilities",
        *([] if decided else ["  # threshold: NUMBER"]),
    ]


def _gates(sensitive: list[str], label: str | None, model: bool) -> list[str]:
    if not sensitive or len(sensitive) > MAX_VALUES:
        return ["# gates: []"]
    by = _quoted(sensitive[0])
    out = ["gates:                       # CHECK: what must hold before a release"]
    if model:
        out += [f'  - {{metric: selection_rate, by: {by}, compare: ratio, limit: ">= 0.8", decide: point}}']
    if model and label:
        out += [f'  - {{metric: true_positive_rate, by: {by}, compare: difference, limit: "<= 0.1"}}']
    if not model:
        out += [f'  - {{metric: base_rate, by: {by}, compare: difference, limit: "<= 0.1"}}']
    return out


def _quoted(text: str) -> str:
    """A YAML scalar: plain where that is safe, else in double quotes with escapes (JSON is YAML)."""
    import json

    return text if re.fullmatch(r"[A-Za-z_][\w]*", text) and text.lower() not in _WORDS else json.dumps(text)


_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else "?" for c in text).split())
