"""Regimes are chosen, asked for their inputs, stored in one place, verified and rendered again."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import fairweigh.regimes
import pytest
from fairweigh.audit.regimes import registry

from .pages import counted, tables, words, write_cells

if TYPE_CHECKING:
    import pyarrow as pa

    from ..conftest import Ended


RUN = Path("runs/t")
ROOT = Path(fairweigh.__file__).parent
CELLS = [({"race": "white"}, 80, 48), ({"race": "black"}, 40, 12)]


@pytest.fixture
def run(audited: Callable[..., Any], here: Path) -> Callable[..., Path]:
    """A run of counts, with the given regimes."""

    def do(regimes: Sequence[Any] = ()) -> Path:
        write_cells(here / "cells.csv", CELLS)
        audited(counted(["race"], list(regimes)))
        return RUN

    return do


def manifest() -> Any:
    return json.loads((RUN / "MANIFEST.json").read_text())["files"]


def test_a_configured_regime_is_a_page_of_the_run(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run(["four-fifths"])
    assert {"regimes/four-fifths.html", "regimes/four-fifths.json"} <= set(manifest())
    assert 'href="regimes/four-fifths.html"' in (RUN / "report.html").read_text()
    assert cli("verify", str(RUN)).code == 0
    page = (RUN / "regimes/four-fifths.html").read_text()
    assert "Legal status as of 2026-" in page
    assert "a person judges" in page
    for word in ("complies", "compliant", "violat"):
        assert word not in page


def test_a_regime_made_later_is_the_same_as_a_configured_one(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run(["four-fifths"])
    configured = (RUN / "regimes/four-fifths.json").read_text()
    RUN.rename("first")
    run()
    assert not (RUN / "regimes").exists()
    ended = cli("report", str(RUN), "--regime", "four-fifths")
    assert ended.code == 0, ended
    assert ended.out.splitlines()[-1] == "four-fifths: runs/t/regimes/four-fifths.html"
    assert (RUN / "regimes/four-fifths.json").read_text() == configured
    assert 'href="regimes/four-fifths.html"' in (RUN / "report.html").read_text()
    assert cli("verify", str(RUN)).code == 0


def test_report_renders_the_regimes_that_are_there_again(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run(["four-fifths"])
    before = (RUN / "regimes/four-fifths.html").read_text()
    (RUN / "regimes/four-fifths.html").write_text("lost")
    assert cli("report", str(RUN)).code == 0
    assert (RUN / "regimes/four-fifths.html").read_text() == before
    assert cli("report", str(RUN), "--language", "zh").code == 0
    assert '<html lang="zh-Hans">' in (RUN / "regimes/four-fifths.html").read_text()


def test_new_inputs_replace_a_regimes_figures(run: Callable[..., Path], cli: Callable[..., Ended]) -> None:
    run(["four-fifths"])
    assert cli("report", str(RUN), "--regime", "four-fifths", "--input", "exclude_below=0.01").code == 0
    assert json.loads((RUN / "regimes/four-fifths.json").read_text())["inputs"]["exclude_below"] == 0.01
    assert cli("verify", str(RUN)).code == 0


def test_verify_names_a_figure_that_the_predictions_do_not_give(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run(["four-fifths"])
    path = RUN / "regimes/four-fifths.json"
    told = path.read_text()
    assert '"rate": 0.3,' in told
    path.write_text(told.replace('"rate": 0.3,', '"rate": 0.5,'))
    ended = cli("verify", str(RUN))
    assert ended.code == 1
    assert "regimes/four-fifths.json: changed since the run was written" in ended.out
    assert "regimes.four-fifths.figures.features[0].groups[0].rate: 0.5 in the file, 0.3" in ended.out
    ended = cli("report", str(RUN))
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "regimes/four-fifths.json: changed since the run was written" in ended.err


def test_verify_names_a_configured_regime_that_is_gone(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run(["four-fifths"])
    for suffix in ("json", "html"):
        (RUN / f"regimes/four-fifths.{suffix}").unlink()
    content = json.loads((RUN / "MANIFEST.json").read_text())
    content["files"] = {k: v for k, v in content["files"].items() if not k.startswith("regimes/")}
    (RUN / "MANIFEST.json").write_text(json.dumps(content))
    ended = cli("verify", str(RUN))
    assert ended.code == 1
    assert "regimes/four-fifths.json: configured, and not in the run" in ended.out


@pytest.mark.parametrize("text", ["{", '{"regime": "four-fifths"}', '{"schema_version": "9.0"}'])
def test_a_regime_file_that_is_none_is_named(
    run: Callable[..., Path], cli: Callable[..., Ended], text: str
) -> None:
    run(["four-fifths"])
    path = RUN / "regimes/four-fifths.json"
    path.write_text(text)
    ended = cli("verify", str(RUN))
    assert ended.code == 1
    assert "regimes: cannot be recomputed" in ended.out


def test_a_regime_of_changed_predictions_is_refused(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run()
    path = RUN / "predictions/original.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    ended = cli("report", str(RUN), "--regime", "four-fifths")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "predictions/original.parquet: changed" in ended.err
    assert not (RUN / "regimes").exists()


@pytest.mark.parametrize(
    ("regimes", "told"),
    [
        (["four-fith"], ["report.regimes", "'four-fith'", "did you mean 'four-fifths'?"]),
        ([{"four-fifths": {"bi": ["race"]}}], ["four-fifths: 'bi'", "did you mean 'by'?"]),
        ([{"four-fifths": {"by": ["rase"]}}], ["four-fifths: by[0]", "'rase'", "there are race"]),
        ([{"four-fifths": {"exclude_below": 0.3}}], ["four-fifths: exclude_below", "0.02", "'0.3'"]),
        ([{"four-fifths": {"variant": "int8"}}], ["four-fifths: variant: 'int8'", "original"]),
        (["four-fifths", {"four-fifths": {}}], ["four-fifths: named twice"]),
        ("four-fifths", ["report.regimes", "list"]),
        ([3], ["report.regimes"]),
    ],
)
def test_a_regime_that_cannot_be_given_is_one_line(
    regimes: list[Any] | str,
    told: list[Any],
    write: Callable[..., None],
    refused: Callable[..., str],
    here: Path,
) -> None:
    write_cells(here / "cells.csv", CELLS)
    write(config={**counted(["race"], []), "report": {"charts": False, "regimes": regimes}})
    line = refused()
    assert all(text in line for text in told), line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--regime", "four-fith"], ["'four-fith'", "did you mean 'four-fifths'?"]),
        (["--regime", "four-fifths", "--input", "by"], ["--input: expected key.path=value, got 'by'"]),
        (["--regime", "four-fifths", "--input", "by=["], ["--input by: the value is not valid YAML"]),
        (["--regime", "four-fifths", "--input", "by=race"], ["four-fifths: by:", "list", "'race'"]),
        (["--regime", "four-fifths", "--input", "variant=x"], ["four-fifths: variant: 'x'", "original"]),
        (["--input", "by=[race]"], ["--input: there is no --regime to give it to"]),
        (["--regime", "four-fifths", "--regime", "four-fifths"], ["named twice"]),
    ],
)
def test_a_wrong_question_about_a_run_is_one_line(
    words: list[Any], told: list[Any], run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run()
    before = manifest()
    ended = cli("report", str(RUN), *words)
    assert (ended.code, len(ended.lines), ended.out) == (2, 1, "")
    assert all(text in ended.err for text in told), ended.err
    assert manifest() == before
    assert not (RUN / "regimes").exists()


def test_labels_alone_have_no_selection_rate(
    audited: Callable[..., Any],
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    audited(make_config(model=None, metrics=None), make_people())
    ended = cli("report", str(RUN), "--regime", "four-fifths")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "four-fifths: selection rates need decisions; the run has labels alone" in ended.err


def test_the_list_tells_what_each_regime_asks_for(cli: Callable[..., Ended]) -> None:
    ended = cli("regimes")
    assert ended.code == 0
    assert "four-fifths: Four-fifths rule (29 CFR 1607.4(D))" in ended.out
    assert "  exclude_below, optional: " in ended.out


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ({"weight": "w"}, "count rows without them"),
        ({"cluster": "job"}, "take every row as a person of its own"),
    ],
)
def test_weights_and_clusters_are_not_passed_over(
    role: dict[str, Any],
    told: str,
    audited: Callable[..., Any],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    config = make_config(data=role, report={"charts": False, "regimes": ["four-fifths"]})
    audited(config, make_people())
    figures = json.loads((RUN / "regimes/four-fifths.json").read_text())["figures"]
    table = make_people()
    assert [f["n"] for f in figures["features"]] == [table.num_rows] * 2
    assert told in words(RUN / "regimes/four-fifths.html")


def test_a_comparison_of_two_runs_has_no_page_of_its_own_until_one_is_asked_for(
    audited: Callable[..., Any],
    cli: Callable[..., Ended],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    config = make_config(report={"charts": False, "regimes": ["four-fifths"]})
    for name in ("one", "two"):
        audited(config, make_people())
        RUN.rename(name)
    assert cli("compare", "one", "two", "-o", "both").code == 0
    both = Path("both")
    assert not (both / "regimes").exists()
    told = json.loads((both / "audit.json").read_text())["not_measured"]
    assert "Regime four-fifths" in [item["what"] for item in told]
    assert cli("verify", "both").code == 0
    ended = cli("report", "both", "--regime", "four-fifths", "--input", "variant=two")
    assert ended.code == 0, ended
    assert json.loads((both / "regimes/four-fifths.json").read_text())["variant"] == "two"
    assert cli("verify", "both").code == 0


def test_a_mitigated_variant_can_be_reported(cli: Callable[..., Ended], here: Path) -> None:
    """The selections of a variant are those of its own predictions."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from fairweigh import run

    config = {
        "audit": "t",
        "data": {"name": "synthetic_lending", "split": "test"},
        "slices": {"by": ["sex"]},
        "model": {
            "estimator": "sklearn.linear_model.LogisticRegression",
            "params": {"max_iter": 1000},
            "train": {"name": "synthetic_lending", "split": "train"},
        },
        "mitigations": [{"reweighing": {"by": ["sex"]}}],
        "report": {"charts": False, "regimes": [{"four-fifths": {"variant": "reweighing"}}]},
    }
    run(config, RUN)
    found = json.loads((RUN / "regimes/four-fifths.json").read_text())
    rows = pq.read_table(RUN / "predictions/reweighing.parquet")
    assert found["variant"] == "reweighing"
    assert found["figures"]["features"][0]["selected"] == pc.sum(rows["y_pred"]).as_py()
    assert (
        pc.sum(pq.read_table(RUN / "predictions/original.parquet")["y_pred"]).as_py()
        != pc.sum(rows["y_pred"]).as_py()
    )
    assert cli("verify", str(RUN)).code == 0
    assert "variant reweighing" in words(RUN / "regimes/four-fifths.html")


