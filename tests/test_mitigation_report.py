"""The report on mitigated variants: what they are, what they cost, how they decide, and who gains and loses.

The runs are those of the compression report (real counts of COMPAS, planted flips), with some of their
variants said to be mitigated.
"""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from fairweigh.audit.result import (
    AuditResult,
    CellWeight,
    Failed,
    GateResult,
    Recipe,
    Rule,
    RuleSlice,
    Step,
    TradeOff,
    Variant,
)
from fairweigh.reports.drawing.standing_chart import Point
from fairweigh.reports.drawing.trade_off_chart import trade_off_chart, unbeaten
from fairweigh.reports.page.findings import findings
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.variants.ladder_table import ladder, trade_off
from fairweigh.reports.variants.release import release
from fairweigh.reports.variants.rule_tables import chance_words, flips_sentence, mitigation, threshold_words
from fairweigh.reports.words.formats import figure, interval
from fairweigh.reports.words.spoken import plain

from .reports.compression_result import compared_result, compressed_result
from .reports.recipes import PLANS
from .reports.test_html import Page

NBSP = "\u00a0"
INF = math.inf
REPAIR = Step(recipe="threshold", room="mitigation")
LIGHTER = Step(recipe="int8-dynamic", room="compression")
CURVE = [TradeOff(disparity=k / 500, performance=0.6 + k / 1000, chosen=k == 17) for k in range(60)]
THRESHOLDS = Rule(
    kind="thresholds", features=["sex"], unseen="common", fitted_on="2,412 rows of the training data",
    objective="accuracy", constraint="selection_rate difference", limit="<= 0.05", performance=0.6512,
    disparity=0.0493, curve=CURVE,
    slices=[
        RuleSlice(slice={"sex": "Female"}, n=500, positives=210, threshold=0.4312, before=0.31, after=0.44),
        RuleSlice(slice={"sex": "Male"}, n=1912, positives=904, threshold=-INF, before=0.52, after=1.0),
        RuleSlice(slice={}, n=2412, positives=1114, threshold=INF, before=0.48, after=0.0),
    ],
)  # fmt: skip
DRAWN = Rule(
    kind="randomised", features=["sex"], seed=7, drawn_by=["id"], fitted_on="some training rows",
    slices=[RuleSlice(slice={"sex": "Female"}, n=500, steps=[(-INF, 0.0), (0.25, 0.3), (0.5, 1.0)])],
)  # fmt: skip


def as_mitigated(result: AuditResult, recipes: dict[str, Recipe]) -> AuditResult:
    """The run with some variants said to be mitigated by the given recipes, and without costs and layers."""

    def changed(variant: Variant) -> Variant:
        recipe = recipes.get(variant.name)
        told = {"kind": "mitigated", "recipe": recipe, "cost": None, "self_flips": None}
        return variant.model_copy(update=told) if recipe else variant

    return result.model_copy(update={"variants": [changed(v) for v in result.variants], "failed": []})


def repaired(**changes: Any) -> Recipe:
    return Recipe(steps=[REPAIR], **changes)


def run(**recipes: Recipe) -> AuditResult:
    """A run of bf16, int8-dynamic and onnx-int8, of which those with a recipe are mitigated."""
    names = {"bf16": "bf16", "int8": "int8-dynamic", "onnx": "onnx-int8"}
    plans = tuple(plan for plan in PLANS if plan.name in names.values())
    return as_mitigated(compressed_result(plans), {names[key]: recipe for key, recipe in recipes.items()})


MIXES = {
    "compressed": {},
    "mitigated": {"bf16": repaired(), "int8": repaired(), "onnx": repaired()},
    "both": {"int8": repaired()},
    "one that is both": {"bf16": repaired(), "int8": repaired(), "onnx": Recipe(steps=[LIGHTER, REPAIR])},
}


def text_of(result: AuditResult) -> str:
    return Page(render_annex(result, charts=False)).text


def told(result: AuditResult) -> str:
    advice = release(result)
    assert advice is not None
    return " ".join(plain(part) for part in (advice.lead, *advice.rest))


