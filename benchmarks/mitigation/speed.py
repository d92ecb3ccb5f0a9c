"""How long the exact search of thresholds takes beside fairlearn's fit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from fairlearn.postprocessing import ThresholdOptimizer
from fairweigh.audit.config import read
from fairweigh.audit.making.inputs import load_model
from fairweigh.audit.making.opening import evaluation_set
from fairweigh.audit.making.training import learning
from fairweigh.audit.progress import silent
from fairweigh.metrics.constraint import Constraint
from fairweigh.metrics.cuts import Candidates, candidates
from fairweigh.metrics.table import DISPARITIES, METRICS
from fairweigh.metrics.thresholds import curve, search
from fairweigh.mitigation.fitting import column_scores
from numpy.typing import NDArray
from settings import DP, EO, LIMIT, MODELS, Bools, Floats, Task

ROUNDS = 7


def speed(task: Task) -> None:
    """Print how long the exact search takes beside fairlearn's fit, on the same scores."""
    heads = ("model", "constraint", "fairlearn", "own search", "own, with its curve")
    print(f"| {' | '.join(heads)} | fairlearn / own search (at least 20) |")
    print("|---|---|--:|--:|--:|--:|")
    for name, (estimator, params) in MODELS.items():
        # No rows need to be set aside to time a search: all 32,561 are scored.
        model = {"estimator": estimator, "params": params, "train": task.train}
        config = read({"audit": "speed", "data": task.data, "slices": {"by": task.sensitive}, "model": model})
        fitted: Any = load_model(config, evaluation_set(config), None, silent)
        get = learning(config, fitted)[0]
        assert get is not None
        rows = get()
        codes, _ = rows.slices(["sex", "race"], "speed")
        score, label = fitted.score(rows.batch, rows.ids).score, rows.known_labels("speed")
        for constraint in (DP, EO):
            best = fastest(searches(score, label, codes, constraint))
            cells = " | ".join(f"{1000 * best[arm]:.1f} ms" for arm in ("fairlearn", "own", "curve"))
            ratio = best["fairlearn"] / best["own"]
            print(f"| {name} | {constraint.replace('_', ' ')} | {cells} | {ratio:.1f} |", flush=True)


def searches(
    score: Floats, label: Bools, codes: NDArray[np.intp], constraint: str
) -> dict[str, Callable[[], object]]:
    """What is timed, from scores, labels and slices to thresholds."""
    metrics = next(row.metrics for row in DISPARITIES if row.name == constraint)
    limit, accuracy = Constraint(metrics, "difference", LIMIT, True), METRICS["accuracy"]
    optimizer = ThresholdOptimizer(
        estimator=column_scores(), prefit=True, predict_method="predict", constraints=constraint
    )
    whole, names = label.astype(int), codes.astype(str)

    def cuts() -> list[Candidates]:
        rows = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
        return [candidates(score[of], label[of]) for of in rows]

    def with_curve() -> object:
        every = cuts()
        return search(every, accuracy, limit), curve(every, accuracy, limit)

    return {
        "fairlearn": lambda: optimizer.fit(score[:, None], whole, sensitive_features=names),
        "own": lambda: search(cuts(), accuracy, limit),
        "curve": with_curve,
    }


def fastest(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least seconds of each call over some rounds in which they take turns.

    Processor time, of one thread: other work on the machine counts for less.
    """
    best = dict.fromkeys(calls, np.inf)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - start)
    return best
