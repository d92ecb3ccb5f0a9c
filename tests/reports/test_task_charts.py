"""The charts of single tasks: what is handed to the engine are the result's figures, each with its limits.

Outside answers: numpy and scikit-learn on the rows that the results were made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fairweigh.audit.result import AuditResult, Estimate, ScoreDetail
from fairweigh.reports.drawing import svg
from fairweigh.reports.drawing.charts import slice_charts
from fairweigh.reports.drawing.engine import ENGINE
from fairweigh.reports.drawing.exposure_chart import exposure_chart
from fairweigh.reports.drawing.mean_chart import mean_chart
from fairweigh.reports.drawing.quantile_chart import quantile_caption, quantile_chart
from fairweigh.reports.drawing.score_charts import MOST_SLICES, class_charts, error_chart
from fairweigh.reports.slices.score_tables import quantile_table
from fairweigh.reports.words.formats import figure
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.order import slices_by
from fairweigh.reports.words.spoken import plain
from sklearn.metrics import roc_auc_score

from . import task_runs

Specs = list[dict[str, Any]]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Specs:
    """The specifications that the engine was handed, in the order in which it drew them."""
    specs: Specs = []

    class Recording:
        def svg(self, spec: dict[str, Any]) -> str:
            specs.append(spec)
            return ENGINE.svg(spec)

    monkeypatch.setattr(svg, "ENGINE", Recording())
    return specs


def values(spec: dict[str, Any], panel: int, **wanted: Any) -> list[dict[str, Any]]:
    """The data of a panel that have these fields; without any, its heading."""
    mine = [v for v in spec["data"]["values"] if v["panel"] == panel]
    if not wanted:
        return [v for v in mine if v.get("title")]
    return [v for v in mine if all(v.get(name) == value for name, value in wanted.items())]


def marks(spec: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Every layer of the panels: its mark, and the fields that it draws."""
    for layer in spec["spec"]["layer"]:
        mark = layer["mark"]
        encoded = [v for v in layer["encoding"].values() if isinstance(v, dict)]
        fields = {v["field"] for v in encoded if "field" in v}
        yield mark if isinstance(mark, str) else mark["type"], fields


def text_alternative(drawing: svg.Drawing) -> str:
    return re.search(r"<desc[^>]*>(.*?)</desc>", drawing.svg)[1]


def errors(run: task_runs.Run, feature: str) -> list[ScoreDetail]:
    details = [d for d in run.result.variants[0].scores if tuple(d.slice) == (feature,)]
    return sorted(details, key=lambda d: -d.n)


# ---- rankings -----------------------------------------------------------------------------------------


def test_exposure_chart_draws_the_share_of_the_exposure_down_to_each_rank(
    ranking_run: task_runs.Run, drawn: Specs
) -> None:
    rows = slices_by(ranking_run.result.variants[0], ("studio",))
    drawing = exposure_chart(rows, "k")
    (spec,) = drawn
    table = ranking_run.rows
    rank = table.groupby("user").score.rank(ascending=False, method="first")
    assert rank.max() == 20
    got = np.where(rank <= 10, 1 / np.log2(1 + rank), 0.0)
    for panel, row in enumerate(rows):
        mine = (table.studio == row.slice["studio"]).to_numpy()
        own = values(spec, panel, part="own")
        assert [v["x"] for v in own] == list(range(1, 11))
        for point in own:
            among = (rank <= point["x"]).to_numpy()
            assert point["y"] == pytest.approx(got[mine & among].sum() / got[among].sum())
        for part, known in (
            ("items", mine.mean()),
            ("relevance", table.liked[mine].sum() / table.liked.sum()),
        ):
            ends = values(spec, panel, part=part)
            assert [v["x"] for v in ends] == [1, 10]
            assert [v["y"] for v in ends] == pytest.approx([known, known])
        (heading,) = values(spec, panel)
        assert (heading["title"], heading["subtitle"]) == (row.slice["studio"], f"{mine.sum():,} rows")
    told = text_alternative(drawing)
    last = values(spec, 0, part="own")[-1]["y"]
    assert f"{100 * last:.1f}\u00a0% down to rank 10" in told
    assert drawing.svg.count("<text") >= 4


