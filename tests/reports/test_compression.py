"""The chapter on compression: which variant may be released, what it saves, and who pays for it."""

from __future__ import annotations

import html as markup
import re
from xml.etree import ElementTree

import pytest
from fairweigh.audit.result import AuditResult, Standing
from fairweigh.compression.layers import OTHERS
from fairweigh.reports.drawing.limit_lines import gap_limits
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.findings import findings
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.plain.junit import render_junit
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.variants.change_tables import worst_changes, worst_gap_changes
from fairweigh.reports.variants.ladder_table import ladder, marks
from fairweigh.reports.variants.layer_charts import layer_views
from fairweigh.reports.variants.payers import paying_slices
from fairweigh.reports.variants.release import release
from fairweigh.reports.words.formats import count, figure, interval, magnitude, p_value, read_limit
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.lookup import variant_named
from fairweigh.reports.words.spoken import plain, verdict_reason, verdict_words, visible

from .compression_result import wide_result
from .recipes import layers
from .test_html import Page

NBSP = "\u00a0"


@pytest.fixture(scope="module")
def html(compressed: AuditResult) -> str:
    return render_annex(compressed)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def hostile_page(hostile_ladder: AuditResult) -> Page:
    return Page(render_annex(hostile_ladder))


def told(result: AuditResult) -> str:
    advice = release(result)
    assert advice is not None
    return " ".join(plain(part) for part in (advice.lead, *advice.rest))


def with_standing(result: AuditResult, name: str, **changes: object) -> AuditResult:
    frontier = result.frontier
    assert frontier is not None
    standings: list[Standing] = [
        s.model_copy(update=changes) if s.variant == name else s for s in frontier.variants
    ]
    return result.model_copy(update={"frontier": frontier.model_copy(update={"variants": standings})})


def test_first_screen_names_the_variant_what_it_saves_and_who_pays(
    compressed: AuditResult,
) -> None:
    text = told(compressed)
    assert text.startswith("Cheapest that passes: onnx-int8. ")
    assert f"It needs 26.0{NBSP}% of the storage and 40.0{NBSP}% of the time (38.0 to 42.4)." in text
    assert "Whose decisions change most: race=African-American" in text
    assert "Who pays" not in text
    meant = compressed.data.model_copy(update={"positive_is": "burden"})
    assert "Who pays: race=African-American" in told(compressed.model_copy(update={"data": meant}))
    assert " are no longer selected, " in text
    assert (
        "11 lighter variants were made; 4 pass every gate and target on the evaluation rows, 4 on those"
        in text
    )


def test_who_pays_names_no_crossing_of_a_slice_that_is_already_named(compressed: AuditResult) -> None:
    item = next(c for c in compressed.comparisons if c.after == "onnx-int8")
    assert [flips.slice for flips in paying_slices(item)] == [{"race": "African-American"}]


@pytest.mark.parametrize(("adjusted", "named"), [(0.049, True), (0.05, False), (None, False)])
def test_nobody_is_named_as_paying_without_a_proof(
    compressed: AuditResult, adjusted: float | None, named: bool
) -> None:
    item = next(c for c in compressed.comparisons if c.after == "onnx-int8")
    flips = [one.model_copy(update={"p_adjusted": adjusted}) for one in item.flips]
    assert bool(paying_slices(item.model_copy(update={"flips": flips}))) is named


def test_a_choice_on_the_rows_that_judge_it_is_told_as_not_certified(compressed: AuditResult) -> None:
    frontier = compressed.frontier.model_copy(
        update={"certified": False, "selection": [], "selection_rows": None}
    )
    result = compressed.model_copy(update={"frontier": frontier})
    told = (
        f"Chosen among {len(frontier.variants)} variants on the rows that judge it: its verdict is not "
        "certified. Set data.selection to choose on other rows."
    )
    assert told in Page(render_report(result, charts=False)).text
    assert told in markup.unescape(render_markdown(result))
    assert told in render_text(result)
    assert "not certified" in marks(variant_named(result, "onnx-int8"), result)
    with writing("zh"):
        assert "请设置 data.selection" in plain(release(result).changes[0])
    for certified in (True, None):
        kept = compressed.frontier.model_copy(update={"certified": certified})
        assert told not in render_text(compressed.model_copy(update={"frontier": kept}))


