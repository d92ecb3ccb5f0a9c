"""Rows of several classes and of numbers, in which the outcomes of one group were recorded wrongly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

CLASSES = ("high", "low", "mid")


def graded(n: int, seed: int, harm: float = 0.7) -> pa.Table:
    """Three grades that follow x1; in group b a share ``harm`` of what is high was recorded as mid."""
    r = np.random.default_rng(seed)
    x1, x2, group = r.normal(size=n), r.normal(size=n), np.where(r.random(n) < 0.4, "b", "a")
    merit = x1 + 0.6 * r.normal(size=n)
    label = np.where(merit > 0.5, "high", np.where(merit < -0.5, "low", "mid"))
    label[(label == "high") & (group == "b") & (r.random(n) < harm)] = "mid"
    ids = np.arange(n) + seed * 1_000_000
    return pa.table({"id": ids, "x1": x1, "x2": x2, "group": group, "y": label})


def paid(n: int, seed: int) -> pa.Table:
    """Numbers around 100 that follow x1 in group a and x2 in the smaller group b, which is paid less."""
    r = np.random.default_rng(seed)
    x1, x2, group = r.normal(size=n), r.normal(size=n), np.where(r.random(n) < 0.2, "b", "a")
    y = np.where(group == "b", 90 + 6 * x2, 100 + 6 * x1) + 3 * r.normal(size=n)
    ids = np.arange(n) + seed * 1_000_000
    return pa.table({"id": ids, "x1": x1, "x2": x2, "group": group, "y": y})
