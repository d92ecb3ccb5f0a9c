"""The zoo: a small seeded model of every architecture by its name, and each of them ready to be audited.

``ready("GPT-2")`` gives a model as an audit loads it, with rows to audit and rows to learn from;
``configuration("GPT-2", compressions=[...])`` gives an audit's configuration over files of a folder that
lasts as long as the process. Neither builds anything twice.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fairweigh.audit.config import read
from fairweigh.audit.making.inputs import load_model
from fairweigh.audit.making.opening import evaluation_set
from fairweigh.audit.making.training import learning
from fairweigh.compression.registry import Context

from .estimator_kinds import ESTIMATORS
from .kind import Kind
from .module_kinds import EXPORTED, HEADS, MODULES, RECURRENT, served
from .transformer_kinds import IMAGES, LABELS, TEXTS

SERVED = served([*MODULES, *HEADS], [t for t in TEXTS if t.name in ("BERT", "DistilBERT", "ModernBERT")])
ZOO: dict[str, Kind] = {
    kind.name: kind
    for kind in [
        *TEXTS,
        *LABELS,
        *IMAGES,
        *MODULES,
        *RECURRENT,
        *HEADS,
        *EXPORTED,
        *ESTIMATORS,
        *SERVED,
    ]
}
EVALUATED, LEARNED = 120, 160
"""Rows to audit, and rows to learn from."""


@functools.cache
def _place() -> Path:
    place = Path(tempfile.mkdtemp(prefix="fairweigh-zoo-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def needs(kind: Kind) -> str | None:
    """A package that is not installed and without which there is no such model."""
    wanted = {"LightGBM": "lightgbm", "XGBoost": "xgboost", "CatBoost": "catboost"}.get(kind.name)
    return wanted if wanted and importlib.util.find_spec(wanted) is None else None


@functools.cache
def _built(name: str) -> dict[str, Any]:
    kind = ZOO[name]
    folder = _place() / re.sub(r"\W+", "-", name)
    spec = kind.build(folder)
    pq.write_table(kind.rows(EVALUATED, 0), folder / "rows.parquet")
    pq.write_table(kind.rows(LEARNED, 1), folder / "learned.parquet")
    return {"folder": folder, "model": spec}


def configuration(name: str, **parts: Any) -> dict[str, Any]:
    """An audit's configuration of a model of the zoo; ``model`` is added to, other parts replace."""
    found = _built(name)
    folder: Path = found["folder"]
    train = {"path": str(folder / "learned.parquet")}
    learns = {} if ZOO[name].family == "onnx" else {"train": train}
    return {
        "audit": re.sub(r"\W+", "-", name).strip("-"),
        "data": {
            "path": str(folder / "rows.parquet"),
            "label": "y",
            "sensitive": ["sex", "race"],
            "id": "id",
        },
        "slices": {"intersections": 1},
        "metrics": ["accuracy", "selection_rate"],
        "report": {"charts": False},
        **parts,
        "model": {**found["model"], **learns, **parts.get("model", {})},
    }


@dataclass(frozen=True)
class Ready:
    """A model as an audit loads it, and what a recipe is given beside it."""

    kind: Kind
    spec: dict[str, Any]
    model: Any
    rows: pa.RecordBatch
    context: Context


@functools.cache
def ready(name: str) -> Ready:
    """Load a model of the zoo as an audit does; no test may change it."""
    config = read(configuration(name))
    data = evaluation_set(config)
    model = load_model(config, data, None, lambda stage, done, total: None)
    assert model is not None
    rows = next(data.batches(model.columns)).select(model.columns)
    learned, fitted = learning(config, model)
    context = Context(0, rows.slice(0, 32), learned, fitted, model, sensitive=("sex", "race"), row_id="id")
    return Ready(ZOO[name], _built(name)["model"], model, rows, context)
