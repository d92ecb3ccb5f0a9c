"""The runs whose figures a refactoring must leave as they were, and the files that some of them read.

Tables are generated, or read in place from ``$FAIRWEIGH_DATA``. A configuration names its files relative to
the folder that it is run in, so that two recordings have equal ones.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from fairweigh.datasets.synthetic_tasks import findings, lists, opinions
from fairweigh.metrics.table import METRICS
from fairweigh.plain import from_yaml
from fairweigh.tasks import TASKS

EXAMPLES = Path(__file__).parents[2] / "examples"
ROWS = 3_000
TABLE, CELLS, NETWORK, MODULE = "rows.csv", "cells.csv", "lending.safetensors", "lending_model"
DRAWN: Mapping[str, tuple[Callable[..., pa.Table], int]] = {
    "opinions": (opinions, 1_500), "findings": (findings, 1_500), "lists": (lists, 150),
}  # fmt: skip
"""The tables of the tasks' examples, smaller than those."""
STORAGE = {"weights": {"compute": 0, "storage": 1}}
"""What a choice is made by must not be a time."""


@dataclass(frozen=True)
class Run:
    """A configuration to audit.

    Attributes
    ----------
    configuration : mapping
    write : callable or None
        Writes the file that the configuration reads into a folder.
    data : str
        The data set of ``$FAIRWEIGH_DATA`` that it reads, if any.
    """

    configuration: Mapping[str, Any]
    write: Callable[[Path], None] | None = None
    data: str = ""

    @property
    def possible(self) -> bool:
        """Whether its data are here."""
        return not self.data or (Path(os.environ.get("FAIRWEIGH_DATA", "/nowhere")) / self.data).exists()


def rows() -> pd.DataFrame:
    """Generated decisions before and after on people of two features, in households, with weights.

    The label is rarer in one slice, a slice of seven rows is small, one of two has no positive label, and two
    values are missing.
    """
    r = np.random.default_rng(3)
    house = r.integers(0, 400, ROWS)
    region = r.choice(["north", "south", "east"], ROWS, p=[0.5, 0.3, 0.2]).astype(object)
    region[:7], region[7:9] = "island", "reef"
    kind = r.choice(["a", "b"], ROWS, p=[0.6, 0.4]).astype(object)
    kind[20:22] = None
    latent = r.normal(size=400)[house] + r.normal(size=ROWS) + 0.4 * (kind == "a")
    score = 1 / (1 + np.exp(-latent))
    label = (r.random(ROWS) < score * (0.6 + 0.4 * (region == "north"))).astype(int)
    label[7:9] = 0
    later = np.clip(score + r.normal(0, 0.08, ROWS), 0, 1)
    return pd.DataFrame(
        {
            "id": np.arange(ROWS), "house": house, "w": np.round(np.exp(r.normal(0, 0.5, ROWS)), 3),
            "kind": kind, "region": region, "label": label,
            "score": np.round(score, 3), "later": np.round(later, 3), "points": np.round(latent, 2),
            "points_later": np.round(latent + r.normal(0, 0.2, ROWS), 2),
            "before": (score > 0.5).astype(int), "after": (later > 0.5).astype(int),
        }
    )  # fmt: skip


def write_rows(folder: Path) -> None:
    """Write the rows as a table."""
    rows().to_csv(folder / TABLE, index=False)


def write_cells(folder: Path) -> None:
    """Write their joint cells, one row per slice, label and both decisions."""
    keys = ["kind", "region", "label", "before", "after"]
    rows().groupby(keys, dropna=False).size().rename("n").reset_index().to_csv(folder / CELLS, index=False)


