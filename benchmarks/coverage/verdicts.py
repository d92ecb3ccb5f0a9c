"""Gates of fair models, each at its own level: the share of runs in which a gate does not fail."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
from atlimit import pairs
from fairweigh.audit.config import Gate
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.figures.plan import Plan
from fairweigh.audit.verdict.claims import asked
from numpy.random import Generator
from studies import Cells, Study

PLAN = Plan(metrics=(), depth=1, min_size=10, confidence=0.95, reference={})
GATES = [
    Gate(metric="demographic_parity_difference", by="a", limit="<= 0"),
    Gate(metric="equalized_odds_difference", by="a", limit="<= 0"),
    Gate(metric="selection_rate", by="a", compare="ratio", limit=">= 1"),
    Gate(metric="true_positive_rate", by="a", compare="difference", limit="<= 0"),
    Gate(metric="false_positive_rate", by="a", compare="difference", limit="<= 0"),
    Gate(metric="accuracy", by="a", compare="ratio", limit=">= 1"),
]
"""Requirements that a fair model meets, each of them only just."""
F1 = [Gate(metric="f1", by="a", compare="difference", limit=limit) for limit in ("<= 0", "<= 0.1")]
MODELS = {"usual": (0.5, 0.7, 0.3), "rare": (0.2, 0.9, 0.02)}
"""Base rate, true and false positive rate."""


def measured(cells: np.ndarray) -> Measurement:
    """A measurement of feature ``a`` from cells tp, fp, fn, tn of shape (slices, 4)."""
    found = Measurement(("a",))
    names = np.repeat([f"s{i:02}" for i in range(len(cells))], 4)
    label, decision = (np.tile(v, len(cells)).tolist() for v in ([1, 0, 1, 0], [1, 1, 0, 0]))
    found.add(
        pa.record_batch(
            {"a": names.tolist(), "y_true": label, "y_pred": decision, "count": cells.ravel().tolist()}
        )
    )
    return found


def fails(gate: Gate, seen: Measurement) -> bool:
    """Whether a gate fails, without the rows that it would need."""
    question = asked(gate, 0, seen, PLAN)[0].question
    return question is not None and bool((question.p_fail <= 0.05 / question.claims).any())


def shares(base: float, tpr: float, fpr: float) -> np.ndarray:
    return np.array([base * tpr, (1 - base) * fpr, base * (1 - tpr), (1 - base) * (1 - fpr)])


def _gates(gates: list[Gate], together: bool, most: int = 150) -> Study:
    def study(rng: Generator, repeats: int, slices: int = 20) -> Cells:
        cells = {}
        for (name, model), size in product(MODELS.items(), ((60,), (1000, 30))):
            sizes = np.resize(size, slices)
            runs = [measured(rng.multinomial(sizes, shares(*model))) for _ in range(min(repeats, most))]
            kept = np.array([[not fails(gate, run) for gate in gates] for run in runs])
            where = f"{name} n={'+'.join(map(str, size))}"
            if together:
                cells[where] = float(kept.all(1).mean())
                continue
            for k, gate in enumerate(gates):
                cells[f"{where} {gate.metric} {gate.limit}"] = float(kept[:, k].mean())
        return cells

    return study


def small_reference(rng: Generator, repeats: int) -> Cells:
    """Gap <= .02 to a reference of rate .01, 20 slices of 40 rows at the limit."""
    found = pairs("difference", sizes=((40, 40), (40, 1000)), slices=(20,), limits=(0.02,))
    return {cell: 1 - value for cell, value in found.items() if "p=0.01 " in cell}


FAIR = "20 slices of 60, and of 1000 and 30; usual and rare errors"
STUDIES: dict[str, tuple[Study, str]] = {
    "six gates a fair model meets only just: each does not fail": (_gates(GATES, together=False), FAIR),
    "(the six together, at one level each)": (_gates(GATES, together=True), FAIR),
    "gates on gaps of F1 do not fail": (_gates(F1, together=False, most=100), FAIR),
    "gap <= .02 at the limit does not fail (exact)": (
        small_reference,
        "reference rate .01 in 40, 1000 rows; 20 slices of 40",
    ),
}