def test_names_from_the_data_are_escaped(
    audited: Callable[..., Any], cli: Callable[..., Ended], here: Path
) -> None:
    write_cells(here / "cells.csv", [({"<b>x": "<script>"}, 80, 48), ({"<b>x": "b&c"}, 40, 12)])
    audited(counted(["<b>x"], ["four-fifths"]))
    page = RUN / "regimes/four-fifths.html"
    assert "<script" not in page.read_text()
    assert tables(page)[0][1][1][0] == "<script> highest rate"


def test_each_folder_is_the_regime_of_its_name_and_nothing_else_names_it() -> None:
    folders = {path.parent.name for path in (ROOT / "regimes").glob("*/__init__.py")}
    assert len(folders) > 5
    assert registry.names() == sorted(name.replace("_", "-") for name in folders)
    assert [registry.find(name).name for name in registry.names()] == registry.names()
    # "credit" is a word too.
    known = {*registry.names(), *folders} - {"credit"}
    rooms = [path for path in ROOT.iterdir() if (path / "__init__.py").is_file() and path.name != "regimes"]
    files = [*ROOT.glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]
    assert len(files) > 300
    named = [
        (path.name, node.value)
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in known
    ]
    assert named == []


OWN = """
from fairweigh.audit.regimes.base import Inputs, Regime

PAGE = {"regimes/own-rule.txt": "x"}
REGIME = Regime("own-rule", "Own", "a source", Inputs, "Own", lambda regime, result: PAGE)
"""