def test_variant_that_harms_no_slice_more_than_others_says_so(compressed: AuditResult) -> None:
    frontier = compressed.frontier.model_copy(update={"recommended": "int8-dynamic-embeddings"})
    spread = compressed.comparisons[1].model_copy(
        update={
            "flips": [
                f.model_copy(update={"ratio_low": 0.8, "p_adjusted": 1.0})
                for f in compressed.comparisons[1].flips
            ]
        }
    )
    others = [c for c in compressed.comparisons if c.after != spread.after]
    result = compressed.model_copy(update={"frontier": frontier, "comparisons": [*others, spread]})
    assert "No slice’s decisions change provably more often" in told(result)


def test_without_a_qualified_variant_the_nearest_and_its_misses_are_named(unreleased: AuditResult) -> None:
    text = told(unreleased)
    assert text.startswith("No variant qualifies for release. Nearest: int8-dynamic. It misses: Storage,")
    assert f"at most 50{NBSP}% of the original’s (fail)" in text
    assert "No variant qualifies for release." in verdict_reason(unreleased)


def test_chosen_variant_that_fails_on_the_evaluation_rows_is_not_recommended(compressed: AuditResult) -> None:
    result = with_standing(compressed, "onnx-int8", verdict="fail", misses=["storage"])
    text = told(result)
    assert text.startswith("onnx-int8 was chosen, but the evaluation rows do not certify it. It misses:")
    assert release(result).verdict == "fail"


def test_original_is_kept_when_it_is_what_the_frontier_recommends(compressed: AuditResult) -> None:
    frontier = compressed.frontier.model_copy(update={"recommended": "original"})
    assert told(compressed.model_copy(update={"frontier": frontier})).startswith("Keep the original: ")


def test_variant_that_missed_on_the_rows_of_the_choice_says_what(compressed: AuditResult) -> None:
    frontier = compressed.frontier
    chosen_on = [
        s.model_copy(update={"verdict": "inconclusive", "misses": ["fpr-race-change"]})
        if s.variant == "bf16"
        else s
        for s in frontier.selection
    ]
    changes = {"recommended": "original", "nearest": "bf16", "selection": chosen_on}
    text = told(compressed.model_copy(update={"frontier": frontier.model_copy(update=changes)}))
    assert text.startswith(
        "Keep the original: no lighter variant passes every gate and target. Nearest: bf16. "
    )
    assert "On the rows of the choice it misses: False positive rate by race, the gap grows by" in text


def test_run_in_which_nothing_is_required_recommends_nothing(compressed: AuditResult) -> None:
    frontier = compressed.frontier.model_copy(update={"recommended": None, "why": "No gate is set."})
    result = compressed.model_copy(update={"frontier": frontier, "gates": []})
    assert told(result) == "No variant is chosen. No gate is set."
    assert not ladder(result).judged
    assert "✓ pass" not in render_markdown(result).partition("| Variant")[2]


def test_target_is_told_apart_from_a_gate(compressed: AuditResult) -> None:
    target = compressed.gates[1].model_copy(
        update={"id": "target-agreement", "metric": "agreement", "limit": ">= 0.9", "measured": 0.985}
    )
    text = Page(render_annex(compressed.model_copy(update={"gates": [target]}), charts=False)).text
    assert "Agreement (target)all rows" in text
    assert f"≥{NBSP}90{NBSP}%" in text


def test_slower_variant_is_not_sold_as_a_saving(compressed: AuditResult) -> None:
    frontier = compressed.frontier.model_copy(update={"recommended": "fp16"})
    assert "it is slower" in told(compressed.model_copy(update={"frontier": frontier}))
    frontier = compressed.frontier.model_copy(update={"recommended": "prune-magnitude-0.5"})
    result = with_standing(
        compressed.model_copy(update={"frontier": frontier}), "prune-magnitude-0.5", verdict="pass"
    )
    assert "saves no time beyond the noise" in told(result)


def test_verdict_counts_the_gates_that_bind_and_mentions_the_others(compressed: AuditResult) -> None:
    assert verdict_reason(compressed) == (
        "All 7 gates pass. 50 more gates of variants that are not to be released: shown for information."
    )


def test_gates_table_holds_the_binding_gates_and_the_matrix_all(compressed: AuditResult, html: str) -> None:
    rows = re.findall(r'<tr class="gate">(.*?)</tr>', html, re.DOTALL)
    assert len(rows) == sum(gate.binding for gate in compressed.gates)
    matrix = html[html.index('class="cards matrix"') :].split("</table>")[0]
    assert len(re.findall(r'<td class="v \w+', matrix)) == len(compressed.gates)
    assert matrix.count(' info"') == sum(not gate.binding for gate in compressed.gates)


