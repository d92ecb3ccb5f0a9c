"""Check a finished run: its files against the manifest, its figures against the predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from ..datasets.errors import InputError
from .comparison import is_comparison, recompute_comparison
from .coverage import coverage
from .folder import PREDICTIONS, read_manifest
from .gate import run_verdict, together
from .intact import check_files as check_files
from .regimes.files import recompute_regimes
from .result import AuditResult
from .runner import checksum, recompute

TOLERANCE = 1e-9


def check_figures(run: Path, result: AuditResult) -> list[str]:
    """Return the figures of a result that its predictions do not give, one line each."""
    try:
        found = _recomputed(run, result)
    except (InputError, ValidationError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        # Files that were tampered with may not be readable as what they claim to be.
        return [f"figures: cannot be recomputed from the predictions: {_short(str(error))}"]
    told = read_manifest(run)
    out = []
    gates = found["gates"]
    if len(gates) != len(result.gates):
        out.append(f"gates: {len(result.gates)} in the file, {len(gates)} in the configuration")
    sums = {told.get("configuration_sha256"), result.configuration_sha256} - {""}
    if sums != {checksum(result.configuration)}:
        out.append("configuration: not the one of the manifest")
    for old, new in zip(result.variants, found["variants"], strict=True):
        out += differences(old.model_dump(), new.model_dump(), f"variants.{old.name}")
    for part in ("comparisons", "frontier", "identified", "counterfactuals"):
        out += differences(_dumped(getattr(result, part)), _dumped(found[part]), part)
    if result.coverage and found["variants"]:
        out += differences(
            _dumped(result.coverage), _dumped(coverage(found["variants"][0].slices)), "coverage"
        )
    for before, after in zip(result.gates, gates, strict=False):
        out += differences(before.model_dump(), after.model_dump(), f"gates.{before.id}")
    risk = together(gates, result.confidence)
    out += differences(_dumped(result.gates_together), _dumped(risk), "gates_together")
    verdict = run_verdict(gates)
    if verdict != result.verdict:
        out.append(f"verdict: {result.verdict} in the file, {verdict} from the predictions")
    return out + _check_regimes(run, result)


def _check_regimes(run: Path, result: AuditResult) -> list[str]:
    """The figures of regimes that their inputs and the predictions do not give."""
    try:
        out: list[str] = []
        for old, new in recompute_regimes(run, result, run / PREDICTIONS):
            out += differences(old.model_dump(), new.model_dump(), f"regimes.{old.regime}")
        return out
    except (InputError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        return [f"regimes: cannot be recomputed from the predictions: {_short(str(error))}"]


def _recomputed(run: Path, result: AuditResult) -> dict[str, Any]:
    """Everything of a result that follows from its predictions, computed anew."""
    if is_comparison(result):
        both = recompute_comparison(result, run / PREDICTIONS)
        return {
            "variants": both.variants, "gates": both.gates, "comparisons": [both.comparison],
            "identified": both.identified, "frontier": None, "counterfactuals": [],
        }  # fmt: skip
    found = recompute(result, run / PREDICTIONS)
    parts = ("variants", "gates", "comparisons", "frontier", "identified", "counterfactuals")
    return {part: getattr(found, part) for part in parts}


def _dumped(part: Any) -> Any:
    if isinstance(part, list):
        return [_dumped(item) for item in part]
    return part.model_dump() if isinstance(part, BaseModel) else part


def differences(old: Any, new: Any, path: str) -> Iterator[str]:
    """Yield a line for each place where two values differ; floats may by a billionth."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from differences(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from differences(a, b, f"{path}[{_named(a, i)}]")
    elif isinstance(old, float) and isinstance(new, float):
        if not math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{path}: {old!r} in the file, {new!r} from the predictions"
    elif old != new:
        yield f"{path}: {_short(old)} in the file, {_short(new)} from the predictions"


def _named(item: Any, position: int) -> str:
    """A list's item by its slice where it has one, so that a reader finds it."""
    if isinstance(item, dict) and isinstance(item.get("slice"), dict) and item["slice"]:
        return " & ".join(f"{k}={v}" for k, v in item["slice"].items())
    return str(position)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
