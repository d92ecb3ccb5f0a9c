"""Whole audits reported in Chinese: no sentence of ours is left in English, in the page or in its images.

What the data say stays as it is: it stands in ``bdi`` and ``code``, or is one of the names of the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.html import render_html
from fairweigh.reports.language import Given, writing
from fairweigh.reports.retold import retold

from .conftest import configured, people
from .reports.compression_result import compared_result, compressed_result, unreleased_result
from .reports.visible_text import visible_texts
from .tiny import FEATURES, trained_mlp, write_mlp

ROWS = 1200
ENGLISH = re.compile(r"[A-Za-z][a-z’']+(?:[ ,;:]+[A-Za-z][a-z’']+)+")
CITED = re.compile(r"[（(][^（）()]*\b(?:19|20)\d\d\b[^（）()]*[）)]|v\. [A-Z]\w+|U\.S\.C?\.")
"""A reference keeps the names and titles that it was published under."""

TOLD = {
    "why", "changed", "notes", "reload", "trained_on", "fitted_on", "flops_method", "batching", "selected_on",
    "meaning", "what", "encoding", "methods", "not_measured",
}  # fmt: skip
"""Fields of a result that hold texts of ours."""


def rows(seed: int) -> pa.Table:
    """People in pairs of twins that differ in sex; the label follows two of four features."""
    r = np.random.default_rng(seed)
    x = np.repeat(r.normal(size=(ROWS // 2, 4)), 2, 0).astype(np.float32)
    y = (x[:, 0] + x[:, 1] + 0.4 * r.normal(size=ROWS) > 0).astype(int)
    return people(
        ROWS, seed, **{name: x[:, i] for i, name in enumerate(FEATURES)}, y=y, pair=np.arange(ROWS) // 2,
        sex=["Female", "Male"] * (ROWS // 2), race=r.choice(["a", "b", "rare"], ROWS, p=[0.6, 0.395, 0.005]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def neural(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """A small network, compressed and mitigated, with twins, a selection split, and gates of every kind."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("chinese")
    factory = write_mlp(folder, "factory_of_chinese")
    save_file(trained_mlp(rows(1)).state_dict(), folder / "w.safetensors")
    pq.write_table(rows(0), folder / "d.parquet")
    config = configured(
        model={"factory": factory, "path": str(folder / "w.safetensors"), "features": FEATURES},
        data={
            "path": str(folder / "d.parquet"), "selection": {"share": 0.3}, "validation": {"share": 0.3},
            "counterfactual": {"group": ["pair"], "feature": "sex"},
        },
        slices={"intersections": 2},
        compressions=[
            "int8-dynamic", {"prune-magnitude": {"amount": 0.5}}, {"share-weights": {"clusters": 8}},
            {"name": "impossible", "recipe": {"prune-heads": {"keep": 1}}},
        ],
        mitigations=[{"threshold": {"by": ["sex"], "constraint": "demographic_parity", "limit": "<= 0.05"}}],
        gates=[
            {"metric": "accuracy", "limit": ">= 0.8"},
            {"metric": "selection_rate", "by": "race", "compare": "ratio", "limit": ">= 0.8"},
            {"metric": "equalized_odds_difference", "by": "sex", "limit": "<= 0.01"},
            {"metric": "accuracy", "compare": "change", "limit": ">= -0.05", "on": "compressed"},
            {"metric": "selection_rate", "by": "sex", "compare": "change", "limit": "<= 0.2",
             "on": "compressed"},
            {"cost": "storage", "limit": "<= 0.95", "on": "compressed"},
        ],
    )  # fmt: skip
    (folder / "a.yaml").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        return fairweigh.run(folder / "a.yaml", out=folder / "run")


@pytest.fixture(scope="module")
def tabular(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """The audit of ``make audit``: scikit-learn, reweighed and with thresholds by slice."""
    example = Path(__file__).parents[1] / "examples" / "synthetic.yaml"
    return fairweigh.run(example, out=tmp_path_factory.mktemp("tabular") / "run")


def names(result: AuditResult) -> set[str]:
    """What the result names: variants, columns, values, titles and numbers of the data."""
    found = {variant.name for variant in result.variants} | {item.name for item in result.failed}
    found |= {result.title, result.data.title, result.data.name, *result.data.sensitive}
    for variant in result.variants:
        found |= {text for row in variant.slices for pair in row.slice.items() for text in pair}
        found |= {layer.name for layer in (variant.recipe.layers if variant.recipe else [])}
    return {name for name in found if name}


def left_in_english(result: AuditResult) -> list[str]:
    """Find two English words in a row that are not the data's."""
    known = sorted(names(result) | untold(result), key=len, reverse=True)
    left = []
    for text in visible_texts(render_html(result, language="zh")):
        ours = CITED.sub("", text)
        for name in known:
            ours = ours.replace(name, "")
        left += [f"{found[0]!r} in {text!r}" for found in ENGLISH.finditer(ours)]
    return left


def untold(result: AuditResult) -> set[str]:
    """Texts of the result that were not told from a message, as made-up results have them."""
    with writing("zh"):
        return {text for text in texts(result.model_dump(mode="json")) if retold(text) == (Given(text),)}


def texts(value: Any, field: str = "") -> Iterator[str]:
    """Texts of ours in a result; why a recipe could not be carried out is told by whoever refused it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("failed", "configuration", "model"):
                yield from texts(inner, field if field in TOLD and key not in ("what", "why") else key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, field)
    elif isinstance(value, str) and field in TOLD and re.search(r"[a-z]{2} ", value):
        yield value


def test_a_compressed_and_mitigated_network_is_reported_in_chinese(neural: AuditResult):
    assert neural.failed
    assert neural.counterfactuals
    assert left_in_english(neural) == []


def test_the_audit_of_the_readme_is_reported_in_chinese(tabular: AuditResult):
    assert left_in_english(tabular) == []


@pytest.mark.parametrize("made", [compressed_result, unreleased_result, compared_result])
def test_ladders_and_comparisons_are_reported_in_chinese(made):
    assert left_in_english(made()) == []


@pytest.mark.parametrize("run", ["neural", "tabular"])
def test_every_text_of_a_result_is_told_from_a_message(run: str, request: pytest.FixtureRequest):
    result: AuditResult = request.getfixturevalue(run)
    assert len(set(texts(result.model_dump(mode="json")))) > 30
    assert untold(result) == set()
