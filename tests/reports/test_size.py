"""A large report stays light enough to be mailed: the audit of ``benchmarks/report.py``, drawn whole."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path
from typing import Any

import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.page.html import render_annex

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("report_benchmark", ROOT / "benchmarks" / "report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def grown(part: Any, name: str, more: list[str]) -> Any:
    """A result's JSON in which all that is said of one variant is said of more of them too."""
    if isinstance(part, dict):
        return {key: grown(value, name, more) for key, value in part.items()}
    if not isinstance(part, list):
        return part
    made = []
    for one in part:
        made.append(grown(one, name, more))
        if one == name or (isinstance(one, dict) and name in [*map(str, one.values())]):
            made += [renamed(one, name, other) for other in more]
    return made


def renamed(part: Any, name: str, other: str) -> Any:
    if isinstance(part, dict):
        return {key: renamed(value, name, other) for key, value in part.items()}
    if isinstance(part, list):
        return [renamed(one, name, other) for one in part]
    return other if part == name else part


def test_hundred_slices_fifteen_metrics_and_ten_variants_are_under_two_megabytes(
    benchmark: types.ModuleType,
) -> None:
    two = benchmark.audited(20_000, (10, 9), 2)
    ten = grown(two.model_dump(mode="json"), "variant-1", [f"variant-{k}" for k in range(2, 10)])
    result = AuditResult.model_validate(ten)
    assert len(result.variants) == 10
    assert len(result.comparisons) == 9
    assert len({gate.variant for gate in result.gates}) == 10
    assert len(result.variants[0].slices) >= 100
    assert len(result.variants[0].overall) == 15
    assert len(render_annex(result).encode()) < 2_000_000


def test_of_thousands_of_slices_the_worst_are_shown_and_the_rest_is_told(benchmark: types.ModuleType) -> None:
    result = benchmark.audited(30_000, (40, 30), 1)
    slices = len(result.variants[0].slices)
    assert slices > 1_200
    html = render_annex(result, charts=False)
    assert len(html.encode()) < 3_000_000
    assert "the rest is in audit.json" in html
    assert "figures.csv" in html
