"""The HTML report, read as a browser or a reviewer would."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fairweigh import reports
from fairweigh.audit.result import AuditResult, Estimate
from fairweigh.reports import render
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.words.formats import count, figure, interval
from fairweigh.reports.words.spoken import verdict_words, visible

VOID = {"meta", "wbr", "br", "link", "img", "input", "hr"}


SORTING = Path(reports.__file__).parent / "templates" / "sort.js"


class Page(HTMLParser):
    """Elements, attributes and texts of a page; complains of tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: Any, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: Any) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: Any) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        elif self._open and self._open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", "".join(self.texts))


@pytest.fixture(scope="module")
def page(compas: AuditResult) -> Page:
    return Page(render_annex(compas))


@pytest.fixture(scope="module")
def hostile_page(hostile: AuditResult) -> Page:
    return Page(render_annex(hostile))


def test_page_has_language_viewport_and_title(page: Page, compas: AuditResult) -> None:
    elements = dict(page.elements[:1])
    assert elements["html"]["lang"] == "en"
    assert any(tag == "meta" and a.get("name") == "viewport" for tag, a in page.elements)
    assert compas.title in page.text


def test_nothing_is_loaded_and_nothing_runs_but_the_sorting(page: Page, hostile_page: Page) -> None:
    for parsed in (page, hostile_page):
        tags = {tag for tag, _ in parsed.elements}
        assert [attributes for tag, attributes in parsed.elements if tag == "script"] == [{}]
        # Nothing of the data is in it, and it makes no code of text.
        assert "".join(parsed.scripts).strip() == SORTING.read_text(encoding="utf-8").strip()
        assert not re.search(r"\beval\b|\bFunction\b|innerHTML|fetch|import", "".join(parsed.scripts))
        assert not tags & {"link", "iframe", "img", "object", "embed", "image", "base", "form"}
        for _, attributes in parsed.elements:
            assert not [name for name in attributes if name.startswith("on")]
            assert "src" not in attributes
            assert (attributes.get("href") or "#").startswith(("#", "report.html"))
            assert "http" not in (attributes.get("style") or "")


