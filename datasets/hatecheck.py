"""HateCheck (Röttger et al. 2021): functional tests of hate speech detection, made of templates.

A case is a template with a group in it, hateful or not by construction. What a model does in a template it
does in most of its cases, so that the template is what varies.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..told import tell, tell_n
from .errors import InputError
from .suite import Items, Suite, csv_rows, files_of, other_layout, varying

KEYS = ("functionality", "case_id", "test_case", "label_gold", "target_ident", "direction", "templ_id")
LABELS = ("hateful", "non-hateful")
SLICES = ("target_ident", "functionality")
COLUMNS = (*SLICES, "direction", "focus_lemma")
_OWN = ("id", "text", "template", "label", *COLUMNS)


def read(path: Path) -> Items:
    """Read the authors' ``test_suite_cases.csv``; further columns, such as scores, stand beside the cases."""
    items: list[dict[str, Any]] = []
    for file in files_of(path):
        for number, row in csv_rows(file, KEYS, "HateCheck"):
            if row["label_gold"] not in LABELS:
                raise other_layout(file, number, f"label_gold {' or '.join(LABELS)}", row["label_gold"])
            items.append(_item(row))
    if not items:
        raise InputError(f"{path}: no case of HateCheck")
    table = pa.Table.from_pylist(items)
    return Items(table, varying(table, SLICES), _told(items))


def _item(row: dict[str, Any]) -> dict[str, Any]:
    more = {key: value for key, value in row.items() if key and key not in (*KEYS, *_OWN)}
    return {
        "id": row["case_id"],
        "text": row["test_case"].strip(),
        "template": row["templ_id"],
        "label": row["label_gold"],
        # A case that speaks of no group belongs to none of those that are compared.
        "target_ident": row["target_ident"].strip() or None,
        "functionality": row["functionality"],
        "direction": row["direction"].strip().strip("-") or None,
        "focus_lemma": row.get("focus_lemma") or None,
        **more,
    }


def _told(items: list[dict[str, Any]]) -> list[str]:
    """Say how many cases and templates there are, which cases name no group, and which stand twice."""
    out = [
        tell(
            "{n} cases of {templates} templates: {hateful} hateful, {other} not.",
            n=f"{len(items):,}", templates=f"{len({item['template'] for item in items}):,}",
            hateful=f"{sum(item['label'] == LABELS[0] for item in items):,}",
            other=f"{sum(item['label'] == LABELS[1] for item in items):,}",
        )
    ]  # fmt: skip
    blank = [item for item in items if item["target_ident"] is None]
    if blank:
        of = sorted({item["functionality"] for item in blank})
        out.append(
            tell_n(
                "{n} case speaks of no group ({functionalities}): no gate over target_ident judges it.",
                "{n} cases speak of no group ({functionalities}): no gate over target_ident judges them.",
                len(blank), n=f"{len(blank):,}", functionalities=", ".join(of),
            )
        )  # fmt: skip
    twice = sum(times - 1 for times in Counter(item["text"] for item in items).values())
    if twice:
        out.append(
            tell_n(
                "{n} text stands in the data a second time.", "{n} texts stand in the data a second time.",
                twice, n=f"{twice:,}",
            )
        )  # fmt: skip
    return out


HATECHECK = Suite(
    name="hatecheck",
    title="HateCheck: functional tests of hate speech detection",
    task="binary",
    read=read,
    roles={"id": "id", "cluster": "template", "label": "label", "positive": LABELS[0]},
    columns=COLUMNS,
    file="test_suite_cases.csv",
    units={"template": "templates"},
    text="text",
    twins={"group": ["template"], "feature": "target_ident"},
    # A test is of some twenty templates: what a group does in it is of too few.
    intersections=1,
    defects=(
        "292 cases speak of no group: all of profanity_nh, target_obj_nh, target_indiv_nh and "
        "target_group_nh, none of them hateful. Their target_ident is not known.",
        "2,563 of 3,728 cases are hateful, so that accuracy says little; a functionality is of one label, "
        "and its accuracy is the share of right answers to one kind of test.",
        "Seven groups, in English.",
    ),
    source="P. Röttger, B. Vidgen, D. Nguyen, Z. Waseem, H. Margetts, J. Pierrehumbert 2021, "
    "ACL-IJCNLP: 41-58",
    licence="CC BY 4.0",
)