def test_change_and_cost_gates_read_as_what_they_ask(page: Page) -> None:
    assert f"the gap grows by at most 3{NBSP}points" in page.text
    assert f"falls by at most 1{NBSP}point" in page.text
    assert f"at most 50{NBSP}% of the original’s" in page.text


def test_finding_on_a_failed_change_names_the_variant_and_both_gaps(compressed: AuditResult) -> None:
    gates = [
        g.model_copy(update={"verdict": "fail"})
        if g.id in ("fpr-race-change", "accuracy-change", "storage") and g.variant == "onnx-int8"
        else g
        for g in compressed.gates
    ]
    found = findings(compressed.model_copy(update={"gates": gates}))
    leads = [plain(finding.lead) for finding in found]
    gap = r"With onnx-int8 the gap in false positive rate of race=\w+ against race=\S+ goes from −"
    assert re.match(gap, leads[0])
    assert leads[1] == f"With onnx-int8 the accuracy of all rows goes from 65.4{NBSP}% to 65.1{NBSP}%."
    assert leads[2] == "Storage of onnx-int8 against the original’s."
    assert plain(found[0].rest).startswith("The growth of the gap in false positive rate, ")
    assert f"exceeds the limit of 50{NBSP}%" in plain(found[2].rest)


def test_gate_of_another_variant_is_no_finding(compressed: AuditResult) -> None:
    assert not [f for f in findings(compressed) if f.gate is not None]


def test_ladder_has_a_row_per_variant_and_per_failed_recipe(compressed: AuditResult, html: str) -> None:
    steps = ladder(compressed)
    assert [step.name for step in steps.steps] == [
        *(variant.name for variant in compressed.variants),
        *(item.name for item in compressed.failed),
    ]
    table = html[html.index('class="cards ladder"') :].split("</table>")[0]
    text = Page(f"<table>{table.partition('>')[2]}</table>").text
    for variant in compressed.variants:
        assert magnitude(variant.cost.stored_bytes, "B") in text
    for item in compressed.failed:
        assert item.why in text
    for standing in compressed.frontier.variants:
        assert figure(standing.worst_gap, "gap") in text
        assert f"mean {figure(standing.mean_gap, 'gap')}" in text
    assert text.count("★ cheapest that passes") == 1
    assert text.count("no saving beyond the noise") == 3


def test_figures_of_the_released_variant_are_those_of_the_result(compressed: AuditResult, page: Page) -> None:
    item = next(c for c in compressed.comparisons if c.after == "onnx-int8")
    for flips in [item.overall, *item.flips]:
        assert interval(flips.low, flips.high, "percent") in page.text
        if flips.ratio is not None:
            assert interval(flips.ratio_low, flips.ratio_high, "ratio") in page.text
            assert p_value(flips.p_adjusted) in page.text
        assert figure(flips.kl, "index") in page.text
    for change in (change for change in item.changes if not change.slice):
        assert figure(change.after, "percent") in page.text
        assert interval(change.low, change.high, "points") in page.text
    worst = max((g for g in item.gap_changes if g.status == "ok"), key=lambda gap: gap.worse_low)
    assert interval(worst.worse_low, worst.worse_high, "points") in page.text


def test_worst_changes_come_first_and_the_rest_is_counted(compressed: AuditResult) -> None:
    item = next(c for c in compressed.comparisons if c.after == "prune-magnitude-0.9")
    changes, left = worst_changes(item, compressed, 5)
    assert left == sum(bool(change.slice) for change in item.changes) - 5
    # The true positive rate of Hispanic people is what this variant was made to harm.
    assert plain(changes.rows[0].name) == "True positive rate, race=Hispanic & sex=Male"
    gaps, left = worst_gap_changes(item, compressed, 5)
    assert left == len(item.gap_changes) - 5
    grown = max(gap.worse_low for gap in item.gap_changes if gap.status == "ok")
    assert gaps.rows[0].cells[-1].interval.startswith(figure(grown, "points", unit=False))