@pytest.mark.parametrize(
    ("mix", "title", "made", "lighter"),
    [
        ("compressed", "Compression", "compressed", "lighter"),
        ("mitigated", "Mitigation", "mitigated", "mitigated"),
        ("both", "Compression and mitigation", "compressed or mitigated", "lighter or mitigated"),
        ("one that is both", "Compression and mitigation", "compressed or mitigated", "lighter or mitigated"),
    ],
)
def test_each_sentence_is_true_of_the_kinds_of_variants(
    mix: str, title: str, made: str, lighter: str
) -> None:
    result = run(**MIXES[mix])
    frontier = result.frontier
    html = render_annex(result, charts=False)
    assert f'<h2 id="compression">{title}</h2>' in html
    assert f"3 {lighter} variants were made" in told(result)
    kept = result.model_copy(
        update={"frontier": frontier.model_copy(update={"recommended": "original", "nearest": "bf16"})}
    )
    assert f"no {lighter} variant passes every gate and target" in told(kept)
    withheld = GateResult(
        id="release", metric="release", compare="value", limit="a variant that qualifies", decide="point",
        variant="bf16", verdict="inconclusive", why="None.",
    )  # fmt: skip
    open_verdict = result.model_copy(update={"gates": [withheld], "verdict": "inconclusive"})
    lead = findings(open_verdict)[0].lead
    assert plain(lead) == f"No {made} variant may be released."
    assert ("Rows that compression changes" in html) == (mix == "compressed")
    assert ("Rows that the variants change" in html) == (mix != "compressed")


def test_ladder_says_of_each_variant_what_it_is() -> None:
    result = run(int8=repaired(), onnx=Recipe(steps=[LIGHTER, REPAIR]))
    marks = {step.name: step.marks for step in ladder(result).steps}
    assert "compressed" in marks["bf16"]
    assert "mitigated" in marks["int8-dynamic"]
    assert "compressed and mitigated" in marks["onnx-int8"]
    assert not {"compressed", "mitigated"} & set(marks["original"])
    assert "int8-dynamic (mitigated" in render_markdown(result).replace("&#45;", "-")
    assert "onnx-int8 [compressed and mitigated]" in render_text(result)


def test_run_whose_only_mitigation_failed_is_one_of_mitigation() -> None:
    result = run()
    alone = result.model_copy(
        update={
            "variants": result.variants[:1],
            "comparisons": [],
            "failed": [Failed(name="threshold", steps=[REPAIR], why="No rows.")],
        }
    )
    assert '<h2 id="compression">Mitigation</h2>' in render_annex(alone, charts=False)


def test_runs_without_mitigation_show_nothing_of_it() -> None:
    for result in (compressed_result(), compared_result()):
        html = render_annex(result)
        assert trade_off(result) is None
        for absent in (
            "The price of fairness",
            "trade-off-chart",
            "Who gains",
            'caution">',
            "How it decides",
        ):
            assert absent not in html
        assert "mitigat" not in re.sub("(?s)<style>.*?</style>", "", html).lower()
    assert all(step.marks != ["compressed"] for step in ladder(compressed_result()).steps)


def test_price_table_holds_the_figures_of_every_variant() -> None:
    result = run(int8=repaired())
    page = text_of(result)
    table = trade_off(result)
    assert [step.name for step in table.steps] == [variant.name for variant in result.variants]
    for step, standing in zip(table.steps, result.frontier.variants, strict=True):
        assert step.cells[0].text == figure(standing.performance, "percent")
        assert step.cells[2].text == figure(standing.worst_gap, "gap")
        assert "True positive rate" in plain(step.worst) or "False positive rate" in plain(step.worst)
    for item, step in zip(result.comparisons, table.steps[1:], strict=True):
        change = next(c for c in item.changes if c.metric == "accuracy" and not c.slice)
        assert [plain(line) for line in step.cells[1].under] == [interval(change.low, change.high, "points")]
        assert (step.cells[3].text, step.cells[4].text) == (str(item.overall.gained), str(item.overall.lost))
    assert "The price of fairness" in page


def test_price_chart_tells_every_variant_in_words() -> None:
    result = run(int8=repaired())
    chart = trade_off_chart(result, "k")
    described = re.search(r"<desc.*?>(.*?)</desc>", chart.drawing.svg)[1]
    for standing in result.frontier.variants:
        assert f"{standing.variant}: performance {figure(standing.performance, 'percent')}" in described
    assert described.count("recommended") == 1
    assert "Accuracy: ≥ 60" in chart.drawing.svg + "".join(chart.beyond)


def test_line_joins_those_that_no_other_beats_on_both() -> None:
    standing = run().frontier.variants[0]
    places = [(0.1, 0.7), (0.2, 0.8), (0.2, 0.75), (0.3, 0.8), (0.4, 0.9)]
    points = [Point(standing, x, y) for x, y in places]
    assert [(p.x, p.y) for p in unbeaten(points, upwards=True)] == [(0.1, 0.7), (0.2, 0.8), (0.4, 0.9)]
    # Of errors the lower ones are better: then the first beats all.
    assert [(p.x, p.y) for p in unbeaten(points, upwards=False)] == [(0.1, 0.7)]


