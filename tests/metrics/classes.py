"""Labels and decisions of several classes, drawn and counted, for the tests of their figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from fairweigh.metrics.confusion import Confusion
from fairweigh.metrics.joint import AFTER
from numpy.typing import NDArray

CLASSES = ("ape", "bee", "cat", "dog")


def drawn(
    seed: int, n: int, slices: int = 2, k: int = 4, right: float = 0.6
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    label, other, later = (rng.integers(0, k, n) for _ in range(3))
    keep, again = rng.random(n) < right, rng.random(n) < 0.8
    before = np.where(keep, label, other)
    return rng.integers(0, slices, n), label, before, np.where(again, before, later)


def confused(
    slices: NDArray[Any],
    label: NDArray[Any],
    *decisions: Any,
    weight: NDArray[Any] | None = None,
    cluster: NDArray[Any] | None = None,
) -> Confusion:
    names = np.array(CLASSES)
    columns = {"s": slices.astype(str), "y_true": names[label]}
    columns |= {axis: names[d] for axis, d in zip(("y_pred", AFTER), decisions, strict=False)}
    axes = list(columns)
    if weight is not None:
        columns["w"] = weight
    if cluster is not None:
        columns["c"] = cluster.astype(str)
    cube = counted(
        ARROW,
        pa.table(columns),
        axes,
        None if weight is None else "w",
        cluster=None if cluster is None else "c",
    )
    return (Confusion.of if len(decisions) == 1 else Confusion.joint)(cube, ("s",), CLASSES)
