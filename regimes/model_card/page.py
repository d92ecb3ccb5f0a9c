"""A model card in Markdown with the Hub's metadata, and the Hub's evaluation results.

The card is in English in every language of the report, as the Hub's headings and metadata are.
``eval_results.yaml`` belongs into the folder ``.eval_results`` of a model's repository.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult, Disparity, SliceResult, Variant
from ...reports.plain.markdown import given, sentence
from ...reports.words.formats import count, figure, interval
from ...reports.words.language import later, writing
from ...reports.words.lookup import variant_named
from ...reports.words.order import disparities_by, feature_sets, key_metrics, slices_by
from ...reports.words.spoken import (
    compared_kind,
    compared_slices,
    features_name,
    metric_kind,
    slice_name,
    title_of,
    verdict_words,
)

TITLE = later("Model card (Markdown)")
CARD = "regimes/model-card/README.md"
RESULTS = "regimes/model-card/eval_results.yaml"
HUB = {
    "true_positive_rate": "recall",
    "precision": "precision",
    "accuracy": "accuracy",
    "f1": "f1",
    "auc": "roc_auc",
    "brier_score": "brier_score",
    "matthews_correlation": "matthews_correlation",
}
"""What the Hub calls a metric that it knows; others keep their own names."""
_CITATION = (
    "The form follows Mitchell et al., Model Cards for Model Reporting, FAT* 2019,"
    " doi:10.1145/3287560.3287596."
)


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the card, and the file of evaluation results that lies beside it in a model's repository."""
    variant = variant_named(result, regime.variant)
    assert variant is not None, "the audit checked the name"
    with writing("en"):
        head = _yaml(_metadata(regime.inputs, result, variant))
        body = "\n".join(_body(regime.inputs, result, variant))
        return {CARD: f"---\n{head}---\n\n{body}\n", RESULTS: _yaml(_entries(regime.inputs, result, variant))}


def _yaml(content: Any) -> str:
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    out = io.StringIO()
    writer.dump(content, out)
    return out.getvalue()


def _metadata(inputs: dict[str, Any], result: AuditResult, variant: Variant) -> dict[str, Any]:
    dataset = {"type": inputs["dataset_id"], "name": result.data.title}
    if result.data.split:
        dataset["split"] = result.data.split
    metrics = [
        {"type": HUB.get(name, name), "name": title_of(name, result.definitions), "value": item.value}
        for name, item in variant.overall.items()
        if item.value is not None
    ]
    found = {"task": {"type": inputs["task_type"]}, "dataset": dataset, "metrics": metrics}
    optional = {key: inputs[key] for key in ("language", "tags", "base_model") if inputs[key]}
    index = [{"name": inputs["model_name"], "results": [found]}]
    return {"license": inputs["license"], **optional, "model-index": _plain(index)}


def _entries(inputs: dict[str, Any], result: AuditResult, variant: Variant) -> list[dict[str, Any]]:
    """The overall figures in the form of the Hub's ``.eval_results`` files."""
    dataset = {"id": inputs["dataset_id"], "task_id": inputs["task_id"]}
    return [
        {
            "dataset": dict(dataset),
            "value": item.value,
            "date": result.created,
            "notes": f"{HUB.get(name, name)}, {item.n} rows, audited by fairweigh",
        }
        for name, item in variant.overall.items()
        if item.value is not None
    ]


def _plain(content: Any) -> Any:
    """Turn texts of our own kind into plain ones, which is all that YAML knows."""
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_plain(value) for value in content]
    return str(content) if isinstance(content, str) else content


