"""Two finished runs compared: matched by id, refused where they are not of the same data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.again.compare_runs import compare_runs
from fairweigh.audit.again.comparison import is_comparison
from fairweigh.audit.again.finished import read_result
from fairweigh.audit.again.recomputed import recomputed
from fairweigh.audit.result import AuditResult, Flips
from fairweigh.audit.store.checksums import check_files
from fairweigh.audit.store.folder import AUDIT, MANIFEST, checksum, manifest_text, open_run
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import sha256_file
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.meaning import direction_words
from fairweigh.reports.words.spoken import plain
from numpy.typing import NDArray

from ..reports.test_html import Page

N = 1500
GATES = [
    {"metric": "accuracy", "limit": ">= 0.6"},
    {"metric": "true_positive_rate", "by": "g", "compare": "change", "limit": "<= 0.5", "on": "compressed"},
    {"cost": "storage", "limit": "<= 0.5", "on": "compressed"},
    {"metric": "selection_rate", "by": "g", "compare": "difference", "limit": "<= 0.3"},
]


def rows(flips: float = 0.0, order: NDArray[Any] | None = None, **columns: Any) -> Any:
    r = np.random.default_rng(0)
    g, y = r.choice(["a", "b"], N), r.integers(0, 2, N)
    s = np.clip(r.normal(0.35 + 0.3 * y, 0.15), 0, 1)
    s = np.where((g == "b") & (r.random(N) < flips), 1 - s, s)
    table = pa.table(
        {"id": [f"r{i}" for i in range(N)], "g": g, "h": np.roll(g, 1), "y": y, "s": s, **columns}
    )
    return table if order is None else table.take(pa.array(order))


def audit(folder: Path, table: Any, **parts: Any) -> Path:
    config = {
        "audit": folder.name,
        "data": {"path": "rows", "label": "y", "sensitive": ["g"], "id": "id"},
        "model": {"score": "s", "threshold": 0.5},
        "report": {"charts": False},
        **parts,
    }
    fairweigh.run(config, folder, data=table)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audit(tmp_path_factory.mktemp("runs") / "first", rows())


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shuffled = np.random.default_rng(1).permutation(N)
    return audit(tmp_path_factory.mktemp("runs") / "second", rows(0.1, shuffled), gates=GATES[:1] + GATES[3:])


def compare(before: Path, after: Path, target: Path) -> AuditResult:
    with open_run(target) as folder:
        return compare_runs(before, after, folder, "fairweigh compare")


def test_rows_in_another_order_are_compared(first: Path, second: Path, tmp_path: Path) -> None:
    result = compare(first, second, tmp_path / "out")
    (comparison,) = result.comparisons
    assert (comparison.before, comparison.after, comparison.rows) == ("first", "second", N)
    assert [v.name for v in result.variants] == ["first", "second"]
    flips = {f.slice["g"]: f for f in comparison.flips}
    assert flips["a"].flips == 0
    assert flips["b"].low < 0.1 < flips["b"].high
    assert [(g.id, g.variant) for g in result.gates] == [("gate-1", "second"), ("gate-2", "second")]
    assert result.identified.rows == comparison.overall.flips
    identified = pq.read_table(tmp_path / "out" / result.identified.file)
    assert set(identified.column_names) == {"id", "variants", "share", "margin", "score_change"}
    assert {c.method for c in comparison.changes} <= set(result.methods)


def test_its_figures_follow_from_its_predictions(first: Path, second: Path, tmp_path: Path) -> None:
    result = compare(first, second, tmp_path / "out")
    assert check_files(tmp_path / "out") == []
    read = read_result(tmp_path / "out")
    assert read == result
    assert is_comparison(read)
    again, rows = recomputed(tmp_path / "out", read)
    assert again == result
    assert rows.equals(pq.read_table(tmp_path / "out" / "identified.parquet"))


def test_change_gates_are_judged_and_cost_gates_told(first: Path, tmp_path: Path) -> None:
    pq.write_table(rows(0.02).select(["id", "s"]), tmp_path / "light.parquet")
    given = [{"name": "given", "path": str(tmp_path / "light.parquet"), "score": "s"}]
    light = audit(tmp_path / "light", rows(0.02), gates=GATES, variants=given)
    result = compare(first, light, tmp_path / "out")
    assert [g.id for g in result.gates] == ["gate-1", "gate-2", "gate-4"]
    assert result.gates[1].compare == "change"
    assert result.gates[1].verdict == "pass"
    assert any(n.what == "Gate gate-3" for n in result.not_measured)
    assert recomputed(tmp_path / "out", result)[0].gates == result.gates


def _sign(folder: Path) -> None:
    """The manifest's checksums made those of the files."""
    content = json.loads((folder / MANIFEST).read_text())
    content["files"] = {name: sha256_file(folder / name) for name in content["files"]}
    with suppress(ValueError):
        told = json.loads((folder / AUDIT).read_text())
        content["configuration_sha256"] = checksum(told["configuration"])
        content["schema_version"] = told.get("schema_version", "1.0")
    (folder / MANIFEST).write_text(manifest_text(content))