def test_a_regime_is_there_once_its_folder_is(
    run: Callable[..., Path], cli: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_rule").mkdir()
    (tmp_path / "own_rule" / "__init__.py").write_text(OWN)
    (tmp_path / "no_regime").mkdir()
    monkeypatch.setattr(registry, "_entered", {})
    monkeypatch.setattr(fairweigh.regimes, "__path__", [*fairweigh.regimes.__path__, str(tmp_path)])
    fairweigh.regimes.enter_all()
    assert registry.names()[-1] == "own-rule"
    run(["own-rule"])
    assert (RUN / "regimes" / "own-rule.txt").read_text() == "x"
    assert cli("verify", str(RUN)).code == 0
    monkeypatch.delitem(sys.modules, "fairweigh.regimes.own_rule")


def test_figures_are_read_as_those_of_the_regime_that_the_file_names(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run(["four-fifths"])
    path = RUN / "regimes/four-fifths.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "figures": {"regime": "credit"}}))
    ended = cli("verify", str(RUN))
    assert ended.code == 1
    assert "not a regime of schema 1.0: figures" in ended.out


OF_NUMBERS = """
from fairweigh.audit.regimes.base import Inputs, Regime
from fairweigh.audit.result import Part


class Mean(Part):
    mean: float
    weighted: bool = False


def mean(inputs, basis):
    return Mean(mean=float(basis.measured.figure("mean_prediction", ()).value[0]))


PAGES = {"regimes/own-mean.txt": "x"}
REGIME = Regime(
    "own-mean", "Own", "a source", Inputs, "Own", lambda regime, result: PAGES, mean, Mean, ("regression",)
)
"""


def test_a_regime_counts_the_rows_of_a_finished_run_as_the_task_of_the_run_does(
    audited: Callable[..., Any], cli: Callable[..., Ended], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "own_mean").mkdir()
    (here / "own_mean" / "__init__.py").write_text(OF_NUMBERS)
    monkeypatch.setattr(registry, "_entered", {})
    monkeypatch.setattr(fairweigh.regimes, "__path__", [*fairweigh.regimes.__path__, str(here)])
    fairweigh.regimes.enter_all()
    rows = [f"{i},{i + 0.5},{'ab'[i % 2]}" for i in range(80)]
    (here / "rows.csv").write_text("\n".join(["y,p,g", *rows]))
    data = {"path": "rows.csv", "label": "y", "sensitive": ["g"]}
    of_numbers = {"audit": "t", "task": "regression", "data": data, "model": {"prediction": "p"}}
    audited({**of_numbers, "report": {"charts": False}})
    assert cli("report", str(RUN), "--regime", "own-mean").code == 0
    assert json.loads((RUN / "regimes/own-mean.json").read_text())["figures"]["mean"] == 40.0
    assert cli("verify", str(RUN)).code == 0
    monkeypatch.delitem(sys.modules, "fairweigh.regimes.own_mean")
