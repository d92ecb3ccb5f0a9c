"""Every count metric with its interval, beside fairlearn without intervals and Aequitas with tests.

Two sensitive features (5 x 4 values), one million rows by default; overall, each feature, and both
crossed. fairlearn computes the metrics that it and scikit-learn define; fairweigh all of its own.
Aequitas gets the same rows with its significance tests, for the two features alone (it has no
intersections).
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import pyarrow as pa
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from fairweigh.metrics.counts import features_by
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.table import METRICS
from tables import predictions

COUNTED = [m for m in METRICS.values() if not {"score", "probability"} & set(m.needs)]
FEATURES = ["race", "region"]


def ours(table: pa.Table) -> dict[tuple[str, str, tuple[str, ...]], float]:
    """Every count metric of every slice, with limits."""
    cube = counted(ARROW, table, [*FEATURES, "y_true", "y_pred"])
    z = normal_quantile(0.95)
    found = {}
    for by in [(), *features_by(FEATURES, 2)]:
        tally = cube.tally(by)
        for metric in COUNTED:
            figure: Figure = metric.estimator.of(tally)
            figure.limits(z, 1.0)
            for key, value in zip(tally.keys, figure.value.tolist(), strict=True):
                found[metric.name, ",".join(by), key] = value
    return found


def with_fairlearn(frame) -> dict[tuple[str, str, tuple[str, ...]], float]:
    """The same figures, without limits, from MetricFrame."""
    import fairlearn.metrics as f
    import sklearn.metrics as s

    def base_rate(y_true, y_pred) -> float:
        return float(y_true.mean())

    metrics = {
        "selection_rate": f.selection_rate,
        "base_rate": base_rate,
        "accuracy": s.accuracy_score,
        "error_rate": s.zero_one_loss,
        "true_positive_rate": f.true_positive_rate,
        "true_negative_rate": f.true_negative_rate,
        "false_positive_rate": f.false_positive_rate,
        "false_negative_rate": f.false_negative_rate,
        "precision": s.precision_score,
        "balanced_accuracy": s.balanced_accuracy_score,
        "f1": s.f1_score,
        "matthews_correlation": s.matthews_corrcoef,
    }
    found = {}
    for by in features_by(FEATURES, 2):
        made = f.MetricFrame(
            metrics=metrics, y_true=frame.y_true, y_pred=frame.y_pred, sensitive_features=frame[list(by)]
        )
        for key, row in made.by_group.iterrows():
            names = key if isinstance(key, tuple) else (key,)
            found |= {(m, ",".join(by), names): row[m] for m in metrics}
    return found


def with_aequitas(frame) -> object:
    """Crosstabs and disparities with significance tests."""
    from aequitas.bias import Bias
    from aequitas.group import Group

    wanted = frame.rename(columns={"y_true": "label_value", "y_pred": "score"})
    crosstab, _ = Group().get_crosstabs(wanted, attr_cols=FEATURES)
    return Bias().get_disparity_major_group(crosstab, original_df=wanted, check_significance=True)


def seconds(action: Callable[[], object], repeats: int) -> tuple[float, object]:
    """Fastest of several runs, and the result."""
    times, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - start)
    return min(times), result


def main(rows: int) -> None:
    warnings.simplefilter("ignore")
    table = predictions(rows, score=False).drop(["id"]).rename_columns([*FEATURES, "y_true", "y_pred"])
    frame = table.to_pandas()
    mine, figures = seconds(lambda: ours(table), 5)
    theirs, reference = seconds(lambda: with_fairlearn(frame), 1)
    assert isinstance(figures, dict)
    assert isinstance(reference, dict)
    worst = max(abs(figures[key] - value) for key, value in reference.items())
    if worst > 1e-9:
        sys.exit(f"a figure differs from fairlearn's by {worst}")
    print("| what | time | ratio to fairweigh |")
    print("|---|--:|--:|")
    print(f"| fairweigh, {len(COUNTED)} metrics with intervals | {mine * 1e3:.0f} ms | 1 |")
    print(f"| fairlearn MetricFrame, 12 metrics, no intervals | {theirs:.1f} s | {theirs / mine:.0f} |")
    try:
        other, _ = seconds(lambda: with_aequitas(frame), 1)
    except Exception as error:
        # Aequitas follows pandas at a distance; a version that fails is a line of the table.
        print(f"| Aequitas with significance tests | failed: {type(error).__name__}: {error} | |")
        return
    print(f"| Aequitas with significance tests, no intersections | {other:.1f} s | {other / mine:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
