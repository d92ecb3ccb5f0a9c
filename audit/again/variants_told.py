"""What a result says of its variants beside figures: does it fit the configuration, the rows and itself.

A recipe, a description and a measured cost come from the machine that made the variant: more than whether
they fit together the run's folder does not tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...datasets.read import sha256_file
from ...metrics.counts import DECISION
from ...metrics.exact import clopper_pearson
from ...plain import shown
from ...tasks.generation_cases import NEGATIVE, POSITIVE
from ..config import Config, Planned
from ..result import AuditResult, Cost, SelfFlips, Variant
from ..store.folder import ARTEFACTS, PREDICTIONS


def check_variants(run: Path, result: AuditResult, config: Config) -> Iterator[str]:
    """Yield a line for each thing that a run of one model says of its variants and that cannot be so.

    Raises
    ------
    OSError, pyarrow.ArrowException
        A file cannot be read.
    """
    planned = {wanted.name: wanted for wanted in config.planned}
    expected = [*planned, *(given.name for given in config.variants)]
    made = [v.name for v in result.variants[1:]]
    lost = [f.name for f in result.failed]
    if sorted([*made, *lost]) != sorted(expected) or made != [name for name in expected if name in made]:
        yield f"variants: {shown([*made, *lost])} in the file, {shown(expected)} in the configuration"
        return
    yield from _check_thresholds(run, result, config)
    first = result.variants[0]
    if first.parent is not None:
        yield f"variants.{first.name}.parent: {shown(first.parent)} in the file; it starts from no other"
    for variant in result.variants:
        yield from _check_costs(variant, first)
        if variant.self_flips is not None:
            yield from _check_self_flips(variant.self_flips, config, f"variants.{variant.name}.self_flips")
    by_name = {v.name: v for v in result.variants}
    for name in made:
        if name in planned:
            yield from _check_recipe(run, by_name, planned[name], config)
        else:
            yield from _check_given(by_name[name], first.name)


def _check_given(variant: Variant, original: str) -> Iterator[str]:
    """A variant whose predictions were given has no recipe, and is one of the original."""
    told = (variant.kind, variant.parent, variant.recipe)
    if told != ("compressed", original, None):
        yield f"variants.{variant.name}: {shown(told)} in the file; its predictions were given"


def _check_thresholds(run: Path, result: AuditResult, config: Config) -> Iterator[str]:
    """Where scores become decisions at one threshold: it is the configured one, and the rows keep to it."""
    given = config.model.threshold if config.model else None
    first = result.variants[0]
    if given is not None and first.model.told.get("threshold", given) != given:
        yield f"variants.{first.name}.model.threshold: {first.model.threshold!r}, configured as {given!r}"
    for variant in result.variants:
        threshold = variant.model.threshold
        path = run / PREDICTIONS / f"{variant.name}.parquet"
        if threshold is None or "score" not in pq.read_schema(path).names:
            continue
        table = pq.read_table(path, columns=["score", DECISION])
        if not pa.types.is_integer(table.schema.field(DECISION).type):
            # Words: of an answer that no judge read, none is decided.
            table = table.filter(pc.is_in(table[DECISION], pa.array([POSITIVE, NEGATIVE])))
            table = table.set_column(1, DECISION, pc.equal(table[DECISION], POSITIVE))
        selected = pc.greater_equal(table["score"], float(threshold))
        wrong = pc.sum(pc.not_equal(selected, pc.cast(table[DECISION], "bool"))).as_py() or 0
        if wrong:
            where = f"variants.{variant.name}.model.threshold"
            yield f"{where}: {threshold!r} in the file, and {wrong:,} predictions are decided otherwise"


def _check_costs(variant: Variant, original: Variant) -> Iterator[str]:
    """Ratios of measured costs are those of what was measured."""
    if variant.cost is None or original.cost is None or not variant.cost.timings:
        return
    from ...compression.cost import ratios

    found = ratios(variant.cost.model_dump(), original.cost.model_dump())
    if variant is original:
        found["compute"] = 1.0
    again = Cost.model_validate({**variant.cost.model_dump(), **found})
    for name in found:
        if getattr(variant.cost, name) != getattr(again, name):
            yield f"variants.{variant.name}.cost.{name}: not the ratio of what the file says was measured"


def _check_self_flips(told: SelfFlips, config: Config, where: str) -> Iterator[str]:
    low, high = clopper_pearson(told.flips, told.rows, (1 - config.confidence) / 2)
    found = {"rate": told.flips / told.rows, "low": float(low), "high": float(high)}
    for name, value in found.items():
        if not math.isclose(getattr(told, name), value, rel_tol=1e-9):
            yield f"{where}.{name}: {getattr(told, name)!r} in the file, {value!r} from its rows and flips"


def _check_recipe(
    run: Path, variants: Mapping[str, Variant], planned: Planned, config: Config
) -> Iterator[str]:
    """A variant was made as the configuration says, and its artefact is the one that the recipe names."""
    variant = variants[planned.name]
    where, recipe = f"variants.{planned.name}", variant.recipe
    if recipe is None:
        yield f"{where}.recipe: missing"
        return
    steps = _steps(variants, planned, config)
    told = [(step.recipe, step.room) for step in recipe.steps]
    if told != steps:
        yield f"{where}.recipe.steps: {shown(told)} in the file, {shown(steps)} in the configuration"
    kind = "mitigated" if "mitigated" in recipe.groups else "compressed"
    for key, found, expected in (("kind", variant.kind, kind), ("parent", variant.parent, planned.on)):
        if found != expected:
            yield f"{where}.{key}: {shown(found)} in the file, {shown(expected)} in the configuration"
    place = f"{ARTEFACTS}/{planned.name}"
    if (recipe.artefact, variant.model.path) != (place, place):
        yield f"{where}.recipe.artefact: {shown(recipe.artefact)} in the file, expected {place!r}"
    elif recipe.sha256 not in [sha256_file(path) for path in (run / place).rglob("*") if path.is_file()]:
        yield f"{where}.recipe.sha256: no file of {place} has this checksum"


def _steps(variants: Mapping[str, Variant], planned: Planned, config: Config) -> list[tuple[str, Any]]:
    """Recipes and rooms of a variant's whole chain: those of what it starts from, then its own."""
    from ..recipes import find

    start = variants[planned.on].recipe if planned.on in variants else None
    before = [(step.recipe, step.room) for step in start.steps] if start else []
    return [*before, *((name, find(name, config.family).room) for name, _ in planned.named)]
