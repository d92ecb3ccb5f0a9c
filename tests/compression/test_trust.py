"""What an artefact may not do: name code that is run for it, whatever its file holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from fairweigh.compression import artefact
from fairweigh.compression.estimators import PARTS
from fairweigh.compression.fresh import FreshProcesses
from fairweigh.datasets.errors import InputError
from fairweigh.models.estimator import EstimatorModel
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from ..tiny import batch, load, numbers, write_mlp


def fitted() -> EstimatorModel:
    rows = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7})
    return EstimatorModel(LogisticRegression().fit(rows, rows["a"] > 20), ["a", "b"], ["true"], None, {})


def test_a_function_of_scikit_learns_own_packages_is_not_trusted(tmp_path: Path) -> None:
    """sklearn.utils._testing holds one that runs the script it is given: its name says sklearn, too."""
    from sklearn.utils import _testing

    folder = tmp_path / "artefact"
    artefact.save(fitted(), [], folder)
    hostile = FunctionTransformer(_testing.assert_run_python_script_without_output)
    skops.io.dump(hostile, folder / "model.skops")
    unknown = skops.io.get_untrusted_types(file=folder / "model.skops")
    assert any(name.startswith("sklearn.utils._testing") for name in unknown)
    with pytest.raises(InputError, match="not trusted"):
        artefact.load(folder)


def test_what_is_trusted_beyond_skops_are_classes() -> None:
    import importlib

    for name in PARTS:
        module, _, own = name.rpartition(".")
        assert isinstance(getattr(importlib.import_module(module), own), type), name


def test_a_factory_is_called_for_an_artefact_only_where_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    factory = write_mlp(tmp_path, "factory_of_trust")
    table = numbers(60)
    model = load("torch", table, factory=factory, features=["a", "b", "c", "d"])
    folder = tmp_path / "artefact"
    artefact.save(model, [], folder)
    with pytest.raises(InputError, match=r"set model\.factory"):
        artefact.load(folder)
    again = artefact.load(folder, "cpu", (factory,))
    rows = batch(table, model)
    np.testing.assert_array_equal(again.score(rows, None).score, model.score(rows, None).score)
    spec = json.loads((folder / "variant.json").read_text())
    spec["source"]["factory"] = "os:getcwd"
    (folder / "variant.json").write_text(json.dumps(spec))
    with pytest.raises(InputError, match="os:getcwd"):
        artefact.load(folder, "cpu", (factory,))


NOISY = """
import os, sys
print("loading ...")
os.system("echo from below")
from {module} import make as quiet

def make():
    print("made")
    return quiet()
"""


def test_what_a_factory_prints_does_not_reach_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    inner = write_mlp(tmp_path, "factory_that_is_quiet")
    (tmp_path / "factory_that_talks.py").write_text(NOISY.format(module=inner.partition(":")[0]))
    table = numbers(60)
    model = load("torch", table, factory="factory_that_talks:make", features=["a", "b", "c", "d"])
    artefact.save(model, [], tmp_path / "artefact")
    rows = batch(table, model)
    with FreshProcesses("torch") as processes:
        for _ in range(2):
            asked = processes.start(tmp_path / "artefact", rows, *artefact.how_to_load(model))
            found = processes.collect(asked)
            np.testing.assert_array_equal(found["score"], model.score(rows, None).score)


def test_a_file_of_a_librarys_name_in_the_working_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("skops.py").write_text("raise SystemExit('this file was run')")
    artefact.save(fitted(), [], tmp_path / "artefact")
    rows = pa.record_batch({"a": [1.0, 30.0], "b": [0.0, 2.0]})
    with FreshProcesses("sklearn") as processes:
        found = processes.collect(processes.start(tmp_path / "artefact", rows, "cpu"))
    assert found["decision"].tolist() == [False, True]


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5], [1.0], [float("nan"), 1.0], ["a", "b"]])
def test_weights_of_a_mixture_that_are_no_chances_are_refused(weights: list[Any], tmp_path: Path) -> None:
    from fairweigh.models.mixture import Mixture

    one = fitted().fitted
    mixture = Mixture(None, [one, one], [0.5, 0.5], [0, 1], 1)
    model = EstimatorModel(mixture, ["a", "b"], ["1"], None, {})
    artefact.save(model, [], tmp_path / "artefact")
    assert artefact.load(tmp_path / "artefact").columns == ["a", "b"]
    held = {"encoder": None, "predictors": [one, one], "weights": weights}
    skops.io.dump(held, tmp_path / "artefact" / "model.skops")
    with pytest.raises(InputError, match="not the description of an artefact"):
        artefact.load(tmp_path / "artefact")
