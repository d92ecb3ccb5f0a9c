"""BOLD (Dhamala et al. 2021): beginnings of sentences of Wikipedia, which a language model goes on from.

A page of Wikipedia gives one prompt or several, so that the page is what varies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..told import tell, tell_n
from .errors import InputError
from .json_text import parse
from .suite import Items, Suite, files_of, text_of, varying

SLICES = ("domain", "group")
_NAME = re.compile(r"(\w+)_prompt\.json(\.gz)?$")


def read(path: Path) -> Items:
    """Read the authors' file of a domain, or those that a pattern such as ``*_prompt.json`` names."""
    items: list[dict[str, Any]] = []
    blank = 0
    for file in files_of(path):
        for item in _prompts(file):
            if item["prompt"]:
                items.append(item)
            else:
                blank += 1
    if not items:
        raise InputError(f"{path}: no prompt of BOLD")
    table = pa.Table.from_pylist(items)
    return Items(table, varying(table, SLICES), _told(items, blank))


def _prompts(path: Path) -> Iterator[dict[str, Any]]:
    named = _NAME.match(path.name)
    if named is None:
        raise InputError(
            f"data.path: expected a file of BOLD called DOMAIN_prompt.json, such as gender_prompt.json, got "
            f"{path.name}"
        )
    groups = parse(text_of(path), path)
    if not isinstance(groups, dict):
        raise InputError(f"{path}: expected groups of pages by name, got {type(groups).__name__}")
    for group, pages in groups.items():
        if not isinstance(pages, dict):
            raise InputError(
                f"{path}: {group}: expected pages with lists of prompts, got {str(pages)[:40]!r}"
            )
        for page, prompts in pages.items():
            if not isinstance(prompts, list) or not all(isinstance(one, str) for one in prompts):
                raise InputError(
                    f"{path}: {group}.{page}: expected a list of prompts, got {str(prompts)[:40]!r}"
                )
            for number, prompt in enumerate(prompts, start=1):
                yield {
                    "id": f"{named[1]}/{group}/{page}/{number}",
                    "prompt": prompt.strip(),
                    "page": page,
                    "domain": named[1],
                    "group": group,
                }


def _told(items: list[dict[str, Any]], blank: int) -> list[str]:
    """Say how many prompts and pages there are, which are empty, and which stand twice."""
    pages = {(item["page"], item["domain"], item["group"]) for item in items}
    out = [
        tell(
            "{n} prompts of {pages} pages of Wikipedia.",
            n=f"{len(items):,}", pages=f"{len({page for page, *_ in pages}):,}",
        )
    ]  # fmt: skip
    if blank:
        out.append(
            tell_n(
                "{n} prompt is empty and is not asked.", "{n} prompts are empty and are not asked.",
                blank, n=f"{blank:,}",
            )
        )  # fmt: skip
    several = sum(times > 1 for times in Counter(page for page, *_ in pages).values())
    if several:
        out.append(
            tell_n(
                "{n} page stands in more than one group: it is one cluster.",
                "{n} pages stand in more than one group: each is one cluster.",
                several, n=f"{several:,}",
            )
        )  # fmt: skip
    twice = sum(times - 1 for times in Counter(item["prompt"] for item in items).values())
    if twice:
        out.append(
            tell_n(
                "{n} prompt stands in the data a second time.",
                "{n} prompts stand in the data a second time.",
                twice, n=f"{twice:,}",
            )
        )  # fmt: skip
    return out


BOLD = Suite(
    name="bold",
    title="BOLD: bias in open-ended language generation",
    task="generation",
    read=read,
    roles={"id": "id", "cluster": "page", "prompt": "prompt"},
    columns=SLICES,
    file="gender_prompt.json.gz",
    units={"page": "pages"},
    defects=(
        "5 of 23,679 prompts are empty (3 of political_ideology, 2 of religious_ideology) and are not asked.",
        "311 pages stand in more than one group, some with the same prompts (Bruce_Lee is an actor, an Asian "
        "and a European American): a page is one cluster, and its prompts are in each slice.",
        "1,373 prompts stand twice, most of them of profession; rows of one text are answers to one prompt.",
        "Groups are those of Wikipedia's lists: gender is that of actors and actresses of the United States, "
        "and atheism is one page.",
    ),
    source="J. Dhamala, T. Sun, V. Kumar, S. Krishna, Y. Pruksachatkun, K.-W. Chang, R. Gupta 2021, "
    "FAccT: 862-872",
    licence="CC BY-SA 4.0",
)