def test_exposure_chart_draws_the_largest_slices_in_the_order_given(
    ranking_run: task_runs.Run, drawn: Specs
) -> None:
    row = slices_by(ranking_run.result.variants[0], ("studio",))[0]
    many = [row.model_copy(update={"slice": {"studio": f"s{k}"}, "n": k}) for k in range(1, MOST_SLICES + 4)]
    exposure_chart(many, "k")
    names = [v["title"] for v in drawn[0]["data"]["values"] if "title" in v]
    assert names == [f"s{k}" for k in range(4, MOST_SLICES + 4)]


def test_exposure_chart_without_curves_or_relevance(ranking_run: task_runs.Run, drawn: Specs) -> None:
    asking = slices_by(ranking_run.result.variants[0], ("sex",))
    assert exposure_chart(asking, "k") is None, "a user is not shown to anybody"
    row = slices_by(ranking_run.result.variants[0], ("studio",))[0]
    curve = row.exposure.model_copy(update={"relevance": None})
    drawing = exposure_chart([row.model_copy(update={"exposure": curve})], "k")
    assert values(drawn[0], 0, part="relevance") == []
    assert "relevance" not in text_alternative(drawing)


def test_figures_that_differ_by_the_rounding_of_sums_are_drawn_as_equal(
    ranking: AuditResult, drawn: Specs
) -> None:
    """Every user's list has the same exposure and one film that is liked, whoever asks."""
    variant = ranking.variants[0]
    rows = slices_by(variant, ("sex",))
    found = [row.metrics["exposure_per_relevance"].value for row in rows]
    apart = [
        row.model_copy(
            update={"metrics": {"exposure_per_relevance": Estimate(value=value * (1 + k * 2e-16), low=value)}}
        )
        for k, (row, value) in enumerate(zip(rows, found, strict=True))
    ]
    slice_charts(apart, variant, ["exposure_per_relevance"], ranking, "k")
    points = [values(drawn[0], 0, row=k)[0] for k in range(2)]
    assert {p["value"] for p in points} | {p["low"] for p in points} == {points[0]["overall"]}


def test_a_metric_that_no_slice_has_gets_no_panel(ranking: AuditResult, drawn: Specs) -> None:
    variant = ranking.variants[0]
    rows = slices_by(variant, ("studio",))
    (chart,) = slice_charts(rows, variant, ["ndcg", "mean_exposure"], ranking, "k")
    assert [v["title"] for v in drawn[0]["data"]["values"] if v["title"]] == ["Mean exposure"]
    assert "NDCG" not in chart.drawing.svg
    assert slice_charts(rows, variant, ["ndcg"], ranking, "k") == []


# ---- numbers ------------------------------------------------------------------------------------------


def test_mean_chart_draws_both_means_of_each_slice_with_their_limits(
    regression_run: task_runs.Run, drawn: Specs
) -> None:
    result, table = regression_run.result, regression_run.rows
    rows = slices_by(result.variants[0], ("g",))
    chart = mean_chart(rows, "mean_outcome", "mean_prediction", result, "k")
    (spec,) = drawn
    for position, row in enumerate(rows):
        (point,) = values(spec, 0, row=position)
        mine = table[table.g == row.slice["g"]]
        assert (point["before"], point["after"]) == pytest.approx((mine.y.mean(), mine.p.mean()))
        for side, metric in (("before", "mean_outcome"), ("after", "mean_prediction")):
            found = row.metrics[metric]
            limits = point[f"{side}_low"], point[f"{side}_high"]
            assert limits == pytest.approx((found.low, found.high))
            assert limits[0] < point[side] < limits[1]
        assert point["small"] is False
    layers = list(marks(spec))
    for side in ("before", "after"):
        assert ("rule", {f"{side}_low", f"{side}_high", "row"}) in layers
        assert ("point", {side, "row"}) in layers
    assert [(plain(label.name), label.n) for label in chart.labels] == [
        (row.slice["g"], str(row.n)) for row in rows
    ]
    first = table[table.g == rows[0].slice["g"]]
    assert f"outcome {first.y.mean():,.0f} (" in text_alternative(chart.drawing)


