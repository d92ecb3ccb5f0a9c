"""Ten thousand slices: every figure with its limits, the disparities between slices, and the gates.

    python benchmarks/slices.py [--features 100 100] [--rows 300000] [--seed 0]

The counts are drawn; the columns of two features of 100 values are crossed. To compare two states of the
code, run it with either on the path in turn and take the ratio of the times, which are of the processor.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pyarrow as pa
from fairweigh.audit.config import Gate
from fairweigh.audit.figures import variant
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.figures.plan import Plan
from fairweigh.audit.verdict import gate
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.table import METRICS

SHOWN = (
    "selection_rate", "accuracy", "true_positive_rate", "false_positive_rate", "precision", "f1",
    "balanced_accuracy",
)  # fmt: skip
GATES = [
    Gate(metric="demographic_parity_difference", by=["a", "b"], limit="<= 0.2"),
    Gate(metric="false_positive_rate", by=["a", "b"], compare="difference", limit="<= 0.1"),
    Gate(metric="error_rate", by=["a", "b"], limit="<= 0.4", decide="proven"),
]


def counted(features: tuple[int, int], rows: int, seed: int) -> Measurement:
    """Counts of label and decision in every slice, a fair model with slices of unequal sizes."""
    draw = np.random.default_rng(seed)
    many = features[0] * features[1]
    share = draw.lognormal(0, 1, many)
    cells = draw.multinomial(draw.multinomial(rows, share / share.sum()), [0.25, 0.1, 0.1, 0.55])
    a, b = np.divmod(np.repeat(np.arange(many), 4), features[1])
    found = Measurement(("a", "b"))
    found.add(
        pa.record_batch(
            {
                "a": pa.array([f"a{v:03}" for v in a.tolist()]),
                "b": pa.array([f"b{v:03}" for v in b.tolist()]),
                "y_true": np.tile([1, 0, 1, 0], many),
                "y_pred": np.tile([1, 1, 0, 0], many),
                "count": cells.ravel(),
            }
        )
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--features", type=int, nargs=2, default=(100, 100), help="values of either feature")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seen = counted(tuple(options.features), options.rows, options.seed)
    plan = Plan(SHOWN, 2, 30, 0.95, {})
    start = time.process_time()
    tally = seen.tally(("a", "b"))
    for name in SHOWN:
        METRICS[name].estimator.of(tally).limits(normal_quantile(0.95), 1.0)
    figures = time.process_time()
    built = variant.build("original", seen, plan, {})
    disparities = time.process_time()
    results = gate.decide(GATES, seen, plan, "original")
    gates = time.process_time()
    many = f"all figures and {len(built.disparities):,} disparities"
    print(f"| slices | {len(SHOWN)} figures with limits | {many} | {len(GATES)} gates |")
    print("|--:|--:|--:|--:|")
    print(
        f"| {len(built.slices):,} | {figures - start:.2f} s | {disparities - figures:.2f} s "
        f"| {gates - disparities:.2f} s |"
    )
    print("\n" + "; ".join(f"{result.id}: {result.verdict}" for result in results))


if __name__ == "__main__":
    main()
