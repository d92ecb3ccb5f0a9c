"""Every figure of a comparison of two runs, from the predictions that its folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..datasets.columns import bin_names, word
from ..metrics.table import METRICS
from . import gate, variant
from .changes import compared
from .config import Config
from .identified import identify
from .pairs import Paired, pair
from .result import AuditResult, Comparison, DataInfo, GateResult, Identified, Variant


@dataclass(frozen=True)
class Figures:
    """What a comparison of two runs says.

    Attributes
    ----------
    variants : list of Variant
        The model of the first run and that of the second.
    comparison : Comparison
    gates : list of GateResult
        Judged on the second.
    identified : Identified
    rows : pyarrow.Table
        The identified rows.
    paired, plan
        What the figures were computed from.
    """

    variants: list[Variant]
    comparison: Comparison
    gates: list[GateResult]
    identified: Identified
    rows: pa.Table
    paired: Paired
    plan: variant.Plan


def is_comparison(result: AuditResult) -> bool:
    """Whether a result compares two runs, and so has two originals."""
    return sum(v.kind == "original" for v in result.variants) > 1


def figures(
    config: Config,
    data: DataInfo,
    models: Sequence[tuple[str, dict[str, Any]]],
    paths: Sequence[Path],
) -> Figures:
    """Compute a comparison of two prediction files.

    Parameters
    ----------
    config : Config
        Of the comparison: metrics and gates are those that both runs allow.
    data : DataInfo
    models : sequence of (name, description)
        The two models, the earlier first.
    paths : sequence of Path
        Their predictions.

    Raises
    ------
    InputError
        The two files do not hold the same rows.
    """
    before, after = (name for name, _ in models)
    order = {feature: bin_names(edges) for feature, edges in data.bins.items()}
    probability = all(model.get("scale") != "rank" for _, model in models)
    sensitive = tuple(data.sensitive)
    paired = pair(paths[0], paths[1], sensitive, probability, order, names=(before, after))
    measured = paired.measured_before, paired.measured_after
    allowed = [m for m in METRICS if not paired.lacks(METRICS[m])]
    plan = variant.Plan(
        [m for m in config.metrics or allowed if m in allowed],
        config.slices.intersections,
        config.slices.min_size,
        config.confidence,
        {k: word(v) for k, v in config.slices.reference.items()},
        config.data.positive_is,
    )
    variants = [
        variant.build(name, each, plan, model) for (name, model), each in zip(models, measured, strict=True)
    ]
    tables = [pq.read_table(path, read_dictionary=list(sensitive)) for path in paths]
    threshold = models[0][1].get("threshold")
    rows, identified = identify(tables[0], [(after, tables[1])], sensitive, threshold, name=before)
    return Figures(
        variants=[variants[0], variants[1].model_copy(update={"parent": before})],
        comparison=compared(paired, plan, before, after),
        gates=gate.decide(config.gates, measured[1], plan, after, groups=gate.GROUPS, paired=paired),
        identified=identified,
        rows=rows,
        paired=paired,
        plan=plan,
    )


def recompute_comparison(result: AuditResult, predictions: Path) -> Figures:
    """Compute the figures of a finished comparison of two runs again, from its predictions alone."""
    config = Config.model_validate(result.configuration)
    models = [(v.name, v.model) for v in result.variants]
    return figures(config, result.data, models, [predictions / f"{name}.parquet" for name, _ in models])
