"""All that the page knows: counts, names and gates of a finished run, none of them believed unproven."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from .. import bands
from ..audit.again.finished import checked, configuration_of
from ..audit.again.verify import refuse_forged
from ..audit.config import Config
from ..audit.result import AuditResult, Variant
from ..audit.store.folder import PREDICTIONS
from ..audit.verdict.judge import value_order
from ..datasets.columns import meant
from ..datasets.errors import InputError
from ..metrics.counts import DECISION, LABEL
from ..reports.words.spoken import plain, title_of, value_name
from ..tasks import BINARY
from .counted import Key, counted, histogram
from .cuts import PLACES, Cuts, Seen, cuts, seen
from .gates import gates
from .shares import masks, shown


def opened(run: Path) -> AuditResult:
    """Open a run that can be explored; its figures must follow from its predictions.

    Raises
    ------
    InputError
        No run, one that was changed or forged, one of another task, or one without decisions.
    """
    result = checked(run)
    refuse_forged(run, result)
    if result.task != BINARY.name:
        raise InputError(
            f"{run}: explore moves the threshold of decisions for or against each row; expected a run of the "
            f"task {BINARY.name}, got {result.task}"
        )
    for variant in result.variants:
        if DECISION not in _columns(run, variant):
            raise InputError(
                f"{run}: {variant.name} decides nothing; explore needs predictions with {DECISION}, and a "
                "score for its slider"
            )
    return result


def payload(run: Path, result: AuditResult, places: int = PLACES) -> dict[str, Any]:
    """Count a run's predictions for the page, with ``places`` steps of a slider."""
    config = configuration_of(result)
    by = list(result.data.sensitive)
    looked = {v.name: seen(_path(run, v), v) for v in result.variants}
    sliding = {name: one for name, one in looked.items() if one is not None and one.threshold is not None}
    scales = cuts(sliding, places)
    cells: dict[Key, int] = {}
    variants = [_variant(run, v, looked[v.name], scales, by, cells) for v in result.variants]
    metrics = _metrics(run, result, config)
    counted_here = {metric["name"] for metric in metrics}
    return {
        "title": result.title, "rows": result.data.rows, "synthetic": bool(result.data.synthetic),
        "weighted": result.data.weight is not None, "clustered": result.data.cluster is not None,
        "by": by, "features": [plain((feature,)) for feature in by],
        "min": config.slices.min_size, "confidence": config.confidence, "level": 1 - config.confidence,
        **_features(by, cells, config, result),
        "metrics": metrics, "scales": [_scale(held) for held in scales],
        "variants": variants, "gates": gates(result, config),
        "performance": next((name for name in config.of_task.performance if name in counted_here), None),
    }  # fmt: skip


def _variant(
    run: Path,
    variant: Variant,
    one: Seen | None,
    scales: Sequence[Cuts],
    by: list[str],
    cells: dict[Key, int],
) -> dict[str, Any]:
    """A variant's counts, and where its own threshold stands on which scale; no scale where none decides."""
    scale = next((k for k, held in enumerate(scales) if variant.name in held.audited), None)
    own = None if scale is None else scales[scale]
    return {
        "name": variant.name, "shown": plain((variant.name,)), "kind": variant.kind,
        "needs": [plain((column,)) for column in variant.model.needs or []],
        "scale": scale, "cut": 1 if own is None else own.audited[variant.name],
        "told": own is None or (one is not None and one.told), "scored": one is not None,
        **histogram(
            counted(_path(run, variant), by, own), by, 2 if own is None else len(own.thresholds), cells
        ),
    }  # fmt: skip


def _path(run: Path, variant: Variant) -> Path:
    return run / PREDICTIONS / f"{variant.name}.parquet"


def _columns(run: Path, variant: Variant) -> list[str]:
    return list(pq.read_schema(_path(run, variant)).names)


def _scale(held: Cuts) -> list[float]:
    return [float(threshold) for threshold in held.thresholds]


def _features(
    by: Sequence[str], cells: dict[Key, int], config: Config, result: AuditResult
) -> dict[str, Any]:
    """Values of the features sorted as the audit sorts them, their names and order, and the crossings."""
    levels = [sorted({key[k] for key in cells}) for k in range(len(by))]
    place = [{value: i for i, value in enumerate(values)} for values in levels]
    order = value_order(result.data.bins)
    each = list(zip(by, levels, strict=True))
    shown_as = [order.get(feature) or bands.in_order(values) or values for feature, values in each]
    wanted = config.slices.reference
    return {
        "levels": [[plain((value_name(value),)) for value in values] for values in levels],
        "values": levels,
        "order": [
            [values.index(v) for v in of if v in values] for of, values in zip(shown_as, levels, strict=True)
        ],
        "unknown": [values.index(bands.UNKNOWN) if bands.UNKNOWN in values else -1 for values in levels],
        "reference": [
            values.index(found) if f in wanted and (found := meant(wanted[f], values)) in values else -1
            for f, values in each
        ],
        "cells": [[place[k][value] for k, value in enumerate(key)] for key in cells],
    }  # fmt: skip


def _metrics(run: Path, result: AuditResult, config: Config) -> list[dict[str, Any]]:
    task = config.of_task
    given = ["decision", *(["label"] if LABEL in _columns(run, result.variants[0]) else [])]
    names = shown(task, given, [*result.variants[0].overall, *(g.metric for g in result.gates)])
    return [
        {
            "name": name, "title": title_of(name, result.definitions), "better": task.metrics[name].better,
            "moves": "decision" in task.metrics[name].needs, "impact": task.metrics[name].impact,
            **masks(task.metrics[name]),
        }
        for name in names
    ]  # fmt: skip
