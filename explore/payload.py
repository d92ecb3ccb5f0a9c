"""All that the page knows: counts, figures, names and gates of a run, none of them believed unproven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import bands
from ..audit.again.finished import checked, configuration_of
from ..audit.again.verify import refuse_forged
from ..audit.config import Config
from ..audit.result import AuditResult, Variant
from ..audit.store.folder import PREDICTIONS
from ..audit.verdict.judge import value_order
from ..datasets.columns import meant
from ..metrics.counts import DECISION
from ..reports.words.spoken import plain, value_name
from . import audited
from .counted import Key, Rows, histogram
from .cuts import PLACES, Cuts, Seen, cuts, seen
from .gates import JOINT, gates
from .views import View, metrics_of, views_of


def opened(run: Path) -> AuditResult:
    """Open a run that can be explored; its figures must follow from its predictions.

    Raises
    ------
    InputError
        No run, or one that was changed or forged.
    """
    result = checked(run)
    refuse_forged(run, result)
    return result


def payload(run: Path, result: AuditResult, places: int = PLACES) -> dict[str, Any]:
    """Gather a run's counts and figures for the page, with ``places`` steps of a slider."""
    config = configuration_of(result)
    by, views = list(result.data.sensitive), views_of(result, config)
    asked = gates(result, config, views)
    joint = {(gate["variant"], gate["view"]) for gate in asked if gate.get("form") in JOINT}
    cells: dict[Key, int] = {}
    sizes = _sizes(_rows(run, result, views[0], by, result.variants[0], joint=False), cells)
    scales: list[Cuts] = []
    held = [
        _held(_all_rows(run, result, view, by, joint, k), result, places, scales, cells)
        for k, view in enumerate(views)
    ]
    told = [metrics_of(view, result, of) for view, of in zip(views, held, strict=True)]
    sizes += [0] * (len(cells) - len(sizes))
    return {
        "title": result.title, "rows": result.data.rows, "synthetic": bool(result.data.synthetic),
        "weighted": result.data.weight is not None, "clustered": result.data.cluster is not None,
        "by": by, "features": [plain((feature,)) for feature in by],
        "min": config.slices.min_size, "confidence": config.confidence, "level": 1 - config.confidence,
        **_features(by, cells, config, result),
        "sizes": sizes, "slices": audited.slices(result.variants[0], by),
        "scales": [[float(threshold) for threshold in of.thresholds] for of in scales],
        "views": [view.told(of) for view, of in zip(views, told, strict=True)],
        "variants": [
            {
                "name": v.name, "shown": plain((v.name,)), "kind": v.kind,
                "needs": [plain((column,)) for column in v.model.needs or []],
                "held": [of[v.name] for of in held],
                "figures": [
                    audited.figures(v.seen(view.name), [m["name"] for m in of if m["told"]])
                    for view, of in zip(views, told, strict=True)
                ],
            }
            for v in result.variants
        ],
        "gates": asked,
    }  # fmt: skip


def _path(run: Path, variant: Variant) -> Path:
    return run / PREDICTIONS / f"{variant.name}.parquet"


def _rows(
    run: Path, result: AuditResult, view: View, by: Sequence[str], variant: Variant, *, joint: bool
) -> Rows:
    before = _path(run, result.variants[0]) if joint else None
    return Rows(_path(run, variant), by, view.rows_of, view.classes or (), before)


def _all_rows(
    run: Path, result: AuditResult, view: View, by: Sequence[str], joint: set[tuple[str, int]], place: int
) -> dict[str, Rows]:
    """The rows of every variant that is counted in a view; none where it is not."""
    if view.classes is None:
        return {}
    return {v.name: _rows(run, result, view, by, v, joint=(v.name, place) in joint) for v in result.variants}


def _sizes(rows: Rows, cells: dict[Key, int]) -> list[int]:
    """Rows of each crossing."""
    cube = rows.sizes()
    place, keys = cube.slice_codes(rows.by)
    found = [0] * len(keys)
    for key in keys:
        cells[key] = len(cells)
    for at, n in zip(place.tolist(), cube.counts.tolist(), strict=True):
        found[at] += n
    return found


Held = dict[str, Any]


def _held(
    rows: Mapping[str, Rows],
    result: AuditResult,
    places: int,
    scales: list[Cuts],
    cells: dict[Key, int],
) -> dict[str, Held | None]:
    """What the page holds of each variant in one view; ``scales`` and ``cells`` gain what they lack."""
    found: dict[str, Held | None] = dict.fromkeys(v.name for v in result.variants)
    looked: dict[str, Seen | None] = {}
    for variant in result.variants:
        if variant.name in rows:
            columns = list(rows[variant.name].each())
            if all(DECISION in batch for batch in columns):
                looked[variant.name] = seen(columns, variant)
    sliding = {name: one for name, one in looked.items() if one is not None and one.threshold is not None}
    first = len(scales)
    scales += cuts(sliding, places)
    for name, one in looked.items():
        scale = next((k for k in range(first, len(scales)) if name in scales[k].audited), None)
        found[name] = _counted(rows[name], one, scale, None if scale is None else scales[scale], cells, name)
    return found


def _counted(
    rows: Rows, one: Seen | None, scale: int | None, own: Cuts | None, cells: dict[Key, int], name: str
) -> Held:
    """A variant's counts, and where its own threshold stands on which scale; no scale where none decides."""
    bins = 2 if own is None else len(own.thresholds)
    return {
        "scale": scale, "cut": 1 if own is None else own.audited[name],
        "told": own is None or (one is not None and one.told), "scored": one is not None,
        **histogram(rows.counted(own), rows.by, bins, cells),
    }  # fmt: skip


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
