"""Equity Evaluation Corpus (Kiritchenko and Mohammad 2018): sentences that differ in the person alone.

Each person is put into each frame (a template with a word of an emotion), so that a model of sentiment has
no reason to score one person's sentences otherwise than another's. There is no gold score but the emotion:
joy is positive; anger, fear and sadness are not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from ..told import tell, tell_n
from .errors import InputError
from .suite import Items, Suite, csv_rows, files_of, other_layout, varying

KEYS = ("ID", "Sentence", "Template", "Person", "Gender", "Race", "Emotion", "Emotion word")
EMOTIONS = {"joy": "positive", "anger": "negative", "fear": "negative", "sadness": "negative"}
SUBJECTS = {"him": "he", "her": "she"}
"""A person that is written in two forms is one."""
SLICES = ("gender", "race")
COLUMNS = (*SLICES, "emotion", "template", "person")
_OWN = ("id", "text", "frame", "sentiment", *COLUMNS)


def read(path: Path) -> Items:
    """Read the authors' CSV, also packed (.gz); further columns, such as scores, stand beside its own."""
    items: list[dict[str, Any]] = []
    bare: list[str] = []
    for file in files_of(path):
        for number, row in csv_rows(file, KEYS, "EEC"):
            emotion = row["Emotion"].strip()
            if not emotion:
                bare.append(row["ID"])
                continue
            if emotion not in EMOTIONS:
                raise other_layout(file, number, f"Emotion {', '.join(EMOTIONS)} or none", emotion)
            items.append(_item(row, emotion))
    if not items:
        raise InputError(f"{path}: no sentence of EEC names an emotion")
    table = pa.Table.from_pylist(items)
    return Items(table, varying(table, SLICES), _told(items, len(bare)), bare)


def _item(row: dict[str, Any], emotion: str) -> dict[str, Any]:
    person = row["Person"].strip()
    more = {key: value for key, value in row.items() if key and key not in (*KEYS, *_OWN)}
    return {
        "id": row["ID"],
        "text": row["Sentence"].strip(),
        "frame": f"{row['Template']} {row['Emotion word']}",
        "sentiment": EMOTIONS[emotion],
        "gender": row["Gender"].strip() or None,
        "race": row["Race"].strip() or None,
        "emotion": emotion,
        "template": row["Template"],
        "person": SUBJECTS.get(person, person),
        **more,
    }


def _told(items: list[dict[str, Any]], bare: int) -> list[str]:
    """Say what is compared, and what is left out."""
    named = sum(item["race"] is None for item in items)
    out = [
        tell(
            "{n} sentences: {persons} persons in {frames} frames (a template with a word of an emotion).",
            n=f"{len(items):,}", persons=len({item["person"] for item in items}),
            frames=len({item["frame"] for item in items}),
        )
    ]  # fmt: skip
    if bare:
        out.append(
            tell_n(
                "{n} sentence names no emotion, so that neither answer is right; it enters no figure.",
                "{n} sentences name no emotion, so that neither answer is right; they enter no figure.",
                bare, n=f"{bare:,}",
            )
        )  # fmt: skip
    if named:
        out.append(
            tell_n(
                "{n} sentence has a person without a name ('my sister'), whose race is not known.",
                "{n} sentences have a person without a name ('my sister'), whose race is not known.",
                named, n=f"{named:,}",
            )
        )  # fmt: skip
    return out


EEC = Suite(
    name="eec",
    title="Equity Evaluation Corpus: sentiment of sentences that differ in the person alone",
    task="binary",
    read=read,
    roles={"id": "id", "cluster": "person", "label": "sentiment", "positive": "positive"},
    columns=COLUMNS,
    file="Equity-Evaluation-Corpus.csv.gz",
    units={"person": "persons", "frame": "frames", "template": "templates"},
    text="text",
    twins={"group": ["frame"], "feature": "gender"},
    defects=(
        "240 of 8,640 sentences name no emotion ('I saw Nancy in the market.'): neither answer is right, and "
        "they enter no figure.",
        "2,800 of the other 8,400 have a person without a name, who has a gender and no race.",
        "A race is that of ten first names of each gender: what is found of a race is found of these names.",
        "One emotion word is misspelt (dissapointed), and 'discouraged' stands for fear.",
    ),
    source="S. Kiritchenko, S. M. Mohammad 2018, *SEM: 43-53",
    licence="free for research; none is in the file",
)