def test_runs_of_one_name_are_told_apart(first: Path, tmp_path: Path) -> None:
    other = audit(tmp_path / "first", rows(0.05))
    result = compare(first, other, tmp_path / "out")
    assert [v.name for v in result.variants] == ["first-before", "first-after"]


def test_metrics_that_one_run_lacks_are_told(first: Path, tmp_path: Path) -> None:
    fewer = audit(tmp_path / "fewer", rows(0.05), metrics=["accuracy", "selection_rate", "log_loss"])
    result = compare(first, fewer, tmp_path / "out")
    assert set(result.variants[0].overall) == {"accuracy", "selection_rate"}
    told = next(n for n in result.not_measured if "both runs" in n.why)
    assert "Log loss" in told.what
    assert "F1" in told.what


def test_a_comparison_is_no_run_of_one_model(first: Path, second: Path, tmp_path: Path) -> None:
    compare(first, second, tmp_path / "out")
    with pytest.raises(InputError, match="compares two runs itself"):
        compare(first, tmp_path / "out", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def _half(table: Any) -> Any:
    return table.slice(0, N // 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: audit(f, _half(rows())), f"{N // 2} of its ids are not in other, such as 'r{N // 2}'"),
        (lambda f: audit(f, rows(y=rows()["h"]), data={"path": "rows", "label": "y", "positive": "a",
                         "sensitive": ["g"], "id": "id"}), r"data\.positive: '1' in .*, 'a' in"),
        (lambda f: audit(f, rows(), data={"path": "rows", "label": "y", "sensitive": ["g", "h"], "id": "id"}),
         r"data\.sensitive: 'g' in .*, 'g', 'h' in"),
        (lambda f: audit(f, rows(), data={"path": "rows", "sensitive": ["g"], "id": "id"}),
         r"data\.label: 'y' in .*, none in"),
        (lambda f: audit(f, rows(y=1 - rows()["y"].to_numpy())), "rows differ in the label"),
        (lambda f: audit(f, rows(g=np.roll(rows()["g"], 7))), "rows differ in the value of 'g'"),
    ],
    ids=["fewer rows", "positive", "sensitive", "label", "labels", "slices"],
)  # fmt: skip
def test_runs_on_other_data_are_refused(
    make: Callable[..., Path], message: Any, first: Path, tmp_path: Path
) -> None:
    other = make(tmp_path / "other")
    with pytest.raises(InputError, match=message):
        compare(first, other, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_whole_run_is_refused(first: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        compare(first, tmp_path, tmp_path / "out")
    changed = tmp_path / "changed"
    shutil.copytree(first, changed)
    path = changed / AUDIT
    path.write_text(path.read_text() + "\n")
    with pytest.raises(InputError, match=r"audit\.json: changed since the run was written"):
        compare(first, changed, tmp_path / "out")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "schema_version": "0.9"}))
    _sign(changed)
    with pytest.raises(
        InputError, match=r"written by a fairweigh of schema '0\.9'; this one reads schema 1\.x"
    ):
        compare(first, changed, tmp_path / "out")
    path.write_text(json.dumps({k: v for k, v in content.items() if k != "schema_version"}))
    _sign(changed)
    with pytest.raises(InputError, match=r"audit\.json: no schema_version; this fairweigh reads schema 1\.x"):
        compare(first, changed, tmp_path / "out")
    path.write_text("{")
    _sign(changed)
    with pytest.raises(InputError, match=r"cannot be read as JSON: EOF"):
        compare(first, changed, tmp_path / "out")