def test_costs_recipe_and_artefact_are_told(compressed: AuditResult, page: Page) -> None:
    for variant in compressed.variants[1:]:
        for step in variant.recipe.steps:
            assert step.changed in page.text
            assert all(note in page.text for note in step.notes)
        assert variant.recipe.reload in page.text
        assert variant.recipe.sha256 in page.text
        assert magnitude(variant.cost.resident_bytes, "B") in page.text
        assert magnitude(variant.cost.flops_per_row, "FLOP") in page.text
    assert "67,349 rows of the training split" in page.text
    assert "theoretical: the artefact does not store it so" in page.text
    assert "97.0 to 103.0" in page.text  # the second copy of the original
    assert "rows 64, tokens 8192, padding longest" in page.text


def test_the_row_of_all_other_tensors_has_a_chinese_name_in_charts_and_tables() -> None:
    """It is ours, and no layer's of the model, also where the run was made in English."""
    model_layer, others = layers(0.5)[5:7]
    others = others.model_copy(update={"name": str(OTHERS), "type": ""})

    def written() -> list[str]:
        views = layer_views([model_layer, others], 2, "k", charts=True, histograms=2)
        assert views is not None
        assert views.chart is not None
        assert views.histograms is not None
        rows = " ".join(plain(row.name) for row in views.table.rows)
        labels = " ".join(plain(label.name) for label in views.chart.labels)
        return [rows, labels, views.chart.drawing.svg, views.histograms.svg]

    for text in written():
        assert OTHERS in text
    with writing("zh"):
        for text in written():
            assert OTHERS not in text
            assert "偏置、归一化参数与缓冲区" in text
            assert model_layer.name[-25:] in text


def test_recommendation_shows_both_splits_weights_and_targets(compressed: AuditResult, page: Page) -> None:
    frontier = compressed.frontier
    assert frontier.why in page.text
    assert (
        "Chosen on the 3,120 rows of split 'selection', certified on the 7,214 evaluation rows." in page.text
    )
    assert "1 × compute + 1 × storage" in page.text
    assert f"Accuracy ≥ 64{NBSP}%" in page.text
    assert f"Agreement ≥ 90{NBSP}%" in page.text
    for chosen, certified in zip(frontier.selection, frontier.variants, strict=True):
        both = f"{figure(chosen.worst_gap, 'gap', unit=False)} → {figure(certified.worst_gap, 'gap')}"
        assert both in page.text


def test_limit_that_a_passing_variant_lies_beyond_is_not_drawn(compressed: AuditResult) -> None:
    assert [value for value, _ in gap_limits(compressed)] == [0.4]
    assert gap_limits(with_standing(compressed, "bf16", worst_gap=0.45)) == []


def test_identified_rows_are_counted_by_slice_and_never_shown(compressed: AuditResult, page: Page) -> None:
    assert f"{count(compressed.identified.rows)} rows are decided otherwise" in page.text
    assert "identified.parquet" in page.text
    for line in compressed.identified.composition:
        assert count(line["identified"]) in page.text


def test_each_chart_is_one_image_with_its_own_ids(html: str) -> None:
    images = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    names = [re.search(r'aria-labelledby="([\w-]+)-title', image)[1] for image in images]
    assert len(names) == len(set(names))
    assert {"frontier-chart", "variant-3-pairs", "variant-3-flips", "variant-3-layers"} <= set(names)
    for image in images:
        assert 'role="img"' in image[:200]
        assert image.count("role=") == 1
        assert re.search(r"<title id=.*?>.+?</title><desc id=.*?>.+?</desc>", image, re.DOTALL)


def test_frontier_in_words_gives_cost_gap_and_verdict_of_every_variant(
    compressed: AuditResult, html: str
) -> None:
    described = re.search(r'<desc id="frontier-chart-desc">(.*?)</desc>', html)[1]
    for standing in compressed.frontier.variants:
        assert f"{standing.variant}: cost {figure(standing.cost, 'ratio')}" in described
        assert verdict_words(standing.verdict) in described
    assert described.count("recommended") == 1


@pytest.mark.parametrize("which", ["page", "hostile_page"])
def test_ids_are_unique_and_nothing_runs(which: str, request: pytest.FixtureRequest) -> None:
    parsed: Page = request.getfixturevalue(which)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    tags = [tag for tag, _ in parsed.elements]
    assert not set(tags) & {"img", "link", "iframe", "object"}
    # The one that sorts tables; nothing of the data is in it.
    assert tags.count("script") == 1
    for _, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith(("#", "report.html"))
        for target in (attributes.get("aria-labelledby") or "").split():
            assert target in ids


