"""What the entries of the metric table say of each other: rates as they are told, and their mirrors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from fairweigh.metrics.objective import CELLS
from fairweigh.metrics.table import (
    DISPARITIES,
    GAPS,
    KEY,
    LEADING,
    METRICS,
    PERFORMANCE,
    FairlearnObjective,
    of_fairlearn,
)
from fairweigh.tasks import METRICS as OF_ALL_TASKS
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
# The outcomes tp, fp, fn, tn.
AMONG = {
    "rows": (1, 1, 1, 1), "positives": (1, 0, 1, 0), "negatives": (0, 1, 0, 1),
    "selected": (1, 1, 0, 0), "not selected": (0, 0, 1, 1),
}  # fmt: skip
SAYS = {
    "selected": (1, 1, 0, 0), "not selected": (0, 0, 1, 1), "right": (1, 0, 0, 1), "wrong": (0, 1, 1, 0),
    "positive": (1, 0, 1, 0), "negative": (0, 1, 0, 1),
}  # fmt: skip


def halves(name: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    (ratio,) = METRICS[name].estimator.ratios
    return np.asarray(ratio.numerator(CELLS)), np.asarray(ratio.denominator(CELLS))


def proportions() -> Any:
    found = [m for m in METRICS.values() if len(m.estimator.ratios) == 1]
    return [m for m in found if m.estimator.ratios[0].scale is None]


@pytest.mark.parametrize("metric", proportions(), ids=lambda m: m.name)
def test_a_rate_is_told_as_it_is_counted(metric: Any) -> None:
    top, bottom = halves(metric.name)
    among, says = np.array(AMONG[metric.among]), np.array(SAYS[metric.says])
    assert (bottom == among).all()
    assert (top == among * says).all()


@pytest.mark.parametrize("metric", [m for m in METRICS.values() if m.mirror], ids=lambda m: m.name)
def test_a_mirror_is_what_is_left_of_one(metric: Any) -> None:
    top, bottom = halves(metric.name)
    other, same = halves(metric.mirror)
    assert (bottom == same).all()
    assert (top + other == bottom).all()


def test_what_is_no_proportion_of_rows_is_not_told_as_one() -> None:
    rates = {m.name for m in proportions()}
    assert {m.name for m in METRICS.values() if m.among or m.says} == rates


def test_one_metric_has_the_impact_ratio() -> None:
    assert [m.name for m in METRICS.values() if m.impact] == ["selection_rate"]


def test_every_name_in_the_table_is_an_entry() -> None:
    named = [*KEY, *LEADING, *PERFORMANCE, *(m for some in GAPS for m in some)]
    named += [m for row in DISPARITIES for m in row.metrics]
    assert set(named) <= set(METRICS)


def test_what_a_metric_needs_follows_from_how_it_is_measured() -> None:
    """As scikit-learn's functions take labels, decisions, scores or probabilities."""
    needs = {name: set(metric.needs) for name, metric in METRICS.items()}
    assert needs["selection_rate"] == {"decision"}
    assert needs["base_rate"] == {"label"}
    assert needs["balanced_accuracy"] == needs["matthews_correlation"] == {"label", "decision"}
    assert needs["auc"] == {"label", "score"}
    assert needs["mean_score"] == {"score"}
    for name in ("brier_score", "log_loss", "calibration_bias", "expected_calibration_error"):
        assert needs[name] == {"label", "probability"}


def sources() -> Iterator[tuple[Any, Any]]:
    """The package's files, less the table itself, tasks, which choose, and regimes, which quote a rule."""
    apart = {"tests", "benchmarks", "examples", "docs", "build", "runs", "tasks"}
    rooms = [
        path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and path.name not in apart
    ]
    for path in sorted([*ROOT.glob("*.py"), *(path for room in rooms for path in room.rglob("*"))]):
        place = path.relative_to(ROOT)
        regime = place.parts[0] == "regimes"
        if path.suffix in (".py", ".j2", ".js") and not regime and place != Path("metrics/table.py"):
            yield place.as_posix(), path.read_text()


def literals(name: Any, text: Any) -> Any:
    """The string constants of Python, docstrings too; of a template the text between its quotes."""
    if not name.endswith(".py"):
        return text.replace('"', "'").split("'")
    return [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)]


def test_no_other_file_names_a_metric() -> None:
    found = {
        name: [s for s in literals(name, text) if isinstance(s, str) and s in OF_ALL_TASKS]
        for name, text in sources()
    }
    assert len(found) > 200
    assert {name: named for name, named in found.items() if named} == {}


def test_what_fairlearn_makes_best_are_figures_of_the_table_and_all_that_it_knows() -> None:
    from fairlearn.postprocessing._threshold_optimizer import (
        OBJECTIVES_FOR_EQUALIZED_ODDS,
        OBJECTIVES_FOR_SIMPLE_CONSTRAINTS,
    )

    known = set(get_args(FairlearnObjective))
    assert known == {*OBJECTIVES_FOR_SIMPLE_CONSTRAINTS, *OBJECTIVES_FOR_EQUALIZED_ODDS}
    assert {of_fairlearn(name).fairlearn for name in known} == known