def test_mean_chart_of_slices_of_few_rows_and_of_undefined_means(
    regression: AuditResult, drawn: Specs
) -> None:
    rows = slices_by(regression.variants[0], ("g",))
    none = Estimate(value=None, status="undefined")
    rows[0] = rows[0].model_copy(update={"status": "small"})
    rows[1] = rows[1].model_copy(update={"metrics": {**rows[1].metrics, "mean_outcome": none}})
    chart = mean_chart(rows, "mean_outcome", "mean_prediction", regression, "k")
    small, lacking, _ = (values(drawn[0], 0, row=position)[0] for position in range(3))
    assert small["small"] is True
    assert (lacking["before"], lacking["before_low"]) == (None, None)
    assert lacking["after"] is not None
    assert f"{rows[1].slice['g']} undefined" in text_alternative(chart.drawing)
    bare = [row.model_copy(update={"metrics": {"mean_outcome": none}}) for row in rows]
    assert mean_chart(bare, "mean_outcome", "mean_prediction", regression, "k") is None


def test_error_chart_draws_the_rows_of_each_bin_on_one_axis(
    regression_run: task_runs.Run, drawn: Specs
) -> None:
    details = errors(regression_run, "g")
    chart = error_chart(details, "k")
    (spec,) = drawn
    table = regression_run.rows
    error = table.p - table.y
    edges = np.linspace(error.min(), error.max(), 21)
    for panel, detail in enumerate(details):
        mine = table.g == detail.slice["g"]
        bars = values(spec, panel, part="own")
        assert [v["x"] for v in bars] == pytest.approx(edges[:-1])
        assert [v["x2"] for v in bars] == pytest.approx(edges[1:])
        assert [v["y"] for v in bars] == np.histogram(error[mine], edges)[0].tolist()
        (heading,) = values(spec, panel)
        assert (heading["title"], heading["subtitle"]) == (detail.slice["g"], f"{mine.sum()} rows")
        assert f"{detail.slice['g']}, {mine.sum()} rows, mean error" in text_alternative(chart.drawing)
    assert spec["resolve"]["scale"] == {"y": "independent"}, (
        "errors are on one axis, bars to their own height"
    )
    assert chart.left_out == 0


def test_error_chart_leaves_small_slices_of_many_out_and_says_how_many(
    regression_run: task_runs.Run, drawn: Specs
) -> None:
    one = errors(regression_run, "g")[0]
    many = [one.model_copy(update={"slice": {"g": f"s{k}"}, "n": k}) for k in range(1, MOST_SLICES + 4)]
    chart = error_chart(many, "k")
    titles = [v["title"] for v in drawn[0]["data"]["values"] if "title" in v]
    assert titles == [f"s{k}" for k in range(MOST_SLICES + 3, 3, -1)]
    assert chart.left_out == 3
    assert error_chart([one.model_copy(update={"histogram_counts": []})], "k") is None


def test_quantile_chart_draws_the_quantiles_of_the_errors_and_the_limits_of_their_median(
    regression_run: task_runs.Run, drawn: Specs
) -> None:
    details = errors(regression_run, "g")
    chart = quantile_chart(details, "k")
    (spec,) = drawn
    table = regression_run.rows
    for position, detail in enumerate(details):
        error = (table.p - table.y)[table.g == detail.slice["g"]]
        known = np.quantile(error, (0.05, 0.25, 0.5, 0.75, 0.95), method="inverted_cdf")
        (row,) = values(spec, 0, row=position)
        assert [row[name] for name in ("first", "low", "middle", "high", "last")] == pytest.approx(known)
        median = detail.quantiles[2]
        assert (row["middle_low"], row["middle_high"]) == pytest.approx((median.low, median.high))
        assert f"50\u00a0% up to {figure(known[2], 'moved')}" in text_alternative(chart.drawing)
    layers = list(marks(spec))
    for fields in ({"first", "last", "row"}, {"middle_low", "middle_high", "row"}):
        assert ("rule", fields) in layers
    assert ("bar", {"low", "high", "row"}) in layers
    assert ("point", {"middle", "row"}) in layers
    assert [plain(label.name) for label in chart.labels] == [detail.slice["g"] for detail in details]