def test_hostile_variants_layers_and_reasons_show_as_text(
    hostile_page: Page, hostile_ladder: AuditResult, hostile_names: tuple[str, ...]
) -> None:
    for name in hostile_names:
        assert re.sub(r"[ \n]+", " ", visible(name)) in hostile_page.text
    for variant in hostile_ladder.variants:
        assert re.sub(r"[ \n]+", " ", visible(variant.name)) in hostile_page.text
    marker, markdown = render_markdown(hostile_ladder).split("\n", 1)
    assert re.fullmatch(r"<!-- fairweigh:[\w:.-]+ -->", marker)
    assert not re.search(r"[<>`@\[\]]", markdown)
    assert not [c for c in render_text(hostile_ladder) if ord(c) < 32 and c != "\n"]


def test_only_binding_gates_turn_the_suite_red(unreleased: AuditResult) -> None:
    suite = ElementTree.fromstring(render_junit(unreleased).encode())
    cases = suite.findall("testcase")
    binding = [gate for gate in unreleased.gates if gate.binding]
    assert int(suite.get("tests")) == len(cases) == len(unreleased.gates)
    assert int(suite.get("failures")) == int(suite.get("errors")) == 0
    assert not suite.findall("testcase/failure")
    skipped = suite.findall("testcase/skipped")
    assert int(suite.get("skipped")) == len(skipped) == len(unreleased.gates) - len(binding)
    assert all(
        note.get("message").startswith("for information: not the variant to be released") for note in skipped
    )
    assert any("✕ fail" in note.get("message") for note in skipped)


def test_comment_on_a_pull_request_holds_the_ladder(compressed: AuditResult) -> None:
    text = render_markdown(compressed)
    assert "**Cheapest that passes: onnx-int8.**" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    steps = [row for row in rows if row.count("|") == 8][: len(compressed.variants) + 3]
    assert len(steps) == len(compressed.variants) + len(compressed.failed) + 2
    assert sum("★ cheapest that passes" in row for row in steps) == 1
    assert any("| **onnx-int8** (★ cheapest that passes" in row for row in steps)
    gates = [row for row in rows if "onnx-int8: " in row]
    assert len(gates) == sum(g.binding and g.variant == "onnx-int8" for g in compressed.gates)


def test_terminal_text_holds_advice_and_ladder(compressed: AuditResult) -> None:
    text = render_text(compressed)
    assert "Cheapest that passes: onnx-int8." in text
    assert "onnx-int8 [★ cheapest that passes] [on the frontier]: Storage 26.0" in text
    assert "int4-weight: not made: int4-weight needs CUDA" in text


def test_two_audits_compared_have_no_columns_of_cost(compared: AuditResult) -> None:
    page = Page(render_annex(compared))
    steps = ladder(compared)
    assert steps.heads == ["Accuracy", "Decisions changed"]
    assert not steps.judged
    report = Page(render_report(compared)).text
    assert "april compared with march." in report
    assert "Whose decisions change most: race=African-American" in report
    assert "Before and after" in page.text
    for absent in ("What it costs", "How it was made", "Frontier", "by itself", "Gates by variant"):
        assert absent not in page.text
    assert "From here on all figures are those of april." in page.text


def test_report_without_charts_holds_the_same_chapter(compressed: AuditResult) -> None:
    text = Page(render_annex(compressed, charts=False)).text
    assert "<svg" not in text
    assert "Table of cost and gaps" in text
    assert "Whose decisions changed" in text
    assert "Who pays" not in text


def test_many_slices_and_variants_are_cut_with_a_statement() -> None:
    text = Page(render_annex(wide_result(30, 4, 9), charts=False)).text
    assert re.search(r"\d+ more slices: the rest is in audit\.json", text)
    assert re.search(r"\d+ more changes: the rest is in audit\.json", text)


def test_storage_is_not_rounded_onto_a_limit_that_it_exceeds(compressed: AuditResult) -> None:
    gate = next(gate for gate in compressed.gates if gate.metric == "storage")
    limit = read_limit(gate.limit)
    heavy = [
        v.model_copy(update={"cost": v.cost.model_copy(update={"storage": limit.value + 7e-5})})
        for v in compressed.variants
    ]
    found = ladder(compressed.model_copy(update={"variants": heavy}))
    shown = {step.cells[0].text for step in found.steps if not step.failed}
    assert shown == {f"{limit.value * 100 + 0.01:.2f}{NBSP}%"}