def test_style_refers_to_nothing_outside(compas: AuditResult) -> None:
    style = re.search(r"<style>(.*?)</style>", render_annex(compas, charts=False), re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_names_show_as_text(hostile_page: Page, hostile_names: tuple[str, ...]) -> None:
    for name in hostile_names:
        assert re.sub(r"[ \n]+", " ", visible(name)) in hostile_page.text
    assert "\x00" not in hostile_page.text
    assert "\u202e" not in hostile_page.text


def test_hostile_names_show_as_text_inside_charts(hostile: AuditResult) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", render_annex(hostile), re.DOTALL))
    assert "&lt;script&gt;alert(1)" in drawn
    assert "<script" not in drawn
    assert "<img" not in drawn


def test_every_id_is_unique_and_every_link_leads_somewhere(page: Page, hostile_page: Page) -> None:
    for parsed in (page, hostile_page):
        ids = [a["id"] for _, a in parsed.elements if "id" in a]
        assert len(ids) == len(set(ids))
        for _, attributes in parsed.elements:
            for name in ("href", "aria-labelledby"):
                for target in (attributes.get(name) or "").split():
                    assert target == "report.html" or target.lstrip("#") in ids


def test_every_gate_shows_its_verdict_as_sign_and_word(compas: AuditResult) -> None:
    html = render_annex(compas, charts=False)
    rows = re.findall(r'<tr class="gate">(.*?)</tr>', html, re.DOTALL)
    assert len(rows) == len(compas.gates)
    for gate, row in zip(compas.gates, rows, strict=True):
        assert f">{verdict_words(gate.verdict)}<" in row


def test_all_outputs_state_the_same_verdicts(compas: AuditResult) -> None:
    outputs = render(compas, charts=False)
    assert set(outputs) == {"report.html", "annex.html", "figures.csv", "junit.xml", "summary.md"}
    for name in ("annex.html", "junit.xml", "summary.md"):
        text = outputs[name]
        for gate in compas.gates:
            assert verdict_words(gate.verdict) in text
        assert verdict_words(compas.verdict) in text


def test_figures_are_those_of_the_result(page: Page, compas: AuditResult) -> None:
    variant = compas.variants[0]
    for row in variant.slices:
        assert count(row.n) in page.text
        for estimate in row.metrics.values():
            if estimate.value is not None:
                assert figure(estimate.value, "percent") in page.text
                assert interval(estimate.low, estimate.high, "percent") in page.text
    for disparity in variant.disparities:
        if disparity.value is not None:
            kind: Any = "ratio" if disparity.compare == "ratio" else "points"
            assert figure(disparity.value, kind) in page.text


def test_undefined_figure_is_a_dash_with_its_reason(page: Page) -> None:
    # Asian women: nobody was rated medium or high, so there is no precision.
    assert "No row in the denominator TP / (TP + FP)." in page.text
    assert "—a" in page.text


def test_undefined_figure_without_a_reason_still_gets_a_footnote(compas: AuditResult) -> None:
    variant = compas.variants[0]
    bare = {**variant.overall, "accuracy": Estimate(value=None, status="undefined")}
    result = compas.model_copy(update={"variants": [variant.model_copy(update={"overall": bare})]})
    assert "the audit gives no reason" in Page(render_annex(result, charts=False)).text


def test_small_slices_are_marked(page: Page) -> None:
    assert "Native American few rows" in page.text


def test_disparity_that_rests_on_a_small_slice_warns(compas: AuditResult) -> None:
    variant = compas.variants[0]
    changed = [
        item.model_copy(update={"slice": {"race": "Native American"}})
        if item.scope == "between" and item.by == ["race"]
        else item
        for item in variant.disparities
    ]
    result = compas.model_copy(update={"variants": [variant.model_copy(update={"disparities": changed})]})
    assert "rests on a slice with few rows" in Page(render_annex(result, charts=False)).text


def test_synthetic_data_is_labelled_on_the_first_screen(compas: AuditResult) -> None:
    data = compas.data.model_copy(update={"synthetic": True})
    text = Page(render_annex(compas.model_copy(update={"data": data}), charts=False)).text
    assert text.index("Synthetic data: planted bias, no real people") < text.index("What was required")


def test_run_without_gates_says_that_its_verdict_proves_nothing(compas: AuditResult) -> None:
    result = compas.model_copy(update={"gates": [], "verdict": "pass"})
    assert "No gate was set" in Page(render_annex(result, charts=False)).text
    text = Page(render_report(result, charts=False)).text
    assert "No gate was set: nothing was required, so nothing is proven." in text


def test_impact_ratio_stands_under_its_own_reference(compas: AuditResult) -> None:
    variant = compas.variants[0]
    changed = [
        item.model_copy(update={"reference": {"race": "Native American"}})
        if (item.metric, item.by, item.compare) == ("selection_rate", ["race"], "ratio")
        else item
        for item in variant.disparities
    ]
    result = compas.model_copy(update={"variants": [variant.model_copy(update={"disparities": changed})]})
    text = Page(render_annex(result, charts=False)).text
    assert "Selection rate, against race=African-American" in text
    assert "Selection rate, against race=Native American" in text


def test_left_out_slices_of_a_gate_are_listed(page: Page) -> None:
    assert "Left out (few rows or unknown values): race=Asian; race=Native American." in page.text


def test_left_out_slices_are_told_with_the_rows_that_the_metric_counts_among(compas: AuditResult) -> None:
    gate = compas.gates[0].model_copy(update={"left_out_sizes": [22.0, 4.25]})
    text = Page(render_annex(compas.model_copy(update={"gates": [gate]}), charts=False)).text
    assert "race=Asian (22 effective rows); race=Native American (4.2 effective rows)." in text


def test_definitions_methods_provenance_and_gaps_are_there(page: Page, compas: AuditResult) -> None:
    for name in compas.variants[0].overall:
        assert compas.definitions[name].meaning in page.text
        assert compas.definitions[name].formula in page.text
    for text in (
        *compas.methods.values(),
        *(item.why for item in compas.not_measured),
        *compas.data.defects,
        *compas.data.warnings,
        compas.data.sha256,
        compas.data.citation,
        compas.environment.command,
        "fairweigh verify RUN",
        '"min_size": 30',
    ):
        assert text in page.text


def test_many_slices_are_cut_with_a_statement(make_result: Callable[..., AuditResult]) -> None:
    cells = {(f"a{k:03}", f"b{k % 7}"): (10 + k % 9, 5, 5, 20) for k in range(260)}
    text = Page(render_annex(make_result(cells, ["one", "two"]), charts=False)).text
    assert "60 more slices: the rest is in audit.json" in text
    assert "The first 40 slices of the table above" in text


def test_intersections_are_sorted_worst_first_and_small_ones_last(compas: AuditResult) -> None:
    html = render_annex(compas, charts=False)
    section = html[html.index('id="slices-3"') :]
    names = re.findall(r'<tr><th scope="row">(.*?)</th>', section, re.DOTALL)
    names = [Page(f"<p>{name}</p>").text for name in names]
    # Sorted by the gated metric, the false positive rate, where lower is better.
    assert names[:2] == ["African-American, Male", "African-American, Female"]
    assert all("few rows" in name for name in names[9:12])
    assert not any("few rows" in name for name in names[:9])


def test_result_without_slices_labels_or_gates_renders(make_result: Callable[..., AuditResult]) -> None:
    result = make_result({("a",): (1, 2, 3, 4)}, ["only"])
    variant = result.variants[0].model_copy(update={"slices": [], "disparities": []})
    data = result.data.model_copy(update={"label": None, "positive": [], "sensitive": []})
    result = result.model_copy(update={"variants": [variant], "data": data, "definitions": {}})
    assert "The data have no label" in Page(render_annex(result)).text
    assert "No gate was set" in Page(render_annex(result.model_copy(update={"variants": []}))).text


def test_each_chart_is_one_image_with_a_text_alternative(compas: AuditResult) -> None:
    html = render_annex(compas)
    images = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(images) == 6
    for image in images:
        assert 'role="img"' in image[:200]
        assert image.count("role=") == 1
        assert "aria-label=" not in image
        assert re.search(r"<title id=.*?>.+?</title><desc id=.*?>.+?</desc>", image, re.DOTALL)
    assert "African-American 44.8\u00a0% (42.6 to 47.2\u00a0%)" in images[0]


def test_report_without_charts_imports_neither_altair_nor_vl_convert(
    compas: AuditResult, tmp_path: Path
) -> None:
    path = tmp_path / "audit.json"
    path.write_text(compas.model_dump_json())
    code = (
        "import sys, pathlib\n"
        "import fairweigh.reports\n"
        "assert 'jinja2' not in sys.modules\n"
        "from fairweigh.audit.result import AuditResult\n"
        f"result = AuditResult.model_validate_json(pathlib.Path({str(path)!r}).read_text())\n"
        "out = fairweigh.reports.render(result, charts=False)\n"
        "assert '<svg' not in out['annex.html']\n"
        "assert not {'altair', 'vl_convert'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
