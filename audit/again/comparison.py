"""Every figure of a comparison of two runs, from the predictions that its folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...datasets.columns import meant
from ...metrics.figures import METHODS
from ..config import Config
from ..figures import definitions, describe, variant
from ..figures.changes import compared, methods_of
from ..figures.coverage import coverage
from ..figures.held import is_probability
from ..figures.identified import identify
from ..figures.measure import Measurement
from ..figures.pairs import Paired, pair
from ..figures.plan import Plan
from ..result import AuditResult, Comparison, DataInfo, GateResult, Identified, Variant
from ..store.folder import checksum
from ..verdict import gate
from ..verdict.gate_words import GROUPS
from ..verdict.judge import value_order


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
    identified: Identified | None
    rows: pa.Table | None
    paired: Paired
    plan: Plan


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
    order = value_order(data.bins)
    probability = all(is_probability(model) for _, model in models)
    sensitive = tuple(data.sensitive)
    paired = pair(
        paths[0], paths[1], sensitive, probability, order, names=(before, after), task=config.of_task
    )
    measured = paired.measured_before, paired.measured_after
    allowed = [m for m in paired.task.metrics if not paired.lacks(m)]
    of_class = paired.view(measured[1].classes[0]) if measured[1].classes else None
    in_class = [] if of_class is None else [m for m in of_class.task.metrics if not of_class.lacks(m)]
    plan = Plan(
        [m for m in config.metrics or allowed if m in allowed],
        config.slices.intersections,
        config.slices.min_size,
        config.confidence,
        _references(config, measured[1]),
        config.data.positive_is,
        measured[1].classes,
        [m for m in config.metrics or in_class if m in in_class],
        measured[1].views,
    )
    variants = [
        variant.build(name, each, plan, model) for (name, model), each in zip(models, measured, strict=True)
    ]
    tables = [pq.read_table(path, read_dictionary=list(sensitive)) for path in paths]
    threshold = models[0][1].get("threshold")
    rows = identified = None
    if config.of_task.decides:
        rows, identified = identify(tables[0], [(after, tables[1])], sensitive, threshold, name=before)
    return Figures(
        variants=[variants[0], variants[1].model_copy(update={"parent": before})],
        comparison=compared(paired, plan, before, after),
        gates=gate.decide(config.gates, measured[1], plan, after, groups=GROUPS, paired=paired),
        identified=identified,
        rows=rows,
        paired=paired,
        plan=plan,
    )


def derived_comparison(config: Config, found: Figures) -> dict[str, Any]:
    """Return the parts of a comparison's result that follow from its configuration and predictions."""
    used = methods_of(found.variants, [found.comparison])
    measured = found.paired.measured_after
    configuration = config.model_dump(mode="json")
    return {
        "audit": config.audit,
        "verdict": gate.run_verdict(found.gates),
        "confidence": config.confidence,
        "configuration": configuration,
        "configuration_sha256": checksum(configuration),
        "guests": describe.guests(config),
        "variants": found.variants,
        "coverage": coverage(found.variants[0].slices),
        "comparisons": [found.comparison],
        "identified": found.identified,
        "gates": found.gates,
        "gates_together": gate.together(found.gates, config.confidence),
        "definitions": definitions.definitions(found.plan, measured, found.gates, config.report.reasons),
        "priorities": definitions.priorities(measured.task),
        "task": measured.task.name,
        "classes": list(found.plan.classes),
        "methods": {name: text for name, text in METHODS.items() if name in used},
    }


def _references(config: Config, measured: Measurement) -> dict[str, str]:
    """The reference values as the slices are called."""
    out = {}
    for feature, value in config.slices.reference.items():
        if feature in measured.features:
            out[feature] = meant(value, [key for (key,) in measured.slices((feature,)).keys])
    return out
