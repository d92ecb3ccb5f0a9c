"""Runs to explore: people with scores, gates of every form, and a browser to look with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.again.finished import checked
from fairweigh.explore.page import page as explorer

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser, Page

ROWS = 3000

GATES: list[dict[str, Any]] = [
    {"metric": "accuracy", "limit": ">= 0.6"},
    {"metric": "accuracy", "limit": ">= 0.6", "decide": "proven"},
    {"metric": "selection_rate", "by": "sex", "limit": "<= 0.55"},
    {"metric": "true_positive_rate", "slice": {"sex": "Female"}, "limit": ">= 0.5"},
    {"metric": "true_positive_rate", "by": "sex", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "false_positive_rate", "by": "race", "compare": "difference", "limit": "<= 0.12"},
    {"metric": "false_positive_rate", "by": "race", "compare": "difference", "limit": "<= 0.05",
     "reference": "b", "decide": "point"},
    {"metric": "f1", "by": "race", "compare": "difference", "limit": "<= 0.2", "include_small": True},
    {"metric": "precision", "by": "race", "compare": "ratio", "limit": ">= 0.8"},
    {"metric": "precision", "by": "race", "compare": "ratio", "limit": ">= 0.7", "reference": "a"},
    {"metric": "selection_rate", "by": "race", "compare": "ratio", "limit": ">= 0.6"},
    {"metric": "false_positive_rate", "by": "race", "compare": "difference", "limit": "<= 0.2",
     "reference": "lowest"},
    {"metric": "demographic_parity_difference", "by": ["sex", "race"], "limit": "<= 0.3"},
    {"metric": "equalized_odds_difference", "by": "race", "limit": "<= 0.25"},
    {"metric": "demographic_parity_ratio", "by": "race", "limit": ">= 0.5", "include_unknown": True},
    {"metric": "auc", "limit": ">= 0.6"},
]  # fmt: skip
"""Of every form that a gate has; the last is on the scores, which no threshold changes."""


def people(seed: int = 5) -> pa.Table:
    """People of two features, one of them missing at times, with scores that are worse for some."""
    r = np.random.default_rng(seed)
    sex = r.choice(["Female", "Male"], ROWS, p=[0.4, 0.6])
    race = r.choice(["a", "b", "c", "d"], ROWS, p=[0.5, 0.3, 0.19, 0.01])
    label = r.random(ROWS) < np.where(race == "b", 0.35, 0.45)
    shift = 0.7 * label - 0.25 * (race == "b") - 0.1 * (sex == "Female")
    score = 1 / (1 + np.exp(-(r.normal(shift - 0.3, 0.8, ROWS))))
    return pa.table(
        {
            "id": np.arange(ROWS), "sex": sex, "race": pa.array(np.where(r.random(ROWS) < 0.02, None, race)),
            "y": label.astype(int), "score": np.round(score, 6), "w": np.round(r.lognormal(0, 0.5, ROWS), 3),
            "c": r.integers(0, 400, ROWS),
        }
    )  # fmt: skip


def settings(
    threshold: float | None = 0.5, data: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """What an audit of them at a threshold is asked."""
    return {
        "audit": "t",
        "data": {"path": "people", "label": "y", "sensitive": ["sex", "race"], "id": "id", **(data or {})},
        "slices": {"intersections": 2, "min_size": 30},
        "model": {"score": "score", "threshold": threshold},
        "gates": GATES,
        "report": {"charts": False},
        **more,
    }


Made = Callable[..., Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Audit the people once for each way of asking; returns the run's folder."""
    found: dict[str, Path] = {}

    def make(table: pa.Table | None = None, **asked: Any) -> Path:
        key = repr(sorted(asked.items())) + ("" if table is None else str(id(table)))
        if key not in found:
            folder = tmp_path_factory.mktemp("explored") / "run"
            fairweigh.run(settings(**asked), folder, data=people() if table is None else table)
            found[key] = folder
        return found[key]

    return make


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write the explorer of a run to a file; that its figures are recomputed first is the command's test."""

    def write(run: Path, language: str = "en") -> Path:
        path = tmp_path_factory.mktemp("explorer") / "explorer.html"
        path.write_text(explorer(run, checked(run), language), encoding="utf-8")
        return path

    return write


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    # The page lets no script in but its own; these tests wait for what theirs finds.
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()