def test_rows_without_ids_are_the_same_rows_in_the_same_data_only(tmp_path: Path) -> None:
    """Rows are numbered then, and the same number in other data is another row."""
    data = {"path": "rows", "label": "y", "sensitive": ["g"]}
    one = audit(tmp_path / "one", rows(), data=data)
    same = audit(tmp_path / "same", rows(), data=data, model={"score": "s", "threshold": 0.6})
    mixed = audit(tmp_path / "mixed", rows(order=np.arange(N)[::-1]), data=data)
    assert compare(one, same, tmp_path / "out").comparisons[0].rows == N
    with pytest.raises(InputError, match="the data have no id"):
        compare(one, mixed, tmp_path / "other")


@pytest.fixture(scope="module")
def stricter(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, AuditResult]:
    """The same scores cut at 50 and at 60: every change is a favourable decision lost."""
    folder = tmp_path_factory.mktemp("cut")
    scores = pa.array(np.round(np.asarray(rows()["s"]) * 100, 1))
    table = rows().set_column(4, "s", scores)
    data = {"path": "rows", "label": "y", "sensitive": ["g"], "id": "id", "positive_is": "benefit"}
    for cut in (50, 60):
        model = {"score": "s", "threshold": cut, "scale": "rank"}
        audit(folder / f"cut-{cut}", table, data=data, model=model, slices={"min_size": cut}, gates=GATES[:1])
    return folder, table, compare(folder / "cut-50", folder / "cut-60", folder / "both")


def test_both_values_of_every_key_that_differs_are_told_with_the_checksums(stricter: Any) -> None:
    folder, _, result = stricter
    told = {d.key: (d.before, d.after) for d in result.differences}
    checksum_of_data = json.loads((folder / "cut-50" / AUDIT).read_text())["data"]["sha256"]
    assert told == {
        "data (sha256)": (checksum_of_data, checksum_of_data),
        "audit": ("cut-50", "cut-60"),
        "model.threshold": ("50.0", "60.0"),
        "slices.min_size": ("50", "60"),
    }
    assert AuditResult.model_validate_json(result.model_dump_json()).differences == result.differences


def test_the_report_of_two_runs_has_both_thresholds_and_the_direction_first(stricter: Any) -> None:
    _, table, result = stricter
    before, after = (np.asarray(table["s"]) >= cut for cut in (50, 60))
    lost = int((before & ~after).sum())
    way = f"{lost:,} of {N:,} rows lose it, none gains."
    rates = f"Selected before: {before.mean():.1%} of all rows; after: {after.mean():.1%}.".replace("%", " %")
    for text in (render_text(result), render_markdown(result)):
        assert text.index(way) < text.index("of the decisions change")
        assert rates in text.replace("\u00a0", " ")
    assert "model.threshold: 50.0 → 60.0" in render_text(result)
    both = render_report(result, charts=False) + render_annex(result, charts=False)
    page = Page(both).text.replace("\u00a0", " ")
    assert "threshold 50.0 → 60.0" in page
    assert "What differs between the two runs" in page
    assert page.index(way) < page.index("of the decisions change")
    assert "Model cut-60: threshold" in page
    both = render_report(result, language="zh", charts=False) + render_annex(
        result, charts=False, language="zh"
    )
    chinese = Page(both).text
    assert "cut-60：cut-50 与 cut-60 在相同样本上的对比" in chinese
    assert "on the same rows" not in chinese
    assert f"所有变更均为失去有利决策：{N:,} 个样本中有 {lost:,} 个失去" in chinese.replace("\u00a0", " ")


