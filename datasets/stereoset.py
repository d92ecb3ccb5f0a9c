"""StereoSet (Nadeem et al. 2021): a stereotype, its opposite and an unrelated sentence for each target.

A model is scored by which of them it finds likelier. Figures are means of targets: an item weighs one over
the items of its target, as the authors' script has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..told import tell
from .errors import InputError, number_of
from .json_text import parse
from .suite import (
    LESS_TEXT,
    MORE_TEXT,
    UNRELATED_TEXT,
    Items,
    Suite,
    files_of,
    other_layout,
    text_of,
    varying,
)

KINDS = ("stereotype", "anti-stereotype", "unrelated")
TEXTS = (MORE_TEXT, LESS_TEXT, UNRELATED_TEXT)
SLICES = ("bias_type",)
_KEYS = ("id", "target", "bias_type", "sentences")


def read(path: Path) -> Items:
    """Read the authors' JSON (its intrasentence items), or one item per line."""
    items = [_item(file, number, one) for file in files_of(path) for number, one in _items(file)]
    if not items:
        raise InputError(f"{path}: no item of StereoSet")
    sizes = Counter(item["target"] for item in items)
    for item in items:
        item["weight"] = 1 / sizes[item["target"]]
    table = pa.Table.from_pylist(items)
    told = tell(
        "{items} items of {targets} targets: figures are means of targets, each of which weighs the same.",
        items=f"{len(items):,}", targets=f"{len(sizes):,}",
    )  # fmt: skip
    return Items(table, varying(table, SLICES), [told])


def _items(path: Path) -> Iterator[tuple[int, Any]]:
    """The items of a file, numbered."""
    text = text_of(path)
    if text.lstrip().startswith("{") and '"intrasentence"' in text[:100_000]:
        whole = parse(text, path)
        found = whole.get("data", whole) if isinstance(whole, dict) else None
        inner = found.get("intrasentence") if isinstance(found, dict) else None
        if not isinstance(inner, list):
            raise InputError(f"{path}: expected a list data.intrasentence, got none")
        yield from enumerate(inner, start=1)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, parse(line, f"{path}: line {number:,}")


def _item(path: Path, number: int, one: Any) -> dict[str, Any]:
    lacking = next((key for key in _KEYS if not isinstance(one, dict) or key not in one), None)
    if lacking is not None:
        raise InputError(f"{path}: item {number:,}: expected an item of StereoSet, got no {lacking!r}")
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    for sentence in one["sentences"] if isinstance(one["sentences"], list) else ():
        if isinstance(sentence, dict) and sentence.get("gold_label") in KINDS:
            ids[sentence["gold_label"]] = str(sentence.get("id"))
            texts[sentence["gold_label"]] = str(sentence.get("sentence", ""))
    if len(ids) < len(KINDS):
        raise other_layout(path, number, f"sentences with the gold labels {', '.join(KINDS)}", sorted(ids))
    kind = str(one["bias_type"])
    own = {"id": str(one["id"]), "target": f"{kind} {one['target']}", "bias_type": kind}
    weighed = {column: texts[name] for column, name in zip(TEXTS, KINDS, strict=True)}
    return {**own, **{f"sentence:{name}": ids[name] for name in KINDS}, **weighed}


def answers(path: Path, table: pa.Table) -> pa.Table:
    """The authors' file of predictions: a score for the id of each sentence.

    Raises
    ------
    InputError
        It is of another layout, or sentences have no score.
    """
    found = parse(text_of(path), path)
    inner = found.get("intrasentence") if isinstance(found, dict) else None
    if not isinstance(inner, list):
        raise InputError(f"{path}: expected predictions of StereoSet, a list 'intrasentence' of id and score")
    scores: dict[str, float] = {}
    for number, one in enumerate(inner, start=1):
        score = one.get("score") if isinstance(one, dict) else None
        if isinstance(score, bool) or not isinstance(score, (int, float)) or "id" not in one:
            raise other_layout(path, number, "id and score, a number", one)
        scores[str(one["id"])] = float(score)
    columns: dict[str, Any] = {"id": table.column("id")}
    for name in KINDS:
        ids = table.column(f"sentence:{name}").to_pylist()
        lacking = [one for one in ids if one not in scores]
        if lacking:
            raise InputError(
                f"{path}: {number_of(len(lacking), 'sentence')} of the items ({name}) without a score, "
                f"such as {lacking[0]}"
            )
        columns[name] = pa.array([scores[one] for one in ids], pa.float64())
    return pa.table(columns)


STEREOSET = Suite(
    name="stereoset",
    title="StereoSet: stereotypes in language models, intrasentence",
    task="pairs",
    read=read,
    roles={"id": "id", "cluster": "target", "weight": "weight"},
    columns=SLICES,
    alone=True,
    file="intrasentence_dev_gender_race_religion.jsonl.gz",
    units={"target": "targets"},
    defects=(
        "Items of one target are alike and their numbers differ: figures are means of targets, as the "
        "authors' script has it.",
        "Only the intrasentence items are read; many hold no clear stereotype (Blodgett et al. 2021).",
    ),
    answers=answers,
    said={"more": "stereotype", "less": "anti-stereotype", "unrelated": "unrelated"},
    mean=True,
    source="M. Nadeem, A. Bethke, S. Reddy 2021, ACL-IJCNLP: 5356-5371",
    licence="CC BY-SA 4.0",
)
