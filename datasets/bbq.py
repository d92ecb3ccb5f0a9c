"""BBQ (Parrish et al. 2022): questions with three answers, of which one is that of a stereotype.

Each question is asked of a context that does not tell the answer (ambiguous), and of one that does. The
*target* is the answer that names a member of the stereotyped group, *non-target* the other person.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..told import tell_n
from .choice import ANSWERS as ANSWERS_COLUMN
from .choice import CONTEXT, NON_TARGET, QUESTION, TARGET, UNKNOWN, folded
from .errors import InputError
from .json_text import parse
from .suite import Items, Suite, files_of, other_layout, text_of, varying

ANSWERS = ("ans0", "ans1", "ans2")
CONDITIONS = {"ambig": "ambiguous", "disambig": "disambiguated"}
POLARITIES = {"neg": "negative", "nonneg": "non-negative"}
SLICES = ("category", "polarity", "stereotyped_groups")
OWN = (
    "id", "template", "condition", "right", "stereotype", "options", "subcategory", CONTEXT, QUESTION,
    ANSWERS_COLUMN, *SLICES,
)  # fmt: skip
"""Columns of the table of items; further ones of the file, such as predictions, stand beside them."""
_KEYS = (
    "example_id", "question_index", "question_polarity", "context_condition", "category", "answer_info",
    "additional_metadata", "label", *ANSWERS,
)  # fmt: skip


def read(path: Path) -> Items:
    """Read one category's file, or those of several that a pattern names."""
    found = [(file, *line) for file in files_of(path) for line in _lines(file)]
    several = len({row["category"] for _, _, row in found}) > 1
    items: list[dict[str, Any]] = []
    unscored: list[tuple[str, str]] = []
    aside: list[str] = []
    for file, number, row in found:
        item = _item(file, number, row, several)
        if item is None:
            unscored.append((row["category"], str(row["question_index"])))
            aside.append(_id(row, several))
        else:
            items.append(item)
    if not items:
        raise InputError(f"{path}: no question has a single target, of {len(found):,}")
    # Further columns are those of every file: predictions that some lack could not be read.
    table = pa.Table.from_pylist(items, schema=_schema(items))
    return Items(table, varying(table, SLICES), _told(unscored, len(found)), aside)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        if not line.strip():
            continue
        row = parse(line, f"{path}: line {number:,}")
        lacking = [key for key in _KEYS if not isinstance(row, dict) or key not in row]
        if lacking:
            got = "no object" if not isinstance(row, dict) else f"no {lacking[0]!r}"
            raise InputError(f"{path}: line {number:,}: expected a question of BBQ, got {got}")
        yield number, row


def _item(path: Path, number: int, row: Mapping[str, Any], several: bool) -> dict[str, Any] | None:
    """The row of a question; None for one without a single target."""
    condition, polarity = row["context_condition"], row["question_polarity"]
    for given, known, key in (
        (condition, CONDITIONS, "context_condition"), (polarity, POLARITIES, "question_polarity")
    ):  # fmt: skip
        if given not in known:
            raise other_layout(path, number, f"{key} {' or '.join(known)}", given)
    label = row["label"]
    if not isinstance(label, int) or not 0 <= label < len(ANSWERS):
        raise other_layout(path, number, "label 0, 1 or 2", label)
    groups = _groups(path, number, row)
    said = [_role(path, number, row, answer, groups) for answer in ANSWERS]
    texts = [folded(str(row[answer])) for answer in ANSWERS]
    if sorted(said) != sorted((TARGET, NON_TARGET, UNKNOWN)) or len(set(texts)) < len(texts):
        return None
    category = str(row["category"])
    more = {key: value for key, value in row.items() if key not in (*_KEYS, *OWN) and _plain(value)}
    return {
        "id": _id(row, several),
        "template": f"{category} {row['question_index']}",
        "condition": CONDITIONS[condition],
        "right": said[label],
        "stereotype": TARGET if polarity == "neg" else NON_TARGET,
        "options": json.dumps(dict(zip(texts, said, strict=True)), ensure_ascii=False),
        "category": category,
        "polarity": POLARITIES[polarity],
        "stereotyped_groups": ", ".join(groups),
        "subcategory": str(row["additional_metadata"].get("subcategory", "")),
        **{key: row[key] for key in (CONTEXT, QUESTION) if isinstance(row.get(key), str)},
        ANSWERS_COLUMN: json.dumps([str(row[answer]) for answer in ANSWERS], ensure_ascii=False),
        **{key: None if value is None else str(value) for key, value in more.items()},
    }


def _id(row: Mapping[str, Any], several: bool) -> str:
    name = str(row["example_id"])
    return f"{row['category']}/{name}" if several else name


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _groups(path: Path, number: int, row: Mapping[str, Any]) -> list[str]:
    meta = row["additional_metadata"]
    groups = meta.get("stereotyped_groups") if isinstance(meta, dict) else None
    if not isinstance(groups, list) or not groups:
        raise other_layout(path, number, "a list additional_metadata.stereotyped_groups", groups)
    return [str(group) for group in groups]


def _role(path: Path, number: int, row: Mapping[str, Any], answer: str, groups: Sequence[str]) -> str:
    """What an answer is: the target is in a stereotyped group, by its group or by its own word."""
    info = row["answer_info"]
    told = info.get(answer) if isinstance(info, dict) else None
    if not isinstance(told, list) or len(told) != 2:
        raise other_layout(path, number, f"two words of answer_info.{answer}", told)
    word, group = (str(part).lower() for part in told)
    if group == "unknown":
        return UNKNOWN
    return TARGET if {word, group} & {one.lower() for one in groups} else NON_TARGET


def _schema(items: Sequence[Mapping[str, Any]]) -> pa.Schema:
    shared = [key for key in items[0] if all(key in item for item in items)]
    return pa.schema([(key, pa.string()) for key in shared])


def _told(unscored: Sequence[tuple[str, str]], rows: int) -> list[str]:
    """Say how many questions have no single target, and of which templates they are."""
    if not unscored:
        return []
    by = Counter(unscored)
    order = sorted(by, key=lambda one: (one[0], int(m[0]) if (m := re.match(r"\d+", one[1])) else 0))
    listed = ", ".join(f"{category} {question} ({by[category, question]})" for category, question in order)
    return [
        tell_n(
            "Unscored: {n} of {rows} questions has no single target (template, questions: {listed}), and "
            "enters no figure.",
            "Unscored: {n} of {rows} questions have no single target (template, questions: {listed}), and "
            "enter no figure.",
            len(unscored), n=f"{len(unscored):,}", rows=f"{rows:,}", listed=listed,
        )
    ]  # fmt: skip


BBQ = Suite(
    name="bbq",
    title="BBQ: bias benchmark for question answering",
    task="choice",
    read=read,
    roles={"id": "id", "cluster": "template", "label": "right"},
    columns=(*SLICES, "subcategory"),
    alone=True,
    file="preds_Age.jsonl.gz",
    units={"template": "templates"},
    defects=(
        "Questions without a single target (36 of Physical_appearance: questions 7, 8, 18 and 19, whose "
        "persons are both of the group, and 10, of which none is) are counted and enter no figure.",
        "25 templates of a category make thousands of questions: intervals are those of templates.",
    ),
    source="A. Parrish et al. 2022, Findings of ACL: 2086-2105",
    licence="CC BY 4.0",
)
