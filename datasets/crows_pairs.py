"""CrowS-Pairs (Nangia et al. 2020): two sentences that differ in the group that they speak of."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..told import tell, tell_n
from .errors import InputError
from .suite import LESS_TEXT, MORE_TEXT, Items, Suite, csv_rows, files_of, other_layout, varying

KEYS = ("sent_more", "sent_less", "stereo_antistereo", "bias_type")
DIRECTIONS = ("stereo", "antistereo")
SLICES = ("bias_type", "direction")
OWN = ("id", "pair", MORE_TEXT, LESS_TEXT, *SLICES)


def read(path: Path) -> Items:
    """Read the authors' CSV; further columns, such as scores of a model, stand beside the pairs."""
    items: list[dict[str, Any]] = []
    texts: Counter[tuple[str, str]] = Counter()
    for file in files_of(path):
        for number, row in csv_rows(file, KEYS, "CrowS-Pairs"):
            if row["stereo_antistereo"] not in DIRECTIONS:
                wanted = f"stereo_antistereo {' or '.join(DIRECTIONS)}"
                raise other_layout(file, number, wanted, row["stereo_antistereo"])
            texts[row["sent_more"], row["sent_less"]] += 1
            items.append(_item(row, len(items)))
    if not items:
        raise InputError(f"{path}: no pair of CrowS-Pairs")
    table = pa.Table.from_pylist(items)
    return Items(table, varying(table, SLICES), _told(items, texts))


def _item(row: dict[str, Any], position: int) -> dict[str, Any]:
    name = row.get("") or row.get("id") or str(position)
    more = {key: value for key, value in row.items() if key and key not in (*KEYS, *OWN)}
    return {
        "id": str(name),
        # Pairs that say the same are one: what varies is the pair.
        "pair": f"{row['sent_more']} / {row['sent_less']}",
        "bias_type": row["bias_type"],
        "direction": row["stereo_antistereo"],
        MORE_TEXT: row["sent_more"],
        LESS_TEXT: row["sent_less"],
        **more,
    }


def _told(items: list[dict[str, Any]], texts: Counter[tuple[str, str]]) -> list[str]:
    """Say what is known of the pairs: their directions, lengths, and those that stand twice."""
    directions = Counter(item["direction"] for item in items)
    out = [
        tell(
            "{n} pairs: {stereo} in which sent_more is a stereotype, {other} in which it goes against one.",
            n=f"{len(items):,}", stereo=f"{directions['stereo']:,}", other=f"{directions['antistereo']:,}",
        )
    ]  # fmt: skip
    unequal = sum(times for (more, less), times in texts.items() if len(more.split()) != len(less.split()))
    if unequal:
        out.append(
            tell_n(
                "{n} pair differs in its number of words: a sum over words prefers the shorter sentence.",
                "{n} pairs differ in their number of words: a sum over words prefers the shorter sentence.",
                unequal, n=f"{unequal:,}",
            )
        )  # fmt: skip
    twice = sum(times - 1 for times in texts.values())
    if twice:
        out.append(
            tell_n(
                "{n} pair stands in the data a second time; it counts twice and varies as one.",
                "{n} pairs stand in the data a second time; they count twice and vary as one.",
                twice, n=f"{twice:,}",
            )
        )  # fmt: skip
    return out


CROWS_PAIRS = Suite(
    name="crows-pairs",
    title="CrowS-Pairs: stereotypes in masked language models",
    task="pairs",
    read=read,
    roles={"id": "id", "cluster": "pair"},
    columns=SLICES,
    alone=True,
    file="crows_pairs_anonymized.csv",
    units={"pair": "pairs"},
    defects=(
        "213 of 1,508 pairs differ in their number of words: a sum over words prefers the shorter sentence.",
        "One pair stands twice; 218 pairs go against a stereotype.",
        "Pairs that are no stereotype, or differ in more than the group, are many (Blodgett et al. 2021).",
    ),
    source="N. Nangia, C. Vania, R. Bhalerao, S. R. Bowman 2020, EMNLP: 1953-1967",
    licence="CC BY-SA 4.0",
)
