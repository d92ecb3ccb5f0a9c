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

CLASSES = ("bad", "good", "<i>meh</i>")
"""One of them would be markup, were it not shown as text."""


@dataclass(frozen=True)
class Run:
    """A result, and its rows: columns ``g``, ``s``, ``y``, and ``d`` or ``p`` for what the model said."""

    result: AuditResult
    rows: pd.DataFrame
    classes: tuple[str, ...] = ()


def audited(folder: Path, rows: pd.DataFrame, **configuration: Any) -> AuditResult:
    made = {"report": {"charts": False}, "audit": "a"} | configuration
    made["data"] = {"path": "rows.csv", "sensitive": ["g", "s"], "id": "id", **made["data"]}
    fairweigh.run(made, folder / "run", data=rows)
    return load_result(folder / "run")


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
        folder, rows, task="multiclass", data={"label": "y"}, gates=gates,
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
        folder, rows, task="regression", data={"label": "y"}, gates=gates,
        model={"prediction": "p"}, variants=[{"name": "light", "prediction": "p2"}],
    )  # fmt: skip
    return Run(result, rows)