def test_chart_of_costs_is_left_out_where_all_cost_the_same() -> None:
    result = run(**MIXES["mitigated"])
    frontier = result.frontier
    level = [s.model_copy(update={"cost": 2.0}) for s in frontier.variants]
    html = render_annex(
        result.model_copy(update={"frontier": frontier.model_copy(update={"variants": level})})
    )
    assert "trade-off-chart" in html
    assert "frontier-chart" not in html


def test_first_screen_says_what_the_fairest_mitigation_would_change() -> None:
    result = run(int8=repaired(needs=["sex"]))
    first, best = (
        next(s for s in result.frontier.variants if s.variant == name)
        for name in ("original", "int8-dynamic")
    )
    change = next(
        c for c in next(i for i in result.comparisons if i.after == best.variant).changes
        if c.metric == "accuracy" and not c.slice
    )  # fmt: skip
    text = told(result)
    assert "Smallest gap by mitigation: int8-dynamic." in text
    limits = interval(change.low, change.high, "points")
    assert f"Accuracy changes by {figure(change.value, 'points')} ({limits})." in text
    gaps = f"{figure(best.worst_gap, 'gap')} (before: {figure(first.worst_gap, 'gap')})"
    assert gaps in text.partition("by mitigation")[2]
    assert text.partition("by mitigation")[2].count("Its decisions need sex.") == 1


def test_recommended_mitigation_is_told_of_once() -> None:
    result = run(int8=repaired(), onnx=repaired(needs=["sex", "race"]))
    text = told(result)
    assert text.startswith("Cheapest that passes: onnx-int8.")
    assert "Whose decisions change most: race=African-American" in text
    assert "Who pays" not in text
    assert "by mitigation" not in text
    assert "Its decisions need sex, race." in text


@pytest.mark.parametrize("charts", [True, False])
def test_rule_shows_thresholds_rates_and_the_rows_it_was_fitted_on(charts: bool) -> None:
    text = Page(render_annex(run(int8=repaired(rules=[THRESHOLDS], needs=["sex"])), charts=charts)).text
    assert "Thresholds by sex" in text
    assert "2,412 rows of the training data. These are not the audited rows." in text
    assert f"Accuracy; reached: 65.1{NBSP}%" in text
    assert f"Selection rate difference ≤ 5{NBSP}points; reached: 4.9{NBSP}points" in text
    for cell in ("0.4312", "everybody", "nobody", "every other value", f"31.0{NBSP}%", f"44.0{NBSP}%"):
        assert cell in text


def test_infinite_thresholds_and_certain_chances_are_words() -> None:
    assert threshold_words(-INF) == "everybody"
    assert threshold_words(INF) == "nobody"
    assert threshold_words(None) == "—"
    assert threshold_words(-0.5) == "−0.5000"
    assert [chance_words(p) for p in (0.0, 0.25, 1.0)] == ["0: nobody", "0.250", "1: everybody"]


def test_randomised_rule_is_named_with_what_decides_a_draw() -> None:
    text = text_of(run(int8=repaired(rules=[DRAWN], needs=["sex"])))
    assert "Randomised rule by sex" in text
    assert "decided by the row’s id and seed 7: the same row always gets the same draw" in text
    for line in ("below 0.2500", "from 0.2500 to below 0.5000", "from 0.5000 on", "0.300"):
        assert line in text


def test_floor_is_what_limits_the_performance_and_not_the_disparity() -> None:
    floor = THRESHOLDS.model_copy(update={"limit": "accuracy >= 0.64"})
    text = text_of(run(int8=repaired(rules=[floor])))
    assert f"Accuracy ≥ 64{NBSP}%; reached: 65.1{NBSP}%" in text
    assert f"Selection rate difference, made least; reached: 4.9{NBSP}points" in text


def test_curve_is_drawn_and_its_table_is_complete() -> None:
    html = render_annex(run(int8=repaired(rules=[THRESHOLDS])))
    table = html[html.index("<summary>Table of the search") :].split("</table>")[0]
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]
    assert len(rows) == len(CURVE)
    for row, point in zip(rows, CURVE, strict=True):
        assert figure(point.disparity, "gap") in row
        assert figure(point.performance, "percent") in row
    assert [k for k, row in enumerate(rows) if ">chosen<" in row] == [17]
    described = re.search(r'<desc id="variant-1-rule-1-desc">(.*?)</desc>', html)[1]
    assert f"Chosen: Selection rate difference 3.4{NBSP}points" in described
    assert "on the rows that the rules are fitted on, not on the audited ones" in html


