"""What Python users do with a result: frames, reports, and how it shows itself."""

from __future__ import annotations

import json
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.metrics.table import METRICS
from fairweigh.testing import assert_gate
from sklearn.metrics import precision_score, recall_score
from statsmodels.stats.proportion import proportion_confint

from .conftest import configured, people
from .melded import melded
from .tiny import FEATURES, numbers, trained_mlp, write_mlp

GATES = [
    {"metric": "true_positive_rate", "by": "sex", "compare": "difference", "limit": "<= 0.01"},
    {"id": "all", "metric": "accuracy", "limit": ">= 0.9"},
]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return people(600, race=None).to_pandas()


@pytest.fixture(scope="module")
def result(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> fairweigh.Result:
    config = configured(
        model={"decision": "approved"}, gates=GATES, metrics=["accuracy", "precision", "true_positive_rate"],
        data={"sensitive": ["sex"]},
    )  # fmt: skip
    return fairweigh.run(config, tmp_path_factory.mktemp("runs") / "t", data=frame)


def test_result_is_an_audit_result_that_knows_its_folder(result: fairweigh.Result, tmp_path: Path) -> None:
    assert isinstance(result, AuditResult)
    assert result.folder is not None
    assert (result.folder / "audit.json").read_text(encoding="utf-8") == result.model_dump_json(
        indent=1
    ) + "\n"
    assert fairweigh.load_result(result.folder) == result
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert again.folder == result.folder


def test_figures_are_tidy_and_equal_to_those_of_scikit_learn(
    result: fairweigh.Result, frame: pd.DataFrame
) -> None:
    figures = result.to_pandas()
    assert len(figures) == 3 * 3
    for value in ("Female", "Male"):
        rows = frame[frame["sex"] == value]
        mine = figures[figures["sex"] == value].set_index("metric")
        for metric, told in (("precision", precision_score), ("true_positive_rate", recall_score)):
            assert mine.loc[metric, "value"] == pytest.approx(told(rows["y"], rows["approved"]))
        n = int((rows["y"] == 1).sum())
        assert mine.loc["true_positive_rate", "n"] == n
        hits = int(rows.loc[rows["y"] == 1, "approved"].sum())
        # Clopper and Pearson's limits as statsmodels gives them.
        expected = proportion_confint(hits, n, method="beta")
        assert tuple(mine.loc["true_positive_rate", ["low", "high"]]) == pytest.approx(expected)
    overall = figures[figures["slice"] == "all rows"]
    assert overall["sex"].isna().all()
    assert set(overall["by"]) == {""}
    assert figures["n"].dtype == "Int64"
    assert set(figures["status"]) == {"ok"}


def test_gates_and_disparities_are_frames_with_melded_limits(
    result: fairweigh.Result, frame: pd.DataFrame
) -> None:
    gates: Any = result.to_pandas("gates").set_index("id")
    assert gates.loc["all", "verdict"] == "fail"
    assert gates.loc["all", "measured"] == pytest.approx((frame["y"] == frame["approved"]).mean())
    assert gates["binding"].all()
    positives = frame[frame["y"] == 1].groupby("sex")["approved"].agg(["sum", "count"])
    reference = gates.loc["gate-1", "reference"].removeprefix("sex=")
    other = gates.loc["gate-1", "sex"]
    assert {reference, other} == {"Female", "Male"}
    one, two = ((int(positives.loc[v, "sum"]), int(positives.loc[v, "count"])) for v in (other, reference))
    low, high = melded(one, two, 0.025)
    told = result.to_pandas("disparities").query(
        "name == 'true_positive_rate_difference' and scope == 'reference'"
    )
    assert told[["low", "high"]].to_numpy()[0] == pytest.approx([low, high])
    slices = result.to_pandas("gate_slices")
    assert slices.loc[slices["gate"] == "gate-1", "measured"].item() == pytest.approx(told["value"].item())
    decided = ["p", "p_adjusted", "p_pass", "rows_needed", "rows_needed_halfway", "at_no_size"]
    assert [name for name in gates.columns if name in decided] == decided
    assert [name for name in slices.columns if name in decided] == decided
    assert gates["claims"].dtype == slices["rows_needed_halfway"].dtype == "Int64"
    assert gates["at_no_size"].dtype == gates["approximate"].dtype == "bool"
    assert result.to_pandas("changes").empty
    assert list(result.to_pandas("flips").columns[:2]) == ["variant", "against"]


def test_undefined_is_missing_with_its_reason(here: Path) -> None:
    table = people(
        200, race=None, y=np.where(people(200)["sex"].to_numpy(zero_copy_only=False) == "Male", 0, 1)
    )
    result = fairweigh.run(
        configured(
            model={"decision": "approved"}, metrics=["true_positive_rate"], data={"sensitive": ["sex"]}
        ),
        data=table,
    )
    row = result.to_pandas().query("sex == 'Male'").iloc[0]
    assert pd.isna(row["value"])
    assert pd.isna(row["low"])
    assert (row["status"], row["n"]) == ("undefined", 0)
    assert row["why"] == result.variants[0].slices[1].metrics["true_positive_rate"].why


def test_feature_called_as_a_column_of_the_frame_keeps_apart(here: Path) -> None:
    table = people(200).rename_columns({"sex": "metric", "race": "value"})
    result = fairweigh.run(configured(data={"sensitive": ["metric", "value"]}), data=table)
    figures = result.to_pandas()
    assert set(figures["slice.metric"].dropna()) == {"Female", "Male"}
    assert set(figures["metric"]) == {"accuracy", "selection_rate"}
    assert set(figures["slice"]) >= {"all rows", "metric=Female", "value=a"}
    assert result.to_pandas("gates").columns[-2:].tolist() == ["slice.metric", "value"]


def test_changes_and_flips_are_counted_as_by_hand(here: Path) -> None:
    pytest.importorskip("torch")
    table = numbers(300)
    module = trained_mlp(table)
    factory = write_mlp(here, "net_of_frames")
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(module.state_dict(), "w.safetensors")
    result = fairweigh.Audit(
        "t", table, {"kind": "torch", "factory": factory, "path": "w.safetensors"}, features=FEATURES,
        label="y", sensitive=["sex"], id="id", compressions=[{"prune-magnitude": {"amount": 0.8}}],
        report={"charts": False}, metrics=["accuracy"],
    ).run()  # fmt: skip
    name = result.variants[1].name
    before, after = (
        pd.read_parquet(result.folder / "predictions" / f"{v}.parquet").set_index("id")
        for v in ("original", name)
    )
    flipped = before["y_pred"] != after["y_pred"]
    flips = result.to_pandas("flips")
    assert flips.loc[flips["slice"] == "all rows", "flips"].item() == flipped.sum() > 0
    women = flipped[before["sex"] == "Female"]
    assert flips.loc[flips["sex"] == "Female", ["n", "flips"]].to_numpy().tolist() == [
        [len(women), women.sum()]
    ]
    changes = result.to_pandas("changes").query("of == 'metric' and slice == 'all rows'")
    gain = (after["y_pred"] == after["y_true"]).mean() - (before["y_pred"] == before["y_true"]).mean()
    assert changes["value"].item() == pytest.approx(gain)
    assert set(result.to_pandas("changes")["of"]) == {"metric", "gap"}
    right = (after["y_pred"] == after["y_true"]).mean()
    assert_gate(result, metric="accuracy", limit=f">= {right - 1e-6:.9f}", on="compressed")
    with pytest.raises(AssertionError, match=name):
        # Not to be released, so that it binds no run; a test that names it still fails.
        assert_gate(result, metric="accuracy", limit=f">= {right + 1e-6:.9f}", on=name)


def test_gate_judges_the_run_by_a_policy_and_leaves_its_folder(
    result: fairweigh.Result, frame: pd.DataFrame, here: Path
) -> None:
    before = {p: p.read_bytes() for p in result.folder.rglob("*") if p.is_file()}
    hits = frame[frame["y"] == 1].groupby("sex")["approved"].mean()
    gap = float(abs(hits["Female"] - hits["Male"]))
    gate = {"metric": "true_positive_rate", "by": "sex", "compare": "difference", "decide": "point"}
    Path("policy.yaml").write_text(
        f"policy: ours\ngates:\n  - {json.dumps(gate | {'limit': f'<= {gap + 1e-6:.9f}'})}\n",
        encoding="utf-8",
    )
    judged = result.gate("policy.yaml")
    assert judged.verdict == "pass"
    assert abs(judged.gates[0].measured) == pytest.approx(gap)
    assert (judged.folder, judged.policy.name) == (result.folder, "ours")
    assert result.gate({"gates": [gate | {"limit": f"<= {gap - 1e-6:.9f}"}]}).verdict == "fail"
    assert result.gate().gates == result.gates
    assert "✕ fail" in result.gate({"gates": [gate | {"limit": "<= 0"}]})._repr_html_()
    assert "Judged by the policy ours" in Elements(judged._repr_html_()).text
    assert {p: p.read_bytes() for p in result.folder.rglob("*") if p.is_file()} == before


def test_gate_refuses_what_it_cannot_judge_in_one_line(result: fairweigh.Result, here: Path) -> None:
    with pytest.raises(fairweigh.InputError, match=r"none\.yaml: cannot be read"):
        result.gate("none.yaml")
    with pytest.raises(fairweigh.InputError, match="policy: gates"):
        result.gate({"gates": [{"metric": "tpr", "limit": "<= 1"}]})
    with pytest.raises(fairweigh.InputError, match="belongs to no run folder"):
        fairweigh.Result.of(result).gate("policy.yaml")


def test_reports_are_those_of_the_run_folder(result: fairweigh.Result, here: Path) -> None:
    assert result.to_html() == (result.folder / "report.html").read_text(encoding="utf-8")
    assert result.to_markdown() == (result.folder / "summary.md").read_text(encoding="utf-8")
    assert result.to_html(annex=True) == (result.folder / "annex.html").read_text(encoding="utf-8")
    assert result.to_html("r.html", charts=True, annex=True) is None
    assert "<svg" in Path("r.html").read_text(encoding="utf-8")
    assert result.to_html("r.html", charts=True) is None
    assert "annex.html" not in Path("r.html").read_text(encoding="utf-8")
    result.to_markdown(Path("r.md"))
    assert sorted(p.name for p in here.iterdir()) == ["r.html", "r.md"]


def test_wrong_names_and_places_are_one_line(result: fairweigh.Result, here: Path) -> None:
    with pytest.raises(fairweigh.InputError, match=r"expected one of figures, disparities, .* got 'gate'"):
        result.to_pandas("gate")
    with pytest.raises(fairweigh.InputError, match="language: expected one of en, zh, got 'tlh'"):
        result.to_html(language="tlh")
    with pytest.raises(fairweigh.InputError, match=r"none/r\.html: cannot be written: No such file"):
        result.to_html("none/r.html")
    assert list(here.iterdir()) == []


def test_one_line_and_a_page_say_the_verdict(result: fairweigh.Result) -> None:
    line = repr(result)
    assert line.startswith("Result(audit='t', verdict='fail', gates={")
    assert "\n" not in line
    assert len(line) < 400
    assert str(result).startswith("✕ fail: t. ")
    assert "\n## ✕ fail: t\n" in result._repr_markdown_()


class Elements(HTMLParser):
    """Names of the elements, and the text, of a fragment."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not {"src", "onclick"} & {name for name, _ in attrs}
        told = dict(attrs)
        assert tag == "a" or "href" not in told
        assert (told.get("href") or "").partition("?")[0].endswith("report.html") or tag != "a"

    def handle_data(self, data: str) -> None:
        self.text += data


def test_notebook_summary_has_verdict_gates_and_findings(result: fairweigh.Result) -> None:
    shown = Elements(result._repr_html_())
    assert "✕ fail" in shown.text
    assert shown.names.count("table") == 2, "the leading gate's chart, and all gates"
    told = shown.text.replace("\u202f", " ")
    assert all(f"{row['metric'].replace('_', ' ').capitalize()}" in told for row in GATES)
    measured = result.gates[1].measured
    assert measured is not None
    assert f"{measured * 100:.1f}\u00a0%" in shown.text
    assert "is below the limit of 90" in shown.text
    assert len(result._repr_html_()) < 40_000


def test_notebook_card_refers_to_the_report_where_there_is_one(
    result: fairweigh.Result, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def links(card: str) -> list[str]:
        return re.findall(r'href="([^"#]*)"', card)

    folder = result.folder
    assert folder is not None
    monkeypatch.chdir(tmp_path)
    assert links(result._repr_html_()) == [(folder / "report.html").absolute().as_uri()]
    near = tmp_path / "runs" / "a: b#1"
    near.mkdir(parents=True)
    (near / "report.html").touch()
    (link,) = links(fairweigh.Result.of(result, near)._repr_html_())
    assert link == "./runs/a%3A%20b%231/report.html"
    (near / "report.html").unlink()
    assert links(fairweigh.Result.of(result, near)._repr_html_()) == []
    assert links(fairweigh.Result.of(result, None)._repr_html_()) == []


def test_the_style_of_a_notebook_card_holds_in_the_card_alone(result: fairweigh.Result) -> None:
    card = result._repr_html_()
    style = card.partition("<style>")[2].partition("</style>")[0]
    selectors = re.findall(r"([^{};]+)\{", re.sub(r"@container[^{]*\{", "", style))
    assert len(selectors) > 40
    for selector in selectors:
        assert all(one.strip().startswith(".fairweigh-result") for one in selector.split(",")), selector
    assert "<script" not in card
    assert " id=" not in card


def test_notebook_summary_shows_hostile_text_as_text(here: Path) -> None:
    evil = "</style><script>alert(1)</script>"
    sex = np.where(np.arange(200) % 2, f"{evil}a", f"{evil}b")
    table = people(200, sex=sex).rename_columns({"sex": f"<img src=x>{evil}"})
    feature = f"<img src=x>{evil}"
    gate = {"metric": "selection_rate", "by": feature, "compare": "difference", "limit": "<= 0.001"}
    config = configured(data={"sensitive": [feature]}, gates=[gate], report={"title": evil, "charts": False})
    shown = fairweigh.run(config, data=table)._repr_html_()
    assert not {"script", "img"} & set(Elements(shown).names)
    assert evil in Elements(shown).text
    assert shown.count("</style>") == 1


def test_every_metric_has_a_place_in_the_frame(here: Path) -> None:
    result = fairweigh.run(configured(metrics=None), data=people(300))
    assert set(result.to_pandas()["metric"]) <= set(METRICS)
    assert len(set(result.to_pandas()["metric"])) == len(result.variants[0].overall)
