"""What the tests of the recipes share: small models, made once, that no test changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.compression.make import Made, make
from fairweigh.compression.registry import Context
from fairweigh.datasets.training import TrainingRows
from fairweigh.models.heads.binary import head
from fairweigh.models.inputs import TableInputs
from fairweigh.models.neural import NeuralModel
from fairweigh.models.sources import FactorySource
from fairweigh.models.torch_runtime import TorchRuntime

from ..tiny import FEATURES, batch, load, numbers, save_bert, texts, trained_mlp, write_mlp


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> NeuralModel:
    """A small BERT classifier of texts."""
    folder = save_bert(tmp_path_factory.mktemp("bert"))
    return load("transformers", texts(), text="text", path=str(folder))


@pytest.fixture(scope="session")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> NeuralModel:
    """The same with two layers, for what takes its time with each of them."""
    folder = save_bert(tmp_path_factory.mktemp("shallow"), num_hidden_layers=2)
    return load("transformers", texts(), text="text", path=str(folder))


@pytest.fixture(scope="session")
def table_model(tmp_path_factory: pytest.TempPathFactory) -> NeuralModel:
    """A small MLP that has learned the label of `numbers`; its factory can be imported."""
    import sys

    folder = tmp_path_factory.mktemp("factory")
    factory = write_mlp(folder, "factory_of_recipes")
    sys.path.append(str(folder))
    runtime = TorchRuntime(trained_mlp(numbers()), "cpu", by_name=False)
    return NeuralModel(TableInputs(FEATURES), runtime, head([], 2, None, []), source=FactorySource(factory))


def training_rows(model: Any, table: pa.Table, weights: Any = None) -> TrainingRows:
    """Rows to learn from."""
    labels = table["y"].to_numpy().astype(bool)
    return TrainingRows(batch(table, model), labels, weights, f"{len(table)} rows of elsewhere")


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Made]:
    """Make a variant: ``made(model, ("int8-dynamic", {}), ...)``; learns from other rows than it scores."""
    count = 0

    def do(
        model: Any, *recipe: tuple[str, dict[str, Any]], train: pa.Table | None = None, sample: int = 32
    ) -> Made:
        nonlocal count
        count += 1
        table = texts() if "text" in model.columns else numbers()
        rows = None if train is None else lambda: training_rows(model, train)
        context = Context(0, batch(table, model).slice(0, sample), rows)
        return make(model, list(recipe), context, tmp_path / f"artefact{count}")

    return do


def scores(model: Any, n: int = 150) -> np.ndarray:
    """Scores of a model on rows of its own kind."""
    table = texts(n) if "text" in model.columns else numbers(n)
    found = model.score(batch(table, model), None).score
    assert found is not None
    return found
