"""Audits of tables of predictions, as their results and files hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fairweigh
import pandas as pd


def audited(folder: Path, frame: pd.DataFrame, /, **settings: Any) -> dict[str, Any]:
    """Audit a frame; the content of ``audit.json``."""
    content = {"audit": "task", "report": {"charts": False}, **settings}
    content["data"] = {"path": "in memory", **content["data"]}
    fairweigh.run(content, folder / "run", data=frame, overwrite=True)
    return dict(json.loads((folder / "run" / "audit.json").read_text()))


def values(estimates: dict[str, Any]) -> dict[str, float]:
    """Figures by metric."""
    return {name: found["value"] for name, found in estimates.items()}


def slice_of(variant: dict[str, Any], **wanted: str) -> dict[str, Any]:
    """A slice of a variant."""
    return next(dict(one) for one in variant["slices"] if one["slice"] == wanted)


def gap(variant: dict[str, Any], metric: str, view: str | None = None, **wanted: str) -> dict[str, Any]:
    """The difference of a slice to its reference."""
    return next(
        dict(d)
        for d in variant["disparities"]
        if (d["metric"], d.get("view"), d["slice"], d["compare"], d["scope"])
        == (metric, view, wanted, "difference", "reference")
    )
