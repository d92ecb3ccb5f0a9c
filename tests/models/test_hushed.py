"""Libraries that print a training log by themselves: silent by default, loud where somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fairweigh.models.hushed import hushed
from fairweigh.models.train import make_estimator
from sklearn.base import clone
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    import pyarrow as pa

    from ..conftest import Ended


LOUD = {
    "lightgbm.LGBMClassifier": {"n_estimators": 2, "n_jobs": 1},
    "catboost.CatBoostClassifier": {"iterations": 2, "thread_count": 1},
}
ROWS = np.random.default_rng(0).normal(size=(60, 2))
LABEL = (ROWS[:, 0] > 0).astype(int)


@pytest.mark.parametrize("estimator", LOUD)
def test_a_quiet_audit_prints_no_training_log_and_leaves_no_folder_of_it(
    estimator: str,
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    write: Callable[..., None],
    cli: Callable[..., Ended],
) -> None:
    pytest.importorskip(estimator.partition(".")[0])
    write(make_people(seed=1), name="train.parquet")
    model = {"estimator": estimator, "params": LOUD[estimator], "train": {"path": "train.parquet"}}
    write(make_people(), make_config(model=model, mitigations=["reweighing"]))
    ended = cli("audit", "a.yaml", "-q")
    assert (ended.code, ended.out) == (0, "")
    assert {p.name for p in Path().iterdir()} == {"a.yaml", "d.parquet", "runs", "train.parquet"}


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        ("lightgbm.LGBMClassifier", {"verbose": 1}),
        ("lightgbm.LGBMClassifier", {"verbosity": 1}),
        ("catboost.CatBoostClassifier", {"verbose": True, "train_dir": "mine"}),
        ("catboost.CatBoostClassifier", {"logging_level": "Verbose", "allow_writing_files": False}),
    ],
)
def test_who_asks_for_the_log_gets_it(
    estimator: str, said: dict[str, Any], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(estimator.partition(".")[0])
    made = make_estimator(estimator, {**LOUD[estimator], **said}, 0)
    made.fit(ROWS, LABEL)
    assert made.get_params().items() >= said.items()
    assert capfd.readouterr().out != ""
    assert [p.name for p in here.iterdir()] == [said[key] for key in ("train_dir",) if key in said]


@pytest.mark.parametrize("estimator", LOUD)
def test_estimators_inside_others_are_silent_too(
    estimator: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    library, _, name = estimator.partition(".")
    inner = getattr(pytest.importorskip(library), name)(**LOUD[estimator])
    nested = hushed(clone(make_pipeline(StandardScaler(), MultiOutputClassifier(inner))))
    nested.fit(ROWS, np.column_stack([LABEL, 1 - LABEL]))
    assert capfd.readouterr().out == ""
    assert list(here.iterdir()) == []
