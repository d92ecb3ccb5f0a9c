"""Small whole audits of each task but the binary one, with the rows that they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
from fairweigh.api import load_result
from fairweigh.audit.result import AuditResult
from fairweigh.datasets.synthetic_entities import TYPES, reports
from fairweigh.datasets.synthetic_tasks import LABELS, findings, lists

CLASSES = ("bad", "good", "<i>meh</i>")
"""One of them would be markup, were it not shown as text."""


@dataclass(frozen=True)
class Run:
    """A result, and its rows.

    Of classes and numbers these have the columns ``g``, ``s``, ``y``, and ``d`` or ``p`` for what the model
    said; of labels and rankings those of `datasets.synthetic_tasks`.
    """

    result: AuditResult
    rows: pd.DataFrame
    classes: tuple[str, ...] = ()


def audited(folder: Path, rows: pd.DataFrame, **configuration: Any) -> AuditResult:
    made = {"report": {"charts": False}, "audit": "a"} | configuration
    made["data"] = {"path": "rows.csv", **made["data"]}
    fairweigh.run(made, folder / "run", data=rows)
    return load_result(folder / "run")


PEOPLE = {"label": "y", "sensitive": ["g", "s"], "id": "id"}
"""What the columns of `people` are."""


def people(n: int, r: np.random.Generator) -> dict[str, Any]:
    return {
        "id": range(n),
        "g": r.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
        "s": r.choice(["x", "y"], n),
    }


def _probabilities(y: np.ndarray, k: int, noise: float, r: np.random.Generator) -> np.ndarray:
    logits = np.eye(k)[y] * 1.5 + r.normal(0, noise, (len(y), k))
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def multiclass(folder: Path, n: int = 600, classes: tuple[str, ...] = CLASSES) -> Run:
    """A classifier and a lighter one, with gates of one class, of each class and of all together."""
    r = np.random.default_rng(1)
    k = len(classes)
    rows = pd.DataFrame(people(n, r))
    y = r.integers(0, k, n)
    before = _probabilities(y, k, 1.0, r)
    before[(rows.g == "c").to_numpy(), 0] *= 1.8
    before /= before.sum(1, keepdims=True)
    after = _probabilities(y, k, 1.2, r)
    names = np.array(classes)
    rows["y"], rows["d"], rows["d2"] = names[y], names[before.argmax(1)], names[after.argmax(1)]
    for prefix, said in (("p", before), ("q", after)):
        for j in range(k):
            rows[f"{prefix}{j}"] = said[:, j]
    gates = [
        {"metric": "accuracy", "by": "g", "compare": "difference", "limit": "<= 0.3"},
        {"metric": "true_positive_rate", "class": "each", "by": "g", "compare": "difference",
         "limit": "<= 0.6"},
        {"metric": "equalized_odds_difference", "class": "each", "by": "g", "limit": "<= 0.9"},
        {"metric": "selection_rate", "class": classes[1], "by": "g", "compare": "ratio", "limit": ">= 0.99"},
    ]  # fmt: skip
    result = audited(
        folder, rows, task="multiclass", data=PEOPLE, gates=gates,
        model={"probabilities": {c: f"p{j}" for j, c in enumerate(classes)}},
        variants=[{"name": "light", "probabilities": {c: f"q{j}" for j, c in enumerate(classes)}}],
    )  # fmt: skip
    return Run(result, rows, classes)


def regression(folder: Path, n: int = 500) -> Run:
    """Predictions that are 1,500 too high for g=c, and lighter ones that err more for s=x."""
    r = np.random.default_rng(2)
    rows = pd.DataFrame(people(n, r))
    rows["y"] = r.normal(52_000, 9_000, n)
    rows["p"] = rows.y + r.normal(0, 2_000, n) + 1_500 * (rows.g == "c")
    rows["p2"] = rows.p + r.normal(0, 3_000, n) * (rows.s == "x")
    gates = [
        {"metric": "mean_absolute_error", "by": "s", "compare": "difference", "limit": "<= 1000"},
        {"metric": "mean_absolute_error", "on": "light", "compare": "change", "limit": "<= 2000"},
    ]
    result = audited(
        folder, rows, task="regression", data=PEOPLE, gates=gates,
        model={"prediction": "p"}, variants=[{"name": "light", "prediction": "p2"}],
    )  # fmt: skip
    return Run(result, rows)


def multilabel(folder: Path, n: int = 600) -> Run:
    """Findings, of which fractures are seen less often in women; two rows of a patient; a coarser model."""
    rows = findings(n, seed=3).to_pandas()
    gates = [
        {"metric": "micro_f1", "limit": ">= 0.5"},
        {"metric": "true_positive_rate", "class": "each", "by": "sex", "compare": "difference",
         "limit": "<= 0.1"},
        {"metric": "hamming_loss", "compare": "change", "limit": "<= 0.05", "on": "coarse"},
    ]  # fmt: skip
    result = audited(
        folder, rows, task="multilabel", gates=gates,
        data={"labels": list(LABELS), "sensitive": ["sex"], "cluster": "patient", "id": "id"},
        model={"probabilities": {name: f"p_{name}" for name in LABELS}},
        variants=[{"name": "coarse", "probabilities": {name: f"coarse_{name}" for name in LABELS}}],
    )  # fmt: skip
    return Run(result, rows, tuple(LABELS))


def ranking(folder: Path, queries: int = 120) -> Run:
    """Lists that are worse for women who ask and for films of small studios, and coarser ones."""
    rows = lists(queries, seed=3).to_pandas()
    gates = [
        {"metric": "ndcg", "by": "sex", "compare": "difference", "limit": "<= 0.05"},
        {"metric": "exposure_per_relevance", "by": "studio", "compare": "ratio", "limit": ">= 0.8"},
        {"metric": "ndcg", "compare": "change", "limit": ">= -0.15", "on": "coarse"},
    ]
    result = audited(
        folder, rows, task="ranking", gates=gates,
        data={"query": "user", "item": "film", "relevance": "liked", "last_rank": 10,
              "sensitive": ["sex", "studio"]},
        model={"score": "score", "scale": "rank"},
        variants=[{"name": "coarse", "score": "coarse", "scale": "rank"}],
    )  # fmt: skip
    return Run(result, rows)


def ner(folder: Path, n: int = 120) -> Run:
    """Reports in which persons of the south are found less often; a lighter model loses more of them."""
    rows = reports(n, seed=3).to_pandas()
    gates = [
        {"metric": "entity_f1", "limit": ">= 0.5"},
        {"metric": "entity_recall", "class": "each", "by": "region", "compare": "difference",
         "limit": "<= 0.1"},
        {"metric": "entity_recall", "by": "region", "compare": "difference", "limit": "<= 0.3"},
        {"metric": "entity_recall", "class": "PER", "compare": "change", "limit": ">= -0.02",
         "on": "lighter"},
    ]  # fmt: skip
    result = audited(
        folder, rows, task="ner", gates=gates,
        data={"tokens": "tokens", "tags": "tags", "sensitive": ["region"], "document": "report", "id": "id"},
        model={"tags": "predicted"}, variants=[{"name": "lighter", "tags": "lighter"}],
    )  # fmt: skip
    return Run(result, rows, TYPES)


def generation(folder: Path, prompts: int = 60, k: int = 4) -> Run:
    """Answers to prompts about two groups, judged; a lighter model is hateful towards one more often."""
    r = np.random.default_rng(8)
    rows = pd.DataFrame(
        [
            {"id": f"p{p}#{s}", "prompt": f"Say {p}", "sample": s, "g": "ab"[p % 2], "topic": "xyz"[p % 3]}
            for p in range(prompts)
            for s in range(k)
        ]
    )
    for name, more in (("1", 0.0), ("2", 0.25)):
        hateful = r.random(len(rows)) < 0.25 + more * (rows.g == "b")
        refused = r.random(len(rows)) < 0.1
        rows[f"t{name}"] = np.where(
            refused, "I can't help with that.", np.where(r.random(len(rows)) < 0.03, " ", "So")
        )
        rows[f"d{name}"] = np.where(hateful, "hate", "fine")
        rows[f"s{name}"] = np.where(hateful, 0.8, 0.1)
    rows["other"] = np.where(r.random(len(rows)) < 0.1, "hate", rows.d1)
    truth = r.random(200) < 0.5
    known = pd.DataFrame({"truth": np.where(truth, "hate", "fine"), "g": np.tile(["a", "b"], 100)})
    known["said"] = np.where(r.random(200) < 0.1, "hate", known.truth)
    known.to_csv(folder / "labelled.csv", index=False)
    audited_on = {
        "path": str(folder / "labelled.csv"),
        "label": "truth",
        "positive": "hate",
        "decision": "said",
    }
    gates = [
        {"metric": "corrected_positive_rate", "by": "g", "compare": "difference", "limit": "<= 0.2"},
        {"metric": "refusal_gap_difference", "by": "g", "limit": "<= 0.3"},
        {"metric": "positive_rate", "compare": "change", "limit": "<= 0.05", "on": "lighter"},
    ]
    said = {"answer": "t1", "decision": "d1", "score": "s1", "second": "other", "positive": "hate"}
    result = audited(
        folder, rows, gates=gates, model=said, judges=[{"audited_on": audited_on}, {}],
        data={"prompt": "prompt", "sample": "sample", "sensitive": ["g", "topic"], "id": "id"},
        variants=[{"name": "lighter", "answer": "t2", "decision": "d2", "score": "s2", "second": "other"}],
    )  # fmt: skip
    return Run(result, rows)