def _body(inputs: dict[str, Any], result: AuditResult, variant: Variant) -> Iterable[str]:
    data, made = result.data, result.environment
    yield f"# {given(inputs['model_name'])}\n"
    if data.synthetic:
        yield "**Synthetic data**: planted bias, no real people.\n"
    yield "## Model details\n"
    yield f"- Developed by: {_said(inputs['developers'])}"
    yield f"- Licence: {given(inputs['license'])}"
    if len(result.variants) > 1:
        yield f"- Variant: {given(variant.name)}"
    for key in ("kind", "estimator", "sha256", "threshold", "decision"):
        if (value := getattr(variant.model, key)) is not None:
            yield f"- {key}: {given(str(value))}"
    yield "\n## Intended use\n"
    yield f"{given(inputs['intended_use'])}\n"
    yield f"Out of scope: {given(inputs['out_of_scope'])}\n"
    yield "## Factors\n"
    features = ", ".join(given(name) for name in data.sensitive) or "none"
    yield f"Sensitive features that were audited, alone and in intersections: {features}.\n"
    yield "## Metrics\n"
    for name in key_metrics(result, variant):
        definition = result.definitions.get(name)
        if definition is not None:
            yield f"- {definition.title}: `{definition.formula}`. {definition.meaning}"
    yield f"\nIntervals hold {result.confidence:.0%} confidence each.\n"
    yield "## Evaluation data\n"
    split = f", split {given(data.split)}" if data.split else ""
    yield f"{given(data.title)}{split}: {count(data.rows)} rows, SHA-256 {data.sha256}.\n"
    yield from (f"- {given(text)}" for text in [*data.defects, *data.warnings])
    yield "\n## Training data\n"
    yield f"{_said(inputs['training_data'])}\n"
    yield "## Quantitative analyses\n"
    yield from _quantitative(result, variant)
    yield "## Ethical considerations\n"
    yield f"{_said(inputs['ethical_considerations'])}\n"
    yield "## Caveats and recommendations\n"
    yield f"{given(inputs['limitations'])}\n"
    yield from (f"- Not measured: {given(item.what)}. {given(item.why)}" for item in result.not_measured)
    told = f"Audited {given(result.created)} with fairweigh {given(made.fairweigh)}; seed {made.seed}."
    yield f"\n{told} {_CITATION}"


def _said(text: str | None) -> str:
    return given(text) if text else "Not stated."


def _quantitative(result: AuditResult, variant: Variant) -> Iterable[str]:
    metrics = key_metrics(result, variant)
    heads = ["Slice", "n", *(given(title_of(name, result.definitions)) for name in metrics)]
    yield f"All rows:\n\n{_table(heads, [_overall_cells(metrics, result, variant)])}\n"
    sets = feature_sets(result, variant)
    for title, chosen in (
        ("Unitary results", [by for by in sets if len(by) == 1]),
        ("Intersectional results", [by for by in sets if len(by) > 1]),
    ):
        yield f"### {title}\n"
        for by in chosen:
            lines = [_slice_cells(row, metrics, result) for row in slices_by(variant, by)]
            yield f"{sentence(features_name(by))}:\n\n{_table(heads, lines)}\n"
            gaps = [_gap_cells(gap, result) for gap in disparities_by(variant, by, "between")]
            if gaps:
                yield _table(["Gap over the slices", "Value", "Interval", "Rests on"], gaps) + "\n"
        if not chosen:
            yield "None: one sensitive feature was audited.\n"
    gates = [gate for gate in result.gates if gate.variant == variant.name]
    if gates:
        yield "### Limits\n"
        for gate in gates:
            name = given(title_of(gate.metric, result.definitions))
            asked = f"{name}, {gate.compare} {given(gate.limit)}"
            yield f"- {verdict_words(gate.verdict)}: {asked}. {given(gate.why)}"
        yield ""


def _overall_cells(metrics: list[str], result: AuditResult, variant: Variant) -> list[str]:
    cells = [_estimate(name, variant.overall, result) for name in metrics]
    return ["all rows", count(result.data.rows), *cells]


def _slice_cells(row: SliceResult, metrics: list[str], result: AuditResult) -> list[str]:
    small = " (few rows)" if row.status == "small" else ""
    cells = [_estimate(name, row.metrics, result) for name in metrics]
    return [sentence(slice_name(row.slice)) + small, count(row.n), *cells]


def _estimate(name: str, metrics: Any, result: AuditResult) -> str:
    item, kind = metrics.get(name), metric_kind(name, result.definitions)
    if item is None or item.value is None:
        return "—"
    limits = "" if item.low is None else f" ({interval(item.low, item.high, kind)})"
    return figure(item.value, kind) + limits


def _gap_cells(gap: Disparity, result: AuditResult) -> list[str]:
    kind = compared_kind(gap.compare, gap.metric, result.definitions, gap.name)
    ends = sentence(compared_slices(gap.slice, gap.reference)) if gap.slice else ""
    name = given(title_of(gap.name, result.definitions))
    return [name, figure(gap.value, kind), interval(gap.low, gap.high, kind), ends]


def _table(heads: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] + ["--:"] * (len(heads) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [heads, rule, *lines])