def write_network(folder: Path) -> None:
    """Train the small network of the lending example, and put its module where the run finds it."""
    from safetensors.torch import save_file

    place = Path(shutil.copy(EXAMPLES / "lending" / "model.py", folder / f"{MODULE}.py"))
    spec = importlib.util.spec_from_file_location(MODULE, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    save_file(module.train().state_dict(), folder / NETWORK)


def _example(name: str, **words: str) -> dict[str, Any]:
    text = (EXAMPLES / name).read_text()
    for old, new in words.items():
        text = text.replace(old, new)
    return dict(from_yaml(text))


def _lending() -> dict[str, Any]:
    given = _example("lending/audit.yaml", **{"examples.lending.model": MODULE})
    return given | {"model": {**given["model"], "path": NETWORK}, "objective": STORAGE}


def _gates(names: list[str], **more: Any) -> list[dict[str, Any]]:
    """Each kind of gate on each metric that has it."""
    found = []
    for name in names:
        free = "<= 0.3" if METRICS[name].better == "lower" else ">= 0.3"
        found += [
            {"metric": name, "limit": free},
            {"metric": name, "by": "region", "compare": "difference", "limit": "<= 0.15"},
            {"metric": name, "compare": "change", "limit": ">= -0.02", "on": "compressed"},
            {"metric": name, "by": "kind", "compare": "change", "limit": "<= 0.05", "on": "compressed"},
        ]
        if METRICS[name].ratio:
            found.append({"metric": name, "by": "region", "compare": "ratio", "limit": ">= 0.7"})
    return [{**gate, **more} for gate in found]


def _of_rows(title: str, given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An audit of the generated rows, every metric and both decisions."""
    scores = more.pop("scores", ("score", "later"))
    scale = more.pop("scale", {})
    changing = [name for name in METRICS if METRICS[name].needs != ("label",)]
    if scale:
        changing = [name for name in changing if "probability" not in METRICS[name].needs]
    return {
        "audit": title,
        "data": {"path": TABLE, "label": "label", "id": "id", "sensitive": ["kind", "region"], **given},
        "slices": {"intersections": 2, "min_size": 20},
        "model": {"kind": "predictions", "score": scores[0], "decision": "before", **scale},
        "variants": [{"name": "after", "score": scores[1], "decision": "after", **scale}],
        "metrics": [*changing, "base_rate"],
        "gates": _gates(changing),
        "report": {"charts": False},
        **more,
    }


def _of_task(example: str, drawn: str) -> Run:
    """The example of a task on a smaller table: every metric of the task, and of its classes."""

    def write(folder: Path) -> None:
        draw, size = DRAWN[drawn]
        pq.write_table(draw(size), folder / f"{drawn}.parquet")

    given = _example(example)
    task = TASKS[given["task"]]
    metrics = [*task.metrics, *(task.of_class.metrics if task.of_class else ())]
    data = {**given["data"], "path": f"{drawn}.parquet"}
    return Run({**given, "data": data, "metrics": metrics, "report": {"charts": False}}, write)


def _of_numbers() -> Run:
    """The generated rows' points as a number that is predicted, in clusters and with weights."""
    gates = [
        {"metric": "mean_absolute_error", "by": "region", "compare": "difference", "limit": "<= 0.05"},
        {"metric": "mean_prediction", "by": "kind", "compare": "difference", "limit": "<= 0.2"},
        {"metric": "mean_absolute_error", "compare": "change", "limit": "<= 0.1", "on": "compressed"},
    ]
    given = {
        "audit": "regression",
        "task": "regression",
        "data": {
            "path": TABLE, "label": "points", "id": "id", "cluster": "house", "weight": "w",
            "sensitive": ["kind", "region"],
        },
        "slices": {"intersections": 2, "min_size": 20},
        "model": {"prediction": "points_later"},
        "variants": [{"name": "score", "prediction": "score"}],
        "metrics": list(TASKS["regression"].metrics),
        "gates": gates,
        "report": {"charts": False},
    }  # fmt: skip
    return Run(given, write_rows)


def runs() -> dict[str, Run]:
    """Every run by its name, the cheap ones first."""
    counted = [m for m in METRICS if not {"score", "probability"} & set(METRICS[m].needs)]
    joint = {
        "audit": "counts",
        "data": {"path": CELLS, "label": "label", "count": "n", "sensitive": ["kind", "region"]},
        "slices": {"intersections": 2, "min_size": 20},
        "model": {"kind": "predictions", "decision": "before"},
        "variants": [{"name": "after", "decision": "after"}],
        "metrics": counted,
        "gates": _gates([m for m in counted if METRICS[m].needs != ("label",)]),
        "report": {"charts": False, "regimes": ["four-fifths"]},
    }
    points = {"scores": ("points", "points_later"), "scale": {"scale": "rank"}}
    return {
        "counts": Run(joint, write_cells),
        "rows": Run(_of_rows("rows", {"positive_is": "burden"}), write_rows),
        "weighted": Run(_of_rows("weighted", {"weight": "w"}), write_rows),
        "clustered": Run(_of_rows("clustered", {"cluster": "house"}), write_rows),
        "both": Run(_of_rows("both", {"cluster": "house", "weight": "w"}), write_rows),
        "points": Run(_of_rows("points", {}, **points), write_rows),
        "multiclass": _of_task("multiclass.yaml", "opinions"),
        "multilabel": _of_task("multilabel.yaml", "findings"),
        "ranking": _of_task("ranking.yaml", "lists"),
        "regression": _of_numbers(),
        "regimes": Run(_example("regimes.yaml")),
        "compas": Run(_example("compas.yaml"), data="compas"),
        "mitigated": Run({**_example("synthetic.yaml"), "objective": STORAGE}),
        "compressed": Run(_lending(), write_network),
    }
