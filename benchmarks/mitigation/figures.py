"""Decisions audited as a table of predictions: accuracy and gaps with their limits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import fairweigh
import numpy as np
import pyarrow as pa
from fairweigh.audit.result import Disparity, Estimate, Variant
from settings import DP, EO, Bools, Part, Setting


@dataclass(frozen=True)
class Figures:
    """Accuracy and gaps of some decisions."""

    accuracy: Estimate
    gaps: dict[str, Disparity]


def figures(setting: Setting, part: Part, decision: Bools) -> Figures:
    """Audit decisions as a table of predictions."""
    columns = {f: part.rows.batch.column(f) for f in setting.by}
    table = pa.table({**columns, "label": part.label, "decision": decision.astype(np.int8)})
    config = {
        "audit": "decisions", "data": {"path": "decisions", "label": "label", "sensitive": setting.by},
        "slices": {"by": setting.by, "intersections": len(setting.by)},
        "model": {"kind": "predictions", "decision": "decision"},
        "metrics": ["accuracy", "selection_rate", "true_positive_rate", "false_positive_rate"],
        "report": {"charts": False},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = fairweigh.run(config, Path(folder) / "run", data=table)
    return read_off(result.variants[0], setting.by)


def read_off(variant: Variant, by: list[str]) -> Figures:
    """Accuracy and gaps of a variant of an audit."""
    # Where slices of less than 30 rows are compared as well, the gap without them comes last.
    gaps = {
        d.name.removesuffix("_difference"): d
        for d in variant.disparities
        if d.by == by and d.scope == "between" and d.name in (f"{EO}_difference", f"{DP}_difference")
    }
    return Figures(variant.overall["accuracy"], gaps)


def percent(found: Estimate | Disparity) -> str:
    """A figure with its limits, in hundredths."""
    if found.value is None or found.low is None or found.high is None:
        return "undefined"
    return f"{100 * found.value:.1f} ({100 * found.low:.1f}–{100 * found.high:.1f})"
