"""An audit of each task beside one of two classes on as many rows, and pandas' group-by of the same figures.

Each audit is `fairweigh.run` on a frame, with predictions written, a report without charts and all figures
with their limits; times are those of one process, so that only the ratios mean something.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd

CLASSES = tuple("abcde")
ITEMS = 20
COMMON: dict[str, Any] = {"audit": "bench", "report": {"charts": False}}


def seconds(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def audit(frame: pd.DataFrame, task: str, data: dict[str, Any], model: dict[str, Any]) -> float:
    """Seconds of an audit."""
    content = {**COMMON, "task": task, "data": {"path": "in memory", "sensitive": ["race", "sex"], **data}}
    with tempfile.TemporaryDirectory() as folder:
        return seconds(lambda: fairweigh.run({**content, "model": model}, Path(folder) / "run", data=frame))


def people(rows: int) -> pd.DataFrame:
    """Rows of 4 x 2 groups, with labels and predictions of every task."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 1, (rows, len(CLASSES)))
    label = draw.integers(0, len(CLASSES), rows)
    logits[np.arange(rows), label] += 1.5
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    frame = pd.DataFrame({"race": draw.choice(list("wxyz"), rows), "sex": draw.choice(["F", "M"], rows)})
    frame = frame.assign(label=np.array(CLASSES)[label], said=np.array(CLASSES)[p.argmax(1)])
    frame = frame.assign(**{f"p_{c}": p[:, i] for i, c in enumerate(CLASSES)})
    frame = frame.assign(yes=(label == 0) * 1, amount=logits[:, 0] * 10 + 50)
    return frame.assign(predicted=frame.amount + draw.normal(0, 3, rows), query=np.arange(rows) // ITEMS,
                        item=np.arange(rows) % ITEMS, score=logits[:, 1])  # fmt: skip


def grouped_classes(frame: pd.DataFrame) -> object:
    """Accuracy, and rates of each class, of every slice."""
    of = frame.assign(right=frame.label == frame.said)
    for by in (["race"], ["sex"], ["race", "sex"]):
        of.groupby(by).right.mean()
        of.groupby([*by, "label", "said"]).size()
    return of


def grouped_numbers(frame: pd.DataFrame) -> object:
    """Errors of every slice."""
    error = frame.predicted - frame.amount
    of = frame.assign(error=error, size=error.abs(), square=error**2)
    return [
        of.groupby(by)[["error", "size", "square", "predicted", "amount"]].mean()
        for by in (["race"], ["sex"], ["race", "sex"])
    ]


def grouped_lists(frame: pd.DataFrame) -> object:
    """Ranks, gains of queries and exposure of every slice."""
    rank = frame.groupby("query").score.rank(ascending=False, method="first")
    exposure = 1 / np.log2(1 + rank)
    of = frame.assign(exposure=exposure, gain=exposure * frame.yes)
    best = frame.sort_values(["query", "yes"], ascending=[True, False]).groupby("query").cumcount() + 1
    ideal = (frame.yes / np.log2(1 + best)).groupby(frame["query"]).sum()
    gains = of.groupby("query").gain.sum() / ideal
    return gains, [of.groupby(by)[["exposure", "yes"]].sum() for by in (["race"], ["sex"], ["race", "sex"])]


def main(rows: int) -> None:
    """Print the table."""
    frame = people(rows)
    audit(frame.head(ITEMS * 50), "binary", {"label": "yes"}, {"score": "p_a"})  # modules are loaded by then
    binary = audit(frame, "binary", {"label": "yes"}, {"score": "p_a"})
    print(f"| {rows:,} rows | audit | to two classes | to pandas' group-by |\n|---|--:|--:|--:|", flush=True)
    print(f"| binary, with scores | {binary:.1f} s | 1 | |", flush=True)
    probabilities = {c: f"p_{c}" for c in CLASSES}
    lists = {"query": "query", "item": "item", "relevance": "yes"}
    todo: list[tuple[str, str, dict[str, Any], dict[str, Any], Callable[[pd.DataFrame], object]]] = [
        ("5 classes, decisions", "multiclass", {"label": "label"}, {"decision": "said"}, grouped_classes),
        ("5 classes, with probabilities", "multiclass", {"label": "label"}, {"probabilities": probabilities},
         grouped_classes),
        ("numbers", "regression", {"label": "amount"}, {"prediction": "predicted"}, grouped_numbers),
        (f"lists of {ITEMS}", "ranking", lists, {"score": "score", "scale": "rank"}, grouped_lists),
    ]  # fmt: skip
    for title, task, data, model, group in todo:
        ours, theirs = audit(frame, task, data, model), seconds(lambda group=group: group(frame))
        told = f"| {title} | {ours:.1f} s | {ours / binary:.2f} | {ours / theirs:.1f} |"
        print(told, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