def test_what_stands_out_in_a_comparison_is_told_of_the_later_run(tmp_path: Path) -> None:
    """Slices alike in the earlier run, and 60 % of one slice turned round in the later."""
    table = rows()
    scores = np.asarray(table["s"])
    turned = (np.asarray(table["g"]) == "b") & (np.arange(N) % 5 < 3)
    later = table.set_column(4, "s", pa.array(np.where(turned, 1 - scores, scores)))
    gates = [{"id": "fair", "metric": "selection_rate", "by": "g", "compare": "difference", "limit": "<= 1"}]
    both = audit(tmp_path / "may", table), audit(tmp_path / "june", later, gates=gates)
    result = compare(*both, tmp_path / "out")
    assert result.variants[0].findings.found == []
    told = render_text(result)
    assert "june decides" in told
    assert "may decides" not in told
    assert "Who pays" not in told
    page = Page(render_annex(result, charts=False)).text
    assert "From here on all figures are those of june." in page
    lines = [line for line in told.splitlines() if "fair" in line]
    assert lines == [
        "  gates[fair]: only in the later run: id: fair, metric: selection_rate, on: original, by: g, "
        "compare: difference, limit: <= 1"
    ]
    back = render_text(compare(*both[::-1], tmp_path / "back"))
    assert "  gates[fair]: only in the earlier run: id: fair, " in back


@pytest.mark.parametrize("meaning", ["benefit", "burden", None])
@pytest.mark.parametrize(("lost", "gained"), [(0, 3), (3, 0), (2, 3), (0, 0)])
def test_the_direction_is_said_in_the_words_of_what_a_decision_means(
    meaning: Any, lost: int, gained: int
) -> None:
    flips = Flips(slice={}, n=100, flips=lost + gained, rate=(lost + gained) / 100, gained=gained, lost=lost)
    text = plain(direction_words(flips, meaning))
    assert ("Every change" in text or "All one way" in text) == (bool(lost) != bool(gained))
    assert str(max(lost, gained)) in text
    assert ("favourable" in text, "burden" in text) == (meaning == "benefit", meaning == "burden")


def _called_a_burden(content: Any) -> None:
    content["data"]["positive_is"] = "burden"


def _without_gates(content: Any) -> None:
    content["configuration"]["gates"] = content["gates"] = []


def _cut_elsewhere(content: Any) -> None:
    content["variants"][0]["model"]["threshold"] = 0.9


@pytest.mark.parametrize("edit", [_called_a_burden, _without_gates, _cut_elsewhere])
@pytest.mark.parametrize("forged_first", [True, False])
def test_a_forged_run_is_not_compared(
    edit: Any, forged_first: bool, first: Path, second: Path, tmp_path: Path
) -> None:
    """Its manifest is rewritten, so that every file is as the manifest says."""
    forged = shutil.copytree(second, tmp_path / "forged")
    content = json.loads((forged / AUDIT).read_text())
    edit(content)
    (forged / AUDIT).write_text(json.dumps(content, indent=1) + "\n")
    _sign(forged)
    runs = (forged, first) if forged_first else (first, forged)
    with pytest.raises(InputError, match="is not what the predictions give"):
        compare(*runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _words_for_decisions(table: Any) -> Any:
    return table.set_column(table.column_names.index("y_pred"), "y_pred", pa.array(["x"] * len(table)))


def _sevens_for_decisions(table: Any) -> Any:
    return table.set_column(table.column_names.index("y_pred"), "y_pred", pa.array([7] * len(table)))


@pytest.mark.parametrize("edit", [None, _words_for_decisions, _sevens_for_decisions])
def test_predictions_that_no_audit_writes_are_one_line(
    edit: Any, first: Path, second: Path, tmp_path: Path
) -> None:
    forged = shutil.copytree(second, tmp_path / "forged")
    path = forged / "predictions" / "original.parquet"
    if edit is None:
        path.write_bytes(b"PAR1 nothing of the kind")
    else:
        pq.write_table(edit(pq.read_table(path)), path)
    _sign(forged)
    with pytest.raises(InputError) as caught:
        compare(first, forged, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