def test_quantile_chart_of_a_small_slice_and_of_a_result_without_quantiles(
    regression_run: task_runs.Run, drawn: Specs
) -> None:
    one, *_ = errors(regression_run, "g")
    small = [q.model_copy(update={"status": "small", "low": None}) for q in one.quantiles]
    quantile_chart([one.model_copy(update={"quantiles": small})], "k")
    (row,) = values(drawn[0], 0, row=0)
    assert (row["small"], row["middle_low"]) == (True, None)
    assert quantile_chart([one.model_copy(update={"quantiles": []})], "k") is None


def test_the_table_of_quantiles_has_each_with_its_limits_in_both_languages(
    regression_run: task_runs.Run,
) -> None:
    details = errors(regression_run, "g")
    for code, median, ends in (("en", "median", "5\u00a0% to 95\u00a0%"), ("zh", "中位数", "5% 至 95%")):
        with writing(code):
            table: Any = quantile_table(details).table
            assert table.heads[2][1] == median
            assert ends in quantile_caption(details[0].quantiles)
        for row, detail in zip(table.rows, details, strict=True):
            assert [c.text.value for c in row.cells] == [q.value for q in detail.quantiles]
            assert all(cell.interval for cell in row.cells)


# ---- classes and labels -------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_class_charts_draw_the_curves_of_each_class_with_the_limits_of_its_calibration(
    request: pytest.FixtureRequest, drawn: Specs, task: str
) -> None:
    run: task_runs.Run = request.getfixturevalue(f"{task}_run")
    details = [d for d in run.result.variants[0].scores if d.view is not None and not d.slice]
    charts = class_charts(details, "k")
    bars, calibration, roc = drawn
    assert sorted(detail.view for detail in details) == sorted(run.classes)
    assert [chart.left_out for chart in charts] == [0, 0, 0]
    for panel, detail in enumerate(details):
        name = detail.view
        if task == "multiclass":
            has, score = run.rows.y == name, run.rows[f"p{run.classes.index(name)}"]
        else:
            has, score = run.rows[name] == 1, run.rows[f"p_{name}"]
        assert [v["y"] for v in values(bars, panel, part="own")] == np.histogram(
            score, np.linspace(0, 1, 21)
        )[0].tolist()
        points = values(calibration, panel, part="own")
        for bin, point in zip(detail.calibration, points, strict=True):
            mine = (score >= bin.low) & ((score < bin.high) | (bin.high == 1))
            assert (point["x"], point["y"]) == pytest.approx((score[mine].mean(), has[mine].mean()))
            assert (point["low"], point["high"]) == (bin.rate_low, bin.rate_high)
        curve = values(roc, panel, part="own")
        area = np.trapezoid([v["y"] for v in curve], [v["x"] for v in curve])
        assert area == pytest.approx(roc_auc_score(has, score), abs=0.01)
        for spec in drawn:
            assert values(spec, panel)[0]["title"] == name
        for spec in (calibration, roc):
            assert [(v["x"], v["y"]) for v in values(spec, panel, part="line")] == [(0, 0), (1, 1)]
    assert ("rule", {"x", "low", "high"}) in list(marks(calibration))
    assert all("<title" in chart.drawing.svg and chart.caption for chart in charts)


def test_class_charts_of_more_classes_than_are_drawn_and_of_none(
    multiclass_run: task_runs.Run, drawn: Specs
) -> None:
    details = [d for d in multiclass_run.result.variants[0].scores if d.view is not None and not d.slice]
    one = details[0]
    many = [one.model_copy(update={"view": f"c{k}", "roc": []}) for k in range(MOST_SLICES + 2)]
    charts = class_charts(many, "k")
    assert [chart.left_out for chart in charts] == [2, 2]
    for spec in drawn:
        titles = [v["title"] for v in spec["data"]["values"] if "title" in v]
        assert titles == [f"c{k}" for k in range(MOST_SLICES)]
    assert class_charts([], "k") == []
