"""WinoBias (Zhao et al. 2018): a pronoun refers to an occupation, once as a stereotype has it, once not.

A pair is a line of a ``pro_stereotyped`` file and the same line of the ``anti_stereotyped`` one beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..told import tell, tell_n
from .errors import InputError
from .suite import LESS_TEXT, MORE_TEXT, Items, Suite, files_of, text_of, varying

FORMS = {"he": "male", "him": "male", "his": "male", "himself": "male",
         "she": "female", "her": "female", "hers": "female", "herself": "female"}  # fmt: skip
REFLEXIVE = ("himself", "herself")
SLICES = ("type", "split", "stereotype_of")
_NAME = re.compile(r"pro_stereotyped_type([12])\.txt\.(\w+)$")
_LINE = re.compile(r"^\s*(\d+)\s+(.*\S)\s*$")
_BRACKET = re.compile(r"\[([^\]]*)\]")


def read(path: Path) -> Items:
    """Read a ``pro_stereotyped`` file, or those of a pattern, and each ``anti_stereotyped`` one beside it."""
    found = [_pairs(file) for file in files_of(path)]
    items = [item for of_file, _ in found for item in of_file]
    if not items:
        raise InputError(f"{path}: no pair of WinoBias")
    table = pa.Table.from_pylist(items)
    return Items(table, varying(table, SLICES), [told for _, of_file in found for told in of_file])


def _pairs(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    named = _NAME.search(path.name)
    if named is None:
        raise InputError(
            "data.path: expected a file of WinoBias called pro_stereotyped_type1.txt.SPLIT or type2, got "
            f"{path.name}"
        )
    other = path.with_name(path.name.replace("pro_", "anti_", 1))
    if not other.is_file():
        raise InputError(f"{path}: expected {other.name} beside it, got none")
    one, two = list(_lines(path)), list(_lines(other))
    if [number for number, _ in one] != [number for number, _ in two]:
        raise InputError(f"{path}: expected as many lines as {other.name}, numbered alike")
    items = []
    for (number, pro), (_, anti) in zip(one, two, strict=True):
        forms = _forms(pro)
        if forms is not None and _forms(anti) is not None and _bare(pro) == _bare(anti):
            occupation, pronoun = forms
            items.append(
                {
                    "id": f"type{named[1]}.{named[2]} {number}",
                    "occupation": occupation,
                    "type": named[1],
                    "split": named[2],
                    "stereotype_of": FORMS[pronoun],
                    MORE_TEXT: _unmarked(pro),
                    LESS_TEXT: _unmarked(anti),
                }
            )
    return items, _told(path.name, [text for _, text in one], [text for _, text in two], len(items))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        if not line.strip():
            continue
        found = _LINE.match(line)
        if found is None or len(_BRACKET.findall(line)) < 2:
            raise InputError(
                f"{path}: line {number:,}: expected a number and a sentence with an entity and a pronoun in "
                f"brackets, got {line.strip()[:60]!r}"
            )
        yield found[1], found[2]


def _forms(text: str) -> tuple[str, str] | None:
    """The occupation and the pronoun; None where brackets hold more than one form of it."""
    entity, *pronouns = (part.strip().lower() for part in _BRACKET.findall(text))
    if len(set(pronouns)) != 1 or pronouns[0] not in FORMS:
        return None
    return re.sub(r"^(the|an?) ", "", entity), pronouns[0]


def _bare(text: str) -> str:
    """The sentence without the form of its pronouns in brackets."""
    return _BRACKET.sub(lambda one: "[]" if one[1].strip().lower() in FORMS else one[0], text)


def _unmarked(text: str) -> str:
    """The sentence as it is read."""
    return _BRACKET.sub(lambda one: one[1], text)


def _told(name: str, pro: Sequence[str], anti: Sequence[str], pairs: int) -> list[str]:
    """Say which lines make no pair, and why."""
    third = sum(len(_BRACKET.findall(text)) > 2 for text in pro)
    reflexive = sum(
        part.strip().lower() in REFLEXIVE for text in (*pro, *anti) for part in _BRACKET.findall(text)
    )
    out = [
        tell(
            "{name}: {pairs} pairs of {lines} lines. The others hold two forms of the pronoun in brackets, "
            "or differ in more than the pronoun, and enter no figure.",
            name=name, pairs=f"{pairs:,}", lines=f"{len(pro):,}",
        )
    ]  # fmt: skip
    if third:
        out.append(
            tell_n(
                "{name}: {n} line has a third bracket.", "{name}: {n} lines have a third bracket.",
                third, n=f"{third:,}", name=name,
            )
        )  # fmt: skip
    if reflexive:
        out.append(
            tell_n(
                "{name}: {n} pronoun in brackets is reflexive, in this file and the one beside it.",
                "{name}: {n} pronouns in brackets are reflexive, in this file and the one beside it.",
                reflexive, n=f"{reflexive:,}", name=name,
            )
        )  # fmt: skip
    return out


WINOBIAS = Suite(
    name="winobias",
    title="WinoBias: gender bias in coreference",
    task="pairs",
    read=read,
    roles={"id": "id", "cluster": "occupation"},
    columns=SLICES,
    alone=True,
    file="pro_stereotyped_type1.txt.dev",
    units={"occupation": "occupations"},
    defects=(
        "A line with two forms of the pronoun, or that differs in more than the pronoun, makes no pair: 384, "
        "382, 371 and 387 of 396 do (type 1 and 2 of dev, then of test).",
        "9, 6, 24 and 5 lines have a third bracket; three pronouns are reflexive.",
    ),
    source="J. Zhao, T. Wang, M. Yatskar, V. Ordonez, K.-W. Chang 2018, NAACL-HLT: 15-20",
    licence="MIT",
)