def test_caution_stands_only_where_decisions_need_a_sensitive_feature() -> None:
    common = THRESHOLDS.model_copy(update={"features": [], "slices": THRESHOLDS.slices[-1:]})
    without = text_of(run(int8=repaired(rules=[common])))
    assert "Threshold for all rows" in without
    assert "Ricci" not in without
    needing = text_of(run(int8=repaired(rules=[THRESHOLDS], needs=["sex"]), bf16=repaired()))
    assert needing.count("557 U.S. 557") == 1
    assert "! Decisions need sex. Without it this variant cannot decide." in needing


def test_weights_of_reweighing_are_listed_by_slice_and_label() -> None:
    cells = [
        CellWeight(slice={"sex": sex}, label=label, n=n, weight=weight)
        for sex, label, n, weight in (("Female", True, 210, 1.117), ("Male", False, 1008, 0.9361))
    ]
    html = render_annex(run(int8=repaired(weights=cells)), charts=False)
    table = html[html.index("Weight of each training row") :].split("</table>")[0]
    assert re.findall(r'<td[^>]*>(.*?)</td>', table) == [
        "positive", "210", "1.117", "negative", "1,008", "0.936",
    ]  # fmt: skip


def test_flips_of_a_mitigated_variant_are_said_in_a_sentence() -> None:
    result = run(int8=repaired())
    item = next(i for i in result.comparisons if i.after == "int8-dynamic")
    overall = item.overall
    assert flips_sentence(item, None) == (
        f"Of 7,214 rows {overall.flips} change: {overall.gained} are newly selected, "
        f"{overall.lost} are no longer selected."
    )
    assert text_of(result).count(flips_sentence(item, None)) == 1
    assert flips_sentence(item, "burden") == (
        f"Of 7,214 rows {overall.flips} change: {overall.gained} gain a burden, "
        f"{overall.lost} are freed of one."
    )
    one = overall.model_copy(update={"flips": 1, "gained": 1, "lost": 0})
    assert flips_sentence(item.model_copy(update={"overall": one}), "benefit") == (
        "Of 7,214 rows 1 changes: 1 gains a favourable decision, none loses one."
    )
    none = overall.model_copy(update={"flips": 0, "gained": 0, "lost": 0})
    assert flips_sentence(item.model_copy(update={"overall": none}), None) == "Of 7,214 rows none changes."


def test_names_from_data_show_as_text() -> None:
    hostile = "<script>alert(1)</script>"
    rule = THRESHOLDS.model_copy(
        update={
            "features": [hostile], "fitted_on": hostile, "constraint": f"{hostile} difference",
            "slices": [RuleSlice(slice={hostile: hostile}, n=1, threshold=0.5)],
        }
    )  # fmt: skip
    drawn = DRAWN.model_copy(update={"drawn_by": [hostile], "objective": hostile, "limit": hostile})
    weights = [CellWeight(slice={hostile: hostile}, label=True, n=1, weight=1.0)]
    html = render_annex(run(int8=repaired(rules=[rule, drawn], weights=weights, needs=[hostile])))
    assert html.count("<script") == 1, "the one that sorts tables"
    assert html.count("&lt;script&gt;alert(1)") > 8


def test_many_slices_are_cut_with_a_count() -> None:
    many = [RuleSlice(slice={"sex": f"value {k}"}, n=10, threshold=0.5) for k in range(70)]
    rule = THRESHOLDS.model_copy(update={"slices": many})
    result = run(int8=repaired(rules=[rule]))
    view = mitigation(result.variants[1].recipe, result, 40, "k", charts=False)
    assert len(view.rules[0].slices.rows) == 40
    assert view.rules[0].not_listed == 30
    assert "30 more slices: the rest is in audit.json" in text_of(result)


def test_variant_without_layers_or_costs_has_neither_part() -> None:
    result = run(**MIXES["mitigated"])
    level = [s.model_copy(update={"cost": 2.0}) for s in result.frontier.variants]
    alone = result.model_copy(
        update={
            "variants": [v.model_copy(update={"cost": None}) for v in result.variants],
            "frontier": result.frontier.model_copy(update={"variants": level}),
        }
    )
    text = text_of(alone)
    for absent in ("Table of the layers", "What it costs", "by itself", "Table of cost", "1 × compute"):
        assert absent not in text
    assert ladder(alone).heads == ["Accuracy", "Largest gap", "Decisions changed"]
